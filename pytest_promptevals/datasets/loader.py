"""An eval file, with all that belongs to it, as one dataset."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from pytest_promptevals.datasets.case_files import SUFFIXES, CaseFiles
from pytest_promptevals.datasets.cases import CaseReader
from pytest_promptevals.datasets.defaults import (
    Layer,
    find_layer,
    merge_parameters,
    merge_prices,
    merge_providers,
    read_defaults,
    read_layer,
)
from pytest_promptevals.datasets.few_shot import read_few_shot
from pytest_promptevals.datasets.gate_rules import check_gate_judges, read_gate_rules
from pytest_promptevals.datasets.judge_specs import label_judges
from pytest_promptevals.datasets.problems import Problems
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.datasets.wire import DefaultsWire, EvalFileWire, list_prompts
from pytest_promptevals.errors import FileProblem
from pytest_promptevals.files.paths import is_in_directory_loop, shown_path
from pytest_promptevals.records.cases import (
    Case,
    CasePolicy,
    Dataset,
    FewShot,
    JudgeSpec,
    PromptSource,
    ProviderConfig,
)
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.prices import Price

_ENGINE_KEYS: Final = ("cache", "requests_per_minute", "tokens_per_minute")
"""Keys of a provider that are the engine's: the provider's check of its options does not see them."""
JudgeCheck: TypeAlias = Callable[[Sequence[JudgeSpec]], Iterable[FileProblem]]
"""Returns what is wrong with judges: which there are is not known here."""
_BUILT_IN: Final = DefaultsWire()
"""What holds where no file says anything."""


def load_dataset(path: Path, rootdir: Path, check_judges: JudgeCheck | None = None) -> Dataset:
    """Return the dataset of an eval file, with the ``evals.yaml`` files from the rootdir down to it applied.

    Raises ``DatasetError`` with all problems of all files that belong to it, by file and line. What ``check_judges``
    finds is among them, if there are others: without any, planning the dataset will find it.
    """
    return _load(path, rootdir, check_judges, may_be_list=False)


def load_cases(path: Path, rootdir: Path, check_judges: JudgeCheck | None = None) -> Dataset:
    """Return the dataset of an eval file, or of any other file with cases: a YAML list, JSON Lines, CSV.

    Raises ``DatasetError`` as ``load_dataset`` does.
    """
    return _load(path, rootdir, check_judges, may_be_list=True)


def load_defaults(path: Path, rootdir: Path) -> Dataset:
    """Return the dataset of an eval file without its cases, whose files need not be there.

    Raises ``DatasetError`` for what is wrong beside them.
    """
    path, rootdir = _absolute(path), _absolute(rootdir)
    problems = Problems()
    layers = read_defaults(path, rootdir, problems)
    own = read_layer(path, EvalFileWire, rootdir, problems) if path.suffix in {".yaml", ".yml"} else None
    combined = _Combined([*layers, own] if own else layers, rootdir, problems)
    problems.raise_all()
    return combined.build(Source(shown_path(path, rootdir)), ())


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows symlinks


def _load(path: Path, rootdir: Path, check_judges: JudgeCheck | None, *, may_be_list: bool) -> Dataset:
    path, rootdir = _absolute(path), _absolute(rootdir)
    problems = Problems()
    source = Source(shown_path(path, rootdir))
    if is_in_directory_loop(path):
        problems.add("is reached through a symlink to a folder that holds it; remove the symlink", source)
        problems.raise_all()
    if path.suffix not in SUFFIXES:
        problems.add(f"cannot hold cases; use a file that ends in {', '.join(SUFFIXES)}", source)
        problems.raise_all()
    layers = read_defaults(path, rootdir, problems)
    own = None
    if path.suffix in {".yaml", ".yml"}:
        own = read_layer(path, EvalFileWire, rootdir, problems, may_be_list=may_be_list)
    combined = _Combined([*layers, own] if own else layers, rootdir, problems)
    cases = combined.read_cases(path, own)
    if len(problems) and check_judges is not None:
        problems.extend(check_judges(combined.judges))
    problems.raise_all()
    return combined.build(source, cases)


class _Combined:
    """What the layers of an eval file say together."""

    def __init__(self, layers: Sequence[Layer], rootdir: Path, problems: Problems) -> None:
        self._layers = layers
        self._rootdir = rootdir
        self._problems = problems
        judges = find_layer(layers, "judges")
        few_shot = find_layer(layers, "few_shot")
        self._judges: tuple[JudgeSpec, ...] = label_judges(judges.judges, (), problems) if judges else ()
        self._few_shot: tuple[FewShot, ...] = read_few_shot(few_shot, rootdir, problems) if few_shot else ()
        self._least_trials = self._check_reducer()
        self.judges: list[JudgeSpec] = list(self._judges)
        """Those of the eval file and, once they are read, of its cases."""

    def _wire(self, key: str) -> DefaultsWire:
        """Return the wire model that has the last word on a key."""
        layer = find_layer(self._layers, key)
        return layer.wire if layer else _BUILT_IN

    def _check_reducer(self) -> int:
        """Return how many trials the reducer needs."""
        _, sign, number = self._wire("reducer").reducer.replace("^", "@").partition("@")
        needed, trials = int(number) if sign else 1, self._wire("trials").trials
        layer = find_layer(self._layers, "reducer")
        if layer is not None and needed > trials:
            message = f"{layer.wire.reducer} needs at least {needed} trials, but trials is {trials}; raise trials"
            self._problems.add(message, layer.source, ("reducer",))
        return needed

    def read_cases(self, path: Path, own: Layer | None) -> tuple[Case, ...]:
        """Return the cases of the eval file, or none if its own layer could not be read."""
        reader = CaseReader(self._wire("tags").tags, self._judges, self._least_trials, self._problems)
        files = CaseFiles(reader, self._rootdir, self._problems)
        if path.suffix not in {".yaml", ".yml"}:
            files.read_file(path)
        elif own is not None and own.entries_source is not None:
            before = len(self._problems)
            files.read_entries(own.entries, own.entries_source, path)
            if not reader.count and len(self._problems) == before:
                self._problems.add("there are no cases; list at least one", own.entries_source)
        self.judges += reader.judges
        check_gate_judges(self._layers, [judge.name for judge in self.judges], self._problems)
        return reader.finish()

    def build(self, source: Source, cases: tuple[Case, ...]) -> Dataset:
        """Return the dataset."""
        model = find_layer(self._layers, "model")
        policy = self._wire("case_policy").case_policy
        return Dataset(
            path=source.shown,
            cases=cases,
            prompts=self._read_prompts(),
            models=tuple(self._wire("model").model),
            parameters=merge_parameters(self._layers),
            trials=self._wire("trials").trials,
            reducer=self._wire("reducer").reducer,
            threshold=self._wire("threshold").threshold,
            timeout=self._wire("timeout").timeout,
            judges=self._judges,
            judge_model=self._wire("judge_model").judge_model or "",
            gate=read_gate_rules(self._layers),
            case_policy=None if policy is None else CasePolicy(policy),
            few_shot=self._few_shot,
            providers=self._read_providers(),
            location=source.locate(),
            models_location=model.source.locate(("model",)) if model else None,
            prices={name: Price(**dict(price)) for name, price in merge_prices(self._layers).items()},
        )

    def _read_prompts(self) -> tuple[PromptSource, ...]:
        layer = find_layer(self._layers, "prompt")
        if layer is None:
            return ()
        prompts = list_prompts(layer.wire)
        paths = [("prompt", index) for index in range(len(prompts))] if len(prompts) > 1 else [("prompt",)]
        return tuple(
            PromptSource(prompt, layer.source.locate(path)) for prompt, path in zip(prompts, paths, strict=True)
        )

    def _read_providers(self) -> tuple[ProviderConfig, ...]:
        merged = merge_providers(self._layers)
        return tuple(_provider(name, options, source) for name, (options, source) in merged.items())


def _provider(name: str, options: dict[str, Json], source: Source) -> ProviderConfig:
    kind = str(options.pop("type", None) or name)
    own: dict[str, Any] = {key: options.pop(key, None) for key in _ENGINE_KEYS}
    return ProviderConfig(name, kind, options, source.locate(), **own)
