"""Our judges as promptfoo's assertions: which has one, and why others have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SCRIPT: Final = "has no equivalent in promptfoo; left out. Write it there as an assertion 'javascript' or 'python'"
_MODEL: Final = "asks a model otherwise than promptfoo does; left out. 'llm-rubric' asks for what you write"
_LOCAL: Final = "is a model of this machine; left out. 'embedding' becomes 'similar', which asks an API"

TAKEN: Final[Mapping[str, str]] = {
    "exact": "`equals`; white space around the output counts there, which is named",
    "contains": "`contains`, of a list `contains-any`",
    "icontains": "`icontains`, of a list `icontains-any`",
    "contains_all": "`contains-all`, or `icontains-all`",
    "contains_any": "`contains-any`, or `icontains-any`",
    "starts_with": "`starts-with`; white space in front counts there, which is named",
    "regex": "`regex`, in JavaScript's words; \\d, \\w and \\b, which are of ASCII alone there, are named",
    "word_count": "`word-count`",
    "levenshtein": "`levenshtein`; a share becomes a number of edits, which is named where it is not exact",
    "embedding": "`similar`, or `similar:dot`",
    "rouge": "`rouge-n`, for `variant: rouge1` and `measure: f1`; words differ, which is named",
    "bleu": "`bleu`; words and smoothing differ, which is named",
    "meteor": "`meteor`; synonyms count there, which is named",
    "json_valid": "`is-json`; with `extract` `contains-json`; what JSON is differs a little, which is named",
    "json_schema": "the same with the schema",
    "json_equal": "`equals` with data",
    "refusal": "`is-refusal`; it looks for other words, which is named",
    "finish_reason": "`finish-reason`",
    "latency": "`latency`, in milliseconds",
    "cost": "`cost`",
    "rubric": "`llm-rubric` with a threshold; `relevance` is `answer-relevance`, `faithfulness` "
    "`context-faithfulness`; of others of the library the name alone, which is named",
    "closed_qa": "`llm-rubric` without a threshold",
    "g_eval": "`g-eval`; the scale is another one, which is named",
    "factuality": "`factuality`, with our scores",
}
"""Judge -> what becomes of it."""
LOST: Final[Mapping[str, str]] = {
    "iexact": _SCRIPT,
    "ends_with": _SCRIPT,
    "length": _SCRIPT,
    "numeric": _SCRIPT,
    "fuzzy": "has no equivalent in promptfoo; left out. 'levenshtein' counts edits there and here",
    "chrf": "has no equivalent in promptfoo; left out. 'bleu' and 'meteor' count words there and here",
    "semantic": _LOCAL,
    "cross_encoder": _LOCAL,
    "json_subset": "has no equivalent in promptfoo; left out. 'json_schema' can ask for some keys there and here",
    "tool_calls": _SCRIPT,
    "python": "is called otherwise there; left out. Write it as an assertion 'python' of promptfoo",
    "classify": _MODEL,
    "pairwise": "compares with another output; left out. 'select-best' of promptfoo compares models",
    "json_rubric": _MODEL,
    "conversation": _MODEL,
}
"""Judge without an equivalent -> why, and what to do about it."""
UNKNOWN: Final = "is no judge that promptfoo could have; left out"
"""What is said of judges of plugins."""
LEAST: Final[Mapping[str, float]] = {
    "levenshtein": 0.8,
    "embedding": 0.6,
    "rouge": 0.5,
    "bleu": 0.5,
    "meteor": 0.5,
    "rubric": 0.7,
    "g_eval": 0.7,
    "factuality": 0.5,
}
"""Judge with scores between 0 and 1 -> the threshold where an eval file names none."""
RELATION_SCORES: Final[Mapping[str, float]] = {
    "same": 1,
    "differs_but_not_in_facts": 1,
    "superset": 0.6,
    "subset": 0.4,
    "disagree": 0,
}
"""What ``factuality`` gives for each relation where an eval file does not say so."""
