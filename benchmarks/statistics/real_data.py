"""Are the known numbers of recorded data recovered? (data that is not part of the project)"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import aiir_eval as aiir
from aiir_eval.stats import (
    paired_difference,
    pass_hat_k,
    pass_rate,
    prediction_powered_rate,
    rogan_gladen_rate,
)

ROOT = Path(__file__).resolve().parents[2]
GPT_4, GPT_35 = ("gpt-4-0314", "gpt-4-0613"), ("gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613")
YES_OR_NO = "choice:options=[yes, no]"
BOXED = r"'boxed\{([^}]*)\}'"
SAME_BOX = f"{{scorer: equals, extract: {BOXED}, extract_expected: {BOXED}}}"
MARGIN = 0.05
SUBSAMPLES, OUTPUTS, LABELS = 1_000, 2_000, 300


@dataclass(frozen=True, slots=True)
class Recovered:
    """A stated number or conclusion and what comes out."""

    data: str
    quantity: str
    stated: str
    ours: str

    @property
    def agrees(self) -> bool:
        return self.stated == self.ours


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often intervals of one kind cover the labelled rate over subsamples."""

    method: str
    covered: float
    mean_width: float
    nominal: bool


def folder() -> Path | None:
    """Where the recorded data is, or None."""
    place = Path(os.environ.get("AIIR_SHARED_DATA", ROOT.parent / "shared" / "data"))
    return place if place.is_dir() else None


def recovered(data: Path) -> Iterator[Recovered]:
    """Every stated number."""
    yield from _tau_bench(data)
    yield from _llmdrift(data)


def judge_coverage(data: Path, seed: int, runs: int = SUBSAMPLES) -> list[Coverage]:
    """A cheap judge of HaluEval's answers, put right by 300 human labels of 2,000 answers.

    The judge calls an answer hallucinated when it hedges. Subsamples are drawn with replacement;
    the truth is the labelled rate of all answers.
    """
    table = pq.read_table(data / "halueval" / "general.parquet").to_pydict()
    truth = np.array([label == "yes" for label in table["hallucination"]], dtype=float)
    hedges = re.compile(r"\b(as an ai|sorry|unfortunately|i cannot|i'm unable)\b")
    judge = np.array(
        [bool(hedges.search(text.lower())) for text in table["chatgpt_response"]], dtype=float
    )
    rng, rate = np.random.default_rng(seed), float(truth.mean())
    names = ("prediction-powered", "Rogan-Gladen", "the judge alone", "the 300 labels alone")
    covered, widths = np.zeros((2, runs, len(names)))
    for run in range(runs):
        rows = rng.integers(0, truth.size, OUTPUTS)
        human = truth[rows].copy()
        human[LABELS:] = np.nan
        verdicts = judge[rows]
        intervals = (
            prediction_powered_rate(verdicts, human).confidence_interval(),
            rogan_gladen_rate(verdicts, human).confidence_interval(),
            pass_rate(verdicts).confidence_interval(),
            pass_rate(human[:LABELS]).confidence_interval(),
        )
        covered[run] = [low <= rate <= high for low, high in intervals]
        widths[run] = [high - low for low, high in intervals]
    least = 0.95 - 3 * sqrt(0.05 * 0.95 / runs)
    return [
        Coverage(name, float(share), float(width), bool(share >= least))
        for name, share, width in zip(names, covered.mean(axis=0), widths.mean(axis=0), strict=True)
    ]


def _tau_bench(data: Path) -> Iterator[Recovered]:
    name = "tau_bench"
    table = pq.read_table(data / name / "gpt4o_airline.parquet").to_pydict()
    tasks, task = np.unique(table["task_id"], return_inverse=True)
    trials, trial = np.unique(table["trial"], return_inverse=True)
    success = np.full((tasks.size, trials.size), np.nan)
    success[task, trial] = table["success"]
    passes = success.sum(axis=1).astype(int)
    for k, stated in enumerate((".420", ".273", ".220", ".200"), start=1):
        yield Recovered(name, f"pass^{k}", stated, _decimals(pass_hat_k(passes, 4, k).estimate, 3))
    rate = pass_rate(success.mean(axis=1))
    yield Recovered(name, "standard error, CR2", ".0522", _decimals(rate.standard_error, 4))
    unadjusted = rate.standard_error * sqrt(1 - 1 / tasks.size)
    yield Recovered(name, "standard error, CR0", ".0517", _decimals(unadjusted, 4))
    naive = pass_rate(success.ravel()).standard_error * sqrt(1 - 1 / success.size)
    yield Recovered(name, "standard error, blind to tasks", ".0349", _decimals(naive, 4))
    for one, other in combinations(range(trials.size), 2):
        result = paired_difference(success[:, one], success[:, other])
        called = {result.conclusion(margin) for margin in (None, 0.02, MARGIN)}
        shown = "neither" if not called & {"regressed", "improved"} else ", ".join(sorted(called))
        pvalue = f"exact p {result.pvalue_exact or 0:.2f}"
        yield Recovered(
            name,
            f"trial {one} against {other}: regressed or improved? ({pvalue})",
            "neither",
            shown,
        )


def _llmdrift(data: Path) -> Iterator[Recovered]:
    for task, models, stated in (
        ("prime", GPT_4, ".840 -> .511, 476/147, p 2.11e-41, regressed"),
        ("prime", GPT_35, ".496 -> .761, 154/419, improved"),
        ("prime_v1", GPT_4, ".976 -> .024, 476/0, regressed"),
        ("happy_number", GPT_4, ".836 -> .352, 269/27, regressed"),
        ("happy_number", GPT_35, ".306 -> .482, 70/158, improved"),
        ("sensitiveq response_rate", GPT_4, ".210 -> .050, 16/0, p 3.05e-05, regressed"),
        ("sensitiveq response_rate", GPT_35, ".020 -> .080, 0/6, p 3.12e-02, improved"),
        ("leetcode directly_executable", GPT_4, ".520 -> .100, 23/2, p 1.94e-05, regressed"),
        ("leetcode clean_accepted", GPT_4, ".520 -> .700, 2/11, p 2.25e-02, improved"),
    ):
        comparison = _compared(data / "llmdrift", task, models)
        difference = comparison.difference
        assert difference is not None
        assert comparison.baseline is not None
        assert comparison.candidate is not None
        rates = (comparison.baseline.pass_rate, comparison.candidate.pass_rate)
        said = f"{_decimals(rates[0], 3)} -> {_decimals(rates[1], 3)}, "
        said += f"{difference.broke}/{difference.fixed}, "
        if " p " in stated:
            said += f"p {difference.pvalue_exact:.2e}, "
        yield Recovered("LLMDrift", f"{task}, {models[0]}", stated, said + comparison.conclusion)
        if (task, models) == ("prime", GPT_4):
            yield from _answer_bias(comparison)


def _answer_bias(comparison: aiir.Comparison) -> Iterator[Recovered]:
    stated = {"yes": "-.952 (regressed)", "no": "+.294 (improved)"}
    for item in comparison.slices:
        if item.by == "expected":
            value = str(item.value).strip('[]"').lower()
            sign = "-" if item.difference < 0 else "+"
            yield Recovered(
                "LLMDrift",
                f"prime, {GPT_4[0]}, expected answer {value}",
                stated.get(value, "no such slice"),
                f"{sign}{_decimals(abs(item.difference), 3)} ({item.conclusion})",
            )
    found = any(finding.code == "answer_bias_shift" for finding in comparison.findings)
    yield Recovered(
        "LLMDrift",
        f"prime, {GPT_4[0]}: a shift of answer bias is noticed",
        "yes",
        "yes" if found else "no",
    )


def _compared(tables: Path, task: str, models: tuple[str, str]) -> aiir.Comparison:
    name, _, label = task.partition(" ")
    table = tables / f"{name}.parquet"
    with tempfile.TemporaryDirectory() as scratch:
        scored: dict[str, object] = {"passed": label} if label else {}
        if not label:
            check = SAME_BOX if name == "happy_number" else YES_OR_NO
            scored["suite"] = aiir.suite_from_table(
                table,
                id="id,occ",
                input="query",
                expected="ref_answer",
                checks=[check],
                where=f"model = '{models[0]}'",
            )
        runs = [
            aiir.import_table(
                table,
                id="id,occ",
                output="answer",
                where=f"model = '{model}'",
                target_name=model,
                out=Path(scratch) / model,
                **scored,  # type: ignore[arg-type]
            )
            for model in models
        ]
        return aiir.compare(*runs, margin=MARGIN)


def _decimals(number: float, places: int) -> str:
    return f"{number:.{places}f}".lstrip("0")
