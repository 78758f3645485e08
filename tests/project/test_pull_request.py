"""A pull request that changes a prompt, played through by the steps of action.yml.

The repository is that of examples/pull_request, whose README tells the same story.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from servers import Call, ChatServer, chat_server, completion

from aiir_eval.documents import parse_yaml, read_document

__all__ = ["chat_server"]

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "pull_request"
ACTION = read_document(ROOT / "action.yml").data
KEY = "sk-of-the-desk-4711"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "SUPPORT_KEY": KEY,
    **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
       for what, value in (("NAME", "ada"), ("EMAIL", "ada@example.com"))},
}  # fmt: skip

# What the command line of GitHub does for the comment: list, change, add.
GH = """#!{python}
import json, pathlib, re, sys
store = pathlib.Path({store!r})
comments = json.loads(store.read_text()) if store.exists() else []
arguments = sys.argv[1:]
body = [a.partition("=@")[2] for a in arguments if a.startswith("body=@")]
if "-X" not in arguments:
    wanted = re.search(r'contains\\("(.*?)"\\)', arguments[arguments.index("--jq") + 1])[1]
    print(*[c["id"] for c in comments if wanted in c["body"]], sep="\\n")
elif "PATCH" in arguments:
    number = int(arguments[arguments.index("PATCH") + 1].rpartition("/")[2])
    next(c for c in comments if c["id"] == number)["body"] = pathlib.Path(body[0]).read_text()
else:
    comments.append({{"id": 700 + len(comments), "body": pathlib.Path(body[0]).read_text()}})
store.write_text(json.dumps(comments))
"""


@dataclass
class Job:
    """A job of CI: runs the steps of action.yml in a checkout, as a runner does."""

    folder: Path
    number: int = 12

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.comments = self.folder / "comments.json"
        gh = self.folder / "bin" / "gh"
        gh.parent.mkdir()
        gh.write_text(GH.format(python=sys.executable, store=str(self.comments)))
        gh.chmod(0o755)

    def run(self, checkout: Path, **given: str) -> tuple[int, dict[str, str], str]:
        """Exit code of the job, outputs of the action, and the job summary."""
        inputs = {name: str(spec.get("default", "")) for name, spec in ACTION["inputs"].items()}
        inputs |= {"install": ""} | {name.replace("_", "-"): text for name, text in given.items()}
        outputs: dict[str, dict[str, str]] = {}
        summary = self.folder / "summary.md"
        summary.write_text("")
        for step in ACTION["runs"]["steps"]:
            if not self.wanted(step.get("if"), inputs):
                continue

            def value(text: str) -> str:
                return EXPRESSION.sub(lambda m: self.value(m[1], inputs, outputs), text)

            output = self.folder / "output"
            output.write_text("")
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=checkout / value(step.get("working-directory", ".")),
                env={
                    **ENVIRONMENT,
                    "PATH": f"{self.folder / 'bin'}:{ENVIRONMENT['PATH']}",
                    **{name: value(text) for name, text in step.get("env", {}).items()},
                    "GITHUB_OUTPUT": str(output),
                    "GITHUB_STEP_SUMMARY": str(summary),
                    "GITHUB_REPOSITORY": "shop/desk",
                },
                capture_output=True,
                text=True,
                check=False,
            )
            lines = [line.partition("=") for line in output.read_text().splitlines()]
            outputs[step.get("id", step["name"])] = {name: text for name, _, text in lines}
            if done.returncode and not step.get("continue-on-error"):
                return done.returncode, outputs.get("gate", {}), summary.read_text()
            assert not done.returncode, done.stderr
        return 0, outputs["gate"], summary.read_text()

    def wanted(self, condition: str | None, inputs: Mapping[str, str]) -> bool:
        conditions = {
            None: True,
            "inputs.install != ''": inputs["install"] != "",
            "inputs.comment == 'true' && github.event_name == 'pull_request'": (
                inputs["comment"] == "true"
            ),
        }
        return conditions[condition]

    def value(self, name: str, inputs: Mapping[str, str], outputs: Mapping[str, Any]) -> str:
        kind, _, rest = name.partition(".")
        if kind == "inputs":
            return inputs[rest]
        if kind == "steps":
            step, _, output = rest.split(".")
            return str(outputs[step][output])
        return {"github.token": "none", "github.event.pull_request.number": str(self.number)}[name]

    def bodies(self) -> list[str]:
        import json

        return [comment["body"] for comment in json.loads(self.comments.read_text())]


def test_the_action_installs_the_version_that_it_is_part_of(tmp_path: Path) -> None:
    """And nothing by a name that somebody else may hold."""
    step = next(step for step in ACTION["runs"]["steps"] if step["name"] == "Install")
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    default = ACTION["inputs"]["install"]["default"]
    for wanted, installed in ((default, "/actions/aiir_eval"), ("./wheel.whl", "./wheel.whl")):
        env = {"PATH": f"{tmp_path}:{ENVIRONMENT['PATH']}", "INSTALL": wanted}
        said = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", step["run"]],
            env=env | {"GITHUB_ACTION_PATH": "/actions/aiir_eval"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.split()[-1] == installed


def git(folder: Path, *arguments: str, ok: bool = True) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is ok, done.stdout + done.stderr
    return (done.stdout + done.stderr).strip()


def aiir(folder: Path, *arguments: str) -> None:
    command = [str(Path(sys.executable).with_name("aiir")), *arguments]
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, check=True)


def desk(call: Call) -> Any:
    """A model that says what its prompt tells it."""
    prompt = call.body["messages"][0]["content"]
    days = re.search(r"(\d+) days", prompt)
    return completion(f"You may return it within {days[1] if days else 'some'} days.")


# The server takes a commit into main only when its check is on record as passed.
UPDATE_HOOK = """#!/bin/sh
[ "$1" != refs/heads/main ] || [ "$2" = 0000000000000000000000000000000000000000 ] ||
  grep -qx success "$PWD/checks/$3" || { echo "the required check has not passed"; exit 1; }
"""


def make_repository(folder: Path, url: str) -> tuple[Path, Path]:
    """A server with a protected branch, and a clone with prompt, suite, policy and baseline."""
    server, work = folder / "server.git", folder / "work"
    git(folder, "init", "-q", "--bare", "-b", "main", str(server))
    (server / "checks").mkdir()
    hook = server / "hooks" / "update"
    hook.write_text(UPDATE_HOOK)
    hook.chmod(0o755)
    git(folder, "clone", "-q", str(server), str(work))
    git(work, "checkout", "-q", "-b", "main")
    shutil.copytree(EXAMPLE, work, dirs_exist_ok=True)
    target = (work / "aiir.yaml").read_text()
    (work / "aiir.yaml").write_text(target.replace("https://models.example/v1", url))
    for line in commands(EXAMPLE / "README.md"):
        aiir(work, *line)
    git(work, "add", "-A")
    git(work, "commit", "-qm", "The desk, its suite and its baseline")
    git(work, "push", "-q", "origin", "main")
    return server, work


def commands(page: Path) -> list[list[str]]:
    """The `aiir` commands of a page's console block, without their first word."""
    (block,) = re.findall(r"```console\n(.*?)```", page.read_text(), re.S)
    lines = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line.removeprefix("$ aiir ")) for line in lines]


def diffs(page: Path) -> list[tuple[str, str]]:
    """What each diff of a page takes away, and what it puts there."""
    found = re.findall(r"```diff\n-(.*)\n\+(.*)\n```", page.read_text())
    return [(gone, come) for gone, come in found]


def push_prompt(work: Path, change: tuple[str, str], message: str) -> str:
    """A commit on the branch of the pull request that changes the prompt; gives its id."""
    prompt = work / "prompts" / "support.txt"
    assert change[0] in prompt.read_text()
    prompt.write_text(prompt.read_text().replace(*change))
    git(work, "commit", "-qam", message)
    git(work, "push", "-q", "origin", "HEAD:refs/heads/change")
    return git(work, "rev-parse", "HEAD")


def checked_out(server: Path, folder: Path, commit: str) -> Path:
    git(folder, "clone", "-q", str(server), commit)
    git(folder / commit, "checkout", "-q", commit)
    return folder / commit


def required_inputs() -> dict[str, str]:
    """What the workflow of the example gives the action."""
    workflow = read_document(EXAMPLE / ".github" / "workflows" / "gate.yml").data
    (step,) = (step for step in workflow["jobs"]["gate"]["steps"] if step.get("id") == "gate")
    return dict(step["with"])


@pytest.mark.server
def test_a_prompt_that_breaks_is_refused_and_its_fix_is_merged(
    tmp_path: Path, chat_server: ChatServer
) -> None:
    chat_server.answer = desk
    server, work = make_repository(tmp_path, chat_server.url)
    job = Job(tmp_path / "job")
    worse, better = diffs(EXAMPLE / "README.md")
    told = (EXAMPLE / "README.md").read_text()

    def checked(commit: str) -> tuple[int, dict[str, str], str]:
        """The job runs on a commit; the server is told how it ended, as its required check."""
        code, outputs, summary = job.run(checked_out(server, tmp_path, commit), **required_inputs())
        (server / "checks" / commit).write_text("failure\n" if code else "success\n")
        return code, outputs, summary

    git(work, "checkout", "-q", "-b", "change")
    bad = push_prompt(work, worse, "A kinder desk")
    assert "the required check has not passed" in git(
        work, "push", "origin", "change:main", ok=False
    )  # nor before it has run
    code, outputs, summary = checked(bad)
    assert (code, outputs["verdict"], outputs["exit-code"]) == (1, "fail", "1")
    (comment,) = job.bodies()
    assert comment.startswith("❌ **Fail**")
    assert comment.splitlines()[0] in told
    assert "within 90 days" in comment.partition("<details><summary>80 cases broke")[2]
    assert summary.splitlines()[0] == comment.splitlines()[0]
    assert {path.name for path in Path(outputs["reports"]).iterdir()} >= {
        "verdict.json", "gate.xml", "comment.md", "report.html"}  # fmt: skip
    assert not [path for path in Path(outputs["reports"]).iterdir() if KEY in path.read_text()]
    refusal = git(work, "push", "origin", "change:main", ok=False)
    assert "the required check has not passed" in refusal

    good = push_prompt(work, better, "Kind, and right")
    code, outputs, _ = checked(good)
    assert (code, outputs["verdict"]) == (0, "pass")
    (comment,) = job.bodies()  # the same comment, rewritten
    assert comment.startswith("✅ **Pass**")
    assert comment.splitlines()[0] in told
    git(work, "push", "-q", "origin", "change:main")
    assert git(server, "rev-parse", "main") == good
    assert "release 1" in (checked_out(server, tmp_path / "job", good) / "baselines" / "main.json"
                           ).read_text()  # fmt: skip


@pytest.mark.server
def test_an_action_without_a_verdict_says_why_and_refuses(
    tmp_path: Path, chat_server: ChatServer
) -> None:
    chat_server.answer = desk
    _, work = make_repository(tmp_path, chat_server.url)
    job = Job(tmp_path / "job")
    code, outputs, _ = job.run(work, baseline="<b>prod", candidate="support", suite="suite.yaml")
    assert (code, outputs["verdict"]) == (2, "error")
    assert job.bodies()[0].startswith("⛔ **No verdict**")
    assert "&lt;b&gt;prod" in job.bodies()[0]
    code, outputs, _ = job.run(work, baseline="main", candidate="support", suite="suite.yaml")
    assert (code, outputs["verdict"]) == (4, "invalid")  # nothing was changed
    recorded = {"baseline": "main", "candidate": "runs/first", "arguments": "--aa\n--seed\n3\n"}
    assert job.run(work, **recorded, comment="false")[0] == 0


def test_an_inconclusive_verdict_is_let_through_only_where_it_is_allowed(
    tmp_path: Path,
) -> None:
    for name, failing in (("old", 4), ("new", 6)):
        rows = [f"{i},{int(i >= failing)},{name}" for i in range(30)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,ok,v", *rows]) + "\n")
        aiir(tmp_path, "import", "table", f"{name}.csv", "--id", "id", "--passed", "ok",
             "-o", name)  # fmt: skip
    job = Job(tmp_path / "job")
    inputs = {"baseline": "old", "candidate": "new", "comment": "false"}
    assert job.run(tmp_path, **inputs)[0] == 3
    code, outputs, _ = job.run(tmp_path, **inputs, inconclusive="allow")
    assert (code, outputs["verdict"]) == (0, "inconclusive")


def test_a_pass_whose_record_was_not_written_says_that_the_job_is_refused(tmp_path: Path) -> None:
    for name in ("old", "new"):
        rows = [f"{i},1,{name}" for i in range(400)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,ok,v", *rows]) + "\n")
        aiir(tmp_path, "import", "table", f"{name}.csv", "--id", "id", "--passed", "ok",
             "-o", name)  # fmt: skip
    job, reports = Job(tmp_path / "job"), tmp_path / "of the job"
    code, outputs, summary = job.run(
        tmp_path,
        baseline="old",
        candidate="new",
        arguments="  --mlflow  \n  http://127.0.0.1:9\n",
        reports=str(reports),
    )
    assert (code, outputs["exit-code"]) == (5, "5")
    assert outputs["reports"] == str(reports)
    (comment,) = job.bodies()
    for told in (comment, summary):
        first, _, second = told.splitlines()[:3]
        assert first.startswith("✅ **Pass**")
        assert "Refused all the same: `aiir gate` ended with exit code 5" in second


def test_no_text_of_a_pull_request_is_ever_code() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"], step["name"]


def test_the_workflows_of_the_page_name_what_the_action_takes() -> None:
    page = (ROOT / "docs" / "ci.md").read_text()
    blocks = [
        parse_yaml(body, "ci.md").data for body in re.findall(r"```yaml\n(.*?)```", page, re.S)
    ]
    workflow, config, _, gitlab = blocks
    assert workflow == read_document(EXAMPLE / ".github" / "workflows" / "gate.yml").data
    assert config == read_document(EXAMPLE / "aiir.yaml").data
    steps = workflow["jobs"]["gate"]["steps"]
    (ours,) = [step for step in steps if "aiir_eval" in step.get("uses", "")]
    assert set(ours["with"]) <= set(ACTION["inputs"])
    required = {name for name, spec in ACTION["inputs"].items() if spec.get("required")}
    assert required <= set(ours["with"])
    assert set(config["targets"]) == {ours["with"]["candidate"]}
    options = subprocess.run(
        [Path(sys.executable).with_name("aiir"), "gate", "--help"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    (command,) = gitlab["gate"]["script"]
    for option in re.findall(r"(--[a-z]+)", command):
        assert option in options
