"""The incidents that come with the package are sound, sourced, and two of every class or more."""

from __future__ import annotations

from collections import Counter

import pytest

from aiir_eval.incidents.classes import CLASSES
from aiir_eval.incidents.loading import Register, load_register, shipped_corpus


@pytest.fixture(scope="module")
def corpus() -> Register:
    return load_register(shipped_corpus())


def test_every_shipped_record_is_sound(corpus: Register) -> None:
    assert [str(problem) for problem in corpus.problems] == []


def test_there_are_twelve_or_more_and_two_of_every_class(corpus: Register) -> None:
    counts = Counter(incident.class_ for incident in corpus.incidents.values())
    assert len(corpus.incidents) >= 12
    assert set(counts) == set(CLASSES)
    assert min(counts.values()) >= 2


def test_each_stands_in_the_folder_of_its_class_under_its_id(corpus: Register) -> None:
    for incident_id, path in corpus.paths.items():
        incident = corpus.incidents[incident_id]
        assert (path.parent.name, path.stem) == (incident.class_, incident_id)


def test_each_is_sourced_flagged_as_reconstructed_and_testable(corpus: Register) -> None:
    for incident in corpus.incidents.values():
        assert incident.sources, incident.id
        assert incident.reconstructed, incident.id
        assert incident.confidence == "high", incident.id
        assert incident.occurred_at is not None, incident.id
        assert incident.cases, incident.id


def test_the_seed_tags_are_there(corpus: Register) -> None:
    tags = {tag for incident in corpus.incidents.values() for tag in incident.tags}
    assert {"unsafe_output", "automated_decision"} <= tags
