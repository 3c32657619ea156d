"""Cases that ask the same, and those among them that expect different answers."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence

from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find, name_cases
from pytest_promptevals.hygiene.texts import answer_texts, plain
from pytest_promptevals.judges.excerpts import count_noun, list_some, show_json
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json


def find_duplicates(subject: Subject) -> Iterator[Finding]:
    """Yield one finding for each group of cases with equal input, variables, context and recorded output.

    It is a conflict if no answer can satisfy all of the group.
    """
    for group in equal_groups(subject.dataset.cases):
        if len(group) > 1:
            yield _conflict(group) or _duplicate(group)


def equal_groups(cases: Sequence[Case]) -> list[list[Case]]:
    """Return the cases, those that ask the same together, in file order."""
    groups: defaultdict[str, list[Case]] = defaultdict(list)
    for case in cases:
        groups[case_key(case)].append(case)
    return list(groups.values())


def case_key(case: Case) -> str:
    """Return what is the same for cases that ask the same."""
    output = None if case.output is None else [case.output.text, [str(call) for call in case.output.tool_calls]]
    return json.dumps([case.input, dict(case.vars), case.context, output], sort_keys=True)


def _duplicate(group: Sequence[Case]) -> Finding:
    message = f"{count_noun(len(group), 'case')} ask the same: {name_cases(group)}; keep one of them"
    return find(Kind.DUPLICATE, message, group[0].location, group)


def _conflict(group: Sequence[Case]) -> Finding | None:
    if not is_conflict(group):
        return None
    different = list({_form(case.expected): case for case in group if case.expected is not None}.values())
    answers = list_some([f"{show_json(case.expected, 40)} in {case.id!r}" for case in different])
    message = f"{name_cases(group)} ask the same, but no answer is right for all: {answers}; correct one of them"
    return find(Kind.CONFLICT, message, group[0].location, group)


def is_conflict(group: Sequence[Case]) -> bool:
    """Return whether cases expect answers of which none is right for all of them."""
    told = [_answers(case.expected) for case in group if case.expected is not None]
    return bool(told) and not set.intersection(*told)


def _answers(expected: Json) -> set[str]:
    """Return each answer that is right, in the form in which answers are compared."""
    values = expected if isinstance(expected, list) and answer_texts(expected) else [expected]
    return {_form(value) for value in values}


def _form(value: Json) -> str:
    return plain(value) if isinstance(value, str) else plain(json.dumps(value, sort_keys=True))
