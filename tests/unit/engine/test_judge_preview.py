"""What judges would call, with nothing called."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.engine.estimates import PlannedCall, PlannedJudge, Range
from pytest_promptevals.engine.judge_preview import preview_judges
from pytest_promptevals.engine.judging import JudgePlanner
from pytest_promptevals.engine.planning import PlannedCase, plan_judges
from pytest_promptevals.engine.preview import preview_calls
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges.model.case_prompt import size_of
from pytest_promptevals.judges.model.steps import steps_messages
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.prices import Price
from pytest_promptevals.records.responses import Usage
from pytest_promptevals.settings import Settings
from tests.unit.engine.plans import OddJudge, plan

PRICE = "prices: {counting/judge: {input: 1, output: 2}}\n"
CASE = "cases: [{id: a, input: x, expected: x}]"


def previewed(
    folder: Path, text: str, history: dict[tuple[str, str], Usage] | None = None
) -> tuple[tuple[PlannedCall, ...], tuple[PlannedJudge, ...]]:
    planned: tuple[PlannedCase, ...] = plan(folder, f"model: counting/m\nparameters: {{max_tokens: 300}}\n{text}")
    return preview_judges(planned, preview_calls(planned, folder, None, None), folder, history)


def counted(folder: Path, text: str) -> list[tuple[str, str]]:
    return [(call.label, call.case) for call in previewed(folder, text)[0]]


@pytest.fixture
def speaking(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The odd judge says which model it asks, and that its prompt has 1,000 characters."""

    def prompt_size(self: OddJudge, case: Case) -> int:
        return 1000

    monkeypatch.setattr(OddJudge, "models", ("counting/judge",), raising=False)
    monkeypatch.setattr(OddJudge, "prompt_size", prompt_size, raising=False)
    return monkeypatch


@pytest.mark.usefixtures("speaking")
def test_a_judge_makes_a_call_for_each_answer(tmp_path: Path) -> None:
    text = (
        "trials: 2\njudges: [exact, {all_of: [odd, exact]}]\n"
        "cases: [{id: a, input: x, expected: x}, {id: b, input: y, output: z, expected: y, judges: [odd]}]"
    )
    assert counted(tmp_path, text) == [("counting/judge", f"a.eval.yaml::{name}") for name in "aabb"]
    assert previewed(tmp_path, text)[1] == ()


def test_a_model_that_is_asked_twice_is_counted_twice(tmp_path: Path, speaking: pytest.MonkeyPatch) -> None:
    speaking.setattr(OddJudge, "models", ("counting/a", "counting/a", "scripted/b"))

    labels = [label for label, _ in counted(tmp_path, f"judges: [odd]\n{CASE}")]

    assert labels == ["counting/a", "counting/a", "scripted/b"]


def test_the_panel_and_the_samples_of_a_model_judge_are_counted(tmp_path: Path) -> None:
    judge = "rubric: {criteria: It is polite., panel: [counting/a, counting/b], samples: 3}"

    calls, silent = previewed(tmp_path, f"judges: [{{{judge}}}]\n{CASE}")

    assert [call.label for call in calls] == ["counting/a"] * 3 + ["counting/b"] * 3
    assert silent == ()


@pytest.mark.usefixtures("speaking")
def test_the_price_of_a_judges_model_is_looked_up(tmp_path: Path) -> None:
    (call,) = previewed(tmp_path, f"judges: [odd]\n{PRICE}{CASE}")[0]
    assert (call.price, call.is_judge, call.is_cached, call.request.model) == (Price(1.0, 2.0), True, False, "judge")


def test_the_price_at_a_provider_that_there_is_not_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Only a judge of the user's own may name one that there is not: those of ours are checked.
    monkeypatch.setattr(JudgePlanner, "_check_models", lambda *_: None)
    judge = "rubric: {criteria: It is polite., model: nobody/judge}"

    (call,) = previewed(tmp_path, f"judges: [{{{judge}}}]\n{CASE}")[0]

    assert (call.label, call.price, call.answer_limit) == ("nobody/judge", None, None)


@pytest.mark.usefixtures("speaking")
def test_a_judge_is_shown_what_it_says_the_answer_and_perhaps_the_whole_prompt(tmp_path: Path) -> None:
    (call,) = previewed(tmp_path, f"judges: [odd]\nprompt: '{'y' * 500} {{{{ input }}}}'\n{CASE}")[0]
    # 1,000 characters of its own, up to 502 of the prompt, and an answer of 10 to 300 tokens.
    assert call.unseen == Range(200 + 10, (1000 + 502) / 2.5 + 300)


@pytest.mark.usefixtures("speaking")
def test_the_length_of_earlier_answers_is_known(tmp_path: Path) -> None:
    history = {("counting/m", "a.eval.yaml::a"): Usage(1000, 50)}
    (call,) = previewed(tmp_path, f"judges: [odd]\n{CASE}", history)[0]
    assert call.unseen == Range(200 + 50, 1001 / 2.5 + 50)


@pytest.mark.usefixtures("speaking")
def test_the_length_of_a_recorded_answer_is_known(tmp_path: Path) -> None:
    (call,) = previewed(tmp_path, f"judges: [odd]\ncases: [{{id: a, input: x, output: {'z' * 100}, expected: x}}]")[0]
    assert call.unseen == Range(200 + 20, 400 + 40)


@pytest.mark.parametrize("size", ["none", "unsaid", "error"])
def test_a_judge_that_does_not_say_the_size_of_its_prompt_is_shown_the_texts_of_the_case(
    tmp_path: Path, speaking: pytest.MonkeyPatch, size: str
) -> None:
    def prompt_size(self: OddJudge, case: Case) -> None:
        if size == "error":
            raise JudgeError("nothing to judge")

    if size == "unsaid":
        speaking.delattr(OddJudge, "prompt_size")
    else:
        speaking.setattr(OddJudge, "prompt_size", prompt_size)
    case = "{id: a, input: xx, expected: [x], context: [y], output: z}"

    (call,) = previewed(tmp_path, f"judges: [odd]\ncases: [{case}]")[0]

    characters = 3000 + len("xx") + len('["x"]') + len('["y"]')
    assert call.unseen == Range(characters / 5 + 0.2, characters / 2.5 + 0.4)


def test_the_parameters_of_the_judges_own_calls_limit_its_answer(tmp_path: Path) -> None:
    judge = "rubric: {criteria: It is polite., model: counting/a, parameters: {max_tokens: 50}}"
    (call,) = previewed(tmp_path, f"judges: [{{{judge}}}]\n{CASE}")[0]
    assert call.request.parameters == {"max_tokens": 50}


CRITERIA = "criteria: It is polite., model: counting/a"
TWO_CASES = "cases: [{id: a, input: x, expected: x}, {id: b, input: y, expected: y}]"


def labels_of(folder: Path, text: str, **options: Any) -> list[tuple[str, str]]:
    planned = plan(folder, f"model: counting/m\n{text}")
    calls, silent = preview_judges(planned, preview_calls(planned, folder, None, None), folder, **options)
    assert silent == ()
    return [(call.label, call.case.rpartition("::")[2]) for call in calls]


def test_the_steps_of_g_eval_are_counted_once_for_each_model(tmp_path: Path) -> None:
    judges = "[{g_eval: {criteria: It is polite., panel: [counting/a, counting/b], samples: 2}}]"

    labels = labels_of(tmp_path, f"trials: 2\njudges: {judges}\n{TWO_CASES}")

    once = [("counting/a", "a"), ("counting/b", "a")]
    assert labels[:2] == once
    assert Counter(labels) == {
        **{(f"counting/{model}", case): 4 for model in "ab" for case in "ab"},
        **dict.fromkeys(once, 5),
    }


def test_the_steps_of_other_criteria_or_parameters_are_others(tmp_path: Path) -> None:
    judges = (
        f"[{{g_eval: {{{CRITERIA}}}}}, {{g_eval: {{{CRITERIA}, name: same}}}}, "
        f"{{g_eval: {{{CRITERIA}, parameters: {{seed: 1}}, name: seed}}}}, "
        f"{{g_eval: {{criteria: It is short., model: counting/a, name: short}}}}]"
    )
    assert len(labels_of(tmp_path, f"judges: {judges}\n{CASE}")) == 4 + 3


def test_steps_of_a_template_are_made_for_each_case(tmp_path: Path) -> None:
    judges = "[{g_eval: {criteria: 'It names {{ input }}.', model: counting/a}}]"
    assert len(labels_of(tmp_path, f"judges: {judges}\n{TWO_CASES}")) == 2 + 2


def test_steps_of_the_users_own_are_not_asked_for(tmp_path: Path) -> None:
    assert labels_of(tmp_path, f"judges: [{{g_eval: {{{CRITERIA}, steps: [Look.]}}}}]\n{CASE}") == [("counting/a", "a")]


def test_the_prompt_for_the_steps_holds_nothing_of_the_answer(tmp_path: Path) -> None:
    (steps, score) = previewed(tmp_path, f"judges: [{{g_eval: {{{CRITERIA}}}}}]\n{CASE}")[0]

    size = size_of(steps_messages("It is polite."))
    assert steps.unseen == Range(size / 5, size / 2.5)
    assert score.unseen.low > steps.unseen.low


TURNS = "input: [{role: user, content: hi}, {role: assistant, content: ho}, {role: user, content: bye}]"


@pytest.mark.parametrize(("how", "calls"), [("judged: turns", 2), ("judged: whole", 1), ("judged: turns, last: 1", 1)])
def test_each_turn_that_is_judged_is_a_call(tmp_path: Path, how: str, calls: int) -> None:
    judges = f"[{{conversation: {{{CRITERIA}, {how}}}}}]"
    assert len(labels_of(tmp_path, f"judges: {judges}\ncases: [{{id: a, {TURNS}}}]")) == calls


def test_the_turns_may_be_those_of_the_prompt(tmp_path: Path) -> None:
    prompt = "prompt: [{role: user, content: hi}, {role: assistant, content: ho}, {role: user, content: '{{ input }}'}]"
    judges = f"[{{conversation: {{{CRITERIA}, judged: turns}}}}]"
    assert len(labels_of(tmp_path, f"{prompt}\njudges: {judges}\n{CASE}")) == 2


def test_another_prompt_is_put_to_the_model_of_the_case_once_for_all_trials(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("Dear {{ input }}", encoding="utf-8")
    text = "trials: 2\njudges: [{pairwise: {against: other.md, model: counting/a, samples: 3}}]\n" + TWO_CASES

    labels = labels_of(tmp_path, text)

    assert Counter(labels) == {
        **{("counting/a", case): 2 * 2 * 3 for case in "ab"},
        **{("counting/m", case): 1 for case in "ab"},
    }
    assert len(labels_of(tmp_path, text, is_shared=False)) == len(labels) + 2


def test_an_answer_that_the_run_asks_for_anyway_is_no_other_call(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("Dear {{ input }}", encoding="utf-8")
    (tmp_path / "two.md").write_text("Hi {{ input }}", encoding="utf-8")
    text = f"prompt: [one.md, two.md]\njudges: [{{pairwise: {{against: one.md, model: counting/a}}}}]\n{CASE}"

    assert labels_of(tmp_path, text) == [("counting/a", "a[one]")] * 2 + [("counting/a", "a[two]")] * 2


def test_another_prompt_that_cannot_be_rendered_is_not_put(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("Dear {{ nobody }}", encoding="utf-8")
    text = f"judges: [{{pairwise: {{against: other.md, model: counting/a}}}}]\n{CASE}"

    assert labels_of(tmp_path, text) == [("counting/a", "a")] * 2


def test_nothing_is_asked_where_the_baseline_has_no_output(tmp_path: Path) -> None:
    text = f"judges: [{{pairwise: {{model: counting/a}}}}]\n{TWO_CASES}"

    assert labels_of(tmp_path, text, before={("a.eval.yaml", "b"): "z"}) == [("counting/a", "b")] * 2


def test_nothing_is_asked_where_a_recorded_output_is_that_of_the_baseline(tmp_path: Path) -> None:
    text = (
        "judges: [{pairwise: {model: counting/a}}]\ncases: [{id: a, input: x, output: y}, {id: b, input: x, output: z}]"
    )
    before = {("a.eval.yaml", name): "y" for name in "ab"}

    assert labels_of(tmp_path, text, before=before) == [("counting/a", "b")] * 2


def test_the_length_of_what_an_answer_is_compared_with_is_known(tmp_path: Path) -> None:
    judges = "[{pairwise: {against: expected, model: counting/a}}]"

    def unseen(expected: str) -> Range:
        return previewed(tmp_path, f"judges: {judges}\ncases: [{{id: a, input: x, expected: {expected}}}]")[0][0].unseen

    assert unseen("x" * 501).low - unseen("x").low == pytest.approx(100)


def test_a_judge_with_templates_is_made_for_each_case(tmp_path: Path) -> None:
    judge = "rubric: {criteria: 'It names {{ input }}.', model: counting/a}"
    text = f"judges: [{{{judge}}}]\ncases: [{{id: a, input: x, expected: x}}]"
    assert counted(tmp_path, text) == [("counting/a", "a.eval.yaml::a")]


def test_judges_that_do_not_say_what_they_call_are_counted_by_answers(tmp_path: Path) -> None:
    text = (
        "trials: 3\njudges: [exact, {all_of: [odd, exact]}]\n"
        "cases: [{id: a, input: x, expected: x}, {id: b, input: y, expected: y, judges: [{odd: {name: own}}]}]"
    )
    assert previewed(tmp_path, text) == ((), (PlannedJudge("odd", 6), PlannedJudge("own", 3)))


def test_judges_that_cannot_be_made_any_more_are_named_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = plan(tmp_path, f"model: counting/m\njudges: [{{odd: '{{{{ input }}}}'}}]\n{CASE}")
    calls = preview_calls(planned, tmp_path, None, None)

    def refuse(*arguments: Any) -> None:
        raise JudgeError("no")

    monkeypatch.setattr(type(planned[0].plan.planner), "judge_for", refuse)

    assert preview_judges(planned, calls, tmp_path) == ((), (PlannedJudge("odd", 1),))


@pytest.mark.usefixtures("speaking")
def test_a_case_whose_prompt_cannot_be_rendered_has_no_answer_to_judge(tmp_path: Path) -> None:
    (tmp_path / "judge_preview_prompts.py").write_text("def ask(input): raise ValueError('no')\n", encoding="utf-8")
    text = f"prompt: python:judge_preview_prompts:ask\njudges: [odd]\n{CASE}"
    assert previewed(tmp_path, text) == ((), ())


def of_function(folder: Path, text: str, before: dict[tuple[str, str], str] | None = None) -> list[PlannedCall]:
    """Return the judges' calls for the cases of a test function, while an eval file asks a model about them, too."""
    asked = plan(folder, f"model: counting/m\n{text}")
    registry = builtin_registry()
    cases = plan_judges(asked[0].plan.dataset, registry, folder, Settings())
    calls = preview_calls(asked, folder, None, None)
    return list(preview_judges(cases, calls, folder, before=before)[0])


def test_a_test_function_is_taken_to_judge_one_output_of_unknown_length(tmp_path: Path) -> None:
    text = (
        f"judges: [{{rubric: {{criteria: It is polite., model: scripted/a}}}}]\ncases: [{{id: a, input: {'x' * 900}}}]"
    )
    (call,) = of_function(tmp_path, f"trials: 3\n{text}")
    (recorded,) = previewed(tmp_path, f"{text[:-2]}, output: ''}}]")[0]

    assert call.label == "scripted/a"
    assert call.unseen.low == recorded.unseen.low + 10
    assert call.unseen.high == pytest.approx(recorded.unseen.high + 2000)


def test_the_recorded_output_of_a_case_is_not_what_a_test_function_makes(tmp_path: Path) -> None:
    text = "judges: [{pairwise: {model: scripted/a}}]\ncases: [{id: a, input: x, output: y}]"

    assert len(of_function(tmp_path, text, {("a.eval.yaml", "a"): "y"})) == 2


def test_another_prompt_cannot_be_put_to_the_model_of_a_test_function(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("Dear {{ input }}", encoding="utf-8")
    text = f"judges: [{{pairwise: {{against: other.md, model: scripted/a}}}}]\n{CASE}"

    assert [call.label for call in of_function(tmp_path, text)] == ["scripted/a"] * 2
