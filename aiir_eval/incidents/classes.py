"""The six classes of incident, and the PSF domains each implicates unless the record says more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

IncidentClass = Literal[
    "hallucination",
    "pii_or_secret_exposure",
    "unsafe_action",
    "quality_drift",
    "injection_or_tool_abuse",
    "vendor_outage_or_deprecation",
]
CLASSES: tuple[IncidentClass, ...] = get_args(IncidentClass)

# First is primary. Domains of the Production Safety Framework (PSF v1.1, Production AI Institute).
DEFAULT_DOMAINS: Mapping[IncidentClass, tuple[str, ...]] = {
    "hallucination": ("PSF-2", "PSF-6"),
    "pii_or_secret_exposure": ("PSF-3", "PSF-7", "PSF-4"),
    "unsafe_action": ("PSF-6", "PSF-7"),
    "quality_drift": ("PSF-5", "PSF-4", "PSF-2"),
    "injection_or_tool_abuse": ("PSF-1", "PSF-7", "PSF-6"),
    "vendor_outage_or_deprecation": ("PSF-8", "PSF-5"),
}
