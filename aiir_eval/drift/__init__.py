"""table x table -> DriftReport. The package is also the function."""

from __future__ import annotations

from .._lazy import callable_package

callable_package(__name__, "detecting", "drift")
