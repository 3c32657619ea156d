from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment

from pytest_promptevals.datasets.importers.openai_evals import FIELDS, OpenAiEvalsImporter
from pytest_promptevals.records.drafts import ImportRequest
from tests.support.imported import Imported, import_error, import_rows, import_text

SYSTEM = {"role": "system", "content": "One word."}
ASKED = {"role": "user", "content": "Colour of lamp 1?"}
EXAMPLES = [
    {"role": "system", "name": "example_user", "content": "Colour of lamp 0?"},
    {"role": "system", "name": "example_assistant", "content": "green"},
]
BASIC = "evals.elsuite.basic"
GRADED = "evals.elsuite.modelgraded.classify:ModelBasedClassify"
REGISTRY = "registry/evals/lamps.yaml"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_samples(folder: Path, rows: Sequence[Any], name: str = "lamps.jsonl") -> None:
    path = folder / "registry/data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def registered(folder: Path, kind: str, rows: Sequence[Any], **arguments: Any) -> Imported:
    """Return one eval of a class, with those samples."""
    write_samples(folder, rows)
    entry = {"class": kind, "args": {"samples_jsonl": "lamps.jsonl", **arguments}}
    return import_text(folder, REGISTRY, yaml.safe_dump({"lamps": {"id": "lamps.v0"}, "lamps.v0": entry}))


def graded(folder: Path, spec: dict[str, Any], rows: Sequence[Any], **arguments: Any) -> Imported:
    """Return a model-graded eval with its specification."""
    path = folder / "registry/modelgraded/own.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"tone": spec}, sort_keys=False), encoding="utf-8")
    return registered(folder, GRADED, rows, modelgraded_spec="tone", **arguments)


def messages_of(found: Imported) -> list[str]:
    return [loss.partition(": ")[2] for loss in found.losses]


TONE: dict[str, Any] = {
    "prompt": "What is the tone of {completion}, asked {input}?",
    "choice_strings": ["polite", "rude"],
    "choice_scores": {"polite": 1.0, "rude": 0.0},
    "input_outputs": {"input": "completion"},
}
TONE_CHOICES = {"polite": 1.0, "rude": 0.0}
SAMPLE = {"input": "Hello", "ideal": "Good day"}


def test_samples_alone_are_judged_as_match_judges(folder: Path) -> None:
    found = import_rows(folder, "lamps.jsonl", [{"input": [SYSTEM, ASKED], "ideal": "red", "note": "x"}])

    assert found.losses == []
    assert found.data == {
        "prompt": [SYSTEM, {"role": "user", "content": "{{ input }}"}],
        "judges": [{"starts_with": {"strip": False}}],
        "cases": [{"input": "Colour of lamp 1?", "expected": "red", "metadata": {"note": "x"}}],
    }
    assert (
        "# The samples do not say how they are judged. This is Match; import the YAML of the registry that\n"
        "# names them to have what it says.\n"
    ) in found.text


@pytest.mark.parametrize(
    ("kind", "arguments", "judge", "parameters"),
    [
        (f"{BASIC}.match:Match", {}, {"starts_with": {"strip": False}}, {"temperature": 0}),
        (f"{BASIC}.includes:Includes", {}, "contains", None),
        (f"{BASIC}.includes:Includes", {"ignore_case": False}, "contains", None),
        (f"{BASIC}.includes:Includes", {"ignore_case": True}, "icontains", None),
        (f"{BASIC}.json_match:JsonMatch", {}, "json_equal", {"temperature": 0, "max_tokens": 512}),
        (f"{BASIC}.json_match:JsonMatch", {"max_tokens": 9}, "json_equal", {"temperature": 0, "max_tokens": 9}),
        (f"{BASIC}.json_validator:JsonValidator", {}, "json_valid", {"temperature": 0}),
    ],
)
def test_each_class_has_its_judge(folder: Path, kind: str, arguments: Any, judge: Any, parameters: Any) -> None:
    found = registered(folder, kind, [{"input": "Hello", "ideal": "[1]"}], **arguments)

    assert found.losses == []
    assert found.data["judges"] == [judge]
    assert found.data.get("parameters") == parameters


def test_an_ideal_that_nothing_asks_for_is_a_note(folder: Path) -> None:
    found = registered(folder, f"{BASIC}.json_validator:JsonValidator", [SAMPLE, {"input": "Hello"}])

    assert [case.get("metadata") for case in found.cases] == [{"ideal": "Good day"}, None]


def test_fuzzy_match_is_a_part_of_a_text_and_the_difference_is_told(folder: Path) -> None:
    found = registered(folder, f"{BASIC}.fuzzy_match:FuzzyMatch", [SAMPLE])

    assert found.data["judges"] == [{"fuzzy": {"scorer": "partial", "ignore_case": True, "threshold": 1}}]
    assert found.data["parameters"] == {"temperature": 0, "max_tokens": 100}
    (loss,) = messages_of(found)
    assert loss == (
        "lamps.v0.args: punctuation and the words a, an, the count here; FuzzyMatch leaves them out before it looks "
        "whether one text holds the other"
    )


def test_max_tokens_are_nothing_to_match(folder: Path) -> None:
    assert messages_of(registered(folder, f"{BASIC}.match:Match", [SAMPLE], max_tokens=9)) == [
        "lamps.v0.args.max_tokens: Match takes it, but asks without; left out"
    ]


def test_any_of_several_ideal_answers_will_do(folder: Path) -> None:
    found = registered(folder, f"{BASIC}.match:Match", [{"input": "Hello", "ideal": ["red", "blue"]}])

    assert found.cases[0]["expected"] == ["red", "blue"]


@pytest.mark.parametrize(
    ("ideal", "what"),
    [
        (None, "names no answer that is right"),
        ([], "names no answer that is right"),
        ("", "holds an empty text, which fits every answer"),
        (["a", ""], "holds an empty text, which fits every answer"),
    ],
)
def test_samples_that_nothing_or_everything_fits_are_left_out(folder: Path, ideal: Any, what: str) -> None:
    found = registered(folder, f"{BASIC}.match:Match", [SAMPLE, {"input": "Bye", "ideal": ideal}])

    assert len(found.cases) == 1
    assert found.losses == []  # they stand in the other file
    assert f"# - registry/data/lamps.jsonl:2: ideal: {what}; the sample is left out" in found.text.replace("\n#  ", "")


@pytest.mark.parametrize(
    ("ideal", "case"),
    [
        ('{"a": 1}', {"expected": {"a": 1}}),
        ("7", {"expected": 7}),
        ("[]", {"judges": [{"json_equal": {"value": []}}]}),
        (
            ['{"a": "{{ x }}"}', "2", "null"],
            {
                "judges": [
                    {"any_of": [
                        {"json_equal": {"value": {"a": "{% raw %}{{ x }}{% endraw %}"}}}, {"json_equal": {"value": 2}}
                    ]}
                ]
            },
        ),
    ],
)  # fmt: skip
def test_json_match_compares_with_the_data_in_the_ideal_texts(folder: Path, ideal: Any, case: Any) -> None:
    rows = [{"input": "Hello", "ideal": ideal}, {"input": "Bye", "ideal": "{1"}, {"input": "Bye", "ideal": "null"}]
    found = registered(folder, f"{BASIC}.json_match:JsonMatch", rows)

    judges = found.data.get("judges", [])
    assert [{key: found.cases[0][key] for key in case if key in found.cases[0]}] == [
        case if judges != case.get("judges") else {}
    ]
    assert "lamps.jsonl:2: ideal: is no JSON; the sample is left out" in found.text
    assert "lamps.jsonl:3: ideal: names no answer that is right; the sample is left out" in found.text


def test_named_messages_of_all_samples_are_few_shot_examples(folder: Path) -> None:
    other = {"role": "user", "content": "Colour of lamp 2?"}
    rows = [{"input": [SYSTEM, *EXAMPLES, asked], "ideal": "red"} for asked in (ASKED, other)]

    found = registered(folder, f"{BASIC}.match:Match", rows)

    assert found.data["few_shot"] == [{"user": "Colour of lamp 0?", "assistant": "green"}]
    assert found.data["prompt"] == [SYSTEM, {"role": "user", "content": "{{ input }}"}]
    assert [case["input"] for case in found.cases] == ["Colour of lamp 1?", "Colour of lamp 2?"]


@pytest.mark.parametrize(
    "messages",
    [
        [*EXAMPLES, {"role": "user", "content": "Hm."}, ASKED],
        [*EXAMPLES[:1], ASKED],
        [ASKED, *EXAMPLES],
        [*EXAMPLES, {"role": "system", "content": "Now."}],
    ],
)
def test_examples_in_other_places_stay_messages(folder: Path, messages: list[Any]) -> None:
    found = registered(folder, f"{BASIC}.match:Match", [{"input": messages, "ideal": "red"}])

    roles = {"example_user": "user", "example_assistant": "assistant"}
    plain = [{"role": roles.get(item.get("name"), item["role"]), "content": item["content"]} for item in messages]
    assert "few_shot" not in found.data
    assert found.cases[0]["input"] == plain


def test_examples_of_some_samples_stay_messages(folder: Path) -> None:
    rows = [{"input": [*EXAMPLES, ASKED], "ideal": "red"}, {"input": [ASKED], "ideal": "red"}]

    found = registered(folder, f"{BASIC}.match:Match", rows)

    assert "few_shot" not in found.data
    assert [len(case["input"]) for case in found.cases] == [3, 1]


def test_examples_of_a_file_of_their_own_are_taken_as_far_as_asked(folder: Path) -> None:
    more = [{**EXAMPLES[0], "content": "Colour of lamp 9?"}, EXAMPLES[1]]
    write_samples(folder, [{"sample": EXAMPLES, "ideal": "x"}, {"sample": more}], "few.jsonl")

    found = registered(
        folder, f"{BASIC}.match:Match", [{"input": [ASKED], "ideal": "red"}], num_few_shot=1, few_shot_jsonl="few.jsonl"
    )

    assert found.data["few_shot"] == [{"user": "Colour of lamp 0?", "assistant": "green"}]
    assert "few.jsonl:1: ideal: there is no equivalent of it; left out" in found.text


def test_examples_need_messages(folder: Path) -> None:
    write_samples(folder, [{"sample": EXAMPLES}], "few.jsonl")

    found = registered(folder, f"{BASIC}.match:Match", [SAMPLE], num_few_shot=1, few_shot_jsonl="few.jsonl")

    assert "few_shot" not in found.data
    assert "lamps.jsonl:1: examples need chat messages as input; left out" in found.text


def test_a_file_of_examples_that_is_missing_is_told(folder: Path) -> None:
    found = registered(folder, f"{BASIC}.match:Match", [SAMPLE], num_few_shot=1, few_shot_jsonl="few.jsonl")

    (loss,) = messages_of(found)
    assert loss == (
        "lamps.v0.args.few_shot_jsonl: there is no file 'few.jsonl' (registry/data/few.jsonl, "
        "registry/evals/data/few.jsonl, registry/evals/few.jsonl); left out"
    )


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        (None, "input: the sample has no input that is a text or chat messages; left out"),
        ("", "input: the sample has no input that is a text or chat messages; left out"),
        ([7], "input[0]: the message is no text of a role in a chat; the whole sample is left out"),
    ],
)
def test_what_cannot_be_asked_is_left_out(folder: Path, asked: Any, what: str) -> None:
    found = import_rows(folder, "lamps.jsonl", [SAMPLE, {"input": asked, "ideal": "x"}, 7])

    assert found.losses == [f"2: {what}", "3: the row is no mapping of fields; left out"]


def test_other_names_of_messages_are_lost(folder: Path) -> None:
    found = import_rows(folder, "lamps.jsonl", [{"input": [{**ASKED, "name": "Ada"}], "ideal": "red"}])

    assert found.losses == ["1: input[0].name: no names are sent with messages; 'Ada' is left out"]


def test_several_evals_share_a_file_and_are_told_apart_by_tags(folder: Path) -> None:
    write_samples(folder, [SAMPLE])
    arguments = {"samples_jsonl": "lamps.jsonl"}
    entries = {
        "one": {"id": "one.v0", "description": "First.", "metrics": ["accuracy"]},
        "one.v0": {"class": f"{BASIC}.match:Match", "args": arguments},
        "two": "two.v0",
        "two.v0": {"class": f"{BASIC}.includes:Includes", "args": arguments, "description": "Second."},
        "three.v0": {"class": f"{BASIC}.match:Match", "args": arguments},
        "odd": 7,
        "other.v0": {"class": "evals.elsuite.mmmu.eval:MMMU", "args": {"subject": "Art"}},
    }

    found = import_text(folder, REGISTRY, yaml.safe_dump(entries, sort_keys=False))

    assert [case["tags"] for case in found.cases] == [["one"], ["two"], ["three.v0"]]
    assert [case["judges"] for case in found.cases][1] == ["contains"]
    assert found.data["description"] == "First. Second."
    assert found.data["parameters"] == {"temperature": 0}
    assert messages_of(found) == [
        "two.v0.args: parameters of the first eval, {'temperature': 0}, hold for this one, too, which has none",
        "odd: is no eval; left out",
        "other.v0.args: evals of the class 'MMMU' have no equivalent; left out",
    ]


def test_metrics_and_the_direction_of_scores_are_lost(folder: Path) -> None:
    write_samples(folder, [SAMPLE])
    entries = {
        "lamps": {"id": "v0", "metrics": ["accuracy", "f1", "std"], "higher_is_better": False, "disclaimer": "Rude."},
        "v0": {"class": f"{BASIC}.match:Match", "args": {"samples_jsonl": "lamps.jsonl"}},
    }

    found = import_text(folder, REGISTRY, yaml.safe_dump(entries))

    assert found.data["description"] == "Rude."
    assert sorted(messages_of(found)) == [
        "lamps.higher_is_better: higher scores are always better here; left out",
        "lamps.metrics: f1, std: runs have a mean score and a pass rate, and no metrics of their own; left out",
    ]


def test_an_eval_without_its_samples_is_left_out(folder: Path) -> None:
    write_samples(folder, [SAMPLE])
    entries = {
        "v0": {"class": f"{BASIC}.match:Match", "args": {"samples_jsonl": "lamps.jsonl"}},
        "v1": {"class": f"{BASIC}.match:Match", "args": {"samples_jsonl": "gone.jsonl"}},
    }

    found = import_text(folder, REGISTRY, yaml.safe_dump(entries))

    assert len(found.cases) == 1
    (loss,) = messages_of(found)
    assert loss == (
        "v1.args.samples_jsonl: there is no file 'gone.jsonl' (registry/data/gone.jsonl, "
        "registry/evals/data/gone.jsonl, registry/evals/gone.jsonl); left out"
    )


def test_samples_may_stand_beside_the_registry(folder: Path) -> None:
    (folder / "lamps.jsonl").write_text(json.dumps(SAMPLE), encoding="utf-8")
    entry = {"class": f"{BASIC}.match:Match", "args": {"samples_jsonl": "lamps.jsonl"}}

    assert len(import_text(folder, "lamps.yaml", yaml.safe_dump({"v0": entry})).cases) == 1


def test_a_pointer_of_git_lfs_is_told(folder: Path) -> None:
    path = folder / "registry/data/lamps.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n", encoding="utf-8")
    entry = {"class": f"{BASIC}.match:Match", "args": {"samples_jsonl": "lamps.jsonl"}}

    assert import_error(folder, REGISTRY, yaml.safe_dump({"v0": entry})) == (
        "Error: registry/evals/lamps.yaml: none of its evals can be taken over:\n"
        "registry/evals/lamps.yaml:3: v0.args.samples_jsonl: registry/data/lamps.jsonl is a pointer of Git LFS; run "
        "'git lfs pull' there, then import again\n"
    )


def test_a_registry_that_is_no_mapping_is_an_error(folder: Path) -> None:
    said = import_error(folder, REGISTRY, "[]", "--format", "openai-evals")

    assert said == "Error: registry/evals/lamps.yaml: must be a mapping of evals\n"


def test_a_specification_is_a_question_with_choices(folder: Path) -> None:
    prompt = "Is {completion} as {ideal}? Asked: {input}. For {audience} in {town}, {{so}} {{% x %}}."
    spec = {**TONE, "prompt": prompt, "eval_type": "cot_classify"}
    rows = [{**SAMPLE, "town": "Delft", "choice": "polite"}]

    found = graded(folder, spec, rows, modelgraded_spec_args={"audience": "{{ all }}"}, eval_kwargs={"max_tokens": 9})

    question = (
        "Is [see RESPONSE] as {{ expected }}? Asked: [see QUESTION]. For {% raw %}{{ all }}{% endraw %} in {{ town }}"
        "{% raw %}, {so} {% x %}.{% endraw %}"
    )
    options = {"question": question, "choices": TONE_CHOICES, "parameters": {"max_tokens": 9}}
    assert found.losses == []
    assert found.data["judges"] == [{"classify": options}]
    assert found.data["parameters"] == {"temperature": 0, "max_tokens": 1024}
    assert found.cases == [
        {"input": "Hello", "vars": {"town": "Delft"}, "expected": "Good day", "metadata": {"choice": "polite"}}
    ]


def test_a_brace_before_a_filled_in_name_stays_one(folder: Path) -> None:
    found = graded(folder, {**TONE, "prompt": "Is {{{completion}}} as {{{ideal}}}?"}, [SAMPLE])

    question = found.data["judges"][0]["classify"]["question"]
    assert question == 'Is {{ "{" }}[see RESPONSE]} as {{ "{" }}{{ expected }}}?'
    assert Environment(autoescape=True).from_string(question).render(expected="it") == "Is {[see RESPONSE]} as {it}?"


def test_a_specification_may_be_chat_messages(folder: Path) -> None:
    prompt = [{"role": "system", "content": "Judge."}, {"role": "user", "content": "Is it polite: {completion}"}]

    found = graded(folder, {**TONE, "prompt": prompt}, [SAMPLE])

    assert found.data["judges"][0]["classify"]["question"] == "Judge.\n\nIs it polite: [see RESPONSE]"


def test_a_specification_may_stand_in_the_registry_itself(folder: Path) -> None:
    write_samples(folder, [SAMPLE])
    entry = {"class": GRADED, "args": {"samples_jsonl": "lamps.jsonl", "modelgraded_spec": "tone"}}

    found = import_text(folder, REGISTRY, yaml.safe_dump({"v0": entry, "tone": TONE}))

    assert found.data["judges"][0]["classify"]["choices"] == TONE_CHOICES


def test_other_fields_are_asked_and_recorded_answers_are_judged(folder: Path) -> None:
    spec = {**TONE, "prompt": "Is {answer} polite?", "input_outputs": {"question": "answer"}}

    found = graded(folder, spec, [{"question": "Hello", "answer": "Hi!"}])

    assert found.cases == [{"input": "Hello", "output": "Hi!"}]


def test_scores_from_strings_are_brought_to_0_to_1(folder: Path) -> None:
    spec = {**TONE, "choice_strings": "1234", "choice_scores": "from_strings"}

    found = graded(folder, spec, [SAMPLE])

    assert found.data["judges"][0]["classify"]["choices"] == {"1": 0.0, "2": 0.3333, "3": 0.6667, "4": 1.0}
    assert "scores from 1 to 4 are brought to 0 to 1" in found.text


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            {"choice_scores": None},
            "choice_strings: without a score for each choice, nothing can be judged; its judge is left out",
        ),
        (
            {"choice_scores": {"polite": 1}},
            "choice_scores: without a score for each choice, nothing can be judged; its judge is left out",
        ),
        (
            {"choice_scores": "from_strings"},
            "choice_scores: without a score for each choice, nothing can be judged; its judge is left out",
        ),
        ({"choice_strings": "from_n"}, "the choices count the answers, but a case has one; its judge is left out"),
        (
            {"choice_strings": 7},
            "choice_scores: without a score for each choice, nothing can be judged; its judge is left out",
        ),
        (
            {"input_outputs": {"input": "completion", "b": "c"}},
            "input_outputs: several answers are compared; its judge is left out",
        ),
        ({"prompt": "Is {gone} polite?"}, "prompt: not all samples have 'gone', which it names; its judge is left out"),
        ({"prompt": "Is {a b} polite?"}, "prompt: not all samples have 'a b', which it names; its judge is left out"),
        (
            {"prompt": "Is { polite?"},
            "prompt: is no template of Python's (expected '}' before end of string); its judge is left out",
        ),
    ],
)
def test_a_specification_without_an_equivalent_leaves_its_judge_out(folder: Path, change: Any, what: str) -> None:
    found = graded(folder, {**TONE, **change}, [SAMPLE])

    assert "judges" not in found.data
    assert found.cases[0]["input"] == "Hello"
    assert f"tone.{what}" in _joined(found) or f"tone: {what}" in _joined(found)


def test_a_specification_that_is_nowhere_leaves_its_judge_out(folder: Path) -> None:
    found = registered(folder, GRADED, [SAMPLE], modelgraded_spec="gone")

    assert messages_of(found) == [
        "lamps.v0.args: there is no file with the specification 'gone'; its judge is left out"
    ]


def test_a_bad_file_with_specifications_does_no_harm_to_others(folder: Path) -> None:
    path = folder / "registry/modelgraded/bad.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("a: 1\na: 2\n", encoding="utf-8")

    assert graded(folder, TONE, [SAMPLE]).losses == []
    (loss,) = messages_of(registered(folder, GRADED, [SAMPLE], modelgraded_spec="gone"))
    assert loss == (
        "lamps.v0.args: there is no file with the specification 'gone' (unreadable: registry/modelgraded/bad.yaml:2: "
        "the key 'a' stands twice, first in line 1; remove one of them); its judge is left out"
    )


def test_what_has_no_equivalent_in_model_graded_evals_is_told(folder: Path) -> None:
    found = graded(
        folder, {**TONE, "eval_type": "classify", "output_template": "{i}"}, [SAMPLE],
        match_fn="exact", multicomp_n=2, metaeval=True, eval_type="classify_cot",
    )  # fmt: skip

    reasons = "the judge model always gives its reasons before its choice"
    for line in (
        "args.match_fn: the judge model answers in a fixed form, so nothing is looked for; left out",
        "args.multicomp_n: a case has one answer; left out",
        "args.metaeval: people's choices are not compared with the judge's here; they stand in 'metadata'",
        f"args.eval_type: 'classify_cot': {reasons}",
        f"tone.eval_type: 'classify': {reasons}",
        "tone.output_template: a case has one answer; left out",
    ):
        assert line in _joined(found)


def test_one_completion_is_nothing_to_tell(folder: Path) -> None:
    assert graded(folder, TONE, [SAMPLE], multicomp_n=1).losses == []


def test_closed_qa_asks_the_criteria_of_each_sample(folder: Path) -> None:
    found = registered(folder, GRADED, [{**SAMPLE, "criteria": "Is it brief?"}], modelgraded_spec="closedqa")

    assert found.data["judges"] == [{"closed_qa": {"criteria": "{{ criteria }}"}}]
    assert found.cases[0]["vars"] == {"criteria": "Is it brief?"}


def test_closed_qa_asks_criteria_of_all_samples(folder: Path) -> None:
    found = registered(
        folder, GRADED, [SAMPLE], modelgraded_spec="closedqa", modelgraded_spec_args={"criteria": "Is it {{ so }}?"},
        sample_kwargs={"max_tokens": 7, "completion_kwargs": {"top_p": 0.5}},
    )  # fmt: skip

    assert found.data["judges"] == [{"closed_qa": {"criteria": "{% raw %}Is it {{ so }}?{% endraw %}"}}]
    assert found.data["parameters"] == {"temperature": 0, "max_tokens": 7, "top_p": 0.5}


@pytest.mark.parametrize(("spec", "needed"), [("closedqa", "criteria"), ("fact", "ideal")])
def test_what_some_samples_lack_leaves_the_judge_out(folder: Path, spec: str, needed: str) -> None:
    found = registered(folder, GRADED, [{"input": "a", needed: "Is it so?"}, {"input": "b"}], modelgraded_spec=spec)

    assert messages_of(found) == [
        f"lamps.v0.args: not all samples have '{needed}', which it names; its judge is left out"
    ]
    assert "judges" not in found.data


def test_fields_with_names_that_templates_know_get_others(folder: Path) -> None:
    found = graded(folder, {**TONE, "prompt": "Is {completion} in {context}?"}, [{**SAMPLE, "context": "Delft"}])

    assert found.data["judges"][0]["classify"]["question"] == "Is [see RESPONSE] in {{ sample_context }}?"
    assert found.cases[0]["vars"] == {"sample_context": "Delft"}


def test_a_recorded_answer_is_judged_if_it_is_a_text(folder: Path) -> None:
    rows = [{**SAMPLE, "completion": "Hi"}, {**SAMPLE, "input": "Bye", "completion": ["Hi"]}]
    found = registered(folder, GRADED, rows, modelgraded_spec="fact")

    assert [case.get("output") for case in found.cases] == ["Hi", None]
    assert "completion: the recorded answer is no text;" in found.text


def test_fact_is_factuality(folder: Path) -> None:
    assert registered(folder, GRADED, [SAMPLE], modelgraded_spec="fact").data["judges"] == ["factuality"]
    found = registered(folder, GRADED, [SAMPLE], modelgraded_spec="fact", eval_kwargs={"max_tokens": 9})
    assert found.data["judges"] == [{"factuality": {"parameters": {"max_tokens": 9}}}]


@pytest.mark.parametrize(
    ("name", "sample", "is_eval"),
    [
        ("a.jsonl", {"input": "x", "ideal": "y"}, True),
        ("a.jsonl", {"input": "x", "target": "y"}, False),
        ("a.yaml", {"v0": {"class": "a:B"}}, True),
        ("a.yaml", {"input": "x", "ideal": "y"}, False),
        ("a.yaml", [{"class": "a:B"}], False),
        ("a.jsonl", None, False),
    ],
)
def test_it_knows_evals(name: str, sample: Any, *, is_eval: bool) -> None:
    assert OpenAiEvalsImporter().recognizes(ImportRequest(Path(name), name, sample)) is is_eval


def test_each_field_of_the_table_is_in_the_result_or_among_the_losses(folder: Path) -> None:
    write_samples(folder, [{"sample": EXAMPLES}], "few.jsonl")
    rows = [{"input": [{**ASKED, "name": "s-name"}], "ideal": "s-ideal", "choice": "s-choice"}]
    write_samples(folder, rows)
    spec = {
        **TONE,
        "output_template": "x",
        "format_type": "x",
        "eval_type": "classify",
        "prompt": "Is it so: {ideal}? {a}",
    }
    samples = {"samples_jsonl": "lamps.jsonl"}
    tone = {
        **samples, "modelgraded_spec": "tone", "modelgraded_spec_args": {"a": "g-text"}, "eval_type": "classify",
        "match_fn": "exact", "metaeval": True, "multicomp_n": 2, "sample_kwargs": {"top_p": 0.25},
        "eval_kwargs": {"top_p": 0.75},
    }  # fmt: skip
    entries = {
        "n-name": {"id": "v0", "description": "n-described.", "disclaimer": "n-disclaimer.", "metrics": ["n-metric"],
                   "higher_is_better": False},
        "v0": {"class": GRADED, "args": tone},
        "v1": {"class": f"{BASIC}.includes:Includes", "args": {**samples, "ignore_case": True}},
        "v2": {"class": f"{BASIC}.match:Match",
               "args": {**samples, "max_tokens": 9, "num_few_shot": 1, "few_shot_jsonl": "few.jsonl"}},
        "v3": {"class": "x:Other", "args": {}},
        "tone": spec,
    }  # fmt: skip
    found = import_text(folder, REGISTRY, yaml.safe_dump(entries, sort_keys=False))

    said = {
        "NAME.id": "tags: [n-name]", "NAME.description": "n-described.", "NAME.disclaimer": "n-disclaimer.",
        "NAME.metrics": "n-metric", "NAME.higher_is_better": "n-name.higher_is_better:", "EVAL.class": "'Other'",
        "EVAL.args.samples_jsonl": "s-ideal", "EVAL.args.few_shot_jsonl": "Colour of lamp 0?",
        "EVAL.args.num_few_shot": "Colour of lamp 0?", "EVAL.args.max_tokens": "v2.args.max_tokens:",
        "EVAL.args.ignore_case": "icontains", "EVAL.args.modelgraded_spec": "choices: {polite: 1.0",
        "EVAL.args.modelgraded_spec_args": "g-text", "EVAL.args.eval_type": "v0.args.eval_type:",
        "EVAL.args.match_fn": "v0.args.match_fn:", "EVAL.args.metaeval": "v0.args.metaeval:",
        "EVAL.args.multicomp_n": "v0.args.multicomp_n:", "EVAL.args.sample_kwargs": "top_p: 0.25",
        "EVAL.args.eval_kwargs": "top_p: 0.75", "SAMPLE.input": "Colour of lamp 1?", "SAMPLE.input.role": "role: user",
        "SAMPLE.input.content": "Colour of lamp 1?", "SAMPLE.input.name": "s-name", "SAMPLE.ideal": "s-ideal",
        "SAMPLE.choice": "s-choice", "SPEC.prompt": "Is it so: {{ expected }}?", "SPEC.choice_strings": "polite",
        "SPEC.choice_scores": "polite: 1.0", "SPEC.input_outputs": "Colour of lamp 1?",
        "SPEC.eval_type": "tone.eval_type:", "SPEC.output_template": "tone.output_template:",
        "SPEC.format_type": "tone.format_type:",
    }  # fmt: skip
    assert said.keys() == FIELDS.keys()
    assert [field for field, trace in said.items() if trace not in _joined(found)] == []


def _joined(found: Imported) -> str:
    return re.sub(r"\n# *", " ", found.text) + "\n".join(found.losses)
