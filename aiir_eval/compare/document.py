"""How does a comparison stand on disk (schema aiir/comparison/1), and how is it read back?

::

    schema, then the keys of `aiir compare --format json`
    saved   what a report needs besides: the statistics in full, what a plan needs where nothing
            is settled, the folders and manifests of both runs, and the flipped cases with their
            trials (at most MOST_FLIPS of each direction)

A comparison that was read back holds the flipped cases alone: `.paired` is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..documents import read_json, write_json
from ..errors import DocumentError, InputError
from ..runs.model import Run, RunManifest, trial_schema
from ..showing import ShownList
from ..suites.model import Case
from .result import CheckComparison, Comparison, Finding, Flips, Needed, Side, Slice

if TYPE_CHECKING:
    import pyarrow as pa

    from ..stats import PairedDifference
    from .pilot import Pilot

SCHEMA = "aiir/comparison/1"
MOST_FLIPS = 200  # of each direction whose trials are kept
MOST_CHARACTERS = 20_000  # of one output

T = TypeVar("T")


def save_comparison(comparison: Comparison, path: str | Path) -> None:
    """Write a comparison as JSON, whole or not at all."""
    write_json(path, {"schema": SCHEMA, **comparison_mapping(comparison)})


def load_comparison(path: str | Path) -> Comparison:
    """Read a comparison that `save_comparison` wrote.

    Raises `DocumentError` where the file is no comparison, or was cut or changed by hand.
    """
    data = read_json(path)
    if not isinstance(data, Mapping) or data.get("schema") != SCHEMA:
        raise DocumentError(
            "this is no saved comparison",
            file=str(path),
            field="schema",
            hint=f"save one with `aiir compare -o`; its schema is {SCHEMA}",
        )
    return comparison_from_mapping(data, str(path))


def comparison_mapping(comparison: Comparison) -> dict[str, Any]:
    """The keys of the JSON contract, and `saved` with what they leave out."""
    flips = comparison.flip_ids
    kept = [*flips.broke[:MOST_FLIPS], *flips.fixed[:MOST_FLIPS]]
    return {
        **comparison.to_dict(),
        "saved": {
            "confidence_level": comparison.confidence_level,
            "margin": comparison.margin,
            "check": comparison.check,
            "needed": None if comparison.needed is None else comparison.needed.to_dict(),
            "difference": _fields(comparison.difference),
            "non_inferiority": _fields(comparison.non_inferiority),
            "pilot": _pilot_fields(comparison),
            "checks": [
                {
                    "difference": _fields(check.difference),
                    "broke": list(check.flips.broke),
                    "fixed": list(check.flips.fixed),
                }
                for check in comparison.checks
            ],
            "flips": {"broke": list(flips.broke), "fixed": list(flips.fixed)},
            "baseline": _run_mapping(comparison.old, kept),
            "candidate": _run_mapping(comparison.new, kept),
        },
    }


def comparison_from_mapping(data: Mapping[str, Any], path: str) -> Comparison:
    """The comparison out of such a mapping; `path` only names it in errors."""
    try:
        return _comparison(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(
            f"this saved comparison is damaged: {type(error).__name__}: {error}",
            file=path,
            hint="save it again with `aiir compare -o`",
        ) from None


def _comparison(data: Mapping[str, Any]) -> Comparison:
    from ..stats import NonInferiority, PairedDifference

    saved = data["saved"]
    return Comparison(
        conclusion=data["conclusion"],
        n_cases=data["n_cases"],
        n_clusters=data["n_clusters"],
        n_trials=(data["n_trials"]["baseline"], data["n_trials"]["candidate"]),
        baseline=_side(data["baseline"]),
        candidate=_side(data["candidate"]),
        difference=_difference(saved["difference"]),
        flip_ids=Flips(tuple(saved["flips"]["broke"]), tuple(saved["flips"]["fixed"])),
        checks=[
            CheckComparison(
                check["check"],
                PairedDifference(**_numbers(more["difference"])),
                Flips(tuple(more["broke"]), tuple(more["fixed"])),
                check["conclusion"],
            )
            for check, more in zip(data["checks"], saved["checks"], strict=True)
        ],
        non_inferiority=_restored(NonInferiority, saved["non_inferiority"]),
        minimum_detectable_effect=data["minimum_detectable_effect"],
        slices=[_slice(item) for item in data["slices"]],
        findings=ShownList(Finding(**finding) for finding in data["findings"]),
        problems=list(data["comparability"]["problems"]),
        confidence_level=saved["confidence_level"],
        needed=None if saved["needed"] is None else Needed(**saved["needed"]),
        old=_run(saved["baseline"]),
        new=_run(saved["candidate"]),
        margin=saved["margin"],
        check=saved["check"],
        pilot=_pilot(saved.get("pilot")),
    )


def _fields(result: Any) -> dict[str, Any] | None:
    """A statistic's fields; JSON has no infinity and no NaN: `{"number": "inf"}`."""
    if result is None:
        return None
    return {name: _plain(value) for name, value in asdict(result).items()}


def _pilot_fields(comparison: Comparison) -> dict[str, Any] | None:
    """The rates that a plan needs: of a comparison that leaves the question open."""
    from .pilot import read_pilot

    if comparison.conclusion != "inconclusive":
        return None
    try:
        return _fields(read_pilot(comparison))
    except InputError:  # too few cases to plan from
        return None


def _pilot(fields: Mapping[str, Any] | None) -> Pilot | None:
    from .pilot import Pilot

    if fields is None:
        return None
    sizes, remarks = tuple(fields["cluster_sizes"]), tuple(fields["remarks"])
    return Pilot(**{**_numbers(fields), "cluster_sizes": sizes, "remarks": remarks})


def _plain(value: Any) -> Any:
    if isinstance(value, str | None):
        return value
    item = value.item() if hasattr(value, "item") else value
    return {"number": str(item)} if isinstance(item, float) and item - item != 0 else item


def _numbers(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with `{"number": "inf"}` and the like as the numbers they are."""
    return {
        name: float(value["number"])
        if isinstance(value, Mapping) and value.keys() == {"number"}
        else value
        for name, value in fields.items()
    }


def _restored(kind: type[T], fields: Mapping[str, Any] | None) -> T | None:
    return None if fields is None else kind(**_numbers(fields))


def _difference(fields: Mapping[str, Any] | None) -> PairedDifference | None:
    from ..stats import PairedDifference
    from ..stats.sequential_difference import SequentialDifference

    sequential = fields is not None and "n_looks" in fields
    return _restored(SequentialDifference if sequential else PairedDifference, fields)


def _side(data: Mapping[str, Any] | None) -> Side | None:
    return None if data is None else Side(data["pass_rate"], *data["confidence_interval"])


def _slice(data: Mapping[str, Any]) -> Slice:
    low, high = data["confidence_interval"]
    rest = {key: value for key, value in data.items() if key != "confidence_interval"}
    return Slice(low=low, high=high, **rest)


def _run_mapping(run: Run, kept: Sequence[str]) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    trials = run.trials.filter(
        pc.is_in(run.trials["case_id"], value_set=pa.array(kept, pa.string()))
    )
    manifest = run.manifest.model_dump(by_alias=True)
    wanted = set(kept)
    return {
        # Trials by case are as many as cases: what was run stands in run.json.
        "manifest": {**manifest, "trials": {}},
        "path": None if run.path is None else str(run.path),
        "trials": [_trial(row) for row in trials.to_pylist()],
        "cases": [case.to_mapping() for id_, case in run.cases.items() if id_ in wanted],
    }


def _trial(row: dict[str, Any]) -> dict[str, Any]:
    row["by"] = dict(row["by"] or ())
    if row["output"] is not None:
        row["output"] = row["output"][:MOST_CHARACTERS]
    started = row["started_at"]
    row["started_at"] = None if started is None else started.isoformat()
    row["checks"] = [
        {key: _plain(value) for key, value in check.items()} for check in row["checks"] or ()
    ]
    return {key: _plain(value) if isinstance(value, float) else value for key, value in row.items()}


def _run(data: Mapping[str, Any]) -> Run:
    manifest = RunManifest.model_validate(data["manifest"])
    cases = [Case.model_validate(case) for case in data["cases"]]
    path = data.get("path")
    return Run(manifest, _trials(data["trials"]), None if path is None else Path(path), cases)


def _trials(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    from datetime import datetime

    import pyarrow as pa

    restored = []
    for row in rows:
        started = row["started_at"]
        restored.append(
            {
                **_numbers(row),
                "by": sorted(row["by"].items()),
                "checks": [_numbers(check) for check in row["checks"]],
                "started_at": None if started is None else datetime.fromisoformat(started),
            }
        )
    return pa.Table.from_pylist(restored, schema=trial_schema())
