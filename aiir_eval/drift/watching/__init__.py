"""A monitor that looks at each new table, remembers, and keeps its promise of few false alarms."""

from __future__ import annotations
