"""Variables that are not used where one would think, beyond those that planning refuses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from pytest_promptevals.engine.endpoint import RECORDED, TESTED
from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find, name_cases
from pytest_promptevals.prompts.sources import PromptTemplate
from pytest_promptevals.records.cases import Case


def find_unused_variables(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each variable that is not used where one would think.

    That is one which a prompt names and another does not, or one of a recorded case which nothing names. The rest is
    refused by planning. What the user's own functions read cannot be known.
    """
    if all(planned.target.config.type != "python" for planned in subject.planned):
        yield from _between_prompts(subject)
    if len(subject.dataset.prompts) <= 1:
        yield from _of_recorded(subject)


def _between_prompts(subject: Subject) -> Iterator[Finding]:
    asked = [planned for planned in subject.planned if planned.target.config.name not in (RECORDED, TESTED)]
    prompts: dict[int, PromptTemplate] = {id(planned.prompt): planned.prompt for planned in asked}
    given = {name for planned in asked for name in _given(planned.case)}
    users: defaultdict[str, list[int]] = defaultdict(list)
    for number, prompt in enumerate(prompts.values()):
        for name in given & (prompt.variables or frozenset()):
            users[name].append(number)
    for number, prompt in enumerate(prompts.values()):
        for name in sorted(users):
            if prompt.variables is not None and name not in prompt.variables:
                other = list(prompts.values())[users[name][0]]
                message = (
                    f"prompt {_name(prompt, number)} does not name {{{{ {name} }}}}, which prompt "
                    f"{_name(other, users[name][0])} does: the two are not told the same"
                )
                yield find(Kind.UNUSED_VARIABLE, message, subject.dataset.prompts[number].location)


def _given(case: Case) -> list[str]:
    return [*case.vars, *(["input"] if case.input is not None else []), *(["context"] if case.context else [])]


def _name(prompt: PromptTemplate, number: int) -> str:
    return repr(prompt.name) if prompt.name else str(number + 1)


def _of_recorded(subject: Subject) -> Iterator[Finding]:
    unused: defaultdict[str, list[Case]] = defaultdict(list)
    for planned in subject.planned:
        names = [planned.prompt.variables, *(judge.variables for judge in planned.judges)]
        known = [item for item in names if item is not None]
        if planned.target.config.name != RECORDED or len(known) < len(names):
            continue
        used = frozenset[str]().union(*known)
        for name in planned.case.vars:
            if name not in used:
                unused[name].append(planned.case)
    for name, cases in unused.items():
        message = (
            f"nothing names the variable {name!r} of {name_cases(cases)} with a recorded output; what is only a note "
            "belongs into 'metadata'"
        )
        yield find(Kind.UNUSED_VARIABLE, message, cases[0].location, cases)
