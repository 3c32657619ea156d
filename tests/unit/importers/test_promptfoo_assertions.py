from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.promptfoo_types import LOST, TAKEN
from tests.support.imported import Imported, import_text
from tests.support.promptfoo_assertions import ASSERTIONS, SCHEMA, VARIABLES

FENCED = (
    "JSON in a fenced block counts here, too; promptfoo takes bare JSON alone, and also with a name that comes twice "
    "or a number beyond all bounds"
)
FOLDED = "letters are folded here, so that 'ss' is found in a sharp s; promptfoo compares small letters"
EMOJI = "a character beyond U+FFFF, such as an emoji, is one edit here and two in promptfoo"
STAND_IN = {"not": {"refusal": {"required": False}}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def asserted(folder: Path, *assertions: Any, **test: Any) -> Imported:
    """Import a config with one test, whose variables are ``word``, ``words`` and ``count``."""
    written = {
        "prompts": ["Say {{word}}"],
        "providers": ["echo"],
        "tests": [{"vars": VARIABLES, "assert": list(assertions), **test}],
    }
    return import_text(folder, "promptfooconfig.json", json.dumps(written))


def judges(found: Imported) -> Any:
    return found.data["judges"]


@pytest.mark.parametrize(
    ("assertion", "judge"),
    ASSERTIONS,
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else None,
)
def test_an_assertion_becomes_the_judge_that_says_the_same(folder: Path, assertion: Any, judge: Any) -> None:
    # A case whose judges have no weight has no score.
    needed = [STAND_IN] if assertion.get("weight") == 0 else []
    assert judges(asserted(folder, assertion)) == [judge, *needed]


@pytest.mark.parametrize(
    ("assertion", "loss"),
    [
        ({"type": "is-json"}, FENCED),
        (
            {"type": "contains-json"},
            (
                "the JSON is looked for in the one fenced block, or from the first brace or bracket on; promptfoo "
                "tries every "
                "brace, wants an object, and mends what is not quite JSON"
            ),
        ),
        (
            {"type": "regex", "value": "^.$"},
            (
                "the pattern counts characters: one beyond U+FFFF, such as an emoji, is one here and two in "
                "promptfoo's JavaScript"
            ),
        ),
        (
            {"type": "levenshtein", "value": "abc"},
            (
                "promptfoo counts edits, the judge their share of the longer text: for short texts, a few edits "
                "more pass in an output that is longer; of a text no longer than the number of edits, every output "
                "passes up to that much more"
            ),
        ),
        (
            {"type": "rouge-n", "value": "a"},
            "words are runs of letters and digits here, and punctuation does not count as it does in promptfoo",
        ),
        (
            {"type": "bleu", "value": "a"},
            "punctuation is told apart from words here, and short texts are smoothed otherwise: scores differ a little",
        ),
        ({"type": "meteor", "value": "a"}, "synonyms do not count here: scores may be lower"),
        (
            {"type": "is-refusal"},
            "refusals are told by other words than promptfoo's; an empty answer is none here",
        ),
        (
            {"type": "g-eval", "value": "Is kind."},
            "the scale is 1 to 5 here and 0 to 10 in promptfoo: scores differ a little",
        ),
        (
            {"type": "answer-relevance"},
            (
                "answer-relevance: a judge model grades it here, where promptfoo measures it otherwise: look at the "
                "threshold "
                "anew"
            ),
        ),
        (
            {"type": "llm-rubric", "value": "Is kind.", "rubricPrompt": "Grade {{output}}"},
            "the judge model is asked in our words; a 'rubric' with a template of your own asks in yours",
        ),
    ],
)
def test_small_differences_are_named_once_with_their_number(folder: Path, assertion: Any, loss: str) -> None:
    found = asserted(folder, assertion, {**assertion, "weight": 2})

    assert found.losses == [f"1: tests[0].assert[0]: {loss} (2 times)"]
    assert len(judges(found)) == 2


@pytest.mark.parametrize(
    ("assertion", "loss"),
    [
        ({"type": "equals"}, "assert[0]: equals: names no value to compare with; left out"),
        ({"type": "contains", "value": ["a"]}, "assert[0]: contains: needs a text as its value; left out"),
        ({"type": "contains-any", "value": []}, "assert[0]: contains-any: holds no texts; left out"),
        (
            {"type": "contains-any", "value": '"a" b'},
            "assert[0]: contains-any: holds a quoted text that does not end before a comma; left out",
        ),
        ({"type": "contains-any", "value": {}}, "assert[0]: contains-any: needs a text as its value; left out"),
        ({"type": "latency"}, "assert[0]: latency: names no threshold; left out"),
        (
            {"type": "cost", "threshold": "x"},
            "assert[0]: cost: its threshold must be a number, but is 'x'; left out",
        ),
        (
            {"type": "regex", "value": "(?=a"},
            "assert[0]: regex: the pattern '(?=a' cannot be read here: a '(' is not closed; left out",
        ),
        ({"type": "is-json", "value": 3}, "assert[0]: is-json: its schema must be a mapping; left out"),
        ({"type": "similar", "value": []}, "assert[0]: similar: names no text to compare with; left out"),
        ({"type": "equals", "value": "file://none.txt"}, "assert[0]: equals: its value cannot be read; left out"),
        ({"type": "acme", "value": 1}, "assert[0]: acme: is no type of assertion that is known; left out"),
        (
            {"value": 1},
            "assert[0]: an assertion without a type: is no type of assertion that is known; left out",
        ),
        (
            {"type": "contains", "value": "a", "transform": "output.trim()"},
            (
                "assert[0]: the output is transformed by a script before it is judged; the assertion is left out. "
                "Write it as "
                "a function for the judge 'python'"
            ),
        ),
        (
            "file://checks.yaml",
            "assert[0]: is no assertion but a reference or text; left out. Write it out, and import again",
        ),
        *(({"type": kind, "value": "x"}, f"assert[0]: {kind}: {why}") for kind, why in LOST.items()),
    ],
)
def test_what_cannot_be_judged_is_left_out_and_named(folder: Path, assertion: Any, loss: str) -> None:
    found = asserted(folder, {"type": "contains", "value": "a"} if isinstance(assertion, str) else assertion, assertion)

    assert any(line.endswith(loss.replace("assert[0]", "assert[1]")) for line in found.losses), found.losses


def test_every_type_of_promptfoo_is_known() -> None:
    assert not LOST.keys() & TAKEN.keys()
    assert len(LOST) + len(TAKEN) == 69


def test_a_case_without_judges_passes_whatever_it_says(folder: Path) -> None:
    found = asserted(folder, {"type": "javascript", "value": "true"})

    assert judges(found) == [{"not": {"refusal": {"required": False}}}]
    assert found.losses[-1] == (
        "1: tests[0]: none of its assertions can be taken over: it passes whatever the output is, unlike in "
        "promptfoo. 'not: refusal' stands in, which is not required; give it judges of your own"
    )


def test_text_that_prints_otherwise_in_python_is_filled_in(folder: Path) -> None:
    found = asserted(folder, {"type": "contains", "value": "{{flag}} {{none}}{{ word | upper }}"})

    assert judges(found) == [{"contains": "true LAMP"}]


def test_a_template_that_jinja_cannot_read_is_plain_text_and_named(folder: Path) -> None:
    found = asserted(folder, {"type": "contains", "value": "{{ a ? b : c }}"})

    assert judges(found) == [{"contains": "{% raw %}{{ a ? b : c }}{% endraw %}"}]
    assert found.losses == [
        (
            "1: tests[0].assert[0].value: is no template that Jinja2 can read (unexpected char '?' at 5); taken as "
            "plain text. Rewrite it as a Jinja2 template"
        )
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("{{ [1, 2.0, 'x'] }}{{ {} }}{{ 2.5 }}{{ none }}", "1,2,x[object Object]2.5"),
    ],
)
def test_values_are_printed_as_javascript_does(folder: Path, value: str, text: str) -> None:
    assert judges(asserted(folder, {"type": "contains", "value": value + "{{flag}}"}))[0]["contains"] in (
        text + "true",
        "{% raw %}" + value + "{{flag}}{% endraw %}",
    )


def test_values_come_from_files(folder: Path) -> None:
    (folder / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    (folder / "answer.txt").write_text("On Friday.\n", encoding="utf-8")

    found = asserted(
        folder, {"type": "is-json", "value": "file://schema.json"}, {"type": "contains", "value": "file://answer.txt"}
    )

    assert judges(found) == [{"json_schema": {"schema": SCHEMA}}, {"contains": "On Friday."}]


def test_a_script_as_value_is_not_run(folder: Path) -> None:
    (folder / "value.py").write_text("", encoding="utf-8")

    found = asserted(folder, {"type": "equals", "value": "file://value.py"})

    assert "1: tests[0].assert[0].value: is a script, which is not run here; left out" in found.losses


def test_a_schema_keeps_its_draft_and_formats_are_named(folder: Path) -> None:
    schema = {"type": "array", "items": [{"type": "string", "format": "email"}]}

    found = asserted(folder, {"type": "is-json", "value": schema})

    assert judges(found) == [
        {"json_schema": {"schema": {"$schema": "http://json-schema.org/draft-07/schema#", **schema}}}
    ]
    assert (
        "1: tests[0].assert[0].value: 'format' is checked by promptfoo and not here; a 'pattern' can often say the same"
        in found.losses
    )


def test_a_schema_that_is_no_yaml_is_left_out(folder: Path) -> None:
    found = asserted(folder, {"type": "is-json", "value": "a: [1"})

    assert any("is-json: its schema cannot be read: schema:1: no valid YAML" in loss for loss in found.losses)


def test_a_short_text_with_edits_has_a_length_too(folder: Path) -> None:
    found = asserted(folder, {"type": "levenshtein", "value": "Hello there", "threshold": 3})

    near = {"levenshtein": {"value": "Hello there", "strip": False, "threshold": 0.7272}}
    assert judges(found) == [{"all_of": [near, {"length": {"max": 14}}]}]


def test_negation_that_promptfoo_ignores_is_ignored_and_named(folder: Path) -> None:
    found = asserted(folder, {"type": "not-factuality", "value": "x y"})

    assert judges(found)[0].keys() == {"factuality"}
    assert found.losses == ["1: tests[0].assert[0].type: promptfoo does not negate factuality: 'not-' is left out"]


def test_scores_of_relations_decide_what_passes(folder: Path) -> None:
    scores = {"subset": 0.2, "disagree": 0, "other": 1}

    found = asserted(folder, {"type": "factuality", "value": "x y"}, options={"factuality": scores})

    assert judges(found) == [
        {"factuality": {"reference": "x y", "scores": {"superset": 1, "subset": 0.2, "disagree": 0}, "threshold": 0.2}}
    ]


def test_several_criteria_of_g_eval_are_one(folder: Path) -> None:
    found = asserted(folder, {"type": "g-eval", "value": ["Is kind.", "Is short."]})

    assert judges(found) == [{"g_eval": "Is kind.\nIs short."}]
    assert (
        "1: tests[0].assert[0].value: several criteria become one text here; promptfoo takes the mean of their scores"
        in found.losses
    )


def test_a_value_of_relevance_is_lost(folder: Path) -> None:
    found = asserted(folder, {"type": "answer-relevance", "value": "x"})

    assert "1: tests[0].assert[0].value: takes no value; left out" in found.losses


def test_faithfulness_judges_by_the_variable_context(folder: Path) -> None:
    found = asserted(
        folder, {"type": "context-faithfulness", "threshold": 0.8}, vars={"word": "x", "context": "It is late."}
    )

    assert judges(found) == [{"rubric": {"criteria": "faithfulness", "threshold": 0.8}}]
    assert found.cases[0]["context"] == ["It is late."]


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("openai:gpt-5", {"closed_qa": {"criteria": "Is kind.", "model": "openai/gpt-5"}}),
        (
            {"id": "anthropic:messages:claude-sonnet-5"},
            {"closed_qa": {"criteria": "Is kind.", "model": "anthropic/claude-sonnet-5"}},
        ),
        ({"text": "openai:chat:gpt-5"}, {"closed_qa": {"criteria": "Is kind.", "model": "openai/gpt-5"}}),
        ({"embedding": "openai:embedding:x"}, {"closed_qa": "Is kind."}),
    ],
)
def test_the_model_that_judges_is_taken_over(folder: Path, provider: Any, expected: Any) -> None:
    found = asserted(folder, {"type": "llm-rubric", "value": "Is kind.", "provider": provider})

    assert judges(found) == [expected]


def test_a_model_that_cannot_judge_here_is_named(folder: Path) -> None:
    found = asserted(folder, {"type": "llm-rubric", "value": "Is kind.", "provider": "bedrock:nova"})

    assert judges(found) == [{"closed_qa": "Is kind."}]
    assert found.losses == [
        (
            "1: tests[0].assert[0].provider: 'bedrock:nova' is no model that can judge here; the one under "
            "'judge_model' does"
        )
    ]


def test_a_model_that_an_assertion_names_is_taken_at_its_word(folder: Path) -> None:
    found = asserted(folder, {"type": "similar", "value": "a", "provider": "openai:my-vectors"})

    assert judges(found)[0]["embedding"]["model"] == "openai/my-vectors"


def test_the_default_judge_is_that_of_promptfoo(folder: Path) -> None:
    found = asserted(folder, {"type": "llm-rubric", "value": "Is kind."})

    assert found.data["judge_model"] == "openai/gpt-5.5-2026-04-23"
    assert "# What judges ask that name no model; promptfoo takes this one where OPENAI_API_KEY is set.\n" in found.text


def test_one_provider_of_a_test_is_used_for_what_it_can(folder: Path) -> None:
    both = ({"type": "similar", "value": "a"}, {"type": "llm-rubric", "value": "Is kind."})

    found = asserted(folder, *both, options={"provider": "openai:embedding:small"})

    assert judges(found)[0]["embedding"]["model"] == "openai/small"
    assert judges(found)[1] == {"closed_qa": "Is kind."}


SET = [{"type": "contains", "value": "a"}, {"type": "not-contains", "value": "b"}]
BOTH = [{"contains": "a"}, {"not": {"contains": "b"}}]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"all_of": BOTH}),
        ({"threshold": 0.5}, {"any_of": BOTH}),
        ({"threshold": 0.6, "weight": 2, "metric": "m"}, {"all_of": {"judges": BOTH, "weight": 2, "name": "m"}}),
        ({"threshold": 0}, {"all_of": {"judges": BOTH, "required": False}}),
        ({"weight": 0}, {"all_of": {"judges": BOTH, "weight": 0}}),
    ],
)
def test_a_set_of_assertions_is_a_group(folder: Path, options: Any, expected: Any) -> None:
    needed = [STAND_IN] if options.get("weight") == 0 else []
    assert judges(asserted(folder, {"type": "assert-set", "assert": SET, **options})) == [expected, *needed]


def test_edits_of_a_short_text_count_as_one_assertion(folder: Path) -> None:
    edits = {"type": "levenshtein", "value": "Hello there", "threshold": 3}

    found = asserted(folder, {"type": "assert-set", "assert": [SET[0], edits], "threshold": 0.5})

    assert judges(found)[0]["any_of"][1].keys() == {"all_of"}


def test_a_set_that_asks_for_a_part_lists_the_parts(folder: Path) -> None:
    three = [*SET, {"type": "contains", "value": "c"}]

    found = asserted(folder, {"type": "assert-set", "assert": three, "threshold": 0.5})

    a, b, c = (*BOTH, {"contains": "c"})
    assert judges(found) == [{"any_of": [{"all_of": [a, b]}, {"all_of": [a, c]}, {"all_of": [b, c]}]}]
    assert found.losses == []


def test_what_outweighs_the_rest_decides_alone(folder: Path) -> None:
    found = asserted(folder, {**SET[0], "weight": 3}, SET[1], threshold=0.6)

    assert judges(found) == [
        {"contains": {"value": "a", "weight": 3}},
        {"not": {"contains": {"value": "b", "required": False}}},
    ]


@pytest.mark.parametrize("count", [5, 13])
def test_a_set_that_asks_for_a_part_of_many_is_named(folder: Path, count: int) -> None:
    many = [{"type": "contains", "value": f"x{number}"} for number in range(count)]

    found = asserted(folder, {"type": "assert-set", "assert": many, "threshold": 0.5}, *SET)

    assert judges(found) == BOTH
    assert found.losses == [
        (
            f"1: tests[0].assert[0].threshold: a threshold of 0.5 asks for a part of the {count} assertions, which a "
            "group cannot: it has all_of and any_of; the set is left out"
        )
    ]


def test_what_outweighs_the_rest_of_a_set_decides_the_set(folder: Path) -> None:
    found = asserted(folder, {"type": "assert-set", "assert": [SET[0], {**SET[1], "weight": 3}], "threshold": 0.5})

    assert judges(found) == [{"all_of": [BOTH[1]]}]
    assert found.losses[-1] == (
        "1: tests[0].assert[0]: what the threshold of a set does not need decides nothing within it; left out"
    )


def test_what_has_no_weight_decides_nothing_in_a_set(folder: Path) -> None:
    found = asserted(folder, {"type": "assert-set", "assert": [SET[0], {**SET[1], "weight": 0}]})

    assert judges(found) == [{"all_of": [{"contains": "a"}]}]
    assert found.losses == ["1: tests[0].assert[0]: an assertion with weight 0 decides nothing within a set; left out"]


def test_a_negative_weight_counts_as_one(folder: Path) -> None:
    found = asserted(folder, {**SET[0], "weight": -2})

    assert judges(found) == [{"contains": "a"}]
    assert found.losses == ["1: tests[0].assert[0].weight: a weight of -2 is none here; it counts as 1"]


def test_an_empty_set_is_no_judge(folder: Path) -> None:
    assert judges(asserted(folder, {"type": "assert-set", "assert": []}, SET[0])) == [{"contains": "a"}]


def test_equal_metrics_get_a_number(folder: Path) -> None:
    found = asserted(folder, *({**assertion, "metric": "m"} for assertion in SET))

    assert judges(found) == [
        {"contains": {"value": "a", "name": "m"}},
        {"not": {"contains": {"value": "b", "name": "m 2"}}},
    ]


@pytest.mark.parametrize(
    ("threshold", "assertions", "expected"),
    [
        (0.5, SET, [{"any_of": BOTH}]),
        (0.9, SET, BOTH),
        (0.9, SET[:1], BOTH[:1]),
        (0, SET[:1], [{"contains": {"value": "a", "required": False}}]),
        (0.3, [{"type": "rouge-n", "value": "x"}], [{"rouge": {"value": "x", "variant": "rouge1", "threshold": 0.3}}]),
        (
            0.5,
            [SET[0], {**SET[1], "weight": 0}],
            [BOTH[0], {"not": {"contains": {"value": "b", "weight": 0, "required": False}}}],
        ),
    ],
)
def test_a_threshold_of_a_test_is_said_by_its_judges(
    folder: Path, threshold: float, assertions: Any, expected: Any
) -> None:
    found = asserted(folder, *assertions, threshold=threshold)

    assert judges(found) == expected
    assert "threshold" not in found.data


def test_a_threshold_that_all_tests_share_is_that_of_the_file(folder: Path) -> None:
    three = [*SET, {"type": "levenshtein", "value": "abc"}]

    found = asserted(folder, *three, threshold=0.6)

    assert found.data["threshold"] == 0.6
    assert judges(found)[0] == {"contains": {"value": "a", "required": False}}
    assert any("a threshold on the mean score: 'levenshtein' has a share here" in line for line in found.losses)


def test_weights_in_a_set_are_named(folder: Path) -> None:
    found = asserted(folder, {"type": "assert-set", "assert": [{**SET[0], "weight": 2}, SET[1]]})

    assert judges(found) == [{"all_of": BOTH}]
    assert found.losses == [
        (
            "1: tests[0].assert[0]: the weights of assertions in a set decide whether its threshold is reached; the "
            "score of the group is that of one of its judges, not their mean"
        )
    ]


def test_the_config_of_a_model_that_judges_is_named(folder: Path) -> None:
    provider = {"id": "openai:chat:m", "config": {"temperature": 0}}

    found = asserted(folder, {"type": "llm-rubric", "value": "Is kind.", "provider": provider})

    assert judges(found) == [{"closed_qa": {"criteria": "Is kind.", "model": "openai/m"}}]
    assert found.losses == [
        (
            "1: tests[0].assert[0].provider.config: models that judge have no config of their own; left out. "
            "'parameters' of the judge, or 'providers'"
        )
    ]


def test_a_loop_over_a_mapping_is_that_of_jinja(folder: Path) -> None:
    text = "{% for k, v in data %}{{ k }}{% endfor %}"
    written = {"prompts": [text], "providers": ["echo"], "tests": [{"vars": {"data": {"a": 1}}, "assert": SET[:1]}]}

    found = import_text(folder, "promptfooconfig.json", json.dumps(written))

    assert found.data["prompt"] == "{% for k, v in data.items() %}{{ k }}{% endfor %}"


EXPRESSIONS = {"q": "abc", "n": 5, "f": 1.5, "b": True, "d": {"a": 1, "x": [2.0]}, "l": [1, 2]}


# What promptfoo 0.121.20 compares with.
@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("{{ d | dump }}", '{"a":1,"x":[2]}'),
        ("{{ l | dump }}", "[1,2]"),
        ("{{ 10 / 2 }}", "5"),
        ("{{ f * 2 }}", "3"),
        ("{{ f | round }}", "2"),
        ("{{ 1.45 | round(1) }}", "1.5"),
        ("{{ 1.45 | round(1, 'floor') }}", "1.4"),
        ("{{ 1.41 | round(1, 'ceil') }}", "1.5"),
        ('{{ "a" in q }}', "true"),
        ("{{ n > 4 }}", "true"),
        ("a{{ nope.x }}", "a"),
        ("{{ d.a }}{{ d.b }}", "1"),
        ("{{ q.length }}", "3"),
        ("{{ l.length }}", "2"),
        ("{{ q + 'd' }}", "abcd"),
        ("{% if b %}1{% else %}0{% endif %}", "1"),
        ("{{ q | upper }}", "{{ q | upper }}"),
        ("{{ q }}-{{ n }}", "{{ q }}-{{ n }}"),
        (1.0e-7, "1e-7"),
        (1e21, "1e+21"),
        (12345678901234567890, "12345678901234567000"),
    ],
)
def test_expressions_and_numbers_are_filled_in_as_promptfoo_does(folder: Path, value: Any, text: str) -> None:
    found = asserted(folder, {"type": "equals", "value": value}, vars={"word": "w", **EXPRESSIONS})

    assert judges(found) == [{"exact": {"value": text, "strip": False}}]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{{ q.repeat(2) }}", "'.repeat' is JavaScript's own"),
        ("{{ q.slice(0, 2) }}", "'.slice' is JavaScript's own"),
        ("{{ q + n }}", "'+' between a text and a number is JavaScript's own"),
        ("{{ q * 2 }}", "'*' between a text and a number is JavaScript's own"),
        ("{{ -7 % 3 }}", "'%' between a text and a number is JavaScript's own"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{% if e %}1{% else %}0{% endif %}", "an empty list or mapping counts as true there"),
        ("{{ 1 if e.x else 0 }}", "an empty list or mapping counts as true there"),
    ],
)
def test_expressions_that_only_javascript_knows_are_named(folder: Path, value: str, reason: str) -> None:
    variables = {"word": "w", **EXPRESSIONS, "e": {"x": []}, "flag": True}
    found = asserted(folder, {"type": "equals", "value": value + "{{ flag }}"}, vars=variables)

    message = f"equals: its value '{value}{{{{ flag }}}}' cannot be filled in as Nunjucks does ({reason}); left out"
    assert any(line.endswith(message) for line in found.losses), found.losses


@pytest.mark.parametrize(
    ("assertion", "judge"),
    [
        ({"type": "equals", "value": ""}, {"exact": {"value": "", "strip": False}}),
        ({"type": "not-equals", "value": ""}, {"not": {"exact": {"value": "", "strip": False}}}),
        ({"type": "contains-all", "value": []}, {"length": {"min": 0}}),
        ({"type": "not-contains-all", "value": []}, {"not": {"length": {"min": 0}}}),
    ],
)
def test_an_empty_value_says_what_it_says_in_promptfoo(folder: Path, assertion: Any, judge: Any) -> None:
    assert judges(asserted(folder, assertion)) == [judge]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("regex", 42, "42"),
        ("contains", True, "true"),
        ("icontains", False, "false"),
        ("starts-with", 42, "42"),
        ("levenshtein", 1.5, "1.5"),
        ("finish-reason", 1, "1"),
        ("factuality", 1, "1"),
    ],
)
def test_a_value_of_another_type_which_promptfoo_always_fails_is_named(
    folder: Path, kind: str, value: Any, text: str
) -> None:
    found = asserted(folder, {"type": kind, "value": value})

    message = f"{kind}: its value {text} is no text, so that it fails whatever the output is in promptfoo; left out"
    assert any(line.endswith(message) for line in found.losses), found.losses


@pytest.mark.parametrize(
    ("assertion", "is_named"),
    [
        ({"type": "icontains", "value": "STRASSE"}, True),
        ({"type": "icontains", "value": "stra\u00dfe"}, True),
        ({"type": "icontains", "value": "\u039f\u0394\u039f\u03a3"}, True),
        ({"type": "icontains", "value": "\u03bf\u03b4\u03bf\u03c3"}, True),
        ({"type": "icontains-any", "value": ["a", "Gauss"]}, True),
        ({"type": "icontains-all", "value": "a, Gauss"}, True),
        ({"type": "icontains", "value": "{{ word }}s"}, True),
        ({"type": "icontains", "value": "Paris"}, False),
        ({"type": "icontains-any", "value": ["a", "\u00c9cole"]}, False),
        ({"type": "contains", "value": "STRASSE"}, False),
        ({"type": "contains-any", "value": ["STRASSE"]}, False),
    ],
)
def test_texts_whose_letters_are_folded_are_named(folder: Path, assertion: Any, is_named: bool) -> None:
    found = asserted(folder, assertion, vars={"word": "s"})

    assert any(line.endswith(FOLDED) for line in found.losses) is is_named, found.losses


def test_an_emoji_that_is_two_edits_in_promptfoo_is_named(folder: Path) -> None:
    wide = asserted(folder, {"type": "levenshtein", "value": "\U0001f600 and a long text behind it", "threshold": 1})
    plain = asserted(folder, {"type": "levenshtein", "value": "a long text", "threshold": 1})

    assert any(line.endswith(EMOJI) for line in wide.losses), wide.losses
    assert not any(line.endswith(EMOJI) for line in plain.losses)


@pytest.mark.parametrize(
    ("weights", "threshold", "needed"),
    [((0.7, 0.1, 0.2), 0.8, ["w0", "w2"]), ((0.1, 0.2, 0.3), 0.8, ["w1", "w2"]), ((7, 1, 2), 0.9, ["w0", "w2"])],
)
def test_weights_are_added_up_as_in_promptfoo(
    folder: Path, weights: tuple[float, ...], threshold: float, needed: list[str]
) -> None:
    # 0.7 + 0.1 is a little less than 0.8.
    parts = [{"type": "contains", "value": f"w{index}", "weight": weight} for index, weight in enumerate(weights)]

    found = asserted(folder, {"type": "assert-set", "threshold": threshold, "assert": parts})

    assert judges(found) == [{"all_of": [{"contains": value} for value in needed]}]


def test_a_set_of_twelve_assertions_has_a_threshold_too(folder: Path) -> None:
    parts = [{"type": "contains", "value": f"w{index}"} for index in range(12)]

    found = asserted(folder, {"type": "assert-set", "threshold": 0.999, "assert": parts})

    assert judges(found) == [{"all_of": [{"contains": f"w{index}"} for index in range(12)]}]


def test_the_usual_threshold_of_g_eval_is_that_of_promptfoo(folder: Path) -> None:
    usual = asserted(folder, {"type": "g-eval", "value": "Is kind.", "threshold": 0.7})
    higher = asserted(folder, {"type": "g-eval", "value": "Is kind.", "threshold": 0.75})

    assert judges(usual) == [{"g_eval": "Is kind."}]
    assert judges(higher) == [{"g_eval": {"criteria": "Is kind.", "threshold": 0.75}}]


def test_a_number_of_edits_beyond_all_bounds_is_read_at_once(folder: Path) -> None:
    found = asserted(folder, {"type": "levenshtein", "value": "abc", "threshold": 1e30})

    assert found.losses
