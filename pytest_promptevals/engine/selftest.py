"""Which cases a model that knows nothing would pass: the judges are asked, the model under test is not."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pytest_promptevals.engine.judging import PlannedJudge, flatten
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import PlannedCase
from pytest_promptevals.engine.runner import Outcome, assemble_result, judge_response
from pytest_promptevals.engine.useless_models import EMPTY, REFUSAL, USELESS_MODELS, Question, UselessModel
from pytest_promptevals.errors import PromptEvalsError
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.refusals import RefusalJudge, RefusalParameters
from pytest_promptevals.records.cases import Case, Location
from pytest_promptevals.records.judge_calls import JudgeCall
from pytest_promptevals.records.responses import RenderedPrompt, Response, Usage
from pytest_promptevals.records.results import Score

EXEMPT_TAG: Final = "no-selftest"
"""Tag of a case that useless answers may pass, such as one that only forbids something."""
_AT_ONCE: Final = 64
"""Cases that are judged at the same time."""
_REFUSAL_JUDGE: Final = "refusal"
_FREE_LEVEL: Final = 1


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
    only_forbids: bool = False
    """Whether all its judges only say what must not be there."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """A case of which it is not known whether it is dead: a judge was not heard on an answer that the others pass."""

    name: str
    """The case's id, with the prompt's name where there are several."""
    location: Location
    """Where the case stands."""
    judges: tuple[str, ...]
    """Labels of the judges that were left out, since they are above the level."""
    level: int = 0
    """The level at which all of those run; 0 if none was left out."""
    calls: int = 0
    """Judgements that this would take; each is a call of a model, or more."""
    error: str = ""
    """What kept a judge from giving a score that was asked for one; empty if each gave one."""
    comparing: str = ""
    """Which judges compare with another answer of the model, and so are never asked; empty if none does."""


@dataclass(frozen=True, slots=True)
class FileTest:
    """What the self-test found out about one eval file."""

    file: str
    """The eval file."""
    cases: int
    """Cases that were put to the test, each once for each of its prompts."""
    answered: Mapping[str, int]
    """To how many cases it is known whether they let an answer of each useless model pass."""
    passes: tuple[Pass, ...]
    """In file order."""
    undecided: tuple[Undecided, ...] = ()
    """In file order."""
    exempt: tuple[str, ...] = ()
    """Names of the cases with ``EXEMPT_TAG``, which are not among ``cases``."""
    needless: tuple[str, ...] = ()
    """Names of those exempt cases that are not dead anyway, by their free judges."""
    misspelt: tuple[str, ...] = ()
    """Names of the cases with a tag that is nearly ``EXEMPT_TAG``, which exempts none of them."""
    errors: int = 0
    """Answers that a free judge could not judge: they count as not passed."""
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
    Judges that ask a model are asked only about answers that the free ones let pass.
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
    tested = [planned for planned in cases if EXEMPT_TAG not in planned.case.tags]
    exempt = [planned for planned in cases if EXEMPT_TAG in planned.case.tags]
    by_case = await _test_cases(tested, pipeline)
    of_exempt = await _test_cases(exempt, pipeline, is_free=True)
    found = [item for part in by_case for item in part]
    return FileTest(
        file=file,
        cases=len(tested),
        answered={
            model.name: sum(item.model is model and item.passed is not None for item in found)
            for model in USELESS_MODELS
        },
        passes=tuple(_pass_of(item) for item in found if item.passed),
        undecided=tuple(item for part in by_case if (item := _undecided_of(part)) is not None),
        exempt=tuple(map(_name_of, exempt)),
        needless=tuple(_name_of(part[0].planned) for part in of_exempt if not any(map(_may_be_dead, part))),
        misspelt=tuple(_name_of(planned) for planned in tested if any(map(_is_nearly_exempt, planned.case.tags))),
        errors=sum(item.passed is False and bool(item.error) for item in found),
        spent=sum(item.spent for item in found),
    )


def _is_nearly_exempt(tag: str) -> bool:
    return re.sub(r"[\s_-]", "", tag).lower() == EXEMPT_TAG.replace("-", "")


@dataclass(frozen=True, slots=True)
class _Judges:
    """The judges of a case, by what a self-test does with them."""

    free: tuple[PlannedJudge, ...]
    """Asked first."""
    asking: tuple[PlannedJudge, ...]
    """Asked about what the free ones let pass."""
    left_out: tuple[PlannedJudge, ...]
    """Above the level."""
    comparing: tuple[PlannedJudge, ...]
    """Never asked, since they compare with another answer of the model under test."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What became of one answer."""

    planned: PlannedCase
    judges: _Judges
    model: UselessModel
    passed: bool | None
    """``None`` if that is not known."""
    error: str
    spent: float

    @property
    def is_wanted(self) -> bool:
        """Whether it is no fault that the answer passes."""
        return self.model.name not in _WANTED or _WANTED[self.model.name](self.planned)

    @property
    def is_dead(self) -> bool:
        """Whether the case is dead by this answer."""
        return self.passed is True and not self.is_wanted


def _may_be_dead(found: _Found) -> bool:
    return found.passed is not False and not found.is_wanted


async def _test_cases(cases: Sequence[PlannedCase], pipeline: Pipeline, *, is_free: bool = False) -> list[list[_Found]]:
    """Return what became of the answers to each case; with ``is_free``, only the free judges are asked."""
    if not cases:
        return []
    positions = {id(case): position for position, case in enumerate(cases[0].plan.dataset.cases)}
    found: list[list[_Found]] = []
    for start in range(0, len(cases), _AT_ONCE):
        batch = cases[start : start + _AT_ONCE]
        asked = [_without_asking(planned) if is_free else planned for planned in batch]
        tests = (_test_case(planned, positions[id(planned.case)], pipeline) for planned in asked)
        found += await asyncio.gather(*tests)
    return found


def _without_asking(planned: PlannedCase) -> PlannedCase:
    judges = planned.written or planned.judges
    free = tuple(judge for judge in judges if judge.level <= _FREE_LEVEL)
    plan = dataclasses.replace(planned.plan, level=_FREE_LEVEL)
    return dataclasses.replace(planned, plan=plan, judges=free, written=judges if len(free) < len(judges) else ())


async def _test_case(planned: PlannedCase, position: int, pipeline: Pipeline) -> list[_Found]:
    prompt = await _render(planned)
    judges = _sort_judges(planned)
    question = Question(planned.case, prompt, planned.plan.dataset.cases, position)
    found = []
    for model in USELESS_MODELS:
        text = model.answer(question)
        if text is None:
            continue
        response = Response(text, finish_reason="stop", usage=Usage(0, 0), latency=0.0, cost=0.0, model=model.name)
        outcome, passed = await _judge(planned, judges, response, prompt, pipeline)
        error = "" if outcome.error is None else outcome.error.message
        found.append(_Found(planned, judges, model, passed, error, _spent_on(outcome)))
    if all(item.error for item in found):
        return [dataclasses.replace(item, passed=None) for item in found]  # a judge that judges nothing tells nothing
    return found


async def _judge(
    planned: PlannedCase, judges: _Judges, response: Response, prompt: RenderedPrompt | None, pipeline: Pipeline
) -> tuple[Outcome, bool | None]:
    """Ask the free judges, and the others only where those let the answer pass. Return also whether it passes."""
    first = await judge_response(dataclasses.replace(planned, judges=judges.free), response, prompt, pipeline)
    if first.error is not None or _is_failed(first.scores):
        # A run of an answer that is an error would end as one, whatever the others say: it does not pass.
        return first, False
    rest = await judge_response(dataclasses.replace(planned, judges=judges.asking), response, prompt, pipeline)
    outcome = dataclasses.replace(rest, scores=(*first.scores, *rest.scores))
    if rest.error is not None:
        return outcome, None
    if _is_failed(outcome.scores):
        return outcome, False
    if judges.left_out or judges.comparing:
        return outcome, None
    return outcome, assemble_result(planned, prompt, [outcome]).passed


def _is_failed(scores: Sequence[Score]) -> bool:
    """Return whether the case fails, whatever other judges say."""
    return not all(score.passed for score in scores if score.required)


def _sort_judges(planned: PlannedCase) -> _Judges:
    # Those without a weight, too, which a run leaves out where they are all that is left: they can fail the case.
    judges = planned.written or planned.judges
    comparing = tuple(judge for judge in judges if any(_compares(item, planned) for item in flatten([judge])))
    others = tuple(judge for judge in judges if judge not in comparing)
    return _Judges(
        free=tuple(judge for judge in others if judge.level <= _FREE_LEVEL),
        asking=tuple(judge for judge in others if _FREE_LEVEL < judge.level <= planned.plan.level),
        left_out=tuple(judge for judge in others if judge.level > planned.plan.level),
        comparing=comparing,
    )


def _compares(judge: PlannedJudge, planned: PlannedCase) -> bool:
    """Return whether a judge compares the answer with another one of the model under test."""
    if judge.judge_type is None or judge.level <= _FREE_LEVEL:
        return False
    made = planned.plan.planner.judge_for(judge, planned.case)
    if getattr(made, "wants_before", False):
        return True
    calls_for = getattr(made, "calls_for", None)
    calls: Sequence[JudgeCall] = () if calls_for is None else calls_for(JudgeInput(planned.case, Response("")))
    return any(call.prompt for call in calls)


def _spent_on(outcome: Outcome) -> float:
    lost = outcome.judging.spent if outcome.judging is not None else None
    return sum((score.spent or 0.0 for score in outcome.scores), lost or 0.0)


async def _render(planned: PlannedCase) -> RenderedPrompt | None:
    try:
        async with asyncio.timeout(planned.plan.timeout):
            return await planned.prompt.render(planned.case)
    except (PromptEvalsError, TimeoutError):
        return None  # running the case would say why


def _name_of(planned: PlannedCase) -> str:
    return f"{planned.case.id} ({planned.prompt.name})" if planned.prompt.name else planned.case.id


def _pass_of(found: _Found) -> Pass:
    planned = found.planned
    judges = tuple(judge.spec.name for judge in planned.judges)
    forbids = _only_forbid(planned.judges)
    return Pass(_name_of(planned), planned.case.location, found.model.name, judges, found.is_dead, forbids)


def _undecided_of(found: Sequence[_Found]) -> Undecided | None:
    """Return what is not known of a case; ``None`` if it is known whether it is dead."""
    unknown = [item for item in found if item.passed is None]
    asked = [item for item in unknown if not item.is_wanted]
    if not asked or any(item.is_dead for item in found):
        return None
    planned, left_out = asked[0].planned, asked[0].judges.left_out
    leaves = [judge for judge in flatten(left_out) if judge.judge_type is not None and judge.level > _FREE_LEVEL]
    return Undecided(
        name=_name_of(planned),
        location=planned.case.location,
        judges=tuple(judge.spec.name for judge in left_out),
        level=max((judge.level for judge in left_out), default=0),
        calls=len(leaves) * len(unknown),
        error=next((item.error for item in asked if item.error), "").removeprefix(f"{planned.case.location}: "),
        comparing=_explain_comparing(asked[0].judges.comparing),
    )


def _explain_comparing(judges: Sequence[PlannedJudge]) -> str:
    if not judges:
        return ""
    names = ", ".join(judge.spec.name for judge in judges)
    return f"{names}: compares with another answer of the model, and a self-test asks for none"


def _only_forbid(judges: Sequence[PlannedJudge]) -> bool:
    return all(judge.spec.negated or (bool(judge.children) and _only_forbid(judge.children)) for judge in judges)


def _wants_nothing(planned: PlannedCase) -> bool:
    return any(not text.strip() for text in _expected_texts(planned.case))


def _wants_refusal(planned: PlannedCase) -> bool:
    return _asks_for_refusal(planned.written or planned.judges) or any(
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
