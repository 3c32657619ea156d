"""The ``json_rubric`` judge."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import Field

from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.model.answer_keys import AnswerKey
from pytest_promptevals.judges.model.case_prompt import build_task, size_of
from pytest_promptevals.judges.model.forms import ScoreForm, Verdict
from pytest_promptevals.judges.model.judge import ModelJudge, ModelJudgeParameters
from pytest_promptevals.judges.model.prompting import (
    Passage,
    judge_messages,
    neutralise,
    show_context,
    show_data,
    show_expected,
)
from pytest_promptevals.judges.model.transcripts import read_turns, show_turns
from pytest_promptevals.judges.model.verdicts import FIVE, Sentence, grade_score, of_five
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import Grade

_ANCHORS: Final = (
    "- 1: not at all\n- 2: in a small part\n- 3: in part, with flaws that matter\n- 4: with small flaws\n- 5: fully"
)
_LEAD: Final = (
    "Judge what the assistant did in the TRAJECTORY: which tools it called, with which arguments, in which order, what "
    "it made of their results, and what it answered at the end. Judge by the questions below, and by nothing else."
)
_CRITERIA: Final[dict[str, str]] = {
    "goal": "Did it reach what the user wanted, as far as that could be reached, or say truly why not?",
    "tool_choice": "Did it call the tools that the task needs, and none that it does not need?",
    "arguments": "Do the arguments of its calls hold what the task and earlier results say, and nothing made up?",
    "order": "Did it call them in an order that works, without needless repetition?",
    "use_of_results": "Does its final answer, if there is one, follow from what the tools returned?",
}


class JsonRubricParameters(ModelJudgeParameters):
    """Parameters of ``json_rubric``."""

    criteria: Annotated[dict[AnswerKey, Sentence], Field(min_length=1)] = Field(
        default=_CRITERIA,
        description="Questions about the trajectory, by a key of their own. Without them, five about the goal, "
        "the choice of tools, their arguments, their order and the use of their results.",
    )


class JsonRubricJudge(ModelJudge[JsonRubricParameters]):
    """A model judges a trajectory: the messages, the tool calls and the final answer.

    The trajectory is the case's `input` where that is a list of chat messages, tool calls and results of tools among
    them, and the output as its last turn. `expected`, if there is one, is shown as a trajectory that is known to be
    right, and the `tools` among the `parameters` of the eval file as those that could be called. Each question is
    scored from 1 to 5, and the grade is their mean, brought to 0 to 1. To compare calls with expected ones word by
    word, use `tool_calls`.

    ```yaml
    judges:
      - json_rubric: {model: scripted/judge}
      - json_rubric: {model: scripted/judge, criteria: {caution: "Did it look first?"}}
    cases:
      - input:
          - {role: user, content: "Cancel order A-17, which comes on Friday."}
          - {role: assistant, tool_calls: [{function: {name: find_order, arguments: '{"id": "A-17"}'}}]}
          - {role: tool, name: find_order, content: '{"status": "paid"}'}
        output: {tool_calls: [{name: cancel_order, arguments: {id: A-17}}]}
    ```
    """

    name = "json_rubric"
    shorthand = "criteria"
    Parameters = JsonRubricParameters

    def prompt_size(self, case: Case) -> int:
        """Return about how many characters the prompt for an empty response to that case has."""
        return size_of(self._messages(JudgeInput(case, Response(""))))

    async def grade_with(self, subject: JudgeInput, ask: Ask, model: str) -> Grade:
        """Ask the judge model. Raises ``JudgeError`` if its answer cannot be read."""
        verdict = await self.ask_for(ask, self._messages(subject), self._form, subject, model)
        return _grade(verdict, model)

    @property
    def _form(self) -> ScoreForm:
        return ScoreForm(FIVE, tuple(self.parameters.criteria), name="trajectory")

    def _messages(self, subject: JudgeInput) -> Sequence[Message]:
        passages = [*show_context(subject.case.context), *_show_tools(subject.parameters.get("tools"))]
        passages.append(Passage("TRAJECTORY", show_turns(read_turns(subject))))
        expected = subject.case.expected
        if expected is not None:
            shown = show_expected(expected) if isinstance(expected, str) else show_data(expected)
            passages.append(Passage("REFERENCE TRAJECTORY", shown))
        questions = "\n".join(f"- {key}: {neutralise(text)}" for key, text in self.parameters.criteria.items())
        sections = [("Questions", questions), ("Scale, for each question and for the whole", _ANCHORS)]
        return judge_messages(passages, build_task(_LEAD, passages, sections, self._form))


def _show_tools(tools: Any) -> list[Passage]:
    """Return the tools that the model was offered: those that it did not call tell as much as those that it did."""
    return [Passage("TOOLS", show_data(tools))] if tools and isinstance(tools, list) else []


def _grade(verdict: Verdict, model: str) -> Grade:
    values = verdict.dimensions
    lowest = min(values, key=lambda key: values[key])
    details: dict[str, Json] = {"model": model, "dimensions": dict(values), "overall": verdict.overall}
    head = f"lowest: {lowest} {of_five(values[lowest])}"
    return grade_score(statistics.fmean(values.values()), head, verdict.reasoning, details)
