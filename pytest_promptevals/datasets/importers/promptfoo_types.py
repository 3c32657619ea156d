"""The types of promptfoo's assertions, and why some of them have no equivalent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SCRIPT: Final = "is not run here; left out. Write it as a function for the judge 'python'"
_RETRIEVAL: Final = "judges the retrieval, not the answer; left out. 'rubric: faithfulness' judges the answer"
_TRAJECTORY: Final = "looks at an agent's steps; left out. 'tool_calls' judges the tools that a model called"
_TRACE: Final = "looks at spans, of which there are none here; left out"
_OUTPUTS: Final = "compares outputs of several models with each other; left out. The judge 'pairwise' compares two"
_OTHER_MODEL: Final = "asks a service of its own; left out. 'classify' or 'rubric' asks a judge model"
_PROBABILITIES: Final = "needs the log probabilities of a response; left out"
_CALLS: Final = "checks calls against the tools of the provider; left out. 'tool_calls' judges which calls were made"
_MARKUP: Final = "has no equivalent; left out. Write it as a function for the judge 'python', or as a 'regex'"

LOST: Final[Mapping[str, str]] = {
    "javascript": _SCRIPT,
    "python": _SCRIPT,
    "ruby": _SCRIPT,
    "webhook": _SCRIPT,
    "context-recall": _RETRIEVAL,
    "context-relevance": _RETRIEVAL,
    "conversation-relevance": "judges several turns; left out. The judge 'conversation' does so",
    "select-best": _OUTPUTS,
    "max-score": _OUTPUTS,
    "human": "is judged by people; left out",
    "classifier": _OTHER_MODEL,
    "moderation": _OTHER_MODEL,
    "guardrails": _OTHER_MODEL,
    "pi": _OTHER_MODEL,
    "search-rubric": "has the judge model search the web; left out. 'rubric' asks it without",
    "agent-rubric": "has an agent judge; left out. 'rubric' asks a judge model",
    "perplexity": _PROBABILITIES,
    "perplexity-score": _PROBABILITIES,
    "similar:euclidean": "asks for a distance; left out. The judge 'embedding' has a cosine",
    "gleu": "has no equivalent; left out. 'bleu' and 'chrf' count sequences likewise",
    "is-sql": _MARKUP,
    "contains-sql": _MARKUP,
    "is-xml": _MARKUP,
    "contains-xml": _MARKUP,
    "is-html": _MARKUP,
    "contains-html": _MARKUP,
    "is-valid-function-call": _CALLS,
    "is-valid-openai-function-call": _CALLS,
    "is-valid-openai-tools-call": _CALLS,
    "tool-call-f1": _CALLS,
    "skill-used": _TRAJECTORY,
    "trajectory:goal-success": "judges what an agent did step by step; left out. The judge 'json_rubric' does so",
    "trajectory:tool-args-match": _TRAJECTORY,
    "trajectory:step-count": _TRAJECTORY,
    "trajectory:tool-sequence": _TRAJECTORY,
    "trajectory:tool-used": _TRAJECTORY,
    "trace-error-spans": _TRACE,
    "trace-span-count": _TRACE,
    "trace-span-duration": _TRACE,
}
"""Type without an equivalent -> why, and what to do about it."""
TAKEN: Final[Mapping[str, str]] = {
    "equals": "`exact` with `strip: false`; `json_equal` for data",
    "contains": "`contains`",
    "contains-all": "`contains_all`; of an empty list `length` with `min: 0`, which always passes",
    "contains-any": "`contains_any`",
    "icontains": "`icontains`, which folds letters; named where that may matter (ß, final sigma)",
    "icontains-all": "`contains_all` with `ignore_case`",
    "icontains-any": "`contains_any` with `ignore_case`",
    "starts-with": "`starts_with` with `strip: false`",
    "regex": "`regex`, written so that it means what it means in JavaScript; `engine: python` for look-around. Where "
    "emoji are counted, that is named",
    "is-json": "`json_valid`, with a schema `json_schema`; a fenced block counts here and a name that comes twice "
    "does not, which is named",
    "contains-json": "the same with `extract: true`; how the JSON is found differs a little, which is named",
    "levenshtein": "`levenshtein`: a number of edits becomes a share of the length; named where that is not exact",
    "rouge-n": "`rouge` with `variant: rouge1`; words are told apart a little differently, which is named",
    "bleu": "`bleu`; words and smoothing differ, which is named",
    "meteor": "`meteor`; synonyms do not count, which is named",
    "word-count": "`word_count`",
    "latency": "`latency`, in seconds",
    "cost": "`cost`",
    "finish-reason": "`finish_reason`",
    "is-refusal": "`refusal`; it looks for other words, which is named",
    "similar": "`embedding`",
    "similar:cosine": "`embedding`",
    "similar:dot": "`embedding` with `metric: dot`",
    "llm-rubric": "`closed_qa`, which says yes or no; with a `threshold` `rubric`",
    "model-graded-closedqa": "`closed_qa`",
    "factuality": "`factuality`, with promptfoo's scores",
    "model-graded-factuality": "as `factuality`",
    "g-eval": "`g_eval`, on a scale of its own, which is named",
    "answer-relevance": "`rubric: relevance`: a judge model's grade, not a similarity, which is named",
    "context-faithfulness": "`rubric: faithfulness` with `context`: a judge model's grade, which is named",
}
"""Type -> what becomes of it."""
TYPES: Final = frozenset({*LOST, *TAKEN} - {"select-best", "max-score", "human"})
"""Types that may stand in a CSV file."""
