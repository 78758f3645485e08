"""How a result without a page of its own shows itself: its fields, or its rows, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class Shown:
    """Gives a result ``_repr_html_`` and ``to_pandas``; one with rows says them in `_rows`."""

    __slots__ = ()

    def _rows(self) -> Sequence[Mapping[str, Any]]:
        """One row: the fields, and the interval where there is one."""
        if not is_dataclass(self):
            return [self.model_dump(mode="json", by_alias=True, exclude_none=True)]  # type: ignore[attr-defined]
        row = {each.name: getattr(self, each.name) for each in fields(self) if each.repr}
        interval = getattr(self, "confidence_interval", None)
        if callable(interval):
            row["low"], row["high"] = interval()
        return [row]

    def _title(self) -> str:
        """What stands above the table."""
        return type(self).__name__

    def to_pandas(self) -> pd.DataFrame:
        """Its rows as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(list(self._rows()))

    def _repr_html_(self) -> str:
        from .reports.notebook import rows_html

        return rows_html(self._title(), self._rows())


class ShownList(list[T], Shown):
    """A list of results that shows itself: one row each, as its ``to_dict`` has it."""

    def _rows(self) -> Sequence[Mapping[str, Any]]:
        return [each.to_dict() for each in self]  # type: ignore[attr-defined]

    def _title(self) -> str:
        return f"{len(self):,} {'result' if len(self) == 1 else 'results'}"
