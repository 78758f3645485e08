"""Did texts change: their length, language, form, refusals, and the words they are made of?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..answers import form, refuses
from .classifying import Draw, Sample, classify, draw_sample, tested_facts
from .columns import Pair, column_of
from .facts import Facts, Missing, Skipped

if TYPE_CHECKING:
    import pyarrow as pa
    from scipy.sparse import csr_matrix

    from .clusters import ClusterDesign

_LOOKED_AT = 1000  # values a side that say whether a column holds texts
_WORDS = r"\pL{2,}[\"'’,;:.!?)]*\s+[\"'‘(]*\pL{2,}"  # two words in a row, ...
_NO_SPACES = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}]{4,}"  # ... or
_DISTINCT = 0.5  # of the values looked at: fewer are levels
_ROWS = 50_000  # a side, for what has to read every text
_SPOKEN_ROWS = 5_000  # a side, for what takes a tenth of a millisecond a text
_HEAD = 1000  # characters that words and language are read from
_LEAST_LETTERS = 20  # fewer do not tell a language
_NAMED_GRAMS = 4
_WORD = (
    r"[\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
    r"|[^\W\d_]+(?:['’][^\W\d_]+)?|\d+|[^\w\s]"
)
_SCRIPTS = (
    ("Chinese or Japanese", r"[\p{Han}\p{Hiragana}\p{Katakana}]"),
    ("Cyrillic", r"\p{Cyrillic}"),
    ("Arabic", r"\p{Arabic}"),
    ("Devanagari", r"\p{Devanagari}"),
    ("Hangul", r"\p{Hangul}"),
    ("Greek", r"\p{Greek}"),
    ("Hebrew", r"\p{Hebrew}"),
    ("Thai", r"\p{Thai}"),
)


def is_text(pair: Pair) -> bool:
    """Whether a column of strings holds free text, on either side: words, and seldom the same ones.

    Ids, hashes, dates and names of levels do not: they are single words, or few.
    """
    import pyarrow.compute as pc

    for side in (pair.reference, pair.current):
        values = _plain(side.slice(0, 4 * _LOOKED_AT)).drop_null().slice(0, _LOOKED_AT)
        if len(values) == 0:
            continue
        worded = pc.or_(
            pc.match_substring_regex(values, _WORDS), pc.match_substring_regex(values, _NO_SPACES)
        )
        many = pc.count_distinct(values).as_py() > _DISTINCT * len(values)
        if many and pc.mean(worded).as_py() >= 0.5:
            return True
    return False


def in_place_of(pair: Pair, draw: Draw) -> Sequence[Pair | Facts | Skipped]:
    """The texts as such (a classifier of their words), and what can be told from each one.

    Length in characters is that of every row; words, refusals, form and language are those of a
    sample of rows where there are more than that takes a moment for, which their notes say.
    What is the same in all texts gives no row.
    """
    import pyarrow.compute as pc

    name = pair.name
    sides = _plain(pair.reference), _plain(pair.current)
    whole = Pair(name, sides[0], sides[1])
    parts: list[Pair | Facts | Skipped] = [classified(whole, draw)]
    parts.append(Pair(f"{name}: characters", pc.utf8_length(sides[0]), pc.utf8_length(sides[1])))
    told: tuple[tuple[str, Callable[[Any], Any], int], ...] = (
        ("words", _count_words, _ROWS),
        ("refusal", refuses, _ROWS),
        ("form", form, _ROWS),
        ("language", languages, _SPOKEN_ROWS),
    )
    for feature, tell, rows in told:
        facts = _told(whole, feature, tell, rows, draw)
        if facts is not None:
            parts.append(facts)
    return parts


def _told(
    pair: Pair, feature: str, tell: Callable[[Any], Any], rows: int, draw: Draw
) -> Facts | Skipped | None:
    """A feature of the texts of at most so many rows a side; None where it never varies."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from .exact import facts_of

    name = f"{pair.name}: {feature}"
    chosen = _rows_of(pair, draw, name, rows)
    sampled = any(
        own.size < len(side) - side.null_count
        for own, side in zip(chosen, (pair.reference, pair.current), strict=True)
    )
    sides = [
        tell(side.take(pa.array(own)))
        for own, side in zip(chosen, (pair.reference, pair.current), strict=True)
    ]
    seen = {value for side in sides for value in pc.unique(side.drop_null()).to_pylist()}
    if len(seen) < 2:
        return None
    found = column_of(Pair(name, sides[0], sides[1]))
    if isinstance(found, Skipped):
        return found
    facts = facts_of(found, _of_rows(draw.design, chosen))
    if isinstance(facts, Skipped):
        return facts
    notes = [facts.note]
    if sampled:
        notes.append(f"from a sample of {chosen[0].size:,} and {chosen[1].size:,} rows")
    if feature == "language" and not _can_tell_languages():
        notes.append("by script; pip install 'aiir-eval[text]' tells languages apart")
    return replace(facts, missing=Missing(), note="; ".join(note for note in notes if note))


def _rows_of(pair: Pair, draw: Draw, name: str, most: int) -> list[NDArray[np.intp]]:
    """At most so many rows of each side that hold a text; the same ones where rows are paired."""
    generator = draw.generator(name)
    there = [side.is_valid().to_numpy() for side in (pair.reference, pair.current)]
    if draw.design is not None and draw.design.paired:
        own = _at_most(np.flatnonzero(there[0] & there[1]), most, generator)
        return [own, own]
    return [_at_most(np.flatnonzero(side), most, generator) for side in there]


def _at_most(rows: NDArray[np.intp], most: int, generator: np.random.Generator) -> NDArray[np.intp]:
    if rows.size <= most:
        return rows
    return np.sort(generator.choice(rows, most, replace=False))


def _of_rows(
    design: ClusterDesign | None, rows: Sequence[NDArray[np.intp]]
) -> ClusterDesign | None:
    """The same clusters and relabellings, of some rows."""
    if design is None:
        return None
    units = design.reference[rows[0]], design.current[rows[1]]
    return replace(design, reference=units[0], current=units[1], paired=False)  # rows of each side


def classified(pair: Pair, draw: Draw) -> Facts | Skipped:
    """Can the side be told from the words, by a text that was not learned from?"""
    rows = [np.flatnonzero(side.is_valid().to_numpy()) for side in (pair.reference, pair.current)]

    def heads(old: NDArray[np.intp], new: NDArray[np.intp]) -> list[str]:
        return [*_heads(pair.reference, old), *_heads(pair.current, new)]

    sample = draw_sample(rows[0], rows[1], draw, pair.name, contents=heads)
    if isinstance(sample, str):
        return Skipped(pair.name, sample)
    texts = heads(sample.reference, sample.current)
    counts, grams = word_grams(texts)
    kernel = (counts @ counts.T).toarray()
    found = classify(kernel, sample, confidence_level=1 - draw.alpha)
    note = ""
    if found.pvalue <= draw.alpha:
        note = _telling(counts, grams, sample)
    return tested_facts(
        pair.name,
        "text",
        found,
        sample,
        draw,
        n=(rows[0].size, rows[1].size),
        test="classifier of words, held out",
        note=note,
    )


def _heads(values: pa.ChunkedArray, rows: NDArray[np.intp]) -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts: list[str] = pc.utf8_slice_codeunits(values.take(pa.array(rows)), 0, _HEAD).to_pylist()
    return texts


def word_grams(texts: Sequence[str]) -> tuple[csr_matrix, list[str]]:
    """Words and pairs of words of each text, weighed (tf-idf, rows of length 1); and the grams.

    Lower case; every number is the same word, marks are words, scripts without spaces go by
    character.
    """
    import re

    from scipy.sparse import csr_matrix

    word = re.compile(_WORD)
    index: dict[str, int] = {}
    columns: list[int] = []
    values: list[float] = []
    ends = [0]
    for text in texts:
        words = ["0" if found[0].isdigit() else found for found in word.findall(text.lower())]
        grams = Counter(words)
        grams.update(" ".join(two) for two in pairwise(words))
        for gram, count in grams.items():
            columns.append(index.setdefault(gram, len(index)))
            values.append(1 + np.log(count))
        ends.append(len(columns))
    shape = (len(texts), max(len(index), 1))
    counts = csr_matrix((values, columns, ends), shape=shape)
    rarity = np.log((1 + len(texts)) / (1 + np.bincount(columns, minlength=shape[1]))) + 1
    counts = counts.multiply(rarity).tocsr()
    length = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    return counts.multiply(scale[:, None]).tocsr(), list(index)


def _telling(counts: csr_matrix, grams: Sequence[str], sample: Sample) -> str:
    """The grams whose share of the texts changed most, in standard errors."""
    present = counts > 0
    sizes = sample.reference.size, sample.current.size
    old = np.asarray(present[: sizes[0]].sum(axis=0)).ravel() / sizes[0]
    new = np.asarray(present[sizes[0] :].sum(axis=0)).ravel() / sizes[1]
    pooled = (old * sizes[0] + new * sizes[1]) / sum(sizes)
    error = np.sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]))
    gap = np.divide(np.abs(new - old), error, out=np.zeros_like(old), where=error > 0)
    named: list[int] = []
    for i in np.argsort(-gap, kind="stable")[:200]:
        words = set(grams[i].split())
        if not any(words & set(grams[j].split()) for j in named) and gap[i] > 0:
            named.append(int(i))
        if len(named) == _NAMED_GRAMS:
            break
    texts = [f"{grams[i][:40]!r} in {old[i]:.0%} -> {new[i]:.0%} of texts" for i in named]
    return "most telling: " + ", ".join(texts) if texts else ""


def _count_words(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """How many runs of characters other than white space there are."""
    import pyarrow.compute as pc

    return pc.count_substring_regex(values, r"\S+")


def languages(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The language of each text, by its code; by its script where `py3langid` is not installed.

    "too short" below 20 letters, which tell no language.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    heads = pc.utf8_slice_codeunits(values, 0, _HEAD)
    short = pc.less(pc.count_substring_regex(heads, r"\pL"), _LEAST_LETTERS)
    if _can_tell_languages():
        import py3langid  # type: ignore

        told = [
            None if text is None else "" if brief else py3langid.classify(text)[0]
            for text, brief in zip(heads.to_pylist(), short.to_pylist(), strict=True)
        ]
        found = pa.chunked_array([pa.array(told, pa.string())])
    else:
        found = scripts(heads)
    return pc.if_else(short, "too short", found)


def scripts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The script that most letters of each text are of; "Latin" where it is none of the others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    letters = pc.count_substring_regex(values, r"\pL").to_numpy()
    best = np.full(len(values), "Latin", dtype=object)
    for name, pattern in _SCRIPTS:
        share = pc.count_substring_regex(values, pattern).to_numpy()
        best[2 * share > letters] = name
    named = pa.array(best, pa.string())
    return pc.if_else(pc.is_valid(values), pa.chunked_array([named]), None)


def _can_tell_languages() -> bool:
    from importlib.util import find_spec

    return find_spec("py3langid") is not None


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts that are not in a dictionary."""
    import pyarrow as pa

    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values
