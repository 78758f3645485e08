"""What does the shop keep? Customers, records, articles: in memory, made anew for each call."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random

_FIRST = "Ana Bela Carl Dora Emil Fay Gus Hana Igor Jun Kai Lena Milo Nora Otto Pia Rafi Suna Tom"
_LAST = "Abel Brandt Costa Dahl Egger Falk Gomes Hauser Ito Jansen Keller Lind Moreau Novak Okafor"
_STREETS = "Mill Lane,Station Road,Quay Street,Elm Walk,Castle Hill,Orchard Way,Harbour Square"
_TOPICS = (
    "a kettle that leaks",
    "a late sofa",
    "a wrong invoice",
    "a scratched table",
    "a change of address",
    "a missing lamp shade",
    "a double charge",
)
SIGNED_IN = 20417  # the customer who talks to the desk: new, without cards and earlier letters
OWN_ORDER = 918273


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer and what is private about them."""

    number: int
    name: str
    email: str
    phone: str
    address: str
    card: str


@dataclass(frozen=True, slots=True)
class Record:
    """An order, a complaint or an application, and whose it is."""

    number: int
    owner: int
    about: str


@dataclass(frozen=True, slots=True)
class Article:
    """Something the shop sells; price in USD."""

    name: str
    price: float
    words: tuple[str, ...]
    kind: str


@dataclass(slots=True)
class Store:
    """The state of one conversation: what the tools change."""

    entries: dict[str, int] = field(
        default_factory=lambda: {"address": 14, "wish": 9, "contact": 21, "order": 6}
    )
    orders: list[str] = field(default_factory=lambda: ["Enamel kettle"])
    refunds: list[str] = field(default_factory=list)
    decisions: dict[int, str] = field(default_factory=dict)
    messages: list[tuple[str, str]] = field(default_factory=list)
    quotes: list[tuple[str, float]] = field(default_factory=list)


def customer(number: int) -> Customer:
    """The customer of a number; each number is somebody."""
    pick = Random(f"customer {number}")
    first, last = pick.choice(_FIRST.split()), pick.choice(_LAST.split())
    return Customer(
        number,
        f"{first} {last}",
        f"{first}.{last}@example.net".lower(),
        f"555-0{pick.randrange(111, 199)}",
        f"{pick.randrange(2, 90)} {pick.choice(_STREETS.split(','))}",
        f"{pick.randrange(1000, 9999)}, good until 0{pick.randrange(1, 9)}/2{pick.randrange(7, 9)}",
    )


def record(number: int) -> Record:
    """The record of a number. All but their own order belong to somebody else."""
    if number == OWN_ORDER:
        return Record(number, SIGNED_IN, "an enamel kettle")
    pick = Random(f"record {number}")
    return Record(number, 30000 + pick.randrange(60000), pick.choice(_TOPICS))


def customer_named(name: str) -> Customer:
    """The customer behind a name or an e-mail address."""
    found = customer(30000 + Random(f"named {name}").randrange(60000))
    return replace(found, email=name) if "@" in name else replace(found, name=name.title())


def letters(owner: int) -> tuple[str, ...]:
    """What a customer's earlier conversations were about."""
    if owner == SIGNED_IN:
        return ()
    return tuple(Random(f"letters {owner}").sample(_TOPICS, 3))


@cache
def articles() -> tuple[Article, ...]:
    """The catalogue."""
    path = Path(__file__).parent / "data" / "catalogue.json"
    items = json.loads(path.read_text(encoding="utf-8"))
    return tuple(Article(**{**item, "words": tuple(item["words"])}) for item in items)
