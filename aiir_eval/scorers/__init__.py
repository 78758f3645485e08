"""Scorers: an answer in, a judgement out."""

from __future__ import annotations

from .protocol import Answer, Check, Judgement, Scorer, ScoringError
from .registry import SCORERS, make_scorer, needs_expected
from .specs import parse_check, parse_checks

__all__ = [
    "SCORERS",
    "Answer",
    "Check",
    "Judgement",
    "Scorer",
    "ScoringError",
    "make_scorer",
    "needs_expected",
    "parse_check",
    "parse_checks",
]
