from __future__ import annotations

import pytest

from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.judges import other_names
from pytest_promptevals.judges.criteria import library_names, spell_name
from pytest_promptevals.judges.other_names import explain_unknown_judge

KNOWN = list(builtin_registry().judges)


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("similar", "semantic"),
        ("llm-rubric", "rubric"),
        ("equals", "exact"),
        ("is-json", "json_valid"),
        ("javascript", "python"),
        ("geval", "g_eval"),
        ("G-Eval", "g_eval"),
        ("model-graded-closedqa", "closed_qa"),
        ("answer_relevancy", "rubric: relevance"),
        ("answer-relevance", "rubric: relevance"),
        ("faithfulness", "rubric: faithfulness"),
        ("Groundedness", "rubric: faithfulness"),
        ("Starts With", "starts_with"),
    ],
)
def test_the_name_that_another_tool_uses_is_told_as_ours(name: str, here: str) -> None:
    assert explain_unknown_judge(name, KNOWN) == f"unknown judge {name!r}. It is written `{here}` here."


def test_a_misspelled_name_gets_the_nearest_one() -> None:
    assert explain_unknown_judge("exat", KNOWN) == "unknown judge 'exat'. Did you mean 'exact'?"
    assert explain_unknown_judge("zzz", ["a", "b"]) == "unknown judge 'zzz'. Known: a, b."


@pytest.mark.parametrize(("name", "here"), sorted(other_names._ELSEWHERE.items()))
def test_what_the_table_says_there_is(name: str, here: str) -> None:
    judge, _, rubric = here.partition(": ")
    assert judge in KNOWN
    assert name not in KNOWN
    assert name == spell_name(name)
    assert not rubric or rubric in library_names().values()
