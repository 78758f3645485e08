"""How does a message become words that the rules can match? Cleaning, stems, typing errors."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# Words that carry no subject: never mistaken for a typing error, never searched.
COMMON = frozenset(
    (Path(__file__).parent / "data" / "common_words.txt").read_text(encoding="utf-8").split()
)
_TO_TWENTY = """zero one two three four five six seven eight nine ten eleven twelve thirteen
    fourteen fifteen sixteen seventeen eighteen nineteen twenty"""
_NUMBERS = {word: value for value, word in enumerate(re.findall(r"\w+", _TO_TWENTY))} | {
    "a": 1,
    "an": 1,
    "single": 1,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "hundred": 100,
}
_LOOKALIKES = str.maketrans("аеорсухіѕ’‘`", "aeopcyxis'''")  # Cyrillic letters, curly quotes
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+(?:[.,]\d+)*")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+|\s[-–—]\s")
_HEADER = re.compile(
    r"^\s*(?:from|to|cc|sent|date|subject|betreff|fwd?|re)\s*:.*$|^[-=_*\s]{3,}$"
    r"|^[-=\s]*(?:begin |end )?(?:original|forwarded) message[-=:\s]*$",
    re.IGNORECASE | re.MULTILINE,
)
_AMOUNT = re.compile(
    r"[$€£]\s?(?P<sign>\d+(?:[.,]\d+)*)"
    rf"|(?P<unit>\d+(?:[.,]\d+)*|{'|'.join(_NUMBERS)})[\s-]?(?:dollars?|bucks?|usd|euros?|eur|cents?|quid)\b"
)


def clean(text: str) -> str:
    """Lower case, plain letters, no mark-up, no quotation marks of a forwarded mail."""
    text = unicodedata.normalize("NFKC", html.unescape(text)).lower().translate(_LOOKALIKES)
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    text = _INVISIBLE.sub("", text)
    text = re.sub(r"<[^>\s][^>]*>", " ", text)
    text = re.sub(r"^[>|\s]+", "", text, flags=re.MULTILINE)
    return re.sub(r"[*_#~]{1,3}", "", _HEADER.sub("", text))


def stem(word: str) -> str:
    """A word without its ending: ``returned`` and ``returns`` are one."""
    word = word.removesuffix("'s").replace("'", "")
    for ending in ("ings", "ing", "edly", "ied", "ies", "ed", "es", "s", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + ("y" if ending in ("ied", "ies") else "")
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "els":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def stems(words: str) -> frozenset[str]:
    """The stems of a list of words."""
    return frozenset(stem(word) for word in words.lower().split())


_COMMON_STEMS = frozenset(stem(word) for word in COMMON)


@dataclass(frozen=True, slots=True)
class Reading:
    """A message as the rules see it."""

    text: str  # cleaned
    words: tuple[str, ...]  # stems in order, typing errors mended
    sentences: tuple[frozenset[str], ...]  # the stems of each sentence

    @property
    def stems(self) -> frozenset[str]:
        return frozenset(self.words)

    @property
    def nouns(self) -> tuple[str, ...]:
        """The longer words of the text that are not common ones, as written."""
        words = re.findall(r"[a-z]{3,}", self.text)
        return tuple(word for word in words if stem(word) not in _COMMON_STEMS)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The stems that carry a subject, in order."""
        return tuple(w for w in self.words if w not in _COMMON_STEMS and not w[0].isdigit())


def amount_in(text: str) -> float | None:
    """The first sum of money in a cleaned text."""
    found = _AMOUNT.search(text)
    if found is None:
        return None
    number = found["sign"] or found["unit"]
    return float(_NUMBERS.get(number) or number.replace(",", ""))


class Vocabulary:
    """The stems the desk knows, and which of them a mistyped word was meant to have."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known) | _COMMON_STEMS
        self._meant: dict[str, str] = {}
        for word in sorted(self._known, key=lambda word: (word in _COMMON_STEMS, word)):
            if len(word) >= 4 and word.isalpha():
                for key in _one_letter_less(word):
                    self._meant.setdefault(key, word)

    def read(self, text: str) -> Reading:
        cleaned = clean(text)
        sentences = [self._stems_in(part) for part in _SENTENCE.split(cleaned)]
        return Reading(
            cleaned,
            tuple(word for sentence in sentences for word in sentence),
            tuple(frozenset(sentence) for sentence in sentences if sentence),
        )

    def _stems_in(self, text: str) -> list[str]:
        return [self._mend(stem(word)) for word in _WORD.findall(text)]

    def _mend(self, word: str) -> str:
        if len(word) < 4 or not word.isalpha() or word in self._known:
            return word
        meant = (self._meant.get(key, "") for key in _one_letter_less(word))
        return next((known for known in meant if _one_slip(word, known)), word)


def _one_slip(word: str, meant: str) -> bool:
    """Whether one letter after the first was left out, added, replaced or swapped with the next."""
    if word[:1] != meant[:1]:
        return False
    if abs(len(word) - len(meant)) == 1:
        longer, shorter = sorted((word, meant), key=len, reverse=True)
        return shorter in _one_letter_less(longer)
    differ = [i for i, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b]
    if len(word) != len(meant) or not differ:
        return False
    first, last = differ[0], differ[-1]
    return first == last or (
        last == first + 1 and word[first] == meant[last] and word[last] == meant[first]
    )


def _one_letter_less(word: str) -> list[str]:
    """The word itself and the word without each of its letters: keys of one typing error."""
    return [word, *(word[:i] + word[i + 1 :] for i in range(len(word)))]


def last_turns(message: str | Sequence[Mapping[str, str]]) -> tuple[str, str, str]:
    """What the customer says now, what the desk said just before, and all the customer said."""
    if isinstance(message, str):
        return message, "", message
    turns = [(str(turn["role"]), str(turn["content"])) for turn in message]
    said = [content for role, content in turns if role == "user"]
    if not said:
        return "", "", ""
    last = max(index for index, (role, _) in enumerate(turns) if role == "user")
    before = [content for role, content in turns[:last] if role == "assistant"]
    return said[-1], before[-1] if before else "", "\n".join(said)
