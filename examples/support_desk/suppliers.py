"""Which supplier answers? Rates and tracking come from outside, and outside fails."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

_STATUS = {"retired": "410 Gone", "down": "503 Service Unavailable"}


class SupplierError(Exception):
    """No supplier of a service answered; the text is what the last one sent."""


@cache
def _suppliers() -> dict[str, list[dict[str, str]]]:
    path = Path(__file__).parent / "data" / "suppliers.json"
    loaded: dict[str, list[dict[str, str]]] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def ask(service: str, *, fallback: bool) -> str:
    """The name of the supplier that answers; without `fallback` only the first is asked."""
    suppliers = _suppliers()[service]
    for supplier in suppliers if fallback else suppliers[:1]:
        if supplier["state"] == "up":
            return supplier["name"]
    raise SupplierError(f"{suppliers[0]['name']}: {_STATUS[suppliers[0]['state']]}")


def tariff(kilos: float, *, express: bool, abroad: bool) -> float:
    """The price of a parcel in USD, from the printed tariff."""
    price = (9.5 if abroad else 4.0) + (2.2 if abroad else 0.8) * kilos
    return round(price * (1.8 if express else 1.0), 2)
