"""The CI workflows that the package ships, taken apart."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

import yaml

FOLDER: Final = files("pytest_promptevals.cli") / "workflows"
NAMES: Final = tuple(sorted(entry.name for entry in FOLDER.iterdir() if entry.is_file()))
_PLACEHOLDER: Final = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
_PROGRAM: Final = re.compile(r"\s*(?:\.venv/bin/)?(pytest|promptevals) ([^|>;]*)")
_SCRIPTS: Final = ("before_script", "script", "after_script")


def read(name: str) -> str:
    """Return the text of a workflow."""
    return (FOLDER / name).read_text(encoding="utf-8")


def load(name: str) -> dict[Any, Any]:
    """Return a workflow in YAML as data."""
    data: dict[Any, Any] = yaml.safe_load(read(name))
    return data


def steps(name: str, job: str) -> list[dict[str, Any]]:
    """Return the steps of a job on GitHub."""
    found: list[dict[str, Any]] = load(name)["jobs"][job]["steps"]
    return found


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with values in the places of ``${{ name }}``."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def commands(name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of ours that a workflow runs: the program and its arguments."""
    for line in _lines(name):
        found = _PROGRAM.match(line)
        if found is not None:
            filled = _PLACEHOLDER.sub("1/3", found[2]).replace("$CI_NODE_INDEX/$CI_NODE_TOTAL", "1/3")
            yield found[1], shlex.split(filled)


def _lines(name: str) -> Iterator[str]:
    """Yield the lines that a shell is given."""
    if name == "Jenkinsfile":
        yield from re.findall(r"^\s*sh '(.*)'$", read(name), re.MULTILINE)
        return
    data = load(name)
    jobs = data.get("jobs", data).values()
    scripts = [step["run"] for job in jobs if "steps" in job for step in job["steps"] if "run" in step]
    scripts += [line for job in jobs if isinstance(job, dict) for key in _SCRIPTS for line in job.get(key, ())]
    for script in scripts:
        yield from script.splitlines()
