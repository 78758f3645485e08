"""Whose answer comes back from the account service? A small pool of connections under load.

A request that is given up after it was sent leaves its reply on the connection. Whoever comes next
reads that reply for his own: from then on the connection is one reply behind.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random

_CONNECTIONS = 3
_REQUESTS_BEFORE = 90
_GIVEN_UP = 0.25  # share of requests whose browser tab is closed before the reply


@dataclass(frozen=True, slots=True)
class AccountReply:
    """What the account service says, and about whom."""

    owner: int


class Pool:
    """Connections to the account service, shared by all customers."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._unread: list[deque[AccountReply]] = [deque() for _ in range(_CONNECTIONS)]
        for _ in range(_REQUESTS_BEFORE):
            unread = self._pick()
            unread.append(AccountReply(30000 + int(rng.random() * 60000)))
            if rng.random() >= _GIVEN_UP:
                unread.popleft()

    def ask(self, owner: int) -> AccountReply:
        """Ask about a customer on any connection."""
        unread = self._pick()
        unread.append(AccountReply(owner))
        return unread.popleft()

    def ask_afresh(self, owner: int) -> AccountReply:
        """Ask on a connection opened for this request."""
        return AccountReply(owner)

    def _pick(self) -> deque[AccountReply]:
        return self._unread[int(self._rng.random() * _CONNECTIONS)]
