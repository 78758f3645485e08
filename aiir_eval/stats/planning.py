"""How many cases and trials would settle the question?"""

from __future__ import annotations


def cases_needed(
    *, margin: float | None, power: float = 0.8, confidence_level: float = 0.95,
    p_loss: float, p_gain: float, trials: int = 1, icc: float = 0.5, cluster_size: float = 1.0,
    cluster_icc: float = 0.0,
) -> int:
    """Cases (in total) that would settle the question if these rates were the truth.

    Settled: non-inferiority at `margin` is shown, or the difference p_gain - p_loss is; the
    smaller number of the two. margin None: only the difference. ValueError when neither can be.
    icc: share of the variance of a one-trial difference that lies between cases (more trials
    cannot remove it); cluster_icc and cluster_size: correlation inside clusters and their size.
    """
    raise NotImplementedError
