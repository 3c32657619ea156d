"""With what prompts and models eval files ask, so that those of several files can be told to be the same."""

from __future__ import annotations

import os
from collections.abc import Hashable
from pathlib import Path

from pytest_promptevals.hygiene.findings import Subject
from pytest_promptevals.prompts.sources import is_file_name
from pytest_promptevals.records.cases import Case, PromptSource
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.json_types import Json

_RECORDED = ("recorded",)


def prompts_of(subject: Subject) -> list[str]:
    """Return what is equal for equal prompts, for each prompt of a file; nothing if a test function asks."""
    if not subject.dataset.models:
        return []
    found = [_identify(source, subject.rootdir) for source in subject.dataset.prompts]
    return list(dict.fromkeys(found)) or ["input"]


def ways_of(subject: Subject) -> list[Hashable]:
    """Return with what prompt and model a file asks, a pair for each item of a case."""
    return [(prompt, model) for prompt in prompts_of(subject) for model in dict.fromkeys(subject.dataset.models)]


def ways_to_ask(case: Case, ways: list[Hashable]) -> list[Hashable]:
    """Return the ways in which a case of a file is asked; a recorded output is the same whatever was asked with."""
    return ways if case.output is None else [_RECORDED]


def _identify(source: PromptSource, rootdir: Path) -> str:
    folder = (rootdir / source.location.path).parent
    return content_hash({"prompt": _resolve(source.value, folder)})


def _resolve(value: Json, folder: Path) -> Json:
    """Return a prompt with the files that it names as whole paths: one name may mean two files."""
    if isinstance(value, list):
        return [_resolve(item, folder) for item in value]
    if isinstance(value, dict):
        return {key: _resolve(item, folder) for key, item in value.items()}
    if isinstance(value, str) and (is_file_name(value) or value.startswith("python:")):
        return os.path.realpath(folder / value.strip())
    return value
