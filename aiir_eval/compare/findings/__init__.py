"""What a comparison notices by itself: one module a family, `noticing` asks them all."""

from __future__ import annotations

from .noticing import notice
from .seen import Candidate, Seen

__all__ = ["Candidate", "Seen", "notice"]
