"""Flags that applications read through OpenFeature: definitions in a flagd file (JSON).

What may run has a boolean flag named ``KIND.REF`` (``tool_permission.issue_refund``): the variant
``on`` lets it, ``off`` stops it. A flag that is there already keeps its variants; its targeting and
a disabled state would let the default through, so both stand aside while something is paused. What
stood before is kept in the flag's metadata, so that it can be put back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..documents import json_text, locked, parse_json, read_text, write_text
from ..errors import DocumentError, InputError

SCHEMA = "https://flagd.dev/schema/v0/flags.json"
HELD_BY = "aiir.incidents"  # who pauses it, a comma between
STOOD = "aiir.before"  # the flag as it was, as JSON; the empty text where there was none
ON, OFF = "on", "off"


@dataclass(frozen=True, slots=True)
class FlagChange:
    """What happened to a flag, or would happen; `text` is the file afterwards."""

    file: str
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    held_by: tuple[str, ...]
    text: str

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def to_mapping(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "file": self.file,
            "flag": self.key,
            "changed": self.changed,
            "before": self.before,
            "after": self.after,
            "held_by": list(self.held_by),
        }


def flag_key(kind: str, ref: str) -> str:
    """The name of the flag of something that can be paused."""
    return f"{kind}.{ref}"


def switch_off(
    path: str | Path, key: str, incident_id: str, *, dry_run: bool = False
) -> FlagChange:
    """Switch a flag off for an incident; other flags of the file stay as they are.

    The file is made where there is none. Raises `InputError` where it is no flagd file, or the flag
    is not boolean.
    """
    return _change(Path(path), key, dry_run, lambda flag: _off(flag, key, incident_id, str(path)))


def switch_back(
    path: str | Path, key: str, incident_id: str, *, dry_run: bool = False
) -> FlagChange:
    """Put back what stood before an incident switched a flag off.

    While another incident holds it, it stays off. Raises `InputError` where this one does not.
    """
    return _change(Path(path), key, dry_run, lambda flag: _back(flag, key, incident_id, str(path)))


def _change(path: Path, key: str, dry_run: bool, change: Any) -> FlagChange:
    if dry_run:
        return _changed(path, key, change)
    target = path.resolve() if path.is_symlink() else path  # applications read what it leads to
    with locked(target):
        found = _changed(path, key, change)
        if found.changed:
            write_text(target, found.text)
    return found


def _changed(path: Path, key: str, change: Any) -> FlagChange:
    document = _read(path)
    flags = dict(document["flags"])
    before = flags.get(key)
    after = change(before)
    if after is None:
        flags.pop(key, None)
    else:
        flags[key] = after
    held = () if after is None else _holders(after)
    text = json_text({**document, "flags": flags})
    return FlagChange(str(path), key, before, after, held, text)


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"$schema": SCHEMA, "flags": {}}
    data = parse_json(read_text(path), file=str(path))
    if not isinstance(data, dict) or not isinstance(data.get("flags"), dict):
        raise DocumentError(
            "this is no file of flag definitions: it has no mapping `flags`",
            file=str(path),
            hint=f"see {SCHEMA}",
        )
    return data


def _off(
    flag: Mapping[str, Any] | None, key: str, incident_id: str, file: str
) -> Mapping[str, Any]:
    if flag is None:
        stood, off = "", OFF
        variants: Mapping[str, Any] = {ON: True, OFF: False}
        flag = {}
    else:
        held = _holders(flag)
        if incident_id in held:
            return flag
        variants, off = _off_variant(flag, key, file)
        if held:  # another incident has switched it off already
            return _held(flag, [*held, incident_id])
        stood = json.dumps(flag, ensure_ascii=False)
    kept = {name: value for name, value in flag.items() if name != "targeting"}
    changed = {**kept, "state": "ENABLED", "variants": variants, "defaultVariant": off}
    metadata = {**changed.get("metadata", {}), STOOD: stood}
    return _held({**changed, "metadata": metadata}, [incident_id])


def _off_variant(flag: Mapping[str, Any], key: str, file: str) -> tuple[Mapping[str, Any], str]:
    """The variants of a flag, and the one that is false."""
    variants = flag.get("variants") if isinstance(flag, Mapping) else None
    values = list(variants.values()) if isinstance(variants, Mapping) else []
    off = [name for name, value in (variants or {}).items() if value is False] if values else []
    if not off or not all(isinstance(value, bool) for value in values):
        raise InputError(
            f"the flag {key!r} is not boolean, so it cannot be switched off",
            file=file,
            field=f"flags.{key}.variants",
            hint='a flag with the variants {"on": true, "off": false} can; name one with --flag',
        )
    return variants or {}, OFF if OFF in off else off[0]


def _back(
    flag: Mapping[str, Any] | None, key: str, incident_id: str, file: str
) -> Mapping[str, Any] | None:
    held = () if flag is None else _holders(flag)
    if flag is None or incident_id not in held:
        by = f"; it is held by {', '.join(held)}" if held else ""
        raise InputError(
            f"{incident_id} does not hold the flag {key!r}{by}", file=file, field=f"flags.{key}"
        )
    if others := [each for each in held if each != incident_id]:
        return _held(flag, others)
    stood = flag["metadata"].get(STOOD, "")
    if not stood:
        return None
    before = parse_json(stood, file=file)
    if not isinstance(before, dict):
        raise DocumentError(f"{STOOD} of the flag is damaged", file=file, field=f"flags.{key}")
    return before


def _holders(flag: Mapping[str, Any]) -> tuple[str, ...]:
    metadata = flag.get("metadata") if isinstance(flag, Mapping) else None
    text = metadata.get(HELD_BY, "") if isinstance(metadata, Mapping) else ""
    return tuple(filter(None, str(text).split(",")))


def _held(flag: Mapping[str, Any], incidents: Iterable[str]) -> Mapping[str, Any]:
    return {**flag, "metadata": {**flag["metadata"], HELD_BY: ",".join(incidents)}}
