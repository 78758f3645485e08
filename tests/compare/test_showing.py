"""How a comparison shows itself: frames, plot, and the file it is saved in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from made_runs import case, suite_run, table_run

from aiir_eval.compare.comparing import compare
from aiir_eval.compare.document import load_comparison, save_comparison
from aiir_eval.compare.result import Comparison
from aiir_eval.errors import DocumentError, InputError

CASES = [
    case(f"c{i:02}", expected="yes", origin="incident" if i < 20 else "control",
         checks=[{"scorer": "contains", "name": name, "value": "x"} for name in ("ok", "polite")])
    for i in range(40)
]  # fmt: skip


@pytest.fixture
def comparison() -> Comparison:
    def old(this, trial):  # type: ignore[no-untyped-def]
        return f"old answer $ {trial}", {"ok": this.id != "c39", "polite": True}

    def new(this, trial):  # type: ignore[no-untyped-def]
        return f"new answer {trial}", {"ok": this.id > "c09" and trial < 2, "polite": True}

    runs = [suite_run(name, CASES, say, trials=3) for name, say in (("v1", old), ("v$2", new))]
    return compare(*runs, margin=0.05)


def test_one_row_a_case(comparison: Comparison) -> None:
    frame = comparison.to_pandas()
    assert len(frame) == 40
    first, last = frame.iloc[0], frame.iloc[-1]
    assert (first.case_id, first.baseline, first.candidate, first.flip) == ("c00", 1, 0, "broke")
    assert (last.case_id, last.flip) == ("c39", "fixed")
    assert last.candidate == pytest.approx(2 / 3)
    assert first.baseline_trials == first.candidate_trials == 3
    assert frame.difference.mean() == pytest.approx(comparison.difference.estimate)  # type: ignore[union-attr]


def test_flips_show_answers_before_and_after(comparison: Comparison) -> None:
    frame = comparison.flips()
    assert list(frame.columns) == [
        "case_id", "flip", "input", "expected", "old_output", "new_output", "baseline",
        "candidate", "checks",
    ]  # fmt: skip
    assert len(frame) == 40
    broke, fixed = frame.iloc[0], frame.iloc[-1]
    assert (broke.case_id, broke.flip, broke.input) == ("c00", "broke", "input of c00")
    assert broke.old_output == "old answer $ 0" and broke.new_output == "new answer 0"
    assert broke.checks == "ok"
    assert (fixed.case_id, fixed.flip) == ("c39", "fixed")
    assert frame.iloc[15].new_output == "new answer 2"  # the trial that failed


def test_no_flip_gives_an_empty_frame_with_the_same_columns() -> None:
    same = compare(table_run("a", [1] * 9), table_run("b", [1] * 9))
    assert same.flips().empty and "old_output" in same.flips().columns


def test_the_plot_has_a_row_for_the_whole_the_checks_and_the_slices(comparison: Comparison) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    axes = comparison.plot()
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels[0] == "all"
    assert {"check: ok", "origin: incident (20)"} <= set(labels)
    axes.figure.canvas.draw()


def test_a_comparison_without_numbers_can_be_plotted_too() -> None:
    nothing = compare(table_run("a", [1] * 3), table_run("b", [1] * 3, ids=["x", "y", "z"]))
    nothing.plot().figure.canvas.draw()


def test_names_that_never_end_are_cut_so_that_the_plot_of_a_comparison_keeps_its_title() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    axes = compare(table_run("a" * 300, [1] * 9), table_run("b" * 300, [1] * 9)).plot()
    title = axes.get_title()
    assert title == f"{'b' * 26}… against {'a' * 26}…: inconclusive"
    axes.figure.canvas.draw()
    box, page = axes.title.get_window_extent(), axes.figure.bbox
    assert page.x0 <= box.x0 and box.x1 <= page.x1


def test_what_is_saved_is_read_back(comparison: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "comparison.json"
    save_comparison(comparison, path)
    data = json.loads(path.read_text())
    assert next(iter(data)) == "schema" and data["schema"] == "aiir/comparison/1"
    assert {key: data[key] for key in comparison.to_dict()} == comparison.to_dict()
    loaded = load_comparison(path)
    assert loaded.to_dict() == comparison.to_dict()
    assert loaded.sentence == comparison.sentence
    assert loaded.margin == comparison.margin and loaded.needed == comparison.needed
    assert loaded.flip_ids == comparison.flip_ids
    assert loaded.flips().equals(comparison.flips())
    assert loaded.difference == comparison.difference
    assert loaded.old.name == "v1" and loaded.old.manifest.fingerprint
    with pytest.raises(InputError, match="read from a file"):
        loaded.to_pandas()


def test_a_comparison_without_numbers_can_be_saved(tmp_path: Path) -> None:
    nothing = compare(table_run("a", [1] * 3), table_run("b", [1] * 3, ids=["x", "y", "z"]))
    save_comparison(nothing, tmp_path / "c.json")
    assert load_comparison(tmp_path / "c.json").to_dict() == nothing.to_dict()


def test_many_flips_are_saved_in_part(tmp_path: Path) -> None:
    n = 1000
    many = compare(
        table_run("a", [1] * n, output=["long answer " * 20] * n),
        table_run("b", [0] * n, output=["short"] * n),
    )
    save_comparison(many, tmp_path / "c.json")
    loaded = load_comparison(tmp_path / "c.json")
    assert len(loaded.flip_ids.broke) == n
    assert len(loaded.flips()) == 200
    assert (tmp_path / "c.json").stat().st_size < 1_000_000


@pytest.mark.parametrize("damage", ["schema", "saved", "difference", "checks"])
def test_a_damaged_file_is_said_to_be_damaged(
    comparison: Comparison, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "c.json"
    save_comparison(comparison, path)
    data = json.loads(path.read_text())
    if damage == "difference":
        data["saved"]["difference"] = {"estimate": 1}
    else:
        del data[damage]
    path.write_text(json.dumps(data))
    with pytest.raises(DocumentError, match=r"damaged|no saved comparison"):
        load_comparison(path)


def test_text_that_reads_like_a_number_stays_text(tmp_path: Path) -> None:
    n = 12
    special = compare(
        table_run("a", [1] * n, output=["inf"] * n, latency=np.ones(n)),
        table_run("b", [0] * n, output=["nan"] * n, latency=np.ones(n)),
    )
    save_comparison(special, tmp_path / "c.json")
    flips = load_comparison(tmp_path / "c.json").flips()
    assert set(flips.old_output) == {"inf"} and set(flips.new_output) == {"nan"}
