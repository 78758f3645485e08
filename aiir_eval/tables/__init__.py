"""Tables from anywhere (Parquet, CSV, JSON Lines, dataframes), and typed columns out of them.

How values become text (ids, expected answers, levels): text as it is, whole numbers as digits
(``17077``), other numbers as Python writes them (``1.0``, ``0.1``), truth values as ``true`` and
``false``. So an id is the same whether its column came from CSV or from Parquet.

An empty CSV cell is null; a quoted one (``""``) is empty text. A CSV column holds numbers only
where every value of it is written as one, without leading zeros; anything else stays text.
"""

from __future__ import annotations

from .columns import (
    as_numbers,
    as_passed,
    as_text,
    column_list,
    join_id,
    require_columns,
    require_names,
    table_name,
)
from .reading import read_table, table_digest
from .sources import Source, open_source

__all__ = [
    "Source",
    "as_numbers",
    "as_passed",
    "as_text",
    "column_list",
    "join_id",
    "open_source",
    "read_table",
    "require_columns",
    "require_names",
    "table_digest",
    "table_name",
]
