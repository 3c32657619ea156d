"""Groups, negation, templates in parameters, and judges that misbehave."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_promptevals.errors import DatasetError
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.records.results import Grade, JudgeSpending
from tests.unit.engine.plans import OddJudge, plan, result_of


@pytest.mark.parametrize(
    ("judges", "value", "passed"),
    [
        ("[exact]", 1.0, True),
        ("[{not: exact}]", 0.0, False),
        ("[{not: {contains: x}}]", 1.0, True),
        ("[{odd: 0.5}]", 0.5, True),
        ("[{odd: 0.4}]", 0.4, False),
        ("[{odd: {gives: 0.4, threshold: 0.3}}]", 0.4, True),
        ("[{not: {odd: {gives: 0.25, threshold: 0.3}}}]", 0.75, True),
        ("[{not: {odd: {gives: 0.3, threshold: 0.3}}}]", 0.7, False),
        ("[{all_of: [exact, {odd: 0.5}]}]", 0.5, True),
        ("[{all_of: [exact, {odd: 0.4}]}]", 0.4, False),
        ("[{any_of: [{contains: x}, {odd: 0.5}]}]", 0.5, True),
        ("[{any_of: [{contains: x}, {odd: 0.4}]}]", 0.4, False),
        ("[{not: {any_of: [exact, {odd: 0.4}]}}]", 0.0, False),
        ("[{all_of: [{not: {contains: x}}, {any_of: [exact, {contains: x}]}]}]", 1.0, True),
        ("[{all_of: {judges: [exact, {odd: 0.4}], threshold: 0.3}}]", 0.4, True),
    ],
)
def test_what_judges_and_groups_of_them_give(tmp_path: Path, judges: str, value: float, passed: bool) -> None:
    (score,) = result_of(tmp_path, judges).scores

    assert score.value == pytest.approx(value)
    assert score.passed is passed


@pytest.mark.parametrize("judges", ["[{odd: 0.5}]", "[{not: {odd: 0.5}}]"])
def test_what_a_judge_knows_beside_its_number_goes_with_the_score(tmp_path: Path, judges: str) -> None:
    (score,) = result_of(tmp_path, judges).scores

    assert score.details == {"odd": True}


def test_a_failed_group_says_which_of_its_judges_failed(tmp_path: Path) -> None:
    (score,) = result_of(tmp_path, "[{all_of: [exact, {odd: 0.4}]}]").scores

    assert score.explanation == "odd: gave 0.4"


def test_a_failed_negation_says_what_it_must_not_do(tmp_path: Path) -> None:
    (score,) = result_of(tmp_path, "[{not: exact}]").scores

    assert (score.judge, score.explanation) == ("not exact", 'must not pass, but does with 1: equals "hi"')


def test_weights_and_what_is_not_required(tmp_path: Path) -> None:
    result = result_of(tmp_path, "[{exact: {weight: 3}}, {odd: {gives: 0, required: false}}]")

    assert (result.score, result.passed) == (0.75, True)


@pytest.mark.parametrize(
    ("gives", "message"),
    [
        ("raise", "a.eval.yaml:2: judge 'odd' raised LookupError: odd at "),
        ("text", "a.eval.yaml:2: judge 'odd' returned str, not a Grade"),
        ("1.5", "a.eval.yaml:2: judge 'odd' returned 1.5; a grade is a number from 0 to 1"),
        (".nan", None),
        (
            "sleep",
            "a.eval.yaml:2: judge 'odd' gave no score within 0.05 s. Raise 'timeout' if the judges need longer.",
        ),
        ("nowhere/m", "a.eval.yaml:2: judge 'odd': unknown provider 'nowhere' in model 'nowhere/m'."),
    ],
)
def test_a_judge_that_misbehaves_is_an_error_never_a_score(tmp_path: Path, gives: str, message: str | None) -> None:
    if message is None:
        with pytest.raises(DatasetError):
            result_of(tmp_path, f"[{{odd: {gives}}}]")
        return
    result = result_of(tmp_path, f"[{{odd: {gives}}}]", head="timeout: 0.05\n")

    assert result.error is not None
    assert result.error.kind == "judge"
    assert result.error.message.startswith(message)
    assert (result.score, result.passed) == (None, None)
    assert result.output == "hi"


def test_a_judge_may_ask_a_model_and_its_cost_is_kept(tmp_path: Path) -> None:
    result = result_of(tmp_path, "[{odd: counting/judge}]")

    assert result.scores[0].value == 0.75
    assert result.scores[0].explanation == "asked judge-1"
    assert result.cost == 0.5


def test_what_judges_spent_is_kept_where_one_of_them_gives_no_grade(tmp_path: Path) -> None:
    result = result_of(tmp_path, "[{odd: counting/judge}, {odd: {gives: raise, name: broken}}]")

    assert result.score is None
    assert result.trials[0].judging == JudgeSpending(1, 0.25, 0.25)
    assert (result.cost, result.spent) == (0.5, 0.5)


def test_judges_that_asked_nothing_spent_nothing(tmp_path: Path) -> None:
    result = result_of(tmp_path, "[{odd: raise}]")

    assert result.trials[0].judging is None
    assert result.cost == 0.25


def test_the_cost_of_a_negated_judge_is_kept(tmp_path: Path) -> None:
    (score,) = result_of(tmp_path, "[{not: {odd: counting/a}}]").scores

    assert score.cost == 0.25


def test_costs_of_a_group_add_up(tmp_path: Path) -> None:
    (score,) = result_of(tmp_path, "[{all_of: [{odd: counting/a}, {odd: counting/b}, exact]}]").scores

    assert score.cost == 0.5


def test_a_group_hands_on_what_is_known_of_its_judges_and_what_each_cost(tmp_path: Path) -> None:
    inner = "{any_of: {judges: [{odd: 0.25}, {not: {odd: {gives: 0.25, name: other}}}], name: inner}}"
    (score,) = result_of(tmp_path, f"[{{all_of: [{{odd: counting/a}}, {inner}]}}]").scores

    assert score.details == {
        "judges": {
            "odd": {"score": 0.75, "passed": True, "calls": 1, "cost": 0.25, "spent": 0.25},
            "inner": {
                "score": 0.75,
                "passed": True,
                "details": {
                    "judges": {
                        "odd": {"score": 0.25, "passed": False, "details": {"odd": True}},
                        "other": {"score": 0.75, "passed": True, "details": {"odd": True}},
                    }
                },
            },
        }
    }
    assert (score.calls, score.cost, score.spent) == (1, 0.25, 0.25)


def test_a_negated_group_hands_them_on_too(tmp_path: Path) -> None:
    (score,) = result_of(tmp_path, "[{not: {all_of: [{odd: 0.25}]}}]").scores

    assert score.details == {"judges": {"odd": {"score": 0.25, "passed": False, "details": {"odd": True}}}}


def test_a_group_keeps_what_each_of_its_judges_said(tmp_path: Path) -> None:
    (score,) = result_of(tmp_path, "[{all_of: [exact, {contains: h}]}]").scores

    assert score.details == {
        "judges": {"exact": {"score": 1.0, "passed": True}, "contains": {"score": 1.0, "passed": True}}
    }


def test_a_judges_own_cost_is_part_of_what_its_group_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def judge(self: OddJudge, subject: JudgeInput, ask: Ask) -> Grade:
        return Grade(1.0, cost=0.5)

    monkeypatch.setattr(OddJudge, "judge", judge)
    (score,) = result_of(tmp_path, "[{all_of: [{odd: 1}, {any_of: [{odd: {gives: 2, name: b}}]}, exact]}]").scores

    assert (score.calls, score.cost, score.spent) == (0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("judges", "case"),
    [
        ("[{contains: '{{ word }}'}]", "{id: a, input: a word, vars: {word: word}}"),
        ("[{contains: '{{ expected }}'}]", "{id: a, input: hi there, expected: hi}"),
        ("[{contains_all: ['{{ one }}', '{{ two }}']}]", "{id: a, input: x y, vars: {one: x, two: y}}"),
        ("[{contains: {value: 'is {{ n }}!'}}]", "{id: a, input: it is 7!, vars: {n: 7}}"),
        ("[{contains_all: '{{ words }}'}]", "{id: a, input: x y, vars: {words: [x, y]}}"),
        ("[{json_equal: {value: '{{ data }}'}}]", "{id: a, input: '{\"a\": 1}', vars: {data: {a: 1}}}"),
        ("[{word_count: {max: '{{ most }}'}}]", "{id: a, input: one two, vars: {most: 2}}"),
        ("[{all_of: [{contains: '{{ word }}'}]}]", "{id: a, input: a word, vars: {word: word}}"),
    ],
)
def test_parameters_are_templates_that_each_case_fills_in(tmp_path: Path, judges: str, case: str) -> None:
    result = result_of(tmp_path, judges, case)

    assert result.error is None
    assert result.passed is True


def test_a_value_that_a_case_fills_in_wrongly_is_an_error_at_collection(tmp_path: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        result_of(tmp_path, "[{regex: '{{ pattern }}'}]", "{id: a, input: hi, vars: {pattern: '('}}")

    assert str(caught.value).startswith("a.eval.yaml:2: judges.regex: ")


def test_the_level_of_a_case_is_that_of_its_highest_judge(tmp_path: Path) -> None:
    cases = "[{id: a, input: x, judges: [{any_of: [{contains: y}, odd]}]}, {id: b, input: x}]"
    text = f"model: counting/m\njudges: [{{contains: x}}]\ncases: {cases}"

    assert [planned.level for planned in plan(tmp_path, text)] == [2, 1]


def test_judges_of_a_case_come_after_those_of_its_file(tmp_path: Path) -> None:
    result = result_of(tmp_path, "[exact]", "{id: a, input: hi, expected: hi, judges: [{contains: h}]}")

    assert [score.judge for score in result.scores] == ["exact", "contains"]
