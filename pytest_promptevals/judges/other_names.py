"""What other tools call their judges, and what these are called here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pytest_promptevals.errors import did_you_mean
from pytest_promptevals.judges.criteria import library_names, spell_name

_ELSEWHERE: Final[Mapping[str, str]] = {
    "equals": "exact",
    "equal": "exact",
    "exact_match": "exact",
    "match": "exact",
    "string_check": "exact",
    "includes": "contains",
    "substring": "contains",
    "contains_json": "json_valid",
    "is_json": "json_valid",
    "json": "json_valid",
    "json_schema_match": "json_schema",
    "json_diff": "json_equal",
    "pattern": "regex",
    "regex_match": "regex",
    "regexp": "regex",
    "javascript": "python",
    "custom": "python",
    "similar": "semantic",
    "similarity": "semantic",
    "semantic_similarity": "semantic",
    "cosine_similarity": "semantic",
    "embedding_similarity": "semantic",
    "nli": "cross_encoder",
    "edit_distance": "levenshtein",
    "levenshtein_distance": "levenshtein",
    "fuzzy_match": "fuzzy",
    "rouge_n": "rouge",
    "rouge_l": "rouge",
    "is_refusal": "refusal",
    "tool_correctness": "tool_calls",
    "tool_call_accuracy": "tool_calls",
    "is_valid_openai_tools_call": "tool_calls",
    "function_call": "tool_calls",
    "llm_rubric": "rubric",
    "llm_judge": "rubric",
    "llm_as_a_judge": "rubric",
    "model_graded": "rubric",
    "geval": "g_eval",
    "model_graded_closedqa": "closed_qa",
    "closedqa": "closed_qa",
    "model_graded_fact": "factuality",
    "model_graded_factuality": "factuality",
    "answer_correctness": "factuality",
    "select_best": "pairwise",
    "battle": "pairwise",
    "classifier": "classify",
    "model_graded_classify": "classify",
    "trajectory": "json_rubric",
    "conversational_g_eval": "conversation",
    "answer_relevance": "rubric: relevance",
    "answer_relevancy": "rubric: relevance",
    "response_relevancy": "rubric: relevance",
    "context_faithfulness": "rubric: faithfulness",
    "hallucination": "rubric: faithfulness",
    "summarization": "rubric: summary_quality",
    "toxicity": "rubric: safety",
    "moderation": "rubric: safety",
}
"""Names of judges elsewhere, as ``spell_name`` spells them, and what is written here in their place."""


def explain_unknown_judge(name: str, known: Iterable[str]) -> str:
    """Return the sentences that say that there is no such judge, and what to write in its place."""
    names = sorted(known)
    spelled = spell_name(name)
    here = spelled if spelled in names else _ELSEWHERE.get(spelled)
    if here is None and spelled in library_names():
        here = f"rubric: {library_names()[spelled]}"
    if here is None:
        return f"unknown judge {name!r}.{did_you_mean(name, names)}"
    return f"unknown judge {name!r}. It is written `{here}` here."
