"""Statistics of paired versions: arrays in, result objects out (numpy and scipy only, no I/O).

The unit is the case, clusters are incidents, trials sit inside cases. Every random routine takes
`rng` and gives the same answer whatever the order of the rows or the names of the clusters.
"""

from __future__ import annotations

from aiir_eval.stats.assuming import Assumptions
from aiir_eval.stats.bootstrap import (
    RatioBound,
    ValueBound,
    cluster_bootstrap_ratio,
    cluster_bootstrap_value,
)
from aiir_eval.stats.bounding import BoundDesign, trials_for_bound
from aiir_eval.stats.flakiness import (
    ChangedCases,
    FlakyCases,
    changed_cases,
    flaky_cases,
    pass_at_k,
    pass_hat_k,
)
from aiir_eval.stats.intervals import ConfidenceInterval
from aiir_eval.stats.judges import JudgeAgreement, judge_agreement
from aiir_eval.stats.multiplicity import benjamini_hochberg, holm, max_t
from aiir_eval.stats.paired import Equivalence, NonInferiority, PairedDifference, paired_difference
from aiir_eval.stats.planning import cases_needed
from aiir_eval.stats.power import cases_for_power, settling_power
from aiir_eval.stats.prediction_powered import (
    PredictionPowered,
    prediction_powered_difference,
    prediction_powered_rate,
)
from aiir_eval.stats.proportions import (
    Rate,
    clopper_pearson,
    failure_rate_bound,
    pass_rate,
    wilson_interval,
)
from aiir_eval.stats.rogan_gladen import (
    RoganGladen,
    rogan_gladen_difference,
    rogan_gladen_rate,
)
from aiir_eval.stats.score_interval import tango_interval, tango_pvalue
from aiir_eval.stats.sequential import ConfidenceSequence, FailureRateSequence, SequentialTest
from aiir_eval.stats.sign_flip import McNemar, SignFlip, mcnemar, sign_flip
from aiir_eval.stats.two_sample import TestResult, contingency_chi2, ks_2samp, welch_t
from aiir_eval.stats.variance import VarianceComponents, variance_components

__all__ = [
    "Assumptions",
    "BoundDesign",
    "ChangedCases",
    "ConfidenceInterval",
    "ConfidenceSequence",
    "Equivalence",
    "FailureRateSequence",
    "FlakyCases",
    "JudgeAgreement",
    "McNemar",
    "NonInferiority",
    "PairedDifference",
    "PredictionPowered",
    "Rate",
    "RatioBound",
    "RoganGladen",
    "SequentialTest",
    "SignFlip",
    "TestResult",
    "ValueBound",
    "VarianceComponents",
    "benjamini_hochberg",
    "cases_for_power",
    "cases_needed",
    "changed_cases",
    "clopper_pearson",
    "cluster_bootstrap_ratio",
    "cluster_bootstrap_value",
    "contingency_chi2",
    "failure_rate_bound",
    "flaky_cases",
    "holm",
    "judge_agreement",
    "ks_2samp",
    "max_t",
    "mcnemar",
    "paired_difference",
    "pass_at_k",
    "pass_hat_k",
    "pass_rate",
    "prediction_powered_difference",
    "prediction_powered_rate",
    "rogan_gladen_difference",
    "rogan_gladen_rate",
    "settling_power",
    "sign_flip",
    "tango_interval",
    "tango_pvalue",
    "trials_for_bound",
    "variance_components",
    "welch_t",
    "wilson_interval",
]
