"""Did texts change: words, length, form, language, refusals? And which columns are no texts?"""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from aiir_eval.answers import form
from aiir_eval.drift import texts
from aiir_eval.drift.classifying import Draw
from aiir_eval.drift.clusters import design_of
from aiir_eval.drift.columns import Pair
from aiir_eval.drift.detecting import drift
from aiir_eval.drift.result import DriftReport

WORDS = (
    *("the", "order", "was", "shipped", "today", "and", "will", "arrive", "soon", "you", "can"),
    *("return", "it", "within", "thirty", "days", "please", "contact", "our", "support", "team"),
    *("if", "anything", "is", "missing", "from", "your", "parcel", "thank", "very", "much"),
)


def sentences(n: int, seed: int, *, extra: str = "", share: float = 0.0) -> list[str]:
    rng = np.random.default_rng(seed)
    made = []
    for number in range(n):
        words = rng.choice(WORDS, rng.integers(8, 20)).tolist()
        if rng.random() < share:
            words.insert(int(rng.integers(len(words))), extra)
        made.append(" ".join(words) + f". Ticket {number}")
    return made


def by_name(report: DriftReport) -> dict[str, object]:
    return {item.column: item for item in report.columns}


def pair_of(old: list[str | None], new: list[str | None]) -> Pair:
    return Pair("answer", pa.chunked_array([old]), pa.chunked_array([new]))


def test_the_same_kind_of_texts_has_not_drifted() -> None:
    report = drift(pa.table({"a": sentences(150, 1)}), pa.table({"a": sentences(150, 2)}))
    found = by_name(report)
    assert found["a"].kind == "text"
    assert found["a"].pvalue > 0.05
    assert set(found) == {"a", "a: characters", "a: words"}  # what never varies gives no row
    assert not any(item.drifted for item in report.columns)


def test_a_new_word_is_found_and_named() -> None:
    new = sentences(150, 2, extra="unfortunately", share=0.5)
    report = drift(pa.table({"a": sentences(150, 1)}), pa.table({"a": new}))
    found = by_name(report)["a"]
    assert found.drifted
    assert found.effect.name == "auc"
    assert found.effect.low > 0.5
    assert "'unfortunately' in 0% -> 5" in found.note


def test_form_refusals_and_length_have_rows_of_their_own() -> None:
    old = sentences(200, 1)
    new = ["I'm sorry, but I can't help with that."] * 60 + ["```\ncode\n```"] * 40
    new += sentences(100, 2)
    found = by_name(drift(pa.table({"a": old}), pa.table({"a": new})))
    assert found["a: refusal"].statistics["rate_current"] == pytest.approx(0.3)
    for name in ("a", "a: refusal", "a: form", "a: characters"):
        assert found[name].drifted, name


def test_forms_are_told_apart() -> None:
    told = {
        "": "empty",
        " \n": "empty",
        '{"a": 1}': "JSON",
        "[1, 2]": "JSON",
        "[Yes]": "prose",
        "Here:\n```python\nx\n```": "code fence",
        "Steps:\n1. one\n2. two": "list",
        "- a\n- b": "list",
        "Just words, 1. not a list.": "prose",
    }
    assert form(pa.array([*told, None], pa.string())).to_pylist() == [*told.values(), None]


@pytest.mark.parametrize(
    "values",
    [
        [str(uuid.UUID(int=i * 7919**9 % 2**128)) for i in range(200)],
        [f"user_{i}" for i in range(200)],
        [f"{i:064x}" for i in range(200)],
        [f"name.{i}@example.com" for i in range(200)],
        [f"https://example.com/pages/{i}" for i in range(200)],
        ["New York City", "Rio de Janeiro", "San Salvador"] * 60,  # levels of several words
        [f"2024-01-01 10:00:{i % 60:02d}.{i}" for i in range(200)],
        [str(i / 7) for i in range(200)],
    ],
)
def test_ids_levels_and_numbers_are_no_texts(values: list[str]) -> None:
    assert not texts.is_text(pair_of(values, values))


@pytest.mark.parametrize(
    "values",
    [
        sentences(50, 1),
        [f"订单{i}已经发货，请注意查收" for i in range(50)],
        [f"Die Bestellung Nummer {i} wurde storniert." for i in range(50)],
        [f'"Yes, of course" she said {i}' for i in range(50)],
        [f"заказ номер {i} отправлен сегодня" for i in range(50)],
    ],
)
def test_words_in_any_language_are_texts(values: list[str]) -> None:
    assert texts.is_text(pair_of(values, ["Yes"] * 50))
    assert texts.is_text(pair_of(["Yes"] * 50, values))


def test_scripts_are_told_apart_without_a_library() -> None:
    told = {
        "The order was shipped today": "Latin",
        "Заказ отправлен сегодня утром": "Cyrillic",
        "订单已经发货，请注意查收": "Chinese or Japanese",
        "ご注文は本日発送されました": "Chinese or Japanese",
        "주문이 오늘 발송되었습니다": "Hangul",
        "تم شحن الطلب اليوم": "Arabic",
        "η παραγγελία στάλθηκε σήμερα": "Greek",
    }
    found = texts.scripts(pa.chunked_array([[*told]]))
    assert found.to_pylist() == list(told.values())


def test_another_language_is_a_change_of_language() -> None:
    russian = [f"Ваш заказ номер {i} был отправлен сегодня утром" for i in range(100)]
    old, new = sentences(200, 1), sentences(100, 2) + russian
    found = by_name(drift(pa.table({"a": old}), pa.table({"a": new})))["a: language"]
    assert found.drifted
    assert found.effect.estimate == pytest.approx(0.5, abs=0.05)


def test_languages_that_share_a_script_are_told_apart_with_the_library() -> None:
    pytest.importorskip("py3langid")
    values = pa.chunked_array(
        [["The order was shipped today and arrives soon", "Die Bestellung wurde heute verschickt"]]
    )
    assert texts.languages(values).to_pylist() == ["en", "de"]


def test_a_text_too_short_tells_no_language() -> None:
    assert texts.languages(pa.chunked_array([["[Yes]", None]])).to_pylist() == ["too short", None]


def test_the_same_texts_on_both_sides_look_like_chance_not_worse() -> None:
    same = pa.table({"a": sentences(200, 1)})
    found = by_name(drift(same, same))["a"]
    assert found.effect.estimate == pytest.approx(0.5, abs=0.1)
    assert found.pvalue > 0.05


def test_missing_and_empty_texts_are_not_in_the_way() -> None:
    old, new = [*sentences(80, 1), None, "", " "], [*sentences(80, 2), None, None, ""]
    found = by_name(drift(pa.table({"a": old}), pa.table({"a": new})))
    assert {"a", "a is missing", "a: form"} <= set(found)
    assert not found["a"].drifted


def test_texts_of_a_dictionary_are_texts() -> None:
    old = pa.array(sentences(60, 1)).dictionary_encode()
    new = pa.array(sentences(60, 2)).dictionary_encode()
    assert by_name(drift(pa.table({"a": old}), pa.table({"a": new})))["a"].kind == "text"


def test_many_texts_are_sampled_and_the_report_says_so() -> None:
    old, new = sentences(1100, 1), sentences(1050, 2)
    found = by_name(drift(pa.table({"a": old}), pa.table({"a": new})))
    assert "from a sample of 1,000 and 1,000 rows" in found["a"].note
    assert "sample" not in found["a: words"].note


def test_hostile_words_stay_words() -> None:
    new = sentences(100, 2, extra="\x1b[31m<script>", share=0.9)
    note = by_name(drift(pa.table({"a": sentences(100, 1)}), pa.table({"a": new})))["a"].note
    assert "in 0% -> 90% of texts" in note
    assert "\x1b" not in note


def test_too_few_texts_are_said_to_be_too_few() -> None:
    table = pa.table({"a": sentences(12, 1)})
    report = drift(table, table)
    assert any("a not tested: fewer than 20 rows" in note for note in report.notes)


@pytest.mark.slow
def test_false_alarms_of_the_classifier_stay_at_the_level() -> None:
    alarms, repeats = 0, 120
    for i in range(repeats):
        pair = pair_of(sentences(40, 2 * i), sentences(30, 2 * i + 1))
        found = texts.classified(pair, Draw(seed=i))
        alarms += found.pvalue <= 0.05
    assert alarms / repeats <= 0.05 + 3 * (0.05 * 0.95 / repeats) ** 0.5


@pytest.mark.slow
def test_texts_of_one_author_do_not_count_as_many() -> None:
    rng = np.random.default_rng(5)
    authors, each, repeats = 22, 3, 15

    def authored() -> list[str]:
        made = []
        for _ in range(authors):
            favourite = " ".join(rng.choice(WORDS, 3))
            made += [f"{favourite} {text}" for text in sentences(each, int(rng.integers(1e9)))]
        return made

    user = np.repeat(np.arange(authors), each)
    naive = aware = 0
    for i in range(repeats):
        pair = pair_of(authored(), authored())
        design = design_of(user, user + authors, n_resamples=199, rng=i)
        naive += texts.classified(pair, Draw(seed=i)).pvalue <= 0.05
        aware += texts.classified(pair, Draw(design, seed=i)).pvalue <= 0.05
    assert aware <= 4  # 1 or 2 expected
    assert naive > aware


@pytest.mark.real_data
def test_gpt4_changed_its_words_form_and_length(shared_data: Path) -> None:
    def version(name: str, model: str) -> pa.Table:
        table = pq.read_table(shared_data / "llmdrift" / f"{name}.parquet")
        return table.filter(pc.equal(table["model"], model)).select(["answer"])

    refusing = by_name(drift(*(version("sensitiveq", f"gpt-4-{v}") for v in ("0314", "0613"))))
    assert refusing["answer: refusal"].drifted
    assert refusing["answer: refusal"].effect.estimate == pytest.approx(0.26, abs=0.01)
    assert '"can\'t" in 0% -> 90% of texts' in refusing["answer"].note
    fenced = by_name(drift(*(version("leetcode", f"gpt-4-{v}") for v in ("0314", "0613"))))
    assert fenced["answer: form"].drifted
    assert fenced["answer: form"].effect.estimate == pytest.approx(0.88)
    assert "'python'" in fenced["answer"].note
    for found in (refusing, fenced):
        assert found["answer"].drifted
    assert refusing["answer: characters"].drifted


@pytest.mark.real_data
def test_halves_of_the_same_answers_have_not_drifted(shared_data: Path) -> None:
    table = pq.read_table(shared_data / "halueval" / "general.parquet")
    order = pa.array(np.random.default_rng(7).permutation(table.num_rows))
    table = table.take(order).select(["chatgpt_response", "hallucination"])
    report = drift(table.slice(0, 1000), table.slice(1000, 1000))
    assert {"chatgpt_response", "chatgpt_response: words"} <= set(by_name(report))
    assert not any(item.drifted for item in report.columns)
    assert report.conclusion == "no_drift"
