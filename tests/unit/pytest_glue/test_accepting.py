from __future__ import annotations

import pytest

from pytest_promptevals.errors import UsageError
from pytest_promptevals.pytest_glue.accepting import find_accepted

ITEMS = [
    ("evals/a.eval.yaml::france", False),
    ("evals/a.eval.yaml::spain[m1]", False),
    ("evals/a.eval.yaml::spain[m2]", False),
    ("evals/b.eval.yaml::france", False),
    ("evals/b.eval.yaml::late refund", False),
    ("tests/test_x.py::test_one[italy]", True),
    ("tests/test_x.py::TestMore::test_two[italy]", True),
]


def accepted(*words: str) -> set[str]:
    return {nodeid.partition("/")[2] for nodeid in find_accepted(words, ITEMS)}


def test_a_case_id_means_all_items_of_the_case() -> None:
    assert accepted("spain") == {"a.eval.yaml::spain[m1]", "a.eval.yaml::spain[m2]"}
    assert accepted("france") == {"a.eval.yaml::france", "b.eval.yaml::france"}


def test_an_item_name_or_a_node_id_means_that_item() -> None:
    assert accepted("spain[m2]") == {"a.eval.yaml::spain[m2]"}
    assert accepted("evals/b.eval.yaml::france") == {"b.eval.yaml::france"}
    assert accepted("test_two[italy]") == {"test_x.py::TestMore::test_two[italy]"}


def test_tests_over_a_dataset_are_named_by_their_case() -> None:
    assert accepted("italy") == {"test_x.py::test_one[italy]", "test_x.py::TestMore::test_two[italy]"}


def test_names_with_spaces_are_found_among_others() -> None:
    assert accepted("italy", "late", "refund", "spain[m1]") == {
        "test_x.py::test_one[italy]",
        "test_x.py::TestMore::test_two[italy]",
        "b.eval.yaml::late refund",
        "a.eval.yaml::spain[m1]",
    }


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["frnce"], "--evals-accept: no selected case is called 'frnce'. Did you mean 'france'?"),
        (
            ["zzz"],
            (
                "--evals-accept: no selected case is called 'zzz'. Selected are france, italy, late refund, spain, "
                "spain[m1] and 3 more."
            ),
        ),
        # What a model is called is no name of a case.
        (
            ["m1"],
            (
                "--evals-accept: no selected case is called 'm1'. Selected are france, italy, late refund, spain, "
                "spain[m1] and 3 more."
            ),
        ),
    ],
)
def test_what_names_no_item_is_said(words: list[str], problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_accepted(words, ITEMS)

    assert str(caught.value) == problem


def test_without_items_nothing_is_found() -> None:
    with pytest.raises(UsageError, match="no selected case is called 'a'"):
        find_accepted(["a"], [])
