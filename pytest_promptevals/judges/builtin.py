"""The judges that come with the package, registered as a third party's are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pytest_promptevals.hookspecs import JudgePlace, hookimpl

_PLACES: Final = {
    "exact": "matching:ExactJudge",
    "iexact": "matching:IExactJudge",
    "contains": "matching:ContainsJudge",
    "icontains": "matching:IContainsJudge",
    "contains_any": "matching:ContainsAnyJudge",
    "contains_all": "matching:ContainsAllJudge",
    "starts_with": "matching:StartsWithJudge",
    "ends_with": "matching:EndsWithJudge",
    "regex": "patterns:RegexJudge",
    "word_count": "counts:WordCountJudge",
    "length": "counts:LengthJudge",
    "numeric": "numbers:NumericJudge",
    "fuzzy": "similarity:FuzzyJudge",
    "levenshtein": "similarity:LevenshteinJudge",
    "semantic": "semantic:SemanticJudge",
    "embedding": "embedding:EmbeddingJudge",
    "cross_encoder": "cross_encoder:CrossEncoderJudge",
    "rouge": "overlap:RougeJudge",
    "bleu": "overlap:BleuJudge",
    "chrf": "overlap:ChrfJudge",
    "meteor": "overlap:MeteorJudge",
    "json_valid": "json_judges:JsonValidJudge",
    "json_schema": "json_schemas:JsonSchemaJudge",
    "json_equal": "json_judges:JsonEqualJudge",
    "json_subset": "json_judges:JsonSubsetJudge",
    "tool_calls": "tool_calls:ToolCallsJudge",
    "refusal": "refusals:RefusalJudge",
    "finish_reason": "limits:FinishReasonJudge",
    "latency": "limits:LatencyJudge",
    "cost": "limits:CostJudge",
    "python": "python_judge:PythonJudge",
    "rubric": "model.rubric_judge:RubricJudge",
    "g_eval": "model.g_eval:GEvalJudge",
    "closed_qa": "model.closed_qa:ClosedQaJudge",
    "factuality": "model.factuality:FactualityJudge",
    "classify": "model.classify:ClassifyJudge",
    "pairwise": "model.pairwise:PairwiseJudge",
    "json_rubric": "model.json_rubric:JsonRubricJudge",
    "conversation": "model.conversation:ConversationJudge",
}
"""Module below this folder, and class. Each is imported where an eval file names it: all together take 0.2 s."""


@hookimpl
def pytest_promptevals_judges() -> Mapping[str, JudgePlace]:
    """Return where the built-in judges stand, in the order of the docs."""
    return {name: f"{__package__}.{place}" for name, place in _PLACES.items()}
