"""What the end of a run says of judges that ask models."""

from __future__ import annotations

from pytest_promptevals.records.json_types import JsonObject
from pytest_promptevals.records.results import CaseResult, Score, Trial
from pytest_promptevals.reports.judge_notes import judge_notes
from tests.support.sample_results import make_result


def result_of(
    *trials: tuple[float, JsonObject | None], judge: str = "rubric", file: str = "a.eval.yaml", name: str = "c"
) -> CaseResult:
    """A case with one score of that judge for each trial."""
    made = tuple(
        Trial(number, None, (Score(judge, value, passed=True, details=details, calls=1),))
        for number, (value, details) in enumerate(trials, start=1)
    )
    return make_result(name, trials=made, file=file)


def test_a_judge_of_which_nothing_is_known_has_no_line() -> None:
    assert judge_notes([]) == []
    assert judge_notes([make_result(), result_of((0.5, {"model": "a/m", "judge_noise": None}))]) == []


def test_noise_is_the_mean_over_cases() -> None:
    results = [result_of((0.5, {"judge_noise": 0.1})), result_of((0.5, {"judge_noise": 0.2}), name="d")]
    assert judge_notes(results) == ["judge rubric: noise 0.15 between samples"]


def test_the_spread_between_trials_stands_next_to_the_noise() -> None:
    noisy: JsonObject = {"judge_noise": 0.1}
    trials = result_of((0.2, noisy), (0.8, {"judge_noise": 0.3}))
    assert judge_notes([trials, result_of((0.5, noisy), name="d")]) == [
        "judge rubric: noise 0.15 between samples, spread 0.42 between trials"
    ]


def test_trials_without_noise_have_no_spread_to_compare_it_with() -> None:
    assert judge_notes([result_of((0.2, {"model": "a/m"}), (0.8, {"model": "a/m"}))]) == []


def test_the_agreement_of_a_panel_is_the_mean_over_responses() -> None:
    results = [result_of((0.5, {"agreement": 1.0}), (0.5, {"agreement": 0.0})), result_of((0.5, {"agreement": 1}))]
    assert judge_notes(results) == ["judge rubric: 67% of the panel's pairs agree"]


def test_who_stood_in_is_counted() -> None:
    results = [result_of((0.5, {"fallback": "b/m"}), (0.5, {"model": "a/m"}))]
    assert judge_notes(results) == ["judge rubric: a fallback graded 1 of 2 responses"]


def test_all_that_is_known_of_a_judge_stands_in_one_line() -> None:
    details: JsonObject = {"judge_noise": 0.0, "agreement": 0.5, "fallback": "c/m"}
    assert judge_notes([result_of((0.5, details))]) == [
        "judge rubric: noise 0 between samples; 50% of the panel's pairs agree; a fallback graded 1 of 1 response"
    ]


def test_judges_of_one_name_in_two_files_are_told_apart() -> None:
    noisy: JsonObject = {"judge_noise": 0.1}
    results = [
        result_of((0.5, noisy), file="a.eval.yaml"),
        result_of((0.5, noisy), file="b.eval.yaml"),
        result_of((0.5, noisy), file="b.eval.yaml", judge="tone"),
    ]
    assert [note.partition(": ")[0] for note in judge_notes(results)] == [
        "judge rubric of a.eval.yaml",
        "judge rubric of b.eval.yaml",
        "judge tone",
    ]


def test_a_judge_inside_of_a_group_has_its_line() -> None:
    def group(score: float) -> JsonObject:
        return {"judges": {"rubric": {"score": score, "passed": True, "details": {"judge_noise": 0.1}}}}

    assert judge_notes([result_of((0.5, group(0.2)), (0.5, group(0.8)), judge="any_of")]) == [
        "judge any_of/rubric: noise 0.1 between samples, spread 0.42 between trials"
    ]


def test_a_model_that_gave_no_grade_where_others_did_is_named_with_its_first_reason() -> None:
    results = [
        result_of((0.5, {"no_grade": {"a/m": "status 404", "b/m": "no verdict"}}), (0.5, {"model": "c/m"})),
        result_of((0.5, {"no_grade": {"a/m": "status 500"}, "agreement": 1.0}), name="d"),
    ]
    assert judge_notes(results) == [
        "judge rubric: 100% of the panel's pairs agree",
        "judge rubric: a/m gave no grade for 2 of 3 responses: status 404",
        "judge rubric: b/m gave no grade for 1 of 3 responses: no verdict",
    ]


def test_a_model_that_failed_inside_of_a_group_of_a_file_is_named() -> None:
    group: JsonObject = {"judges": {"r": {"score": 1, "details": {"no_grade": {"a/m": "down"}}}}}
    results = [result_of((0.5, group), judge="g", file=file) for file in ("a.eval.yaml", "b.eval.yaml")]
    assert judge_notes(results)[1] == "judge g/r of b.eval.yaml: a/m gave no grade for 1 of 1 response: down"


def test_no_grade_in_other_data_of_a_judge_of_the_users_is_no_model() -> None:
    assert judge_notes([result_of((0.5, {"no_grade": True, "undecided": "yes"}))]) == []


def test_responses_without_anything_to_compare_them_with_are_counted() -> None:
    results = [result_of((0.5, {"undecided": True}), (0.5, {"winner": "tie"}), judge="pairwise")]
    assert judge_notes(results) == [
        "judge pairwise: nothing to compare with for 1 of 2 responses: the baseline has no output of their cases"
    ]
