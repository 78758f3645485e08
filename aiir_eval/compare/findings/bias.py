"""Did the answers shift rather than the ability? Slices that move in opposite directions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..result import Finding, Slice
from .seen import Candidate, Seen

ENOUGH_CASES = 10  # for one expected answer everywhere to be worth a word


def find(seen: Seen) -> Iterator[Candidate]:
    yield from _constant_expected_answer(seen)
    by_key: dict[str, list[Slice]] = {}
    for item in seen.slices:
        by_key.setdefault(item.by, []).append(item)
    for key, slices in by_key.items():
        if key == "expected":
            yield from _answer_bias(slices, seen.alpha)
        elif key != "cluster":
            yield from _reversal(key, slices, seen)


def _answer_bias(slices: Sequence[Slice], alpha: float) -> Iterator[Candidate]:
    fell, rose = _moved(slices, alpha)
    if not fell or not rose:
        return
    worst, best = min(fell, key=_difference), max(rose, key=_difference)
    less, more = f"{worst.value!r:.80}", f"{best.value!r:.80}"
    yield Candidate(
        Finding(
            "answer_bias_shift",
            "warning",
            f"Cases that expect {less} changed by {_points(worst)} and cases that expect {more} by "
            f"{_points(best)}: the candidate answers {more} more often, which is a shift of bias "
            "and not of ability.",
            {"levels": {item.value: _numbers(item) for item in slices}},
        )
    )


def _reversal(key: str, slices: Sequence[Slice], seen: Seen) -> Iterator[Candidate]:
    """Levels that move against each other, or against the whole."""
    fell, rose = _moved(slices, seen.alpha)
    whole = seen.difference
    if whole is not None and whole.pvalue <= seen.alpha:
        if whole.estimate > 0 and fell:
            rose = rose or [max(slices, key=_difference)]
        elif whole.estimate < 0 and rose:
            fell = fell or [min(slices, key=_difference)]
    if not fell or not rose:
        return
    worst, best = min(fell, key=_difference), max(rose, key=_difference)
    yield Candidate(
        Finding(
            "slice_reversal",
            "warning",
            f"By {key}, {worst.value!r:.80} changed by {_points(worst)} and {best.value!r:.80} by "
            f"{_points(best)}: the overall difference hides that they move apart.",
            {"by": key, "levels": {item.value: _numbers(item) for item in slices}},
        )
    )


def _constant_expected_answer(seen: Seen) -> Iterator[Candidate]:
    import numpy as np

    codes, names = seen.paired.codes("expected")
    codes = codes[seen.cases]
    if codes.size < ENOUGH_CASES or (codes < 0).any() or np.unique(codes).size != 1:
        return
    value = names[int(codes[0])]
    yield Candidate(
        Finding(
            "constant_expected_answer",
            "warning",
            f"All {codes.size:,} cases expect {value!r:.80}: such a suite cannot tell ability from "
            "a habit of answering that; add cases that expect something else.",
            {"expected": value, "n_cases": int(codes.size)},
        )
    )


def _moved(slices: Sequence[Slice], alpha: float) -> tuple[list[Slice], list[Slice]]:
    shown = [item for item in slices if item.pvalue_adjusted <= alpha]
    return (
        [item for item in shown if item.difference < 0],
        [item for item in shown if item.difference > 0],
    )


def _difference(item: Slice) -> float:
    return item.difference


def _points(item: Slice) -> str:
    return f"{100 * item.difference:+.1f} points"


def _numbers(item: Slice) -> dict[str, float | int]:
    return {
        "n_cases": item.n_cases,
        "difference": item.difference,
        "pvalue_adjusted": item.pvalue_adjusted,
    }
