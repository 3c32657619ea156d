"""What ``promptevals init`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

from pytest_promptevals.cli.project import has_settings

CI_FILES: Final[Mapping[str, Mapping[str, str]]] = {
    "github": {
        ".github/workflows/evals.yml": "github.yml",
        ".github/workflows/evals-forks.yml": "github-forks.yml",
    },
    "gitlab": {".gitlab-ci.yml": "gitlab-ci.yml"},
    "jenkins": {"Jenkinsfile": "Jenkinsfile"},
}
"""Of each CI server, the shipped workflows by the places where the server looks for them, the main one first."""
USUAL_BRANCH: Final = "main"
"""The default branch of the shipped workflows."""
_BRANCHES: Final = ("branches: [{}] ", "DEFAULT_BRANCH = '{}'\n")
"""How workflows name the default branch, if they do not ask the server for it."""
EVALS: Final = "evals"
"""Folder of the eval files."""
_ROOTS: Final = ("pyproject.toml", "setup.py")
"""Files by which pytest knows the root of a project, even if they say nothing about pytest."""


def starter_files(name: str, model: str) -> dict[str, str]:
    """Return the texts of an eval file, its prompt and its defaults, by their paths in the project.

    Without a model, a script that stands in for one is among them.
    """
    values = {"name": name, "model": model}
    defaults = "evals_model.yaml" if model else "evals_offline.yaml"
    texts = {
        f"{EVALS}/{name}.eval.yaml": Template(_read("eval_file.yaml")).substitute(values),
        f"{EVALS}/evals.yaml": Template(_read(defaults)).substitute(values),
        f"prompts/{name}.md": _read("prompt.md"),
    }
    return texts if model else texts | {f"{EVALS}/offline.script.yaml": _read("offline.script.yaml")}


def root_file(folder: Path) -> dict[str, str]:
    """Return the text of a ``pytest.ini``, if pytest would not know a project's root at or above a folder."""
    is_known = any(map(_is_root, (folder, *folder.parents)))
    return {} if is_known else {"pytest.ini": _read("root.ini")}


def _is_root(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _ROOTS) or has_settings(folder)


def ci_files(server: str, branch: str = USUAL_BRANCH) -> dict[str, str]:
    """Return the texts of the workflows for a CI server, by their paths in the project; nothing for another word.

    They take that branch for the default one of the repository.
    """
    sources = CI_FILES.get(server, {})
    return {target: _with_branch(_read(source, "workflows"), branch) for target, source in sources.items()}


def names_branch(server: str) -> bool:
    """Return whether the workflows for a CI server name the default branch."""
    return ci_files(server) != ci_files(server, f"not-{USUAL_BRANCH}")


def _with_branch(text: str, branch: str) -> str:
    for form in _BRANCHES:
        text = text.replace(form.format(USUAL_BRANCH), form.format(branch))
    return text


def _read(name: str, folder: str = "starter") -> str:
    return resources.files(__package__).joinpath(folder, name).read_text(encoding="utf-8")
