from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.datasets.importers.foreign import take_sample
from pytest_promptevals.datasets.importers.promptfoo import FIELDS, PromptfooImporter
from pytest_promptevals.datasets.importers.promptfoo_csv import read_assertion, split_list
from pytest_promptevals.datasets.importers.promptfoo_models import model_name
from pytest_promptevals.records.drafts import ImportRequest
from tests.support.imported import Imported, import_error, import_text

HEAD = "prompts: ['Ask {{q}}']\nproviders: [echo]\n"
A = "assert: [{type: contains, value: a}]"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(folder: Path, text: str, **files: str) -> Imported:
    """Import a config. Keywords are further files, ``__`` in their names for the dot."""
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content, encoding="utf-8")
    (folder / "promptfooconfig.yaml").write_text(text, encoding="utf-8")
    return import_text(folder, "promptfooconfig.yaml", text)


def recognized(folder: Path, name: str, text: str) -> bool:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return PromptfooImporter().recognizes(ImportRequest(path, name, take_sample(path, name)))


@pytest.mark.parametrize(
    ("name", "text", "is_ours"),
    [
        ("a.yaml", "prompts: [a]\nproviders: [b]\n", True),
        ("a.yaml", "prompts: [a]\ntests: a.csv\n", True),
        ("a.yaml", "targets: [a]\ntests: []\n", True),
        ("a.yaml", "defaultTest: {}\ntests: []\n", True),
        ("a.yaml", "- vars: {a: b}\n  assert: [{type: equals, value: x}]\n", True),
        ("a.jsonl", '{"vars": {"a": 1}, "providerOutput": "x"}\n', True),
        ("a.csv", "q,__expected\na,b\n", True),
        ("a.jsonl", '{"vars": {"a": 1}}\n', False),
        ("a.csv", "q,expected\na,b\n", False),
        ("a.yaml", "prompt: a\ncases: []\n", False),
        ("a.yaml", "providers: {}\ncases: []\n", False),
        ("a.jsonl", '{"assert": ["x"]}\n', False),
        ("a.json", "[1]", False),
    ],
)
def test_its_files_are_told_from_others(folder: Path, name: str, text: str, is_ours: bool) -> None:
    assert recognized(folder, name, text) is is_ours


def test_a_map_of_fields_is_for_rows(folder: Path) -> None:
    request = ImportRequest(folder / "a.csv", "a.csv", {"__expected": "x"}, {"input": "q"})

    assert not PromptfooImporter().recognizes(request)


def test_a_config_is_an_eval_file_as_a_person_would_have_written_it(folder: Path) -> None:
    text = (
        "description: Answers\nprompts: ['Ask {{q}}']\nproviders: ['openai:gpt-5-mini']\n"
        "defaultTest:\n  vars: {tone: kind}\n  assert: [{type: not-contains, value: sorry}]\n"
        "tests:\n"
        "  - description: first one\n    vars: {q: Where?}\n    assert: [{type: contains, value: '{{tone}}'}]\n"
        "    metadata: {from: log}\n"
        "  - vars: {q: When?}\n    options: {disableDefaultAsserts: false, repeat: 2}\n"
        "    assert: [{type: contains, value: b}]\n"
    )

    assert config(folder, text).text == (
        "# Made from promptfooconfig.yaml (promptfoo).\n\n"
        "description: Answers\nprompt: Ask {{q}}\nmodel: openai/gpt-5-mini\njudges:\n  - not: {contains: sorry}\n\n"
        "cases:\n"
        "  - id: first one\n    vars: {tone: kind, q: 'Where?'}\n    judges:\n      - contains: '{{tone}}'\n"
        "    metadata: {from: log}\n"
        "  - vars: {q: 'When?'}\n    judges:\n      - contains: b\n    trials: 2\n    metadata: {tone: kind}\n"
    )


def test_defaults_can_be_left_out_by_a_test(folder: Path) -> None:
    found = config(
        folder,
        HEAD + "defaultTest: file://default.yaml\n"
        "tests: [{vars: {q: x}, options: {disableDefaultAsserts: true}, assert: [{type: contains, value: b}]}]",
        default__yaml="assert: [{type: contains, value: a}]\nthreshold: 1\n",
    )

    assert found.data["judges"] == [{"contains": "b"}]


def test_lists_of_texts_multiply_a_test_and_other_lists_do_not(folder: Path) -> None:
    found = config(
        folder,
        "prompts: ['{{q}} {{r}} {{n | dump}}']\nproviders: [echo]\n"
        f"tests:\n  - vars: {{q: [a, b], r: [c, d], n: [1, 2]}}\n    {A}\n"
        f"  - vars: {{q: [a, b], r: x, n: 1}}\n    options: {{disableVarExpansion: true}}\n    {A}\n",
    )

    asked = [case["vars"] for case in found.cases]
    assert [(one["q"], one["r"]) for one in asked[:4]] == [("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")]
    assert asked[0]["n"] == [1, 2]
    assert asked[4]["q"] == ["a", "b"]
    assert found.data["prompt"] == "{{q}} {{r}} {{n | tojson}}"
    assert found.losses == [
        f"1: {name!r} is no text: where a prompt shows it, it is written as Python does, not as JavaScript. '| "
        f"tojson' makes "
        "JSON of it"
        for name in ("n", "q")
    ]


def test_variables_come_from_files_and_from_each_other(folder: Path) -> None:
    found = config(
        folder,
        f"{HEAD}tests:\n  - vars: {{q: 'Dear {{{{name}}}}', name: file://name.txt}}\n    {A}\n"
        f"  - vars: more.yaml\n    {A}\n  - vars: {{q: file://q*.txt}}\n    {A}\n  - vars: {{q: "
        f"file://data.json}}\n    {A}\n"
        f"  - vars: {{q: file://none.txt}}\n    {A}\n",
        name__txt="Ada\n",
        more__yaml="q: Why?\n",
        q1__txt="one",
        q2__txt="two",
        data__json='{"a": 1}',
    )

    assert [case["vars"]["q"] for case in found.cases] == ["Dear Ada", "Why?", "one", "two", '{"a": 1}', ""]
    assert found.losses == [
        "1: the prompt names 'q', which not every test has: an empty text stands there, as in promptfoo",
        "12: tests[4].vars: there is no file 'file://none.txt'; left out",
    ]


def test_names_with_a_meaning_here_get_another_one(folder: Path) -> None:
    found = config(
        folder,
        "prompts: ['{{input}} {{context}} {{ a.context }} {{expected}}']\nproviders: [echo]\n"
        "tests: [{vars: {input: x, context: y, a: {context: z}, expected: w}, "
        "assert: [{type: equals, value: '{{ context }}{{expected}}'}]}]",
    )

    assert found.data["prompt"] == "{{input}} {{context_text}} {{ a.context }} {{expected_text}}"
    assert found.data["judges"] == [{"exact": {"value": "{{ context_text }}{{expected_text}}", "strip": False}}]
    assert found.cases == [{"input": "x", "vars": {"context_text": "y", "a": {"context": "z"}, "expected_text": "w"}}]


def test_an_expected_variable_is_expected_of_the_case(folder: Path) -> None:
    found = config(
        folder, HEAD + "tests: [{vars: {q: x, expected: w}, assert: [{type: equals, value: '{{expected}}'}]}]"
    )

    assert found.cases == [{"vars": {"q": "x"}, "expected": "w"}]


def test_scenarios_are_multiplied_with_their_tests(folder: Path) -> None:
    found = config(
        folder,
        HEAD + "scenarios:\n"
        "  - description: Two\n    config: [{vars: {q: a}}, {vars: {q: b}}]\n"
        "    tests: [{assert: [{type: contains, value: x}]}, {assert: [{type: contains, value: y}]}]\n"
        "  - file://more.yaml\n  - 3\n",
        more__yaml="config: [{vars: {q: c}, assert: [{type: contains, value: z}]}]\n",
    )

    assert [(case["vars"]["q"], case["judges"][0]["contains"]) for case in found.cases] == [
        *(("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("c", "z")),
    ]
    assert found.losses == [
        "4: scenarios[0].description: cases have no scenario; left out. 'tags' can name what they belong to",
        "8: scenarios[2]: is no scenario; left out",
    ]


def test_a_config_without_tests_asks_once(folder: Path) -> None:
    found = config(folder, "prompts: [Hello]\nproviders: [echo]\n")

    assert [case["id"] for case in found.cases] == ["case-1"]


def test_a_config_without_prompts_asks_the_variable_prompt(folder: Path) -> None:
    found = config(folder, f"providers: [echo]\ntests:\n  - vars: {{prompt: Hello}}\n    {A}\n")

    assert found.data["prompt"] == "{{prompt}}"


def test_tests_come_from_files_of_all_kinds(folder: Path) -> None:
    found = config(
        folder,
        HEAD + "tests: [tests/*.yaml, file://t.jsonl, t.json, t.csv, none.csv, gen.py, "
        "{path: 'file://gen.py:make'}, t.txt, 3]",
        t__jsonl='{"vars": {"q": "l"}, "assert": [{"type": "contains", "value": "a"}]}\n',
        t__json='{"vars": {"q": "j"}, "assert": [{"type": "contains", "value": "a"}]}',
        t__csv="q,__expected\nc,contains:a\n",
        t__txt="x",
    )
    assert [case["vars"]["q"] for case in found.cases] == ["l", "j", "c"]
    script = "tests come from a script, a service or a file of another kind; left out. Save them as CSV or YAML first"
    assert found.losses == [
        "3: tests[0]: there is no file 'tests/*.yaml'; left out",
        "3: tests[4]: there is no file 'none.csv'; left out",
        f"3: tests[5]: {script}",
        f"3: tests[6]: {script}",
        f"3: tests[7]: {script}",
        "3: tests[8]: is no test: neither a mapping nor the name of a file; left out",
    ]


def test_a_pattern_in_a_folder_is_expanded(folder: Path) -> None:
    (folder / "more").mkdir()
    for name in "ba":
        (folder / "more" / f"{name}.yaml").write_text(f"- vars: {{q: {name}}}\n  {A}\n", encoding="utf-8")

    found = config(folder, HEAD + "tests: more/*.yaml\n")

    assert [case["vars"]["q"] for case in found.cases] == ["a", "b"]


def test_references_stand_for_what_is_written_elsewhere(folder: Path) -> None:
    found = config(
        folder,
        HEAD + "assertionTemplates: {short: [{type: contains, value: a}]}\n"
        "tests: [{vars: {q: x}, assert: [{$ref: '#/assertionTemplates/short/0'}, {$ref: '#/none/x/y'}, {$ref: "
        "'b.yaml#/a'}]}]",
    )

    assert found.data["judges"] == [{"contains": "a"}]
    assert (
        "4: tests[0].assert[1]: '#/none/x/y' leads to nothing in this file; left out. Write it out, and import again"
        in (found.losses)
    )


def test_recorded_outputs_are_kept(folder: Path) -> None:
    found = config(
        folder,
        f"{HEAD}tests:\n  - vars: {{q: x}}\n    providerOutput: Hi\n    {A}\n"
        f"  - vars: {{q: y}}\n    providerOutput: {{a: ü}}\n    {A}\n",
    )

    assert [case["output"] for case in found.cases] == ["Hi", '{"a":"ü"}']


def test_texts_around_the_prompt_are_part_of_it(folder: Path) -> None:
    found = config(
        folder,
        f"{HEAD}defaultTest:\n  options: {{prefix: 'Hey! ', suffix: ' {{{{q}}}}?'}}\ntests:\n  - vars: {{q: "
        f"x}}\n    {A}\n",
    )

    assert found.data["prompt"] == "Hey! Ask {{q}} {{q}}?"


def test_texts_that_differ_are_variables(folder: Path) -> None:
    found = config(
        folder,
        'prompts: [\'Ask {{q}}\', \'[{"role": "user", "content": "{{q}}"}]\']\nproviders: [echo]\n'
        f"tests:\n  - vars: {{q: x}}\n    options: {{prefix: 'Hey {{{{q}}}} '}}\n    {A}\n  - vars: {{q: y}}\n  "
        f"  {A}\n",
    )

    assert found.data["prompt"] == ["{{ prefix }}Ask {{q}}{{ suffix }}", [{"role": "user", "content": "{{q}}"}]]
    assert [case["vars"]["prefix"] for case in found.cases] == ["Hey x ", ""]
    assert found.losses == ["1: a text before or after a prompt is only put around texts; left out for chat messages"]


def test_prompts_come_from_files_of_all_kinds(folder: Path) -> None:
    chat = [{"role": "user", "content": "{{q}}"}]
    found = config(
        folder,
        "prompts:\n  - file://p.txt\n  - p.json\n  - {id: p.yaml, label: x}\n  - {raw: 'Raw {{q}}', label: y, "
        "config: {a: 1}}\n"
        "  - p.jsonl\n  - p*.md\n  - pp.csv\n  - 'Read notes.md'\n  - p.json\n  - list.yaml\n"
        f"providers: [echo]\ntests:\n  - vars: {{q: x}}\n    {A}\n",
        p__txt="One {{q}}\n---\n\n---\nTwo {{q}}\n",
        p__json=json.dumps(chat),
        p__yaml="messages:\n  - {role: system, content: 'S {{q}}'}\n",
        p__jsonl='{"messages": [{"role": "user", "content": "L {{q}}"}]}\n',
        p1__md="# M {{q}}\n",
        pp__csv="prompt,label\nC {{q}},x\n",
        list__yaml="a: 1\n",
    )

    assert found.data["prompt"] == [
        *("One {{q}}", "Two {{q}}", chat, [{"role": "system", "content": "S {{q}}"}], "Raw {{q}}"),
        *([{"role": "user", "content": "L {{q}}"}], "# M {{q}}", "C {{q}}", "{{ '' }}Read notes.md{{ '' }}", "a: 1"),
    ]
    called = "a prompt is called by its file or its number here; left out"
    assert found.losses == [
        f"4: prompts[2].label: {called}",
        f"5: prompts[3].label: {called}",
        "5: prompts[3].config: there is no equivalent of it; left out",
        f"8: prompts[6]: {called}",
    ]


def test_prompts_may_be_a_mapping_or_a_single_text(folder: Path) -> None:
    tests = f"providers: [echo]\ntests:\n  - vars: {{q: x}}\n    {A}\n"

    assert config(folder, f"prompts: {{'Ask {{{{q}}}}': short}}\n{tests}").data["prompt"] == "Ask {{q}}"
    assert config(folder, f"prompts: 'Ask {{{{q}}}}'\n{tests}").data["prompt"] == "Ask {{q}}"


def test_a_chat_may_be_yaml_in_a_text(folder: Path) -> None:
    text = "- role: user\\n  content: 'Say {{q}}'"

    found = config(folder, f'prompts: ["{text}"]\nproviders: [echo]\ntests:\n  - vars: {{q: x}}\n    {A}\n')

    assert found.data["prompt"] == [{"role": "user", "content": "Say {{q}}"}]


@pytest.mark.parametrize(
    ("prompt", "loss"),
    [
        ("file://make.py", "a prompt made by a script; left out. Write it as a function: python:module:function"),
        ("make.js:chat", "a prompt made by a script; left out. Write it as a function: python:module:function"),
        ("m*", "a prompt made by a script; left out. Write it as a function: python:module:function"),
        ("langfuse://x", "a prompt of a service or a script; left out. Write its text into the eval file"),
        ("file://none.txt", "there is no file 'file://none.txt'; left out"),
        ("[3]", "is no prompt: neither a text nor the name of a file; left out"),
        ("bad.yaml", "cannot be read: bad.yaml:1: "),
        ('\'[{"role": "user", "content": {{q}}}]\'', "the JSON is no list of messages with texts; sent as a single"),
    ],
)
def test_prompts_that_cannot_be_taken_over_are_named(folder: Path, prompt: str, loss: str) -> None:
    found = config(
        folder,
        f"prompts:\n  - Hello\n  - {prompt}\nproviders: [echo]\ntests:\n  - description: x\n    {A}\n",
        make__py="",
        bad__yaml="a: [1",
    )

    assert any(line.startswith(f"3: prompts[1]: {loss}") for line in found.losses), found.losses


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai:gpt-5-mini", "openai/gpt-5-mini"),
        ("openai:chat:ft:gpt-5:me", "openai/ft:gpt-5:me"),
        ("openai:responses:gpt-5", "openai-responses/gpt-5"),
        ("anthropic:messages:claude-sonnet-5", "anthropic/claude-sonnet-5"),
        ("anthropic:claude-sonnet-5", "anthropic/claude-sonnet-5"),
        ("ollama:chat:llama3.2:3b", "ollama/llama3.2:3b"),
        ("openrouter:meta/llama", "openrouter/meta/llama"),
        ("echo", "scripted/echo"),
        ("openai:completion:davinci", None),
        ("openai:image:x", None),
        ("bedrock:nova", None),
        ("openai:", None),
        (3, None),
    ],
)
def test_providers_have_another_name_here(name: Any, expected: str | None) -> None:
    assert model_name(name) == expected


def test_a_provider_keeps_its_parameters_and_its_address(folder: Path) -> None:
    found = config(
        folder,
        "prompts: ['{{q}}']\ntargets:\n  - id: openai:chat:m\n    config:\n      temperature: 0\n"
        "      apiBaseUrl: http://localhost:1/v1\n      apiKey: '{{env.MY_KEY}}'\n      passthrough: {min_p: 0.1}\n"
        f"tests:\n  - vars: {{q: x}}\n    {A}\n",
    )

    assert found.data["model"] == "openai-server/m"
    assert found.data["parameters"] == {"temperature": 0, "min_p": 0.1}
    entry = {"type": "openai", "base_url": "http://localhost:1/v1", "api_key_env": "MY_KEY"}
    assert found.data["providers"] == {"openai-server": entry}
    assert found.losses == []


def test_known_servers_have_their_address(folder: Path) -> None:
    found = config(folder, f"prompts: ['{{{{q}}}}']\nproviders: 'ollama:llama'\ntests:\n  - vars: {{q: x}}\n    {A}\n")

    assert found.data["model"] == "ollama/llama"
    assert found.data["providers"] == {"ollama": {"type": "openai", "base_url": "http://localhost:11434/v1"}}


def test_what_providers_lose_is_named(folder: Path) -> None:
    found = config(
        folder,
        "prompts: ['{{q}}']\nproviders:\n  - id: openai:a\n    label: A\n    delay: 3\n    prompts: [x]\n    "
        "env: {A: b}\n"
        "    transform: output\n    inputs: {}\n    config: {temperature: 0, apiKey: sk-1, organization: me, cwd: x}\n"
        "  - openai:gpt-5: {config: {temperature: 1, organization: you}}\n  - file://p.yaml\n  - exec:x\n  - "
        "file://no.yaml\n"
        f"tests:\n  - vars: {{q: x}}\n    {A}\n",
        p__yaml="- openai:b\n- id: bedrock:c\n",
    )

    assert found.data["model"] == ["openai/a", "openai/gpt-5", "openai/b"]
    assert found.data["providers"] == {"openai": {"organization": "me"}}
    assert "sk-1" not in found.text
    assert found.losses == [
        "4: providers[0].label: models are called by their own name; left out",
        "5: providers[0].delay: left out. 'requests_per_minute' under 'providers' slows calls down",
        "6: providers[0].prompts: every model gets every prompt here; left out. Make a file for each",
        "7: providers[0].env: eval files set no environment variables; left out",
        "8: providers[0].transform: scripts are not run on outputs; left out. Judges see the output as it is",
        "9: providers[0].inputs: there is no equivalent of it; left out",
        (
            "10: providers[0].config.apiKey: keys never stand in eval files; left out. Name its environment variable "
            "under api_key_env"
        ),
        "10: providers[0].config.cwd: there is no equivalent of it; left out",
        (
            "10: providers[0].config.temperature: is not the same for all providers, but holds for a whole eval file; "
            "left out. Make a file for each"
        ),
        "11: providers[1].config: several providers have an address of their own under one name; the first one counts",
        (
            "11: providers[1].config.temperature: is not the same for all providers, but holds for a whole eval file; "
            "left out. Make a file for each"
        ),
        (
            "12: providers[2]: 'bedrock:c' has no equivalent; left out. Write a provider, or name the model as "
            "provider/model"
        ),
        "13: providers[3]: 'exec:x' has no equivalent; left out. Write a provider, or name the model as provider/model",
        "14: providers[4]: there is no file 'file://no.yaml'; left out",
    ]


def test_no_model_at_all_is_named(folder: Path) -> None:
    found = config(folder, f"prompts: [a]\nproviders: [exec:x]\ntests:\n  - description: x\n    {A}\n")

    assert "2: providers: none of its providers can be called here: give the eval file a 'model'" in found.losses
    assert "model" not in found.data


def test_values_of_the_environment_come_from_the_config(folder: Path) -> None:
    found = config(
        folder,
        f"env: {{WHO: 'O''Neil'}}\nprompts: ['{{{{ env.WHO }}}} {{{{env.NONE}}}} {{{{q}}}}']\nproviders: [echo]\n"
        f"tests:\n  - vars: {{q: x}}\n    {A}\n",
    )

    assert found.data["prompt"] == "{{ \"O'Neil\" }} {{''}} {{q}}"
    assert found.losses == [
        (
            "2: prompts[0]: env.NONE: eval files read no environment variables, and the config sets none of that "
            "name; left "
            "empty"
        )
    ]


def test_how_often_and_how_long_is_taken_over(folder: Path) -> None:
    found = config(
        folder,
        f"{HEAD}evaluateOptions: {{repeat: 3, timeoutMs: 2500, cache: true}}\ntests:\n  - vars: {{q: x}}\n    {A}\n",
    )

    assert (found.data["trials"], found.data["timeout"]) == (3, 2.5)
    assert found.losses == [
        "3: evaluateOptions.cache: says how promptfoo runs; left out. See pytest's options that begin with --evals"
    ]


def test_different_thresholds_of_tests_are_named_where_judges_cannot_say_them(folder: Path) -> None:
    five = f"assert: [{', '.join(f'{{type: contains, value: {letter}}}' for letter in 'abcde')}]"

    found = config(
        folder, f"{HEAD}tests:\n  - vars: {{q: x}}\n    threshold: 0.5\n    {five}\n  - vars: {{q: y}}\n    {A}\n"
    )

    assert found.losses == [
        (
            "5: tests[0].threshold: a threshold of 0.5 asks for a part of the case's judges, which only the "
            "'threshold' of a whole eval file can; the tests do not share it, so every judge must pass. Import "
            "tests with one threshold from a file of their own"
        )
    ]


def test_different_thresholds_of_tests_become_groups(folder: Path) -> None:
    three = "assert: [{type: contains, value: a}, {type: contains, value: b}, {type: contains, value: c}]"

    found = config(
        folder, f"{HEAD}tests:\n  - vars: {{q: x}}\n    threshold: 0.5\n    {three}\n  - vars: {{q: y}}\n    {A}\n"
    )

    assert found.losses == []
    assert len(found.cases[0]["judges"][0]["any_of"]) == 3


@pytest.mark.parametrize(
    ("cell", "assertion"),
    [
        ("Paris", {"type": "equals", "value": "Paris"}),
        ("contains:a: b ", {"type": "contains", "value": "a: b"}),
        ("not-icontains:x", {"type": "not-icontains", "value": "x"}),
        ("is-json", {"type": "is-json"}),
        ("similar:x", {"type": "similar", "value": "x", "threshold": 0.8}),
        ("similar(0.5):x", {"type": "similar", "value": "x", "threshold": 0.5}),
        ("levenshtein:x", {"type": "levenshtein", "value": "x", "threshold": 0.75}),
        ("latency(1000)", {"type": "latency", "threshold": 1000}),
        ("contains-any:a, b", {"type": "contains-any", "value": ["a", "b"]}),
        ("contains-all", {"type": "contains-all", "value": []}),
        ("javascript: x", {"type": "javascript", "value": "x"}),
        ("fn:x", {"type": "javascript", "value": "x"}),
        ("eval:x", {"type": "javascript", "value": "x"}),
        ("python:x", {"type": "python", "value": "x"}),
        ("file://a.py:f", {"type": "python", "value": "file://a.py:f"}),
        ("file://a.mjs", {"type": "javascript", "value": "file://a.mjs"}),
        ("grade:Is kind", {"type": "llm-rubric", "value": "Is kind"}),
        ("llm-rubric: Is kind", {"type": "llm-rubric", "value": " Is kind"}),
        ("contains-alligator:x", {"type": "equals", "value": "contains-alligator:x"}),
    ],
)
def test_a_cell_is_a_short_assertion(cell: str, assertion: dict[str, Any]) -> None:
    assert read_assertion(cell) == assertion


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a, b,,c", ["a", "b", "c"]),
        (' "a, b" , c', ["a, b", "c"]),
        ('"say ""hi""", "back\\\\slash \\"q\\""', ['say "hi"', 'back\\slash "q"']),
        ("", []),
    ],
)
def test_lists_with_commas_know_quotes(text: str, items: list[str]) -> None:
    assert split_list(text) == items


def test_a_table_of_tests_is_imported_alone(folder: Path) -> None:
    found = import_text(
        folder,
        "tests.csv",
        "q,__expected1,__expected2,__metric,__threshold,__description,__prefix,__providerOutput,__metadata:tags[],"
        "__metadata:who,__config:__expected2:threshold,__config:__expected:threshold,__odd\n"
        'What?,contains:a,"levenshtein:abc",m,1,First,Hey ,a,"x,y\\,z",me,0,many,1\n'
        "Why?,contains:a,contains:b,,,Second,Hey ,b,,,1,2,\n",
    )

    assert found.data["prompt"] == "{{ q }}"
    assert "# The file of tests names no prompt: write yours here.\n" in found.text
    assert found.cases == [
        {
            "id": "First",
            "vars": {"q": "What?"},
            "output": "a",
            "judges": [
                {"contains": {"value": "a", "name": "m"}},
                {"exact": {"value": "abc", "strip": False, "name": "m 2"}},
            ],
            "metadata": {"tags": ["x", "y,z"], "who": "me"},
        },
        {
            "id": "Second",
            "vars": {"q": "Why?"},
            "output": "b",
            "judges": [{"contains": "a"}, {"contains": "b"}],
        },
    ]
    assert found.losses == [
        "2: __config:__expected:threshold: must be a number, but is 'many'; left out",
        "2: __odd: there is no such column in promptfoo's CSV files; left out",
        "3: __odd: there is no such column in promptfoo's CSV files; left out",
    ]


def test_tests_alone_show_the_variables_that_their_judges_do_not_name(folder: Path) -> None:
    rows = "- {vars: {a: x, b: y, c: z}, assert: [{type: contains, value: '{{c}}'}]}\n- {vars: {a: x}, assert: []}\n"

    found = import_text(folder, "tests.yaml", rows)

    assert found.data["prompt"] == "a: {{ a }}\nb: {{ b }}\n"
    assert [case["vars"].get("b") for case in found.cases] == ["y", ""]


def test_tests_alone_without_variables_have_no_prompt(folder: Path) -> None:
    found = import_text(
        folder, "tests.yaml", "- {description: x, providerOutput: a, assert: [{type: contains, value: a}]}\n"
    )

    assert "prompt" not in found.data


def test_a_file_that_holds_nothing_of_the_kind_says_so(folder: Path) -> None:
    said = import_error(folder, "a.yaml", "3\n", "--format", "promptfoo")

    assert "there are no cases in it, read as promptfoo" in said


def test_files_that_cannot_be_read_are_named(folder: Path) -> None:
    found = config(
        folder,
        f"{HEAD}tests:\n  - vars: {{q: file://bad.yaml}}\n    {A}\n  - vars: {{q: 1.5}}\n    {A}\n",
        bad__yaml="a: [1",
    )

    assert found.losses[1].startswith("4: tests[0].vars: cannot be read: bad.yaml:1: no valid YAML")
    assert [case["vars"]["q"] for case in found.cases] == ["", 1.5]


def test_a_prompt_file_of_another_kind_is_a_text(folder: Path) -> None:
    found = config(folder, "prompts: [file://a.cfg]\nproviders: [echo]\n", a__cfg="Hello\n")

    assert found.data["prompt"] == "Hello"


def test_a_model_that_is_named_twice_is_asked_once(folder: Path) -> None:
    text = "prompts: ['{{q}}']\nproviders: ['openai:a', {id: 'openai:a', config: {headers: {X: y}}}]\ntests:\n"

    found = config(folder, f"{text}  - vars: {{q: x}}\n    {A}\n")

    assert found.data["model"] == "openai/a"
    assert found.data["providers"] == {"openai": {"headers": {"X": "y"}}}


def test_a_key_of_its_own_makes_a_provider_of_its_own(folder: Path) -> None:
    text = "prompts: ['{{q}}']\nproviders: [{id: 'openai:a', config: {apiKeyEnvar: MINE}}]\ntests:\n"

    found = config(folder, f"{text}  - vars: {{q: x}}\n    {A}\n")

    assert found.data["model"] == "openai-server/a"
    assert found.data["providers"] == {"openai-server": {"type": "openai", "api_key_env": "MINE"}}


def test_the_usual_key_needs_no_word(folder: Path) -> None:
    text = "prompts: ['{{q}}']\nproviders: [{id: 'openai:a', config: {apiKey: '{{ env.OPENAI_API_KEY }}'}}]\ntests:\n"

    found = config(folder, f"{text}  - vars: {{q: x}}\n    {A}\n")

    assert found.data["model"] == "openai/a"
    assert "providers" not in found.data


def test_a_usual_key_for_another_address_is_named(folder: Path) -> None:
    options = "{apiKey: '{{env.OPENAI_API_KEY}}', apiHost: 'http://localhost:1/v1'}"
    text = f"prompts: ['{{{{q}}}}']\nproviders: [{{id: 'openai:a', config: {options}}}]\ntests:\n"

    found = config(folder, f"{text}  - vars: {{q: x}}\n    {A}\n")

    assert found.data["providers"]["openai-server"]["api_key_env"] == "OPENAI_API_KEY"


def test_what_a_scenario_asks_is_no_default(folder: Path) -> None:
    found = config(
        folder,
        HEAD + "defaultTest: {assert: [{type: contains, value: d}]}\n"
        "scenarios:\n  - config: [{vars: {q: a}, assert: [{type: contains, value: x}]}]\n"
        "    tests: [{options: {disableDefaultAsserts: true}, assert: [{type: contains, value: y}]}]\n",
    )

    assert found.data["judges"] == [{"contains": "x"}, {"contains": "y"}]


def test_a_reference_to_another_test_leaves_that_in_place(folder: Path) -> None:
    found = config(
        folder,
        f"{HEAD}tests:\n  - vars: {{q: x}}\n    {A}\n"
        f"  - vars: {{q: y}}\n    assert: [{{$ref: '#/tests/0/assert/0'}}]\n",
    )

    assert len(found.cases) == 2
    assert found.data["judges"] == [{"contains": "a"}]


EVERYTHING = """
description: d
tags: {a: b}
env: {A: b}
prompts: [{raw: 'x {{q}}', label: l, id: i}]
providers: [{id: 'openai:m', label: l, config: {temperature: 0}, prompts: [x], transform: t, delay: 1, env: {A: b}}]
outputPath: x
sharing: true
nunjucksFilters: {a: b}
derivedMetrics: [{name: a, value: b}]
extensions: [x]
metadata: {a: b}
redteam: {a: b}
writeLatestResults: true
tracing: {enabled: true}
commandLineOptions: {verbose: true}
evaluateOptions: {repeat: 2, timeoutMs: 5, cache: true}
defaultTest: {threshold: 0.5}
scenarios: [{description: d, config: [{vars: {q: x}}], tests: [{assert: [{type: contains, value: a}]}]}]
tests:
  - description: d
    vars: {q: x}
    provider: p
    providers: [p]
    prompts: [p]
    providerOutput: o
    assertScoringFunction: file://a.js
    threshold: 1
    metadata: {a: b}
    unheard: of
    options: {prefix: a, suffix: b, provider: 'openai:x', rubricPrompt: r, factuality: {agree: 1}, postprocess: p,
      transform: t, transformVars: t, storeOutputAs: s, disableVarExpansion: true, disableConversationVar: true,
      disableDefaultAsserts: true, runSerially: true, repeat: 2, other: 1}
    assert:
      - {type: contains, value: a, config: {a: b}, weight: 2, metric: m, provider: p, rubricPrompt: r}
      - {type: contains, value: a, transform: t}
      - {type: contains, value: a, contextTransform: t}
"""


def test_every_field_is_taken_or_named(folder: Path) -> None:
    found = config(folder, EVERYTHING)

    said = "\n".join(found.losses)
    for name in (
        *("tags", "outputPath", "sharing", "nunjucksFilters", "derivedMetrics", "extensions", "metadata", "redteam"),
        *("writeLatestResults", "tracing", "commandLineOptions.verbose", "evaluateOptions.cache", "providers[0].label"),
        *("providers[0].prompts", "providers[0].transform", "providers[0].delay", "providers[0].env"),
        *("scenarios[0].description", "tests[0].provider", "tests[0].providers", "tests[0].prompts"),
        *("tests[0].assertScoringFunction", "tests[0].unheard", "tests[0].options.transform"),
        *("tests[0].options.postprocess", "tests[0].options.transformVars", "tests[0].options.storeOutputAs"),
        *("tests[0].options.disableConversationVar", "tests[0].options.runSerially", "tests[0].options.other"),
        *("tests[0].assert[0].config", "tests[0].assert[0].provider", "tests[0].assert[0].rubricPrompt"),
        *("tests[0].assert[1]", "tests[0].assert[2]"),
    ):
        assert f": {name}: " in said, name
    case = found.cases[0]
    assert (case["id"], case["output"], case["trials"], case["metadata"]) == ("d", "o", 2, {"a": "b"})
    assert case["judges"] == [{"contains": {"value": "a", "weight": 2, "name": "m"}}]


def test_the_table_of_fields_has_the_keys_of_the_sample() -> None:
    keys = {line.partition(":")[0] for line in EVERYTHING.splitlines() if line and not line.startswith(" ")}

    assert keys - {name.partition(".")[0] for name in FIELDS} == set()


def test_a_threshold_in_a_cell_is_that_of_the_assertion(folder: Path) -> None:
    (folder / "t.csv").write_text("q,__expected\na,rouge-n(0.5): x\n", encoding="utf-8")

    found = config(folder, HEAD + "tests: t.csv\n")

    assert found.data["judges"] == [{"rouge": {"value": "x", "variant": "rouge1", "threshold": 0.5}}]


def test_variables_in_variables_in_variables_are_filled_in(folder: Path) -> None:
    # Each of them stands before the one that it names, so that one round fills in one of them.
    chain = "{q: '1 {{ b }}', b: '2 {{ c }}', c: '3 {{ d }}', d: '4 {{ e }}', e: '5'}"

    found = config(folder, HEAD + f"tests: [{{vars: {chain}, {A}}}]\n")

    assert found.cases[0]["vars"] == {"q": "1 2 3 4 5"}


@pytest.mark.parametrize(("written", "kept"), [("x\n", "x"), ("x\n\n", "x\n"), ("x", "x"), ("x \n", "x ")])
def test_one_line_end_at_the_end_of_a_variable_is_dropped_as_in_promptfoo(
    folder: Path, written: str, kept: str
) -> None:
    found = config(folder, HEAD + f"tests: [{{vars: {{q: {json.dumps(written)}}}, {A}}}]\n")

    assert found.cases[0]["vars"] == {"q": kept}


def test_metadata_of_a_test_win_over_those_of_all_tests(folder: Path) -> None:
    default = "defaultTest: {metadata: {team: all, more: kept}}\n"

    found = config(folder, HEAD + default + f"tests: [{{vars: {{q: a}}, metadata: {{team: own}}, {A}}}]\n")

    assert found.cases[0]["metadata"] == {"team": "own", "more": "kept"}
