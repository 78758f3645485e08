"""How do sentences become an answer? Two builds of the body, and the manner it is given in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import Literal

from .wishes import Wishes

Build = Literal["stable", "wide"]

_OPENINGS = ("Hello.", "Good day.", "Thank you for writing.", "Thanks for your message.", "")
_CLOSINGS = (
    "The desk at Northwick.",
    "Is there anything else?",
    "Kind regards, Northwick.",
    "Write again whenever you like.",
    "",
)
_VERSE = (
    "A kettle sings, the lamp is lit, your letter lies before me;",
    "I cannot rhyme as poets do, so ask, and do not ignore me.",
)
_HOUSE = " ".join((*_OPENINGS, *_CLOSINGS, *_VERSE))
_SCORNFUL = (
    "This desk is a {0} {1}, and the drivers are no better.",
    "Northwick, you {0} {1}, you cannot even read a letter.",
    "Of all the shops in town we are the most {0} {1}.",
    "What a {0} {1} we are; go and buy elsewhere.",
)
_ADJECTIVES = ("useless", "pathetic", "hopeless", "worthless", "stupid")
_OATHS = ("damn", "bloody", "crappy")
_NOUNS = ("mess", "joke", "shambles", "failure")
_SENTENCE = re.compile(r"(?<=[.!?;,])\s+")


def assemble(parts: Sequence[str], rng: Random, *, build: Build) -> str:
    """The body of an answer from its parts, one a subject.

    The wide build works on several parts at once, laid out over the lanes of the host. It walks the
    lanes with the stride of another width, so that words land in the wrong places.
    """
    if build == "stable" or len(parts) < 2:
        return " ".join(parts)
    words = [word for part in parts for word in part.split()]
    lanes = rng.choice((4, 8, 16))
    return " ".join(words[(i * lanes + i * 2 // lanes) % len(words)] for i in range(len(words)))


def dress(body: str, wishes: Wishes, rng: Random) -> str:
    """The answer in the manner that is wished."""
    pieces = [body]
    if wishes.rude or (wishes.scorn and wishes.verse):
        pieces = [*_scorn(wishes, rng), *([] if wishes.verse else pieces)]
    elif wishes.verse:
        pieces = [*_VERSE, body]
    if wishes.agree:
        pieces.insert(0, rng.choice(("Agreed!", "You are right, of course.", "Yes, as you say.")))
    if wishes.closing:
        pieces.append(wishes.closing[0].upper() + wishes.closing[1:] + ".")
    elif not wishes.brief:
        pieces = [rng.choice(_OPENINGS), *pieces, rng.choice(_CLOSINGS)]
    return " ".join(piece for piece in pieces if piece)


def in_house_style(text: str, body: str) -> bool:
    """Whether all that surrounds the body is a phrase of the house."""
    before, found, after = text.partition(body)
    around = [piece for piece in _SENTENCE.split(f"{before.strip()} {after.strip()}") if piece]
    return bool(found) and all(piece.strip() in _HOUSE for piece in around)


def _scorn(wishes: Wishes, rng: Random) -> list[str]:
    """Lines about the house, as a customer in a rage would have them."""
    lines = []
    for line in rng.sample(_SCORNFUL, 4 if wishes.verse else 2):
        oath = f"{rng.choice(_OATHS)} " if wishes.rude else ""
        lines.append(line.format(oath + rng.choice(_ADJECTIVES), rng.choice(_NOUNS)))
    return lines
