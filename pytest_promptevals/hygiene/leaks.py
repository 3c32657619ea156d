"""Few-shot examples that give a case away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find, name_cases
from pytest_promptevals.hygiene.likeness import SHORTEST, is_like
from pytest_promptevals.hygiene.texts import answer_texts, plain, question_text
from pytest_promptevals.judges.excerpts import quote
from pytest_promptevals.records.cases import Case


def find_few_shot_leaks(subject: Subject) -> Iterator[Finding]:
    """Yield one finding for each example whose question, or whose answer, is nearly that of a case.

    A short answer, such as a label, gives nothing away: only one of some length counts. Cases with a recorded output
    are not asked.
    """
    cases = [case for case in subject.dataset.cases if case.output is None]
    if not subject.dataset.few_shot:
        return
    questions = [_questions(case) for case in cases]
    answers = [[plain(text) for text in answer_texts(case.expected)] for case in cases]
    for number, example in enumerate(subject.dataset.few_shot, start=1):
        asked = [case for case, texts in zip(cases, questions, strict=True) if _is_any_like(example.user, texts)]
        told = [
            case
            for case, texts in zip(cases, answers, strict=True)
            if len(plain(example.assistant)) >= SHORTEST and _is_any_like(example.assistant, texts)
        ]
        if asked:
            yield _leak(number, example.user, "asks nearly the same as", asked)
        elif told:
            yield _leak(number, example.assistant, "answers nearly what is expected of", told)


def _questions(case: Case) -> list[str]:
    whole = plain(question_text(case))
    return [whole] if not isinstance(case.input, str) else [whole, plain(case.input)]


def _is_any_like(text: str, others: Sequence[str]) -> bool:
    form = plain(text)
    return any(is_like(form, other) for other in others)


def _leak(number: int, text: str, verb: str, cases: Sequence[Case]) -> Finding:
    message = (
        f"few-shot example {number}, {quote(text, 50)}, {verb} {name_cases(cases)}: the model is shown what it is "
        "tested on; take another example"
    )
    return find(Kind.FEW_SHOT_LEAK, message, cases[0].location, cases)
