"""The forms of an entry of a ``judges`` list.

::

    exact                                       a name alone
    {contains: text}                            a name and its argument
    {fuzzy: {threshold: 0.8, ratio: partial}}   a name and its parameters
    {not: ENTRY}                                the opposite
    {all_of: [ENTRY, ...]}                      a group, also any_of
    {all_of: {judges: [ENTRY, ...], weight: 2}} a group with options

Which judges there are, and what they take, is checked where they are built.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Final

from pytest_promptevals.datasets.problems import Problems, shorten
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.datasets.wire_cases import GroupOptionsWire, JudgeOptionsWire
from pytest_promptevals.records.cases import JudgeSpec
from pytest_promptevals.records.json_types import Json

GROUPS: Final = ("all_of", "any_of")
"""Names of the groups."""
NOT: Final = "not"

_FORMS: Final = "write a judge's name, such as 'exact', or a mapping with one key, such as {contains: text}"


@dataclasses.dataclass(frozen=True, slots=True)
class NamedSpec:
    """A judge as written, before its label is unique."""

    spec: JudgeSpec
    """Its ``name`` is the label that it would like to have."""
    source: Source
    """The entry."""
    is_named: bool
    """Whether the user chose the label."""


def read_judges(entries: Sequence[Json], source: Source, problems: Problems) -> list[NamedSpec]:
    """Return the judges of a list; those that are written wrongly are noted and left out."""
    found = (_read_entry(entry, source.part(index), problems) for index, entry in enumerate(entries))
    return [spec for spec in found if spec is not None]


def label_judges(judges: Iterable[NamedSpec], taken: Iterable[str], problems: Problems) -> tuple[JudgeSpec, ...]:
    """Return the judges with labels that are unique among themselves and the labels ``taken``.

    The second ``contains`` becomes ``contains#2``; two equal labels that the user chose are a problem.
    """
    listed, used = list(judges), set(taken)
    for judge in listed:
        if judge.is_named and judge.spec.name in used:
            message = f"the name {judge.spec.name!r} is already that of another judge; choose another one"
            problems.add(message, judge.source)
        if judge.is_named:
            used.add(judge.spec.name)
    return tuple(judge.spec if judge.is_named else _number_label(judge.spec, used) for judge in listed)


def _number_label(spec: JudgeSpec, used: set[str]) -> JudgeSpec:
    label, number = spec.name, 1
    while label in used:
        number += 1
        label = f"{spec.name}#{number}"
    used.add(label)
    return spec if label == spec.name else dataclasses.replace(spec, name=label)


def _read_entry(entry: Json, source: Source, problems: Problems) -> NamedSpec | None:
    if isinstance(entry, str) and entry.strip() and entry not in (*GROUPS, NOT):
        return NamedSpec(JudgeSpec(entry, entry, source.locate()), source, is_named=False)
    if not isinstance(entry, dict) or not entry:
        problems.add(f"{_FORMS}, got {shorten(entry)}", source)
        return None
    if len(entry) > 1:
        keys = ", ".join(entry)
        problems.add(f"has {len(entry)} keys ({keys[:60]}) but is one judge; put its options below its name", source)
        return None
    ((name, value),) = entry.items()
    if name == NOT:
        return _read_negated(value, source, problems)
    if name in GROUPS:
        return _read_group(name, value, source, problems)
    return _read_judge(name, value, source, problems)


def _read_negated(entry: Json, source: Source, problems: Problems) -> NamedSpec | None:
    inner = _read_entry(entry, source.part(NOT), problems)
    if inner is None:
        return None
    if inner.spec.negated:
        problems.add("'not' stands inside of 'not'; remove both", source, (NOT,))
        return None
    label = inner.spec.name if inner.is_named else f"{NOT} {inner.spec.name}"
    return NamedSpec(dataclasses.replace(inner.spec, negated=True, name=label), source, inner.is_named)


def _read_judge(name: str, value: Json, source: Source, problems: Problems) -> NamedSpec | None:
    if not name.strip():
        problems.add(f"{_FORMS}, got {shorten({name: value})}", source)
        return None
    if not isinstance(value, dict):
        return NamedSpec(JudgeSpec(name, name, source.locate(), argument=value), source, is_named=False)
    keys = JudgeOptionsWire.model_fields
    common = {key: item for key, item in value.items() if key in keys}
    options = problems.check(JudgeOptionsWire, common, source.part(name))
    if options is None:
        return None
    spec = JudgeSpec(
        judge=name,
        name=options.name or name,
        location=source.locate(),
        parameters={key: item for key, item in value.items() if key not in keys},
        threshold=options.threshold,
        weight=options.weight,
        required=options.required,
    )
    return NamedSpec(spec, source, is_named=options.name is not None)


def _read_group(name: str, value: Json, source: Source, problems: Problems) -> NamedSpec | None:
    inner = source.part(name)
    wrapped = {"judges": value} if isinstance(value, list) else value
    if not isinstance(wrapped, dict):
        message = f"takes a list of judges, or a mapping with 'judges' and options, got {shorten(value)}"
        problems.add(message, inner)
        return None
    options = problems.check(GroupOptionsWire, wrapped, inner)
    if options is None:
        return None
    entries = inner if isinstance(value, list) else inner.part("judges")
    children = read_judges(options.judges, entries, problems)
    spec = JudgeSpec(
        judge=name,
        name=options.name or name,
        location=source.locate(),
        threshold=options.threshold,
        weight=options.weight,
        required=options.required,
        children=label_judges(children, (), problems),
    )
    return NamedSpec(spec, source, is_named=options.name is not None)
