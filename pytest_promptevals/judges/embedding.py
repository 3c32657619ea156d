"""The judge of what a text means by the model of an API: ``embedding``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.base import read_number
from pytest_promptevals.judges.local_models import clean_text
from pytest_promptevals.judges.meaning import MeaningJudge, MeaningParameters
from pytest_promptevals.judges.vectors import PLAIN, score_vectors
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.embeddings import Vector, decode_vector
from pytest_promptevals.records.judge_calls import JudgeCall


def _check_model(name: str) -> str:
    provider, _, model = name.partition("/")
    if not provider.strip() or not model.strip() or name != name.strip():
        raise ValueError("must be the name of a model as provider/model, such as openai/text-embedding-3-small")
    return name


class EmbeddingParameters(MeaningParameters):
    """Parameters of ``embedding``."""

    model: Annotated[str, AfterValidator(_check_model)] = Field(
        description="The model that makes the vectors, as provider/model."
    )
    dimensions: Annotated[int | None, BeforeValidator(read_number)] = Field(
        default=None,
        ge=1,
        description="How many numbers a vector has. Without it, as many as the model gives; some models give no other.",
    )


class EmbeddingJudge(MeaningJudge[EmbeddingParameters]):
    """The output means what a text means, by a model of an API.

    It is the judge [`semantic`](#semantic) with a model that is called: one of OpenAI, or of any
    [server](models.md#servers-of-your-own) that has its API for embeddings, such as Ollama, vLLM or llama.cpp. The text
    is `value`, or else `expected` of the case; of a list of texts, the nearest counts. `metric` makes a score of two
    vectors as it does there.

    From 0.6 on it passes, unless `threshold` says otherwise. Which threshold is right depends on the model: those of
    OpenAI's third generation give many paraphrases no more than 0.5 to 0.7, where `text-embedding-ada-002` gives as
    much to texts that have nothing in common. Look at some scores of your own cases first. An empty output gets 0 and
    an equal one 1, and neither is sent. A text that is longer than the model takes is an error of its case. Scores are
    rounded to four digits.

    Texts that cases ask for within the same few milliseconds are sent together, up to 256 in one request, as far as
    [`evals_concurrency`](settings.md#evals_concurrency) lets so many be under way. Each vector is kept in the
    [cache](cache.md) by its text, so equal texts are sent and paid once, and a text whose vector is there is never sent
    again.

    ```yaml
    judges:
      - embedding: openai/text-embedding-3-small
      - embedding: {model: openai/text-embedding-3-large, dimensions: 256, value: The parcel is on its way.}
    cases:
      - input: Where is my order?
        output: Your parcel is on its way.
        expected: Your order is on its way.
    ```
    """

    name = "embedding"
    level = 2
    default_threshold = 0.6
    shorthand = "model"
    Parameters = EmbeddingParameters
    embeds: ClassVar[bool] = True

    @property
    def models(self) -> tuple[str, ...]:
        """The model that is called."""
        return (self.parameters.model,)

    def calls_for(self, subject: JudgeInput) -> tuple[JudgeCall, ...]:
        """Return the calls for one response, of which only a recorded one is known beforehand. Equal texts are one."""
        model, case = self.parameters.model, subject.case
        known = None if case.output is None else case.output.text
        texts = self._texts_to_embed(case, known)
        calls = [self._call_for(text) for text in texts]
        return (*calls, JudgeCall(model, 0, kind="embedding")) if known is None else tuple(calls)

    def _call_for(self, text: str) -> JudgeCall:
        once = f"{self.parameters.dimensions} {text}"
        return JudgeCall(self.parameters.model, len(text), has_response=False, once=once, kind="embedding")

    def _texts_to_embed(self, case: Case, output: str | None) -> tuple[str, ...]:
        """Return the texts whose vectors are needed to judge an output; only the others where that is not known yet."""
        texts = self._read_wanted(case)
        if output is not None and (output in texts or not output.strip()):
            return ()
        wanted = [clean_text(text) for text in texts if text.strip()]
        known = [] if output is None or not wanted else [clean_text(output)]
        return tuple(dict.fromkeys([*known, *wanted]))

    async def _compare(self, texts: Sequence[str], subject: JudgeInput, ask: Ask) -> list[float]:
        output = subject.response.text
        vectors = await self._embed(self._texts_to_embed(subject.case, output), ask)
        if len({len(vector) for vector in vectors.values()}) > 1:
            raise JudgeError(
                f"{subject.case.location}: judge {self.name!r}: {self.parameters.model} gave vectors of different "
                "lengths, which cannot be compared; say how long they are with `dimensions`"
            )
        metric, cleaned = self.parameters.metric, clean_text(output)
        return [
            score_vectors(metric, vectors[cleaned], vectors[clean_text(text)], PLAIN) if text.strip() else 0.0
            for text in texts
        ]

    async def _embed(self, texts: Sequence[str], ask: Ask) -> Mapping[str, Vector]:
        dimensions = self.parameters.dimensions
        parameters = {} if dimensions is None else {"dimensions": dimensions}
        calls = (ask.embed(self.parameters.model, text, parameters) for text in texts)
        # All of them are waited for: what is under way is paid for, and kept.
        responses = await asyncio.gather(*calls, return_exceptions=True)
        vectors: dict[str, Vector] = {}
        for text, response in zip(texts, responses, strict=True):
            if isinstance(response, BaseException):
                raise response
            vectors[text] = decode_vector(response.embedding)
        return vectors
