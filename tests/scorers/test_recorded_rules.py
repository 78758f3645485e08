"""The published scoring rules of LLMDrift, expressed as checks, give its published figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiir_eval.scorers import Answer, Check, make_scorer

BOXED = r"boxed\{([^}]*)\}"
GPT_4 = ("gpt-4-0314", "gpt-4-0613")
GPT_3_5 = ("gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613")
PRIME = Check("choice", "prime", {"options": ["yes", "no"]})
HAPPY = Check("equals", "boxed", {"extract": BOXED, "extract_expected": BOXED})


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("task", "check", "models", "rates", "flips"),
    [
        ("prime", PRIME, GPT_4, (0.840, 0.511), (476, 147)),
        ("prime_v1", PRIME, GPT_4, (0.976, 0.024), None),
        ("prime", PRIME, GPT_3_5, (0.496, 0.761), None),
        ("happy_number", HAPPY, GPT_4, (0.836, 0.352), (269, 27)),
        ("happy_number", HAPPY, GPT_3_5, (0.306, 0.482), (70, 158)),
    ],
)
def test_the_published_rates_are_recovered(  # type: ignore[no-untyped-def]
    shared_data: Path, task, check, models, rates, flips
) -> None:
    import pyarrow.parquet as pq

    rows = pq.read_table(shared_data / "llmdrift" / f"{task}.parquet").to_pylist()
    scorer = make_scorer(check)
    old, new = models
    passed: dict[str, dict[tuple[str, int], bool]] = {old: {}, new: {}}
    for row in rows:
        if row["model"] in passed:
            answer = Answer(row["answer"] or "", expected=row["ref_answer"])
            passed[row["model"]][row["id"], row["occ"]] = scorer(answer).passed
    before, after = passed[old], passed[new]
    assert before.keys() == after.keys()
    for outcomes, rate in zip((before, after), rates, strict=True):
        assert round(sum(outcomes.values()) / len(outcomes), 3) == rate
    if flips is not None:
        broke = sum(before[key] and not after[key] for key in before)
        fixed = sum(after[key] and not before[key] for key in before)
        assert (broke, fixed) == flips
