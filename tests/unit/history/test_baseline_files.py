from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from pytest_promptevals.errors import BaselineError
from pytest_promptevals.history.baselines import (
    accept_cases,
    baseline_cases,
    baseline_path,
    baseline_place,
    merge_baseline,
    read_baseline,
    write_baseline,
)
from pytest_promptevals.records.responses import Response
from pytest_promptevals.records.results import CaseResult, Score, Trial
from tests.support.sample_results import make_case, make_full_result, make_result

SAVE_ANEW = "correct the line, or delete the file and save it anew with 'pytest --evals-save-baseline'"

NEWER = (
    "written by a newer version of pytest-promptevals (its schema is 2, this version reads 1); "
    "update pytest-promptevals"
)
TOO_LARGE = (
    '{"schema": 1, "name": "a", "case_id": "a", "case_fingerprint": "c", "model": "m", "prompt_name": "p", '
    '"score": 1.01, "passed": true}'
)


def answering(text: str) -> CaseResult:
    return make_result("a", trials=(Trial(1, Response(text)),))


def read_text(tmp_path: Path, text: str) -> None:
    """Read a baseline of that text, as ``b.jsonl``."""
    path = tmp_path / "b.jsonl"
    path.write_text(text, encoding="utf-8")
    read_baseline(path, "b.jsonl")


def test_a_baseline_is_beside_its_eval_file_and_named_for_it() -> None:
    assert baseline_path(Path("evals/a.eval.yaml")) == Path("evals/baselines/a.eval.yaml.jsonl")
    assert baseline_path(Path("evals/a.eval.jsonl")) == Path("evals/baselines/a.eval.jsonl.jsonl")


@pytest.mark.parametrize(
    ("recorded", "place"),
    [
        ("evals/a.eval.yaml", "evals/baselines/a.eval.yaml.jsonl"),
        ("tests/test_a.py::test_b", "tests/baselines/test_a.py-test_b.jsonl"),
        ("test_a.py::TestB::test_c", "baselines/test_a.py-TestB-test_c.jsonl"),
    ],
    ids=["eval file", "test function", "method"],
)
def test_a_baseline_is_found_by_what_results_are_recorded_under(recorded: str, place: str) -> None:
    assert baseline_place(recorded) == Path(place)


def test_a_baseline_file_is_sorted_lines_of_sorted_keys(tmp_path: Path) -> None:
    path = tmp_path / "baselines" / "a.jsonl"

    write_baseline(path, [make_case("b", 0.25, output="Größe\u2028\n"), make_case("a")])

    assert path.read_bytes().decode() == (
        '{"case_fingerprint": "cccccccccccccccc", "case_id": "a", "fingerprint": "ffffffffffffffff", '
        '"model": "openai/gpt-5-mini", "name": "a", "output": "answer of a", "output_length": 11.0, "passed": true, '
        '"prompt_name": "support", "schema": 1, "score": 1.0, "scores": {"exact": 1.0}}\n'
        '{"case_fingerprint": "cccccccccccccccc", "case_id": "b", "fingerprint": "ffffffffffffffff", '
        '"model": "openai/gpt-5-mini", "name": "b", "output": "Größe\u2028\\n", "output_length": 11.0, '
        '"passed": false, "prompt_name": "support", "schema": 1, "score": 0.25, "scores": {"exact": 0.25}}\n'
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    cases = baseline_cases(
        [make_result("b", 1 / 3), make_result("c", 0.0), make_result("a", 0.9, trials=(Trial(1), Trial(2)))]
    )

    assert write_baseline(path, reversed(cases))
    assert read_baseline(path, "a.jsonl") == cases


def test_unchanged_cases_leave_the_file_untouched(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_baseline(path, [make_case("a"), make_case("b")])
    os.utime(path, (1, 1))

    assert not write_baseline(path, [make_case("b"), make_case("a")])
    assert path.stat().st_mtime == 1
    assert write_baseline(path, [make_case("a")])


def test_windows_line_ends_and_empty_lines_are_read_as_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_baseline(path, [make_case("a"), make_case("b")])
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n\r\n"))

    assert read_baseline(path, "a.jsonl") == (make_case("a"), make_case("b"))


def test_a_missing_file_is_no_baseline(tmp_path: Path) -> None:
    assert read_baseline(tmp_path / "a.jsonl", "a.jsonl") is None


def test_an_empty_file_is_a_baseline_of_no_cases(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_baseline(path, [])

    assert read_baseline(path, "a.jsonl") == ()


@pytest.mark.parametrize("marker", ["<<<<<<< HEAD", "||||||| base", "=======", ">>>>>>> branch"])
def test_a_merge_conflict_is_named_with_its_line(tmp_path: Path, marker: str) -> None:
    path = tmp_path / "b.jsonl"
    write_baseline(path, [make_case("a")])

    with pytest.raises(BaselineError) as caught:
        read_text(tmp_path, f"{path.read_text(encoding='utf-8')}{marker}\n")

    assert str(caught.value) == (
        f"b.jsonl:2: a merge conflict is not resolved: {marker!r}; remove the markers and keep one line per case, or "
        "take either side and save the baseline anew with 'pytest --evals-save-baseline'"
    )


def test_a_case_that_stands_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    write_baseline(path, [make_case("a")])

    with pytest.raises(BaselineError) as caught:
        read_text(tmp_path, path.read_text(encoding="utf-8") * 2)

    assert str(caught.value) == "b.jsonl:2: case 'a' stands twice, first in line 1; remove one of the two lines"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n{]", "b.jsonl:2: no valid JSON: expecting property name enclosed in double quotes at column 2"),
        ("[1]", f"b.jsonl:1: no case of a baseline, but '[1]'; {SAVE_ANEW}"),
        (
            '{"schema": 2}',
            f"b.jsonl:1: {NEWER}",
        ),
        ("{}", f"b.jsonl:1: schema is None, this version of pytest-promptevals reads 1; {SAVE_ANEW}"),
        ('{"schema": 1, "nmae": "a"}', f"b.jsonl:1: BaselineCase: unknown field 'nmae'; {SAVE_ANEW}"),
        ('{"schema": 1, "name": "a"}', f"b.jsonl:1: BaselineCase: field 'case_id' is missing; {SAVE_ANEW}"),
        (
            TOO_LARGE,
            f"b.jsonl:1: score 1.01 is not within 0..1; {SAVE_ANEW}",
        ),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(BaselineError) as caught:
        read_text(tmp_path, text)

    assert str(caught.value) == problem


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_bytes(b"\n\xff")

    with pytest.raises(BaselineError, match=r"b\.jsonl:2: byte 0xFF is not UTF-8"):
        read_baseline(path, "b.jsonl")


def test_a_damaged_file_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "b.jsonl"
    path.write_bytes(b"\xff")

    assert write_baseline(path, [make_case("a")])
    assert read_baseline(path, "b.jsonl") == (make_case("a"),)


def test_a_baseline_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "a.jsonl"

    with pytest.raises(BaselineError) as caught:
        write_baseline(path, [])

    reason = os.strerror(caught.value.__cause__.errno)  # type: ignore[union-attr] # it is the OSError
    assert str(caught.value) == f"baseline {path} cannot be written: {reason}; check the permissions of its folder"


def test_a_baseline_keeps_what_a_comparison_needs() -> None:
    assert baseline_cases([make_result("a", 0.75)]) == (make_case("a", 0.75),)


def test_scores_are_rounded_to_six_digits() -> None:
    (case,) = baseline_cases([make_result("a", 2 / 3)])

    assert (case.score, case.scores) == (0.666667, {"exact": 0.666667})


def test_what_effects_are_computed_from_is_kept_rounded() -> None:
    trials = (
        Trial(1, Response("four", latency=1.23456, cost=0.000123456), score=2 / 3),
        Trial(2, Response("nine more", latency=0.5, cost=0.1), score=0.0),
    )
    (case,) = baseline_cases([make_result("a", 1 / 3, trials=trials, prompt_hash="p" * 16)])

    assert case.trial_scores == (0.666667, 0.0)
    assert (case.cost, case.latency, case.output_length) == (0.1, 0.867, 6.5)
    assert (case.fingerprint, case.prompt_hash) == ("f" * 16, "p" * 16)


def test_a_file_of_an_older_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"case_fingerprint": "cccccccccccccccc", "case_id": "a", "model": "openai/gpt-5-mini", "name": "a", '
        '"output": "answer of a", "passed": true, "prompt_name": "support", "schema": 1, "score": 1.0, '
        '"scores": {"exact": 1.0}}\n',
        encoding="utf-8",
    )

    assert read_baseline(path, "a.jsonl") == (make_case("a", output_length=None, fingerprint=""),)


def test_accepted_cases_take_the_places_of_their_old_selves_renamed_ones_included() -> None:
    old = [make_case("a", 0.1), make_case("b", 0.2), make_case("old", 0.3), make_case("lost", 0.4)]

    accepted = accept_cases(old, [make_case("new", 0.9), make_case("a", 0.8)], {"new": "old", "b": "lost"})

    assert [(case.name, case.score) for case in accepted] == [("a", 0.8), ("b", 0.2), ("lost", 0.4), ("new", 0.9)]


def test_errors_have_no_part_in_a_baseline() -> None:
    assert baseline_cases([make_result("a", None), make_full_result()]) == ()


def test_a_case_without_a_verdict_did_not_pass() -> None:
    (case,) = baseline_cases([make_result("a", scores=(Score("j", 1.0, passed=True),), passed=None)])

    assert not case.passed


def test_a_long_output_stays_whole_where_that_is_asked_for() -> None:
    long = "x" * 2010

    assert [case.output for case in baseline_cases([answering(long)], {"a"})] == [long]
    assert [case.output for case in merge_baseline((), [answering(long)], {"a"}, {"a"})] == [long]
    assert [case.output for case in merge_baseline((), [answering(long)], {"a"}, {"b"})] != [long]


def test_what_was_shortened_is_not_shortened_again() -> None:
    (long,) = baseline_cases([answering("x" * 2010)])

    assert [case.output for case in baseline_cases([answering(long.output)])] == [long.output]


def test_a_long_output_is_shortened_and_said_so() -> None:
    (short,), (long,) = baseline_cases([answering("x" * 2000)]), baseline_cases([answering("x" * 2010)])

    assert short.output == "x" * 2000
    assert long.output == "x" * 2000 + "… [10 more characters]"


def test_half_a_surrogate_pair_in_an_output_does_not_break_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"

    write_baseline(path, baseline_cases([answering("a\ud800b")]))

    (case,) = read_baseline(path, "a.jsonl") or ()
    assert case.output == "a?b"


def test_merging_keeps_deselected_and_failed_cases_and_drops_lost_ones() -> None:
    old = [make_case("run", 0.1), make_case("deselected", 0.2), make_case("error", 0.3), make_case("lost", 0.4)]
    results = [make_result("run", 0.9), make_result("error", None), make_result("added", 0.8)]

    merged = merge_baseline(old, results, {"run", "deselected", "error", "added", "never run"})

    assert [(case.name, case.score) for case in merged] == [
        *(("added", 0.8), ("deselected", 0.2), ("error", 0.3), ("run", 0.9))
    ]


def test_merging_with_no_baseline_is_saving_the_first_one() -> None:
    assert merge_baseline(None, [make_result("a")], {"a"}) == (make_case("a"),)


def test_a_case_that_only_took_another_time_keeps_its_line() -> None:
    (old,) = baseline_cases([make_result("a")])
    old = dataclasses.replace(old, latency=9.9)

    assert merge_baseline((old,), [make_result("a")], {"a"}) == (old,)


def test_a_case_with_another_score_gets_its_new_time() -> None:
    (fresh,) = baseline_cases([make_result("a", score=0.4)])
    old = dataclasses.replace(fresh, latency=9.9, score=0.5)

    assert merge_baseline((old,), [make_result("a", score=0.4)], {"a"}) == (fresh,)
