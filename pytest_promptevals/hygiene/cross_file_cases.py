"""Cases that stand in several eval files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pytest_promptevals.hygiene.asking import ways_of, ways_to_ask
from pytest_promptevals.hygiene.duplicates import case_key, is_conflict
from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find, name_case
from pytest_promptevals.hygiene.near_duplicates import CUT, AlikeGroups, is_meant
from pytest_promptevals.judges.excerpts import count_noun, list_some
from pytest_promptevals.records.cases import Case, Location


@dataclass(slots=True)
class _Asked:
    """A case, and what asks it."""

    case: Case
    key: str
    files: set[str] = field(default_factory=set)
    """The eval files that it is part of: several may name one file of cases."""
    ways: dict[Hashable, None] = field(default_factory=dict)
    """The prompts and models that it is asked with."""


_Group: TypeAlias = Sequence[_Asked]


def find_cross_file_duplicates(subjects: Sequence[Subject]) -> Iterator[Finding]:
    """Yield one finding for each file with cases that another file asks, too, with the same prompt and model.

    What one file asks with another prompt or another model is another question. A file of cases that several eval
    files name is one file.
    """
    groups: defaultdict[Hashable, list[_Asked]] = defaultdict(list)
    for asked in _collect(subjects):
        for way in asked.ways:
            groups[way, asked.key].append(asked)
    for found in _by_file(groups.values()):
        conflicts = sum(is_conflict([asked.case for asked in group]) for group in found)
        verb = "is" if len(found) == 1 else "are"
        message = (
            f"{count_noun(len(found), 'case')} {verb} asked again in {_name_files(found)}, with the same prompt and "
            f"model: {_name_pairs(found, 'as')}{_tell_conflicts(conflicts)}; keep each in one file, or say that it is "
            f"meant: --ignore {Kind.CROSS_FILE_DUPLICATE.value}"
        )
        yield _find(Kind.CROSS_FILE_DUPLICATE, message, found)


def find_cross_file_near_duplicates(subjects: Sequence[Subject]) -> Iterator[Finding]:
    """Yield one finding for each file with cases that are nearly those of another, with the same prompt and model."""
    every = [asked for asked in _collect(subjects) if asked.ways]
    groups = AlikeGroups([asked.case for asked in every])
    alike = [_not_equal([every[number] for number in group]) for group in groups.find([list(a.ways) for a in every])]
    unmeant = [group for group in alike if not is_meant([asked.case for asked in group])]
    for found in _by_file(unmeant):
        verb = "is" if len(found) == 1 else "are"
        message = (
            f"{count_noun(len(found), 'case')} {verb} asked nearly so in {_name_files(found)}, with the same prompt "
            f"and model: {_name_pairs(found, 'like')}; keep one of each, give them one 'group', or say that it is "
            f"meant: --ignore {Kind.CROSS_FILE_NEAR_DUPLICATE.value}"
        )
        yield _find(Kind.CROSS_FILE_NEAR_DUPLICATE, message, found)
    if groups.is_cut:
        yield find(Kind.CROSS_FILE_NEAR_DUPLICATE, CUT, subjects[0].dataset.location)


def _collect(subjects: Iterable[Subject]) -> Iterable[_Asked]:
    """Return the cases of all files by where they stand."""
    found: dict[tuple[Location, str], _Asked] = {}
    for subject in subjects:
        ways = ways_of(subject)
        for case in subject.dataset.cases:
            asked = found.setdefault((case.location, case.id), _Asked(case, case_key(case)))
            asked.files.add(subject.dataset.path)
            asked.ways.update(dict.fromkeys(ways_to_ask(case, ways)))
    return found.values()


def _not_equal(group: _Group) -> list[_Asked]:
    """Return the first case, and those of the files that have none equal to it: equal ones have their own finding."""
    first = group[0]
    told = {asked.case.location.path for asked in group if asked.key == first.key}
    return [first, *(asked for asked in group if asked.case.location.path not in told)]


def _by_file(groups: Iterable[_Group]) -> Iterable[list[_Group]]:
    """Return the groups that no single eval file holds, each once, by the file of their first cases."""
    found: defaultdict[str, list[_Group]] = defaultdict(list)
    seen: set[frozenset[Location]] = set()
    for group in groups:
        if len(group) < 2 or set.intersection(*(asked.files for asked in group)):  # noqa: PLR2004 - one case is no group
            continue
        places = frozenset(asked.case.location for asked in group)
        if places not in seen:
            seen.add(places)
            found[group[0].case.location.path].append(group)
    return [sorted(groups, key=lambda group: group[0].case.location.line) for groups in found.values()]


def _others(group: _Group) -> list[Case]:
    """Return the first case of each other file."""
    firsts: dict[str, Case] = {}
    for asked in group:
        firsts.setdefault(asked.case.location.path, asked.case)
    return list(firsts.values())[1:]


def _name_files(groups: Sequence[_Group]) -> str:
    return list_some(list(dict.fromkeys(case.location.path for group in groups for case in _others(group))))


def _name_pairs(groups: Sequence[_Group], word: str) -> str:
    path = groups[0][0].case.location.path
    return list_some(
        [f"{name_case(group[0].case, path)} {word} {name_case(_others(group)[0], path)}" for group in groups]
    )


def _tell_conflicts(count: int) -> str:
    return f"; {count:,} of them {'expects' if count == 1 else 'expect'} another answer there" if count else ""


def _find(kind: Kind, message: str, groups: Sequence[_Group]) -> Finding:
    firsts = [group[0].case for group in groups]
    others = [case.location for group in groups for case in _others(group)]
    return find(kind, message, firsts[0].location, firsts, others)
