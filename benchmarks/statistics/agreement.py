"""Do other implementations and published examples give the same numbers, where methods agree?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from aiir_eval import stats as aiir

CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Agreement:
    """One quantity from here and from elsewhere; published numbers are rounded as printed."""

    quantity: str
    source: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    decimals: int | None = None

    @property
    def apart(self) -> float:
        """Largest relative difference (absolute from zero)."""
        ours = self.ours
        if self.decimals is not None:
            ours = tuple(round(number, self.decimals) for number in ours)
        return max(
            abs(a - b) / (abs(b) if b else 1.0) for a, b in zip(ours, self.theirs, strict=True)
        )

    @property
    def agrees(self) -> bool:
        return self.apart <= CLOSE


def agreements() -> Iterator[Agreement]:
    """Every method that something else computes too, on fixed and on random data."""
    rng = np.random.default_rng(7)
    yield from _flips()
    yield from _published()
    yield from _rates()
    yield from _clusters(rng)
    yield from _sign_flips(rng)
    yield from _columns(rng)
    yield from _several(rng)


def _flips() -> Iterator[Agreement]:
    for broke, fixed in ((476, 147), (16, 0), (12, 9), (3, 3)):
        ours = aiir.mcnemar(broke, fixed)
        table = [[0, broke], [fixed, 0]]
        where = f"{broke} broke, {fixed} fixed"
        yield Agreement(
            f"McNemar, exact p: {where}",
            "statsmodels mcnemar(exact=True)",
            (ours.pvalue_exact,),
            (float(statsmodels_mcnemar(table, exact=True).pvalue),),
        )
        few, n = min(broke, fixed), broke + fixed
        half = stats.binom.pmf(few, n, 0.5)
        mid = 1 - half / 2 if broke == fixed else 2 * stats.binom.cdf(few, n, 0.5) - half
        yield Agreement(
            f"McNemar, mid-p: {where}", "scipy binom, by definition", (ours.pvalue,), (float(mid),)
        )
        yield Agreement(
            f"score test of no difference: {where}",
            "statsmodels mcnemar(exact=False, correction=False)",
            (aiir.tango_pvalue(broke, fixed, 2 * n, 0.0),),
            (float(statsmodels_mcnemar(table, exact=False, correction=False).pvalue),),
        )


def _published() -> Iterator[Agreement]:
    test = aiir.mcnemar(7, 1)
    yield Agreement(
        "McNemar, 7 and 1 of 21: exact p, mid-p",
        "Fagerland, Lydersen and Laake (2013)",
        (test.pvalue_exact, test.pvalue),
        (0.070, 0.039),
        decimals=3,
    )
    yield Agreement(
        "Tango's interval, 7 and 1 of 21",
        "Fagerland, Lydersen and Laake (2014)",
        aiir.tango_interval(7, 1, 21),
        (-0.517, -0.026),
        decimals=3,
    )
    yield Agreement(
        "Cohen's kappa, 20, 5, 10, 15",
        "textbook example: agreement .7, by chance .5",
        (_kappa(np.array([[20, 5], [10, 15]])),),
        (0.4,),
    )


def _rates() -> Iterator[Agreement]:
    for passed, n in ((7, 50), (0, 59), (50, 50)):
        yield Agreement(
            f"Wilson's interval, {passed} of {n}",
            "statsmodels proportion_confint(method='wilson')",
            aiir.wilson_interval(passed, n),
            _pair(proportion_confint(passed, n, method="wilson")),
        )
        exact = stats.binomtest(passed, n).proportion_ci(method="exact")
        yield Agreement(
            f"Clopper-Pearson, {passed} of {n}",
            "scipy binomtest().proportion_ci('exact')",
            aiir.clopper_pearson(passed, n),
            (exact.low, exact.high),
        )
    upper = stats.binomtest(0, 59, alternative="less").proportion_ci(method="exact").high
    yield Agreement(
        "failure rate bound, 0 of 59",
        "scipy binomtest(alternative='less')",
        (aiir.failure_rate_bound(0, 59),),
        (upper,),
    )


def _clusters(rng: np.random.Generator) -> Iterator[Agreement]:
    before, after = rng.random((2, 60))
    test = stats.ttest_rel(after, before)
    interval = test.confidence_interval(0.95)
    graded = aiir.paired_difference(before, after, binary=False)
    yield Agreement(
        "graded scores without clusters: interval",
        "scipy ttest_rel().confidence_interval()",
        graded.confidence_interval(),
        (interval.low, interval.high),
    )
    equal = np.repeat(np.arange(12), 5)
    robust = OLS(after - before, np.ones(60)).fit(
        cov_type="cluster", cov_kwds={"groups": equal, "use_correction": False}
    )
    yield Agreement(
        "CR2 standard error, equal clusters",
        "statsmodels OLS, CR0 times sqrt(G / (G - 1))",
        (aiir.paired_difference(before, after, clusters=equal, binary=False).standard_error,),
        (float(robust.bse[0]) * np.sqrt(12 / 11),),
    )
    unequal = np.repeat(np.arange(14), [1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 8, 9])
    result = aiir.paired_difference(before, after, clusters=unequal, binary=False)
    yield Agreement(
        "CR2 standard error and Satterthwaite df, unequal clusters",
        "Bell and McCaffrey (2002), dense matrices",
        (result.standard_error, result.df),
        _bell_mccaffrey(after - before, unequal),
    )


def _sign_flips(rng: np.random.Generator) -> Iterator[Agreement]:
    for kind, values in (
        ("graded", rng.normal(0.3, 1, 11)),
        ("means of 5 trials", rng.integers(-5, 6, 11) / 5),
    ):
        exact = stats.permutation_test(
            (values,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        yield Agreement(
            f"sign flips of 11 cases, {kind}: exact p",
            "scipy permutation_test(n_resamples=inf)",
            (aiir.sign_flip(values).pvalue_exact or 0.0,),
            (float(exact.pvalue),),
        )


def _columns(rng: np.random.Generator) -> Iterator[Agreement]:
    x, y = rng.exponential(size=300), rng.exponential(1.2, size=200)
    welch, ours = stats.ttest_ind(x, y, equal_var=False), aiir.welch_t(x, y)
    yield Agreement(
        "Welch's t and p", "scipy ttest_ind(equal_var=False)", (ours.statistic, ours.pvalue),
        (float(welch.statistic), float(welch.pvalue)),
    )  # fmt: skip
    gap, ours = stats.ks_2samp(x, y), aiir.ks_2samp(x, y)
    yield Agreement(
        "Kolmogorov-Smirnov D and p", "scipy ks_2samp", (ours.statistic, ours.pvalue),
        (float(gap.statistic), float(gap.pvalue)),
    )  # fmt: skip
    counts = rng.integers(10, 90, size=(2, 6))
    chi2, ours = (
        stats.chi2_contingency(counts, correction=False),
        aiir.contingency_chi2(*counts),
    )
    yield Agreement(
        "chi-square of a 2 x 6 table", "scipy chi2_contingency", (ours.statistic, ours.pvalue),
        (float(chi2.statistic), float(chi2.pvalue)),
    )  # fmt: skip


def _several(rng: np.random.Generator) -> Iterator[Agreement]:
    pvalues = rng.random(20) ** 3
    for name, ours in (
        ("fdr_bh", aiir.benjamini_hochberg(pvalues)),
        ("holm", aiir.holm(pvalues)),
    ):
        adjusted = multipletests(pvalues, method=name)[1]
        yield Agreement(
            f"adjusted p-values, {name}",
            f"statsmodels multipletests(method='{name}')",
            tuple(ours),
            tuple(adjusted),
        )
    table = np.array([[35, 8], [5, 22]])
    yield Agreement(
        "Cohen's kappa of a judge",
        "statsmodels cohens_kappa",
        (_kappa(table),),
        (float(cohens_kappa(table).kappa),),
    )
    passes = np.array([0, 3, 5, 1, 5, 2])
    chance = [1 - stats.hypergeom.pmf(0, 5, passed, 3) for passed in passes]
    every = [stats.hypergeom.pmf(3, 5, passed, 3) for passed in passes]
    yield Agreement(
        "pass@3 and pass^3 of 5 trials",
        "scipy hypergeom",
        (aiir.pass_at_k(passes, 5, 3).estimate, aiir.pass_hat_k(passes, 5, 3).estimate),
        (float(np.mean(chance)), float(np.mean(every))),
    )


def _kappa(table: NDArray[np.int64]) -> float:
    judge = np.repeat([1, 1, 0, 0], table.ravel())
    human = np.repeat([1, 0, 1, 0], table.ravel())
    return aiir.judge_agreement(judge, human).kappa


def _bell_mccaffrey(values: NDArray[np.float64], groups: NDArray[np.intp]) -> tuple[float, float]:
    """CR2 of a mean with matrix square roots, and the df that matches its first two moments."""
    n = values.size
    ones = np.ones((n, 1))
    annihilator = np.eye(n) - ones @ ones.T / n
    residuals = annihilator @ values
    variance, columns = 0.0, []
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        block = annihilator[np.ix_(rows, rows)]
        weights, vectors = np.linalg.eigh(block)
        root = vectors @ np.diag(weights**-0.5) @ vectors.T
        taken = root @ np.ones(rows.size) / n
        variance += float(taken @ residuals[rows]) ** 2
        columns.append(annihilator[:, rows] @ taken)
    inner = np.stack(columns, axis=1)
    eigenvalues = np.linalg.eigvalsh(inner.T @ inner)
    return float(np.sqrt(variance)), float(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())


def _pair(bounds: tuple[float, float]) -> tuple[float, float]:
    low, high = bounds
    return float(low), float(high)
