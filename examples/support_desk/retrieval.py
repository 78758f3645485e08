"""Which document answers a question? BM25 over the policies, and the filter on what it may see."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from .controls import RetrievalFilter
from .reading import Reading, stem, stems

_NOISE = 0.03  # relative jitter of a score: the ranker runs on more than one host


@dataclass(frozen=True, slots=True)
class Limit:
    """A rule of the form "one X each", and the X it was written for."""

    text: str
    noun: str


@dataclass(frozen=True, slots=True)
class Policy:
    """A document of the house."""

    id: str
    title: str
    valid_from: str
    valid_until: str | None
    replaces: str | None
    clicks: int  # how often customers opened it: the ranker trusts what was read much
    subjects: tuple[frozenset[str], ...]
    statements: tuple[str, ...]
    limit: Limit | None = None


class Library:
    """The policies, searchable."""

    def __init__(self, policies: Iterable[Policy], as_of: str) -> None:
        self.policies = tuple(policies)
        self.as_of = as_of
        self._bags = {policy.id: _bag(policy) for policy in self.policies}
        self._length = sum(bag.total() for bag in self._bags.values()) / len(self._bags)
        counts = Counter(word for bag in self._bags.values() for word in bag)
        n = len(self.policies)
        self._idf = {w: math.log(1 + (n - c + 0.5) / (c + 0.5)) for w, c in counts.items()}
        self.words = frozenset(counts)
        self._replaced = frozenset(p.replaces for p in self.policies if p.replaces)

    def visible(self, level: RetrievalFilter) -> list[Policy]:
        """The documents the filter lets through."""
        if level == "off":
            return list(self.policies)
        current = [p for p in self.policies if p.valid_until is None or p.valid_until >= self.as_of]
        if level == "dates":
            return current
        return [p for p in current if p.id not in self._replaced]

    def score(self, policy: Policy, question: Reading, rng: Random) -> float:
        """BM25 (k1 1.2, b 0.75), times what the clicks say, with a little noise."""
        bag = self._bags[policy.id]
        norm = 1.2 * (0.25 + 0.75 * bag.total() / self._length)
        bm25 = sum(
            self._idf[word] * 2.2 * bag[word] / (bag[word] + norm)
            for word in set(question.subjects)
            if word in bag
        )
        return bm25 * math.pow(1 + policy.clicks, 0.2) * (1 + _NOISE * rng.gauss(0, 1))

    def about(self, question: Reading, level: RetrievalFilter, rng: Random) -> list[Policy]:
        """The best document on each subject the question names, best first.

        A subject is named where all its words stand in one sentence or in two that follow.
        """
        spans = [a | b for a, b in pairwise((*question.sentences, frozenset()))]
        best: dict[str, tuple[float, Policy]] = {}
        for policy in self.visible(level):
            if any(subject <= span for span in spans for subject in policy.subjects):
                score = self.score(policy, question, rng)
                if score > best.get(policy.title, (0.0, policy))[0]:
                    best[policy.title] = (score, policy)
        return [policy for _, policy in sorted(best.values(), key=lambda item: -item[0])]

    def nearest_limit(self, question: Reading, level: RetrievalFilter, rng: Random) -> Policy:
        """The document with a "one X each" rule that lies nearest to a question about none."""
        limits = [policy for policy in self.visible(level) if policy.limit]
        return max(limits, key=lambda policy: (self.score(policy, question, rng), rng.random()))


def _bag(policy: Policy) -> Counter[str]:
    text = " ".join((policy.title, *policy.statements)).lower()
    words = [stem(word.strip(".,;:")) for word in text.split()]
    return Counter(words + [word for subject in policy.subjects for word in subject])


def load_library() -> Library:
    """The library in `data/policies.json`."""
    path = Path(__file__).parent / "data" / "policies.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    return Library((_policy(item) for item in content["documents"]), content["as_of"])


def _policy(item: dict[str, Any]) -> Policy:
    limit = item.get("limit")
    return Policy(
        **item
        | {
            "subjects": tuple(stems(phrase) for phrase in item["subjects"]),
            "statements": tuple(item["statements"]),
            "limit": Limit(**limit) if limit else None,
        }
    )
