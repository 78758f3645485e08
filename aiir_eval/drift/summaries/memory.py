"""How much memory may be used, and would a comparison in memory need more?"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...tables.sources import Source
from ...tables.sql import is_query

if TYPE_CHECKING:
    import pyarrow as pa

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_SHARE = 0.5  # of the memory that is available
_LIBRARIES = 200_000_000  # what the interpreter and its libraries take
PARTS_TAKE = 350_000_000  # the libraries, and a part of a column on each of a few threads
_COPIES = 2  # of a column while it is judged: as it was decoded, and in order
_TEXT_BLOWUP = 4  # of a text file while its table is made


def memory_limit_of(limit: int | str | None) -> int:
    """``500MB`` (KB to TB, KiB to TiB) or a number of bytes; by default half of what is free."""
    if limit is None:
        return int(available_memory() * _SHARE)
    if isinstance(limit, int) and not isinstance(limit, bool):
        size = limit
    else:
        found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*", str(limit))
        unit = None if found is None else _UNITS.get(found[2].upper())
        if found is None or unit is None:
            raise InputError(
                f"memory_limit: {limit!r} is no size", hint="write 500MB or 4GB, or bytes"
            )
        size = int(float(found[1]) * unit)
    if size <= 0:
        raise InputError(f"memory_limit must be more than 0, got {limit!r}")
    return size


def available_memory() -> int:
    """Bytes that this process may still take, by the machine and by its control group."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                sizes.append(int(line.split()[1]) * 1024)
    except (OSError, ValueError):
        pass  # not Linux: all of the machine's memory is the best guess
    for folder, most, used in (
        ("/sys/fs/cgroup", "memory.max", "memory.current"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            own = [int((Path(folder) / name).read_text()) for name in (most, used)]
        except (OSError, ValueError):
            continue  # no such group, or one without a limit
        sizes.append(max(own[0] - own[1], 0))
    return min(sizes)


def threads_within(sources: Sequence[Source], columns: Sequence[str], limit: int) -> int:
    """On how many threads two sources can be compared in memory, a column each.

    At most one a processor; none where even one column at a time would need more than `limit`.
    """
    widest = sorted(
        (sum(_column_bytes(source, name) for source in sources) for name in columns), reverse=True
    )
    held = sum(source.nbytes for source in sources if source.in_memory)
    left = limit - _LIBRARIES - held
    for threads in range(os.cpu_count() or 1, 0, -1):
        if _COPIES * sum(widest[:threads]) <= left:
            return threads
    return 0


def text_needed(path: Path) -> int:
    """About how many bytes the table of a text file takes while it is made."""
    return _LIBRARIES + _TEXT_BLOWUP * path.stat().st_size


def _column_bytes(source: Source, name: str) -> int:
    if name not in source.schema.names:
        return 0
    return source.n_rows * _width(source.schema.field(name).type)


def _width(kind: pa.DataType) -> int:
    """Bytes a value: numbers as they are compared, texts as codes in a dictionary."""
    import pyarrow.types as types

    if types.is_boolean(kind):
        return 1
    if types.is_nested(kind):
        return 64
    return 8


def is_path(source: Any) -> bool:
    return isinstance(source, str | os.PathLike) and not is_query(source)
