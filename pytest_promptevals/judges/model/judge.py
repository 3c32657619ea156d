"""What all judges that ask a model are made of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar, final

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.base import BaseJudge, JsonValue, JudgeParameters, read_number
from pytest_promptevals.judges.excerpts import clip
from pytest_promptevals.judges.model.asking import VerdictAsker
from pytest_promptevals.judges.model.forms import AnswerForm
from pytest_promptevals.judges.model.polling import Poll, take_poll
from pytest_promptevals.judges.model.voting import Aggregate
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.judge_calls import JudgeCall
from pytest_promptevals.records.responses import Message
from pytest_promptevals.records.results import Grade

AnswerT = TypeVar("AnswerT")

REASONING_KEPT: Final = 2_000
"""Characters of a model's reasoning that are kept in the details of a grade."""
REASONING_SHOWN: Final = 300
"""Characters of it that stand in an explanation."""


_SET_BY_JUDGES: Final = {
    "response_format": "remove it, or say `structured: false`",
    "n": "remove it, or say `samples`",
    "model": "name the model beside `parameters`, as `model: provider/model`",
    "messages": "remove it",
    "input": "remove it",
    "system": "remove it",
    "instructions": "remove it",
    "stream": "remove it, since answers are read whole",
}
"""Parameters of APIs that a judge's own may not hold, and what to do about each."""


def _check_model(name: str) -> str:
    provider, _, model = name.partition("/")
    if not provider.strip() or not model.strip() or name != name.strip():
        raise ValueError(f"must be the name of a model as provider/model, such as openai/gpt-5-mini, not {name!r}")
    return name


def _check_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    for name, advice in _SET_BY_JUDGES.items():
        if name in parameters:
            raise ValueError(f"{name!r} is set by the judge; {advice}")
    return parameters


class ModelJudgeParameters(JudgeParameters):
    """Parameters of every judge that asks a model."""

    model: Annotated[str, AfterValidator(_check_model)] = Field(
        default="",
        description="The judge model as provider/model. Without it, `judge_model` of the eval file, or else that of "
        "the setting `evals_judge_model`.",
    )
    parameters: Annotated[dict[str, JsonValue], AfterValidator(_check_parameters)] = Field(
        default={}, description="Parameters of the judge's own calls, as the API names them."
    )
    structured: bool = Field(
        default=True,
        description="Whether the model is asked for structured output. A server that refuses it is asked without; say "
        "`false` to spare it the question.",
    )
    panel: list[Annotated[str, AfterValidator(_check_model)]] = Field(
        default=[],
        description="Several judge models as provider/model, in the place of `model`: each grades, and "
        "`aggregate` makes one grade of theirs.",
    )
    aggregate: Aggregate = Field(
        default="mean",
        description="How the grades of a `panel` become one: `mean`, `median`, `majority` (what more than half of them "
        "reach) or `min`. A model without a grade is left out; `majority` counts it as not reached, `min` needs all.",
    )
    fallback: list[Annotated[str, AfterValidator(_check_model)]] = Field(
        default=[], description="Models that are asked in turn, where one gives no grade."
    )
    samples: Annotated[int, BeforeValidator(read_number)] = Field(
        default=1,
        ge=1,
        le=100,
        description="How often each model is asked about one response. The mean counts, and the spread is reported as "
        "the noise of the judge.",
    )

    @model_validator(mode="after")
    def _check_poll(self) -> Self:
        if self.panel and self.model:
            raise ValueError("give either `model` or `panel`")
        if "panel" in self.model_fields_set and len(self.panel) <= 1:
            raise ValueError("a `panel` has at least two models; write one as `model`")
        if "aggregate" in self.model_fields_set and not self.panel:
            raise ValueError("`aggregate` is for a `panel`; add one, or remove it")
        names = [*self.panel, *([self.model] if self.model else []), *self.fallback]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} is there twice; `samples` says how often a model is asked")
        return self


ModelParametersT = TypeVar("ModelParametersT", bound=ModelJudgeParameters)


class ModelJudge(BaseJudge[ModelParametersT]):
    """A judge that asks a model through the engine, which caches, limits, budgets and prices its calls."""

    level: ClassVar[int] = 2
    default_threshold: ClassVar[float] = 0.7

    def __init__(self, parameters: BaseModel) -> None:
        super().__init__(parameters)
        given = self.parameters
        # Where others stand in, an unreadable answer is no error that would last.
        is_alone = given.samples == 1 and not given.panel and not given.fallback
        self._asker = VerdictAsker(given.parameters, is_structured=given.structured, asks_anew=is_alone)

    def use_memory(self, memory: dict[str, set[str]]) -> None:
        """Share what is learnt of models with the judges of this kind that other cases have."""
        self._asker.share(memory.setdefault("models without JSON Schema", set()))

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are asked for each response, each as often as it is."""
        return tuple(model for model in self._panel if model for _ in range(self.parameters.samples))

    @property
    def fallback_models(self) -> tuple[str, ...]:
        """The models that are asked only where another gives no grade."""
        return tuple(self.parameters.fallback)

    @property
    def _panel(self) -> tuple[str, ...]:
        return tuple(self.parameters.panel) or (self.parameters.model,)

    @final
    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Grade one response with all the models, and as often, as the parameters say.

        Raises ``JudgeError`` where no grade can be given, and ``ProviderError`` where the only model does not answer.
        """

        async def grade_with(model: str) -> Grade:
            return await self.grade_with(subject, ask, model)

        given = self.parameters
        where = self.where(subject)
        poll = Poll(self._panel, self.fallback_models, given.samples, given.aggregate, where)
        return await take_poll(poll, grade_with)

    @abstractmethod
    async def grade_with(self, subject: JudgeInput, ask: Ask, model: str) -> Grade:
        """Grade one response once, with that model.

        It is called several times at once for a panel or samples, so it keeps nothing of a call. Raises ``JudgeError``
        where no grade can be given, and ``ProviderError`` as ``ask`` does.
        """

    def prompt_size(self, case: Case) -> int | None:
        """Return about how many characters the prompt for an empty response to that case has; ``None`` if unknown."""
        del case
        return None

    def calls_for(self, subject: JudgeInput) -> Sequence[JudgeCall]:
        """Return the calls for one response, which is empty if it is not known yet; ``--evals-plan`` counts them.

        A second try at an answer that cannot be read, and fallbacks, come on top.
        """
        size = self._size_for(subject.case)
        return [JudgeCall(model, size) for model in self.models]

    def _size_for(self, case: Case) -> int | None:
        try:
            return self.prompt_size(case)
        except JudgeError:
            return None  # it cannot judge an empty response

    async def ask_for(
        self, ask: Ask, messages: Sequence[Message], form: AnswerForm[AnswerT], subject: JudgeInput, model: str = ""
    ) -> AnswerT:
        """Return what the judge model, or another ``model``, answers.

        Raises ``JudgeError`` if its answer cannot be read, and ``ProviderError`` if there is none.
        """
        name = model or self.parameters.model
        if not name:
            raise JudgeError(f"{self.where(subject)}no model to judge with; {HOW_TO_NAME_A_MODEL}")
        try:
            return await self._asker.ask_for(ask, name, messages, form)
        except JudgeError as error:
            raise JudgeError(f"{self.where(subject)}{error}") from error

    def where(self, subject: JudgeInput) -> str:
        """Return what an error message begins with: the case and the judge."""
        return f"{subject.case.location}: judge {self.name!r}: "


HOW_TO_NAME_A_MODEL: Final = (
    "write `model: provider/model` among the judge's parameters, or `judge_model` into the eval file, or set "
    "evals_judge_model (--evals-judge-model) for all"
)


def shorten_reasoning(reasoning: str) -> str:
    """Return a model's reasoning as an explanation shows it: on one line, cut at the end of a sentence if possible."""
    line = " ".join(reasoning.split())
    if len(line) <= REASONING_SHOWN:
        return clip(line, REASONING_SHOWN)
    head = line[:REASONING_SHOWN]
    end = max(head.rfind(mark) for mark in (". ", "! ", "? ", "。"))
    return clip(head[: end + 1] if end > REASONING_SHOWN // 2 else line, REASONING_SHOWN)
