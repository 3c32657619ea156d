"""Eval files and prompts as git has them at a commit: what the history does not know of a baseline stands there."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from pytest_promptevals.datasets.defaults import DEFAULTS_FILE
from pytest_promptevals.datasets.loader import load_defaults
from pytest_promptevals.errors import DatasetError, FileProblem
from pytest_promptevals.files.text import write_text_atomically
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.history.git import read_file_at
from pytest_promptevals.prompts.sources import ChatPrompt, InputPrompt, load_prompt
from pytest_promptevals.prompts.templates import TemplateEnvironment
from pytest_promptevals.records.cases import Dataset, PromptSource

_FUNCTION: Final = "python:"
"""Begins a prompt that is a function: of its code of then, nothing is run."""


class CommittedFiles:
    """Files of a project at a commit, in a folder of their own: each is written there when it is asked for.

    Args:
        rootdir: root of the project.
        commit: hash of the commit.
    """

    def __init__(self, rootdir: Path, commit: str) -> None:
        self.commit = commit
        """Hash of the commit."""
        self._rootdir = rootdir
        self._folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="promptevals-")))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._environment = TemplateEnvironment(self._folder, self._fetch)
        self._asked: set[str] = set()
        self._datasets: dict[str, Dataset | None] = {}
        self._prompts: dict[str, dict[str, ChatPrompt | InputPrompt]] = {}

    def dataset(self, file: str) -> Dataset | None:
        """Return what an eval file said beside its cases, ``None`` if that cannot be known."""
        if file not in self._datasets:
            self._datasets[file] = self._read(file)
        return self._datasets[file]

    def prompt(self, file: str, content: str) -> ChatPrompt | InputPrompt | None:
        """Return the prompt of an eval file whose content had that hash, ``None`` if there was none."""
        if file not in self._prompts:
            dataset = self.dataset(file)
            found = () if dataset is None else self._load_all(dataset)
            self._prompts[file] = {_hash_of(prompt): prompt for prompt in found}
        return self._prompts[file].get(content)

    def _read(self, file: str) -> Dataset | None:
        for layer in _layers(file):
            self._fetch(self._folder / layer)
            self._fetch_examples(layer)
        path = self._folder / file
        try:
            return load_defaults(path, self._folder) if path.is_file() else None
        except DatasetError:
            return None

    def _load_all(self, dataset: Dataset) -> Iterator[ChatPrompt | InputPrompt]:
        if not dataset.prompts:
            yield InputPrompt(dataset.few_shot)
        for source in dataset.prompts:
            prompt = self._load(source, dataset)
            if prompt is not None:
                yield prompt

    def _load(self, source: PromptSource, dataset: Dataset) -> ChatPrompt | None:
        if isinstance(source.value, str) and source.value.startswith(_FUNCTION):
            return None
        try:
            prompt = load_prompt(source, self._environment, self._folder, dataset.few_shot)
        except (FileProblem, DatasetError):
            return None
        return prompt if isinstance(prompt, ChatPrompt) else None

    def _fetch_examples(self, layer: str) -> None:
        """Write the file with examples that a file names."""
        path = self._folder / layer
        try:
            written = parse_yaml(path.read_text("utf-8"), layer).value if path.is_file() else None
        except (FileProblem, DatasetError):
            return
        examples = written.get("few_shot") if isinstance(written, dict) else None
        if isinstance(examples, str):
            self._fetch(path.parent / examples)

    def _fetch(self, path: Path) -> None:
        """Write a file of the folder as it was, if it was there."""
        name = os.path.relpath(path, self._folder).replace(os.sep, "/")
        if name in self._asked or name.startswith("../"):
            return
        self._asked.add(name)
        text = read_file_at(self._rootdir, self.commit, name)
        if text is not None:
            write_text_atomically(self._folder / name, text)


def _layers(file: str) -> Iterator[str]:
    """Yield an eval file and the files with defaults above it."""
    yield file
    for folder in PurePosixPath(file).parents:
        yield (folder / DEFAULTS_FILE).as_posix()


def _hash_of(prompt: ChatPrompt | InputPrompt) -> str:
    return "" if prompt.content is None else prompt.content.hash
