"""Plans and calibrations in every form: the answer first, hostile names harmless."""

from __future__ import annotations

import pytest
from made_runs import table_run
from results import HOSTILE
from test_html import Page
from test_terminal import STYLE

from aiir_eval.compare.design import Plan
from aiir_eval.compare.planning import plan
from aiir_eval.gate.calibrating import calibrate
from aiir_eval.gate.calibration import Calibration
from aiir_eval.gate.policy import Policy
from aiir_eval.reports import markdown, notebook, terminal
from aiir_eval.reports.html import render_html
from aiir_eval.reports.html.curves import power_curve


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    claims = [
        {"name": HOSTILE.split(" \ud800")[0], "non_inferior": {"margin": 0.1}},
        {"name": "few fail", "max_failures": 30},
    ]
    old, new = (
        table_run(HOSTILE.encode("utf-8", "replace").decode(), [i % n > 0 for i in range(150)])
        for n in (9, 10)
    )
    return calibrate(old, new, Policy.model_validate({"claims": claims}), repetitions=25)


@pytest.fixture(scope="module")
def made_plan() -> Plan:
    pilot = table_run("<b>pilot</b> | $x$", [i % 9 > 0 for i in range(150)])
    return plan(margin=0.05, pilot=pilot, trials=[1, 3], cases=100)


def test_the_answer_comes_first(calibration: Calibration, made_plan: Plan) -> None:
    first = "This suite catches a 5-point drop"
    assert terminal.render_calibration(calibration).startswith(first)
    assert markdown.calibration_markdown(calibration).startswith(f"**{first}")
    assert Page(notebook.calibration_html(calibration)).text.strip().startswith(first)
    assert first in Page(render_html(calibration)).text
    first = "The chance that 100 cases show that an unchanged version"
    assert terminal.render_plan(made_plan).startswith(first)
    assert markdown.plan_markdown(made_plan).startswith(f"**{first}")
    assert Page(notebook.plan_html(made_plan)).text.strip().startswith(first)


@pytest.mark.parametrize("width", [60, 100, 140])
def test_a_terminal_is_told_nothing_but_text(
    calibration: Calibration, made_plan: Plan, width: int
) -> None:
    for text in (
        terminal.render_calibration(calibration, width=width),
        terminal.render_plan(made_plan, width=width),
    ):
        assert "\x1b" not in text and "\u202e" not in text
        assert max(map(len, text.split("\n"))) <= width
    coloured = terminal.render_calibration(calibration, color=True, width=width)
    assert "\x1b" not in STYLE.sub("", coloured)


def test_no_form_lets_a_name_do_anything(calibration: Calibration, made_plan: Plan) -> None:
    page = Page(render_html(calibration))
    assert page.open == []
    assert not {tag for tag, _ in page.elements} & {"img", "iframe", "a", "form", "base"}
    assert all(not name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert all(name not in {"style", "src"} for _, attrs in page.elements for name in attrs)
    for fragment in (notebook.calibration_html(calibration), notebook.plan_html(made_plan)):
        shown = Page(fragment)
        assert shown.open == []
        assert {tag for tag, _ in shown.elements} <= {
            "div", "strong", "span", "table", "thead", "tbody", "tr", "th", "td", "br",
        }  # fmt: skip
    for text in (markdown.calibration_markdown(calibration), markdown.plan_markdown(made_plan)):
        assert "<script" not in text and "<b>" not in text
        assert "[click](" not in text


def test_every_loss_has_its_row_and_its_marks(calibration: Calibration) -> None:
    text = terminal.render_calibration(calibration)
    page = Page(render_html(calibration))
    for point in calibration.points[1:]:
        assert f"{100 * point.loss:.3g} point" in text
    circles = [attrs for tag, attrs in page.elements if tag == "circle"]
    assert len(circles) == 2 * len(calibration.points)
    curve = power_curve(calibration)
    fails, passes = curve.curves
    heights = [up for _, up, _ in fails.marks]
    assert heights == sorted(heights, reverse=True)  # a larger share stands higher
    assert [up for _, up, _ in passes.marks] == sorted(up for _, up, _ in passes.marks)
    assert all(curve.left <= x <= curve.right for x, _, _ in fails.marks)
    assert curve.margin is not None and curve.left < curve.margin < curve.right


def test_what_was_left_uncertain_is_noted(calibration: Calibration, made_plan: Plan) -> None:
    for text in (
        terminal.render_calibration(calibration, width=400),
        markdown.calibration_markdown(calibration),
        render_html(calibration),
    ):
        assert "candidate as it is" in text
    assert "most cautious" in terminal.render_plan(made_plan, width=400)
    assert "most cautious" in markdown.plan_markdown(made_plan)
