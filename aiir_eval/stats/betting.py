"""How much would a gambler have won who bet, cluster by cluster, that the mean exceeds a value?"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aiir_eval.stats.clustering import Floats

GAPS = (1.0, 3.0)
"""Distances of the mean from the null, in margins, for which the two plug-in bets are best."""

FLOOR = 0.5
"""The adaptive bet reckons with a gap of at least so many margins."""

STAKE = 0.8
"""Most of its wealth that a bet can lose on one cluster."""

PRIOR_CLUSTERS = 10.0
PRIOR_VARIANCE = 0.15
"""The variance is shrunken towards that of a discordance of 15%, worth ten clusters."""


class Betting:
    """Wealth of bets that the mean of values in [-1, 1] exceeds `null`.

    An equal mixture of three strategies, each starting with a third: two plug-in bets, best if the
    mean lies 1 or 3 margins above the null, and one that bets on the mean seen so far (aGRAPA),
    but reckons with half a margin at least.

    Parameters
    ----------
    null : float or (...) array_like
        Value above -1 that the mean is bet to exceed; several are played side by side.
    margin : float
        The unit of the gaps.
    runs : int, optional
        Independent streams that are played side by side, with one null.

    Notes
    -----
    A cluster of mean x and weight w in (0, 1] multiplies a strategy's wealth by
    1 + bet * w * (x - null). The bet is fixed before x is known and at most STAKE / (1 + null),
    so wealth stays positive and, if E[w x] <= null * E[w], is a supermartingale: it exceeds
    1 / alpha, ever, with a chance of at most alpha (Ville).

    References
    ----------
    Waudby-Smith and Ramdas (2024), J. R. Stat. Soc. B 86, 1-27; Ville (1939), Etude critique de la
    notion de collectif.
    """

    __slots__ = ("_moments", "log_wealth", "margin", "n_clusters", "null")

    def __init__(self, null: ArrayLike, margin: float, *, runs: int | None = None) -> None:
        self.null: Floats = np.asarray(null, dtype=np.float64)
        self.margin = margin
        self.n_clusters = 0
        shape = self.null.shape if runs is None else (runs,)
        self.log_wealth: Floats = np.zeros((len(GAPS) + 1, *shape))
        # sums of w, w x, w^2, w^2 x, w^2 x^2
        self._moments: Floats = np.zeros((5,) if runs is None else (5, runs))

    def play(self, values: Floats, weights: Floats) -> None:
        """Bet on the clusters of a block, (k,) or (k, runs), with bets fixed before the first."""
        bets = self._bets()
        for x, w in zip(values, weights, strict=True):
            self.log_wealth += np.log1p(bets * (w * (x - self.null)))
        w, ww = weights, weights * weights
        terms = (w, w * values, ww, ww * values, ww * values * values)
        self._moments += np.stack([term.sum(axis=0) for term in terms])
        self.n_clusters += len(values)

    def log_evidence(self) -> Floats:
        """Log of the mixture's wealth: the e-value against "the mean is at most `null`"."""
        top = self.log_wealth.max(axis=0)
        return np.asarray(top + np.log(np.exp(self.log_wealth - top).mean(axis=0)))

    def keep(self, runs: NDArray[Any]) -> None:
        """Go on with these runs only."""
        self.log_wealth = self.log_wealth[:, runs]
        self._moments = self._moments[:, runs]

    def _bets(self) -> Floats:
        """One bet a strategy from the clusters seen so far: gap / (variance + gap^2)."""
        n = self.n_clusters
        w, wx, ww, wwx, wwxx = self._moments
        weight, weight_square = (w / n, ww / n) if n else (np.ones_like(w), np.ones_like(w))
        mean = wx / (w + PRIOR_CLUSTERS * weight)
        squares = wwxx - 2 * mean * wwx + mean * mean * ww
        prior = PRIOR_CLUSTERS * PRIOR_VARIANCE * weight_square
        variance = (squares + prior) / (n + PRIOR_CLUSTERS)
        bets = np.empty_like(self.log_wealth)
        seen = np.maximum(mean - self.null, FLOOR * self.margin)
        for strategy, gap in enumerate([*(gap * self.margin for gap in GAPS), seen]):
            distance = gap * weight
            bets[strategy] = distance / (variance + distance * distance)
        return np.asarray(np.minimum(bets, STAKE / (1 + self.null)))


def log_threshold(alpha: float) -> float:
    """Log of the wealth that shows the claim at level alpha."""
    return log(1 / alpha)
