"""The ``conversation`` judge."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.base import read_number
from pytest_promptevals.judges.excerpts import count_noun
from pytest_promptevals.judges.model.case_prompt import build_task, size_of
from pytest_promptevals.judges.model.conversation_criteria import read_criteria
from pytest_promptevals.judges.model.forms import Verdict
from pytest_promptevals.judges.model.judge import ModelJudge, ModelJudgeParameters
from pytest_promptevals.judges.model.prompting import (
    Passage,
    judge_messages,
    neutralise,
    show_context,
    show_expected,
)
from pytest_promptevals.judges.model.transcripts import ASSISTANT, Turn, read_turns, show_turn, show_turns
from pytest_promptevals.judges.model.verdicts import (
    SCORE_FORM,
    Words,
    ask_together,
    grade_score,
    of_five,
    score_of,
)
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.judge_calls import JudgeCall
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import Grade

_ANCHORS: Final = (
    "- 1: the criteria are not met at all\n- 2: in a small part\n- 3: in part, with flaws that a reader would mind\n"
    "- 4: with small flaws\n- 5: fully"
)
_WHOLE: Final = "Judge the assistant's part of the CONVERSATION as a whole by the criteria below, and by nothing else."
_TURN: Final = (
    "Judge the RESPONSE, which is the assistant's next turn of the CONVERSATION, by the criteria below, and by nothing "
    "else. It can know no more than what was said before it."
)


class ConversationParameters(ModelJudgeParameters):
    """Parameters of ``conversation``."""

    criteria: Annotated[Words, AfterValidator(read_criteria)] = Field(
        description="What the assistant's turns must do or be, in your own words; or `knowledge_retention`, "
        "`role_adherence`, `completeness` or `relevance`.",
    )
    judged: Literal["whole", "turns"] = Field(
        default="whole",
        description="Whether the conversation is judged as a whole, by one question, or each of the assistant's "
        "turns, by one question each.",
    )
    last: Annotated[int, Field(ge=1), BeforeValidator(read_number)] | None = Field(
        default=None, description="With `judged: turns`, how many of the last turns are judged; without it, all."
    )
    aggregate_turns: Literal["mean", "min"] = Field(
        default="mean", description="With `judged: turns`, how the scores of the turns become one."
    )

    @model_validator(mode="after")
    def _check_turns(self) -> Self:
        for name in ("last", "aggregate_turns"):
            if name in self.model_fields_set and self.judged == "whole":
                raise ValueError(f"`{name}` is for `judged: turns`; add that, or remove it")
        return self


class ConversationJudge(ModelJudge[ConversationParameters]):
    """A model judges the assistant's part of a conversation of several turns.

    The conversation is the case's `input` where that is a list of chat messages, and else the rendered prompt; the
    output is its last turn. It is judged as a whole, or with `judged: turns`, each turn of the assistant's on its own,
    of which the model sees what was said before and nothing after. Scores are given from 1 to 5 and brought to 0 to 1;
    those of turns become one by their mean, or with `aggregate_turns: min` by the lowest.

    | criteria with a name | the assistant |
    | --- | --- |
    | `knowledge_retention` | keeps in mind what the user told it, and does not ask again |
    | `role_adherence` | stays in the role that the system message, or else its first turn, gives it |
    | `completeness` | deals with each thing that the user asked for |
    | `relevance` | answers in each turn what the user just said |

    ```yaml
    judges:
      - conversation: {criteria: It remembers what the user said before., model: scripted/judge}
      - conversation: {criteria: knowledge_retention, model: scripted/judge, name: memory}
      - conversation: {criteria: It is polite., judged: turns, aggregate_turns: min, model: scripted/judge}
    cases:
      - input:
          - {role: user, content: "I am Ada. Where is order A-17?"}
          - {role: assistant, content: It is on its way.}
          - {role: user, content: "And who ordered it?"}
        output: You did, Ada.
    ```
    """

    name = "conversation"
    shorthand = "criteria"
    Parameters = ConversationParameters

    def prompt_size(self, case: Case) -> int:
        """Return about how many characters the prompt for an empty response to that case has."""
        subject = JudgeInput(case, Response(""))
        return size_of(self._messages(subject, read_turns(subject)))

    def calls_for(self, subject: JudgeInput) -> Sequence[JudgeCall]:
        """Return the calls for one response: with ``judged: turns``, one for each turn that is judged."""
        turns = read_turns(subject)
        return [
            JudgeCall(model, size_of(self._messages(subject, turns[:end])), has_response=end == len(turns))
            for model in self.models
            for end in self._ends(turns)
        ]

    async def grade_with(self, subject: JudgeInput, ask: Ask, model: str) -> Grade:
        """Ask the judge model, once or for each turn. Raises ``JudgeError`` if an answer cannot be read."""
        turns = read_turns(subject)
        ends = self._ends(turns)
        calls = (self.ask_for(ask, self._messages(subject, turns[:end]), SCORE_FORM, subject, model) for end in ends)
        verdicts = await ask_together(calls)
        return _grade_whole(verdicts[0], model) if self._is_whole else self._grade_turns(verdicts, ends, model)

    @property
    def _is_whole(self) -> bool:
        return self.parameters.judged == "whole"

    def _ends(self, turns: Sequence[Turn]) -> list[int]:
        """Return the numbers of the turns that are judged, or after which the whole is."""
        if self._is_whole:
            return [len(turns)]
        ends = [number for number, turn in enumerate(turns, start=1) if turn.role == ASSISTANT]
        return ends[-(self.parameters.last or len(ends)) :]

    def _messages(self, subject: JudgeInput, turns: Sequence[Turn]) -> Sequence[Message]:
        shown = turns if self._is_whole else turns[:-1]
        passages = [*show_context(subject.case.context), Passage("CONVERSATION", show_turns(shown))]
        is_last = len(turns) == len(read_turns(subject))
        if subject.case.expected is not None and is_last:
            passages.append(Passage("REFERENCE", show_expected(subject.case.expected)))
        if not self._is_whole:
            passages.append(Passage("RESPONSE", show_turn(turns[-1])))
        sections = [("Criteria", neutralise(self.parameters.criteria)), ("Scale", _ANCHORS)]
        return judge_messages(passages, build_task(_WHOLE if self._is_whole else _TURN, passages, sections, SCORE_FORM))

    def _grade_turns(self, verdicts: Sequence[Verdict], ends: Sequence[int], model: str) -> Grade:
        scores = [score_of(verdict) for verdict in verdicts]
        is_min = self.parameters.aggregate_turns == "min"
        counted = min(scores) if is_min else statistics.fmean(scores)
        worst = scores.index(min(scores))
        details: dict[str, Json] = {
            "model": model,
            "turns": {str(end): score for end, score in zip(ends, scores, strict=True)},
        }
        head = f"{of_five(counted)} over {count_noun(len(scores), 'turn')}"
        if len(scores) > 1:
            head += f", lowest: turn {ends[worst]} with {scores[worst]:g}"
        return grade_score(counted, head, verdicts[worst].reasoning, details)


def _grade_whole(verdict: Verdict, model: str) -> Grade:
    score = score_of(verdict)
    return grade_score(score, of_five(score), verdict.reasoning, {"model": model, "overall": score})
