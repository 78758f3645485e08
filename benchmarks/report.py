"""How large is a report, how soon does a browser answer on it, and how long does a gate take?

Run by hand: `python benchmarks/report.py`. The best of several, because a machine that does other
work as well only ever adds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browsing import can_drive, drive, find_chromium  # noqa: E402
from results import desk_suite, made_run  # noqa: E402

from aiir_eval.compare.comparing import compare  # noqa: E402
from aiir_eval.gate.gating import gate  # noqa: E402
from aiir_eval.gate.result import Verdict  # noqa: E402
from aiir_eval.reports.html import render_html  # noqa: E402
from aiir_eval.suites.model import Case  # noqa: E402

BYTES, BROWSER, GATE = 1_000_000, 1.2, 2.0  # limits: bytes of 1,000 cases, seconds, seconds
TEXT = (
    "thank you for your message the order left our store and will be with you soon please keep the "
    "box and the receipt so that a colleague can look into it when something is missing or broken"
)

# Until the count on the page says that the filter has been applied, from the start of navigation.
FILTERED = """
await page.fill("#search", "INC-12");
await page.waitForFunction(() => {
  const shown = document.querySelector("#shown").textContent.match(/^(\\d+) of (\\d+)/);
  return shown && Number(shown[1]) < Number(shown[2]);
});
return await page.evaluate(() => ({
  seconds: performance.now() / 1000,
  listed: document.querySelectorAll(".case").length,
  shown: document.querySelector("#shown").textContent,
}));
"""


def speaker(seed: int, wrong: float) -> Callable[[Case, int], str]:
    """Answers of about sixty words, of which a share says 90 days."""
    rng = np.random.default_rng(seed)

    def say(case: Case, trial: int) -> str:
        days = 90 if rng.random() < wrong else 30
        around = [" ".join(rng.choice(TEXT.split(), 30)) for _ in range(2)]
        return f"{around[0]}; you have {days} days; {around[1]}."

    return say


def made(n_cases: int, wrong: float, folder: Path | None = None) -> Verdict:
    """The gate's verdict on two runs of as many cases, ten to an incident."""
    suite = desk_suite(n_cases // 10, 8)
    old, new = (
        made_run(suite, speaker(seed, share), name=name, out=folder and folder / name)
        for seed, name, share in ((1, "old", 0.05), (2, "new", wrong))
    )
    return gate(compare(old, new, margin=0.05))


def best(repeats: int, once: Callable[[], float]) -> float:
    """The least of several."""
    return min(once() for _ in range(repeats))


def main() -> int:
    """Print the measures; exit code 1 where one is beyond its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    beyond = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = made(1_000, 0.10, folder)
        for told, verdict in (("a tenth fails", small), ("all fail", made(1_000, 1.0))):
            size = len(render_html(verdict).encode())
            beyond += [told] if size >= BYTES else []
            print(f"report of 1,000 cases, {told}: {size:,} bytes")
        aiir = str(Path(sys.executable).with_name("aiir"))

        def gated() -> float:
            start = time.perf_counter()
            runs = ["--baseline", str(folder / "old"), "--candidate", str(folder / "new")]
            reports = ["--html", str(folder / "g.html"), "--junit", str(folder / "g.xml")]
            done = subprocess.run([aiir, "gate", *runs, *reports], capture_output=True, check=False)
            assert done.returncode in (0, 1, 3), done.stderr.decode()
            return time.perf_counter() - start

        seconds = best(repeats, gated)
        beyond += ["gate"] if seconds > GATE else []
        print(f"gate on recorded runs of 1,000 cases, with HTML and JUnit: {seconds:.2f} s")
        chromium = find_chromium()
        if chromium is None or not can_drive():
            print("no browser here: `make system` installs it where it can")
            return 1 if beyond else 0
        for told, wrong in (("a tenth fails", 0.10), ("all fail", 1.0)):
            page = folder / "large.html"
            start = time.perf_counter()
            page.write_text(render_html(made(10_000, wrong)), encoding="utf-8")
            rendered = time.perf_counter() - start
            found = [drive(chromium, page, FILTERED) for _ in range(repeats)]
            seconds = min(each["seconds"] for each in found)
            beyond += [f"browser, {told}"] if seconds > BROWSER else []
            print(
                f"report of 10,000 cases, {told}: {page.stat().st_size:,} bytes, "
                f"{found[0]['listed']:,} cases listed; filtered {seconds:.2f} s after the start of "
                f"navigation (runs, gate and page made in {rendered:.1f} s)"
            )
    if beyond:
        print(f"beyond the limit: {', '.join(beyond)}", file=sys.stderr)
    return 1 if beyond else 0


if __name__ == "__main__":
    raise SystemExit(main())
