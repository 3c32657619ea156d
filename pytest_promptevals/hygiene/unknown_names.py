"""Judges and providers that are not built in."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rapidfuzz import process
from rapidfuzz.distance import OSA

from pytest_promptevals.engine.judging import GROUPS
from pytest_promptevals.engine.registry import Registry
from pytest_promptevals.errors import did_you_mean
from pytest_promptevals.hygiene.findings import Finding, Kind, find
from pytest_promptevals.judges.excerpts import count_noun
from pytest_promptevals.judges.other_names import explain_unknown_judge
from pytest_promptevals.records.cases import Dataset, JudgeSpec, Location
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.settings import Settings

_LONG = 8
"""Letters from which on a name may have two mistakes."""
_ASKS_MODELS = 2
_MODEL_KEYS = ("model", "panel", "fallback")


def unknown_judges(dataset: Dataset, registry: Registry) -> Mapping[str, Location]:
    """Return the judges of a file that are not built in, each with its first place."""
    found: dict[str, Location] = {}
    for spec in _specs(dataset):
        if spec.judge not in registry.judges and spec.judge not in GROUPS:
            found.setdefault(spec.judge, spec.location)
    return found


def unknown_providers(dataset: Dataset, registry: Registry, settings: Settings) -> Mapping[str, Location]:
    """Return the providers of the models that a file asks, judges' models included, that are not built in."""
    named = {config.name for config in dataset.providers}
    place = dataset.models_location or dataset.location
    used = [(config.type, config.location or place) for config in dataset.providers]
    models = [(model, place) for model in settings.model or dataset.models]
    asking = [spec for spec in _specs(dataset) if _asks_models(spec, registry)]
    models += [(model, spec.location) for spec in asking for model in _models_of(spec)]
    if asking:
        models += [(model, asking[0].location) for model in (settings.judge_model, dataset.judge_model)]
    used += [(model.partition("/")[0], where) for model, where in models if "/" in model]
    found: dict[str, Location] = {}
    for name, where in used:
        if name not in registry.providers and name not in named:
            found.setdefault(name, where)
    return found


def explain_judge(name: str, place: Location, registry: Registry, own: Iterable[str] = ()) -> Finding:
    """Return the finding of a judge that is not built in; ``own`` are names that the user's conftests may register."""
    names = [*registry.judges, *GROUPS]
    said = explain_unknown_judge(name, [*names, *filter(_is_name, own)])
    return _explain(f"judge {name!r}", said, place, is_misspelt=_is_misspelt(name, names))


def explain_provider(name: str, place: Location, registry: Registry, own: Iterable[str] = ()) -> Finding:
    """Return the finding of a provider that is not built in; ``own`` as for ``explain_judge``."""
    said = f"unknown provider {name!r}.{did_you_mean(name, [*registry.providers, *filter(_is_name, own)])}"
    return _explain(f"provider {name!r}", said, place, is_misspelt=_is_misspelt(name, registry.providers))


def say_once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings, each unknown name only where it stands first, with its other places."""
    every = list(findings)
    places: defaultdict[str, list[Location]] = defaultdict(list)
    for finding in every:
        if finding.kind is Kind.UNKNOWN_PLUGIN:
            places[finding.message].append(Location(finding.path, finding.line or 1))
    for finding in every:
        if finding.kind is not Kind.UNKNOWN_PLUGIN:
            yield finding
        elif others := places.pop(finding.message, None):
            yield _with_others(finding, others[1:])


def _with_others(finding: Finding, others: Sequence[Location]) -> Finding:
    if not others:
        return finding
    message = f"{finding.message} It stands in {count_noun(len(others), 'further file')}, too."
    return dataclasses.replace(finding, message=message, also=tuple(others))


def _explain(what: str, said: str, place: Location, *, is_misspelt: bool) -> Finding:
    if is_misspelt:
        message = f"{said} If a plugin does register it, say so: --ignore {Kind.MISSPELLING.value}"
        return find(Kind.MISSPELLING, message, place)
    advice = said.partition("'.")[2]
    message = (
        f"the {what} is not built in, and no conftest.py names it: if a plugin registers it, only pytest can check it."
        f"{'' if advice.startswith(' Known:') else advice}"
    )
    return find(Kind.UNKNOWN_PLUGIN, message, place)


def _is_name(text: str) -> bool:
    """Return whether a text of a conftest may be a name: most are sentences, or modules."""
    return text.replace("-", "_").isidentifier()


def _is_misspelt(name: str, known: Iterable[str]) -> bool:
    """Return whether a name is nearly that of something built in."""
    lower = [other.lower() for other in known]
    most = 2 if len(name) >= _LONG else 1
    return process.extractOne(name.lower(), lower, scorer=OSA.distance, score_cutoff=most) is not None


def _specs(dataset: Dataset) -> Iterator[JudgeSpec]:
    for specs in (dataset.judges, *(case.judges for case in dataset.cases if case.judges)):
        yield from _flatten(specs)


def _flatten(specs: Sequence[JudgeSpec]) -> Iterator[JudgeSpec]:
    for spec in specs:
        yield spec
        yield from _flatten(spec.children)


def _asks_models(spec: JudgeSpec, registry: Registry) -> bool:
    """Return whether a judge asks models of providers: what others call a model may be a file."""
    return spec.judge in registry.judges and registry.judges[spec.judge].level == _ASKS_MODELS


def _models_of(spec: JudgeSpec) -> Iterator[str]:
    for key in _MODEL_KEYS:
        value: Json = spec.parameters.get(key)
        yield from (model for model in (value if isinstance(value, list) else [value]) if isinstance(model, str))
