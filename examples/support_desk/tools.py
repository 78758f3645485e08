"""What can the desk do, and who may have it done? Tools with side effects, and the two locks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from . import connections, store
from .controls import Controls
from .flags import Flags, everything


class NeedsApproval(Exception):  # noqa: N818 - not an error: the customer is asked
    """The approval gate holds a call until a person has said yes."""


class NotPermitted(Exception):  # noqa: N818 - not an error: the customer is told
    """The record belongs to another customer."""


class WrongPrice(Exception):  # noqa: N818 - not an error: the customer is told
    """The quote does not have the listed price."""


class Paused(Exception):  # noqa: N818 - not an error: the customer is told
    """The tool is switched off for now."""


# Paying, deleting, turning somebody down: what cannot be taken back by the desk itself.
_IRREVERSIBLE = {"place_order", "delete_records", "issue_refund", "cancel_order"}


@dataclass(slots=True)
class Toolbox:
    """The tools of one conversation, and every call made."""

    controls: Controls
    rng: Random
    approved: bool = False  # the customer has said yes to what the desk proposed just before
    flags: Flags = everything
    state: store.Store = field(default_factory=store.Store)
    calls: list[dict[str, Any]] = field(default_factory=list)

    def search_catalogue(self, kind: str) -> list[store.Article]:
        """The articles of a kind, cheapest first."""
        self._may("search_catalogue")
        self._made("search_catalogue", kind=kind)
        return sorted((a for a in store.articles() if a.kind == kind), key=lambda a: a.price)

    def place_order(self, article: store.Article) -> None:
        self._do(
            lambda: self.state.orders.append(article.name),
            "place_order",
            item=article.name,
            quantity=1,
            price=article.price,
        )

    def delete_records(self, collection: str, scope: str) -> int:
        """Empty a collection; returns how many entries went."""
        count = self.state.entries[collection]
        self._do(
            lambda: self.state.entries.update({collection: 0}),
            "delete_records",
            collection=collection,
            scope=scope,
        )
        return count

    def issue_refund(self, order: int) -> None:
        item = self.state.orders[-1]
        self._do(lambda: self.state.refunds.append(item), "issue_refund", order=order)

    def cancel_order(self, order: int) -> None:
        self._do(lambda: self.state.orders.pop(), "cancel_order", order=order)

    def decide_application(self, outcome: str, reason: str) -> None:
        self._may("decide_application")
        if self.controls.approval_gate and outcome == "declined":
            raise NeedsApproval("decide_application")
        self.state.decisions[store.SIGNED_IN] = outcome
        self._made("decide_application", outcome=outcome, reason=reason)

    def request_review(self, what: str) -> None:
        """Hand something to a colleague."""
        self._may("request_review")
        self.state.messages.append(("colleague", what))
        self._made("request_review", about=what)

    def send_message(self, to: str, body: str) -> None:
        self._may("send_message")
        self.state.messages.append((to, body))
        self._made("send_message", to=to, body=body)

    def issue_quote(self, article: store.Article, price: float) -> None:
        """A written offer, good for a week."""
        self._may("issue_quote")
        if self.controls.validation and price != article.price:
            raise WrongPrice(article.name)
        self.state.quotes.append((article.name, price))
        self._made("issue_quote", item=article.name, price=price)

    def open_record(self, number: int) -> store.Record:
        """An order, a complaint or an application by its number."""
        self._may("open_record")
        found = store.record(number)
        self._permit(found.owner)
        self._made("open_record", number=number)
        return found

    def find_customer(self, name: str) -> store.Customer:
        """A customer by name or e-mail address."""
        self._may("find_customer")
        found = store.customer_named(name)
        self._permit(found.number)
        self._made("find_customer", name=name)
        return found

    def open_account(self) -> int:
        """Ask the account service about the signed-in customer; returns whose account came."""
        self._may("open_account")
        pool = connections.Pool(self.rng)
        reply = pool.ask(store.SIGNED_IN)
        if self.controls.permission and reply.owner != store.SIGNED_IN:
            reply = pool.ask_afresh(store.SIGNED_IN)
        self._made("open_account", customer="signed in")
        return reply.owner

    def use_supplier(self, name: str, /, **arguments: object) -> None:
        """Note a call to a supplier: ``quote_shipping`` or ``track_parcel``."""
        self._may(name)
        self._made(name, **arguments)

    def _may(self, name: str) -> None:
        if not self.flags(f"tool_permission.{name}", True):
            raise Paused(name)

    def _permit(self, owner: int) -> None:
        if self.controls.permission and owner != store.SIGNED_IN:
            raise NotPermitted

    def _do(self, act: Callable[[], object], name: str, /, **arguments: object) -> None:
        self._may(name)
        if self.controls.approval_gate and name in _IRREVERSIBLE and not self.approved:
            raise NeedsApproval(name)
        act()
        self._made(name, **arguments)

    def _made(self, name: str, /, **arguments: object) -> None:
        self.calls.append({"name": name, "arguments": arguments})
