"""Which cases a model that knows nothing would pass: the judges are asked, no model is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.engine.judging import PlannedJudge
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.runner import assemble_result, judge_response
from pytest_promptevals.engine.useless_models import EMPTY, REFUSAL, USELESS_MODELS, Question, UselessModel
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.refusals import RefusalJudge, RefusalParameters
from pytest_promptevals.records.cases import Case, Location
from pytest_promptevals.records.responses import RenderedPrompt, Response, Usage
from pytest_promptevals.records.results import CaseResult

_AT_ONCE: Final = 64
"""Cases that are judged at the same time."""
_REFUSAL_JUDGE: Final = "refusal"


@dataclass(frozen=True, slots=True)
class Pass:
    """A case that a useless model passes."""

    name: str
    """The case's id, with the prompt's name where there are several."""
    location: Location
    """Where the case stands."""
    model: str
    """The useless model."""
    judges: tuple[str, ...]
    """Labels of the judges that let it pass."""
    is_dead: bool
    """Whether the case tests nothing."""


@dataclass(frozen=True, slots=True)
class FileTest:
    """What the self-test found out about one eval file."""

    file: str
    """The eval file."""
    cases: int
    """Cases that were put to the test, each once for each of its prompts."""
    answered: Mapping[str, int]
    """How many answers of each useless model were judged: not every one has an answer to every case."""
    passes: tuple[Pass, ...]
    """In file order."""
    errors: int = 0
    """Answers that a judge could not judge: they count as not passed."""
    unjudged: int = 0
    """Cases without a judge of the level, which were not put to the test."""
    spent: float = 0.0
    """US dollars that the judges spent, as far as that is known."""

    def passed_by(self, model: str) -> int:
        """Return how many cases a useless model passes."""
        return sum(item.model == model for item in self.passes)

    @property
    def dead(self) -> tuple[Pass, ...]:
        """The passes that make a case dead."""
        return tuple(item for item in self.passes if item.is_dead)


async def run_selftest(cases: Sequence[PlannedCase], pipeline: Pipeline) -> tuple[FileTest, ...]:
    """Put the answers of the useless models to the judges of all cases, and return what came of it, by eval file.

    A case with several models is tested once: the model would not be asked. Its trials would all be the same one.
    """
    by_file: dict[str, list[PlannedCase]] = {}
    for planned in _one_of_each(cases):
        by_file.setdefault(planned.plan.dataset.path, []).append(planned)
    return tuple([await _test_file(file, planned, pipeline) for file, planned in by_file.items()])


def _one_of_each(cases: Sequence[PlannedCase]) -> Iterator[PlannedCase]:
    seen: set[tuple[str, str, int]] = set()
    for planned in cases:
        key = (planned.plan.dataset.path, planned.case.id, id(planned.prompt))
        if key not in seen:
            seen.add(key)
            yield planned


async def _test_file(file: str, cases: Sequence[PlannedCase], pipeline: Pipeline) -> FileTest:
    judged = [planned for planned in cases if planned.judges]
    positions = {id(case): position for position, case in enumerate(cases[0].plan.dataset.cases)}
    found: list[_Found] = []
    for start in range(0, len(judged), _AT_ONCE):
        batch = judged[start : start + _AT_ONCE]
        tests = (_test_case(planned, positions[id(planned.case)], pipeline) for planned in batch)
        found += [item for part in await asyncio.gather(*tests) for item in part]
    return FileTest(
        file=file,
        cases=len(judged),
        answered={model.name: sum(item.model is model for item in found) for model in USELESS_MODELS},
        passes=tuple(_pass_of(item) for item in found if item.result.passed),
        errors=sum(item.result.error is not None for item in found),
        unjudged=len(cases) - len(judged),
        spent=sum(item.result.spent or 0.0 for item in found),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    planned: PlannedCase
    model: UselessModel
    result: CaseResult


async def _test_case(planned: PlannedCase, position: int, pipeline: Pipeline) -> list[_Found]:
    prompt = await _render(planned)
    question = Question(planned.case, prompt, planned.plan.dataset.cases, position)
    found = []
    for model in USELESS_MODELS:
        text = model.answer(question)
        if text is None:
            continue
        response = Response(text, finish_reason="stop", usage=Usage(0, 0), latency=0.0, cost=0.0, model=model.name)
        outcome = await judge_response(planned, response, prompt, pipeline)
        found.append(_Found(planned, model, assemble_result(planned, prompt, [outcome])))
    return found


async def _render(planned: PlannedCase) -> RenderedPrompt | None:
    try:
        async with asyncio.timeout(planned.plan.timeout):
            return await planned.prompt.render(planned.case)
    except (PromptEvalsError, TimeoutError):
        return None  # running the case would say why


def _pass_of(found: _Found) -> Pass:
    planned, model = found.planned, found.model
    name = f"{planned.case.id} ({planned.prompt.name})" if planned.prompt.name else planned.case.id
    judges = tuple(judge.spec.name for judge in planned.judges)
    is_wanted = _WANTED.get(model.name)
    is_dead = is_wanted is not None and not is_wanted(planned)
    return Pass(name, planned.case.location, model.name, judges, is_dead)


def _wants_nothing(planned: PlannedCase) -> bool:
    return any(not text.strip() for text in _expected_texts(planned.case))


def _wants_refusal(planned: PlannedCase) -> bool:
    return _asks_for_refusal(planned.judges) or any(
        _is_refusal(planned.case, text) for text in _expected_texts(planned.case)
    )


_WANTED: Final[Mapping[str, Callable[[PlannedCase], bool]]] = {EMPTY: _wants_nothing, REFUSAL: _wants_refusal}
"""Models that make a case dead which they pass, and what tells that the case is meant to be passed by them."""


def _expected_texts(case: Case) -> list[str]:
    wanted = case.expected if isinstance(case.expected, list) else [case.expected]
    return [text for text in wanted if isinstance(text, str)]


def _asks_for_refusal(judges: Sequence[PlannedJudge], *, negated: bool = False) -> bool:
    for judge in judges:
        is_opposite = negated != judge.spec.negated
        if judge.spec.judge == _REFUSAL_JUDGE and not is_opposite:
            return True
        if _asks_for_refusal(judge.children, negated=is_opposite):
            return True
    return False


def _is_refusal(case: Case, text: str) -> bool:
    judge = RefusalJudge(RefusalParameters())
    return judge.grade(JudgeInput(case, Response(text))).value > 0
