"""What ``promptevals init`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

from pytest_promptevals.cli.project import has_settings

CI_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "github": ("github.yml", ".github/workflows/evals.yml"),
    "gitlab": ("gitlab-ci.yml", ".gitlab-ci.yml"),
    "jenkins": ("Jenkinsfile", "Jenkinsfile"),
}
"""Of each CI server, the shipped workflow, and where the server looks for it."""
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


def ci_file(server: str) -> dict[str, str]:
    """Return the text of the workflow for a CI server, by its path in the project; nothing for another word."""
    if server not in CI_FILES:
        return {}
    source, target = CI_FILES[server]
    return {target: _read(source, "workflows")}


def _read(name: str, folder: str = "starter") -> str:
    return resources.files(__package__).joinpath(folder, name).read_text(encoding="utf-8")
