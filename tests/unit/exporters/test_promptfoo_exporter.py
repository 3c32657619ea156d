from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.exporters.lines import LinesExporter
from pytest_promptevals.datasets.exporters.promptfoo import PromptfooExporter
from pytest_promptevals.datasets.exporters.promptfoo_fields import FIELDS
from pytest_promptevals.datasets.exporters.promptfoo_given import UnfitError
from pytest_promptevals.datasets.exporters.promptfoo_judges import LEAST, LOST, RELATION_SCORES, TAKEN
from pytest_promptevals.datasets.exporters.promptfoo_patterns import for_javascript
from pytest_promptevals.datasets.importers.promptfoo_differences import DIFFERENCES
from pytest_promptevals.datasets.wire import EvalFileWire
from pytest_promptevals.datasets.wire_cases import CaseWire, JudgeOptionsWire
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.judges.model.factuality import SCORES
from pytest_promptevals.records.cases import Case, Dataset, Location
from pytest_promptevals.records.drafts import ExportRequest
from tests.support.exported import Exported, export_text
from tests.support.hostile import hostile_strings

STRIPPED = "white space around the output counts in promptfoo; 'strip: false' says so here"
SCRIPT = "has no equivalent in promptfoo; left out. Write it there as an assertion 'javascript' or 'python'"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def judged(folder: Path, judges: str, case: str = "{input: q, expected: x}", head: str = "") -> Exported:
    """Export an eval file with one case. Its judges stand in line 2."""
    return export_text(folder, f"model: openai/m\njudges: {judges}\n{head}\ncases: [{case}]\n")


def asserts(found: Exported) -> Any:
    return found.data.get("defaultTest", {}).get("assert", [])


def equals(value: Any) -> dict[str, Any]:
    return {"type": "equals", "value": value}


@pytest.mark.parametrize(
    ("judge", "case", "expected"),
    [
        ("exact", "{input: q, expected: x}", equals("{{ expected }}")),
        ("exact", "{input: q, expected: [x]}", equals("x")),
        (
            "exact",
            "{input: q, expected: [x, '{{y}}']}",
            {"type": "assert-set", "threshold": 0.5, "assert": [equals("x"), equals("{% raw %}{{y}}{% endraw %}")]},
        ),
        (
            "not: {exact: [x, y]}",
            "{input: q}",
            {
                "type": "assert-set",
                "assert": [{"type": "not-equals", "value": "x"}, {"type": "not-equals", "value": "y"}],
            },
        ),
        ("contains: [a, b]", "{input: q}", {"type": "contains-any", "value": ["a", "b"]}),
        ("icontains", "{input: q, expected: [a, b]}", {"type": "icontains-any", "value": ["a", "b"]}),
        ("contains_all", "{input: q, expected: a}", {"type": "contains-all", "value": ["{{ expected }}"]}),
        ("regex: {pattern: 'a(?P<x>b)(?P=x)', full: true}", "{input: q}", {
            "type": "regex", "value": "^(?:a(?<x>b)\\k<x>)$"}),
        ("json_equal", "{input: q, expected: {a: [1]}}", equals({"a": [1]})),
        ("json_equal: '{\"a\": 1}'", "{input: q}", equals({"a": 1})),
        ("json_schema: {schema: {const: '{{ name }}'}}", "{input: q, vars: {name: Ada}}", {
            "type": "is-json", "value": {"const": "Ada"}}),
        ("levenshtein: {threshold: 0.5, strip: false}", "{input: q, expected: abcdefghij}", {
            "type": "levenshtein", "value": "{{ expected }}", "threshold": 5}),
        ("word_count: {min: 2}", "{input: q}", {"type": "word-count", "value": {"min": 2}}),
        ("latency: 1.5", "{input: q}", {"type": "latency", "threshold": 1500}),
        ("finish_reason: [stop, length]", "{input: q}", {"type": "assert-set", "threshold": 0.5, "assert": [
            {"type": "finish-reason", "value": "stop"}, {"type": "finish-reason", "value": "length"}]}),
        ("rouge: {variant: rouge1, value: a}", "{input: q}", {"type": "rouge-n", "value": "a", "threshold": 0.5}),
        ("embedding: openai/e", "{input: q, expected: [a, b]}", {
            "type": "similar", "value": ["a", "b"], "threshold": 0.6, "provider": "openai:embedding:e"}),
        ("rubric: {criteria: Is kind., model: anthropic/c}", "{input: q}", {
            "type": "llm-rubric", "value": "Is kind.", "threshold": 0.7, "provider": "anthropic:messages:c"}),
        ("g_eval: {criteria: Is kind., threshold: 0.5}", "{input: q}", {
            "type": "g-eval", "value": "Is kind.", "threshold": 0.5}),
        ("exact: {value: a, weight: 2, name: words}", "{input: q}", {**equals("a"), "weight": 2, "metric": "words"}),
        ("exact: {value: a, weight: 0}", "{input: q}", {"type": "assert-set", "assert": [equals("a")], "weight": 0}),
        ("any_of: [contains: a, {not: {all_of: [contains: b, contains: c]}}]", "{input: q}", {
            "type": "assert-set", "threshold": 0.3, "assert": [
                {"type": "contains", "value": "a"}, {"type": "not-contains", "value": "b"},
                {"type": "not-contains", "value": "c"}]}),
        ("all_of: [contains: a, {any_of: [contains: b, contains: c]}]", "{input: q}", {
            "type": "assert-set", "threshold": 0.7, "assert": [
                {"type": "contains", "value": "a", "weight": 2}, {"type": "contains", "value": "b"},
                {"type": "contains", "value": "c"}]}),
    ],
)  # fmt: skip
def test_a_judge_becomes_the_assertion_that_says_the_same(folder: Path, judge: str, case: str, expected: Any) -> None:
    found = judged(folder, f"[{{{judge}}}]" if ":" in judge else f"[{judge}]", case)

    assert asserts(found) == [expected]


@pytest.mark.parametrize(
    ("judge", "loss"),
    [
        ("exact", f"exact: {STRIPPED}"),
        ("levenshtein: {value: Hello there, threshold: 0.5}", "levenshtein: promptfoo counts edits, the judge"),
        ("bleu", "bleu.ignore_case: upper and lower case are the same in promptfoo; 'ignore_case: true' says so here"),
        ("rubric: helpfulness", "rubric: promptfoo has no library of rubrics: the name alone is asked for. Write out"),
        ("rubric: {criteria: Is kind., samples: 3}", "rubric.samples: has no equivalent in promptfoo; left out"),
        ("rubric: {criteria: Is kind., model: acme/x}", "rubric.model: 'acme/x' cannot be called by promptfoo"),
        ("factuality", "factuality: promptfoo passes every score above 0: relations below the threshold have 0 there"),
        ("refusal: {phrases: [Nope]}", "refusal.phrases: has no equivalent in promptfoo; left out"),
        ("all_of: {judges: [contains: a], threshold: 0.5}", "all_of.threshold: a group has no threshold of its own in"),
        ("all_of: [{any_of: {judges: [contains: a], name: n}}]", "any_of.name: a group within a group has no name in"),
    ],
)  # fmt: skip
def test_small_differences_are_named(folder: Path, judge: str, loss: str) -> None:
    found = judged(folder, f"[{{{judge}}}]" if ":" in judge else f"[{judge}]")

    assert any(line.startswith(f"2: {loss}") for line in found.losses), found.losses
    assert len(asserts(found)) == 1


@pytest.mark.parametrize(
    ("judge", "loss"),
    [
        ("iexact", f"iexact: {SCRIPT}"),
        ("length: {max: 3}", f"length: {SCRIPT}"),
        ("contains: {value: a, x: 1}", "contains.x: has no equivalent in promptfoo; left out"),
        ("starts_with: {value: a, ignore_case: true}", (
            "starts_with: upper and lower case cannot be the same there; left out")),
        ("regex: {pattern: '(?i)a'}", "regex: the pattern '(?i)a' is none of JavaScript's; left out"),
        ("regex: '\\pL'", "regex: the pattern '\\\\pL' is none of JavaScript's; left out"),
        ("regex: '[[:alpha:]]'", "regex: the pattern '[[:alpha:]]' is none of JavaScript's; left out"),
        ("regex: '[a&&b]'", "regex: the pattern '[a&&b]' is none of JavaScript's; left out"),
        ("regex: 'a++'", "regex: the pattern 'a++' is none of JavaScript's; left out"),
        ("rouge", "rouge: only 'variant: rouge1' with 'measure: f1' has an equivalent, 'rouge-n'; left out"),
        ("json_equal: {value: 1, extract: true}", (
            "json_equal: the whole output has to be the data in promptfoo; left out")),
        ("json_equal: {value: 1, tolerance: 0.1}", (
            "json_equal: data has to be the same in promptfoo: no tolerance, and no other order; left out")),
        ("json_equal", "json_equal: there is no data to compare with; left out"),
        ("embedding: {model: openai/e, metric: euclidean}", (
            "embedding: the metric has no equivalent in promptfoo; left out. It has 'cosine' and 'dot'")),
        ("rubric: {template: a.yaml}", "rubric: the rubric is a file of ours; left out. Write its text as 'criteria'"),
        ("g_eval: {steps: [a]}", "g_eval: promptfoo makes the steps by itself; left out. Write them as 'criteria'"),
        ("not: {factuality: x}", "factuality: promptfoo does not negate factuality; left out"),
        ("any_of: [fuzzy, contains: a]", "any_of: a judge in it has no equivalent in promptfoo; the group is left out"),
        ("any_of: [bleu, contains: a]", (
            "any_of: promptfoo passes a set by its mean score, and one of its judges has scores between 0 and 1; the "
            "group is left out")),
        ("any_of: [{all_of: [contains: a, contains: b]}, {all_of: [contains: c, contains: d]}]", (
            "any_of: no mean score of a set says what the group says; the group is left out")),
        ("acme", "acme: is no judge that promptfoo could have; left out"),
    ],
)  # fmt: skip
def test_what_promptfoo_cannot_judge_is_left_out_and_named(folder: Path, judge: str, loss: str) -> None:
    found = judged(folder, f"[{{{judge}}}]" if ":" in judge else f"[{judge}]")

    assert f"2: {loss}" in found.losses
    assert asserts(found) == [] or "x: 1" in judge


def test_every_judge_is_taken_or_named() -> None:
    assert {*TAKEN, *LOST} == builtin_registry().judges.keys()


def test_the_usual_thresholds_and_scores_are_those_of_the_judges() -> None:
    judges = builtin_registry().judges

    assert {name: judges[name].default_threshold for name in LEAST} == LEAST
    assert RELATION_SCORES == SCORES


def test_what_expected_is_missing_is_named(folder: Path) -> None:
    found = judged(folder, "[exact]", "{input: q}")

    assert (
        "2: exact: there is no text to compare with: neither its own nor 'expected' of the case; left out"
        in found.losses
    )


def test_a_threshold_beside_judges_that_must_pass_is_named(folder: Path) -> None:
    found = judged(folder, "[contains: a, meteor]", head="threshold: 0.9")

    assert found.losses[-1] == (
        "3: threshold: a threshold stands in the place of what single assertions ask for in promptfoo, and some judges "
        "must pass; the threshold is left out"
    )
    assert "threshold" not in found.data["defaultTest"]


def test_judges_that_need_not_pass_are_a_set_that_always_does(folder: Path) -> None:
    found = judged(folder, "[contains: {value: a, required: false}, contains: {value: b}]")

    assert asserts(found) == [
        {"type": "assert-set", "assert": [{"type": "contains", "value": "a"}], "threshold": 0},
        {"type": "contains", "value": "b"},
    ]


def test_keys_and_fields_without_an_equivalent_are_named(folder: Path) -> None:
    found = export_text(
        folder,
        """
        prompt: ["{{ q.strip() }} {{ q[1:] }} {{ q | tojson | wordwrap }}", "{{ n }} {{ q }}"]
        model: [openai/m, acme/x]
        providers: {openai: {requests_per_minute: 3, cache: false}}
        reducer: min
        gate: {max_drop: 0.1}
        case_policy: ratchet
        prices: {openai/m: free}
        judge_model: acme/j
        judges: [contains: a]
        cases:
          - {id: a, vars: {q: "{{ n }}", n: true}, weight: 2, priority: 1, group: g, xfail: true}
          - {id: b, vars: {q: "file://x", n: true}, skip: true}
          - {id: c, vars: {q: "file://x", n: 1}, output: {text: "", latency: 1}}
          - {id: d, vars: {q: "a\\n", n: 1}, weight: 3}
        """,
    )

    place = "Jinja2, and Nunjucks has none; write the template in another way"
    assert found.losses == [
        "1: prompt: 'n' is no text: where a prompt shows it, promptfoo writes it as JavaScript does",
        f"1: prompt: the method 'strip' is of {place}",
        f"1: prompt: a slice such as [1:3] is of {place}",
        f"1: prompt: the filter 'wordwrap' is of {place}",
        "2: model: 'acme/x' cannot be called by promptfoo; left out",
        "3: providers.openai.cache: has no equivalent in promptfoo; left out",
        "3: providers.openai.requests_per_minute: has no equivalent in promptfoo; left out",
        "4: reducer: promptfoo counts each repetition as a test of its own; left out",
        "5: gate: promptfoo compares no runs; left out",
        "6: case_policy: promptfoo compares no runs; left out",
        "7: prices: promptfoo has prices of its own; left out",
        "8: judge_model: 'acme/j' cannot be called by promptfoo; judges ask the usual model there",
        "11: xfail: promptfoo knows no expected failures: the test will fail",
        "11: weight: tests have no weights in promptfoo; left out (2 times)",
        "11: priority: tests have no order in promptfoo; left out",
        "11: group: tests have no groups in promptfoo; left out",
        ("11: vars.q: promptfoo fills variables into variables: 'options' with 'skipRenderVars' leaves 'q' as it is"),
        "12: skip: promptfoo skips no tests; the case is left out",
        ("13: vars.q: a text that begins with file:// is the name of a file in promptfoo; put a blank before it"),
        "13: output.latency: a recorded output is a text in promptfoo; left out",
        "13: output: an empty recorded output is none in promptfoo, which asks the model instead; left out",
        "14: vars.q: promptfoo drops the line break at the end",
    ]
    assert [test["description"] for test in found.data["tests"]] == ["a", "c", "d"]


def test_examples_stand_before_the_question(folder: Path) -> None:
    found = judged(folder, "[contains: a]", head="few_shot: [{user: '{{x}}', assistant: A}]")

    assert [json.loads(prompt) for prompt in found.data["prompts"]] == [
        [
            {"role": "user", "content": "{% raw %}{{x}}{% endraw %}"},
            {"role": "assistant", "content": "A"},
            {"role": "user", "content": "{{ input }}"},
        ]
    ]


@pytest.mark.parametrize(
    ("inputs", "prompt"),
    [
        (("text", "more"), "{{ input }}"),
        (("[{role: user, content: x}]", "{a: 1}"), "{{ input | dump }}"),
        (
            ("text", "{a: 1}"),
            "{% if input is string %}{{ input }}{% else %}{{ input | dump }}{% endif %}",
        ),
    ],
)
def test_without_a_prompt_the_input_is_asked(folder: Path, inputs: tuple[str, str], prompt: str) -> None:
    found = judged(folder, "[contains: a]", ", ".join(f"{{input: {one}}}" for one in inputs))

    assert found.data["prompts"] == [prompt]


def test_a_prompt_function_is_named(folder: Path) -> None:
    (folder / "mine.py").write_text("def ask(input): return input\n", encoding="utf-8")

    found = judged(folder, "[contains: a]", head="prompt: python:mine:ask")

    assert found.losses == [
        "3: prompt: a function is called otherwise there; left out. Write it as a prompt function of promptfoo",
        "3: prompt: there is no prompt in the config: name one there",
    ]


def test_recorded_outputs_need_no_model(folder: Path) -> None:
    found = export_text(folder, "judges: [contains: a]\ncases: [{input: q, output: yes it is}]\n")

    assert found.data["providers"] == ["echo"]
    assert found.data["tests"] == [{"vars": {"input": "q"}, "providerOutput": "yes it is"}]


def test_a_model_of_ones_own_is_none_of_promptfoo(folder: Path) -> None:
    found = export_text(folder, "model: scripted/x\njudges: [contains: a]\ncases: [{input: q}]\n")

    assert found.losses == [
        "1: model: 'scripted/x' cannot be called by promptfoo; left out",
        "1: model: there is no provider in the config: name one there",
    ]


def test_faithfulness_gets_its_question_and_context(folder: Path) -> None:
    found = judged(folder, "[rubric: faithfulness]", "{input: Why?, context: [a, b]}")

    assert found.data["tests"][0] == {
        "vars": {"input": "Why?", "context": ["a", "b"], "query": "Why?"},
        "options": {"disableVarExpansion": True},
    }


def test_faithfulness_without_a_question_is_named(folder: Path) -> None:
    found = judged(folder, "[rubric: faithfulness]", "{vars: {q: x}, context: a}", head="prompt: '{{ q }}'")

    assert found.losses[-1] == "4: vars: 'context-faithfulness' needs the question in a variable 'query': add it"


def test_scores_of_one_test_cannot_differ(folder: Path) -> None:
    found = judged(folder, "[factuality: x, {factuality: {reference: y, scores: {subset: 1}}}]")

    assert found.losses[-1] == (
        "2: factuality: another 'factuality' of the case has other scores, and a test has one set of them; left out"
    )
    assert found.data["tests"][0]["options"] == {"factuality": {"subset": 0, "superset": 0.6}}


def test_hostile_text_stays_text(folder: Path) -> None:
    (folder / "evals.yaml").write_text('description: "a\\u2028b: c\\u202e\\x1b[31m"\n', encoding="utf-8")

    assert judged(folder, "[contains: a]").data["description"] == "a\u2028b: c\u202e\x1b[31m"


def test_keys_of_eval_files_and_cases_are_all_in_the_table() -> None:
    groups = {"not", "all_of", "any_of"}
    keys = {*EvalFileWire.model_fields, *(f"cases.{name}" for name in CaseWire.model_fields)}
    judges = {f"judge {name}" for name in (*builtin_registry().judges, *JudgeOptionsWire.model_fields)}

    assert FIELDS.keys() == keys | groups | judges


def test_a_loop_over_a_mapping_is_that_of_nunjucks(folder: Path) -> None:
    prompt = "{% for k, v in order.items() %}{{ k }}{% endfor %}"

    found = judged(folder, "[contains: a]", "{vars: {order: {k: 1}}}", head=f"prompt: '{prompt}'")

    assert found.data["prompts"] == ["{% for k, v in order %}{{ k }}{% endfor %}"]
    assert found.losses == []


def test_names_that_cases_have_themselves_are_no_names_of_variables(folder: Path) -> None:
    case = "{expected: x, context: c, vars: {expected_text: e, context_text: d}}"

    found = judged(folder, "[contains: a]", case, head="prompt: '{{ expected_text }} {{ context_text }}'")

    assert found.data["prompts"] == ["{{ expected_text }} {{ context_text }}"]
    assert found.data["tests"][0]["vars"] == {
        "expected_text": "e",
        "context_text": "d",
        "expected": "x",
        "context": "c",
    }


def test_a_server_at_another_address_is_named_with_it(folder: Path) -> None:
    providers = "providers: {groq: {type: openai, base_url: 'http://x', api_key_env: K}}"

    found = export_text(folder, f"model: groq/m\n{providers}\njudges: [contains: a]\ncases: [{{input: q}}]\n")

    assert found.data["providers"] == [
        {"id": "openai:chat:m", "config": {"apiBaseUrl": "http://x", "apiKeyEnvar": "K"}}
    ]


def test_examples_stand_before_the_last_question(folder: Path) -> None:
    chat = "[{role: user, content: a}, {role: assistant, content: b}, {role: user, content: '{{ input }}'}]"

    found = judged(folder, "[contains: a]", head=f"prompt: {chat}\nfew_shot: [{{user: U, assistant: A}}]")

    messages = json.loads(found.data["prompts"][0])
    assert [message["content"] for message in messages] == ["a", "b", "U", "A", "{{ input }}"]


def test_an_empty_file_of_losses_has_no_heading(folder: Path) -> None:
    assert judged(folder, "[contains: a]").text.startswith(
        "# yaml-language-server: $schema=https://promptfoo.dev/config-schema.json\n# Made from a.eval.yaml.\n\nprompts:"
    )


def test_hostile_strings_come_through_a_config_and_rows_unharmed() -> None:
    # No file holds half of a surrogate pair: the loader refuses it.
    texts = [text for text in hostile_strings(60) if len(text) < 10_000 and not re.search("[\ud800-\udfff]", text)]
    cases = tuple(
        Case(f"case-{number}", Location(text, 1), vars={"q": text}, metadata={text: text}, tags=("a",), weight=2)
        for number, text in enumerate(texts)
    )
    request = ExportRequest(Dataset("a.eval.yaml", cases, models=("openai/m",)), description=texts[0])

    config: Any = parse_yaml(PromptfooExporter().export(request).text, "config").value
    rows = [json.loads(line) for line in LinesExporter().export(request).text.split("\n")[:-1]]

    assert [test["vars"]["q"] for test in config["tests"]] == texts
    assert [test["metadata"] for test in config["tests"]] == [{text: text, "tags": ["a"]} for text in texts]
    assert [row["vars"]["q"] for row in rows] == texts


@pytest.mark.parametrize(
    ("pattern", "engine", "value"),
    [
        ("a.*b$", "linear", "a[^\\n]*b$"),
        ("a$", "python", "a(?=\\n?$)"),
        ("\\Aa\\z", "linear", "^a$"),
        ("a{,3}?", "linear", "a{0,3}?"),
        ("[]a]{2}", "linear", "[\\]a]{2}"),
        ("[a[^]", "linear", None),
        ("(?-u:\\b)[\\s\\uFEFF--\\x85]", "linear", "\\b\\s"),
        ("(?a:\\b)(a)|b(?:(?(1)\\1))", "python", "\\b(a)|b\\1"),
        ("(?P<x>a)|b(?:(?(1)(?P=x)))", "python", "(?<x>a)|b\\k<x>"),
        ("(?<=a)b(?!c)", "python", "(?<=a)b(?!c)"),
    ],
)
def test_a_pattern_is_written_as_javascript_reads_it(pattern: str, engine: str, value: str | None) -> None:
    if value is None:
        with pytest.raises(UnfitError, match="is none of JavaScript's; left out"):
            for_javascript(pattern, is_python=engine == "python")
    else:
        assert for_javascript(pattern, is_python=engine == "python").text == value


@pytest.mark.parametrize(
    ("pattern", "scripts", "pairs"),
    [
        ("^\\w$", True, False),
        ("[\\d]", True, False),
        ("\\s", True, False),
        ("(?-u:\\b)a", False, False),
        ("a.b", False, True),
        ("a.*[^b]+", False, False),
        ("[^b]", False, True),
        ("[a-z]\\.", False, False),
    ],
)
def test_a_pattern_whose_characters_differ_in_javascript_tells_so(pattern: str, scripts: bool, pairs: bool) -> None:
    found = for_javascript(pattern, is_python=False)

    assert (found.knows_scripts, found.counts_pairs) == (scripts, pairs)


def test_classes_of_characters_that_are_of_ascii_alone_in_promptfoo_are_named(folder: Path) -> None:
    found = judged(folder, "[regex: '^\\w.$']")

    assert [line for line in found.losses if "regex" in line] == [
        f"2: regex: {DIFFERENCES['classes']}",
        f"2: regex: {DIFFERENCES['pairs']}",
    ]


def test_an_empty_recorded_output_is_named(folder: Path) -> None:
    found = judged(folder, "[contains: a]", '{input: q, output: ""}')

    assert any(
        line.endswith("output: an empty recorded output is none in promptfoo, which asks the model instead; left out")
        for line in found.losses
    ), found.losses


def test_an_all_of_of_groups_is_several_sets(folder: Path) -> None:
    found = judged(folder, "[{all_of: [{any_of: [contains: a, contains: b]}, {any_of: [contains: c, contains: a]}]}]")

    assert [[inner["value"] for inner in one["assert"]] for one in asserts(found)] == [["a", "b"], ["c", "a"]]
    assert [one["threshold"] for one in asserts(found)] == [0.5, 0.5]
    assert not [line for line in found.losses if "of:" in line]


def test_a_judge_that_must_pass_without_weight_keeps_others_in_sets(folder: Path) -> None:
    found = judged(
        folder,
        "[contains: {value: a, weight: 0}, contains: {value: b, weight: 2}, contains: {value: c, required: false}]",
    )

    assert asserts(found) == [
        {"type": "assert-set", "assert": [{"type": "contains", "value": "a"}], "weight": 0},
        {"type": "contains", "value": "b", "weight": 2},
        {"type": "assert-set", "assert": [{"type": "contains", "value": "c"}], "threshold": 0},
    ]
