from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from pytest_promptevals.datasets.importers.promptfoo_types import TAKEN
from pytest_promptevals.files.yaml import parse_yaml
from tests.support.promptfoo_assertions import ASSERTIONS, VARIABLES

WRITTEN_OUT: dict[str, Any] = {
    '{"type": "equals", "value": 2.0}': {"type": "equals", "value": "2"},
    '{"type": "equals", "value": true}': {"type": "equals", "value": "true"},
    '{"type": "contains", "value": 12}': {"type": "contains", "value": "12"},
    '{"type": "contains-all", "value": ["a, b", 1, "{{word}}"]}': {
        "type": "contains-all",
        "value": ["a, b", "1", "{{word}}"],
    },
    '{"type": "contains-any", "value": "{{words}}, c"}': {"type": "contains-any", "value": ["red", "blue", "c"]},
    '{"type": "icontains-all", "value": "a,\\"b, \\"\\"c\\""}': {"type": "icontains-all", "value": ["a", 'b, "c']},
    '{"type": "regex", "value": "^\\\\d{2}$"}': {"type": "regex", "value": "^[0-9]{2}$"},
    '{"type": "is-json", "value": "type: array"}': {"type": "is-json", "value": {"type": "array"}},
    '{"type": "levenshtein", "value": "abc", "threshold": 0.75}': {"type": "equals", "value": "abc"},
    '{"type": "rouge-n", "value": "a"}': {"type": "rouge-n", "value": "a", "threshold": 0.75},
    '{"type": "bleu", "value": ["a", "b"]}': {"type": "bleu", "value": ["a", "b"], "threshold": 0.5},
    '{"type": "word-count", "value": "{{count}}"}': {"type": "word-count", "value": 3},
    '{"type": "llm-rubric", "value": {"kind": 1}}': {"type": "llm-rubric", "value": '{"kind": 1}'},
    '{"type": "model-graded-closedqa", "value": "Is kind."}': {"type": "llm-rubric", "value": "Is kind."},
    '{"type": "similar", "value": "a"}': {"type": "similar", "value": "a", "threshold": 0.75},
    '{"type": "contains", "value": "a", "weight": 2, "metric": "{{word}}"}': {
        "type": "contains",
        "value": "a",
        "weight": 2,
        "metric": "lamp",
    },
}
"""Assertions that come back in other words: defaults written out, texts in the place of numbers and short forms."""
FURTHER: list[dict[str, Any]] = [
    {"type": "levenshtein", "value": "Hello there", "threshold": 3},
    {"type": "not-levenshtein", "value": "Hello there", "threshold": 3},
    {"type": "context-faithfulness", "threshold": 0.8},
    {"type": "factuality", "value": "x", "provider": "anthropic:messages:claude"},
    {"type": "rouge-n", "value": "{{word}}", "threshold": 0.4, "weight": 0},
    {"type": "assert-set", "assert": [{"type": "contains", "value": "a"}, {"type": "not-regex", "value": "b"}]},
    {"type": "assert-set", "threshold": 0.5, "metric": "m", "weight": 2, "assert": [
        {"type": "contains", "value": "a", "metric": "k"}, {"type": "levenshtein", "value": "Hello", "threshold": 2}]},
    {"type": "assert-set", "threshold": 0.6, "assert": [
        {"type": "contains", "value": "a"}, {"type": "contains", "value": "b"}, {"type": "is-json"}]},
    {"type": "assert-set", "weight": 0, "assert": [{"type": "contains", "value": "a"}]},
]  # fmt: skip
ALIASES = frozenset({"model-graded-factuality", "similar:cosine"})
"""Types that are others by another name."""
CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{{ question }}"}]
PAIRS = {"pairs": {"k": 1}}
FULL: dict[str, Any] = {
    "description": "Shop answers",
    "prompts": [
        "Answer {{ name }}:\n{{ question | upper }} {{ notes | dump }}",
        json.dumps(CHAT, indent=2),
        "{%- for a, b in pairs -%}{{ a }}: {{ b }} {% endfor %}",
        "{% for note in notes %}{{ note }}{% endfor %} {{ context }} {{ name }} {{ question }} {{ expected }}",
    ],
    "providers": [
        {"id": "openai:chat:gpt-5", "config": {"temperature": 0, "passthrough": {"user": "u"}}},
        {"id": "openai:responses:gpt-5", "config": {"temperature": 0, "passthrough": {"user": "u"}}},
        {"id": "anthropic:messages:claude", "config": {"temperature": 0, "passthrough": {"user": "u"}}},
        {"id": "groq:llama", "config": {"temperature": 0, "passthrough": {"user": "u"}}},
        {"id": "ollama:chat:phi", "config": {"temperature": 0, "passthrough": {"user": "u"}}},
    ],
    "evaluateOptions": {"repeat": 2, "timeoutMs": 5000},
    "defaultTest": {
        "options": {"provider": "openai:chat:gpt-5-mini"},
        "assert": [{"type": "icontains", "value": "{{ name }}"}, {"type": "llm-rubric", "value": "Is kind."}],
    },
    "tests": [
        {
            "description": "first",
            "vars": {
                "pairs": {"k": 1},
                "name": "Ada",
                "question": "Where is A-17?",
                "notes": ["a", "b"],
                "context": "c",
                "expected": "e",
            },
            "providerOutput": "On its way,\nAda.",
            "options": {"repeat": 3, "disableVarExpansion": True, "factuality": {"subset": 0.7}},
            "assert": [{"type": "factuality", "value": "On its way."}],
            "metadata": {"source": "log", "tags": ["x"]},
        },
        {
            "vars": {
                "pairs": {"k": 1},
                "name": "Bob",
                "question": "And A-18?",
                "notes": [1],
                "context": "",
                "expected": "f",
            },
            "threshold": 0,
        },
        {
            "description": "third",
            "vars": {
                "pairs": {"k": 1},
                "name": "Eve",
                "question": "A-19?",
                "notes": {"k": 1},
                "context": "d",
                "expected": "g",
            },
        },
    ],
}
"""A config as an export writes it."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> None:
    result = CliRunner().invoke(main, [*arguments, "--force"])
    assert result.exit_code == 0, result.output


def read(name: str) -> Any:
    return parse_yaml(Path(name).read_text(encoding="utf-8"), name).value


def there_and_back(config: dict[str, Any]) -> Any:
    """Import a config, export that, and import it again, which must change nothing. Return what was exported."""
    Path("promptfooconfig.json").write_text(json.dumps(config), encoding="utf-8")
    run("import", "promptfooconfig.json", "-o", "first.eval.yaml")
    run("dataset", "export", "first.eval.yaml", "-o", "again.yaml")
    run("import", "again.yaml", "-o", "second.eval.yaml")
    assert read("second.eval.yaml") == read("first.eval.yaml")
    return read("again.yaml")


def one_test_each(assertions: list[dict[str, Any]]) -> dict[str, Any]:
    context: dict[str, Any] = {"query": "Why?", "context": "Because."}
    tests: list[dict[str, Any]] = [
        {"description": str(number), "vars": {**VARIABLES, **context}, "assert": [assertion]}
        for number, assertion in enumerate(assertions)
    ]
    prompt = "{{word}} {{count}} {{flag}} {{words}} {{query}} {{context}}"
    return {"prompts": [prompt], "providers": ["openai:chat:gpt-5"], "tests": tests}


def test_every_assertion_comes_back() -> None:
    assertions = [assertion for assertion, _ in ASSERTIONS] + FURTHER
    back = there_and_back(one_test_each(assertions))

    expected = [WRITTEN_OUT.get(json.dumps(assertion), assertion) for assertion in assertions]
    assert [test["assert"][0] for test in back["tests"]] == expected
    variables: dict[str, Any] = {**VARIABLES, "query": "Why?", "context": "Because."}
    assert [test["vars"] for test in back["tests"]] == [variables] * len(assertions)
    types = {assertion["type"].removeprefix("not-") for assertion in assertions}
    assert types == {*TAKEN, "assert-set"} - ALIASES


def test_every_field_comes_back_as_it_was() -> None:
    assert there_and_back(FULL) == FULL


@pytest.mark.parametrize(
    ("weights", "threshold", "back"),
    [
        ((1, 1), 0, ([1, 1], 0)),
        ((3, 1), 0.6, ([3, 1], 0.7)),
        ((1, 1), 0.9, ([1, 1], None)),
        ((1, 0), 0.5, ([1, 0], None)),
    ],
)
def test_a_threshold_says_the_same_when_it_comes_back(weights: Any, threshold: float, back: Any) -> None:
    config = one_test_each([{"type": "contains", "value": "a", "weight": weights[0]}])
    config["tests"][0]["assert"].append({"type": "contains", "value": "b", "weight": weights[1]})
    config["tests"][0]["threshold"] = threshold

    found = there_and_back(config)

    asserts = found["defaultTest"]["assert"]
    assert ([one.get("weight", 1) for one in asserts], found["defaultTest"].get("threshold")) == back


def test_a_threshold_that_all_tests_share_comes_back() -> None:
    config = one_test_each([{"type": "rouge-n", "value": "x", "threshold": 0.5}])
    config["tests"][0]["assert"].append({"type": "contains", "value": "b"})
    config["tests"][0]["threshold"] = 0.35

    assert there_and_back(config)["defaultTest"]["threshold"] == 0.35


def test_a_test_without_assertions_comes_back_without_any() -> None:
    config = one_test_each([{"type": "javascript", "value": "true"}])

    assert "assert" not in there_and_back(config)["tests"][0]
    assert "defaultTest" not in there_and_back(config)


def test_variables_that_only_an_assertion_reads_come_back_as_variables() -> None:
    variables = {"word": "lamp", "query": "Why?", "context": "Because."}
    assertion = {"type": "context-faithfulness", "threshold": 0.8}
    config = {"prompts": ["Say {{word}}"], "providers": ["openai:chat:m"]}

    found = there_and_back({**config, "tests": [{"vars": variables, "assert": [assertion]}]})

    assert found["tests"] == [{"vars": variables}]


def test_equal_metrics_come_back_as_they_were() -> None:
    equal = [{"type": "contains", "value": text, "metric": "m"} for text in "abc"]

    assert there_and_back(one_test_each([{"type": "assert-set", "assert": equal}]))["defaultTest"]["assert"] == [
        {"type": "assert-set", "assert": equal}
    ]
    config = one_test_each(equal[:1])
    config["tests"][0]["assert"] = equal
    assert there_and_back(config)["defaultTest"]["assert"] == equal
