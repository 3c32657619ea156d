"""What a config of promptfoo says that cannot be taken over: it is named, and the written file runs all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.imported import Imported, import_error, import_text

HEAD = "prompts: ['Ask {{q}}']\nproviders: [echo]\n"
A = "assert: [{type: contains, value: a}]"
TEST = f"tests: [{{vars: {{q: x}}, {A}}}]\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(folder: Path, text: str, **files: str) -> Imported:
    """Import a config. Keywords are further files, ``__`` in their names for the dot."""
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content, encoding="utf-8")
    return import_text(folder, "c.yaml", text)


def asked(prompt: str, **variables: Any) -> str:
    """Return a config with one prompt and one test."""
    test = {"vars": {"q": "x", **variables}, "assert": [{"type": "contains", "value": "a"}]}
    return json.dumps({"prompts": [prompt], "providers": ["echo"], "tests": [test]})


@pytest.mark.parametrize(
    "prompt", ["Be **brief**: {{ q }}", "** {{ q }}", f"{'long ' * 99}* {{{{ q }}}}", "/** {{ q }}"]
)
def test_a_prompt_with_stars_is_a_text(folder: Path, prompt: str) -> None:
    assert config(folder, asked(prompt)).data["prompt"] == prompt


def test_a_pattern_of_files_may_hold_two_stars_within_a_name(folder: Path) -> None:
    found = config(folder, f"prompts: [file://p**.txt]\nproviders: [echo]\n{TEST}", p1__txt="One {{q}}")

    assert found.data["prompt"] == "One {{q}}"


@pytest.mark.parametrize("name", ["env.TOWN", "env['TOWN']", 'env["TOWN"]', "env [ 'TOWN' ]"])
def test_an_environment_variable_may_stand_in_brackets(folder: Path, name: str) -> None:
    text = 'env: {{TOWN: Rome}}\nproviders: [echo]\nprompts: ["In {{{{ {} }}}} {{{{q}}}}"]\n'.format(
        name.replace('"', '\\"')
    )

    found = config(folder, text + TEST)

    assert found.data["prompt"] == "In {{ 'Rome' }} {{q}}"
    assert found.cases == [{"vars": {"q": "x"}}]
    assert found.losses == []


def test_an_environment_variable_in_brackets_that_is_not_set_is_named(folder: Path) -> None:
    assert config(folder, asked("In {{ env['HOME'] }}{{q}}")).losses == [
        (
            "1: prompts[0]: env.HOME: eval files read no environment variables, and the config sets none of that name; "
            "left empty"
        )
    ]


@pytest.mark.parametrize("text", ["{{ env | dump }}", "{{ env[q] }}", "{% for k in env %}{% endfor %}"])
def test_the_environment_as_a_whole_is_named(folder: Path, text: str) -> None:
    found = config(folder, asked(f"{text} {{{{ q }}}}"))

    assert found.data["prompt"] == f"{{% raw %}}{text} {{{{ q }}}}{{% endraw %}}"
    assert found.losses == [
        (
            "1: prompts[0]: is no template that Jinja2 can read (env is only known as env.NAME); taken as plain text. "
            "Rewrite it as a Jinja2 template"
        )
    ]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("{{ l.length }}", "{{ l|length }}"),
        ("{% if l.length > 1 %}a{% endif %}", "{% if l|length > 1 %}a{% endif %}"),
        ("{{ q.toUpperCase() }} {{ q.toLowerCase() }} {{ q.trim() }}", "{{ q|upper }} {{ q|lower }} {{ q|trim }}"),
        ("{{ null }}{{ undefined }}", "{{ '' }}{{ '' }}"),
        ("{{ 1 if q == null }}", "{{ 1 if q == none }}"),
        ("{{ q if q === 'x' and q !== 'y' }}", "{{ q if q == 'x' and q != 'y' }}"),
        ("{{ 'l.length' }}", "{{ 'l.length' }}"),
    ],
)
def test_javascript_in_templates_is_written_as_filters(folder: Path, theirs: str, ours: str) -> None:
    found = config(folder, asked(f"{{{{ q }}}}{theirs}", l=[1, 2]))

    assert found.data["prompt"] == f"{{{{ q }}}}{ours}"
    assert [line for line in found.losses if "'l' is no text" not in line] == []


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{{ q.slice(0, 1) }}", "'str object' has no attribute 'slice'"),
        ("{{ q | nl2br }}", "No filter named 'nl2br'."),
        ("{{ q + 1 }}", 'can only concatenate str (not "int") to str'),
    ],
)
def test_a_prompt_that_cannot_be_filled_in_is_plain_text_and_named(folder: Path, text: str, error: str) -> None:
    found = config(folder, asked(text))

    assert found.data["prompt"] == f"{{% raw %}}{text}{{% endraw %}}"
    assert found.losses == [
        (
            f"1: prompts[0]: is no template that Jinja2 can read ({error}); taken as plain text. Rewrite it as "
            "a Jinja2 template"
        )
    ]


def test_a_message_that_cannot_be_filled_in_is_plain_text(folder: Path) -> None:
    chat = [{"role": "system", "content": "Be {{ q.at(0) }}."}, {"role": "user", "content": "{{ q }}"}]

    found = config(folder, asked(json.dumps(chat)))

    assert found.data["prompt"] == [{**chat[0], "content": "{% raw %}Be {{ q.at(0) }}.{% endraw %}"}, chat[1]]
    assert len(found.losses) == 1


def test_variables_in_variables_may_have_filters(folder: Path) -> None:
    found = config(folder, asked("{{ nest }}", q="aabb ccc", n="bob", nest="in {{ q | upper }} {{ n }}"))

    assert found.cases[0]["vars"] == {"nest": "in AABB CCC bob"}
    assert found.losses == []


@pytest.mark.parametrize("text", ["{{ nope | upper }} {{ q }}", "{{ q", "{% raw %}{{ a }}{% endraw"])
def test_variables_that_promptfoo_keeps_as_they_are_stay_so(folder: Path, text: str) -> None:
    found = config(folder, asked("{{ nest }}", nest=text))

    assert found.cases[0]["vars"] == {"nest": text.replace("{{ q }}", "x")}
    assert found.losses == []


def test_a_variable_that_cannot_be_filled_in_is_named(folder: Path) -> None:
    found = config(folder, asked("{{ nest }}", nest="{{ q.slice(1) }}"))

    assert found.cases[0]["vars"] == {"nest": "{{ q.slice(1) }}"}
    assert found.losses == [
        (
            "1: tests[0].vars.nest: is no template that Jinja2 can read ('.slice' is JavaScript's own); "
            "taken as plain text. Rewrite it as a Jinja2 template"
        )
    ]


def test_keys_that_nobody_knows_are_named_with_the_one_that_was_meant(folder: Path) -> None:
    found = config(folder, f"{HEAD}{TEST}defaultTst: {{threshold: 1}}\nbananas: 3\n")

    assert found.losses == [
        "4: defaultTst: there is no equivalent of it; left out. Did you mean 'defaultTest'?",
        "5: bananas: there is no equivalent of it; left out",
    ]


def test_what_the_environment_is_set_to_is_named_where_no_template_reads_it(folder: Path) -> None:
    found = config(
        folder,
        f"providers: [echo]\nprompts: ['{{{{ env.TOWN }}}} {{{{q}}}}']\n{TEST}"
        "env: {TOWN: Rome, OPENAI_BASE_URL: x}\n",
    )

    assert found.losses == ["4: env.OPENAI_BASE_URL: eval files set no environment variables; left out"]


def test_targets_count_where_providers_stand_beside_them(folder: Path) -> None:
    found = config(folder, f"{HEAD}targets: ['openai:gpt-5']\n{TEST}")

    assert found.data["model"] == "openai/gpt-5"
    assert found.losses == ["2: providers: promptfoo takes 'targets' where both stand there; left out"]


CALLED = "a prompt is called by its file or its number here; left out"


@pytest.mark.parametrize(
    ("prompts", "losses"),
    [
        ("[{id: p1, label: first, raw: 'Hi {{q}}'}]", [f"1: prompts[0].{key}: {CALLED}" for key in ("id", "label")]),
        ("[{id: file://p.txt, label: first}]", [f"1: prompts[0].label: {CALLED}"]),
        ("{file://p.txt: first}", [f"1: prompts.file://p.txt: {CALLED}"]),
        ("[{raw: 'Hi {{q}}'}]", []),
        ("[p.csv]", [f"1: prompts[0]: {CALLED}"]),
        ("[{raw: 'Hi {{q}}', function: f}]", ["1: prompts[0].function: there is no equivalent of it; left out"]),
    ],
)
def test_what_a_prompt_is_called_is_named(folder: Path, prompts: str, losses: list[str]) -> None:
    found = config(
        folder, f"prompts: {prompts}\nproviders: [echo]\n{TEST}", p__txt="Hi {{q}}", p__csv="prompt,label\nHi {{q}},x\n"
    )

    assert found.data["prompt"] == "Hi {{q}}"
    assert found.losses == losses


def test_a_file_of_variables_that_holds_none_is_named(folder: Path) -> None:
    found = config(folder, f"prompts: [Hi]\nproviders: [echo]\ntests: [{{vars: v.json, {A}}}]\n", v__json='["a"]')

    assert found.losses[0] == "3: tests[0].vars: must hold variables by their names, but holds a list; left out"


def test_what_is_said_of_a_file_of_tests_is_named(folder: Path) -> None:
    found = config(
        folder,
        f"{HEAD}tests: [{{path: more.yaml, config: {{x: 1}}}}]\n",
        more__yaml=f"- vars: {{q: x}}\n  {A}\n",
    )

    assert found.losses == ["3: tests[0].config: only scripts that make tests take it; left out"]


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        ("evaluateOptions: {timeoutMs: '5'}\n" + TEST, "3: evaluateOptions.timeoutMs: must be a number, but is a text"),
        ("evaluateOptions: {repeat: '2'}\n" + TEST, "3: evaluateOptions.repeat: must be a number, but is a text"),
        (
            "evaluateOptions: {repeat: 1.5}\n" + TEST,
            "3: evaluateOptions.repeat: must be a whole number from 1 to 1000, but is 1.5",
        ),
        (
            f"tests: [{{vars: {{q: x}}, options: {{repeat: '3'}}, {A}}}]",
            "3: tests[0].options.repeat: must be a number, but is a text",
        ),
        (
            f"tests: [{{vars: {{q: x}}, options: {{repeat: 1001}}, {A}}}]",
            "3: tests[0].options.repeat: must be a whole number from 1 to 1000, but is 1001",
        ),
        (
            f"tests: [{{vars: {{q: x}}, options: {{prefix: 3}}, {A}}}]",
            "3: tests[0].options.prefix: must be a text, but is a number",
        ),
        (
            f"tests: [{{vars: {{q: x}}, options: {{factuality: 3}}, {A}}}]",
            "3: tests[0].options.factuality: must be a mapping, but is a number",
        ),
        (f"tests: [{{vars: {{q: x}}, threshold: '1', {A}}}]", "3: tests[0].threshold: must be a number, but is a text"),
        (
            "tests: [{vars: {q: x}, assert: [{type: contains, value: a, weight: '2'}]}]",
            "3: tests[0].assert[0].weight: must be a number, but is a text",
        ),
        (
            f"tests: [{{vars: {{q: x}}, assert: [{{type: assert-set, threshold: '0.5', {A}}}]}}]",
            "3: tests[0].assert[0].threshold: must be a number, but is a text",
        ),
    ],
)
def test_what_is_no_number_is_named_and_counts_for_nothing(folder: Path, text: str, loss: str) -> None:
    found = config(folder, HEAD + text)

    assert found.losses == [f"{loss}; left out"]
    assert "trials" not in found.data
    assert found.data["judges"] in (["a"], [{"contains": "a"}], [{"all_of": [{"contains": "a"}]}])


def test_a_limit_of_time_may_be_a_fraction(folder: Path) -> None:
    assert config(folder, f"{HEAD}evaluateOptions: {{timeoutMs: 1500.5}}\n{TEST}").data["timeout"] == 1.5005


def test_a_prompt_for_judges_is_named_where_it_stands(folder: Path) -> None:
    found = config(folder, f"{HEAD}{TEST}defaultTest:\n  options:\n    rubricPrompt: 'Judge {{{{output}}}} strictly'\n")

    assert found.losses == [
        (
            "6: defaultTest.options.rubricPrompt: the judge model is asked in our words; a 'rubric' with a template of "
            "your own asks in yours"
        )
    ]


def test_a_scenario_with_an_empty_list_of_tests_has_none(folder: Path) -> None:
    found = config(folder, f"{HEAD}{TEST}scenarios: [{{config: [{{vars: {{q: y}}}}], tests: []}}]\n")

    assert [case["vars"]["q"] for case in found.cases] == ["x"]


def test_line_feeds_of_a_foreign_file_begin_no_line(folder: Path) -> None:
    bad = "bad\n::error file=a.py,line=1::pwn"
    test = {"vars": {"q": "x"}, bad: 1, "assert": [{"type": bad}]}
    found = import_text(folder, "c.json", json.dumps({"prompts": ["{{q}}"], "providers": ["echo"], "tests": [test]}))

    assert found.losses[:2] == [
        "1: tests[0].bad\\n::error file=a.py,line=1::pwn: there is no equivalent of it; left out",
        "1: tests[0].assert[0]: bad\\n::error file=a.py,line=1::pwn: is no type of assertion that is known; left out",
    ]
    assert "\n::error" not in found.text


def test_a_file_of_something_else_is_refused(folder: Path) -> None:
    text = json.dumps([{"input": "a", "expected_output": "b"}, {"input": "c"}])

    found = import_error(folder, "goldens.json", text, "--format", "promptfoo")

    assert "goldens.json: there are no cases in it, read as promptfoo" in found
    assert "it has neither variables nor assertions nor an output; left out" in found
    assert not (folder / "imported.eval.yaml").exists()


WEIGHTLESS = [{"type": "contains", "value": "zzz", "weight": 0}, {"type": "assert-set", "weight": 0, "assert": [
    {"type": "contains", "value": "b"}]}]  # fmt: skip


@pytest.mark.parametrize("assertions", [WEIGHTLESS[:1], WEIGHTLESS[1:], WEIGHTLESS])
def test_a_case_whose_assertions_have_no_weight_runs_all_the_same(folder: Path, assertions: list[Any]) -> None:
    tests = [{"vars": {"q": "x"}, "providerOutput": "b", "assert": assertions}]
    text = json.dumps({"prompts": ["{{q}}"], "providers": ["echo"], "tests": tests})

    found = config(folder, text)

    assert found.losses == []
    assert found.data["judges"][-1] == {"not": {"refusal": {"required": False}}}
    assert len(found.data["judges"]) == len(assertions) + 1
    assert missing(folder, text) == ""


def missing(folder: Path, text: str) -> str:
    """Return what is said to keep an imported config from running."""
    (folder / "c.yaml").write_text(text, encoding="utf-8")
    result = CliRunner().invoke(main, ["import", "c.yaml", "-o", "imported.eval.yaml", "--force"])
    return result.output.partition("before it runs:")[2]


UNREACHABLE = "no score reaches a threshold of {}, so that promptfoo never passes it; left out: all judges must pass"


@pytest.mark.parametrize(
    ("test", "loss", "judges"),
    [
        (
            {"threshold": 1.5, "assert": [{"type": "contains", "value": "a"}, {"type": "contains", "value": "b"}]},
            f"threshold: {UNREACHABLE.format(1.5)}",
            [{"contains": "a"}, {"contains": "b"}],
        ),
        (
            {"threshold": 0.5, "assert": WEIGHTLESS[:1]},
            f"threshold: {UNREACHABLE.format(0.5)}",
            [
                {"contains": {"value": "zzz", "weight": 0, "required": False}},
                {"not": {"refusal": {"required": False}}},
            ],
        ),
        (
            {"threshold": 2, "assert": [{"type": "bleu", "value": "a"}]},
            f"threshold: {UNREACHABLE.format(2)}",
            [{"bleu": {"value": "a", "ignore_case": True, "threshold": 0.5}}],
        ),
        (
            {"assert": [{"type": "assert-set", "threshold": 1.5, "assert": [{"type": "contains", "value": "a"}]}]},
            f"assert[0].threshold: {UNREACHABLE.format(1.5)}",
            [{"all_of": [{"contains": "a"}]}],
        ),
    ],
)
def test_a_threshold_that_no_score_reaches_is_named(folder: Path, test: Any, loss: str, judges: Any) -> None:
    tests = [{"vars": {"q": "x"}, **test}]

    found = config(folder, json.dumps({"prompts": ["{{q}}"], "providers": ["echo"], "tests": tests}))

    assert f"1: tests[0].{loss}" in found.losses
    assert found.data["judges"] == judges
    assert "threshold" not in found.data


@pytest.mark.parametrize(
    ("assertion", "loss"),
    [
        ({"type": "latency", "threshold": 1000}, "latency: a recorded output has none; left out"),
        ({"type": "cost", "threshold": 1}, "cost: a recorded output has none; left out"),
        ({"type": "not-finish-reason", "value": "stop"}, "finish-reason: a recorded output has none; left out"),
        ({"type": "word-count", "value": "{{ q }}"}, f"word-count: {'x'!r} is no number of words; left out"),
        ({"type": "word-count", "value": "-1"}, "word-count: '-1' is no number of words; left out"),
        ({"type": "word-count", "value": 2.5}, "word-count: '2.5' is no number of words; left out"),
        ({"type": "word-count", "value": {"min": "a"}}, "word-count: 'a' is no number of words; left out"),
        (
            {"type": "rouge-n", "value": "a", "threshold": 2},
            "rouge-n: its threshold must be between 0 and 1, but is 2; left out",
        ),
        (
            {"type": "llm-rubric", "value": "Is kind.", "threshold": -1},
            "llm-rubric: its threshold must be between 0 and 1, but is -1; left out",
        ),
    ],
)
def test_what_cannot_judge_is_left_out_and_the_file_runs(folder: Path, assertion: Any, loss: str) -> None:
    asserts = [{"type": "contains", "value": "a"}, assertion]
    tests = [{"vars": {"q": "x"}, "providerOutput": "a", "assert": asserts}]
    text = json.dumps({"prompts": ["{{q}}"], "providers": ["echo"], "tests": tests})

    found = config(folder, text)

    assert f"1: tests[0].assert[1]: {loss}" in found.losses
    assert found.data["judges"] == [{"contains": "a"}]
    assert missing(folder, text) == ""


def test_a_latency_of_an_output_that_is_asked_for_is_judged(folder: Path) -> None:
    found = config(folder, f"{HEAD}tests: [{{vars: {{q: x}}, assert: [{{type: latency, threshold: 1000}}]}}]\n")

    assert found.data["judges"] == [{"latency": 1}]


def test_a_test_without_assertions_passes_as_in_promptfoo(folder: Path) -> None:
    assert config(folder, f"{HEAD}tests: [{{vars: {{q: x}}}}]\n").losses == [
        (
            "3: tests[0]: no assertion judges it: it passes whatever the output is, as in promptfoo. 'not: refusal' "
            "stands in, which is not required; give it judges of your own"
        )
    ]


def test_a_description_that_is_no_id_is_named(folder: Path) -> None:
    found = config(folder, f"{HEAD}tests: [{{description: 'one [x] :: y', vars: {{q: x}}, {A}}}]\n")

    assert found.cases[0]["id"] == "one x y"
    assert found.losses[0] == (
        "3: tests[0].description: is written as the id 'one x y', for pytest shows no brackets, '::' or line ends, "
        "and at most 200 signs"
    )


def test_a_variable_of_the_name_of_a_note_is_named(folder: Path) -> None:
    found = config(
        folder, f"{HEAD}tests:\n- {{vars: {{q: x, lang: de, same: 1}}, metadata: {{lang: en, same: 1}}, {A}}}\n"
    )

    assert found.cases[0]["metadata"] == {"lang": "en", "same": 1}
    assert found.losses == [
        (
            "4: vars.lang: neither a prompt nor a judge names it, and the metadata has a value of this name, too, "
            "which is kept; left out"
        )
    ]


def test_variables_in_variables_are_filled_in_as_nunjucks_does(folder: Path) -> None:
    variables = {"d": {"a": 1, "big": 1e21}, "n": 10, "nest": "{{ d | dump }} {{ n / 2 }}"}
    test = {"vars": variables, "assert": [{"type": "contains", "value": "a"}]}
    found = config(folder, json.dumps({"prompts": ["{{ nest }}"], "providers": ["echo"], "tests": [test]}))

    assert found.cases[0]["vars"]["nest"] == '{"a":1,"big":1e+21} 5'
    assert found.losses == []
