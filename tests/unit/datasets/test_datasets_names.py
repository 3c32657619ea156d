from __future__ import annotations

import pytest
from _pytest.mark.expression import Expression

from pytest_promptevals.datasets.names import check_id, check_tag


@pytest.mark.parametrize("text", ["a", "refund-late", "Größe 1/2", "a:b", "😀", "x" * 200, "(a)", "1"])
def test_an_id_may_hold_nearly_anything(text: str) -> None:
    check_id(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must not be empty; leave the key out to get an id made from input and vars"),
        ("x" * 201, "must not be longer than 200 characters, but has 201"),
        (" a", "must not begin or end with a space"),
        ("a\n", "must not begin or end with a space"),
        ("a::b", "must not hold '::', which separates the parts of a pytest node id"),
        ("a[1]", "must not hold '[', ']' or control characters, which pytest gives a meaning of its own"),
        ("a\tb", "must not hold '[', ']' or control characters, which pytest gives a meaning of its own"),
        ("a\x9bb", "must not hold '[', ']' or control characters, which pytest gives a meaning of its own"),
    ],
)
def test_an_id_that_breaks_node_ids_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        check_id(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("tag", ["smoke", "a-b", "v1.2", "a/b", "größe", "1", "+x", "Not"])
def test_a_tag_is_selected_by_its_own_expression(tag: str) -> None:
    check_tag(tag)
    assert Expression.compile(tag).evaluate(lambda name, /, **_: name == tag)


@pytest.mark.parametrize("tag", ["", "a b", "a(b)", "a,b", "a=b", "'a'", "a\n"])
def test_a_tag_that_no_expression_can_name_is_refused(tag: str) -> None:
    with pytest.raises(ValueError, match="must consist of letters") as caught:
        check_tag(tag)
    assert str(caught.value) == (
        "must consist of letters, digits and - _ . + / only, so that 'pytest -m' can select it"
    )


@pytest.mark.parametrize("tag", ["and", "or", "not", "True", "False", "None"])
def test_a_word_of_the_expression_language_is_no_tag(tag: str) -> None:
    with pytest.raises(ValueError, match=r"^is a word of 'pytest -m' itself; choose another tag$"):
        check_tag(tag)


@pytest.mark.parametrize("tag", ["skip", "skipif", "xfail", "parametrize", "usefixtures", "filterwarnings", "evals"])
def test_a_mark_with_a_meaning_is_no_tag(tag: str) -> None:
    with pytest.raises(ValueError, match=r"^is the name of a mark with a meaning of its own; choose another tag$"):
        check_tag(tag)


def test_a_tag_cannot_be_private() -> None:
    with pytest.raises(ValueError, match=r"^must not begin with '_', which pytest allows no mark to$"):
        check_tag("_x")
