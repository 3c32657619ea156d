"""Answers that the model is shown: in few-shot examples, and in the prompt itself."""

from __future__ import annotations

import pytest

from pytest_promptevals.hygiene.findings import Kind
from tests.unit.hygiene.conftest import CheckedFolder

JUDGES = "judges: [fuzzy]\n"
HEAD = "model: scripted/echo\n" + JUDGES
ANSWER = "The refund has been paid out to your card."


def find_given_away(folder: CheckedFolder, text: str) -> list[str]:
    return folder.find_in(text, Kind.ANSWER_IN_PROMPT)


def test_an_answer_in_the_prompt_is_found_whatever_its_case(folder: CheckedFolder) -> None:
    cases = (
        "cases:\n  - {id: a, input: 'Is PARIS, or Rome the capital?', expected: Paris}\n"
        "  - {id: b, input: Which is the largest ocean?, expected: the Pacific}\n"
    )

    assert find_given_away(folder, HEAD + cases) == [
        (
            "a.eval.yaml:4: answer-in-prompt: the expected answer of 'a' (line 4) stands in the prompt, "
            'such as "paris": '
            "the model need only repeat it; ask in other words"
        )
    ]


def test_answers_that_stand_in_most_prompts_may_be_meant_to(folder: CheckedFolder) -> None:
    cases = "cases:\n" + "".join(
        f"  - {{id: c{n}, input: 'Which order is it? It is A-10{n}.', expected: A-10{n}}}\n" for n in range(4)
    )

    (found,) = find_given_away(folder, HEAD + cases)

    assert found == (
        "a.eval.yaml:4: answer-in-prompt: the expected answer of 'c0' (line 4), 'c1' (line 5), 'c2' "
        "(line 6) and 1 more "
        'stands in the prompt, such as "a-100"; as it does in 4 of 4 cases, that may be meant: '
        "--ignore answer-in-prompt"
    )


@pytest.mark.parametrize(("given_away", "is_meant"), [(5, False), (6, True)])
def test_more_than_half_of_the_prompts_are_most(folder: CheckedFolder, given_away: int, is_meant: bool) -> None:
    cases = "cases:\n" + "".join(
        f"  - {{id: c{n}, input: 'Which order is it?{f' It is A-10{n}.' * (n < given_away)} {n}', expected: A-10{n}}}\n"
        for n in range(10)
    )

    (found,) = find_given_away(folder, HEAD + cases)

    assert ("that may be meant" in found) is is_meant


@pytest.mark.parametrize("expected", ["yes", "42", "'[]'", "null", "{n: paris}", "Rome"])
def test_short_answers_data_and_absent_ones_are_not_given_away(folder: CheckedFolder, expected: str) -> None:
    cases = f"cases:\n  - {{id: a, input: 'Say yes, null or 42 [] for paris.', expected: {expected}}}\n"

    assert find_given_away(folder, "model: scripted/echo\njudges: [{contains: x}]\n" + cases) == []


def test_a_part_of_a_word_is_no_answer(folder: CheckedFolder) -> None:
    assert find_given_away(folder, HEAD + "cases: [{id: a, input: Who are Parisians?, expected: Paris}]") == []


def test_any_of_several_answers_counts(folder: CheckedFolder) -> None:
    case = "cases: [{id: a, input: Is it in Paris?, expected: [no idea, paris]}]"

    assert len(find_given_away(folder, HEAD + case)) == 1


def test_choices_that_every_prompt_names_are_not_given_away(folder: CheckedFolder) -> None:
    head = HEAD + "prompt: 'Answer with approved or refused. {{ input }}'\n"
    cases = "cases:\n  - {id: a, input: One, expected: approved}\n  - {id: b, input: Two, expected: refused}\n"

    assert find_given_away(folder, head + cases) == []


def test_labels_are_not_given_away(folder: CheckedFolder) -> None:
    rows = [("It was a positive day", "positive")] + [(f"Day {n}", ("positive", "negative")[n % 2]) for n in range(11)]
    cases = "cases:\n" + "".join(
        f"  - {{id: c{n}, input: {text}, expected: {label}}}\n" for n, (text, label) in enumerate(rows)
    )

    assert find_given_away(folder, HEAD + cases) == []


def test_a_recorded_output_was_not_asked(folder: CheckedFolder) -> None:
    cases = "cases: [{id: a, input: Is it Paris?, expected: Paris, output: Paris}]"

    assert find_given_away(folder, HEAD + cases) == []


def test_a_prompt_of_the_users_own_function_is_not_rendered(folder: CheckedFolder) -> None:
    folder.write("hygiene_prompts.py", "def ask(input):\n    raise AssertionError\n")
    head = HEAD + "prompt: python:hygiene_prompts:ask\n"

    assert find_given_away(folder, head + "cases: [{id: a, input: Is it Paris?, expected: Paris}]") == []


def test_an_answer_is_told_once_for_several_prompts_and_models(folder: CheckedFolder) -> None:
    head = "model: [scripted/echo, scripted/other]\nprompt: ['{{ input }}', 'Now: {{ input }}']\n" + JUDGES

    assert len(find_given_away(folder, head + "cases: [{id: a, input: Is it Paris?, expected: Paris}]")) == 1


def test_an_example_that_asks_what_a_case_asks_is_a_leak(folder: CheckedFolder) -> None:
    head = HEAD + "few_shot: [{user: Hello, assistant: Hi}, {user: where is my REFUND for the tent, assistant: x}]\n"
    cases = (
        "cases:\n  - {id: a, input: Something else altogether, expected: y}\n"
        "  - {id: b, input: Where is my refund for the tent?, expected: z}\n"
    )

    assert folder.find_in(head + cases, Kind.FEW_SHOT_LEAK) == [
        (
            'a.eval.yaml:3: few-shot-leak: few-shot example 2, "where is my REFUND for the tent", asks '
            "nearly the same as "
            "'b' (line 6): the model is shown what it is tested on; take another example"
        )
    ]


def test_an_example_that_says_what_a_case_expects_is_a_leak(folder: CheckedFolder) -> None:
    head = HEAD + f"few_shot: [{{user: Hello, assistant: '{ANSWER}'}}]\n"
    cases = (
        f"cases:\n  - {{id: a, input: Where?, expected: [no, '{ANSWER}']}}\n  - {{id: b, input: Who?, expected: z}}\n"
    )

    assert folder.find_in(head + cases, Kind.FEW_SHOT_LEAK) == [
        (
            f"a.eval.yaml:3: few-shot-leak: few-shot example 1, \"{ANSWER}\", answers nearly what is expected of 'a' "
            "(line 5): the model is shown what it is tested on; take another example"
        )
    ]


@pytest.mark.parametrize("case", ["input: Quite another text, expected: ok", "input: Hello, expected: x, output: ok"])
def test_a_short_answer_and_a_recorded_output_leak_nothing(folder: CheckedFolder, case: str) -> None:
    head = HEAD + "few_shot: [{user: Hello, assistant: ok}]\n"

    assert folder.find_in(head + f"cases: [{{id: a, {case}}}]", Kind.FEW_SHOT_LEAK) == []


def test_an_example_is_compared_with_the_input_and_with_all_that_is_asked(folder: CheckedFolder) -> None:
    head = HEAD + "prompt: '{{ input }} {{ who | default(1) }}'\nfew_shot: [{user: Hello, assistant: ok}]\n"
    row = "cases: [{{id: a, {}, expected: x}}]"

    assert len(folder.find_in(head + row.format("input: Hello, vars: {who: Ada}"), Kind.FEW_SHOT_LEAK)) == 1
    assert len(folder.find_in(head + row.format("vars: {who: hello}"), Kind.FEW_SHOT_LEAK)) == 1


def test_what_an_example_says_is_not_told_again_as_an_answer_in_the_prompt(folder: CheckedFolder) -> None:
    head = HEAD + f"few_shot: [{{user: Hello, assistant: '{ANSWER}'}}]\n"

    assert find_given_away(folder, head + f"cases: [{{id: a, input: Where?, expected: '{ANSWER}'}}]") == []


CHAT = """
- {role: system, content: Be kind.}
- {role: user, content: Where is my refund for the tent?}
- {role: assistant, content: On its way.}
- {role: user, content: '{{ input }}'}
"""
CASES = "cases:\n  - {id: a, input: Is it late?}\n  - {id: b, input: where is my refund for the tent}\n"


def test_an_example_in_a_chat_prompt_leaks_too(folder: CheckedFolder) -> None:
    folder.write("chat.yaml", CHAT)
    head = "model: scripted/echo\njudges: [{contains: x}]\nprompt: ['{{ input }}', chat.yaml]\n"

    assert folder.find_in(f"{head}{CASES}  - {{id: c, input: Be kind.}}\n", Kind.FEW_SHOT_LEAK) == [
        (
            'a.eval.yaml:3: few-shot-leak: an example in the prompt, "Where is my refund for the tent?", asks nearly '
            "the same as 'b' (line 6): the model is shown what it is tested on; take another example"
        )
    ]


def test_what_a_chat_prompt_asks_of_each_case_is_no_example(folder: CheckedFolder) -> None:
    folder.write("chat.yaml", CHAT.replace("Where is my refund for the tent?", "'{{ input }}'"))
    head = "model: scripted/echo\njudges: [{contains: x}]\nprompt: chat.yaml\n"

    assert folder.find_in(head + CASES, Kind.FEW_SHOT_LEAK) == []
    # One case, or equal ones, do not tell which messages are the same for all.
    equal = CASES.replace("Is it late?", "where is my refund for the tent")
    assert folder.find_in(head + equal, Kind.FEW_SHOT_LEAK) == []


def test_a_recorded_case_is_not_put_to_the_prompt(folder: CheckedFolder) -> None:
    folder.write("chat.yaml", CHAT.replace("input", "question"))
    cases = "cases: [{id: a, output: x}, {id: b, output: y}]\n"

    assert folder.find_in(f"judges: [{{contains: x}}]\nprompt: chat.yaml\n{cases}", Kind.FEW_SHOT_LEAK) == []


def test_an_example_that_few_shot_puts_into_a_chat_prompt_is_one_finding(folder: CheckedFolder) -> None:
    few_shot = "few_shot: [{user: Where is my refund for the tent?, assistant: On its way.}]\n"
    head = f"model: scripted/echo\njudges: [{{contains: x}}]\n{few_shot}prompt: '{{{{ input }}}}'\n"

    (found,) = folder.find_in(head + CASES, Kind.FEW_SHOT_LEAK)

    assert "few-shot example 1, " in found
