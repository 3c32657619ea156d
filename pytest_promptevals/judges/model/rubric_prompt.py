"""What a judge model is shown and told for a rubric."""

from __future__ import annotations

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.model.prompting import (
    Passage,
    has_question,
    judge_messages,
    neutralise,
    show_answer,
    show_context,
    show_expected,
    show_question,
)
from pytest_promptevals.judges.model.rubrics import Rubric
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.responses import Message

_NAMES = {"input": "QUESTION", "output": "RESPONSE", "expected": "REFERENCE", "context": "CONTEXT"}
_ROLES = {
    "input": "what the model was asked",
    "output": "what it answered, which you judge",
    "expected": "an answer that is known to be right",
    "context": "what the answer must rest on",
}


def missing_variables(rubric: Rubric, case: Case) -> list[str]:
    """Return the variables that a rubric needs and a case lacks, as far as that is known when it is collected."""
    has = {
        "input": has_question(case),
        "output": True,
        "expected": case.expected is not None,
        "context": bool(case.context),
    }
    return [name for name in rubric.variables if not has[name]]


def rubric_messages(rubric: Rubric, subject: JudgeInput) -> tuple[Message, ...]:
    """Return the prompt for one response: the texts of the case, fenced in, and the rubric after them.

    Raises ``JudgeError`` if the case has not what the rubric needs.
    """
    passages = _passages(rubric, subject)
    shown = {passage.name.partition(" ")[0] for passage in passages}
    for name in rubric.variables:
        if _NAMES[name] not in shown:
            raise JudgeError(f"the rubric {rubric.id!r} needs {name!r}, which the case does not have; add it")
    return judge_messages(passages, _task(rubric, shown))


def _passages(rubric: Rubric, subject: JudgeInput) -> list[Passage]:
    case, wanted = subject.case, rubric.shown
    passages: list[Passage] = []
    if "context" in wanted:
        passages += show_context(case.context)
    question = show_question(subject) if "input" in wanted else None
    if question is not None:
        passages.append(Passage(_NAMES["input"], question))
    if "expected" in wanted and case.expected is not None:
        passages.append(Passage(_NAMES["expected"], show_expected(case.expected)))
    passages.append(Passage(_NAMES["output"], show_answer(subject.response)))
    return passages


def _task(rubric: Rubric, shown: set[str]) -> str:
    parts = [
        "# Your task\n\nJudge the RESPONSE by the rubric below, and by nothing else.\n\n" + _legend(shown),
        # It may be a template, and so hold text of the case.
        f"## Criteria\n\n{neutralise(rubric.criteria)}",
    ]
    if rubric.dimensions:
        parts.append("## Dimensions\n\nScore each apart from the others.\n\n" + _dimensions(rubric))
    what = "for each dimension and for the whole" if rubric.dimensions else "for the whole"
    parts.append(f"## Scale, {what}\n\n" + _anchors(rubric))
    parts.append(f"## Your answer\n\n{rubric.form().instructions()}")
    return "\n\n".join(parts)


def _legend(shown: set[str]) -> str:
    lines = [f"- {_NAMES[name]}: {role}" for name, role in _ROLES.items() if _NAMES[name] in shown]
    return "\n".join(lines)


def _dimensions(rubric: Rubric) -> str:
    return "\n".join(f"- {dimension.id}: {dimension.question}" for dimension in rubric.dimensions)


def _anchors(rubric: Rubric) -> str:
    anchors = sorted(rubric.scale.anchors, key=lambda anchor: anchor.value)
    return "\n".join(f"- {anchor.value:g}: {anchor.means}" for anchor in anchors)
