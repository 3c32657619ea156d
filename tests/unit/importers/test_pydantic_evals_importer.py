from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.pydantic_evals import FIELDS, PydanticEvalsImporter
from pytest_promptevals.records.drafts import ImportRequest
from tests.support.imported import Imported, import_error, import_text

SEES_MORE = (
    "the judge model is always shown the question and, where a case has it, 'expected', whatever include_input and "
    "include_expected_output say"
)

OWN = "is none of pydantic-evals' own evaluators; left out. Write it as a function for the judge 'python'"
OTHER_MODEL = "'groq:llama' is a model of none of the built-in providers; left out. Name one as provider/model"
OF_REPORTS = (
    "figures over a whole report have no equivalent; left out. 'gate' has rules on the mean score, the pass rate, the "
    "cost and the latency"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dataset(folder: Path, *cases: Any, **keys: Any) -> Imported:
    return import_text(folder, "data.json", json.dumps({"cases": cases, **keys}))


def judged(folder: Path, *evaluators: Any) -> Imported:
    """Return a dataset of one case, with these evaluators for all cases."""
    return dataset(folder, {"inputs": "Where?", "expected_output": "Here."}, evaluators=evaluators)


def judges(folder: Path, *evaluators: Any) -> Any:
    found = judged(folder, *evaluators)
    assert found.losses == []
    return found.data["judges"]


def losses(folder: Path, *evaluators: Any) -> list[str]:
    return [loss.partition(": ")[2] for loss in judged(folder, *evaluators).losses]


def test_cases_keep_names_inputs_outputs_and_metadata(folder: Path) -> None:
    text = """
        $schema: data_schema.json
        name: Orders
        cases:
          - name: late
            inputs: {question: Where?, order: A-17}
            expected_output: {status: late}
            metadata: {level: 2}
          - inputs: Hello?
            metadata: easy
        """

    found = import_text(folder, "data.yaml", text)

    assert found.losses == []
    assert found.data == {
        "description": "Orders",
        "cases": [
            {
                "id": "late",
                "input": {"question": "Where?", "order": "A-17"},
                "expected": {"status": "late"},
                "metadata": {"level": 2},
            },
            {"input": "Hello?", "metadata": {"metadata": "easy"}},
        ],
    }


def test_inputs_that_are_lists_are_sent_as_data(folder: Path) -> None:
    found = dataset(folder, {"inputs": [1, 2]}, {"inputs": "text"})

    assert found.data["prompt"] == "{{ input if input is string else input | tojson }}"
    assert "# Inputs that are lists would be taken as chat messages.\n" in found.text


def test_inputs_that_are_chat_messages_are_sent_as_such(folder: Path) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Where?"}]

    found = dataset(folder, {"inputs": messages}, {"inputs": {"question": "Where?"}})

    assert "prompt" not in found.data
    assert found.cases[0]["input"] == messages


@pytest.mark.parametrize("message", [{"role": "clerk", "content": "x"}, {"role": "user"}, "x"])
def test_lists_that_are_no_chat_messages_are_data(folder: Path, message: Any) -> None:
    assert "prompt" in dataset(folder, {"inputs": [message]}).data


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_a_case_without_inputs_is_left_out(folder: Path, nothing: Any) -> None:
    found = dataset(folder, {"inputs": nothing}, {"inputs": "x"}, 7)

    assert found.losses == [
        "1: cases[0]: the case has no inputs, so nothing is asked; left out",
        "1: cases[2]: the case is no mapping; left out",
    ]
    assert len(found.cases) == 1


@pytest.mark.parametrize(
    "written",
    [
        {"Contains": "late"},
        {"Contains": {"value": "late"}},
        {"name": "Contains", "arguments": ["late"]},
        {"name": "Contains", "arguments": {"value": "late"}},
    ],
)
def test_an_evaluator_has_short_and_long_forms(folder: Path, written: Any) -> None:
    assert judges(folder, written) == [{"contains": "late"}]


@pytest.mark.parametrize("written", ["EqualsExpected", {"name": "EqualsExpected", "arguments": None}])
def test_a_name_alone_is_an_evaluator(folder: Path, written: Any) -> None:
    assert judges(folder, written) == [{"exact": {"strip": False}}]


@pytest.mark.parametrize("written", [7, {}, {"Contains": "a", "Equals": "b"}])
def test_what_is_no_evaluator_is_lost(folder: Path, written: Any) -> None:
    assert losses(folder, written) == [
        "evaluators[0]: is no evaluator: neither a name nor a mapping with one key; left out"
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"Equals": "late "}, {"exact": {"value": "late ", "strip": False}}),
        ({"Equals": "{{ x }}"}, {"exact": {"value": "{% raw %}{{ x }}{% endraw %}", "strip": False}}),
        ({"Equals": 7}, {"json_equal": {"value": 7}}),
        ({"Equals": {"value": {"a": "{{ x }}"}}}, {"json_equal": {"value": {"a": "{% raw %}{{ x }}{% endraw %}"}}}),
        ({"Equals": ["a"]}, {"json_equal": {"value": ["a"]}}),
        ({"Contains": {"value": "Late", "case_sensitive": False}}, {"icontains": "Late"}),
        ({"Contains": {"value": 7, "as_strings": True}}, {"contains": "7"}),
        ({"Contains": {"value": {"a": 1}}}, {"json_subset": {"value": {"a": 1}}}),
        ({"Contains": {"value": "a", "evaluation_name": "n"}}, {"contains": {"value": "a", "name": "n"}}),
        ({"EqualsExpected": {"evaluation_name": "same"}}, {"exact": {"strip": False, "name": "same"}}),
        ({"IsInstance": "int"}, {"json_schema": {"schema": {"type": ["integer", "boolean"]}}}),
        ({"IsInstance": {"type_name": "dict", "evaluation_name": "n"}},
         {"json_schema": {"schema": {"type": "object"}, "name": "n"}}),
        ({"MaxDuration": 2.5}, {"latency": 2.5}),
        ({"MaxDuration": {"seconds": "PT1M"}}, {"latency": 60.0}),
        ({"ToolCorrectness": {"expected_tools": ["a", "b"]}}, {"tool_calls": {"calls": ["a", "b"], "in_order": False}}),
        ({"ToolCorrectness": {"expected_tools": ["a"], "allow_extra": True}},
         {"tool_calls": {"calls": ["a"], "in_order": False, "extra_calls": True}}),
        ({"TrajectoryMatch": {"expected_trajectory": ["a", "b"], "order": "exact"}},
         {"tool_calls": {"calls": ["a", "b"]}}),
        ({"ArgumentCorrectness": {"tool_name": "a", "expected_arguments": {"i": 1}}},
         {"tool_calls": {"calls": [{"name": "a", "arguments": {"i": 1}}], "arguments": "subset", "extra_calls": True}}),
        ({"ArgumentCorrectness": {"tool_name": "a", "expected_arguments": {}, "match_mode": "exact"}},
         {"tool_calls": {"calls": [{"name": "a", "arguments": {}}], "arguments": "exact", "extra_calls": True}}),
    ],
)  # fmt: skip
def test_evaluators_become_judges(folder: Path, written: Any, expected: Any) -> None:
    assert judges(folder, written) == [expected]


@pytest.mark.parametrize(
    ("written", "loss"),
    [
        ({"Equals": {}}, "Equals: names no value to compare with; left out"),
        (
            {"Contains": 7},
            "Contains: asks for an item of a list or a key of a mapping; left out. 'json_schema' may do",
        ),
        ({"Contains": ""}, "Contains: asks for an empty text, which every output holds; left out"),
        ({"IsInstance": "str"}, "IsInstance: every output is a text, so it is a str; left out"),
        (
            {"IsInstance": "Order"},
            "IsInstance: outputs are texts, not objects of 'Order'; left out. 'json_schema' asks for its keys",
        ),
        ({"MaxDuration": "soon"}, "MaxDuration: 'soon' is no number of seconds; left out"),
        ({"LLMJudge": " "}, "LLMJudge: has no rubric; left out"),
        (
            {"TrajectoryMatch": ["a"]},
            "TrajectoryMatch: how like two trajectories are has no equivalent; left out. See 'tool_calls'",
        ),
        ({"MaxToolCalls": 3}, "MaxToolCalls: each case is a single call of a model, so nothing is counted; left out"),
        (
            {"MaxModelRequests": 3},
            "MaxModelRequests: each case is a single call of a model, so nothing is counted; left out",
        ),
        (
            {"HasMatchingSpan": {"query": {"name_equals": "x"}}},
            "HasMatchingSpan: there are no spans here; left out. 'tool_calls' judges which tools a model called",
        ),
        (
            {"Python": "ctx.output"},
            "Python: expressions are not evaluated; left out. Write it as a function for the judge 'python'",
        ),
        (
            "IsPolite",
            f"'IsPolite' {OWN}",
        ),
    ],
)
def test_evaluators_without_an_equivalent_are_lost(folder: Path, written: Any, loss: str) -> None:
    found = losses(folder, written)

    assert [found[0].removeprefix("evaluators[0]").lstrip(".: ")] == [loss]
    assert len(found) == 1


def test_what_a_judge_does_a_little_differently_is_said(folder: Path) -> None:
    found = losses(
        folder,
        {"Contains": {"value": {"a": {"b": 1}}}},
        {"ToolCorrectness": {"expected_tools": ["a"], "include_failed": True}},
        {"ArgumentCorrectness": {"tool_name": "a", "expected_arguments": {}, "occurrence": "last"}},
    )

    assert found == [
        "evaluators[0].Contains.value: mappings and lists inside of the value may hold more here",
        "evaluators[1].ToolCorrectness.include_failed: calls are not run here, so none fails; left out",
        "evaluators[2].ArgumentCorrectness.occurrence: any of the calls may be the one; left out",
    ]


def test_an_unknown_argument_is_lost_by_name(folder: Path) -> None:
    assert losses(folder, {"Contains": {"value": "a", "colour": "red"}}) == [
        "evaluators[0].Contains.colour: there is no equivalent of it; left out"
    ]


def test_outputs_are_compared_as_what_each_case_expects(folder: Path) -> None:
    cases = [
        {"inputs": "a", "expected_output": "text"},
        {"inputs": "b", "expected_output": {"k": 1}},
        {"inputs": "c", "expected_output": []},
        {"inputs": "d", "evaluators": [{"Contains": "x"}]},
    ]

    found = dataset(folder, *cases, evaluators=["EqualsExpected"])

    assert "judges" not in found.data
    assert [case.get("judges") for case in found.cases] == [
        [{"exact": {"strip": False}}],
        ["json_equal"],
        [{"json_equal": {"value": []}}],
        [{"contains": "x"}],
    ]


def test_equal_comparisons_are_those_of_the_file_though_a_case_has_judges_of_its_own(folder: Path) -> None:
    cases = [
        {"inputs": "a", "expected_output": "x"},
        {"inputs": "b", "expected_output": "y", "evaluators": [{"Contains": "z"}]},
    ]

    found = dataset(folder, *cases, evaluators=["EqualsExpected"])

    assert found.data["judges"] == [{"exact": {"strip": False}}]
    assert [case.get("judges") for case in found.cases] == [None, [{"contains": "z"}]]


def test_judges_of_a_case_stand_behind_those_of_all_cases(folder: Path) -> None:
    case = {"inputs": "a", "evaluators": [{"Equals": "x"}]}

    found = dataset(folder, case, {"inputs": "b"}, evaluators=[{"Contains": "y"}])

    assert found.data["judges"] == [{"contains": "y"}]
    assert found.cases[0]["judges"] == [{"exact": {"value": "x", "strip": False}}]


def test_names_of_evaluators_become_unique(folder: Path) -> None:
    named = {"Contains": {"value": "x", "evaluation_name": "n"}}

    found = dataset(
        folder, {"inputs": "a", "evaluators": [named]}, {"inputs": "b"}, evaluators=[named, named, {"MaxDuration": 1}]
    )

    assert [judge["contains"]["name"] for judge in found.data["judges"][:2]] == ["n", "n 2"]
    assert found.cases[0]["judges"][0]["contains"]["name"] == "n 3"


def test_a_rubric_is_a_question_of_yes_or_no(folder: Path) -> None:
    found = judged(folder, {"LLMJudge": "It is polite."})

    assert found.data["judges"] == [{"closed_qa": {"criteria": "It is polite."}}]
    assert found.data["judge_model"] == "openai/gpt-5.2"
    assert "# What pydantic-evals asks where an evaluator names no model.\njudge_model:" in found.text
    assert found.losses == [f"1: evaluators[0].LLMJudge: {SEES_MORE}"]


def test_what_a_judge_sees_is_said_once(folder: Path) -> None:
    assert losses(folder, {"LLMJudge": "It is polite."}, {"LLMJudge": "It is brief."}) == [
        f"evaluators[0].LLMJudge: {SEES_MORE} (2 times)"
    ]


def test_a_rubric_with_a_score_counts_but_fails_no_case(folder: Path) -> None:
    shown = {"include_input": True, "include_expected_output": True, "model": "anthropic:claude-sonnet-5"}
    arguments = {
        **shown,
        "rubric": "It is {{ polite }}.",
        "score": {"evaluation_name": "politeness"},
        "assertion": {"evaluation_name": "polite", "include_reason": True},
        "model_settings": {"temperature": 0.0, "top_p": None},
    }

    found = judged(folder, {"LLMJudge": arguments}, {"LLMJudge": {**shown, "rubric": "polite", "assertion": False}})

    criteria = {
        "criteria": "{% raw %}It is {{ polite }}.{% endraw %}",
        "model": "anthropic/claude-sonnet-5",
        "parameters": {"temperature": 0.0},
    }
    assert found.losses == []
    assert "judge_model" not in found.data
    assert found.data["judges"] == [
        {"closed_qa": {**criteria, "name": "polite"}},
        {"rubric": {**criteria, "required": False, "name": "politeness"}},
    ]


def test_a_rubric_of_one_word_becomes_a_sentence(folder: Path) -> None:
    written = {"rubric": "polite", "include_input": True, "include_expected_output": True, "model": "openai:gpt-5-mini"}

    assert judges(folder, {"LLMJudge": written}) == [
        {"closed_qa": {"criteria": "The output meets this: polite.", "model": "openai/gpt-5-mini"}}
    ]


def test_models_of_other_providers_and_settings_without_an_equivalent_are_lost(folder: Path) -> None:
    written = {
        "rubric": "It is polite.",
        "include_input": True,
        "include_expected_output": True,
        "model": "groq:llama",
        "model_settings": {"timeout": 3},
    }

    found = judged(folder, {"LLMJudge": written})

    assert found.losses == [
        f"1: evaluators[0].LLMJudge.model: {OTHER_MODEL}",
        "1: evaluators[0].LLMJudge.model_settings.timeout: there is no equivalent of it; left out",
    ]
    assert found.data["judge_model"] == "openai/gpt-5.2"


def test_g_eval_keeps_its_steps_and_fails_no_case(folder: Path) -> None:
    written = {
        "criteria": "It is polite.",
        "evaluation_steps": ["Look for a greeting."],
        "include_input": True,
        "model": "openai:gpt-5-mini",
        "score_range": [1, 5],
        "evaluation_name": "manners",
    }

    assert judges(folder, {"GEval": written}) == [
        {
            "g_eval": {
                "criteria": "It is polite.",
                "steps": ["Look for a greeting."],
                "model": "openai/gpt-5-mini",
                "required": False,
                "name": "manners",
            }
        }
    ]


def test_another_scale_of_g_eval_is_lost_and_its_criteria_may_be_missing(folder: Path) -> None:
    written = {"evaluation_steps": ["Look."], "include_input": True, "model": "openai:m", "score_range": [1, 10]}

    found = judged(folder, {"GEval": written})

    assert found.losses == ["1: evaluators[0].GEval.score_range: the scale is 1 to 5 here, brought to 0 to 1"]
    assert "criteria" not in found.data["judges"][0]["g_eval"]


def test_evaluators_of_reports_are_lost(folder: Path) -> None:
    found = dataset(folder, {"inputs": "x"}, report_evaluators=["ConfusionMatrixEvaluator"])

    assert found.losses == [f"1: report_evaluators[0]: {OF_REPORTS}"]


def test_a_file_without_cases_is_an_error(folder: Path) -> None:
    said = import_error(folder, "data.json", "[]", "--format", "pydantic-evals")

    assert said == "Error: data.json: must be a mapping with a list of cases\n"


@pytest.mark.parametrize(
    ("sample", "is_dataset"),
    [
        ({"cases": [{"inputs": "x"}]}, True),
        ({"cases": [{"input": "x"}]}, False),
        ({"cases": {}}, False),
        ([{"inputs": "x"}], False),
        (None, False),
    ],
)
def test_it_knows_datasets(sample: Any, *, is_dataset: bool) -> None:
    assert PydanticEvalsImporter().recognizes(ImportRequest(Path("x.yaml"), "x.yaml", sample)) is is_dataset


def test_each_field_of_the_table_is_in_the_result_or_among_the_losses(folder: Path) -> None:
    judge = {
        "model": "openai:j-model", "include_input": False, "include_expected_output": False,
        "model_settings": {"temperature": 0.25}, "rubric": "It is j-rubric.", "score": {"evaluation_name": "j-score"},
        "assertion": {"evaluation_name": "j-assertion"},
    }  # fmt: skip
    g_eval = {
        "criteria": "It is g-criteria.", "evaluation_steps": ["g-step"], "score_range": [0, 3], "include_input": False,
        "model": "openai:g-model", "model_settings": {"temperature": 0.75},
    }  # fmt: skip
    evaluators = [
        {"EqualsExpected": {"evaluation_name": "e-name"}},
        {"Equals": {"value": "e-value"}},
        {"Contains": {"value": "c-value", "case_sensitive": False, "as_strings": True}},
        {"IsInstance": {"type_name": "list"}},
        {"MaxDuration": {"seconds": 4.5}},
        {"LLMJudge": judge},
        {"GEval": g_eval},
        {"ToolCorrectness": {"expected_tools": ["t-tool"], "allow_extra": True, "include_failed": True}},
        {"TrajectoryMatch": {"expected_trajectory": ["y-tool"], "order": "exact", "include_failed": True}},
        {"ArgumentCorrectness": {"tool_name": "a-tool", "expected_arguments": {"x": "a-argument"},
                                 "match_mode": "exact", "occurrence": "first", "include_failed": True}},
        *({name: {"any": 1}} for name in ("MaxToolCalls", "MaxModelRequests", "HasMatchingSpan", "Python")),
    ]  # fmt: skip
    case = {
        "name": "k-name", "inputs": "k-inputs", "metadata": {"k": "k-meta"}, "expected_output": "k-expected",
        "evaluators": [{"Contains": "k-own"}],
    }  # fmt: skip
    found = dataset(
        folder, case, name="d-name", evaluators=evaluators, report_evaluators=["ROCAUCEvaluator"], **{"$schema": "s"}
    )

    said = {
        "$schema": "", "name": "d-name", "cases.name": "k-name", "cases.inputs": "k-inputs", "cases.metadata": "k-meta",
        "cases.expected_output": "k-expected", "cases.evaluators": "k-own", "evaluators": "e-value",
        "report_evaluators": "report_evaluators[0]", "EqualsExpected": "exact",
        "EqualsExpected.evaluation_name": "e-name",
        "Equals.value": "e-value", "Contains.value": "c-value", "Contains.case_sensitive": "icontains",
        "Contains.as_strings": "c-value", "IsInstance.type_name": "array", "MaxDuration.seconds": "latency: 4.5",
        "LLMJudge.rubric": "j-rubric", "LLMJudge.model": "openai/j-model", "LLMJudge.include_input": SEES_MORE,
        "LLMJudge.include_expected_output": SEES_MORE, "LLMJudge.model_settings": "temperature: 0.25",
        "LLMJudge.score": "j-score", "LLMJudge.assertion": "j-assertion", "GEval.criteria": "g-criteria",
        "GEval.evaluation_steps": "g-step", "GEval.score_range": "GEval.score_range:", "GEval.include_input": SEES_MORE,
        "GEval.model": "openai/g-model", "GEval.model_settings": "temperature: 0.75",
        "ToolCorrectness.expected_tools": "t-tool", "ToolCorrectness.allow_extra": "extra_calls: true",
        "ToolCorrectness.include_failed": "ToolCorrectness.include_failed:",
        "TrajectoryMatch.expected_trajectory": "y-tool", "TrajectoryMatch.order": "y-tool",
        "TrajectoryMatch.include_failed": "TrajectoryMatch.include_failed:", "ArgumentCorrectness.tool_name": "a-tool",
        "ArgumentCorrectness.expected_arguments": "a-argument", "ArgumentCorrectness.match_mode": "arguments: exact",
        "ArgumentCorrectness.occurrence": "ArgumentCorrectness.occurrence:",
        "ArgumentCorrectness.include_failed": "ArgumentCorrectness.include_failed:",
        **{name: f"{name}: " for name in ("MaxToolCalls", "MaxModelRequests", "HasMatchingSpan", "Python")},
    }  # fmt: skip
    assert said.keys() == FIELDS.keys()
    everything = re.sub(r"\n# *", " ", found.text) + "\n".join(found.losses)
    assert [field for field, trace in said.items() if trace not in everything] == []
