"""The six classes of incident, and the seven kinds of control that can have failed."""

from __future__ import annotations

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

ControlKind = Literal[
    "validation",
    "retrieval_filter",
    "approval_gate",
    "eval",
    "permission",
    "monitoring",
    "fallback",
]
