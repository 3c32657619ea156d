"""The judges that come with the package, registered as a third party's are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from pytest_promptevals.hookspecs import Judge, hookimpl
from pytest_promptevals.judges.counts import LengthJudge, WordCountJudge
from pytest_promptevals.judges.cross_encoder import CrossEncoderJudge
from pytest_promptevals.judges.json_judges import JsonEqualJudge, JsonSubsetJudge, JsonValidJudge
from pytest_promptevals.judges.json_schemas import JsonSchemaJudge
from pytest_promptevals.judges.limits import CostJudge, FinishReasonJudge, LatencyJudge
from pytest_promptevals.judges.matching import (
    ContainsAllJudge,
    ContainsAnyJudge,
    ContainsJudge,
    EndsWithJudge,
    ExactJudge,
    IContainsJudge,
    IExactJudge,
    StartsWithJudge,
)
from pytest_promptevals.judges.model.classify import ClassifyJudge
from pytest_promptevals.judges.model.closed_qa import ClosedQaJudge
from pytest_promptevals.judges.model.conversation import ConversationJudge
from pytest_promptevals.judges.model.factuality import FactualityJudge
from pytest_promptevals.judges.model.g_eval import GEvalJudge
from pytest_promptevals.judges.model.json_rubric import JsonRubricJudge
from pytest_promptevals.judges.model.pairwise import PairwiseJudge
from pytest_promptevals.judges.model.rubric_judge import RubricJudge
from pytest_promptevals.judges.numbers import NumericJudge
from pytest_promptevals.judges.overlap import BleuJudge, ChrfJudge, RougeJudge
from pytest_promptevals.judges.patterns import RegexJudge
from pytest_promptevals.judges.python_judge import PythonJudge
from pytest_promptevals.judges.refusals import RefusalJudge
from pytest_promptevals.judges.semantic import SemanticJudge
from pytest_promptevals.judges.similarity import FuzzyJudge, LevenshteinJudge
from pytest_promptevals.judges.tool_calls import ToolCallsJudge


@hookimpl
def pytest_promptevals_judges() -> Sequence[type[Judge]]:
    """Return the judges of the text family, in the order of the docs."""
    judges = [
        ExactJudge,
        IExactJudge,
        ContainsJudge,
        IContainsJudge,
        ContainsAnyJudge,
        ContainsAllJudge,
        StartsWithJudge,
        EndsWithJudge,
        RegexJudge,
        WordCountJudge,
        LengthJudge,
        NumericJudge,
        FuzzyJudge,
        LevenshteinJudge,
        SemanticJudge,
        CrossEncoderJudge,
        RougeJudge,
        BleuJudge,
        ChrfJudge,
        JsonValidJudge,
        JsonSchemaJudge,
        JsonEqualJudge,
        JsonSubsetJudge,
        ToolCallsJudge,
        RefusalJudge,
        FinishReasonJudge,
        LatencyJudge,
        CostJudge,
        PythonJudge,
        RubricJudge,
        GEvalJudge,
        ClosedQaJudge,
        FactualityJudge,
        ClassifyJudge,
        PairwiseJudge,
        JsonRubricJudge,
        ConversationJudge,
    ]
    # A class attribute of a protocol may be assigned to, so mypy wants `shorthand: str | None` just so in each class.
    return cast("list[type[Judge]]", judges)
