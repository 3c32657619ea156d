"""What several eval files have in common that they should not."""

from __future__ import annotations

import pytest

from pytest_promptevals.hygiene import likeness
from pytest_promptevals.hygiene.findings import Finding, Kind
from tests.unit.hygiene.conftest import CheckedFolder

HEAD = "model: scripted/echo\nprompt: 'Answer. {{ input }}'\njudges: [{contains: x}]\n"
REFUND = "When will I get the refund for the tent that I sent back?"
SHOT = "few_shot: [{{user: '{}', assistant: {}}}]\n"


def rows(*cases: str) -> str:
    return "cases:\n" + "".join(f"  - {{{case}}}\n" for case in cases)


def texts(findings: list[Finding]) -> list[str]:
    return [str(finding) for finding in findings]


def test_a_case_of_two_files_is_found_once_and_names_both_places(folder: CheckedFolder) -> None:
    files = {
        "a.eval.yaml": HEAD + rows("id: a, input: Hi", "id: b, input: Ho"),
        "b.eval.yaml": HEAD + rows("id: x, input: Hu", "id: y, input: Ho"),
    }

    (found,) = folder.find_across(files)

    assert str(found) == (
        "a.eval.yaml:6: cross-file-duplicate: 1 case is asked again in b.eval.yaml, with the same prompt and model: "
        "'b' (line 6) as 'y' (b.eval.yaml:6); keep each in one file, or say that it is meant: "
        "--ignore cross-file-duplicate"
    )
    assert found.cases == ("b",)
    assert list(map(str, found.also)) == ["b.eval.yaml:6"]


def test_cases_of_many_files_are_one_finding_for_each_file(folder: CheckedFolder) -> None:
    files = {f"{name}.eval.yaml": HEAD + rows(*(f"id: {n}, input: q{n}" for n in range(5))) for name in "abcde"}

    (found,) = folder.find_across(files)

    assert (
        "5 cases are asked again in b.eval.yaml, c.eval.yaml, d.eval.yaml and 1 more, with the same prompt and model: "
        "'0' (line 5) as '0' (b.eval.yaml:5), '1' (line 6) as '1' (b.eval.yaml:6), '2' (line 7) as '2' "
        "(b.eval.yaml:7) and 2 more; keep" in found.message
    )
    assert len(found.also) == 20


def test_other_answers_to_one_question_are_counted(folder: CheckedFolder) -> None:
    first = rows("id: a, input: Hi, expected: Ho", "id: b, input: He, expected: Ho", "id: c, input: Ha, expected: 1")
    second = rows("id: a, input: Hi, expected: Hu", "id: b, input: He, expected: ho", "id: c, input: Ha, expected: 2")

    (found,) = folder.find_across({"a.eval.yaml": HEAD + first, "b.eval.yaml": HEAD + second})
    assert "; 2 of them expect another answer there; keep" in found.message

    (found,) = folder.find_across({"a.eval.yaml": HEAD + first, "b.eval.yaml": HEAD + second.replace("2", "1")})
    assert "; 1 of them expects another answer there; keep" in found.message


@pytest.mark.parametrize(
    ("head", "count"),
    [
        (HEAD, 1),
        (HEAD.replace("Answer.", "Answer!"), 0),
        (HEAD.replace("echo", "other"), 0),
        (HEAD.replace("scripted/echo", "[scripted/other, scripted/echo]"), 1),
        (HEAD.replace("prompt: 'Answer. {{ input }}'", "prompt: ['{{ input }}', 'Answer. {{ input }}']"), 1),
        (HEAD.replace("prompt: 'Answer. {{ input }}'\n", ""), 0),
    ],
)
def test_another_prompt_or_model_makes_another_question(folder: CheckedFolder, head: str, count: int) -> None:
    files = {"a.eval.yaml": HEAD + rows("id: a, input: Hi"), "b.eval.yaml": head + rows("id: a, input: Hi")}

    assert len(folder.find_across(files)) == count


def test_cases_that_two_files_ask_in_several_ways_are_one_finding(folder: CheckedFolder) -> None:
    head = HEAD.replace("scripted/echo", "[scripted/other, scripted/echo]")
    files = {name: head + rows("id: a, input: Hi") for name in ("a.eval.yaml", "b.eval.yaml")}

    (found,) = folder.find_across(files)

    assert found.message.startswith("1 case is asked again")


def test_a_prompt_file_is_one_prompt_from_wherever_it_is_named(folder: CheckedFolder) -> None:
    folder.write("ask.md", "Answer. {{ input }}")
    folder.write("other/ask.md", "Reply. {{ input }}")
    head = "model: scripted/echo\njudges: [{contains: x}]\nprompt: "
    case = rows("id: a, input: Hi")
    chat = "[{{role: system, content: {}}}, {{role: user, content: '{{{{ input }}}}'}}]\n"
    files = {
        "a.eval.yaml": f"{head}ask.md\n{case}",
        "deep/b.eval.yaml": f"{head}../ask.md\n{case}",
        "other/c.eval.yaml": f"{head}ask.md\n{case}",
        "d.eval.yaml": head + chat.format("ask.md") + case,
        "other/e.eval.yaml": head + chat.format("ask.md") + case,
    }

    (found,) = folder.find_across(files)

    assert (found.path, *map(str, found.also)) == ("a.eval.yaml", "deep/b.eval.yaml:5")


def test_files_without_a_prompt_ask_the_input_itself(folder: CheckedFolder) -> None:
    head = "model: scripted/echo\njudges: [{contains: x}]\n"
    files = {name: head + rows("id: a, input: Hi") for name in ("a.eval.yaml", "b.eval.yaml")}

    assert [found.kind for found in folder.find_across(files)] == [Kind.CROSS_FILE_DUPLICATE]


def test_what_a_test_function_asks_is_not_known(folder: CheckedFolder) -> None:
    files = dict.fromkeys(("a.jsonl", "b.jsonl"), '{"id": "a", "input": "Hi", "judges": ["exact"], "expected": "x"}\n')

    assert folder.find_across(files) == []


def test_a_recorded_output_is_the_same_whatever_it_was_asked_with(folder: CheckedFolder) -> None:
    head = "judges: [{contains: x}]\n"
    files = {
        "a.eval.yaml": HEAD + rows("id: a, input: Hi, output: x"),
        "b.eval.yaml": head + rows("id: a, input: Hi, output: x", "id: b, input: Hi, output: y"),
    }

    assert [str(place) for found in folder.find_across(files) for place in found.also] == ["b.eval.yaml:3"]


def test_a_file_of_cases_that_two_eval_files_name_is_one_file(folder: CheckedFolder) -> None:
    folder.write("cases.jsonl", f'{{"id": "a", "input": "{REFUND}"}}\n')
    files = {name: HEAD + rows("file: cases.jsonl") for name in ("a.eval.yaml", "b.eval.yaml")}
    files["c.eval.yaml"] = HEAD + rows("file: cases.jsonl", f"id: c, input: '{REFUND}'", f"id: d, input: '{REFUND}!'")

    # What stands in one eval file twice is found there.
    assert folder.find_across(files) == []


def test_cases_nearly_the_same_are_found_and_say_so(folder: CheckedFolder) -> None:
    files = {
        "a.eval.yaml": HEAD + rows(f"id: a, input: '{REFUND}'", "id: b, input: Bonn"),
        "b.eval.yaml": HEAD + rows(f"id: x, input: '{REFUND}!'", "id: y, input: bonn"),
    }

    (found,) = folder.find_across(files)

    assert str(found) == (
        "a.eval.yaml:5: cross-file-near-duplicate: 2 cases are asked nearly so in b.eval.yaml, with the same prompt "
        "and model: 'a' (line 5) like 'x' (b.eval.yaml:5), 'b' (line 6) like 'y' (b.eval.yaml:6); keep one of each, "
        "give them one 'group', or say that it is meant: --ignore cross-file-near-duplicate"
    )


@pytest.mark.parametrize("head", [HEAD.replace("Answer.", "Answer!"), HEAD.replace("echo", "other")])
def test_cases_nearly_the_same_are_no_matter_with_another_prompt_or_model(folder: CheckedFolder, head: str) -> None:
    files = {
        "a.eval.yaml": HEAD + rows(f"id: a, input: '{REFUND}'", "id: b, input: Bonn"),
        "b.eval.yaml": head + rows(f"id: x, input: '{REFUND}!'", "id: y, input: bonn"),
    }

    assert folder.find_across(files) == []


def test_equal_cases_are_not_nearly_equal_as_well(folder: CheckedFolder) -> None:
    files = {name: HEAD + rows(f"id: a, input: '{REFUND}'") for name in ("a.eval.yaml", "b.eval.yaml")}

    assert [found.kind for found in folder.find_across(files)] == [Kind.CROSS_FILE_DUPLICATE]


def test_a_file_with_an_equal_case_is_not_named_for_its_like_ones_as_well(folder: CheckedFolder) -> None:
    files = {
        "a.eval.yaml": HEAD + rows(f"id: a, input: '{REFUND}'"),
        "b.eval.yaml": HEAD + rows(f"id: b, input: '{REFUND}'", f"id: c, input: '{REFUND}!'"),
        "c.eval.yaml": HEAD + rows(f"id: d, input: '{REFUND}?'"),
    }

    same, like = folder.find_across(files)

    assert (same.kind, list(map(str, same.also))) == (Kind.CROSS_FILE_DUPLICATE, ["b.eval.yaml:5"])
    assert (like.kind, list(map(str, like.also))) == (Kind.CROSS_FILE_NEAR_DUPLICATE, ["c.eval.yaml:5"])


def test_cases_of_one_group_may_stand_in_two_files(folder: CheckedFolder) -> None:
    files = {
        "a.eval.yaml": HEAD + rows(f"id: a, input: '{REFUND}', group: g"),
        "b.eval.yaml": HEAD + rows(f"id: x, input: '{REFUND}!', group: g"),
    }

    assert folder.find_across(files) == []


def test_comparing_files_ends_when_it_takes_too_long_and_says_so(
    folder: CheckedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "_MOST_WORK", 0)
    files = {
        f"{name}.eval.yaml": HEAD + rows(*(f"id: c{n}, input: '{REFUND}{mark * n}'" for n in range(3)))
        for name, mark in (("a", "!"), ("b", "?"))
    }

    found = folder.find_across(files, Kind.CROSS_FILE_NEAR_DUPLICATE)

    assert texts(found)[0] == (
        "a.eval.yaml:1: cross-file-near-duplicate: there are too many long and similar texts to compare all of them; "
        "near-duplicates may be missing"
    )


def test_an_example_that_is_a_case_of_another_file_is_found_where_it_stands(folder: CheckedFolder) -> None:
    folder.write("shots.jsonl", f'{{"user": "Hi", "assistant": "Ho"}}\n{{"user": "{REFUND}!", "assistant": "Soon."}}\n')
    files = {
        "a.eval.yaml": HEAD + "few_shot: shots.jsonl\n" + rows("id: a, input: Where is it?"),
        "b.eval.yaml": HEAD + rows("id: x, input: Who?", f"id: y, input: '{REFUND}'"),
    }

    (found,) = folder.find_across(files)

    assert str(found) == (
        'shots.jsonl:2: cross-file-leak: few-shot example 2, "When will I get the refund for the tent that I sen…", '
        "asks nearly the same as 'y' (b.eval.yaml:6), with the same prompt: a model that is shown one cannot be tested "
        "on the other; take another example, or say that it is meant: --ignore cross-file-leak"
    )
    assert found.cases == ("y",)
    assert list(map(str, found.also)) == ["b.eval.yaml:6"]


def test_an_example_that_says_what_another_file_expects_is_found(folder: CheckedFolder) -> None:
    answer = "The refund has been paid out to your card."
    files = {
        "a.eval.yaml": HEAD + SHOT.format("Hi", answer) + rows("id: a, input: Where is it?"),
        "b.eval.yaml": HEAD + rows(f"id: x, input: Who?, expected: ['no', '{answer}!']"),
    }

    (found,) = folder.find_across(files)

    assert found.message.startswith(
        "few-shot example 1, \"The refund has been paid out to your card.\", answers nearly what is expected of 'x' "
    )


@pytest.mark.parametrize(
    ("second", "count"),
    [
        (HEAD + rows("id: x, input: ' bonn?'"), 1),
        (HEAD.replace("echo", "other") + rows("id: x, input: Bonn?"), 1),
        (HEAD.replace("Answer.", "Answer!") + rows("id: x, input: Bonn?"), 0),
        (HEAD + rows("id: x, input: Bonn?, output: x"), 0),
        (HEAD + rows("id: x, input: Born?, expected: 'yes'"), 0),
        (HEAD + rows("id: x, input: Born?, expected: ''"), 0),
        (HEAD + SHOT.format("Bonn?", "'yes'") + rows("id: x, input: Bonn?"), 0),
        (HEAD + SHOT.format("Rome?", "'yes'") + rows("id: x, input: Bonn?"), 1),
        (HEAD.replace("model: scripted/echo\n", "") + rows("id: x, input: Bonn?, output: x"), 0),
    ],
)
def test_an_example_leaks_into_files_that_ask_with_its_prompt_without_it(
    folder: CheckedFolder, second: str, count: int
) -> None:
    first = HEAD + SHOT.format("Bonn?", "'yes'") + rows("id: a, input: Where is it?")

    found = folder.find_across({"a.eval.yaml": first, "b.eval.yaml": second}, Kind.CROSS_FILE_LEAK)

    assert len(found) == count


@pytest.mark.parametrize(
    ("question", "count"), [("Who lives in Bonn??", 0), ("Who lives in Bonn???", 1), (REFUND[:-1], 1)]
)
def test_short_questions_are_those_of_an_example_only_if_they_are_equal(
    folder: CheckedFolder, question: str, count: int
) -> None:
    shots = SHOT.format("Who lives in Bonn ??", "'yes'") + rows("id: a, input: Where is it?")
    files = {
        "a.eval.yaml": HEAD + shots.replace("few_shot: [", f"few_shot: [{{user: '{REFUND}', assistant: 'no'}}, "),
        "b.eval.yaml": HEAD + rows(f"id: x, input: '{question}'"),
    }

    assert len(folder.find_across(files)) == count


def test_an_example_does_not_leak_to_a_test_function(folder: CheckedFolder) -> None:
    head = HEAD.replace("prompt: 'Answer. {{ input }}'\n", "")
    files = {
        "a.eval.yaml": head + SHOT.format("Bonn?", "'yes'") + rows("id: a, input: Where is it?"),
        "b.jsonl": '{"id": "a", "input": "Bonn?", "judges": [{"contains": "x"}]}\n',
    }

    assert folder.find_across(files) == []


def test_a_case_that_its_own_file_gives_away_is_found_there(folder: CheckedFolder) -> None:
    folder.write("cases.jsonl", '{"id": "x", "input": "Bonn?"}\n')
    files = {
        "a.eval.yaml": HEAD + SHOT.format("Bonn?", "'yes'") + rows("file: cases.jsonl"),
        "b.eval.yaml": HEAD + rows("file: cases.jsonl"),
    }

    assert folder.find_across(files) == []


def test_one_file_has_nothing_in_common_with_others(folder: CheckedFolder) -> None:
    assert folder.find_across({"a.eval.yaml": HEAD + rows("id: a, input: Hi", "id: b, input: Hi")}) == []
