"""Few-shot examples of one eval file that are cases of another with the same prompt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pytest_promptevals.hygiene.asking import prompts_of
from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find, name_cases
from pytest_promptevals.hygiene.leaks import answer_forms, name_example, question_forms, telling_answer
from pytest_promptevals.hygiene.likeness import SHORTEST, Leaders
from pytest_promptevals.hygiene.texts import plain
from pytest_promptevals.records.cases import Case, FewShot, Location

_Forms: TypeAlias = Callable[[Case], list[str]]


@dataclass(slots=True)
class _Example:
    """An example, and what it gives away."""

    number: int
    few_shot: FewShot
    prompts: dict[str, None]
    asked: dict[Location, Case] = field(default_factory=dict)
    told: dict[Location, Case] = field(default_factory=dict)


def find_cross_file_leaks(subjects: Sequence[Subject]) -> Iterator[Finding]:
    """Yield one finding for each example that is nearly a case of a file that has the prompt, but not the example."""
    examples = _collect(subjects)
    asking = _Index([(plain(example.few_shot.user), example) for example in examples], subjects, question_forms)
    telling = _Index([(telling_answer(example.few_shot), example) for example in examples], subjects, answer_forms)
    shown = _collect_shown(subjects)
    for subject in subjects:
        prompts = prompts_of(subject)
        for case in subject.dataset.cases if prompts else ():
            if case.output is not None:
                continue
            own = shown[case.location]
            for example in asking.find(case, prompts, own):
                example.asked[case.location] = case
            for example in telling.find(case, prompts, own):
                example.told[case.location] = case
    for example in examples:
        if example.asked:
            yield _leak(example, example.few_shot.user, "asks nearly the same as", list(example.asked.values()))
        elif example.told:
            verb = "answers nearly what is expected of"
            yield _leak(example, example.few_shot.assistant, verb, list(example.told.values()))


def _collect(subjects: Sequence[Subject]) -> list[_Example]:
    """Return each example once, with the prompts that it is used with."""
    found: dict[FewShot, _Example] = {}
    for subject in subjects:
        for number, example in enumerate(subject.dataset.few_shot, start=1):
            prompts = dict.fromkeys(prompts_of(subject))
            found.setdefault(example, _Example(number, example, {})).prompts.update(prompts)
    return list(found.values())


def _collect_shown(subjects: Sequence[Subject]) -> defaultdict[Location, set[FewShot]]:
    """Return the examples of the files that a case is part of; those that give it away are found there."""
    shown: defaultdict[Location, set[FewShot]] = defaultdict(set)
    for subject in subjects:
        for case in subject.dataset.cases if subject.dataset.few_shot else ():
            shown[case.location].update(subject.dataset.few_shot)
    return shown


class _Index:
    """Texts of examples, by prompt, in which those that a case is like are looked up."""

    def __init__(self, texts: Sequence[tuple[str, _Example]], subjects: Sequence[Subject], forms: _Forms) -> None:
        self._forms = forms
        self._examples = [example for _, example in texts]
        self._equal: defaultdict[tuple[str, str], list[_Example]] = defaultdict(list)
        cases = (case for subject in subjects if texts for case in subject.dataset.cases)
        self._leaders = Leaders([*(text for text, _ in texts), *(form for case in cases for form in forms(case))])
        for number in sorted(range(len(texts)), key=lambda number: len(texts[number][0])):
            text, example = texts[number]
            for prompt in example.prompts if text else ():
                self._equal[prompt, text].append(example)
            if len(text) >= SHORTEST:
                self._leaders.add(text, list(example.prompts), number)

    def find(self, case: Case, prompts: Sequence[str], own: set[FewShot]) -> list[_Example]:
        """Return the examples that a case is like; none if one of them is among its own."""
        found: dict[FewShot, _Example] = {}
        for form in self._forms(case):
            for example in self._alike(form, prompts):
                found[example.few_shot] = example
        return [] if own & found.keys() else list(found.values())

    def _alike(self, form: str, prompts: Sequence[str]) -> list[_Example]:
        if equal := [example for prompt in prompts for example in self._equal.get((prompt, form), ())]:
            return equal
        number = self._leaders.find(form, prompts) if len(form) >= SHORTEST else None
        return [] if number is None else [self._examples[number]]


def _leak(example: _Example, text: str, verb: str, cases: Sequence[Case]) -> Finding:
    place, name = example.few_shot.location, name_example(f"few-shot example {example.number}", text)
    message = (
        f"{name} {verb} {name_cases(cases, place.path)}, with the same prompt: a model "
        "that is shown one cannot be tested on the other; take another example, or say that it is meant: --ignore "
        f"{Kind.CROSS_FILE_LEAK.value}"
    )
    return find(Kind.CROSS_FILE_LEAK, message, place, cases, [case.location for case in cases])
