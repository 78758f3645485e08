"""What do the benchmarks say? README.md, from counts and measurements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agreement import CLOSE, Agreement
from grid import AT_ONCE, MARGINS, SETTINGS, Count, Skewed, Tally
from limits import Floor, Limit
from peers import PEERS
from population import Setting
from power import DISCORDANT, MOST_BELOW, Gap, difference_gaps, margin_gaps
from real_data import LABELS, OUTPUTS, Coverage, Recovered
from size import (
    CLAIMED,
    LIMITS,
    MISSED,
    OURS,
    PASSED,
    REGRESSED,
    REJECTED,
    always_inconclusive,
    kept,
)
from speed import LEAST_FASTER, MOST_TIMES_READING, N_CASES, N_RESAMPLES, Memory, Race, Reading

CELLS = "| cases | trials | cases a cluster | ICC | pass rate | redrawn |"
WORST = 8


@dataclass(slots=True)
class Results:
    """Everything that was measured; recorded data and sequential tests where there are any."""

    runs: int
    seed: int
    counts: Sequence[Count]
    limits: Sequence[Limit]
    floors: Sequence[Floor]
    skewed: Sequence[tuple[Skewed, dict[str, Tally], float]]
    twenty: Sequence[tuple[str, float, float]]
    agreements: Sequence[Agreement]
    races: Sequence[Race]
    memory: Sequence[Memory]
    reading: Sequence[Reading]
    recovered: Sequence[Recovered] = ()
    judges: Sequence[Coverage] = ()
    sequential: str = ""
    missed: list[str] = field(default_factory=list)


def readme(results: Results) -> str:
    """The whole page; what misses its target is also noted in `results.missed`."""
    sections = (
        _size(results),
        _others(results),
        _skewed(results),
        _decided(results),
        _power(results),
        _sequential(results),
        _real(results),
        _agreement(results),
        _speed(results),
    )
    return "\n".join([_head(results.missed), *sections, _method(results)])


def _head(missed: Sequence[str]) -> str:
    text = [
        "# Is the comparison of two versions right, and how much does it see?",
        "",
        "Written by `make bench-statistics`: simulated error rates, power, recorded data, "
        "agreement with other implementations, and speed. How the data is made is said "
        "[at the end](#how-it-is-done).",
        "",
    ]
    if missed:
        text += ["Targets that are missed (all others are met):", ""]
        text += [f"- {miss}" for miss in missed]
    else:
        text.append("All targets are met.")
    return "\n".join([*text, ""])


def _size(results: Results) -> str:
    counts = results.counts
    inconclusive, small = always_inconclusive(counts)
    text = [
        "## Errors",
        f"{len(SETTINGS)} settings at three true differences (0, -.02, -.05), {results.runs:,} "
        "simulated comparisons each. A cell is *beyond* its limit when its error rate is above "
        "the limit with 99% confidence for all cells of the line together (Clopper-Pearson, "
        "Bonferroni).",
        "",
        "| claim | limit | cells within | worst cell | above the limit by its point estimate | "
        "no cell is worse than |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for claim in (*CLAIMED, REJECTED):
        line = kept(counts, OURS, claim)
        assert line is not None
        within = line.cells - len(line.beyond)
        text.append(
            f"| {claim} | {LIMITS[claim]:.0%} | {within} of {line.cells} | {line.worst.rate:.2%} | "
            f"{line.above} | {line.at_most:.2%} |"
        )
        if claim in CLAIMED and line.beyond:
            results.missed.append(f"{claim}: {len(line.beyond)} of {line.cells} cells beyond")
    text += [
        "",
        f"Below six clusters nothing is concluded: in {inconclusive} of {small} such cells every "
        "run is inconclusive. They are left out of the table. The last line is no claim: a mid-p "
        "may pass its level by a little.",
        "",
        "The worst cells of each claim:",
    ]
    if inconclusive != small:
        results.missed.append(f"{small - inconclusive} cells below six clusters conclude something")
    for claim in CLAIMED:
        line = kept(counts, OURS, claim)
        assert line is not None
        text += ["", f"{CELLS} true difference | {claim} |", "| --- " * 8 + "|"]
        for cell in line.ordered[:WORST]:
            mark = " **beyond**" if cell in line.beyond else ""
            text.append(f"{_cell(cell.setting)} {cell.difference:g} | {cell.rate:.2%}{mark} |")
    return "\n".join([*text, ""])


def _others(results: Results) -> str:
    text = [
        "## Others on the same data",
        "Cells beyond the limit, and the worst rate. `-`: the method makes no such statement.",
        "",
        f"| method | {REGRESSED} | {REJECTED} | {PASSED} | {MISSED} |",
        "| --- | --- | --- | --- | --- |",
    ]
    for method in (OURS, *PEERS):
        row = []
        for claim in (REGRESSED, REJECTED, PASSED, MISSED):
            line = kept(results.counts, method, claim)
            row.append(
                "-"
                if line is None
                else f"{len(line.beyond)} of {line.cells}, worst {line.worst.rate:.1%}"
            )
        text.append(f"| {method} | {' | '.join(row)} |")
    text += ["", "What they are and stand for:", ""]
    text += [f"- **{name}**: {_prose(method.__doc__)}" for name, method in PEERS.items()]
    text += [
        "",
        f"The bootstrap of cases sees the first {AT_ONCE:,} runs of each cell. *Called regressed* "
        "is half of what a two-sided test rejects, so a test may be wrong twice as often as it "
        "ought and still keep that limit.",
    ]
    return "\n".join([*text, ""])


def _skewed(results: Results) -> str:
    methods = (OURS, "t on case means", "t on cluster means", "bootstrap of cases")
    text = [
        "## Skewed nulls",
        "No change on average, but versions that are not exchangeable: rare large changes one way "
        "against many small ones the other. The test of no change is a test of exchangeable "
        "versions; where the skew of the cluster sums is large for their number the finding "
        "`few_clusters` says so (the last column: in that share of the rejections). Rejected "
        "(two-sided) / called regressed / interval misses 0. Between the sizes at which the rare "
        "changes are not seen at all and those at which they are always seen, every test of the "
        "mean is fooled:",
        "",
        f"| what happens | cases | trials | cases a cluster | {' | '.join(methods)} | told |",
        "| --- " * (5 + len(methods)) + "|",
    ]
    for null, tallies, told in results.skewed:
        cells = []
        for method in methods:
            tally = tallies[method]
            lost = "-" if tally.covered is None else f"{1 - tally.covered / tally.runs:.1%}"
            cells.append(
                f"{tally.rejected / tally.runs:.1%} / {tally.worse / tally.runs:.1%} / {lost}"
            )
        text.append(
            f"| {null.name} | {null.n_cases} | {null.n_trials} | {null.cluster_size} | "
            f"{' | '.join(cells)} | {told:.0%} |"
        )
    return "\n".join([*text, ""])


def _decided(results: Results) -> str:
    text = [
        "## Decided runs",
        "Always inconclusive is not a way to pass. Share of runs that conclude something, mean "
        "over the cells of at least six clusters (smallest to largest):",
        "",
        "| cases | true difference | without a margin | "
        + " | ".join(f"margin {margin:g}" for margin in MARGINS)
        + " |",
        "| --- " * (3 + len(MARGINS)) + "|",
    ]
    sizes = sorted({item.setting.n_cases for item in results.counts})
    truths = sorted({item.difference for item in results.counts}, reverse=True)
    for n in sizes:
        for truth in truths:
            cells = [
                item
                for item in results.counts
                if item.decides and (item.setting.n_cases, item.difference) == (n, truth)
            ]
            row = []
            for number in range(1 + len(MARGINS)):
                shares = [1 - item.conclusions[number][-1] / item.ours.runs for item in cells]
                row.append(
                    f"{sum(shares) / len(shares):.0%} ({min(shares):.0%} to {max(shares):.0%})"
                )
            text.append(f"| {n} | {truth:g} | {' | '.join(row)} |")
    return "\n".join([*text, ""])


def _power(results: Results) -> str:
    counts = results.counts
    text = [
        "## Power",
        "Of the tests, before the label, beside the best other method that is itself right in "
        "that cell: it keeps each claim it makes there (level at no change, false passes, "
        "coverage at all three truths), none being shown broken at 95% for that cell alone. Only "
        f"where at least {DISCORDANT} cases are expected to differ, under no change as well.",
        "",
        f"| test | compared with | cells | at most {100 * MOST_BELOW:.0f} points below | "
        "furthest below | mean |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    gaps = {}
    known = {limit.gap: limit for limit in results.limits}
    for what, find in (
        ("no change, at a true loss", difference_gaps),
        ("non-inferiority, at no change", margin_gaps),
    ):
        for whom, clustered in (
            ("methods that know of clusters, where there are any", True),
            ("any method", False),
        ):
            found = find(counts, clustered)
            gaps[what, whom] = found
            within = sum(gap.below <= MOST_BELOW for gap in found)
            mean = sum(gap.below for gap in found) / len(found)
            text.append(
                f"| {what} | {whom} | {len(found)} | {within} | {100 * found[0].below:+.1f} points "
                f"| {100 * mean:+.1f} points |"
            )
            if within < len(found):
                known_best = sum(known[gap].missed <= MOST_BELOW for gap in found if gap in known)
                results.missed.append(
                    f"power ({what}, {whom}): {len(found) - within} of {len(found)} cells more "
                    f"than {100 * MOST_BELOW:.0f} points below; in {known_best} of them no test "
                    "that is right for all data [is better by that](#what-stands-in-the-way)"
                )
    text += [
        "",
        "A method that ignores clusters is right where cases of a cluster do not correlate, and "
        "then has more degrees of freedom than any method that allows for clusters; nobody is told "
        "the ICC. Non-inferiority pays for staying right where differences are few: with fewer "
        "than 10 clusters that differ, clusters count as one case each, and trials as one.",
    ]
    for (what, whom), found in gaps.items():
        below = [gap for gap in found if gap.below > MOST_BELOW]
        text += ["", f"Furthest below, {what}; {whom}: {len(below)} cells"]
        text += _gaps(found[: max(3, min(len(below), WORST))])
    text += [
        "",
        "20 cases of 10 trials, 90% -> 85% (at least .48 is wanted where cases differ as answers "
        "of models do, the first line; t on case means is shown as what the data has to give):",
        "",
        "| cases | aiir | t on case means |",
        "| --- | --- | --- |",
    ]
    text += [f"| {name} | {ours:.3f} | {t:.3f} |" for name, ours, t in results.twenty]
    if results.twenty[0][1] < 0.48:
        results.missed.append(f"20 cases x 10 trials: power {results.twenty[0][1]:.3f}")
    return "\n".join([*text, "", *_limits(results), ""])


def _limits(results: Results) -> list[str]:
    text = [
        "### What stands in the way",
        "Every cell above that is more than 3 points below, with the most that any test can have "
        "that is right for all data of that shape, by two arguments (`limits.py`):",
        "",
        "- *Nobody is told the ICC.* In the normal model no test can have more power without ICC "
        "than the Neyman-Pearson test against a null whose clusters vary a little more, if it is "
        "to keep its level there.",
        "- *Nobody sees what did not happen.* Where each of G clusters, with chance q, loses all "
        "its passes, and exactly the margin is lost, a share (1 - q)^G of the runs looks as if "
        "nothing had changed: power p is false passes of at least p (1 - q)^G.",
        "",
        "Beside it what the method that finds more does on other data of the same cases, trials "
        "and clusters: its worst rate of errors over the grid (5% is its level), and how often it "
        "and aiir pass a loss of the margin that hits few whole clusters. That null is harsher "
        "than those of the grid, and nobody keeps 5% in it everywhere: where aiir has more power "
        "than the second argument allows, the last column shows what that costs.",
        "",
        f"{CELLS} truth or margin | aiir | best | which | any test | worst of best | few clusters "
        "lost: best | aiir |",
        "| --- " * 14 + "|",
    ]
    for limit in sorted(results.limits, key=lambda limit: -limit.gap.below):
        gap = limit.gap
        most = "-" if limit.most >= 1 else f"{limit.most:.3f}"
        rare = ["-" if rate is None else f"{rate:.1%}" for rate in (limit.rare, limit.rare_ours)]
        text.append(
            f"{_cell(gap.setting)} {gap.what} | {gap.ours:.3f} | {gap.best:.3f} | {gap.method} | "
            f"{most} | {limit.elsewhere:.1%} | {' | '.join(rare)} |"
        )
    levels = sorted(results.floors[0].rates, reverse=True)
    text += [
        "",
        "Most of the others have 10 clusters. There the floor costs power: with fewer than 10 "
        "nonzero clusters the design effect is at least the cases of a cluster. It cannot be "
        "lowered. False passes of a loss of 10 points in clusters of 20, ICC .5, one trial, if "
        "the design effect were trusted from fewer nonzero clusters on:",
        "",
        "| clusters | pass rate | redrawn | "
        + " | ".join(f"from {level} (aiir)" if level == 10 else f"from {level}" for level in levels)
        + " |",
        "| --- " * (3 + len(levels)) + "|",
    ]
    for floor in results.floors:
        rates = " | ".join(f"{floor.rates[level]:.1%}" for level in levels)
        setting = floor.setting
        text.append(
            f"| {setting.n_clusters} | {setting.pass_rate:g} | {setting.redrawn:g} | {rates} |"
        )
    return text


def _gaps(gaps: Iterable[Gap]) -> list[str]:
    rows = ["", f"{CELLS} truth or margin | aiir | best | which |", "| --- " * 10 + "|"]
    for gap in gaps:
        rows.append(
            f"{_cell(gap.setting)} {gap.what} | {gap.ours:.3f} | {gap.best:.3f} | {gap.method} |"
        )
    return rows


def _sequential(results: Results) -> str:
    if not results.sequential:
        return ""
    return "\n".join(["## Sequential tests", results.sequential.strip(), ""])


def _real(results: Results) -> str:
    if not results.recovered:
        return "## Recorded data\nNot there when this page was written (set AIIR_SHARED_DATA).\n"
    agree = sum(item.agrees for item in results.recovered)
    text = [
        "## Recorded data",
        f"{agree} of {len(results.recovered)} stated numbers and conclusions are recovered "
        "(conclusions at a margin of 5 points; flips are broke/fixed, p exact).",
        "",
        "| data | quantity | stated | aiir |",
        "| --- | --- | --- | --- |",
    ]
    for item in results.recovered:
        mark = "" if item.agrees else " **differs**"
        text.append(f"| {item.data} | {item.quantity} | {item.stated} | {item.ours}{mark} |")
        if not item.agrees:
            results.missed.append(f"{item.data}, {item.quantity}: {item.ours}, not {item.stated}")
    text += [
        "",
        f"A cheap judge of HaluEval's answers (does the answer hedge?), {LABELS} human labels of "
        f"{OUTPUTS:,} answers drawn with replacement; how often do 95% intervals cover the "
        "labelled rate of all answers, 18.1%?",
        "",
        "| interval | covers | mean width |",
        "| --- | --- | --- |",
    ]
    text += [f"| {item.method} | {item.covered:.1%} | {item.mean_width:.3f} |"
             for item in results.judges]  # fmt: skip
    results.missed += [
        f"HaluEval: {item.method} covers {item.covered:.1%}"
        for item in results.judges
        if item.nominal == (item.method == "the judge alone")
    ]
    return "\n".join([*text, ""])


def _agreement(results: Results) -> str:
    agree = sum(item.agrees for item in results.agreements)
    text = [
        "## Agreement",
        f"{agree} of {len(results.agreements)} quantities agree to {CLOSE:g} (relative), published "
        "ones to the digits printed.",
        "",
        "| quantity | other implementation | apart |",
        "| --- | --- | --- |",
    ]
    for item in results.agreements:
        apart = "as printed" if item.decimals and item.agrees else f"{item.apart:.0e}"
        text.append(f"| {item.quantity} | {item.source} | {apart} |")
        if not item.agrees:
            results.missed.append(f"agreement, {item.quantity}: {item.apart:.1e} apart")
    return "\n".join([*text, ""])


def _speed(results: Results) -> str:
    text = [
        "## Speed",
        f"{N_RESAMPLES:,} resamples of statistics of {N_CASES:,} cases in clusters of 1 to 9, "
        "ours and scipy's taking turns in one run; medians. Means: ours over all resamples, "
        "scipy's over those drawn. scipy gets the cluster sums ready "
        "made, a vectorised statistic and a good batch size. Seconds are for orientation.",
        "",
        "| statistic | aiir, s | scipy, s | times faster | both say |",
        "| --- | --- | --- | --- | --- |",
    ]
    for race in results.races:
        text.append(
            f"| {race.statistic} | {race.ours:.4f} | {race.theirs:.3f} ({race.other}) | "
            f"{race.faster:,.{1 if race.faster < 100 else 0}f} | {race.agree} |"
        )
        if race.faster < LEAST_FASTER:
            results.missed.append(f"speed, {race.statistic}: {race.faster:.1f} times scipy's")
    text += ["", "Largest memory held meanwhile, MB:", ""]
    text += ["| | " + " | ".join(f"{n:,}" for n in results.memory[0].peaks) + " |"]
    text += ["| --- " * (1 + len(results.memory[0].peaks)) + "|"]
    for item in results.memory:
        cells = [f"{item.peaks[n]:.1f}" if n in item.peaks else "" for n in results.memory[0].peaks]
        text.append(f"| {item.what} | {' | '.join(cells)} |")
    text += [
        "",
        "Sign flips are counted as they are drawn. A mean's bounds come from the law of all "
        "resamples, by Fourier transforms, to a few hundredths of a standard error on the safe "
        "side; nothing is drawn. Of other statistics up to 131,072 resampled values are kept; of "
        "more, the quantiles are found in a few passes over the same stream.",
        "",
        "Two runs of 100,000 trials:",
        "",
        "| cases | reading both, s | comparing them, s | times reading |",
        "| --- | --- | --- | --- |",
    ]
    for item_ in results.reading:
        text.append(
            f"| {item_.cases:,} | {item_.reading:.3f} | {item_.comparing:.3f} | {item_.times:.2f} |"
        )
        if item_.times >= MOST_TIMES_READING:
            results.missed.append(
                f"comparing {item_.cases:,} cases takes {item_.times:.2f} times reading them"
            )
    return "\n".join([*text, ""])


def _method(results: Results) -> str:
    text = [
        "## How it is done",
        "**Data** (`population.py`). A trial passes before with the pass rate and after with pass "
        "rate + difference, exactly. Every case has a settled answer to each version; the new "
        "version keeps the old one's, except that it draws a share `redrawn` of them afresh (.2: "
        "flips are rare; 1: the versions have nothing in common but their rates). With 5 trials, a "
        "trial shows the settled answer with a chance that makes the differences of two trials of "
        "a case correlate by .5, and is a coin of the version's rate otherwise. A case copies all "
        "its trials with chance sqrt(ICC) from a draw its cluster shares, so that differences "
        "within a cluster correlate by ICC exactly and half of a cluster moves as one. Where every "
        "case is its own cluster, ICC is the correlation of the differences of two trials of a "
        "case (with one trial both settings are one law, simulated twice). Without a difference "
        "the versions are exchangeable. Margins .02 and .05.",
        "",
        "**Ours** is `aiir_eval.stats.paired_difference` as it stands. `batched.py` computes the "
        "same for thousands of runs at once; for five runs of every setting and truth the library "
        "itself is asked, and a difference of 1e-9 in the estimate, the p-value or a bound, or "
        "another conclusion, stops the benchmark.",
        "",
        f"**Seeds**: {results.seed}, the number of the setting and of the truth. Counts are kept "
        "in `results/grid.json` and reused until the library's answers to a panel of data change.",
        "",
        "```",
        f"python benchmarks/statistics --runs {results.runs} --seed {results.seed} --processes 2",
        "```",
        "",
        "`--runs 200` gives a first look in a minute. `--fresh` forgets the counts on file. "
        "Recorded data is looked for in `AIIR_SHARED_DATA` or `../shared/data`.",
        "",
    ]
    return "\n".join(text)


def _cell(setting: Setting) -> str:
    return (
        f"| {setting.n_cases} | {setting.n_trials} | {setting.cluster_size} | {setting.icc:g} | "
        f"{setting.pass_rate:g} | {setting.redrawn:g} |"
    )


def _prose(docstring: str | None) -> str:
    return " ".join((docstring or "").split())
