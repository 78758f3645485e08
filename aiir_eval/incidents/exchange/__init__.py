"""Records from and for other formats; each says in a table what is mapped, and what is lost."""

from __future__ import annotations

from ..._lazy import lazy_exports

IMPORTS = ("avid", "atlas", "aiid")
EXPORTS = ("avid", "ocsf", "oecd", "stix", "csv")
MAPPED = ("avid", "atlas", "aiid", "mlflow", "ocsf", "oecd", "stix", "csv", "markdown")

__getattr__, __dir__, __all__ = lazy_exports(
    __name__,
    {
        "export_records": "exporting",
        "import_records": "importing",
        "load_mapping": "mapping",
        "write_records": "importing",
    },
)
