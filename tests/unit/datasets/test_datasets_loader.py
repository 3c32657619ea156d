from __future__ import annotations

import pytest

from pytest_promptevals.datasets.loader import load_cases, load_dataset
from pytest_promptevals.errors import DatasetError
from pytest_promptevals.records.cases import (
    Case,
    CasePolicy,
    Dataset,
    FewShot,
    GateRules,
    JudgeSpec,
    Location,
    MissingCases,
    OnInconclusive,
    PromptSource,
    ProviderConfig,
)
from tests.support.eval_folder import EvalFolder

CASE = "cases: [{id: a}]\n"
REDUCERS = (
    "reducer: must be mean, median, min, max, majority, pass@K or pass^K, where K is a whole number from 1 to 1000"
)


def test_an_eval_file_with_all_keys_becomes_a_dataset(folder: EvalFolder) -> None:
    dataset = folder.load_text(
        """\
        description: Replies of the support bot.
        prompt: ../prompts/support.md
        model: openai/gpt-5-mini
        parameters: {temperature: 0, max_tokens: 300}
        trials: 3
        reducer: pass@2
        threshold: 0.5
        timeout: 30
        judges: [exact]
        judge_model: anthropic/claude-sonnet-5
        gate: {max_drop: 0.05, confidence: 0.9, min_score: 0.6, min_pass_rate: 0.7}
        case_policy: ratchet
        few_shot: [{user: q, assistant: a}]
        providers:
          local: {type: openai, base_url: "http://localhost:1"}
        tags: [smoke]
        cases:
          - id: a
        """,
        "evals/a.eval.yaml",
    )
    path = "evals/a.eval.yaml"
    assert dataset == Dataset(
        path=path,
        cases=(Case("a", Location(path, 18), tags=("smoke",)),),
        prompts=(PromptSource("../prompts/support.md", Location(path, 2)),),
        models=("openai/gpt-5-mini",),
        parameters={"temperature": 0, "max_tokens": 300},
        trials=3,
        reducer="pass@2",
        threshold=0.5,
        timeout=30.0,
        judges=(JudgeSpec("exact", "exact", Location(path, 9)),),
        judge_model="anthropic/claude-sonnet-5",
        gate=GateRules(max_drop=0.05, confidence=0.9, min_score=0.6, min_pass_rate=0.7),
        case_policy=CasePolicy.RATCHET,
        few_shot=(FewShot("q", "a"),),
        providers=(ProviderConfig("local", "openai", {"base_url": "http://localhost:1"}, Location(path, 15)),),
        location=Location(path, 1),
        models_location=Location(path, 3),
    )


def test_an_eval_file_with_cases_alone_has_the_defaults_of_its_record(folder: EvalFolder) -> None:
    assert folder.load_text(CASE) == Dataset(
        "a.eval.yaml", (Case("a", Location("a.eval.yaml", 1)),), location=Location("a.eval.yaml", 1)
    )


@pytest.mark.parametrize(
    ("written", "values", "lines"),
    [
        ("one {{ input }}", ["one {{ input }}"], [1]),
        ("\n- a.md\n- b.md", ["a.md", "b.md"], [2, 3]),
        ("\n- {role: system, content: s}\n- {role: user, content: u}", [[("system", "s"), ("user", "u")]], [1]),
        ("\n- [{role: user, content: u}]", [[("user", "u")]], [1]),
        ("\n- a.md\n-\n  - {role: user, content: u}", ["a.md", [("user", "u")]], [2, 4]),
    ],
)
def test_prompts_are_texts_or_chats_or_lists_of_those(
    folder: EvalFolder, written: str, values: list[object], lines: list[int]
) -> None:
    prompts = folder.load_text(f"prompt: {written}\n{CASE}").prompts
    found = [
        [(message["role"], message["content"]) for message in prompt.value if isinstance(message, dict)]
        if isinstance(prompt.value, list)
        else prompt.value
        for prompt in prompts
    ]
    assert found == values
    assert [prompt.location.line for prompt in prompts] == lines


def test_the_nearest_defaults_win_key_by_key(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "model: a/outer\nprompt: outer.md\ntrials: 2\ntags: [outer]\njudges: [exact, fuzzy]\n")
    folder.write("evals/evals.yaml", "model: [a/middle, b/middle]\ntags: [middle]\n")
    folder.write("other/evals.yaml", "model: a/other\n")
    folder.write("evals/a.eval.yaml", "judges: [contains: x]\ncases: [{id: a, tags: [own]}]\n")
    dataset = folder.load("evals/a.eval.yaml")
    assert dataset.models == ("a/middle", "b/middle")
    assert dataset.models_location == Location("evals/evals.yaml", 1)
    assert dataset.prompts == (PromptSource("outer.md", Location("evals.yaml", 2)),)
    assert dataset.trials == 2
    assert [judge.judge for judge in dataset.judges] == ["contains"]
    assert dataset.cases[0].tags == ("own", "middle")


def test_parameters_gates_and_providers_merge_one_level_deep(folder: EvalFolder) -> None:
    folder.write(
        "evals.yaml",
        """\
        parameters: {temperature: 0, response_format: {type: json, strict: true}}
        judges: [exact, {contains: {value: x, name: word}}]
        gate: {max_drop: 0.3, min_score: 0.5, judges: {exact: {max_drop: 0.1}, word: {max_drop: 0.2}}}
        providers:
          local: {type: openai, base_url: outer, api_key_env: KEY}
          other: {}
        """,
    )
    dataset = folder.load_text(
        """\
        parameters: {temperature: 1, response_format: {type: text}}
        gate: {max_drop: null, confidence: 0.8, judges: {word: {max_drop: 0.3}}}
        providers:
          local: {base_url: inner}
          mine: {type: null, timeout: 3}
        cases: [{id: a}]
        """
    )
    assert dataset.parameters == {"temperature": 1, "response_format": {"type": "text"}}
    assert dataset.gate == GateRules(max_drop=None, confidence=0.8, min_score=0.5, judges={"exact": 0.1, "word": 0.3})
    assert dataset.providers == (
        ProviderConfig("local", "openai", {"base_url": "inner", "api_key_env": "KEY"}, Location("a.eval.yaml", 4)),
        ProviderConfig("other", "other", {}, Location("evals.yaml", 6)),
        ProviderConfig("mine", "mine", {"timeout": 3}, Location("a.eval.yaml", 5)),
    )


def test_a_null_puts_back_what_holds_without_defaults(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "threshold: 0.5\ntimeout: 3\n")
    dataset = folder.load_text(f"threshold: null\n{CASE}")
    assert (dataset.threshold, dataset.timeout) == (None, 3.0)


def test_an_empty_defaults_file_says_nothing(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "# nothing yet\n")
    assert folder.load_text(CASE).models == ()


def test_a_jsonl_eval_file_takes_everything_from_the_defaults(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "model: scripted/echo\njudges: [exact]\n")
    dataset = folder.load_text('\n{"id": "a", "input": 1}\n\n{"id": "b"}\n', "evals/a.eval.jsonl")
    assert dataset.models == ("scripted/echo",)
    assert [(case.id, str(case.location)) for case in dataset.cases] == [
        ("a", "evals/a.eval.jsonl:2"),
        ("b", "evals/a.eval.jsonl:4"),
    ]
    assert dataset.location == Location("evals/a.eval.jsonl", 1)


def test_defaults_above_a_file_outside_the_rootdir_are_its_own_folders_only(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "trials: 2\n")
    folder.write("out/evals.yaml", "threshold: 0.5\n")
    path = folder.write("out/a.eval.yaml", CASE)
    dataset = load_dataset(path, folder.root / "root")
    assert (dataset.trials, dataset.threshold) == (1, 0.5)
    assert dataset.path == path.as_posix()


def test_problems_of_all_files_come_together_by_file_and_line(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "trials: 0\njudges: [3]\ncases: []\n")
    folder.write("more.jsonl", '{"id": "x"}\n{"id": "y", "weight": 0}\n{"id": \n')
    folder.write("a.eval.yaml", "modle: x/y\nthreshold: 2\ncases:\n- {id: a, tag: x}\n- file: more.jsonl\n- 3\n")
    assert [problem.split(": ")[0:2] for problem in folder.problems()] == [
        ["a.eval.yaml:1", "modle"],
        ["a.eval.yaml:2", "threshold"],
        ["a.eval.yaml:4", "cases[0].tag"],
        ["a.eval.yaml:6", "cases[2]"],
        ["evals.yaml:1", "trials"],
        ["evals.yaml:2", "judges[0]"],
        ["evals.yaml:3", "cases"],
        ["more.jsonl:2", "weight"],
        ["more.jsonl:3", "no valid JSON"],
    ]


def test_a_broken_defaults_file_does_not_hide_what_is_wrong_with_the_cases(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "a: b: c\n")
    first, second = folder.problems_of("cases: [{id: 1.5}]\n")
    assert first.startswith("a.eval.yaml:1: cases[0].id: ")
    assert second.startswith("evals.yaml:1: no valid YAML")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("modle: x/y", "modle: unknown key. Did you mean 'model'?"),
        ("model: []", "model: must name a model, such as openai/gpt-5-mini, got []"),
        ("model: 3", "model: must be a text or a list of texts, got 3"),
        ("model: [a/b, 3]", "model[1]: must be a text, got 3; put it into quotes"),
        (
            "model: [a/b, ' x']",
            'model[1]: must be the name of a model, such as openai/gpt-5-mini, without spaces around it, got " x"',
        ),
        ("model: [a/b, a/b]", 'model: must name each model once, got ["a/b", "a/b"]'),
        (
            "prompt: 3",
            "prompt: must be a text, the name of a file, a list of chat messages, or a list of those, got 3",
        ),
        ("prompt: ' '", 'prompt: must not be blank, got " "'),
        ("prompt: [a.md, '']", 'prompt: must not be blank, got ["a.md", ""]'),
        ("prompt: [a.md, a.md]", 'prompt: must name each prompt once, got ["a.md", "a.md"]'),
        ("prompt: [a.md, 3]", "prompt[1]: must be a text, got 3; put it into quotes"),
        ("prompt: [a.md, []]", "prompt[1]: must not be empty, got []"),
        (
            "prompt: [{role: user, content: x}, {role: usr, content: x}]",
            "prompt[1].role: must be one of 'system', 'developer', 'user' or 'assistant', got \"usr\"",
        ),
        ("prompt: [a.md, [{role: user}]]", "prompt[1][0].content: this key is missing; add it"),
        ("prompt: [{role: user, content: x, nme: y}]", "prompt[0].nme: unknown key. Known: content, role."),
        ("parameters: 3", "parameters: must be a mapping, got 3"),
        ("trials: 1.0", "trials: must be a whole number, got 1.0"),
        ("reducer: pass@0", f'{REDUCERS}, got "pass@0"'),
        ("reducer: pass@1001", f'{REDUCERS}, got "pass@1001"'),
        ("reducer: 3", f"{REDUCERS}, got 3"),
        ("reducer: pass@2", "reducer: pass@2 needs at least 2 trials, but trials is 1; raise trials"),
        ("threshold: 1.1", "threshold: must be at most 1, got 1.1"),
        ("timeout: 0", "timeout: must be above 0, got 0"),
        (
            "judge_model: gpt-5",
            'judge_model: must be the name of a model as provider/model, such as openai/gpt-5-mini, got "gpt-5"',
        ),
        ("gate: {max_drops: 1}", "gate.max_drops: unknown key. Did you mean 'max_drop'?"),
        ("gate: {judges: {exact: 0.1}}", "gate.judges.exact: must be a mapping, got 0.1; write {max_drop: 0.1}"),
        ("gate: {judges: {exact: {}}}", "gate.judges.exact.max_drop: this key is missing; add it"),
        ("gate: {judges: {x: {max_drop: 0.1}}}", "gate.judges.x: unknown judge 'x'. The file has no judges."),
        ("gate: {max_cost: -1}", "gate.max_cost: must be at least 0, got -1"),
        ("gate: {max_latency_p95: 0}", "gate.max_latency_p95: must be above 0, got 0"),
        ("gate: {max_error_rate: 2}", "gate.max_error_rate: must be at most 1, got 2"),
        ("gate: {max_drop: 500}", "gate.max_drop: must be at most 1, got 500"),
        (
            "gate: {max_cost_increase: 20%}",
            'gate.max_cost_increase: must be a number, got "20%"; write 0.2 for 20 %',
        ),
        ("gate: {max_cost_increase: a%}", 'gate.max_cost_increase: must be a number, got "a%"'),
        ("trials: 5000", "trials: must be at most 1000, got 5000"),
        ("gate: {on_inconclusive: warn}", "gate.on_inconclusive: must be one of 'pass' or 'fail', got \"warn\""),
        ("gate: {missing_cases: ignore}", "gate.missing_cases: must be one of 'fail' or 'warn', got \"ignore\""),
        ("gate: {confidence: 1}", "gate.confidence: must be below 1, got 1"),
        ("gate: {confidence: 95}", "gate.confidence: must be below 1, got 95; write 0.95 for 95 %"),
        ("gate: {judges: [exact]}", 'gate.judges: must be a mapping, got ["exact"]'),
        ("gate: {confidence: 0.4}", "gate.confidence: must be at least 0.5, got 0.4"),
        ("case_policy: lax", "case_policy: must be one of 'strict', 'ratchet' or 'gate', got \"lax\""),
        ("few_shot: [{user: x}]", "few_shot[0].assistant: this key is missing; add it"),
        ("few_shot: 3", "few_shot: must be a text, got 3; put it into quotes"),
        ("providers: {a: 3}", "providers.a: must be a mapping, got 3"),
        (
            "providers: {a/b: {}}",
            "providers.a/b: cannot name a provider; write the part of 'provider/model' before the '/', got \"a/b\"",
        ),
        ("providers: {a: {type: 3}}", "providers.a.type: must be a text, got 3; put it into quotes"),
        ("tags: [skip]", 'tags[0]: is the name of a mark with a meaning of its own; choose another tag, got "skip"'),
    ],
)  # fmt: skip
def test_what_no_eval_file_can_say_is_named_with_its_field_and_value(
    folder: EvalFolder, line: str, problem: str
) -> None:
    assert folder.problems_of(f"{line}\n{CASE}") == [f"a.eval.yaml:1: {problem}"]


def test_all_rules_of_a_gate_are_read(folder: EvalFolder) -> None:
    dataset = folder.load_text(
        """\
        judges: [exact, {fuzzy: {name: likeness}}]
        gate:
          max_drop: 0.05
          confidence: 0.99
          on_inconclusive: fail
          judges: {likeness: {max_drop: 0.2}, own: {max_drop: 0.0}}
          min_score: 0.5
          min_pass_rate: 0.6
          max_cost: 2
          max_cost_increase: 0.2
          max_latency_p95: 3.5
          max_error_rate: 0.01
          missing_cases: fail
        cases: [{id: a, judges: [contains: {value: x, name: own}]}]
        """
    )

    assert dataset.gate == GateRules(
        max_drop=0.05,
        confidence=0.99,
        min_score=0.5,
        min_pass_rate=0.6,
        max_cost=2.0,
        max_cost_increase=0.2,
        max_latency_p95=3.5,
        max_error_rate=0.01,
        judges={"likeness": 0.2, "own": 0.0},
        on_inconclusive=OnInconclusive.FAIL,
        missing_cases=MissingCases.FAIL,
    )


def test_what_a_file_does_not_say_is_left_to_the_settings(folder: EvalFolder) -> None:
    dataset = folder.load_text(CASE)

    assert dataset.gate == GateRules()
    assert dataset.gate.confidence is None
    assert dataset.case_policy is None


def test_the_defaults_may_speak_of_their_own_judges_where_a_file_has_others(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "judges: [exact]\ngate: {judges: {exact: {max_drop: 0.1}}}\n")

    assert folder.load_text(f"judges: [fuzzy]\n{CASE}").gate.judges == {"exact": 0.1}


def test_a_gate_on_a_judge_that_the_file_does_not_have_is_an_error(folder: EvalFolder) -> None:
    text = f"judges: [exact, fuzzy]\ngate:\n  judges:\n    exat: {{max_drop: 0.1}}\n{CASE}"

    assert folder.problems_of(text) == ["a.eval.yaml:4: gate.judges.exat: unknown judge 'exat'. Did you mean 'exact'?"]


def test_a_judge_that_neither_the_defaults_nor_the_file_have_is_an_error(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "gate: {judges: {exakt: {max_drop: 0.1}}}\n")

    assert folder.problems_of(f"judges: [exact]\n{CASE}") == [
        "evals.yaml:1: gate.judges.exakt: unknown judge 'exakt'. Did you mean 'exact'?"
    ]


@pytest.mark.parametrize("reducer", ["mean", "median", "min", "max", "majority", "pass@1", "pass^1000", "pass@999"])
def test_every_reducer_is_known(folder: EvalFolder, reducer: str) -> None:
    assert folder.load_text(f"trials: 1000\nreducer: {reducer}\n{CASE}").reducer == reducer


def test_a_reducer_of_the_defaults_is_checked_against_the_trials_of_the_file(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "trials: 5\nreducer: pass^5\n")
    assert folder.problems_of(f"trials: 4\n{CASE}") == [
        "evals.yaml:2: reducer: pass^5 needs at least 5 trials, but trials is 4; raise trials"
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "a.eval.yaml:1: the file is empty; write a mapping with the key 'cases'"),
        ("# only a comment\n", "a.eval.yaml:1: the file is empty; write a mapping with the key 'cases'"),
        ("- id: a\n", 'a.eval.yaml:1: must be a mapping with the key \'cases\', got [{"id": "a"}]'),
        ("trials: 2\n", "a.eval.yaml:1: cases: this key is missing; add it"),
        ("cases:\n", "a.eval.yaml:1: cases: must be a list, got null"),
        ("trials: 2\ncases: []\n", "a.eval.yaml:2: cases: there are no cases; list at least one"),
    ],
)
def test_an_eval_file_without_cases_is_refused(folder: EvalFolder, content: str, problem: str) -> None:
    assert folder.problems_of(content) == [problem]


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_a_jsonl_eval_file_without_cases_is_refused(folder: EvalFolder, content: str) -> None:
    assert folder.problems_of(content, "a.eval.jsonl") == ["a.eval.jsonl:1: holds no cases; write at least one"]


def test_a_defaults_file_must_be_a_mapping(folder: EvalFolder) -> None:
    folder.write("evals.yaml", "- x\n")
    assert folder.problems_of(CASE) == ['evals.yaml:1: must be a mapping, got ["x"]']


def test_a_missing_eval_file_is_said_to_be_missing(folder: EvalFolder) -> None:
    assert folder.problems() == ["a.eval.yaml: there is no such file; create it, or correct its name"]


def test_an_eval_file_of_another_kind_is_refused(folder: EvalFolder) -> None:
    assert folder.problems_of("{}", "a.json") == [
        "a.json:1: cannot hold cases; use a file that ends in .jsonl, .yaml, .yml, .csv"
    ]


def test_an_eval_file_in_a_directory_loop_is_refused(folder: EvalFolder) -> None:
    folder.write("evals/a.eval.yaml", CASE)
    (folder.root / "evals" / "loop").symlink_to(folder.root / "evals")
    assert folder.problems("evals/loop/a.eval.yaml") == [
        "evals/loop/a.eval.yaml:1: is reached through a symlink to a folder that holds it; remove the symlink"
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", "- id: a\n- file: b.jsonl\n"),
        ("a.eval.yaml", "cases:\n- id: a\n- file: b.jsonl\n"),
        ("a.jsonl", '{"id": "a"}\n{"id": "b"}\n'),
        ("a.csv", "id\na\nb\n"),
    ],
)
def test_cases_can_be_loaded_from_any_file_that_holds_some(folder: EvalFolder, name: str, content: str) -> None:
    folder.write("b.jsonl", '{"id": "b"}\n')
    folder.write("evals.yaml", "judges: [exact]\n")
    dataset = load_cases(folder.write(name, content), folder.root)
    assert [case.id for case in dataset.cases] == ["a", "b"]
    assert [judge.judge for judge in dataset.judges] == ["exact"]


def test_an_empty_list_of_cases_is_refused(folder: EvalFolder) -> None:
    with pytest.raises(DatasetError, match=r"^a.yaml:1: there are no cases; list at least one$"):
        load_cases(folder.write("a.yaml", "[]\n"), folder.root)


def test_examples_are_read_from_a_file_beside_the_one_that_names_it(folder: EvalFolder) -> None:
    folder.write("shared/shots.jsonl", '{"user": "a", "assistant": "b"}\n\n{"user": "c", "assistant": "d"}\n')
    folder.write("shared/shots.yaml", "- {user: e, assistant: f}\n")
    folder.write("evals.yaml", "few_shot: shared/shots.jsonl\n")
    folder.write("evals/a.eval.yaml", CASE)
    folder.write("evals/b.eval.yaml", f"few_shot: ../shared/shots.yaml\n{CASE}")
    assert folder.load("evals/a.eval.yaml").few_shot == (FewShot("a", "b"), FewShot("c", "d"))
    assert folder.load("evals/b.eval.yaml").few_shot == (FewShot("e", "f"),)


def test_examples_know_where_they_stand(folder: EvalFolder) -> None:
    folder.write("shots.jsonl", '{"user": "a", "assistant": "b"}\n\n{"user": "c", "assistant": "d"}\n')
    folder.write("a.eval.yaml", f"few_shot: shots.jsonl\n{CASE}")
    folder.write("b.eval.yaml", f"few_shot:\n  - {{user: a, assistant: b}}\n  - user: c\n    assistant: d\n{CASE}")

    def places(name: str) -> list[str]:
        return [str(example.location) for example in folder.load(name).few_shot]

    assert places("a.eval.yaml") == ["shots.jsonl:1", "shots.jsonl:3"]
    assert places("b.eval.yaml") == ["b.eval.yaml:2", "b.eval.yaml:3"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("shots.yml", "- {user: e}\n", "shots.yml:1: [0].assistant: this key is missing; add it"),
        ("shots.yaml", "user: e\n", "shots.yaml:1: must be a list of mappings with 'user' and 'assistant', got"),
        ("shots.yaml", "a: b: c\n", "shots.yaml:1: no valid YAML"),
        ("shots.yaml", "", "a.eval.yaml:1: few_shot: the file 'shots.yaml' holds no examples; write at least one"),
        ("shots.jsonl", "\n", "a.eval.yaml:1: few_shot: the file 'shots.jsonl' holds no examples; write at least one"),
        ("shots.jsonl", "{\n", "shots.jsonl:1: no valid JSON"),
        ("shots.jsonl", b"\xff", "shots.jsonl:1: byte 0xFF is not UTF-8"),
        (
            "shots.txt",
            "x",
            'a.eval.yaml:1: few_shot: "shots.txt" is no list of examples, nor a file that ends in .yaml, .yml, .jsonl',
        ),
    ],
)
def test_bad_examples_are_named(folder: EvalFolder, name: str, content: str | bytes, problem: str) -> None:
    folder.write(name, content)
    (found,) = folder.problems_of(f"few_shot: {name}\n{CASE}")
    assert found.startswith(problem)


def test_examples_that_are_nowhere_or_outside_are_named(folder: EvalFolder) -> None:
    assert folder.problems_of(f"few_shot: shots.jsonl\n{CASE}") == [
        "a.eval.yaml:1: few_shot: there is no file 'shots.jsonl'; create it, or correct the name"
    ]
    (problem,) = folder.problems_of(f"few_shot: ../shots.jsonl\n{CASE}")
    assert "which is outside of the rootdir" in problem
