from __future__ import annotations

import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges.build import JudgeParameterError
from pytest_promptevals.records.json_types import Json
from tests.unit.judges.grading import WHERE, check_case, explain, passes

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def test_exact_passes_on_the_same_text_only() -> None:
    assert passes("exact", "Paris", output="Paris")
    assert not passes("exact", "Paris", output="paris")
    assert not passes("exact", "Paris", output="Paris.")


def test_exact_ignores_outer_white_space_unless_told_otherwise() -> None:
    assert passes("exact", "Paris\n", output="  Paris\n\n")
    assert not passes("exact", "Paris", output="Paris\n", strip=False)
    assert not passes("exact", "a b", output="a  b")


def test_exact_takes_the_value_before_expected() -> None:
    assert passes("exact", "Paris", output="Paris", expected="Rome")
    assert passes("exact", output="Rome", expected="Rome")


def test_exact_accepts_any_of_several_texts() -> None:
    assert passes("exact", output="Rome", expected=["Paris", "Rome"])
    assert passes("exact", ["Paris", "Rome"], output="Rome")
    assert not passes("exact", ["Paris", "Rome"], output="Berlin")


@pytest.mark.parametrize(("expected", "text"), [(5, "5"), (1.5, "1.5"), (True, "true"), (False, "false"), ("", "")])
def test_exact_compares_with_the_text_of_a_scalar(expected: Json, text: str) -> None:
    assert passes("exact", output=text, expected=expected)
    assert not passes("exact", output=f"{text}1", expected=expected)


@pytest.mark.parametrize("judge", ["exact", "iexact", "contains", "icontains", "starts_with", "ends_with"])
def test_accents_count_as_one_character_however_they_are_typed(judge: str) -> None:
    assert passes(judge, COMPOSED, output=DECOMPOSED)
    assert passes(judge, DECOMPOSED, output=COMPOSED)


@pytest.mark.parametrize(
    ("expected", "output"),
    [("YES", "yes"), ("STRASSE", "straße"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("ᾳ\u0301", "\u0391\u0301\u03b9")],
)
def test_iexact_ignores_case_in_every_script(expected: str, output: str) -> None:
    assert passes("iexact", expected, output=output)
    assert not passes("exact", expected, output=output)


def test_exact_says_what_was_expected_and_what_came() -> None:
    assert explain("exact", "Paris", output="Lyon\n") == 'expected "Paris", got "Lyon"'
    assert explain("exact", "Paris", output="Lyon\n", strip=False) == 'expected "Paris", got "Lyon\\n"'


def test_exact_shows_long_texts_around_their_first_difference() -> None:
    assert explain("exact", "a" * 90 + "bc", output="a" * 90 + "xyz") == (
        'differs from character 91 on: expected "…aaaaaaaaaaaaaaaaaaaabc", got "…aaaaaaaaaaaaaaaaaaaaxyz"'
    )


def test_exact_shows_long_texts_that_differ_early_from_their_start() -> None:
    assert explain("exact", "ab", output="ac" + "d" * 90) == (
        f'differs from character 2 on: expected "ab", got "ac{"d" * 78}…"'
    )


def test_exact_names_the_first_of_many_expected_texts() -> None:
    assert explain("exact", ["a", "b", "c", "d", "e"], output="x") == (
        'the output "x" is none of the 5 expected texts "a", "b", "c" and 2 more'
    )


def test_exact_says_what_it_equals() -> None:
    assert explain("exact", "Paris", output="Paris") == 'equals "Paris"'


def test_a_judge_without_value_and_expected_names_the_case() -> None:
    with pytest.raises(JudgeError) as caught:
        passes("exact", output="Paris")
    assert str(caught.value) == (
        f"{WHERE}: judge 'exact' has nothing to compare with; give a value or add `expected` to the case"
    )


def test_a_case_with_nothing_to_compare_with_is_refused_before_there_is_an_output() -> None:
    with pytest.raises(JudgeError) as caught:
        check_case("exact")
    assert str(caught.value) == (
        f"{WHERE}: judge 'exact' has nothing to compare with; give a value or add `expected` to the case"
    )
    check_case("exact", "Paris")
    check_case("exact", expected="Paris")


def test_an_edge_of_white_space_is_refused_before_there_is_an_output() -> None:
    with pytest.raises(JudgeError, match="judge 'starts_with' cannot look for white space while it ignores it"):
        check_case("starts_with", expected=["Dear", " "])
    check_case("starts_with", expected=["Dear", " "], strip=False)


@pytest.mark.parametrize("expected", [{"a": 1}, [{"a": 1}], [["a"]], [None]])
def test_exact_sends_those_who_expect_data_to_json_equal(expected: Json) -> None:
    with pytest.raises(JudgeError, match="to compare JSON data, use the judge json_equal"):
        passes("exact", output="Paris", expected=expected)


def test_exact_says_that_an_object_is_no_text() -> None:
    with pytest.raises(JudgeError) as caught:
        passes("exact", output="Paris", expected={"city": "Paris"})
    assert str(caught.value) == (
        f"{WHERE}: judge 'exact': `expected` must be a text, a number or a list of these, "
        'not {"city": "Paris"}; to compare JSON data, use the judge json_equal'
    )


def test_an_empty_list_of_expected_texts_is_an_error() -> None:
    with pytest.raises(JudgeError, match="`expected` must not be an empty list"):
        passes("exact", output="Paris", expected=[])
    with pytest.raises(JudgeParameterError, match="value: must not be an empty list"):
        passes("exact", [], output="Paris")


def test_a_null_value_counts_as_none() -> None:
    assert passes("exact", output="Paris", expected="Paris", value=None)


def test_contains_looks_anywhere_and_minds_case() -> None:
    assert passes("contains", "A-17", output="Order A-17 is late.")
    assert not passes("contains", "a-17", output="Order A-17 is late.")
    assert passes("icontains", "a-17", output="Order A-17 is late.")
    assert not passes("icontains", "a-18", output="Order A-17 is late.")


def test_contains_accepts_any_of_several_texts() -> None:
    assert passes("contains", output="b", expected=["a", "b"])
    assert not passes("contains", output="c", expected=["a", "b"])


def test_contains_minds_white_space() -> None:
    assert not passes("contains", " late ", output="late")
    assert passes("contains", "\n", output="one\ntwo")


def test_contains_says_what_is_not_found_where() -> None:
    assert explain("contains", "x", output="Order") == 'expected "x", not found in the output "Order"'
    assert explain("contains", ["x", "y"], output="") == 'expected one of "x", "y", not found in the empty output'
    assert explain("contains", "x", output="a" * 1234) == (
        f'expected "x", not found in the output "{"a" * 80}…" (1,234 characters)'
    )


def test_contains_says_what_is_found() -> None:
    assert explain("contains", ["x", "rd"], output="Order") == '"rd" found'


@pytest.mark.parametrize("judge", ["contains", "icontains", "contains_any", "contains_all", "starts_with", "ends_with"])
def test_an_empty_text_is_nothing_to_look_for(judge: str) -> None:
    with pytest.raises(JudgeParameterError, match="must not be an empty text, since every output holds it"):
        passes(judge, ["a", ""], output="a")
    with pytest.raises(JudgeError, match="`expected` must not be an empty text, since every output holds it"):
        passes(judge, output="a", expected="")


def test_contains_any_needs_one_of_the_texts() -> None:
    assert passes("contains_any", ["refund", "money"], output="Your money is back.")
    assert not passes("contains_any", ["refund", "money"], output="Your order is here.")
    assert passes("contains_any", output="Your money is back.", expected=["refund", "money"])
    assert passes("contains_any", "money", output="Your money is back.")


def test_contains_all_needs_every_text() -> None:
    assert passes("contains_all", ["b", "a"], output="a b")
    assert not passes("contains_all", ["a", "c"], output="a b")
    assert not passes("contains_all", output="a b", expected=["a", "c"])


@pytest.mark.parametrize("judge", ["contains_any", "contains_all", "starts_with", "ends_with"])
def test_case_is_ignored_on_demand(judge: str) -> None:
    assert passes(judge, "PARIS", output="Paris", ignore_case=True)
    assert not passes(judge, "PARIS", output="Paris")


def test_contains_all_names_the_missing_texts() -> None:
    assert explain("contains_all", ["a", "x", "y"], output="a b") == '"x", "y" not found in the output "a b"'
    assert explain("contains_all", ["a", "b"], output="a b") == 'all of "a", "b" found'


def test_starts_with_looks_at_the_start_only() -> None:
    assert passes("starts_with", "Dear", output="Dear Ada")
    assert not passes("starts_with", "Ada", output="Dear Ada")
    assert passes("starts_with", output="Dear Ada", expected=["Hello", "Dear"])


def test_ends_with_looks_at_the_end_only() -> None:
    assert passes("ends_with", "Ada", output="Dear Ada")
    assert not passes("ends_with", "Dear", output="Dear Ada")
    assert passes("ends_with", output="Dear Ada", expected=["Bob", "Ada"])


def test_white_space_at_the_edge_is_ignored_unless_told_otherwise() -> None:
    assert passes("starts_with", "\nDear", output="  Dear Ada")
    assert not passes("starts_with", "Dear ", output="Dear\nAda")
    assert not passes("starts_with", "Dear", output=" Dear Ada", strip=False)
    assert passes("ends_with", "Ada\n", output="Dear Ada  ")
    assert not passes("ends_with", "Ada", output="Dear Ada\n", strip=False)
    assert passes("ends_with", "\n", output="Dear Ada\n", strip=False)


def test_white_space_alone_is_no_edge_to_look_for() -> None:
    with pytest.raises(JudgeError) as caught:
        passes("ends_with", "\n", output="Dear Ada\n")
    assert str(caught.value) == (
        f"{WHERE}: judge 'ends_with' cannot look for white space while it ignores it; "
        "set `strip: false` or give another text"
    )


def test_the_edge_judges_show_the_edge() -> None:
    output = "Dear " + "a" * 100 + " Ada"
    assert explain("starts_with", "Hello", output=output) == (
        f'expected "Hello", but the output starts with "Dear {"a" * 75}…"'
    )
    assert explain("ends_with", ["Bob", "Eve"], output=output) == (
        f'expected one of "Bob", "Eve", but the output ends with "…{"a" * 76} Ada"'
    )
    assert explain("ends_with", "Bob", output="Ada") == 'expected "Bob", but the output ends with "Ada"'
    assert explain("starts_with", "Bob", output=" \n") == 'expected "Bob", but the output is empty'
    assert explain("ends_with", "Bob", output="") == 'expected "Bob", but the output is empty'
    assert explain("starts_with", "Bob", output="Bob!") == 'starts with "Bob"'
