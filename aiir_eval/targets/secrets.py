"""What must never be written down: keys and passwords, found in settings and cut out of text."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import InputError

REDACTED = "[redacted]"

# Names of settings that hold a secret; max_tokens, stop_token and the like do not.
_SECRET_NAME = re.compile(
    r"(?:.*_)?(?:api_?key|apikey|authorization|secret|password|passwd|bearer|private_key"
    r"|credentials?|(?:access|auth|api|bearer|refresh|session)_token)\Z|token\Z|cookie\Z"
)
# Keys in the forms that their issuers document.
_SECRET_VALUE = re.compile(
    r"\s*(?:Bearer\s+\S|sk-[\w-]{16}|(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_\w{30}|github_pat_\w{40}"
    r"|glpat-[\w-]{20}|hf_\w{30}|AIza[\w-]{35}|xox[abeoprs]-[\w-]{10})"
)
_IN_TEXT = (
    (re.compile(r"(\bBearer\s+)[^\s\"',}]+", re.IGNORECASE), rf"\1{REDACTED}"),
    (re.compile(r"\bsk-[A-Za-z0-9_*-]{8,}"), REDACTED),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE), rf"\1{REDACTED}@"),
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without the given secrets, bearer tokens, ``sk-`` keys and passwords in URLs."""
    text = cut_out(text, secrets)
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def cut_out(text: str, secrets: Iterable[str]) -> str:
    """`text` without exactly these secrets."""
    for secret in secrets:
        if secret in text:
            text = text.replace(secret, REDACTED)
    return text


def url_secrets(url: str) -> list[str]:
    """The password in a URL (``https://user:password@host``): as written, as meant, and as sent."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    if not parts.password:
        return []
    meant = unquote(parts.password)
    sent = b64encode(f"{unquote(parts.username or '')}:{meant}".encode()).decode()
    return [parts.password, meant, sent]


def secret_field(value: Any, path: str = "") -> str | None:
    """The path of the first setting that looks like a secret, by its name or its value."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            where = f"{path}.{key}" if path else str(key)
            if isinstance(item, str) and _SECRET_NAME.match(str(key).lower().replace("-", "_")):
                return where
            if (found := secret_field(item, where)) is not None:
                return found
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            if (found := secret_field(item, f"{path}[{index}]")) is not None:
                return found
    elif isinstance(value, str) and _SECRET_VALUE.match(value):
        return path
    return None


def refuse_secrets(params: Mapping[str, Any], target: str) -> None:
    """Raise `InputError` where params hold a key: they are written into run.json."""
    if (found := secret_field(params)) is not None:
        raise InputError(
            f"params of {target}: {found} looks like a secret, and params are written into the run",
            hint="put the key into an environment variable and name it in api_key_env",
        )
