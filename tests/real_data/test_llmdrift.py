"""Recorded answers of two versions of two models, from the table to the exit code of the gate."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from aiir_eval.cli import invoke

pytestmark = pytest.mark.real_data

GPT_4 = ("gpt-4-0314", "gpt-4-0613")
GPT_35 = ("gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613")
BOXED = r"'boxed\{([^}]*)\}'"
CHECKS = {
    "prime": "choice:options=[yes, no]",
    "prime_v1": "choice:options=[yes, no]",
    "happy_number": f"{{scorer: equals, extract: {BOXED}, extract_expected: {BOXED}}}",
}
LABELS = {"sensitiveq": ("response_rate",), "leetcode": ("directly_executable", "clean_accepted")}
SHIFTS = {"length_shift", "latency_shift", "cost_shift"}
OURS = {
    "answer_bias_shift", "constant_expected_answer", "format_break", "refusal_shift",
    "slice_reversal", "flaky_cases", "evaluator_changed", "aggregate_mismatch", "underpowered",
    "few_clusters", "worse_within_margin", "error_rate_shift", *SHIFTS,
}  # fmt: skip


@dataclass(frozen=True)
class Published:
    """What the recorded data says, and what must be concluded from it."""

    task: str
    models: tuple[str, str]
    rates: tuple[float, float]
    flips: tuple[int, int]
    conclusion: str
    exit_code: int
    findings: set[str]
    pvalue_exact: str | None = None
    wald: tuple[float, float] | None = None  # 1.96 sd / sqrt(n), for orientation
    labels: tuple[str, ...] = ()
    n: int = 0

    def __str__(self) -> str:
        return "-".join((self.task, self.models[0], *self.labels))


PUBLISHED = [
    Published(
        "prime", GPT_4, (0.840, 0.511), (476, 147), "regressed", 1,
        {"answer_bias_shift", *SHIFTS}, "2.11e-41", (-0.3735, -0.2845), n=1000,
    ),
    Published(
        "prime", GPT_35, (0.496, 0.761), (154, 419), "improved", 0,
        {"answer_bias_shift", "latency_shift"}, n=1000,
    ),
    Published(
        "prime_v1", GPT_4, (0.976, 0.024), (476, 0), "regressed", 1,
        {"constant_expected_answer", *SHIFTS}, n=500,
    ),
    Published(
        "prime_v1", GPT_35, (0.148, 0.866), (7, 366), "improved", 0,
        {"constant_expected_answer", *SHIFTS}, n=500,
    ),
    Published(
        "happy_number", GPT_4, (0.836, 0.352), (269, 27), "regressed", 1, SHIFTS,
        wald=(-0.5365, -0.4315), n=500,
    ),
    Published("happy_number", GPT_35, (0.306, 0.482), (70, 158), "improved", 0, SHIFTS, n=500),
    Published(
        "sensitiveq", GPT_4, (0.21, 0.05), (16, 0), "regressed", 1, {"refusal_shift", *SHIFTS},
        "3.05e-05", labels=LABELS["sensitiveq"], n=100,
    ),
    Published(
        "sensitiveq", GPT_35, (0.02, 0.08), (0, 6), "improved", 0, {"refusal_shift", *SHIFTS},
        "0.03125", labels=LABELS["sensitiveq"], n=100,
    ),
    Published(
        "leetcode", GPT_4, (0.52, 0.10), (23, 2), "regressed", 1,
        {"format_break", "length_shift", "latency_shift"}, "1.9e-05",
        labels=LABELS["leetcode"], n=50,
    ),
    Published(
        "leetcode", GPT_35, (0.22, 0.02), (10, 0), "regressed", 1, {"format_break"},
        labels=LABELS["leetcode"], n=50,
    ),
    Published(
        "leetcode", GPT_4, (0.52, 0.10), (23, 2), "regressed", 1,
        {"format_break", "length_shift", "latency_shift"}, "1.9e-05",
        labels=("directly_executable",), n=50,
    ),
    Published(
        "leetcode", GPT_4, (0.52, 0.70), (2, 11), "improved", 0,
        {"length_shift", "latency_shift"}, "0.0225", labels=("clean_accepted",), n=50,
    ),
]  # fmt: skip

Aiir = Callable[..., tuple[int, str]]


@pytest.fixture
def aiir(capsys: pytest.CaptureFixture[str]) -> Aiir:
    """Call the command line: its exit code and what it wrote to stdout."""

    def call(*arguments: str) -> tuple[int, str]:
        code = invoke(arguments)
        written = capsys.readouterr()
        assert "Traceback" not in written.err
        return code, written.out

    return call


def to_the_digits_of(published: str, value: float) -> str:
    """A number written with as many significant digits as the published one."""
    digits = published.split("e")[0].replace(".", "").lstrip("0")
    return f"{value:.{len(digits)}g}"


def imported(aiir: Aiir, data: Path, folder: Path, case: Published) -> tuple[str, str]:
    """Both versions as runs: scored by a suite, or with the labels recorded in the table."""
    table = str(data / "llmdrift" / f"{case.task}.parquet")
    keyed = ["--id", "id,occ"]
    if case.labels:
        scored = [part for label in case.labels for part in ("--passed", label)]
    else:
        suite = str(folder / "suite.yaml")
        code, _ = aiir(
            "suite", "from-table", table, *keyed, "--input", "query", "--expected", "ref_answer",
            "--check", CHECKS[case.task], "--where", f"model = '{case.models[0]}'", "-o", suite,
        )  # fmt: skip
        assert code == 0
        scored = ["--suite", suite]
    runs = []
    for model in case.models:
        out = str(folder / model)
        code, _ = aiir(
            "import", "table", table, *keyed, *scored, "--output", "answer", "--latency",
            "latency", "--cost", "cost", "--where", f"model = '{model}'", "--target-name", model,
            "-o", out,
        )  # fmt: skip
        assert code == 0
        runs.append(out)
    return runs[0], runs[1]


@pytest.mark.parametrize("case", PUBLISHED, ids=str)
def test_published_figures_are_recovered(
    shared_data: Path, tmp_path: Path, aiir: Aiir, case: Published
) -> None:
    old, new = imported(aiir, shared_data, tmp_path, case)
    code, out = aiir("compare", old, new, "--margin", "0.05", "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert found["conclusion"] == case.conclusion
    assert found["comparability"] == {"ok": True, "problems": []}
    assert found["n_cases"] == case.n and found["n_trials"]["baseline"] == case.n
    rates = (found["baseline"]["pass_rate"], found["candidate"]["pass_rate"])
    assert tuple(round(rate, 3) for rate in rates) == case.rates
    assert (found["flips"]["broke"], found["flips"]["fixed"]) == case.flips
    difference = found["difference"]
    assert round(difference["estimate"], 3) == round(case.rates[1] - case.rates[0], 3)
    if case.pvalue_exact is not None:
        shown = to_the_digits_of(case.pvalue_exact, difference["pvalue_exact"])
        assert shown == case.pvalue_exact
    if case.wald is not None:
        wald = [difference["estimate"] + z * difference["standard_error"] for z in (-1.96, 1.96)]
        assert wald == pytest.approx(case.wald, abs=2e-4)
        assert difference["confidence_interval"] == pytest.approx(case.wald, abs=0.01)
    assert {item["code"] for item in found["findings"]} & OURS == case.findings

    code, out = aiir("gate", "--baseline", old, "--candidate", new, "--format", "json")
    assert code == case.exit_code == json.loads(out)["exit_code"]


@pytest.mark.parametrize(
    ("models", "yes", "no"),
    [
        (GPT_4, ((0.976, 0.024), (476, 0)), ((0.704, 0.998), (0, 147))),
        (GPT_35, ((0.148, 0.866), None), ((0.844, 0.656), None)),
    ],
)
def test_the_move_of_prime_is_a_shift_of_bias(
    shared_data: Path,
    tmp_path: Path,
    aiir: Aiir,
    models: tuple[str, str],
    yes: tuple[tuple[float, float], tuple[int, int] | None],
    no: tuple[tuple[float, float], tuple[int, int] | None],
) -> None:
    from aiir_eval.compare.comparing import compare

    case = next(item for item in PUBLISHED if (item.task, item.models) == ("prime", models))
    comparison = compare(*imported(aiir, shared_data, tmp_path, case))
    frame = comparison.to_pandas()
    slices = {item.value: item for item in comparison.slices if item.by == "expected"}
    assert slices.keys() == {"yes", "No"}
    for value, (rates, flips) in (("yes", yes), ("No", no)):
        part = frame[frame.expected == value]
        assert len(part) == slices[value].n_cases == 500
        assert (round(part.baseline.mean(), 3), round(part.candidate.mean(), 3)) == rates
        assert slices[value].difference == pytest.approx(rates[1] - rates[0])
        if flips is not None:
            assert ((part.flip == "broke").sum(), (part.flip == "fixed").sum()) == flips
    assert slices["yes"].conclusion != slices["No"].conclusion
    finding = next(item for item in comparison.findings if item.code == "answer_bias_shift")
    assert "bias and not of ability" in finding.message


def test_the_move_of_leetcode_is_one_of_format(
    shared_data: Path, tmp_path: Path, aiir: Aiir
) -> None:
    from aiir_eval.compare.comparing import compare

    case = next(item for item in PUBLISHED if item.task == "leetcode" and len(item.labels) == 2)
    comparison = compare(*imported(aiir, shared_data, tmp_path, case))
    checks = {item.check: item for item in comparison.checks}
    clean = checks["clean_accepted"]
    assert clean.difference.estimate == pytest.approx(0.18)
    assert (len(clean.flips.broke), len(clean.flips.fixed)) == (2, 11)
    assert clean.difference.pvalue_exact is not None
    assert to_the_digits_of("0.0225", clean.difference.pvalue_exact) == "0.0225"
    assert clean.conclusion == "improved"
    assert checks["directly_executable"].conclusion == "regressed"
    findings = [item for item in comparison.findings if item.code == "format_break"]
    by_check = next(item for item in findings if "lenient_check" in item.evidence)
    assert by_check.evidence["check"] == "directly_executable"
    by_mark = next(item for item in findings if "mark" in item.evidence)
    assert by_mark.evidence["mark"] == "code_fence"


def test_leetcode_labels_alone_tell_a_break_of_format(shared_data: Path, aiir: Aiir) -> None:
    from aiir_eval.compare.comparing import compare
    from aiir_eval.runs.importing import import_table

    table = shared_data / "llmdrift" / "leetcode.parquet"
    for models in (GPT_4, GPT_35):
        runs = [
            import_table(
                table, id=["id", "occ"], passed=LABELS["leetcode"], where=f"model = '{model}'"
            )
            for model in models
        ]
        codes = [item.code for item in compare(*runs).findings]
        assert codes.count("format_break") == 1


def test_a_stated_headline_is_checked_against_the_rows(
    shared_data: Path, tmp_path: Path, aiir: Aiir
) -> None:
    table = str(shared_data / "llmdrift" / "sensitiveq.parquet")
    for model, stated in zip(GPT_4, ("0.21", "0.50"), strict=True):
        aiir(
            "import", "table", table, "--id", "id,occ", "--passed", "response_rate", "--where",
            f"model = '{model}'", "--expect-pass-rate", stated, "-o", str(tmp_path / model),
        )  # fmt: skip
    _, out = aiir("compare", *(str(tmp_path / model) for model in GPT_4), "--format", "json")
    (finding,) = (
        item for item in json.loads(out)["findings"] if item["code"] == "aggregate_mismatch"
    )
    assert finding["evidence"]["side"] == "candidate"
    assert finding["evidence"]["rows"] == pytest.approx(0.05)


def test_two_models_that_answer_other_questions_are_not_compared(
    shared_data: Path, tmp_path: Path, aiir: Aiir
) -> None:
    table = str(shared_data / "llmdrift" / "sensitiveq.parquet")
    for name, ids in (("a", "id,occ"), ("b", "query")):
        code, _ = aiir(
            "import", "table", table, "--id", ids, "--passed", "response_rate", "--where",
            f"model = '{GPT_4[0]}'", "-o", str(tmp_path / name),
        )  # fmt: skip
        assert code == 0
    code, out = aiir(
        "gate", "--baseline", str(tmp_path / "a"), "--candidate", str(tmp_path / "b"),
        "--format", "json",
    )  # fmt: skip
    assert code == 4 and json.loads(out)["verdict"] == "invalid"
