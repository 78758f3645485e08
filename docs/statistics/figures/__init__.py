"""Which figures have these pages, and who draws them?"""

from __future__ import annotations

from . import comparing, deciding, drifting, judging, measured

FIGURES = {
    **comparing.FIGURES,
    **deciding.FIGURES,
    **judging.FIGURES,
    **drifting.FIGURES,
    **measured.FIGURES,
}
