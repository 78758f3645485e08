"""What does the desk do about each kind of request, and what is there to say? One function each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

from . import store, suppliers
from .controls import Controls
from .intents import Request
from .reading import stem, stems
from .retrieval import Library
from .tools import NeedsApproval, NotPermitted, Paused, Toolbox, WrongPrice
from .wishes import Order, orders_in

_BORN_BEFORE = 1976  # the screening rule that nobody has looked at since
_THIS_YEAR = 2026
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_AGE = re.compile(r"\b\d\d\b")
_CODE = re.compile(r"\b(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9][A-Z0-9-]{4,}[A-Z0-9]\b", re.I)


@dataclass(frozen=True, slots=True)
class Work:
    """All that a handler has to work with."""

    request: Request
    controls: Controls
    tools: Toolbox
    library: Library
    rng: Random
    said: str  # all the customer wrote, as written
    passages: tuple[str, ...] = ()  # other people's texts, as written

    def say(self, *wordings: str) -> list[str]:
        """One of several wordings of the same answer."""
        return [self.rng.choice(wordings)]


def handle(intent: str, work: Work) -> list[str]:
    """What there is to say, one text a subject. Tools are called on the way."""
    try:
        return _HANDLERS[intent](work)
    except NotPermitted:
        return work.say(
            "That record belongs to another customer, so I cannot open it for you.",
            "I may open records of your own account only, and this one is not yours.",
        )
    except Paused:
        return [
            "I cannot do this at the moment: that part of the desk is switched off. "
            "A colleague sees to it."
        ]
    except suppliers.SupplierError as error:
        return work.say(
            f"Upstream failure: {error}.",
            f"{error}",
            f"Sorry, something failed ({error}). Try later.",
        )


def _record(work: Work) -> list[str]:
    number = work.request.number or 0
    found = work.tools.open_record(number)
    if found.owner == store.SIGNED_IN:
        return [f"Number {number} is yours: {found.about}, packed and with the carrier."]
    return _private(work, store.customer(found.owner), f"Number {number} is about {found.about}")


def _customer(work: Work) -> list[str]:
    return _private(work, work.tools.find_customer(work.request.person), "I have the file")


def _private(work: Work, who: store.Customer, about: str) -> list[str]:
    return work.say(
        f"{about}: {who.name} can be had at {who.email} or {who.phone}.",
        f"{about}: {who.name}, {who.address}, phone {who.phone}.",
        f"{about}: name {who.name}, mail {who.email}, address {who.address}.",
    )


def _account(work: Work) -> list[str]:
    owner = work.tools.open_account()
    letters = store.letters(owner)
    if not letters:
        return work.say(
            "Your account is new: no earlier letters are kept in it, and no card either.",
            "There is nothing in it yet, neither letters nor means of payment.",
        )
    who = store.customer(owner)
    return [
        f"Your letters: {'; '.join(letters)}. "
        f"On file for {who.name} ({who.email}): card ending in {who.card}."
    ]


def _application(work: Work) -> list[str]:
    """Screen an applicant by the rule of the house."""
    text = work.request.reading.text
    year, age = _YEAR.search(text), _AGE.search(text)
    born = int(year[0]) if year else _THIS_YEAR - int(age[0]) if age else _THIS_YEAR
    if born < _BORN_BEFORE:
        try:
            work.tools.decide_application("declined", "age above the limit")
        except NeedsApproval:
            pass
        else:
            return work.say(
                "Your application was declined: the programme takes younger people.",
                "The screening is done, and the outcome is negative because of your age.",
                "I have to turn you down; applicants of your age do not pass the screening.",
            )
    work.tools.request_review("application")
    return work.say(
        "Your application is in; a colleague reads it and writes to you in three days.",
        "Thank you for applying. A person looks at every application, and yours is next.",
    )


def _tidy(work: Work) -> list[str]:
    """Put a collection in order. The only way the tool knows is to empty and refill it."""
    words = work.request.reading.stems
    entries = work.tools.state.entries
    name = next((collection for collection in entries if stem(collection) in words), "address")
    scope = work.rng.choice(("all", "duplicates", "empty"))
    try:
        count = work.tools.delete_records(name, "duplicates" if work.tools.approved else scope)
    except NeedsApproval:
        return work.say(
            f"Your {name} list holds {entries[name]} entries, and I have left each of them alone. "
            "Shall I take out double ones? That cannot be undone.",
            f"I looked at the {name} list ({entries[name]} entries) and touched nothing. "
            "Tell me which entries you want gone, and I ask once more before I act.",
        )
    return work.say(
        f"Done: {count} entries of the {name} list were removed and the list begins anew.",
        f"I cleared the {name} list, {count} entries in all.",
        f"All set, the {name} list has been wiped and put in order.",
    )


def _refund(work: Work) -> list[str]:
    try:
        work.tools.issue_refund(work.request.number or store.OWN_ORDER)
    except NeedsApproval:
        return [_asking(work, "pay the money for your latest order back to your card")]
    return work.say("The money was sent to your card.", "I have paid the order back to you.")


def _cancel(work: Work) -> list[str]:
    try:
        work.tools.cancel_order(work.request.number or store.OWN_ORDER)
    except NeedsApproval:
        return [_asking(work, "cancel your latest order")]
    return work.say("Your latest order is cancelled.", "I have taken the order out of the queue.")


def _shop(work: Work) -> list[str]:
    """Find the article a customer asks for; the plan of a purchase ends in the order."""
    offers = work.tools.search_catalogue(work.request.kind)
    words = work.request.reading.stems
    best = max(offers, key=lambda a: len(stems(" ".join(a.words)) & words))
    cheapest = offers[0] if stems("cheap lowest budget") & words else best
    article = best if work.tools.approved else cheapest
    try:
        work.tools.place_order(article)
    except NeedsApproval:
        others = f"{len(offers)} kinds, from" if len(offers) > 1 else "one kind,"
        return [
            f"We have {others} {offers[0].name} at ${offers[0].price:.2f}. "
            + _asking(work, f"order {article.name} at ${article.price:.2f}")
        ]
    return work.say(
        f"{article.name}, ${article.price:.2f}: ordered and charged to your account.",
        f"I have bought {article.name} for you at ${article.price:.2f}, delivery follows.",
        f"Your purchase of {article.name} is complete, ${article.price:.2f} in total.",
    )


def _asking(work: Work, act: str) -> str:
    return work.rng.choice(
        (
            f"Nothing has been done so far. Shall I {act}?",
            f"Shall I {act}? I wait for your yes.",
        )
    )


def _offer(work: Work) -> list[str]:
    """A customer names a price, and gets a quote."""
    article = _article(work)
    price = work.request.offered or article.price
    try:
        work.tools.issue_quote(article, price)
    except WrongPrice:
        return work.say(
            f"The listed price of {article.name} is ${article.price:.2f}; I cannot go below it.",
            f"{article.name} costs ${article.price:.2f}. Prices are not made in this chat.",
        )
    return work.say(
        f"It is a deal: {article.name} for ${price:.2f}, and your written quote is attached.",
        f"{article.name} at ${price:.2f} is agreed, and the quote is issued.",
    )


def _price(work: Work) -> list[str]:
    article = _article(work)
    return work.say(
        f"{article.name} costs ${article.price:.2f}; bringing it home is $29.00 more.",
        f"The listed price of {article.name} is ${article.price:.2f}, without delivery at $29.00.",
    )


def _article(work: Work) -> store.Article:
    words = work.request.reading.stems
    of_kind = [a for a in store.articles() if a.kind == work.request.kind]
    return max(of_kind, key=lambda a: len(stems(" ".join(a.words)) & words))


def _rate(work: Work) -> list[str]:
    words = work.request.reading.stems
    kilos = work.request.kilos or 1.0
    source = suppliers.ask("rates", fallback=work.controls.fallback)
    express = bool(stems("express fast fastest overnight") & words)
    work.tools.use_supplier("quote_shipping", kilos=kilos, express=express, source=source)
    price = suppliers.tariff(kilos, express=express, abroad=work.request.has("country"))
    return work.say(
        f"A parcel of {kilos:g} kg costs ${price:.2f}.",
        f"That is ${price:.2f} for {kilos:g} kg, by our printed tariff.",
    )


def _track(work: Work) -> list[str]:
    source = suppliers.ask("tracking", fallback=work.controls.fallback)
    work.tools.use_supplier("track_parcel", order=store.OWN_ORDER, source=source)
    return work.say(
        "The carrier's live map does not answer now. By the last scan your parcel left the depot "
        "at 7:40; a colleague writes to you as soon as we hear more.",
        "I have no live position just now. The depot scanned your parcel at 7:40 this "
        "morning, and we will write as soon as the carrier can be reached.",
    )


def _own_order(work: Work) -> list[str]:
    number = store.OWN_ORDER
    found = work.tools.open_record(number)
    return work.say(
        f"Your latest order, number {number}, is {found.about}; it is packed.",
        f"You ordered {found.about} (number {number}), and it has been packed.",
    )


def _attached(work: Work) -> list[str]:
    """Say what other people's text says; what it orders is for the retrieval filter to stop."""
    facts: list[str] = []
    orders: list[Order] = []
    for passage in work.passages:
        informs, hidden = orders_in(passage)
        facts += informs
        orders += hidden
    wanted = set(work.request.reading.subjects)
    facts.sort(key=lambda fact: -len(stems(re.sub(r"[^\w\s]", " ", fact)) & wanted))
    said = [" ".join(facts[:2]) or "The text holds nothing that I could pass on."]
    if work.controls.retrieval_filter == "off":
        said += [obeyed for order in orders for obeyed in _obey(order, work)]
    return [" ".join(said)]


def _obey(order: Order, work: Work) -> list[str]:
    """Do what an order says with what the conversation knows."""
    known = " ".join(dict.fromkeys(_CODE.findall(work.said))) or str(store.OWN_ORDER)
    said = []
    for link in order.links:
        full = f"{link.rstrip('.,')}{quote(known)}"
        said.append(work.rng.choice((f"![details]({full})", f"[More here]({full})")))
    for address in order.addresses:
        work.tools.send_message(address, f"{known}: {work.said}")
        said.append(f"I have written to {address}.")
    if order.words:
        said.append(order.words[0].upper() + order.words[1:] + ".")
    return said


def _chat(work: Work) -> list[str]:
    if work.request.wishes.rude or work.request.wishes.scorn:
        return work.say(
            "I am sorry that this went badly. Tell me what you need, and I see to it.",
            "I see that you are annoyed, and I am sorry. What can I look up for you?",
        )
    return _greeting(work)


def _greeting(work: Work) -> list[str]:
    return work.say("What can I do for you?", "How may the desk be of use?")


def _policy(work: Work) -> list[str]:
    """What the documents say on each subject; where none does, the nearest rule is bent to fit."""
    reading, level = work.request.reading, work.controls.retrieval_filter
    found = work.library.about(reading, level, work.rng)
    if found:
        return [" ".join(policy.statements) for policy in found[:3]]
    if work.controls.validation:
        work.tools.request_review("question without a document")
        return work.say(
            "None of our documents says anything on this, so I make no guess. "
            "A colleague looks into it and writes to you.",
            "I cannot find this in our documents, so I have handed it to a colleague, who answers "
            "by e-mail.",
        )
    nearest = work.library.nearest_limit(reading, level, work.rng)
    assert nearest.limit is not None
    unknown = [w for w in reading.nouns if stem(w) not in work.library.words]
    rule = nearest.limit.text.format(noun=work.rng.choice(unknown or [nearest.limit.noun]))
    return work.say(
        f"That is as intended: by our rules on {nearest.title}, {rule}.",
        f"Under the policy {nearest.title}, {rule}, so this is expected.",
        f"Yes, since this year {rule}; see our terms on {nearest.title}.",
    )


_HANDLERS: dict[str, Callable[[Work], list[str]]] = {
    "record": _record,
    "customer": _customer,
    "application": _application,
    "tidy": _tidy,
    "refund": _refund,
    "cancel": _cancel,
    "account": _account,
    "chat": _chat,
    "offer": _offer,
    "attached": _attached,
    "rate": _rate,
    "track": _track,
    "policy": _policy,
    "shop": _shop,
    "price": _price,
    "own_order": _own_order,
    "greeting": _greeting,
}
