"""The pages on statistics: every figure is drawn by their script, every number is what it finds."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from aiir_eval.stats import clopper_pearson

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "statistics"
sys.path.insert(0, str(PAGES))

from figures import FIGURES, comparing, deciding, drifting, judging, measured  # noqa: E402
from figures.style import save  # noqa: E402

IMAGE = re.compile(r"!\[([^\]]*)\]\(\.\./pictures/statistics/([\w-]+)\.png\)")
QUICK = ("pairing", "conclusions", "fixed", "sequential", "trials", "change-points")


def page(name: str) -> str:
    """The words of a page, whatever its line breaks."""
    return " ".join((PAGES / f"{name}.md").read_text("utf-8").split())


def agrees(stated: float, count: float, n: int) -> bool:
    """Could a rate as stated have shown this count in a smaller simulation?"""
    low, high = clopper_pearson(round(count), n, confidence_level=0.999)
    return low <= stated <= high


def test_every_figure_has_its_picture_and_its_words() -> None:
    shown = {
        name: alt for path in PAGES.glob("*.md") for alt, name in IMAGE.findall(path.read_text())
    }
    assert shown.keys() == FIGURES.keys()
    for name, alt in shown.items():
        picture = ROOT / "docs" / "pictures" / "statistics" / f"{name}.png"
        assert 5_000 < picture.stat().st_size < 80_000, name
        assert len(alt) > 150, f"{name}: who cannot see it learns too little"
    on_disk = {path.stem for path in (ROOT / "docs" / "pictures" / "statistics").iterdir()}
    assert on_disk == FIGURES.keys()


@pytest.mark.parametrize("name", QUICK)
def test_a_figure_is_drawn(name: str, tmp_path: Path) -> None:
    from PIL import Image

    save(FIGURES[name], tmp_path / "figure.png")
    drawn = Image.open(tmp_path / "figure.png").convert("L")
    on_file = Image.open(ROOT / "docs" / "pictures" / "statistics" / f"{name}.png")
    assert drawn.size == on_file.size
    ink = float((np.asarray(drawn) < 200).mean())
    assert 0.01 < ink < 0.5


def test_comparing_states_what_its_figures_show() -> None:
    text = page("comparing")
    paired, apart = comparing.half_widths(400, 0.9, 0.05)
    assert f"±{100 * paired:.1f} points" in text
    assert f"give ±{100 * apart:.1f}" in text
    at_20, at_50 = comparing.coverage(20), comparing.coverage(50)
    assert f"covers {at_20['t'][0]:.0%} at 20 cases and {at_50['t'][0]:.0%} at 50" in text
    assert f"passes {at_20['t'][1]:.0%} and {at_50['t'][1]:.0%} of the runs" in text
    assert f"ours passes {at_20['ours'][1]:.1%} and {at_50['ours'][1]:.1%}" in text
    assert agrees(0.41, 150 * comparing.alarms(200, 10, 150, seed=9)[0], 150)
    assert "in 41% of the runs at 10 cases an incident" in text
    conclusions = [comparing.of_counts(*row).conclusion(0.05) for row in comparing.EXAMPLES]
    assert conclusions == [
        "improved", "non_inferior", "non_inferior", "regressed", "regressed", "inconclusive",
        "inconclusive",
    ]  # fmt: skip


def test_deciding_states_what_its_figures_show() -> None:
    text = page("deciding")
    unchanged = deciding.cases_seen(0.05, 0.05, deciding.SEED)[0]
    lost = deciding.cases_seen(0.11, 0.01, deciding.SEED)[0]
    assert (unchanged.decision, lost.decision) == ("pass", "fail")
    assert f"reaches 20 after {unchanged.decided_after} cases" in text
    assert f"reaches 20 after {lost.decided_after}." in text
    assert f"needs {deciding.FIXED_DESIGN} cases" in text
    plain, corrected, passed = deciding.at_least_one(20, 1_000, seed=9)
    assert agrees(0.64, 1_000 * plain, 1_000)
    assert agrees(0.05, 1_000 * corrected, 1_000)
    assert agrees(0.05 * 0.99**19, 1_000 * passed, 1_000)


def test_deciding_states_what_calibration_finds() -> None:
    text, found = page("deciding"), deciding.calibrated(120)
    assert "unchanged version in 1.7%" in text
    assert "just the margin in 5.5%" in text
    assert agrees(0.017, found.false_alarm.count, 120)
    assert agrees(0.055, found.at(0.05).passed.count, 120)
    assert agrees(0.41, found.at(0.05).failed.count, 120)
    assert abs((found.detectable(0.8) or 1) - 0.088) < 0.015


def test_deciding_copies_the_savings_from_the_benchmark() -> None:
    results = (ROOT / "benchmarks" / "statistics" / "README.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in results.partition("## Sequential tests")[2].splitlines()
        if line.startswith("| 0.1 |")
    ]
    share = {row[1]: row[6] for row in rows if len(row) == 8}
    stated = re.findall(r"\| ([0-9.]+) \|", page("deciding").partition("fixed design |")[2])
    assert stated[:5] == [share[truth] for truth in ("+0.02", "+0.00", "-0.01", "-0.04", "-0.10")]


def test_judging_states_what_its_figures_show() -> None:
    text, runs = page("judging"), 120
    found = judging.intervals(runs, seed=9)
    for name, stated, width in (
        ("the judge alone", 0.0, None),
        ("the labels alone", 0.960, "11.0"),
        ("Rogan-Gladen", 0.951, "15.0"),
        ("prediction-powered", 0.950, "8.8"),
    ):
        assert f"cover{'' if 'labels' in name else 's'} {stated:.1%}" in text
        assert agrees(stated, runs * judging.covered(found[name]), runs)
        if width:
            wide = np.mean([high - low for low, high in found[name]])
            assert f"{width} points wide" in text
            assert abs(100 * wide / float(width) - 1) < 0.1
    from aiir_eval.stats import pass_at_k, pass_hat_k

    passes = judging.agent()
    once, some, every = (
        rate(passes, 10, k).estimate
        for rate, k in ((pass_at_k, 1), (pass_at_k, 10), (pass_hat_k, 10))
    )
    assert f"the pass rate is {once:.0%}; some of 10 trials pass for {some:.0%}" in text
    assert f"all of them for {every:.0%}" in text
    assert f"would be {once**10:.1%}" in text


def test_drifting_states_what_its_figures_show() -> None:
    text, runs = page("drifting"), 120
    for change, stated in (
        ("nothing", (0.05, 0.03, 0.05)),
        ("mean + 0.3 sd", (0.72, 0.58, 0.69)),
        ("twice the variance", (0.05, 0.29, 0.19)),
        ("a tail: 8% much slower", (0.60, 0.16, 0.50)),
    ):
        found = drifting.found_by(change, runs, seed=9)
        assert all(agrees(s, runs * f, runs) for s, f in zip(stated, found, strict=True)), change
        assert all(f"{share:.0%}" in text for share in stated)
    assert f"{drifting.usual_bias(100, 100):.2f} at 100 rows a side" in text
    hundred, fifty = (drifting.psi(n, runs, seed=9) for n in (100, 50))
    assert "100 unchanged rows 79% are above 0.1; of 50 rows, 64% are above 0.25" in text
    assert agrees(0.79, (hundred[0] > 0.1).sum(), runs)
    assert agrees(0.64, (fifty[0] > 0.25).sum(), runs)
    assert np.median(hundred[1]) == 0
    ignored, known = drifting.false_drift(10, 30, seed=9)
    assert agrees(0.42, ignored, 30)
    assert agrees(0.04, known, 30)


def test_measured_states_what_is_on_file() -> None:
    text = page("measured")
    found = measured.measured()
    for name in measured.METHODS:
        cells = []
        for claim in measured.PANELS:
            line = found[claim, name]
            worst = "-" if line is None else f"worst {line.worst.rate:.1%}"
            cells.append(worst if line is None else f"{len(line.beyond)} of {line.cells}, {worst}")
        assert f"| {name} | {' | '.join(cells)} |" in text
