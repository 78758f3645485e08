"""Targets ``recorded:RUN``: what a run recorded, replayed by case and trial, never twice."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ..documents import file_digest, read_json
from ..errors import DocumentError, InputError
from ..tool_calls import ToolCall
from .protocol import Reply, Request, TargetError, TargetSpec

_COLUMNS = (
    "case_id",
    "trial",
    "output",
    "tool_calls",
    "error",
    "latency_s",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "finish_reason",
    "model_reported",
    "system_fingerprint",
)


class RecordedTarget:
    """The outputs of a complete run or an imported table, judged anew without being made anew.

    The first trial of a case gets its first recorded output, the second its second; where no more
    was recorded, the trial is an error. An error of the target that was recorded is an error again.
    The fingerprint covers the recorded rows, not the folder they lie in.
    """

    def __init__(self, spec: TargetSpec) -> None:
        for field in ("base_url", "api_key_env", "prompt"):
            if getattr(spec, field) is not None:
                raise InputError(f"{spec.name}: a recorded target takes no {field}")
        if spec.params or spec.tools:
            raise InputError(f"{spec.name}: a recorded target takes no params and no tools")
        self.name, self.uri, self._version = spec.name, spec.uri, spec.version
        folder = Path(spec.folder or ".") / spec.uri.partition(":")[2]
        self._table = folder / "trials.parquet"
        if not (folder / "run.json").is_file():
            raise DocumentError("this is not the folder of a run: no run.json", file=str(folder))
        if not self._table.is_file():
            raise DocumentError(
                "the run is not complete: it has no trials.parquet",
                file=str(folder),
                hint="finish it with `aiir run ... --resume`",
            )
        self._digest = file_digest(self._table)
        manifest = read_json(folder / "run.json")
        stated = manifest.get("files", {}).get(self._table.name)
        if stated is not None and stated != self._digest:
            raise DocumentError(
                "the file is not the one the run wrote: its SHA-256 differs from run.json",
                file=str(self._table),
            )

    def describe(self) -> Mapping[str, Any]:
        """What the fingerprint is the digest of: the recorded rows."""
        return {"uri": f"recorded:sha256:{self._digest}", "version": self._version}

    async def reply(self, request: Request) -> Reply:
        """The recorded reply of this case and trial."""
        rows = self._rows.get(request.case_id)
        if rows is None:
            raise TargetError("the recorded run does not have this case")
        if request.trial >= len(rows):
            raise TargetError(
                f"the recorded run has {len(rows)} trials of this case; "
                f"trial {request.trial + 1} was not recorded"
            )
        row = rows[request.trial]
        if sum(other["trial"] == row["trial"] for other in rows) > 1:
            raise TargetError(
                f"the recorded run has trial {row['trial']} of this case more than once"
            )
        if row["output"] is None:  # with one, it was the judging that failed
            raise TargetError(
                row["error"] or "the recorded run has no output for this trial, only its outcome"
            )
        return Reply(
            row["output"],
            tuple(
                ToolCall(call["name"], json.loads(call["arguments"] or "{}"))
                for call in row["tool_calls"] or ()
            ),
            **{name: row[name] for name in _COLUMNS[5:]},
        )

    async def close(self) -> None:
        """Nothing is open."""

    @cached_property
    def _rows(self) -> Mapping[str, list[dict[str, Any]]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(self._table, columns=list(_COLUMNS))
        except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
            raise DocumentError(f"cannot be read: {error}", file=str(self._table)) from None
        rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in table.to_pylist():
            rows[row["case_id"]].append(row)
        for recorded in rows.values():
            recorded.sort(key=lambda row: row["trial"])
        return dict(rows)
