from __future__ import annotations

import pytest

from pytest_promptevals.datasets import cases
from pytest_promptevals.records.cases import Case, Location
from pytest_promptevals.records.fingerprints import content_hash
from pytest_promptevals.records.responses import Response, ToolCall, Usage
from tests.support.eval_folder import EvalFolder


def test_a_case_with_all_keys_becomes_a_record(folder: EvalFolder) -> None:
    dataset = folder.load_text("""\
        tags: [support, smoke]
        cases:
          - id: refund-late
            input: [{role: user, content: hi}]
            vars: {user_name: Ada, n: 1}
            expected: [a, b]
            context: [one, two]
            tags: [smoke, slow]
            judges: [exact]
            weight: 2
            priority: -3
            group: refunds
            trials: 5
            skip: later
            xfail: known
            metadata: {owner: me}
        """)
    (case,) = dataset.cases
    assert case == Case(
        id="refund-late",
        location=Location("a.eval.yaml", 3),
        input=[{"role": "user", "content": "hi"}],
        vars={"user_name": "Ada", "n": 1},
        expected=["a", "b"],
        context=("one", "two"),
        tags=("smoke", "slow", "support"),
        judges=case.judges,
        weight=2.0,
        priority=-3,
        group="refunds",
        trials=5,
        skip="later",
        xfail="known",
        metadata={"owner": "me"},
    )
    assert [(judge.judge, judge.location.line) for judge in case.judges] == [("exact", 9)]


def test_a_case_with_an_id_alone_has_the_defaults_of_its_record(folder: EvalFolder) -> None:
    assert folder.load_case("id: a") == Case("a", Location("a.eval.yaml", 2))


def test_short_forms_are_written_out(folder: EvalFolder) -> None:
    case = folder.load_case("{id: 17, tags: smoke, context: passage, skip: true, xfail: true}")
    assert (case.id, case.tags, case.context) == ("17", ("smoke",), ("passage",))
    assert (case.skip, case.xfail) == ("skipped in the dataset", "expected to fail")


def test_false_neither_skips_nor_expects_a_failure(folder: EvalFolder) -> None:
    case = folder.load_case("{id: a, skip: false, xfail: false}")
    assert (case.skip, case.xfail) == (None, None)


def test_null_is_the_same_as_leaving_a_key_without_default_out(folder: EvalFolder) -> None:
    keys = "input, expected, output, group, trials, skip, xfail"
    case = folder.load_case("{id: a, " + ", ".join(f"{key}: null" for key in keys.split(", ")) + "}")
    assert case == Case("a", Location("a.eval.yaml", 2))
    assert folder.load_case("{id: null, input: hi}").id == folder.load_case("{input: hi}").id


def test_a_text_as_output_is_a_response(folder: EvalFolder) -> None:
    assert folder.load_case("{id: a, output: hello}").output == Response("hello")


def test_an_output_in_parts_is_a_response(folder: EvalFolder) -> None:
    folder.write(
        "a.eval.yaml",
        """\
        cases:
          - output:
              text: hello
              tool_calls: [{name: search, arguments: {q: x}, id: c1}, {name: stop}]
              finish_reason: tool_calls
              usage: {input_tokens: 5, output_tokens: 6, cached_tokens: 1, cache_write_tokens: 2, reasoning_tokens: 3}
              latency: 1
              cost: 0.5
              model: gpt
              refusal: no
        """,
    )
    (case,) = folder.load().cases
    assert case.output == Response(
        text="hello",
        tool_calls=(ToolCall("search", {"q": "x"}, "c1"), ToolCall("stop", None)),
        finish_reason="tool_calls",
        usage=Usage(5, 6, 1, 2, 3),
        latency=1.0,
        cost=0.5,
        model="gpt",
        refusal="no",
    )


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ("{expcted: x}", "expcted: unknown key. Did you mean 'expected'?"),
        ("{id: true}", "id: must be a text or a whole number, got true"),
        ("{id: 1.5}", "id: must be a text or a whole number, got 1.5"),
        ("{vars: [a]}", 'vars: must be a mapping, got ["a"]'),
        ("{weight: 0}", "weight: must be above 0, got 0"),
        ("{weight: '1'}", 'weight: must be a number, got "1"'),
        ("{weight: true}", "weight: must be a number, got true"),
        ("{priority: 1.5}", "priority: must be a whole number, got 1.5"),
        ("{trials: 0}", "trials: must be at least 1, got 0"),
        ("{trials: 1001}", "trials: must be at most 1000, got 1001"),
        ("{group: 3}", "group: must be a text, got 3; put it into quotes"),
        ("{group: ''}", 'group: must not be empty, got ""'),
        ("{skip: 1}", "skip: must be true, false or a text with the reason, got 1"),
        ("{xfail: ' '}", 'xfail: must be true, false or a text with the reason, got " "'),
        ("{context: 3}", "context: must be a text or a list of texts, got 3"),
        ("{context: [a, 3]}", "context[1]: must be a text, got 3; put it into quotes"),
        ("{tags: {a: b}}", 'tags: must be a text or a list of texts, got {"a": "b"}'),
        ("{tags: null}", "tags: must be a text or a list of texts, got null"),
        ("{judges: exact}", 'judges: must be a list, got "exact"'),
        ("{metadata: x}", 'metadata: must be a mapping, got "x"'),
        ("{output: 3}", "output: must be a mapping, got 3"),
        ("{output: {txt: x}}", "output.txt: unknown key. Did you mean 'text'?"),
        ("{output: {usage: {tokens: 3}}}", "output.usage.tokens: unknown key. Did you mean 'input_tokens'?"),
        ("{output: {usage: {input_tokens: -1}}}", "output.usage.input_tokens: must be at least 0, got -1"),
        ("{output: {tool_calls: [{arguments: x}]}}", "output.tool_calls[0].name: this key is missing; add it"),
        ("{output: {latency: -0.5}}", "output.latency: must be at least 0, got -0.5"),
    ],
)
def test_what_no_case_can_hold_is_named_with_its_field_and_value(folder: EvalFolder, case: str, problem: str) -> None:
    assert folder.problem_of_case(case) == problem


def test_a_long_value_is_shortened(folder: EvalFolder) -> None:
    shown = '"' + "x" * 59 + "…"
    assert folder.problem_of_case("{vars: " + "x" * 5000 + "}") == f"vars: must be a mapping, got {shown}"


def test_what_is_no_mapping_is_no_case(folder: EvalFolder) -> None:
    assert folder.problems_of("cases:\n- text\n-\n- [1]\n") == [
        'a.eval.yaml:2: cases[0]: must be a mapping, got "text"',
        "a.eval.yaml:3: cases[1]: must be a mapping, got null",
        "a.eval.yaml:4: cases[2]: must be a mapping, got [1]",
    ]


def test_a_case_without_an_id_gets_a_hash_of_its_input_and_vars(folder: EvalFolder) -> None:
    dataset = folder.load_text("cases:\n- {input: hi, vars: {a: 1}, expected: x}\n- {vars: {a: 1}}\n")
    assert [case.id for case in dataset.cases] == [
        content_hash({"input": "hi", "vars": {"a": 1}}, 8),
        content_hash({"input": None, "vars": {"a": 1}}, 8),
    ]


def test_the_id_of_an_unnamed_case_moves_with_it(folder: EvalFolder) -> None:
    first = folder.load_text("cases:\n- input: a\n- input: b\n").cases
    second = folder.load_text("cases:\n- input: b\n- {input: a, expected: new}\n").cases
    assert [case.id for case in first] == [case.id for case in reversed(second)]


def test_equal_cases_without_ids_are_to_be_named(folder: EvalFolder) -> None:
    assert folder.problems_of("cases:\n- input: a\n- input: b\n- {input: a, expected: c}\n- input: a\n") == [
        "a.eval.yaml:4: cases[2]: has the same input and vars as the case at a.eval.yaml:2; give both of them an id",
        "a.eval.yaml:5: cases[3]: has the same input and vars as the case at a.eval.yaml:2; give both of them an id",
    ]


def test_unequal_cases_whose_hashes_begin_alike_get_longer_ids(
    folder: EvalFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hash_alike(content: object, digits: int) -> str:
        return ("deadbeef" + content_hash({"content": str(content)}))[:digits]

    monkeypatch.setattr(cases, "content_hash", hash_alike)
    dataset = folder.load_text("cases:\n- input: a\n- input: b\n- input: c\n")
    ids = [case.id for case in dataset.cases]
    assert [len(case_id) for case_id in ids] == [16, 16, 16]
    assert len(set(ids)) == 3
    assert [case.id for case in folder.load_text("cases:\n- input: c\n- input: a\n").cases] == [ids[2], ids[0]]


def test_duplicate_ids_are_named_with_both_places_across_files(folder: EvalFolder) -> None:
    taken = "the id 'a' is already that of the case at a.eval.yaml:2; give each case an id of its own"
    folder.write("more.jsonl", '{"id": "b"}\n{"id": "a"}\n')
    assert folder.problems_of("cases:\n- id: a\n- id: a\n- file: more.jsonl\n") == [
        f"a.eval.yaml:3: cases[1].id: {taken}",
        f"more.jsonl:2: id: {taken}",
    ]


def test_a_number_and_a_text_can_be_the_same_id(folder: EvalFolder) -> None:
    (problem,) = folder.problems_of("cases:\n- id: 1\n- id: '1'\n")
    assert "the id '1' is already that of the case at a.eval.yaml:2" in problem


def test_a_case_cannot_have_fewer_trials_than_the_reducer_needs(folder: EvalFolder) -> None:
    assert folder.problems_of("trials: 5\nreducer: pass^3\ncases:\n- {id: a, trials: 2}\n- {id: b, trials: 3}\n") == [
        "a.eval.yaml:4: cases[0].trials: must be at least 3, as the reducer of the eval file says, got 2"
    ]


def test_a_wrong_key_hides_neither_a_duplicate_id_nor_a_wrong_judge(folder: EvalFolder) -> None:
    taken = "the id 'a' is already that of the case at a.eval.yaml:2; give each case an id of its own"
    judge = "write a judge's name, such as 'exact', or a mapping with one key, such as {contains: text}, got 3"
    assert folder.problems_of("cases:\n- {id: a, weight: 0}\n- {id: a, trials: 0, judges: [3]}\n- {id: true}\n") == [
        "a.eval.yaml:2: cases[0].weight: must be above 0, got 0",
        "a.eval.yaml:3: cases[1].trials: must be at least 1, got 0",
        f"a.eval.yaml:3: cases[1].id: {taken}",
        f"a.eval.yaml:3: cases[1].judges[0]: {judge}",
        "a.eval.yaml:4: cases[2].id: must be a text or a whole number, got true",
    ]


def test_equal_tags_and_paths_are_one_object_in_all_cases(folder: EvalFolder) -> None:
    first, second = folder.load_text('{"id": 1, "tags": ["x"]}\n{"id": 2, "tags": ["x"]}\n', "a.eval.jsonl").cases
    assert first.tags is second.tags
    assert first.location.path is second.location.path
    assert first.vars is second.vars
