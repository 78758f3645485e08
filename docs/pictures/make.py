"""Takes the pictures of the documentation: `python docs/pictures/make.py [FOLDER]`.

Needs Chromium, Node.js and playwright-core, as the tests of reports do (`make system`). Nothing is
drawn by hand: the demo is run, a comparison of 1,000 cases is made, a notebook is opened.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from browsing import can_drive, drive, find_chromium  # noqa: E402
from results import desk_suite, made_run  # noqa: E402

from aiir_eval.compare.comparing import compare  # noqa: E402
from aiir_eval.gate.gating import gate  # noqa: E402
from aiir_eval.reports.html import render_html  # noqa: E402
from aiir_eval.suites.model import Case  # noqa: E402

COLOURS = 160  # of a picture: text and plots need no more

# A case that broke is opened, with the words that differ marked, and the tools above it in view.
FLIPS = """
await page.selectOption("select[data-key=direction]", "broke");
await page.selectOption("select[data-key=class]", "unsafe_action");
await page.fill("#search", "refund");
await page.click(".case:not([hidden]) summary");
await page.$eval("#flips", (title) => title.scrollIntoView());
await page.evaluate(() => scrollBy(0, -24));
"""
CODE = """
body { font: 15px/1.55 "DejaVu Sans", sans-serif; max-width: 980px; margin: 24px auto;
  color: #1c1e22 }
pre.code { background: #f5f5f4; border: 1px solid #e3e3e3; border-radius: 5px; padding: .7em 1em;
  font: 13px/1.5 "DejaVu Sans Mono", monospace; margin: 1em 0 .6em }
pre.printed { font: 13px/1.5 "DejaVu Sans Mono", monospace } code { font-size: .9em }
div table { font-size: 13px } img { max-width: 100% }
table.dataframe { border-collapse: collapse; font-size: 13px; border: 0 }
.dataframe td, .dataframe th { padding: .2em .8em; text-align: right; border-width: 0 0 1px }
"""


def speaker(seed: int, wrong: float) -> Callable[[Case, int], str]:
    """A desk that says 90 days now and then."""
    rng = np.random.default_rng(seed)

    def say(case: Case, trial: int) -> str:
        late = rng.random() < wrong
        days = "90 days" if late else "30 days"
        close = "I have noted it for you, with the item" if late else "Please keep the item"
        order = 1000 + int(rng.integers(9000))
        return (
            f"Thank you for writing. You can ask for a refund of order {order} within {days} after "
            f"it came, and the money goes back the way it was paid. {close} in its box."
        )

    return say


def thousand_cases(page: Path) -> None:
    """The report of a gate on 1,000 cases of 100 incidents."""
    suite = desk_suite(100, 8)
    old, new = (
        made_run(suite, speaker(seed, wrong), name=name)
        for seed, name, wrong in ((1, "desk@v4", 0.03), (2, "desk@v5", 0.08))
    )
    page.write_text(render_html(gate(compare(old, new, margin=0.05))), encoding="utf-8")


def notebook_page(page: Path, path: Path) -> None:
    """A notebook with what is kept of its outputs, as a page."""
    from markdown_it import MarkdownIt
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    style = HtmlFormatter(cssclass="code").get_style_defs(".code")
    parts = [f"<meta charset=utf-8><style>{CODE}{style}</style>"]
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(MarkdownIt().render(source))
            continue
        inside = highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))
        parts.append(f'<pre class="code">{inside}</pre>')
        parts += [shown(output) for output in cell["outputs"]]
    page.write_text("".join(parts), encoding="utf-8")


def shown(output: Any) -> str:
    """One output of a cell."""
    data = output.get("data", {})
    if "image/png" in data:
        return f'<img src="data:image/png;base64,{"".join(data["image/png"])}">'
    if "text/html" in data:
        return "".join(data["text/html"])
    text = "".join(output.get("text", data.get("text/plain", "")))
    return f'<pre class="printed">{escape(text)}</pre>'


def take(name: str, page: Path, script: str = "", *, into: Path, **options: Any) -> None:
    """One picture, with fewer colours."""
    from PIL import Image

    chromium = find_chromium()
    assert chromium is not None
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.png"
        asked = f"{script}\nawait page.screenshot({{path: {json.dumps(str(raw))}}}); return null;"
        drive(chromium, page, asked, **options)
        kept = io.BytesIO()
        Image.open(raw).convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(
            kept, "PNG", optimize=True
        )
    (into / name).write_bytes(kept.getvalue())
    print(f"{name}: {len(kept.getvalue()) / 1000:,.0f} kB")


def main() -> int:
    """Take them all, into this folder or another."""
    if find_chromium() is None or not can_drive():
        print("no browser here: `make system` installs it where it can", file=sys.stderr)
        return 2
    into = Path(sys.argv[1] if len(sys.argv) > 1 else HERE).resolve()
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        aiir = Path(sys.executable).with_name("aiir")
        demo = [aiir, "demo", "--no-mlflow", "-o", "demo"]
        subprocess.run(demo, cwd=folder, check=True, capture_output=True)
        report = folder / "demo" / "v2-v3.html"
        size = {"width": 1200, "height": 1080, "scale": 1.25}
        take("report-light.png", report, into=into, **size)
        take("report-dark.png", report, into=into, colorScheme="dark", **size)
        thousand_cases(folder / "thousand.html")
        take("report-1000-cases.png", folder / "thousand.html", FLIPS, into=into, **size)
        notebook_page(folder / "02.html", ROOT / "notebooks" / "02_comparing_drift_reports.ipynb")
        look = """
        await page.evaluate(() => [...document.querySelectorAll("table")]
          .find((table) => table.textContent.includes("Jensen-Shannon")).scrollIntoView());
        await page.evaluate(() => scrollBy(0, -24));
        """
        take("notebook.png", folder / "02.html", look, into=into, width=1040, height=1240)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
