"""What a comparison concludes, and the numbers it gives for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_runs import case, suite_run, table_run

import aiir_eval as aiir
from aiir_eval.compare.comparing import compare
from aiir_eval.compare.result import Comparison
from aiir_eval.errors import InputError
from aiir_eval.runs import import_table


def pair_with(broke: int, fixed: int, both: int, neither: int, **options: object) -> Comparison:
    old = [1] * (broke + both) + [0] * (fixed + neither)
    new = [0] * broke + [1] * both + [1] * fixed + [0] * neither
    return compare(table_run("old", old), table_run("new", new), **options)  # type: ignore[arg-type]


def test_the_numbers_are_those_of_the_paired_table() -> None:
    comparison = pair_with(broke=30, fixed=10, both=50, neither=10)
    assert comparison.n_cases == comparison.n_clusters == 100
    assert comparison.n_trials == (100, 100)
    assert comparison.baseline is not None and comparison.candidate is not None
    assert comparison.baseline.pass_rate == pytest.approx(0.8)
    assert comparison.candidate.pass_rate == pytest.approx(0.6)
    assert comparison.difference is not None
    assert comparison.difference.estimate == pytest.approx(-0.2)
    from scipy.stats import binomtest

    exact = binomtest(10, 40, 0.5).pvalue
    assert comparison.difference.pvalue_exact == pytest.approx(exact, rel=1e-9)
    assert len(comparison.flip_ids.broke) == 30 and len(comparison.flip_ids.fixed) == 10
    assert comparison.flip_ids.broke[0] == "case-0000"


@pytest.mark.parametrize(
    ("broke", "fixed", "margin", "conclusion"),
    [
        (40, 5, 0.05, "regressed"),
        (40, 5, None, "regressed"),
        (5, 40, 0.05, "improved"),
        (5, 40, None, "improved"),
        (1, 1, 0.05, "non_inferior"),
        (0, 0, 0.05, "non_inferior"),
        (10, 10, None, "inconclusive"),
        (17, 10, 0.02, "inconclusive"),
    ],
)
def test_the_conclusion_follows_the_table(
    broke: int, fixed: int, margin: float | None, conclusion: str
) -> None:
    comparison = pair_with(broke, fixed, both=220, neither=40, margin=margin)
    assert comparison.conclusion == conclusion
    assert comparison.comparable


def test_no_change_without_a_margin_is_never_called_a_pass() -> None:
    assert pair_with(0, 0, both=5000, neither=0).conclusion == "inconclusive"


def test_an_inconclusive_comparison_says_what_would_settle_it() -> None:
    comparison = pair_with(6, 4, both=50, neither=0, margin=0.05)
    assert comparison.conclusion == "inconclusive"
    assert comparison.needed is not None
    assert comparison.needed.cases > comparison.n_cases and comparison.needed.trials == 1
    assert f"{comparison.needed.cases - 60:,} more cases" in comparison.sentence
    assert "underpowered" in {finding.code for finding in comparison.findings}


def test_a_settled_comparison_needs_nothing_more() -> None:
    assert pair_with(1, 1, both=300, neither=0, margin=0.05).needed is None


def test_a_loss_within_the_margin_is_not_inferior_and_is_said() -> None:
    comparison = pair_with(14, 1, both=1985, neither=0, margin=0.02)
    assert comparison.conclusion == "non_inferior"
    assert "worse_within_margin" in {finding.code for finding in comparison.findings}


def test_the_order_of_the_rows_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    n, trials = 40, 3
    ids = np.repeat([f"c{i}" for i in range(n)], trials)
    columns = {
        "trial": np.tile(np.arange(trials), n),
        "cluster": np.repeat([f"g{i // 4}" for i in range(n)], trials),
        "latency": rng.lognormal(size=n * trials),
    }
    ok = {"old": rng.random(n * trials) < 0.8, "new": rng.random(n * trials) < 0.6}

    def result(order: np.ndarray, name_of_cluster: str = "g") -> dict[str, object]:
        runs = [
            table_run(
                side,
                ok[side][order].tolist(),
                ids=ids[order].tolist(),
                trial=columns["trial"][order].tolist(),
                cluster=[c.replace("g", name_of_cluster) for c in columns["cluster"][order]],
                latency=columns["latency"][order].tolist(),
            )
            for side in ("old", "new")
        ]
        return compare(*runs, margin=0.05).to_dict()

    plain = result(np.arange(n * trials))
    assert result(rng.permutation(n * trials)) == plain
    assert result(rng.permutation(n * trials), "z-") == plain
    assert plain["n_clusters"] == 10


def test_swapping_the_sides_turns_the_difference_round() -> None:
    old, new = table_run("a", [1] * 60 + [0] * 40), table_run("b", [1] * 45 + [0] * 50 + [1] * 5)
    one, other = compare(old, new), compare(new, old)
    assert one.difference is not None and other.difference is not None
    assert one.difference.estimate == pytest.approx(-other.difference.estimate)
    assert one.difference.pvalue == pytest.approx(other.difference.pvalue)
    assert one.flip_ids.broke == other.flip_ids.fixed


def test_with_trials_a_case_broke_where_its_share_of_passes_fell() -> None:
    ids = [f"c{i}" for i in range(20) for _ in range(4)]
    trial = list(range(4)) * 20
    old = [1, 1, 1, 0] * 20
    new = [1, 1, 0, 0] * 3 + [1, 1, 1, 1] * 2 + [0, 1, 1, 1] * 15
    comparison = compare(
        table_run("old", old, ids=ids, trial=trial), table_run("new", new, ids=ids, trial=trial)
    )
    assert set(comparison.flip_ids.broke) == {"c0", "c1", "c2"}
    assert set(comparison.flip_ids.fixed) == {"c3", "c4"}
    assert comparison.n_trials == (80, 80) and comparison.n_cases == 20


def test_graded_runs_are_compared_by_their_scores() -> None:
    rng = np.random.default_rng(0)
    old = rng.uniform(0.4, 0.9, 80)
    runs = [
        table_run(name, {"quality": scores.tolist()}, score="quality")
        for name, scores in (("old", old), ("new", old - 0.1))
    ]
    comparison = compare(*runs, margin=0.05)
    assert comparison.difference is not None
    assert comparison.difference.estimate == pytest.approx(-0.1)
    assert comparison.conclusion == "regressed"
    assert "mean score is 0.100 lower" in comparison.sentence
    assert comparison.baseline is not None
    assert comparison.baseline.pass_rate == pytest.approx(old.mean())


def test_one_check_can_be_compared_alone() -> None:
    old = table_run("old", {"a": [1] * 50, "b": [1] * 50})
    new = table_run("new", {"a": [0] * 30 + [1] * 20, "b": [1] * 50})
    whole, alone = compare(old, new), compare(old, new, check="b", margin=0.1)
    assert whole.conclusion == "regressed"
    assert [check.check for check in whole.checks] == ["a", "b"]
    assert [check.conclusion for check in whole.checks] == ["regressed", "inconclusive"]
    assert alone.conclusion == "non_inferior"
    assert [check.check for check in alone.checks] == ["b"]
    with pytest.raises(InputError, match="'a', 'b'"):
        compare(old, new, check="c")


def test_checks_of_some_cases_are_compared_on_those_cases() -> None:
    cases = [case(f"c{i:02}") for i in range(40)]

    def say(broken: bool):  # type: ignore[no-untyped-def]
        def speak(this, trial):  # type: ignore[no-untyped-def]
            odd = int(this.id[1:]) % 2
            verdicts = {"ok": True} if not odd else {"ok": True, "odd": not broken}
            return "yes", verdicts

        return speak

    comparison = compare(suite_run("old", cases, say(False)), suite_run("new", cases, say(True)))
    odd = next(check for check in comparison.checks if check.check == "odd")
    assert odd.difference.n_cases == 20 and odd.difference.estimate == -1
    assert len(odd.flips.broke) == 20


@pytest.mark.parametrize("options", [{"margin": 0}, {"margin": 1.5}, {"confidence_level": 2}])
def test_an_option_out_of_range_is_refused(options: dict[str, float]) -> None:
    run = table_run("old", [1, 0])
    with pytest.raises(InputError):
        compare(run, run, **options)  # type: ignore[arg-type]


def test_the_sentence_says_direction_size_and_certainty() -> None:
    sentence = pair_with(broke=30, fixed=10, both=50, neither=10).sentence
    assert sentence.startswith("Worse: 20.0 points fewer cases pass (80.0% -> 60.0%; 95% interval")
    assert "30 broke, 10 fixed" in sentence
    assert pair_with(5, 30, 50, 15).sentence.startswith("Better: 25.0 points more cases pass")
    assert pair_with(0, 0, 500, 5, margin=0.05).sentence.startswith("No loss of 5.0 points")
    assert "name a margin" in pair_with(0, 0, 5, 5).sentence


def test_the_sentence_of_one_check_names_it() -> None:
    rows = {"id": [str(n) for n in range(40)], "a": [1] * 40}
    old = import_table(pd.DataFrame(rows | {"b": [1] * 40}), id="id", passed=["a", "b"])
    new = import_table(pd.DataFrame(rows | {"b": [0] * 40}), id="id", passed=["a", "b"])
    assert "points fewer cases pass 'b' (" in compare(old, new, check="b").sentence
    assert "as many cases pass 'a' as before" in compare(old, new, check="a").sentence


def test_where_there_are_trials_the_sentence_speaks_of_the_pass_rate() -> None:
    rows = [(case, trial) for case in range(20) for trial in range(3)]
    frame = pd.DataFrame(rows, columns=["id", "trial"]).assign(id=lambda f: f["id"].astype(str))
    old = import_table(frame.assign(ok=1), id="id", trial="trial", passed="ok")
    new = import_table(
        frame.assign(ok=(frame["id"].astype(int) >= 2).astype(int)),
        id="id", trial="trial", passed="ok",
    )  # fmt: skip
    assert "the pass rate is 10.0 points lower (100.0% -> 90.0%" in compare(old, new).sentence


def test_the_public_function_takes_paths_of_runs(tmp_path: Path) -> None:
    old = table_run("old", [1] * 40, out=tmp_path / "old")
    table_run("new", [1] * 20 + [0] * 20, out=tmp_path / "new")
    comparison = aiir.compare(tmp_path / "old", tmp_path / "new")
    assert comparison.conclusion == "regressed"
    assert comparison.old.manifest.fingerprint == old.manifest.fingerprint
    with pytest.raises(InputError, match="no such file or folder"):
        aiir.compare(tmp_path / "nothing", tmp_path / "new")


def test_the_json_is_plain_and_has_the_keys_of_the_contract() -> None:
    data = json.loads(json.dumps(pair_with(5, 4, 80, 11, margin=0.05).to_dict(), allow_nan=False))
    assert list(data) == [
        "conclusion", "n_cases", "n_clusters", "n_trials", "baseline", "candidate", "difference",
        "flips", "checks", "non_inferiority", "minimum_detectable_effect", "slices", "findings",
        "comparability",
    ]  # fmt: skip
    assert list(data["difference"]) == [
        "estimate", "standard_error", "confidence_interval", "confidence_level", "pvalue",
        "pvalue_exact", "method",
    ]  # fmt: skip
    assert data["flips"] == {"broke": 5, "fixed": 4}
    assert set(data["non_inferiority"]) == {"margin", "pvalue", "lower_bound", "holds"}
    assert set(data["checks"][0]) == {"check", "difference", "flips", "conclusion"}
    assert data["comparability"] == {"ok": True, "problems": []}


def test_the_same_seed_gives_the_same_comparison() -> None:
    rng = np.random.default_rng(1)
    runs = [
        table_run(name, {"s": rng.random(60).tolist()}, score="s", by={"k": ["x", "y"] * 30})
        for name in ("old", "new")
    ]
    assert compare(*runs, rng=5).to_dict() == compare(*runs, rng=5).to_dict()
