"""The plan of a run as text."""

from __future__ import annotations

import pytest

from pytest_promptevals.engine.estimates import ModelPlan, Plan, PlannedJudge, Range
from pytest_promptevals.reports.plan import cost_text, plan_lines

MINI = ModelPlan("openai/gpt-5-mini", 600, 100, 0, Range(89_540, 180_000), Range(5_000, 150_000), Range(0.0324, 0.3451))
OPUS = ModelPlan(
    "anthropic/claude-opus-5-5", 1600, 0, 1600, Range(1_193_000, 1_193_000), Range(72_000, 72_000), Range(2.21, 2.21)
)
LOCAL = ModelPlan("local/llama", 1, 0, 0, Range(5_370, 9_999), Range(10, 300), None)


def text(*models: ModelPlan, judges: tuple[PlannedJudge, ...] = (), width: int = 80) -> list[str]:
    return [line.text for line in plan_lines(Plan(models, judges), width)]


def test_the_whole_plan() -> None:
    judges = (PlannedJudge("own", 1200),)

    assert text(MINI, OPUS, LOCAL, judges=judges) == [
        "plan: at least 2,101 calls to make, 100 in the cache; nothing was called",
        "model              calls  cached    tokens in  tokens out                   cost",
        "openai/gpt-5-mini    600     100   89.5k-180k  5,000-150k         $0.0324-$0.345",
        "anthropic/claude-opus-5-5",
        "                   1,600       0        1.19M         72k                  $2.21",
        "local/llama            1       0  5,370-9,999      10-300                unknown",
        "total              2,201     100  1.29M-1.38M    77k-222k  $2.24-$2.56 + unknown",
        "Tokens: 1,600 calls by the means of earlier ones, 501 by the length of the",
        "  prompts, and 10 to max_tokens (2,000 if it is not set) for an answer.",
        "Unknown price: local/llama. Write its price under 'prices' in an evals.yaml, in",
        "  US dollars for a million tokens, or 'free'.",
        "Judge own: calls models too, which and how often is known once it runs; not",
        "  counted above.",
    ]


def test_calls_of_judges_have_rows_of_their_own_and_a_note() -> None:
    judging = ModelPlan("openai/gpt-5-mini", 30, 0, 0, Range(100, 200), Range(300, 400), Range(1.5, 2.5), is_judge=True)

    assert text(MINI, judging) == [
        "plan: 530 calls to make, 100 in the cache; nothing was called",
        "model                      calls  cached   tokens in  tokens out            cost",
        "openai/gpt-5-mini            600     100  89.5k-180k  5,000-150k  $0.0324-$0.345",
        "openai/gpt-5-mini (judge)     30       0     100-200     300-400     $1.50-$2.50",
        "total                        630     100  89.6k-180k  5,300-150k     $1.53-$2.85",
        "Tokens: by the length of the prompts, and 10 to max_tokens (2,000 if it is not",
        "  set) for an answer.",
        "Judges: as many calls as they say they make, as if none was in the cache, by the",
        "  length of what they are shown; a second try or a fallback comes on top.",
    ]


def test_the_judges_of_test_functions_are_counted_about() -> None:
    head, *_, first, second = (line.text for line in plan_lines(Plan((OPUS,), functions=3, judged_functions=1), 80))

    assert head == "plan: about 1,600 calls to make, 0 in the cache; nothing was called"
    assert [first, second] == [
        "Test functions: judges are counted once a test, for 1 test; a test may judge",
        "  more often, or never. What their own code calls is not known.",
    ]


def test_judges_of_test_functions_that_do_not_say_what_they_call_make_it_a_least() -> None:
    plan = Plan(judges=(PlannedJudge("own", 2),), functions=2, judged_functions=2)

    assert plan_lines(plan, 80)[0].text == "plan: at least 0 calls to make, 0 in the cache; nothing was called"


def test_test_functions_without_model_judges_may_call_models_themselves() -> None:
    assert [line.text for line in plan_lines(Plan(functions=2), 80)] == [
        "plan: the selected cases call no model",
        "Test functions: what their own code calls is not known (2 tests).",
    ]


def test_one_model_needs_no_total() -> None:
    assert text(OPUS) == [
        "plan: 1,600 calls to make, 0 in the cache; nothing was called",
        "model                      calls  cached  tokens in  tokens out   cost",
        "anthropic/claude-opus-5-5  1,600       0      1.19M         72k  $2.21",
        "Tokens: the means of earlier calls of the same cases.",
    ]


def test_an_unknown_price_is_unknown_and_never_nothing() -> None:
    other = ModelPlan("local/qwen", 1, cost=None)

    lines = text(LOCAL, other)

    assert lines[-4:] == [
        "Tokens: by the length of the prompts, and 10 to max_tokens (2,000 if it is not",
        "  set) for an answer.",
        "Unknown price: local/llama, local/qwen. Write their prices under 'prices' in an",
        "  evals.yaml, in US dollars for a million tokens, or 'free'.",
    ]
    assert [line.rsplit(maxsplit=1)[-1] for line in lines[2:5]] == ["unknown", "unknown", "unknown"]
    assert not any("$" in line for line in lines)


def test_what_is_all_in_the_cache_costs_nothing_and_says_nothing_of_tokens() -> None:
    assert text(ModelPlan("openai/gpt-5-nano", 3, 3)) == [
        "plan: 0 calls to make, 3 in the cache; nothing was called",
        "model              calls  cached  tokens in  tokens out   cost",
        "openai/gpt-5-nano      3       3          0           0  $0.00",
    ]


def test_no_line_is_wider_than_the_terminal() -> None:
    models = [ModelPlan(f"{'a-long-name-' * 9}{number}/m", 1, cost=None) for number in range(3)]

    lines = text(*models, judges=(PlannedJudge("j", 1),), width=70)

    assert max(len(line) for line in lines[:6]) <= 70
    assert lines[2].startswith("...")
    assert lines[2].endswith("-0/m")
    # Where a name has to be copied, it stands whole.
    assert any(models[0].label in line for line in lines[6:])


def test_a_run_without_models_says_so() -> None:
    assert text() == ["plan: the selected cases call no model"]


def test_a_run_whose_judges_alone_call_models_has_no_table() -> None:
    assert text(judges=(PlannedJudge("own", 1),)) == [
        "plan: at least 0 calls to make, 0 in the cache; nothing was called",
        "Judge own: calls models too, which and how often is known once it runs; not",
        "  counted above.",
    ]


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        (None, "unknown"),
        (Range(), "$0.00"),
        (Range(1.001, 1.002), "$1.00"),
        (Range(0.000123, 1234.5), "$0.000123-$1,234.50"),
    ],
)
def test_a_cost_is_an_amount_or_a_range(cost: Range | None, shown: str) -> None:
    assert cost_text(cost) == shown


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [(9_999, "9,999"), (10_000, "10k"), (999_400, "999k"), (1_500_000, "1.5M"), (2_500_000_000, "2.5G")],
)
def test_tokens_are_shown_with_few_digits(tokens: float, shown: str) -> None:
    row = text(ModelPlan("a/m", 1, 0, 0, Range(tokens, tokens)))[2]

    assert row.split()[3] == shown
