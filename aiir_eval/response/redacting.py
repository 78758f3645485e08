"""What is taken out of evidence before its digest is taken: keys always, personal data on request.

It finds what has a form: a key, an address, a telephone or card number, a pattern of one's own. A
name, a street, what somebody tells about themselves has none and stays: read what leaves the house.
A secret that is encoded (base64, compressed, split over lines) is not found either, nor anything
inside a file that is no text and no table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError

TIMEOUT_S = 20.0  # of a pattern of one's own, on one piece of text

# Forms that their issuers document; each is long enough to be nothing else.
_SECRETS: Mapping[str, str] = {
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    "api key": r"\bsk-[A-Za-z0-9_-]{16,}",
    "aws key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "github token": r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})",
    "gitlab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "google key": r"\bAIza[A-Za-z0-9_-]{35}",
    "hugging face token": r"\bhf_[A-Za-z0-9]{30,}",
    "stripe key": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",
    "web token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    "bearer token": r"(?i:(?<=\bbearer ))[A-Za-z0-9._~+/=-]{8,}",
    "password in a URL": r"(?<=://)[^/\s:@\"']{0,100}:[^/\s@\"']{1,200}(?=@)",
    "stated secret": r"(?i:(?<![A-Za-z])(?:api[_-]?key|secret|password|passwd|access[_-]?token|"
    r"auth[_-]?token|client[_-]?secret)\\?[\"']?\s{0,3}[:=]\s{0,3}\\?[\"']?)"
    r"(?P<keep>)[^\s\"'\\,;}&]{6,}",
}
_PERSONAL: Mapping[str, str] = {
    "emails": r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b",
    "phones": r"(?<![\w.-])(?:(?:\+\d{1,3}[ -]?)?(?:\(\d{1,5}\)[ -]?)?\d{2,8}(?:[ -]\d{2,8}){1,4}"
    r"|\+\d{8,15}|\(\d{2,5}\) ?\d{5,8}|\d{2,4}\.\d{3,4}\.\d{3,5})(?![\w-])",
    "cards": r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])",
    "ibans": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
    "ips": r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.])",
}
NAMES = tuple(_PERSONAL)


@dataclass(frozen=True, slots=True)
class Redactor:
    """Takes secrets out of texts, and what else it is told to; `counts` says how much of what."""

    rules: tuple[tuple[str, Any, Callable[[str], bool]], ...]
    counts: Counter[str] = field(default_factory=Counter)

    def text(self, text: str) -> str:
        """The text with ``[redacted: WHAT]`` in place of what was found."""
        for name, pattern, holds in self.rules:
            text = self._without(text, name, pattern, holds)
        return text

    def _without(self, text: str, name: str, pattern: Any, holds: Callable[[str], bool]) -> str:
        def replaced(match: Any) -> str:
            found = match.group()
            if not holds(found) or found.startswith("[redacted"):
                return str(found)
            kept = ""
            if "keep" in match.re.groupindex:  # what stands before a secret says what it is
                kept = found[: match.start("keep") - match.start()]
                if found[len(kept) :].startswith("[redacted"):
                    return str(found)
            self.counts[name] += 1
            return f"{kept}[redacted: {name}]"

        try:
            return str(pattern.sub(replaced, text, timeout=TIMEOUT_S))
        except TimeoutError:
            raise InputError(
                f"--redact {name!r} took longer than {TIMEOUT_S:g} s on a part of the text",
                hint="write a pattern without nested repeats",
            ) from None

    def value(self, value: Any) -> Any:
        """The same for every text in plain data, keys of mappings included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value


def redactor(asked: Iterable[str] = ()) -> Redactor:
    """A redactor of secrets, and of what is asked for: emails, phones, cards, ibans, ips, a regex.

    A card number must pass the Luhn check, an IBAN its check digits; a telephone number has at
    least two groups of digits or a leading ``+``, and seven to fifteen digits in all, so numbers of
    that form that are none go too. Raises `InputError` for a pattern that is none.
    """
    import regex  # type: ignore[import-untyped]

    rules: list[tuple[str, Any, Callable[[str], bool]]] = [
        (name, regex.compile(pattern, regex.DOTALL), _anything)
        for name, pattern in _SECRETS.items()
    ]
    wanted = list(dict.fromkeys(asked))
    # Cards and IBANs first: their digits would be taken for telephone numbers.
    for name in sorted((name for name in wanted if name in _PERSONAL), key=_ORDER.index):
        rules.append((name, regex.compile(_PERSONAL[name]), _HOLDS.get(name, _anything)))
    own = [pattern for pattern in wanted if pattern not in _PERSONAL]
    for pattern in own:
        if re.fullmatch(r"[a-z_]{3,20}", pattern) and pattern.rstrip("s") + "s" in _PERSONAL:
            raise InputError(f"--redact {pattern!r}: did you mean {pattern.rstrip('s')}s?")
        try:  # by its number: the pattern itself may tell what it takes out, or break JSON
            rules.append((f"pattern {own.index(pattern) + 1}", regex.compile(pattern), bool))
        except (regex.error, RecursionError, OverflowError, MemoryError) as error:
            raise InputError(
                f"--redact {pattern!r} is no pattern: {error}",
                hint=f"a regular expression, or one of {', '.join(NAMES)}",
            ) from None
    return Redactor(tuple(rules))


def _anything(_: str) -> bool:
    return True


def luhn(number: str) -> bool:
    """Whether the digits of a number pass the check of ISO/IEC 7812-1.

    >>> luhn("4111 1111 1111 1111"), luhn("4111 1111 1111 1112")
    (True, False)
    """
    digits = [int(each) for each in number if each.isdigit()]
    doubled = [sum(divmod(2 * each, 10)) for each in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _iban(text: str) -> bool:
    """Whether an IBAN's check digits hold (ISO 13616: remainder 1 of 97)."""
    plain = text.replace(" ", "")
    turned = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def _phone(text: str) -> bool:
    digits = sum(each.isdigit() for each in text)
    return 7 <= digits <= 15 and not re.match(r"\d{4}-\d{2}-\d{2}", text)


_ORDER = ("cards", "ibans", "emails", "ips", "phones")
_HOLDS: Mapping[str, Callable[[str], bool]] = {"cards": luhn, "ibans": _iban, "phones": _phone}
