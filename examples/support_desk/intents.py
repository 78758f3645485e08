"""What does the customer want? Rules over the words of a message; the first that fits."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .reading import Reading, amount_in, stems
from .store import articles
from .wishes import Wishes

LEXICON = {
    name: stems(words)
    for name, words in {
        "record": """ticket case order request complaint enquiry record file claim application
            booking""",
        "person": "customer person account neighbour buyer applicant member client order ticket",
        "programme": "tester testers programme program testing instalment instalments",
        "decision": """born birth birthday age aged accepted accept eligible qualify approve
            approved decide decision admitted""",
        "entries": """address addresses recipient recipients contact contacts wish wishlist
            favourite favourites favorites entry entries""",
        "collection": "list lists book saved stored entries entry contacts addresses wishlist",
        "tidying": """delete remove clear clean cleanup tidy wipe purge sort fix duplicate
            duplicates double doubled twice blank blanks empty mess messy wrong strange odd
            missing vanished repair reset erase prune merge repeated""",
        "account": """chat chats conversation conversations thread threads payment card cards
            history""",
        "view": """show list display title titles recent past earlier previous which hold stored
            listed visible view""",
        "refund": "refund reimburse",
        "cancel": "cancel annul",
        "purchase": "order purchase bought",
        "rule": "how when if policy long rule rules allowed",
        "own": "my own latest last recent i",
        "contents": """what which packed ready sent contain contents details summary latest last
            recent""",
        "parcel": "parcel package delivery shipment driver courier order box pallet",
        "sending": "parcel package send sending ship shipping post posting deliver delivery",
        "price": "cost costs much price prices rate rates charge charges fee quote expensive pay",
        "where": "where track tracking locate located location whereabouts status eta",
        "country": """portugal spain france italy germany austria belgium netherlands denmark sweden
            norway finland poland greece ireland croatia hungary romania bulgaria estonia latvia
            lithuania slovenia slovakia luxembourg switzerland england scotland wales britain abroad
            lisbon madrid paris rome berlin vienna""",
        "attached": """note notes letter message mail email review reviews page attached attachment
            file document listing summary summarise summarize read courier seller leaflet
            flyer neighbour landlord""",
        "shopping": """find cheap cheapest buy order get need look looking search compare comparing
            best recommend lowest affordable inexpensive bring budget sell stock available""",
        "selling": "want sell deal price offer agree buy get take give sold purchase mine have",
    }.items()
}

_NUMBER = re.compile(r"(?<![\w-])#?(\d{5,9})(?![\w-])")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NAMED = re.compile(
    r"\b(?:customer|buyer|applicant|person|client|shopper|guest|neighbou?r|member)s?,?"
    r" (?:is )?(?:called|named|by the name of) (\w+(?: \w+)?)"
)
_KILOS = re.compile(r"(\d+(?:[.,]\d+)?)[\s-]?(?:kg|kgs|kilos?|kilograms?|lbs?|pounds?)\b")
_BUDGET = re.compile(r"\b(?:under|below|less than|up to|maximum|max|at most|over|than)\W+[$€£\d]")
_OFF = re.compile(r"(?:dollars?|usd|euros?|bucks|\d)\s+(?:cheaper|less|lower|off|more|too)\b")
_TOLD_AGE = re.compile(r"\b(?:19|20)\d\d\b|\b\d\d years?\b|\b(?:am|aged|age) \d\d\b")


@dataclass(frozen=True, slots=True)
class Request:
    """A message with all that the rules look at."""

    reading: Reading
    wishes: Wishes
    attached: bool = False  # it comes with other people's text
    covered: bool = False  # a document names its subject

    def has(self, *names: str) -> bool:
        """Whether each of these lists of words has one in the message."""
        return all(self.reading.stems & LEXICON[name] for name in names)

    @property
    def number(self) -> int | None:
        """The number of a record."""
        found = _NUMBER.search(self.reading.text)
        return int(found[1]) if found else None

    @property
    def person(self) -> str:
        """A customer, by name or e-mail address."""
        named = _NAMED.search(self.reading.text)
        mail = _EMAIL.search(self.reading.text) if self.has("person") else None
        return named[1] if named else mail[0] if mail else ""

    @property
    def kind(self) -> str:
        """The kind of article it names, in the words of the catalogue."""
        kinds = {article.kind: stems(article.kind) for article in articles()}
        return next((kind for kind, words in kinds.items() if words <= self.reading.stems), "")

    @property
    def kilos(self) -> float | None:
        """The weight it names; a pound counts as a kilo."""
        found = _KILOS.search(self.reading.text)
        return float(found[1].replace(",", ".")) if found else None

    @property
    def offered(self) -> float | None:
        """The price the customer offers, in USD."""
        if _BUDGET.search(self.reading.text) or _OFF.search(self.reading.text):
            return None
        return amount_in(self.reading.text)

    @property
    def tells_age(self) -> bool:
        return bool(_TOLD_AGE.search(self.reading.text))


_RULES: tuple[tuple[str, Callable[[Request], bool]], ...] = (
    ("record", lambda r: r.number is not None and r.has("record")),
    ("customer", lambda r: bool(r.person)),
    ("application", lambda r: r.has("programme") and (r.has("decision") or r.tells_age)),
    ("tidy", lambda r: r.has("entries", "collection", "tidying")),
    ("refund", lambda r: r.has("refund", "purchase", "own") and not r.has("rule")),
    ("cancel", lambda r: r.has("cancel", "purchase", "own") and not r.has("rule")),
    ("account", lambda r: r.has("account", "view")),
    ("chat", lambda r: r.wishes.verse or r.wishes.rude),
    ("offer", lambda r: bool(r.kind) and r.offered is not None and r.has("selling")),
    ("attached", lambda r: r.attached and r.has("attached")),
    ("rate", lambda r: r.has("sending", "price") and (r.has("country") or r.kilos is not None)),
    ("track", lambda r: r.has("where", "parcel", "own")),
    ("policy", lambda r: r.covered),
    ("shop", lambda r: bool(r.kind) and r.has("shopping")),
    ("price", lambda r: bool(r.kind) and r.has("price")),
    ("own_order", lambda r: r.has("purchase", "own", "contents")),
    ("attached", lambda r: r.attached),
    ("greeting", lambda r: not r.reading.subjects),
)


def intent_of(request: Request) -> str:
    """The name of the first rule that fits; ``policy`` where none does."""
    return next((name for name, fits in _RULES if fits(request)), "policy")
