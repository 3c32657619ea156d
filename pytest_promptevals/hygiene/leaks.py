"""Few-shot examples that give a case away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_promptevals.hygiene.findings import Finding, Kind, Subject, find, name_cases
from pytest_promptevals.hygiene.likeness import SHORTEST, is_like
from pytest_promptevals.hygiene.prompt_examples import find_prompt_examples
from pytest_promptevals.hygiene.texts import answer_texts, plain, question_text
from pytest_promptevals.judges.excerpts import quote
from pytest_promptevals.records.cases import Case, FewShot


def find_few_shot_leaks(subject: Subject) -> Iterator[Finding]:
    """Yield one finding for each example whose question, or whose answer, is nearly that of a case.

    Examples stand under ``few_shot``, or in a chat prompt before the question.
    A short answer, such as a label, gives nothing away: only one of some length counts. Cases with a recorded output
    are not asked.
    """
    cases = [case for case in subject.dataset.cases if case.output is None]
    examples = [
        *((f"few-shot example {number}", example) for number, example in enumerate(subject.dataset.few_shot, start=1)),
        *(("an example in the prompt", example) for example in find_prompt_examples(subject)),
    ]
    if not examples:
        return
    questions = [question_forms(case) for case in cases]
    answers = [answer_forms(case) for case in cases]
    for name, example in examples:
        if asked := _choose(cases, questions, plain(example.user)):
            yield _leak(name_example(name, example.user), "asks nearly the same as", example, asked)
        elif told := _choose(cases, answers, telling_answer(example)):
            yield _leak(name_example(name, example.assistant), "answers nearly what is expected of", example, told)


def question_forms(case: Case) -> list[str]:
    """Return what a case asks as it is compared: all of it, and its input alone."""
    whole = plain(question_text(case))
    return [whole] if not isinstance(case.input, str) else [whole, plain(case.input)]


def answer_forms(case: Case) -> list[str]:
    """Return what a case expects as it is compared."""
    return [plain(text) for text in answer_texts(case.expected)]


def telling_answer(example: FewShot) -> str:
    """Return what an example answers as it is compared; nothing if it is too short to give a case away."""
    answer = plain(example.assistant)
    return answer if len(answer) >= SHORTEST else ""


def name_example(name: str, text: str) -> str:
    """Return an example as messages name it, with what it says."""
    return f"{name}, {quote(text, 50)},"


def _choose(cases: Sequence[Case], forms: Sequence[Sequence[str]], text: str) -> list[Case]:
    if not text:
        return []
    return [case for case, own in zip(cases, forms, strict=True) if any(is_like(text, form) for form in own)]


def _leak(name: str, verb: str, example: FewShot, cases: Sequence[Case]) -> Finding:
    message = (
        f"{name} {verb} {name_cases(cases, example.location.path)}: the model is shown what it is tested on; take "
        "another example"
    )
    return find(Kind.FEW_SHOT_LEAK, message, example.location, cases)
