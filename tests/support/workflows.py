"""The CI workflows that the package ships, taken apart."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = files("pytest_promptevals.cli") / "workflows"
NAMES: Final = tuple(sorted(entry.name for entry in FOLDER.iterdir() if entry.is_file()))
GITHUB: Final = tuple(name for name in NAMES if name.startswith("github"))
GITLAB: Final = tuple(name for name in NAMES if name.startswith("gitlab"))
JENKINS: Final = tuple(name for name in NAMES if name.startswith("Jenkinsfile"))
_PLACEHOLDER: Final = re.compile(r"\$\{\{\s*([\w.-]+)\s*\}\}")
_PROGRAM: Final = re.compile(r"\s*(?:\.venv/bin/)?(pytest|promptevals) ([^|>;]*)")
_SCRIPTS: Final = ("before_script", "script", "after_script")
# What stands in the places of a shell's variables: a share, and no options beside those that are written there.
_VARIABLES: Final = {
    "$CI_NODE_INDEX/$CI_NODE_TOTAL": "1/3",
    "$SHARE/3": "1/3",
    "$RESPONSES": "",
    "$OPTIONS": "",
}
_SHELL_OF_JENKINS: Final = re.compile(r"\bsh ('''|')(.*?)\1", re.DOTALL)
_NAME: Final = re.compile(r"(?<!['\"\w])(?:github\.[\w.]+|\$\w+)")
_OPERATORS: Final = {"&&": " and ", "||": " or ", "null": "None"}


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


def step_of(name: str, job: str, step: str) -> dict[str, Any]:
    """Return the step of that name."""
    return next(each for each in steps(name, job) if each.get("name") == step)


def gitlab_job(name: str, job: str) -> dict[str, Any]:
    """Return a job on GitLab with what it takes over from the one that it extends."""
    jobs = load(name)
    found: dict[str, Any] = jobs[job]
    base: dict[str, Any] = jobs.get(found.get("extends"), {})
    return base | found


def jenkins_scripts(name: str) -> list[str]:
    """Return what a Jenkinsfile gives to a shell, in order."""
    return [body.replace("\\\n", "") for _, body in _SHELL_OF_JENKINS.findall(read(name))]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text with values in the places of ``${{ name }}``."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def evaluate(condition: str, values: Mapping[str, Any]) -> Any:
    """Return what a condition comes to on GitHub or GitLab; names that are not given are empty."""
    text = " ".join(condition.removeprefix("${{").removesuffix("}}").split())
    text = _NAME.sub(lambda found: repr(values.get(found[0].removeprefix("$"))), text)
    for operator, word in _OPERATORS.items():
        text = text.replace(operator, word)
    return eval(text, {"__builtins__": {}})  # noqa: S307 - a condition of the package's own file


def play(script: str, folder: Path, environment: Mapping[str, str] | None = None, **values: str) -> int:
    """Run the script of a step as a job on GitHub does, and return its exit status.

    Args:
        script: what stands behind ``run``.
        folder: the checkout.
        environment: variables beside those of this process; programs are looked for in the folder's ``bin`` first.
        values: by the names of placeholders.
    """
    paths = (str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])
    variables = {
        **os.environ,
        "PATH": os.pathsep.join(paths),
        "PYTEST_ADDOPTS": "-q -p no:randomly -p no:timeout -p no:socket",
        **(environment or {}),
    }
    command = ["bash", "-e", "-o", "pipefail", "-c", fill(script, values)]
    return subprocess.run(command, cwd=folder, env=variables, check=False).returncode


def commands(name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of ours that a workflow runs: the program and its arguments."""
    for line in _lines(name):
        found = _PROGRAM.match(line)
        if found is not None:
            filled = _PLACEHOLDER.sub("1/3", found[2])
            for variable, value in _VARIABLES.items():
                filled = filled.replace(variable, value)
            yield found[1], shlex.split(filled)


def _lines(name: str) -> Iterator[str]:
    """Yield the lines that a shell is given."""
    if name in JENKINS:
        scripts = jenkins_scripts(name)
    else:
        data = load(name)
        jobs = data.get("jobs", data).values()
        scripts = [step["run"] for job in jobs if "steps" in job for step in job["steps"] if "run" in step]
        scripts += [line for job in jobs if isinstance(job, dict) for key in _SCRIPTS for line in job.get(key, ())]
    for script in scripts:
        yield from script.splitlines()
