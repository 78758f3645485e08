"""Hostile text is shown as it is, and nothing of it is interpreted."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from results import HOSTILE

from aiir_eval.reports.visible import one_line, shortened, visible

UNSEEN = {"Cc", "Cs", "Zl", "Zp"}


def test_escapes_controls_and_direction_marks_become_text() -> None:
    assert visible("\x1b[31m") == "\\x1b[31m"
    assert visible("a\u202eb") == "a\\u202eb"
    assert visible("\u200b\u2066\ufeff") == "\\u200b\\u2066\\ufeff"
    assert visible("\U000e0041") == "\\U000e0041"  # a letter of a hidden message
    assert visible("\x9b\x7f\x00\r") == "\\x9b\\x7f\\x00\\x0d"


def test_what_a_reader_can_see_is_left_alone() -> None:
    text = "Grüße, 你好, שלום, می‌خواهم, 👨‍👩‍👧 \t tab\nline"
    assert visible(text) == text


def test_a_windows_newline_is_a_newline() -> None:
    assert visible("a\r\nb") == "a\nb"


@settings(deadline=None)
@given(st.text(st.characters(codec=None), max_size=200))
def test_no_text_leaves_a_control_or_a_surrogate(text: str) -> None:
    shown = visible(text)
    assert all(
        character in "\n\t" or unicodedata.category(character) not in UNSEEN for character in shown
    )
    shown.encode("utf-8")
    assert visible(shown) == shown


def test_one_line_has_one_line_and_keeps_its_limit() -> None:
    line = one_line(HOSTILE, 80)
    assert 70 < len(line) <= 80
    assert line.endswith("…")
    assert "\n" not in line
    assert one_line("a\n\n b\tc") == "a ↵ ↵ b c"
    assert one_line("short", 5) == "short"


def test_a_megabyte_on_one_line_is_cut_before_it_is_read() -> None:
    assert one_line(" " * 4_000_000 + "x", 40).endswith("…")


def test_what_is_left_out_is_counted() -> None:
    assert shortened("x" * 1_500, 1_000).endswith("x… (500 more characters)")
    assert shortened("whole", 5) == "whole"
