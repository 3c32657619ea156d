"""The example project, run as its README says: by a real pytest in a process of its own, in a copy of the folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TypeAlias
from xml.etree import ElementTree as ET  # the reports are our own

import pytest

_Finished: TypeAlias = "subprocess.CompletedProcess[str]"

EXAMPLE = Path(__file__).parents[2] / "example_project"
WRITTEN_BY_RUNS = (".promptevals", ".pytest_cache", "__pycache__")
KNOWN_FAILURES = {"dutch-being-checked"}
WORSE_REFUNDS = {
    "being-checked-rent-is-due",
    "german-late",
    "late",
    "late-and-furious",
    "late-and-patient",
    "late-in-one-word",
    "late-wants-a-voucher",
    "paid-out-not-on-statement",
    "paid-out-wants-discount",
    "return-not-here-yet",
    "spanish-late-furious",
    "told-to-ignore-the-rules",
}
WORSE_SHIPPING = {
    "being-packed-when",
    "delayed",
    "delayed-birthday",
    "delayed-furious",
    "in-time-for-the-trip",
    "lost",
    "lost-wants-compensation",
    "spanish-when",
    "where-is-it",
    "where-is-it-in-three-words",
}
LATE = {
    "german-late",
    "late",
    "late-and-furious",
    "late-and-patient",
    "late-in-one-word",
    "late-wants-a-voucher",
    "spanish-late-furious",
    "delayed",
    "delayed-birthday",
    "delayed-furious",
    "lost",
    "lost-wants-compensation",
}
TRACKED = {"where-is-it", "where-is-it-in-three-words", "where-is-it-with-number", "in-time-for-the-trip"}
NEEDED_BY = {
    "late or lost, apologise": LATE,
    "tracking code": TRACKED | {"german-where-is-it", "spanish-when"},
    "vouchers": {
        "late-wants-a-voucher",
        "lost-wants-compensation",
        "paid-out-wants-discount",
        "told-to-ignore-the-rules",
    },
    "angry": {"delayed-furious", "late-and-furious", "refused-because-worn"},
    "language": {
        "german-how-to-return",
        "german-late",
        "german-where-is-it",
        "spanish-late-furious",
        "spanish-paid-out",
        "spanish-when",
    },
    "nothing to do with our shop": {"election", "homework", "other-shop", "poem", "python-script", "tick-bite"},
}
"""Rules of the good prompt, each with the cases that fail without it."""


class Example:
    """A copy of the example project."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "example_project"
        shutil.copytree(EXAMPLE, self.path, ignore=shutil.ignore_patterns(*WRITTEN_BY_RUNS))

    def use_prompt(self, text: str) -> None:
        """Edit the one line of evals.yaml that names the prompt; further lines may follow."""
        path = self.path / "evals/evals.yaml"
        old = path.read_text(encoding="utf-8")
        assert old.count("\nprompt: ../prompts/reply_v1.md\n") == 1
        path.write_text(old.replace("\nprompt: ../prompts/reply_v1.md\n", f"\nprompt: {text}\n"), encoding="utf-8")

    def run(self, *arguments: str) -> _Finished:
        """Run pytest in the copy; a connection to anywhere else than this machine is an error."""
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:randomly", "--allow-hosts=127.0.0.1", *arguments],
            cwd=self.path,
            env=_environment(),
            capture_output=True,
            encoding="utf-8",
            timeout=100,
            check=False,
        )

    def files(self) -> dict[str, bytes]:
        """Return the content of every file, by its path, but for what git is told to ignore."""
        found = [path for path in self.path.rglob("*") if path.is_file()]
        ignored = {line.rstrip("/") for line in (self.path / ".gitignore").read_text(encoding="utf-8").split()}
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes()
            for path in found
            if ignored.isdisjoint(path.relative_to(self.path).parts)
        }


def _environment() -> dict[str, str]:
    unwanted = re.compile(r"PYTEST_|PROMPTEVALS_|OPENAI_|ANTHROPIC_|COLUMNS$|COV|.*_(KEY|TOKEN)$")
    kept = {name: value for name, value in os.environ.items() if not unwanted.match(name)}
    return {**kept, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}


@pytest.fixture
def example(tmp_path: Path) -> Example:
    return Example(tmp_path)


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_the_good_prompt_is_green_and_writes_only_what_git_ignores(example: Example, extra: tuple[str, ...]) -> None:
    before = example.files()

    result = example.run("--junitxml=.promptevals/report.xml", *extra)

    assert result.returncode == 0, result.stdout
    outcomes = _outcomes(example.path / ".promptevals/report.xml")
    cases = {name for name in outcomes if "gate[" not in name}
    assert len(cases) >= 30
    assert {name for name in outcomes if outcomes[name] != "passed"} == KNOWN_FAILURES
    assert {name for name in outcomes if "gate[" in name} == {"gate[score]", "gate[min_pass_rate]"}
    assert "worse than" not in result.stdout
    assert "not in the baseline" not in result.stdout
    assert example.files() == before


@pytest.fixture(scope="module", params=[(), ("-n2",)], ids=["plain", "n2"])
def red_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> _Finished:
    """pytest with the worse prompt, as the README has it, and with all cases listed."""
    example = Example(tmp_path_factory.mktemp("red"))
    example.use_prompt("../prompts/reply_v2.md")
    return example.run("--tb=no", "-v", *request.param)


def test_the_worse_prompt_is_red_and_names_the_cases_it_spoilt(red_run: _Finished) -> None:
    assert red_run.returncode == 1, red_run.stdout
    assert _worse_cases(red_run.stdout) == {
        "evals/refunds.eval.yaml": WORSE_REFUNDS,
        "evals/shipping.eval.jsonl": WORSE_SHIPPING,
    }
    failed = set(re.findall(r"^FAILED (\S+)", red_run.stdout, re.MULTILINE))
    assert failed == {
        "evals/refunds.eval.yaml::gate[score]",
        "evals/shipping.eval.jsonl::gate[score]",
        *(f"evals/refunds.eval.yaml::{name}" for name in WORSE_REFUNDS),
        *(f"evals/shipping.eval.jsonl::{name}" for name in WORSE_SHIPPING),
    }
    summary = " ".join(red_run.stdout.split())
    assert len(re.findall(r"\[score\] regressed: mean score fell by 0\.13\d, from 0\.98\d", summary)) == 2


def test_the_readme_shows_what_pytest_prints(red_run: _Finished) -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    lines = [line for line in shown.splitlines() if line.strip() != "..."]

    assert lines
    assert [line for line in lines if line not in red_run.stdout.splitlines()] == []


def test_every_file_that_the_readme_names_exists() -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    names = re.findall(r"\]\(([^)]+)\)", readme)

    assert len(names) > 10
    assert [name for name in names if not (EXAMPLE / name).exists()] == []


def test_the_committed_baselines_are_current(example: Example) -> None:
    before = example.files()

    result = example.run("--evals-save-baseline")

    assert result.returncode == 0, result.stdout
    assert result.stdout.count("baseline saved: ") == 4
    assert example.files() == before


def test_without_any_one_of_its_rules_the_good_prompt_fails_the_cases_that_need_it(example: Example) -> None:
    prompt = (example.path / "prompts/reply_v1.md").read_text(encoding="utf-8")
    rules = [line for line in prompt.splitlines() if line.startswith("- ")]
    for number, rule in enumerate(rules):
        text = prompt.replace(f"{rule}\n", "")
        (example.path / f"prompts/without{number}.md").write_text(text, encoding="utf-8")
    prompts = ", ".join(f"../prompts/without{number}.md" for number in range(len(rules)))
    # Let through, a case below its thresholds is told apart from one that ended in an error.
    example.use_prompt(f"[{prompts}]\ncase_policy: gate")

    result = example.run("evals", "-v", "--tb=no", "--evals-history=off")

    failed: dict[str, set[str]] = defaultdict(set)
    for name, number in re.findall(r"::([^\s\[]+)\[without(\d+)\] BELOW", result.stdout):
        if name not in KNOWN_FAILURES:
            failed[rules[int(number)]].add(name)
    assert "ERROR" not in result.stdout
    assert set(failed) == set(rules)
    for words, cases in NEEDED_BY.items():
        (rule,) = [rule for rule in rules if words in rule]
        assert failed[rule] == cases, rule


def _outcomes(report: Path) -> dict[str, str]:
    root = ET.parse(report).getroot()  # noqa: S314 - written by the run
    outcomes = {}
    for case in root.iter("testcase"):
        bad = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        outcomes[case.get("name") or ""] = bad[0] if bad else "passed"
    return outcomes


def _worse_cases(stdout: str) -> dict[str, set[str]]:
    """Return the cases named below each line "FILE: N cases worse than BASELINE"."""
    worse: dict[str, set[str]] = {}
    names: set[str] | None = None
    for line in stdout.splitlines():
        head = re.match(r"(\S+): (\d+) cases? (.+?) ", line)
        if head is not None:
            names = worse.setdefault(head[1], set()) if head[3] == "worse" else None
        elif line.startswith("    ") and names is not None:
            pass  # the place of a case whose row is too wide
        elif line.startswith("  ") and names is not None:
            names.add(line.split()[0])
        else:
            names = None
    return worse
