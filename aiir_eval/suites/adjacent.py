"""Edge cases next to a case: the same request in another guise, under the same checks.

Every operator keeps what is asked. Its label says how sure that is: `certain` where only the form
changes, `review` where a person should look before the case may decide anything. The words that
carry facts (numbers, codes, addresses, names in capitals) are never touched. All is seeded: the
same case, seed and count give the same cases on every machine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from .model import Case, Label, Message

if TYPE_CHECKING:
    import numpy as np

Option = TypeVar("Option")
Params = dict[str, Any]
Rewriting = Callable[[str, "np.random.Generator"], tuple[str, Params]]

# Words an operator may touch: lower-case letters only, so no name, number, code or address.
_ALONE = r"(?<![^\s(\"']){}(?![^\s.,;:!?)\"'])"
_PLAIN_WORD = re.compile(_ALONE.format("[a-z]{5,}"))
_HYPHENATED = re.compile(_ALONE.format("[a-z]+(?:-[a-z]+)+"))
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Operator:
    """A way to put a request otherwise. `rewrite` gives the new text and what was done to it."""

    name: str
    label: Label
    rewrite: Rewriting


def adjacent_cases(case: Case, *, n: int, seed: int = 0) -> list[Case]:
    """Up to `n` cases next to `case`, each different from it and from the others.

    The operators take turns in an order drawn for the case; those that find nothing to change in
    its text are passed over. Only the last message of the user is rewritten.
    """
    import numpy as np

    entropy = int.from_bytes(hashlib.sha256(case.id.encode()).digest()[:8])
    rng = np.random.default_rng(np.random.SeedSequence([seed, entropy]))
    found: list[Case] = []
    seen = {repr(case.plain_input())}
    count: dict[str, int] = {}
    order = [OPERATORS[index] for index in rng.permutation(len(OPERATORS))]
    for operator in _turns(order, rounds=3 * n):
        if len(found) == n:
            break
        text, turns, params = _rewritten(case, operator, rng)
        key = repr(text) if turns is None else repr([turn.model_dump() for turn in turns])
        if not params or key in seen:
            continue
        seen.add(key)
        count[operator.name] = count.get(operator.name, 0) + 1
        found.append(
            case.model_copy(
                update={
                    "id": f"{case.id}.{operator.name}-{count[operator.name]}",
                    "origin": "adjacent",
                    "input": text if turns is None else turns,
                    "parent": case.id,
                    "operator": operator.name,
                    "params": {**params, "seed": seed},
                    "label": operator.label,
                }
            )
        )
    return found


def _turns(order: list[Operator], *, rounds: int) -> Iterator[Operator]:
    for _ in range(rounds):
        yield from order


def _rewritten(
    case: Case, operator: Operator, rng: np.random.Generator
) -> tuple[str, list[Message] | None, Params]:
    """The new text, or the new conversation, and what was done; nothing done: no parameters."""
    if operator is CONVERSATION:
        return "", *_in_conversation(case, rng)
    if isinstance(case.input, str):
        text, params = operator.rewrite(case.input, rng)
        return text, None, params
    turns = list(case.input)
    asked = max((i for i, turn in enumerate(turns) if turn.role == "user"), default=None)
    if asked is None:
        return "", None, {}
    text, params = operator.rewrite(turns[asked].content, rng)
    turns[asked] = Message(role="user", content=text)
    return "", turns, params


def _pick(options: Mapping[str, Option], rng: np.random.Generator) -> tuple[str, Option]:
    name = sorted(options)[int(rng.integers(len(options)))]
    return name, options[name]


def _in_words(
    text: str, change: Callable[[str], str], rng: np.random.Generator, *, share: float
) -> tuple[str, list[str]]:
    """`change` applied to a share of the plain words (at least one), and those words."""
    words = list(_PLAIN_WORD.finditer(text))
    if not words:
        return text, []
    size = max(1, round(share * len(words)))
    chosen = sorted(int(index) for index in rng.choice(len(words), size, replace=False))
    for index in reversed(chosen):
        start, end = words[index].span()
        text = text[:start] + change(words[index].group()) + text[end:]
    return text, [words[index].group() for index in chosen]


# Operators -------------------------------------------------------------------------------------


def _typos(text: str, rng: np.random.Generator) -> tuple[str, Params]:
    def mistyped(word: str) -> str:
        at = int(rng.integers(1, len(word) - 2))
        kind = int(rng.integers(3))
        if kind == 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]  # swapped
        if kind == 1:
            return word[:at] + word[at + 1 :]  # left out
        return word[:at] + word[at] + word[at:]  # doubled

    changed, words = _in_words(text, mistyped, rng, share=0.12)
    return changed, {"words": words} if words else {}


def _case(text: str, rng: np.random.Generator) -> tuple[str, Params]:
    # A word that holds anything but letters may be a code or an address: its case may matter.
    def each(change: Callable[[str], str]) -> str:
        return _WORD.sub(lambda word: _with_letters(word.group(), change), text)

    style, changed = _pick(
        {"upper": each(str.upper), "lower": each(str.lower), "title": each(str.capitalize)}, rng
    )
    return changed, {"style": style}


def _with_letters(word: str, change: Callable[[str], str]) -> str:
    return change(word) if word.strip(".,;:!?()\"'").replace("'", "").isalpha() else word


def _white_space(text: str, rng: np.random.Generator) -> tuple[str, Params]:
    styles = {
        "double spaces": re.sub(r"(?<=\S) (?=\S)", "  ", text),
        "line breaks": re.sub(r"(?<=[.!?]) +", "\n\n", text) + "\n",
        "around": f"\n   {text}  \n\n",
        "tabs": "\t" + re.sub(r"(?<=[,;:.!?]) ", "\t", text),
    }
    style, changed = _pick(styles, rng)
    return changed, {"style": style}


def _punctuation(text: str, rng: np.random.Generator) -> tuple[str, Params]:
    bare = text.rstrip(" .!?\n")
    styles = {
        "none at the end": bare,
        "insistent": f"{bare}{'???' if text.rstrip().endswith('?') else '!!!'}",
        "trailing off": f"{bare}...",
        "no commas": re.sub(r",(?= )", "", text),
    }
    style, changed = _pick(styles, rng)
    return changed, {"style": style}


def _polite(text: str, rng: np.random.Generator) -> tuple[str, Params]:
    frames = {
        "greeting": "Hello! {} Thank you very much in advance.",
        "apology": "Sorry to bother you, I have a quick question.\n\n{}\n\nThanks!",
        "urgent": "{}\n\nI am in a hurry, so please be quick.",
        "letter": "Good morning,\n\n{}\n\nKind regards",
        "curt": "hey. {} thx",
    }
    style, frame = _pick(frames, rng)
    return frame.format(text), {"style": style}


def _forwarded(text: str, rng: np.random.Generator) -> tuple[str, Params]:
    quoted = "\n".join(f"> {line}" for line in text.splitlines())
    frames = {
        "e-mail": "Please deal with this one.\n\n----- Forwarded message -----\n"
        f"Subject: request\n\n{text}",
        "quoted": f"Copied from my notes:\n\n{quoted}",
        "ticket": f"Ticket opened by web form.\nCustomer wrote:\n{text}",
    }
    style, changed = _pick(frames, rng)
    return changed, {"style": style}


def _typographic(text: str, rng: np.random.Generator) -> tuple[str, Params]:
    curly = re.sub(r"(?<=\w)'(?=\w)", "’", text)
    curly = re.sub(r'"([^"\n]*)"', r"“\1”", curly)
    styles = {
        "word processor": _HYPHENATED.sub(lambda word: word.group().replace("-", "‑"), curly),
        "no-break spaces": re.sub(r"(?<=[a-z]) (?=\S)", "\u00a0", curly),
        "decomposed": _decomposed(curly),
    }
    style, changed = _pick(styles, rng)
    return changed, {"style": style}


def _decomposed(text: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFD", text)


def _invisible(text: str, rng: np.random.Generator) -> tuple[str, Params]:
    style, mark = _pick({"zero-width space": "\u200b", "soft hyphen": "\u00ad"}, rng)

    def marked(word: str) -> str:
        at = int(rng.integers(1, len(word)))
        return word[:at] + mark + word[at:]

    changed, words = _in_words(text, marked, rng, share=0.25)
    return changed, {"style": style, "words": words} if words else {}


def _in_conversation(case: Case, rng: np.random.Generator) -> tuple[list[Message], Params]:
    """The request after a turn of small talk, where earlier turns compete for attention."""
    openings = {
        "greeting": ("Hi there", "Hello! What can I do for you?"),
        "right place": ("Is this the right place to ask something?", "It is. What is it about?"),
        "help": ("Can you help me?", "I will do my best. Please go on."),
    }
    style, (said, answered) = _pick(openings, rng)
    small_talk = [
        Message(role="user", content=said),
        Message(role="assistant", content=answered),
    ]
    if isinstance(case.input, str):
        return [*small_talk, Message(role="user", content=case.input)], {"style": style}
    leading = next((i for i, turn in enumerate(case.input) if turn.role != "system"), 0)
    return [*case.input[:leading], *small_talk, *case.input[leading:]], {"style": style}


CONVERSATION = Operator("conversation", "certain", lambda text, rng: (text, {}))
OPERATORS: tuple[Operator, ...] = (
    Operator("typos", "review", _typos),
    Operator("case", "certain", _case),
    Operator("white-space", "certain", _white_space),
    Operator("punctuation", "certain", _punctuation),
    Operator("polite", "certain", _polite),
    Operator("forwarded", "review", _forwarded),
    Operator("typographic", "certain", _typographic),
    Operator("invisible", "certain", _invisible),
    CONVERSATION,
)
