"""What may run now? Flags that an incident owner can switch off, read through OpenFeature.

The desk asks for the boolean flag ``KIND.REF``, true being the default:

- ``workflow.support_desk``: the whole desk;
- ``route.INTENT``: one kind of request, such as ``route.policy``;
- ``tool_permission.TOOL``: one tool, such as ``tool_permission.issue_refund``;
- ``trigger.attachment``: other people's texts that come with a message are worked on;
  ``trigger.confirmation``: a customer's yes carries out what was proposed.

``SUPPORT_DESK_FLAGS`` names the file of definitions (flagd, JSON). Without it everything may run.
The flags are read by OpenFeature with flagd's provider where both are installed
(``pip install 'aiir-eval[flags]'``), else their static part is read from the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

VARIABLE = "SUPPORT_DESK_FLAGS"
Flags = Callable[[str, bool], bool]  # as `get_boolean_value` of a client of OpenFeature


def current_flags() -> Flags:
    """The flags as they stand now."""
    path = os.environ.get(VARIABLE)
    if not path:
        return everything
    stamp = Path(path).stat().st_mtime_ns if Path(path).exists() else 0
    return _flags(path, stamp)


def everything(key: str, default: bool) -> bool:
    """No flag is set: each has its default."""
    return default


@lru_cache(maxsize=8)
def _flags(path: str, stamp: int) -> Flags:
    """The flags of a file as of a stamp: a change of the file makes them new."""
    if not stamp:
        return everything
    try:
        from openfeature import api
        from openfeature.contrib.provider.flagd import FlagdProvider
        from openfeature.contrib.provider.flagd.config import ResolverType
    except ImportError:
        return _static(Path(path).read_text(encoding="utf-8"))
    provider = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=path)
    with suppress(Exception):  # a file that cannot be read leaves every flag at its default
        api.set_provider_and_wait(provider, "support_desk")
    client = api.get_client("support_desk")
    return client.get_boolean_value


def _static(text: str) -> Flags:
    """Flags without their targeting: the default variant, where the flag is enabled."""
    try:
        document: dict[str, Any] = json.loads(text)
    except ValueError:  # as OpenFeature does: what cannot be evaluated has its default
        return everything

    def value(key: str, default: bool) -> bool:
        flag = document.get("flags", {}).get(key)
        if flag is None or flag.get("state") != "ENABLED":
            return default
        found = flag.get("variants", {}).get(flag.get("defaultVariant"))
        return found if isinstance(found, bool) else default

    return value
