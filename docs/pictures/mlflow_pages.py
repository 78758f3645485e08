"""Takes the pictures of MLflow's pages: `python docs/pictures/mlflow_pages.py [FOLDER]`.

The demo's second and third version are compared, logged with traces into an MLflow server of its
own, and looked at in Chromium. Needs what `make.py` needs.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from make import HERE, find_chromium, take  # it makes the helpers of tests importable
from mlflow_serving import mlflow_serving

from aiir_eval.gate.document import load_verdict
from aiir_eval.telemetry import opt_out

# Without the panel beside the page.
PAGE = """
await page.getByText("Description").first().waitFor();
await page.getByRole("button", {name: "Close"}).first().click().catch(() => {});
await page.waitForTimeout(1500);
"""
TRACES = """
await page.getByText("_passed").first().waitFor();
await page.getByRole("button", {name: "Close"}).first().click().catch(() => {});
await page.waitForTimeout(1500);
"""


def main() -> int:
    """Take both, into this folder or another."""
    if find_chromium() is None:
        print("no browser here: `make system` installs it where it can", file=sys.stderr)
        return 2
    into = Path(sys.argv[1] if len(sys.argv) > 1 else HERE).resolve()
    into.mkdir(parents=True, exist_ok=True)
    opt_out()
    aiir = Path(sys.executable).with_name("aiir")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with mlflow_serving(folder, f"sqlite:///{folder}/mlflow.db") as server:

            def call(*words: str) -> None:
                subprocess.run([aiir, *words], cwd=folder, capture_output=True, check=True)

            call("init", ".")
            call("suite", "build", "-o", "suite.yaml")
            for version in ("v2", "v3"):
                call("run", "suite.yaml", "--target", f"support@{version}", "-o", version)
            subprocess.run(
                [aiir, "gate", "--baseline", "v2", "--candidate", "v3", "--policy", "policy.yaml",
                 "--mlflow", server, "--traces", "-o", "verdict.json"],
                cwd=folder, capture_output=True, check=False,
            )  # fmt: skip
            print(load_verdict(folder / "verdict.json").sentence)
            runs = pages(server)
            size = {"width": 1500, "height": 1000}
            take("mlflow.png", runs["gate"], PAGE, into=into, **size)
            take("mlflow-traces.png", f"{runs['candidate']}/traces", TRACES, into=into, **size)
    return 0


def pages(server: str) -> dict[str, str]:
    """The page of each run, by what it is."""
    from mlflow import MlflowClient

    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("aiir").experiment_id
    return {
        run.data.tags["aiir.kind"]: f"{server}/#/experiments/{experiment}/runs/{run.info.run_id}"
        for run in client.search_runs([experiment])
    }


if __name__ == "__main__":
    raise SystemExit(main())
