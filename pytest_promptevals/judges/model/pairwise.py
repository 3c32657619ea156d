"""The ``pairwise`` judge."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel, Field

from pytest_promptevals.errors import FileProblem, JudgeError
from pytest_promptevals.files.paths import OutsideRootdirError, resolve_inside, shown_path
from pytest_promptevals.files.text import read_text
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.model.case_prompt import background, build_task, size_of
from pytest_promptevals.judges.model.forms import Choice, ChoiceForm
from pytest_promptevals.judges.model.judge import ModelJudge, ModelJudgeParameters
from pytest_promptevals.judges.model.prompting import (
    Passage,
    judge_messages,
    neutralise,
    show_data,
    show_response,
)
from pytest_promptevals.judges.model.verdicts import HALF, Words, ask_together, make_grade
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.judge_calls import JudgeCall
from pytest_promptevals.records.responses import Message, Response
from pytest_promptevals.records.results import RELATIVE, UNDECIDED, Grade

Winner: TypeAlias = Literal["response", "other", "tie"]

BASELINE: Final = "baseline"
EXPECTED: Final = "expected"
_SHOWN: Final = {BASELINE: "the baseline's output", EXPECTED: "`expected`"}
_FIRST, _SECOND, _TIE = "first_response", "second_response", "tie"
_FORM: Final = ChoiceForm((_FIRST, _SECOND, _TIE), key="winner", name="comparison")
_SCORES: Final[dict[Winner, float]] = {"response": 1.0, "tie": 0.5, "other": 0.0}
_ORDERS: Final = (True, False)
"""Whether the response of the case comes first."""
_CUT: Final = re.compile(r".{2000}… \[\d+ more characters\]", re.DOTALL)
"""What a baseline keeps of a long output that no judge compared with when it was saved."""
_REASONING_KEPT: Final = 500
_CRITERIA: Final = (
    "The better one is more correct, does more of what was asked, and is of more use to whoever asked. Style matters "
    "only between answers that are equal in that."
)
_LEAD: Final = (
    "Compare the FIRST RESPONSE with the SECOND RESPONSE by the criteria below, and choose the better one. Their order "
    "says nothing about them, and neither does their length. Choose tie if neither is better."
)


class PairwiseParameters(ModelJudgeParameters):
    """Parameters of ``pairwise``."""

    against: Words = Field(
        default=BASELINE,
        description="What the output is compared with: `baseline`, `expected` of the case, or the name of a prompt "
        "file, which is then put to the case's own model.",
    )
    criteria: Words = Field(default=_CRITERIA, description="What makes one answer better than another.")


class PairwiseJudge(ModelJudge[PairwiseParameters]):
    """A model says whether the output is better than another one.

    The other one is the baseline's output of the case; or with `against: expected` the case's own reference; or with
    `against: other-prompt.md` what the case's own model answers to that prompt. The score is 1 for a win, 0.5 for a
    tie and 0 for a loss.

    Models favour an answer for its place, so both orders are asked. Where the verdict turns with the order, it is a
    tie, and counts as position bias, which the end of a run reports for each judge.

    Equal texts are a tie without a question, and so is a case of which the baseline has no output yet. A committed
    baseline keeps long outputs whole only for cases that had this judge when it was saved: one that it has cut cannot
    be compared, which is an error.

    ```yaml
    judges:
      - pairwise: {against: expected, model: scripted/judge}
    cases:
      - input: Where is my order?
        expected: It is on its way.
        output: It will be with you on Friday.
    ```
    """

    name = "pairwise"
    shorthand = "against"
    default_threshold = HALF
    Parameters = PairwiseParameters

    def __init__(self, parameters: BaseModel) -> None:
        super().__init__(parameters)
        self._text: str | None = None
        # Samples and panels compare with the same answer: all grades of one response are handed the same `ask`.
        self._answers: weakref.WeakKeyDictionary[Ask, asyncio.Task[str]] = weakref.WeakKeyDictionary()

    @property
    def wants_before(self) -> bool:
        """Whether it looks at the baseline's output."""
        return self.parameters.against == BASELINE

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are asked for each response: each twice."""
        return tuple(model for model in super().models for _ in _ORDERS)

    @property
    def content_hash(self) -> str | None:
        """Hash of the other prompt's file: scores against another version of it are not comparable."""
        return None if self._text is None else content_hash(self._text)

    @property
    def content(self) -> str | None:
        """The text of that file, for those who want to know what changed."""
        return self._text

    def check_files(self, search_path: Sequence[Path]) -> None:
        """Raise ``JudgeError`` if the other prompt's file is not there."""
        if self.parameters.against in _SHOWN:
            return
        try:
            path = resolve_inside(self.parameters.against, search_path[0], search_path[-1])
            self._text = read_text(path, shown_path(path, search_path[-1]))
        except (OutsideRootdirError, FileProblem) as error:
            raise JudgeError(f"against: {error}; name a prompt file, or write baseline or expected") from error

    def check_case(self, case: Case) -> None:
        """Raise ``JudgeError`` if there is nothing to compare with."""
        where, against = f"{case.location}: judge {self.name!r}", self.parameters.against
        if against == EXPECTED and case.expected in (None, []):
            raise JudgeError(f"{where} has nothing to compare with; add `expected` to the case, or remove `against`")
        if against not in _SHOWN and case.output is not None:
            raise JudgeError(
                f"{where}: the output is recorded, so there is no model to put {against!r} to; write "
                "`against: baseline` or `against: expected`"
            )

    def prompt_size(self, case: Case) -> int:
        """Return about how many characters the prompt for an empty response to that case has."""
        return size_of(self._messages(JudgeInput(case, Response("")), "", is_first=True))

    def calls_for(self, subject: JudgeInput) -> Sequence[JudgeCall]:
        """Return the calls for one response: none where it is known to be a tie, and that for the other answer."""
        calls, against = super().calls_for(subject), self.parameters.against
        if against not in _SHOWN:
            return [JudgeCall(prompt=against), *calls]
        other = subject.before if against == BASELINE else self._reference(subject)
        is_tie = other is None or other.strip() == show_response(subject.response).strip()
        return [] if is_tie else [dataclasses.replace(call, size=_plus(call.size, other)) for call in calls]

    async def grade_with(self, subject: JudgeInput, ask: Ask, model: str) -> Grade:
        """Ask the judge model in both orders. Raises ``JudgeError`` if an answer cannot be read."""
        self.check_case(subject.case)
        grade = await self._compare(subject, ask, model)
        if self.parameters.against != BASELINE:
            return grade
        return dataclasses.replace(grade, details={**(grade.details or {}), RELATIVE: True})

    async def _compare(self, subject: JudgeInput, ask: Ask, model: str) -> Grade:
        other = await self._other(subject, ask)
        if other is None:
            grade = _tie("the baseline has no output of this case yet; that counts as a tie")
            return dataclasses.replace(grade, details={**(grade.details or {}), UNDECIDED: True})
        if other.strip() == show_response(subject.response).strip():
            return _tie(f"the same text as {self._shown}")
        calls = (
            self.ask_for(ask, self._messages(subject, other, is_first=is_first), _FORM, subject, model)
            for is_first in _ORDERS
        )
        return _grade(await ask_together(calls), self._shown, model)

    @property
    def _shown(self) -> str:
        against = self.parameters.against
        return _SHOWN.get(against, f"the answer to {against}")

    async def _other(self, subject: JudgeInput, ask: Ask) -> str | None:
        against = self.parameters.against
        if against == EXPECTED:
            return self._reference(subject)
        if against == BASELINE:
            return self._whole(subject)
        task = self._answers.get(ask)
        if task is None:
            task = self._answers[ask] = asyncio.ensure_future(self._answer(subject, ask))
        return await task

    @staticmethod
    def _reference(subject: JudgeInput) -> str:
        expected = subject.case.expected
        return show_data(expected[0] if isinstance(expected, list) else expected)

    def _whole(self, subject: JudgeInput) -> str | None:
        if subject.before is not None and _CUT.fullmatch(subject.before):
            raise JudgeError(
                f"{self.where(subject)}the baseline keeps only the beginning of its long output, since it was saved "
                "without this judge, and half an answer cannot be compared; save it anew with "
                "'pytest --evals-save-baseline', or write `against:` with `expected` or a prompt file"
            )
        return subject.before

    async def _answer(self, subject: JudgeInput, ask: Ask) -> str:
        against = self.parameters.against
        if subject.render is None or "/" not in subject.model:
            raise JudgeError(
                f"{self.where(subject)}there is no model to put {against!r} to, since the output was not asked of one; "
                "write `against: baseline` or `against: expected`"
            )
        prompt = await subject.render(against)
        return show_response(await ask(subject.model, prompt.messages, subject.parameters))

    def _messages(self, subject: JudgeInput, other: str, *, is_first: bool) -> Sequence[Message]:
        texts = [show_response(subject.response), other]
        first, second = texts if is_first else reversed(texts)
        if self.parameters.against == EXPECTED:  # it must not be told from the other
            subject = dataclasses.replace(subject, case=dataclasses.replace(subject.case, expected=None))
        passages = [*background(subject), Passage("FIRST RESPONSE", first), Passage("SECOND RESPONSE", second)]
        sections = [("Criteria", neutralise(self.parameters.criteria))]
        return judge_messages(passages, build_task(_LEAD, passages, sections, _FORM))


def _plus(size: int | None, text: str | None) -> int | None:
    return None if size is None else size + len(text or "")


def _tie(explanation: str) -> Grade:
    return Grade(HALF, explanation, details={"winner": "tie", "position_bias": False, "orders": []})


def _grade(choices: Sequence[Choice], shown: str, model: str) -> Grade:
    winners = [_winner(choice, is_first=is_first) for choice, is_first in zip(choices, _ORDERS, strict=True)]
    is_biased = len(set(winners)) > 1
    winner: Winner = "tie" if is_biased else winners[0]
    picks = {choice.choice for choice in choices}
    orders: list[Json] = [
        {"first": "response" if is_first else "other", "winner": won, "reasoning": choice.reasoning[:_REASONING_KEPT]}
        for choice, won, is_first in zip(choices, winners, _ORDERS, strict=True)
    ]
    details: dict[str, Json] = {
        "winner": winner,
        "position_bias": is_biased,
        # Numbers, since of several samples the means are kept.
        "pairs": 1,
        "preferred_first": int(is_biased and _FIRST in picks),
        "preferred_second": int(is_biased and _SECOND in picks),
        "orders": orders,
        "model": model,
    }
    if not is_biased:
        head = {"response": "better than", "other": "worse than", "tie": "a tie with"}[winner]
        return make_grade(_SCORES[winner], f"{head} {shown}", choices[0].reasoning, details)
    place = "first" if _FIRST in picks else "second"
    head = f"a tie with {shown}: the verdict turned with the order, for whichever came {place}"
    return make_grade(_SCORES[winner], head, "", details)


def _winner(choice: Choice, *, is_first: bool) -> Winner:
    if choice.choice == _TIE:
        return "tie"
    return "response" if (choice.choice == _FIRST) == is_first else "other"
