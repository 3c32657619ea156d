"""A failed case, as a reviewer would put it."""

from __future__ import annotations

import dataclasses

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import BaselineCase
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response, ToolCall
from pytest_promptevals.records.results import CaseResult, ErrorRecord, Score, Trial
from pytest_promptevals.reports.review import Detail, error_lines, failure_lines

FAILED = Score("exact", 0.0, passed=False, threshold=1.0, explanation="expected x, got y")
RESULT = CaseResult(
    file="a.eval.yaml",
    name="a",
    case_id="a",
    location=Location("a.eval.yaml", 3),
    model="openai/gpt",
    prompt_name="ask",
    case_fingerprint="1",
    fingerprint="2",
    trials=(Trial(1, Response("y"), (FAILED,), 0.0, passed=False),),
    scores=(FAILED,),
    score=0.0,
    passed=False,
    prompt=RenderedPrompt((Message("system", "Be kind."), Message("user", "Hi")), "ask"),
    expected="x",
)
BEFORE = BaselineCase("a", "a", "1", "openai/gpt-old", "ask", score=1.0, passed=True, output="x")


def change(**fields: object) -> CaseResult:
    return dataclasses.replace(RESULT, **fields)  # type: ignore[arg-type]  # fields of the record


def answer(text: str, **fields: object) -> tuple[Trial, ...]:
    return (Trial(1, Response(text, **fields), (FAILED,), 0.0, passed=False),)  # type: ignore[arg-type]  # of the record


def judged(name: str, rubric: str, *, passed: bool = False) -> Score:
    return Score(name, 0.25, passed=passed, threshold=0.5, explanation="why", cost=0.002, details={"rubric": rubric})


def test_a_rubric_is_called_by_its_id_unless_its_label_says_it() -> None:
    scores = (judged("rubric#2", "tone@1"), judged("tone of it", "tone@1", passed=True), FAILED)
    assert failure_lines(change(scores=scores), None)[0] == "rubric#2 (tone) and 1 more failed, score 0.00: why"
    lines = failure_lines(change(scores=scores), None)
    assert lines[lines.index("judges") + 1 :] == [
        "    FAIL rubric#2 (tone)  0.25 (needs 0.50)  why",
        "    ok   tone of it       0.25 (needs 0.50)",
        "    FAIL exact            0.00 (needs 1.00)  expected x, got y",
    ]


def test_a_rubric_is_known_by_the_scores_of_the_trials_too() -> None:
    over_trials = dataclasses.replace(judged("rubric", "tone@1"), details=None)
    trials = tuple(Trial(number, Response("y"), (judged("rubric", "tone@1"),), 0.25, passed=False) for number in (1, 2))
    assert failure_lines(change(scores=(over_trials,), trials=trials), None)[0].startswith("rubric (tone) failed")


def test_details_of_a_judge_of_the_users_are_not_taken_for_a_rubric() -> None:
    own = dataclasses.replace(FAILED, details={"rubric": 7})
    assert failure_lines(change(scores=(own,)), None)[0].startswith("exact failed")


def test_criteria_in_the_users_own_words_are_called_by_them() -> None:
    free = dataclasses.replace(
        judged("rubric", "criteria@1"), details={"rubric": "criteria@1", "criteria": "It is sh…"}
    )
    assert failure_lines(change(scores=(free,)), None)[0].startswith("rubric (It is sh…) failed")


def test_a_verbose_review_says_what_each_judge_cost() -> None:
    scores = (judged("tone", "tone@1"), FAILED)
    lines = failure_lines(change(scores=scores), None, Detail(1))
    start = lines.index("judges") + 1
    assert lines[start : start + 2] == [
        "    FAIL tone   0.25 (needs 0.50)  $0.002  why",
        "    FAIL exact  0.00 (needs 1.00)  expected x, got y",
    ]


def test_the_whole_review() -> None:
    assert failure_lines(RESULT, BEFORE) == [
        "exact failed, score 0.00 (was 1.00): expected x, got y",
        "",
        "asked (openai/gpt, prompt ask)",
        "  system:",
        "    Be kind.",
        "  user:",
        "    Hi",
        "answered",
        "    y",
        "expected",
        "    x",
        "judges",
        "    FAIL exact  0.00 (needs 1.00)  expected x, got y",
        "answered in the baseline, score 1.00 (openai/gpt-old)",
        "    x",
    ]


def test_a_baseline_that_was_no_better_is_not_shown() -> None:
    worse = dataclasses.replace(BEFORE, score=0.0)

    assert not any("baseline" in line for line in failure_lines(RESULT, worse))


def test_several_failed_judges_are_counted_in_the_headline() -> None:
    result = change(scores=(FAILED, dataclasses.replace(FAILED, judge="regex", explanation="no match\nat all")))

    lines = failure_lines(result, None)

    assert lines[0] == "exact and 1 more failed, score 0.00: expected x, got y"
    assert lines[-2:] == ["    FAIL regex  0.00 (needs 1.00)  no match", "         at all"]


def test_a_case_threshold_alone_may_fail() -> None:
    passed = Score("fuzzy", 0.85, passed=True, threshold=0.8)

    assert failure_lines(change(scores=(passed,), score=0.85), None)[0] == "score 0.85 is below the threshold"


def test_judges_that_are_not_required_are_low_not_failed() -> None:
    low = dataclasses.replace(FAILED, judge="tone", required=False, threshold=None)

    assert "    low  tone   0.00  expected x, got y" in failure_lines(change(scores=(FAILED, low)), None)


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    result = change(prompt=None, trials=(Trial(1, None, (FAILED,), 0.0, passed=False),), expected=None)

    assert failure_lines(result, None) == [
        "exact failed, score 0.00: expected x, got y",
        "",
        "judges",
        "    FAIL exact  0.00 (needs 1.00)  expected x, got y",
    ]


def test_an_empty_answer_is_shown_as_empty() -> None:
    assert "    (empty)" in failure_lines(change(trials=answer("  ")), None)


def test_what_would_steer_the_terminal_is_shown_as_escapes() -> None:
    lines = failure_lines(change(trials=answer("\x1b[2Jgone\tkept\u202e\x07\x9b"), expected=None), None)

    assert "    \\x1b[2Jgone\tkept\\u202e\\x07\\x9b" in lines


def test_tool_calls_are_shown_as_calls() -> None:
    trials = answer("", tool_calls=(ToolCall("find", {"id": "A-17"}),))

    assert '    called find({"id": "A-17"})' in failure_lines(change(trials=trials), None)


def test_an_answer_that_is_as_expected_has_no_diff() -> None:
    assert not any(line.startswith("expected") for line in failure_lines(change(trials=answer("x ")), None))


def test_texts_that_have_much_in_common_are_shown_as_their_difference() -> None:
    trials = answer("Your order A-18 is on its way.")

    lines = failure_lines(change(trials=trials, expected="Your order A-17 is on its way."), None)

    place = lines.index("expected (-), answered (+)")
    assert lines[place + 1] == "    - Your order A-17 is on its way."
    assert "    + Your order A-18 is on its way." in lines
    assert "answered" not in lines


def test_expected_data_is_compared_as_json() -> None:
    lines = failure_lines(change(expected={"a": 1}, trials=answer('{\n  "a": 2\n}')), None)

    assert '    -   "a": 1' in lines


def test_long_texts_are_shortened_by_lines_and_by_characters_unless_all_is_asked_for() -> None:
    long = change(trials=answer("word " * 2000), expected=None)

    short = "\n".join(failure_lines(long, None))
    assert "... 8800 characters left out, -vv shows them ..." in short
    assert len(short) < 2000
    assert "... 8800 characters left out, --all shows them ..." in "\n".join(
        failure_lines(long, None, Detail(way="--all"))
    )
    assert len("\n".join(failure_lines(long, None, Detail(2)))) > 9000


def test_many_lines_are_compared_in_a_form_that_does_not_take_for_ever() -> None:
    text = "\n".join(f"line {number}" for number in range(3000))

    lines = failure_lines(change(trials=answer(text), expected=text + "\nmore"), None)

    assert "    -more" in lines


def test_the_worst_trial_is_shown() -> None:
    good = Trial(1, Response("x"), (), 1.0, passed=True)

    lines = failure_lines(change(trials=(good, *(dataclasses.replace(t, number=2) for t in RESULT.trials))), None)

    assert lines[lines.index("answered (trial 2)") + 1] == "    y"
    assert lines[-1] == "    1: 1.00  2: 0.00 FAIL"


def test_an_error_says_what_kind_it_is() -> None:
    error = ErrorRecord("provider", "the server is down\ntry later")
    trials = (Trial(1, Response("x")), Trial(2, error=error))

    assert error_lines(change(error=error, trials=trials)) == [
        "provider error: the server is down",
        "    try later",
        "1 of 2 trials got an answer",
    ]
    assert error_lines(change(error=ErrorRecord("prompt", ""))) == ["prompt error: "]
