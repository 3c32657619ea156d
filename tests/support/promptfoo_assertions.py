"""Assertions of promptfoo, at least one of each type that has an equivalent, and the judges that they become."""

from __future__ import annotations

from typing import Any, Final

SCHEMA: Final[dict[str, Any]] = {"type": "object", "required": ["id"]}
VARIABLES: Final[dict[str, Any]] = {"word": "lamp", "count": 3, "flag": True, "words": "red, blue"}
"""What their templates may name."""
ASSERTIONS: Final[list[tuple[dict[str, Any], Any]]] = [
    ({"type": "equals", "value": "a "}, {"exact": {"value": "a ", "strip": False}}),
    ({"type": "equals", "value": 2.0}, {"exact": {"value": "2", "strip": False}}),
    ({"type": "equals", "value": True}, {"exact": {"value": "true", "strip": False}}),
    ({"type": "equals", "value": ["{{word}}", 1]}, {"json_equal": ["{{word}}", 1]}),
    ({"type": "equals", "value": None}, {"json_equal": None}),
    (
        {"type": "equals", "value": {"a": "{{word}}"}},
        {"json_equal": {"value": {"a": "{% raw %}{{word}}{% endraw %}"}}},
    ),
    ({"type": "contains", "value": "{{ word }}s"}, {"contains": "{{ word }}s"}),
    ({"type": "contains", "value": 12}, {"contains": "12"}),
    ({"type": "not-icontains", "value": "x"}, {"not": {"icontains": "x"}}),
    ({"type": "contains-all", "value": ["a, b", 1, "{{word}}"]}, {"contains_all": ["a, b", "1", "{{word}}"]}),
    ({"type": "contains-any", "value": "{{words}}, c"}, {"contains_any": ["red", "blue", "c"]}),
    (
        {"type": "icontains-all", "value": 'a,"b, ""c"'},
        {"contains_all": {"values": ["a", 'b, "c'], "ignore_case": True}},
    ),
    ({"type": "icontains-any", "value": ["a"]}, {"contains_any": {"values": ["a"], "ignore_case": True}}),
    ({"type": "starts-with", "value": "a"}, {"starts_with": {"value": "a", "strip": False}}),
    ({"type": "regex", "value": "^\\d{2}$"}, {"regex": "^[0-9]{2}$"}),
    (
        {"type": "regex", "value": "(?<l>a)(?=b)\\k<l>"},
        {"regex": {"pattern": "(?P<l>a)(?=b)(?P=l)", "engine": "python"}},
    ),
    ({"type": "is-json"}, "json_valid"),
    ({"type": "is-json", "value": SCHEMA}, {"json_schema": {"schema": SCHEMA}}),
    ({"type": "is-json", "value": "type: array"}, {"json_schema": {"schema": {"type": "array"}}}),
    ({"type": "contains-json"}, {"json_valid": {"extract": True}}),
    ({"type": "contains-json", "value": SCHEMA}, {"json_schema": {"schema": SCHEMA, "extract": True}}),
    (
        {"type": "levenshtein", "value": "a" * 40, "threshold": 2},
        {"levenshtein": {"value": "a" * 40, "strip": False, "threshold": 0.95}},
    ),
    ({"type": "levenshtein", "value": "abc", "threshold": 0.75}, {"exact": {"value": "abc", "strip": False}}),
    ({"type": "rouge-n", "value": "a"}, {"rouge": {"value": "a", "variant": "rouge1", "threshold": 0.75}}),
    ({"type": "bleu", "value": ["a", "b"]}, {"bleu": {"value": ["a", "b"], "ignore_case": True, "threshold": 0.5}}),
    ({"type": "meteor", "value": "a", "threshold": 0.6}, {"meteor": {"value": "a", "threshold": 0.6}}),
    ({"type": "word-count", "value": {"min": 2}}, {"word_count": {"min": 2}}),
    ({"type": "word-count", "value": 7}, {"word_count": {"min": 7, "max": 7}}),
    ({"type": "word-count", "value": "{{count}}"}, {"word_count": {"min": 3, "max": 3}}),
    ({"type": "latency", "threshold": 2500}, {"latency": 2.5}),
    ({"type": "cost", "threshold": 0.01}, {"cost": 0.01}),
    ({"type": "finish-reason", "value": "stop"}, {"finish_reason": "stop"}),
    ({"type": "not-is-refusal"}, {"not": "refusal"}),
    ({"type": "llm-rubric", "value": "Is kind to {{word}}s"}, {"closed_qa": "Is kind to {{word}}s"}),
    ({"type": "llm-rubric", "value": "helpfulness"}, {"closed_qa": "The output meets this: helpfulness."}),
    (
        {"type": "llm-rubric", "value": "Is kind.", "threshold": 0.8},
        {"rubric": {"criteria": "Is kind.", "threshold": 0.8}},
    ),
    ({"type": "llm-rubric", "value": {"kind": 1}}, {"closed_qa": '{"kind": 1}'}),
    ({"type": "model-graded-closedqa", "value": "Is kind."}, {"closed_qa": "Is kind."}),
    (
        {"type": "factuality", "value": "On Friday."},
        {"factuality": {"reference": "On Friday.", "scores": {"superset": 1, "subset": 1}}},
    ),
    ({"type": "g-eval", "value": "Is kind."}, {"g_eval": "Is kind."}),
    (
        {"type": "g-eval", "value": "Is kind.", "threshold": 0.5},
        {"g_eval": {"criteria": "Is kind.", "threshold": 0.5}},
    ),
    ({"type": "answer-relevance", "threshold": 0.9}, {"rubric": {"criteria": "relevance", "threshold": 0.9}}),
    (
        {"type": "similar", "value": "a"},
        {"embedding": {"value": "a", "model": "openai/text-embedding-3-large", "threshold": 0.75}},
    ),
    (
        {
            "type": "similar:dot",
            "value": ["a"],
            "threshold": 0.5,
            "provider": "openai:embedding:text-embedding-3-small",
        },
        {
            "embedding": {
                "value": ["a"],
                "model": "openai/text-embedding-3-small",
                "metric": "dot",
                "threshold": 0.5,
            }
        },
    ),
    (
        {"type": "contains", "value": "a", "weight": 2, "metric": "{{word}}"},
        {"contains": {"value": "a", "weight": 2, "name": "lamp"}},
    ),
    (
        {"type": "not-contains", "value": "a", "weight": 0},
        {"not": {"contains": {"value": "a", "weight": 0, "required": False}}},
    ),
]
"""Assertion, and judge."""
