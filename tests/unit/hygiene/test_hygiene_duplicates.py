"""Cases that ask the same, or nearly."""

from __future__ import annotations

import random

import pytest

from pytest_promptevals.hygiene import likeness
from pytest_promptevals.hygiene.findings import Kind
from pytest_promptevals.hygiene.likeness import LIKE, Leaders, is_like
from tests.unit.hygiene.conftest import CheckedFolder

HEAD = "model: scripted/echo\nprompt: '{{ input }}'\njudges: [{contains: x}]\ncases:\n"
REFUND = "When will I get the refund for the tent that I sent back?"


def test_equal_cases_are_one_finding_with_all_of_them(folder: CheckedFolder) -> None:
    rows = "  - {id: a, input: Hi}\n  - {id: b, input: Ho}\n  - {id: c, input: Hi}\n  - {id: d, input: Hi}\n"

    found = folder.find_in(HEAD + rows, Kind.DUPLICATE)

    assert found == [
        "a.eval.yaml:5: duplicate: 3 cases ask the same: 'a' (line 5), 'c' (line 7), 'd' (line 8); keep one of them"
    ]


def test_a_finding_names_three_cases_and_counts_the_others(folder: CheckedFolder) -> None:
    folder.write("more.jsonl", '{"id": "m", "input": "Hi"}\n')
    rows = "  - {id: a, input: Hi}\n  - file: more.jsonl\n" + "".join(
        f"  - {{id: c{n}, input: Hi}}\n" for n in range(4)
    )

    (found,) = folder.find_in(HEAD + rows, Kind.DUPLICATE)

    assert "6 cases ask the same: 'a' (line 5), 'm' (more.jsonl:1), 'c0' (line 7) and 3 more; keep" in found


@pytest.mark.parametrize("other", ["input: Hi, vars: {x: 1}", "input: Hi, context: [c]", "input: Hi, output: o"])
def test_other_variables_context_or_output_make_another_case(folder: CheckedFolder, other: str) -> None:
    head = "model: scripted/echo\nprompt: '{{ input }} {{ x | default(1) }}'\njudges: [{contains: x}]\ncases:\n"

    assert folder.find_in(f"{head}  - {{id: a, input: Hi}}\n  - {{id: b, {other}}}\n", Kind.DUPLICATE) == []


def test_recorded_tool_calls_make_another_case(folder: CheckedFolder) -> None:
    row = "  - {{id: {}, input: Hi, output: {{tool_calls: [{{name: {}, arguments: {{}}}}]}}}}\n"

    assert folder.find_in(HEAD + row.format("a", "look") + row.format("b", "find"), Kind.DUPLICATE) == []
    assert len(folder.find_in(HEAD + row.format("a", "look") + row.format("b", "look"), Kind.DUPLICATE)) == 1


def test_answers_that_exclude_each_other_are_a_conflict(folder: CheckedFolder) -> None:
    rows = "  - {id: a, input: Hi, expected: Ho}\n  - {id: b, input: Hi, expected: [He, Ha]}\n"

    found = folder.find_in(HEAD + rows)

    assert [text for text in found if "duplicate" in text] == []
    assert found[-1] == (
        "a.eval.yaml:5: conflict: 'a' (line 5), 'b' (line 6) ask the same, but no answer is right for all: "
        '"Ho" in \'a\', ["He", "Ha"] in \'b\'; correct one of them'
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [("Ho", "[He, ho]"), ("Ho", "' HO '"), ("{n: 1}", "{n: 1}"), ("1", "'1'"), ("Ho", "null"), ("null", "null")],
)
def test_answers_with_one_in_common_are_no_conflict(folder: CheckedFolder, first: str, second: str) -> None:
    rows = f"  - {{id: a, input: Hi, expected: {first}}}\n  - {{id: b, input: Hi, expected: {second}}}\n"

    assert folder.find_in(HEAD + rows, Kind.CONFLICT) == []
    assert len(folder.find_in(HEAD + rows, Kind.DUPLICATE)) == 1


@pytest.mark.parametrize("second", ["{n: 2}", "[{n: 1}]", "2"])
def test_other_data_is_a_conflict(folder: CheckedFolder, second: str) -> None:
    rows = f"  - {{id: a, input: Hi, expected: {{n: 1}}}}\n  - {{id: b, input: Hi, expected: {second}}}\n"

    assert len(folder.find_in(HEAD + rows, Kind.CONFLICT)) == 1


def test_nearly_equal_cases_are_one_finding(folder: CheckedFolder) -> None:
    rows = (
        f"  - {{id: a, input: '{REFUND}'}}\n  - {{id: b, input: Hello}}\n  - {{id: c, input: '{REFUND.upper()}!!'}}\n"
    )

    (found,) = folder.find_in(HEAD + rows, Kind.NEAR_DUPLICATE)

    assert found == (
        "a.eval.yaml:5: near-duplicate: 2 cases ask nearly the same: 'a' (line 5), 'c' (line 7), such as "
        "\"When will I get the refund for the tent that I sen…\"; keep one, or give them one 'group'"
    )


def test_short_questions_are_near_only_if_a_reader_sees_no_difference(folder: CheckedFolder) -> None:
    rows = "  - {id: a, input: Slovenia}\n  - {id: b, input: Slovakia}\n  - {id: c, input: ' slovenia'}\n"

    (found,) = folder.find_in(HEAD + rows, Kind.NEAR_DUPLICATE)

    assert "2 cases ask nearly the same: 'a' (line 5), 'c' (line 7)" in found


def test_cases_of_one_group_are_meant_to_be_alike(folder: CheckedFolder) -> None:
    row = "  - {{id: {}, input: '{}', group: {}}}\n"

    assert folder.find_in(HEAD + row.format("a", REFUND, "g") + row.format("b", REFUND + "!", "g")) != []
    assert (
        folder.find_in(HEAD + row.format("a", REFUND, "g") + row.format("b", REFUND + "!", "g"), Kind.NEAR_DUPLICATE)
        == []
    )
    assert (
        len(
            folder.find_in(
                HEAD + row.format("a", REFUND, "g") + row.format("b", REFUND + "!", "h"), Kind.NEAR_DUPLICATE
            )
        )
        == 1
    )


@pytest.mark.parametrize(("expected", "count"), [("late", 1), ("in time", 0)])
def test_other_numbers_are_another_question_unless_the_answer_is_the_same(
    folder: CheckedFolder, expected: str, count: int
) -> None:
    first = "  - {id: a, input: Where is the tent of my order LF-1001?, expected: late}\n"
    second = f"  - {{id: b, input: Where is the tent of my order LF-1002?, expected: {expected}}}\n"

    assert len(folder.find_in(HEAD + first + second, Kind.NEAR_DUPLICATE)) == count


def test_variables_are_compared_as_they_are_printed(folder: CheckedFolder) -> None:
    head = "model: scripted/echo\nprompt: 'A long prompt in common: {{ q }} {{ r }}'\njudges: [{contains: x}]\ncases:\n"
    row = "  - {{id: {}, vars: {{q: {}, r: [1, {{deep: {}}}]}}}}\n"

    alike = row.format("a", "The boots pinch", "and the tent leaks") + row.format(
        "b", "The boots pinch", "and the tent leaks!"
    )
    other = row.format("a", "The boots pinch", "and the tent leaks") + row.format(
        "b", "No torch", "in all of the parcel"
    )
    assert len(folder.find_in(head + alike, Kind.NEAR_DUPLICATE)) == 1
    assert folder.find_in(head + other, Kind.NEAR_DUPLICATE) == []


def test_texts_without_spaces_are_compared_too(folder: CheckedFolder) -> None:
    text = "返品したテントの返金はいつ私の口座に振り込まれますか教えてください"
    rows = f"  - {{id: a, input: {text}}}\n  - {{id: b, input: {text}ね}}\n"

    assert len(folder.find_in(HEAD + rows, Kind.NEAR_DUPLICATE)) == 1


def test_comparing_ends_when_it_takes_too_long_and_says_so(
    folder: CheckedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "_MOST_WORK", 0)
    rows = "".join(f"  - {{id: a{n}, input: '{REFUND}{'!' * n}'}}\n" for n in range(4))

    found = folder.find_in(HEAD + rows, Kind.NEAR_DUPLICATE)

    assert found[0] == (
        "a.eval.yaml:1: near-duplicate: there are too many long and similar texts to compare all of them; "
        "near-duplicates may be missing"
    )
    # Where the work is done, a pair was found; the third text was not compared any more.
    assert len(found) == 2
    assert "2 cases ask nearly the same: 'a0'" in found[1]


def test_texts_are_like_from_twenty_characters_on() -> None:
    assert is_like("yes", "yes")
    assert not is_like("no refund", "no refunds")
    assert is_like("no refund for worn boots", "no refund for worn boot")
    assert not is_like("no refund for worn boots", "a refund for worn-out tents")
    assert LIKE == 90


def test_one_changed_word_among_thousands_is_found_without_comparing_all_pairs() -> None:
    chance = random.Random(7)  # noqa: S311 - example texts
    words = ["".join(chance.choices("abcdefghijklmnop", k=chance.randint(3, 9))) for _ in range(800)]
    texts = [" ".join(chance.choices(words, k=30)) for _ in range(1000)]
    changed = [text.replace(text.split()[4], "changed") for text in texts[::20]]
    leaders = Leaders([*texts, *changed])

    for number, text in enumerate(sorted(texts, key=len)):
        leaders.add(text, [0], number)
    missed = [text for text in changed if leaders.find(text, [0]) is None]

    assert missed == []
    assert leaders._work < len(texts) * len(changed) / 10


def test_words_of_one_text_alone_are_no_obstacle_to_its_likeness() -> None:
    # Six words of its own are more than half of the ten rarest, if those that nothing shares count among them.
    shared = [f"somewhat{number:02}" for number in range(40)]
    text, other = (" ".join([*shared, *(f"{mark}{number}" for number in range(6))]) for mark in "ab")
    leaders = Leaders([text, other])
    leaders.add(text, [0], 7)

    assert leaders.find(other, [0]) == 7


def test_texts_that_are_too_short_to_be_like_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    short, long = "where is the refund", "where is the refund " * 9
    leaders = Leaders([short, long])
    for number in range(30):
        leaders.add(short, [0], number)
    monkeypatch.setattr(likeness, "_MOST_WORK", 1)

    assert leaders.find(long, [0]) is None
    assert not leaders.is_exhausted
    assert leaders.find(short, [0]) == 0
    assert leaders.is_exhausted
