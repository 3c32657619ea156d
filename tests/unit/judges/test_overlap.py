"""The judges ``rouge``, ``bleu``, ``chrf`` and ``meteor``."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges import overlap
from pytest_promptevals.judges.build import build_judge
from tests.unit.judges.grading import JUDGES, check_case, explain, grade, make_subject, run_judge

CAT = "The cat is asleep on the bed."
every_overlap = pytest.mark.parametrize("name", ["rouge", "bleu", "chrf", "meteor"])


@every_overlap
def test_an_equal_output_gets_1(name: str) -> None:
    assert grade(name, CAT, output=CAT).value == 1


@every_overlap
def test_texts_without_a_word_are_compared_as_they_stand(name: str) -> None:
    assert grade(name, "…", output="…").value == 1
    assert grade(name, "…", output="!").value == 0


@every_overlap
def test_an_output_with_nothing_in_common_gets_0(name: str) -> None:
    assert grade(name, CAT, output="Xyz uvw").value < 0.02


@every_overlap
def test_the_nearest_of_a_list_counts(name: str) -> None:
    alone = grade(name, CAT, output="The cat sleeps on the bed.").value

    assert grade(name, ["Xyz", CAT], output="The cat sleeps on the bed.").value == alone > 0.4


@every_overlap
def test_the_explanation_names_what_is_missing(name: str) -> None:
    said = explain(name, CAT, output="The cat sleeps on the bed.")

    assert said.startswith(f"{name} 0.")
    assert said.endswith(
        ' of the output "The cat sleeps on the bed." against "The cat is asleep on the bed."; missing: "is", "asleep"'
    )


@every_overlap
def test_nothing_is_called_missing_where_all_words_are_there(name: str) -> None:
    assert "missing" not in explain(name, CAT, output="On THE bed the cat is asleep.")


@every_overlap
def test_a_missing_extra_is_one_sentence_with_the_command(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    judge: Any = build_judge(JUDGES[name], None, {})
    package = {"rouge": "rouge-score", "meteor": "nltk"}.get(name, "sacrebleu")
    for call in (judge.check_files, judge.prepare):
        with pytest.raises(JudgeError) as caught:
            call(())
        assert str(caught.value) == (
            f'judge {name!r} needs the package {package}; install it with: pip install "pytest-promptevals[overlap]"'
        )


@every_overlap
def test_the_package_is_there(name: str) -> None:
    judge: Any = build_judge(JUDGES[name], None, {})
    judge.check_files(())


@every_overlap
def test_preparing_makes_the_scorer_that_judging_uses(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    made: list[str] = []

    def make_scorer(judge: Any) -> overlap.Scorer:
        made.append(judge.name)
        return lambda *_: 0.25

    monkeypatch.setattr(JUDGES[name], "_make_scorer", make_scorer)
    judge: Any = build_judge(JUDGES[name], CAT, {})
    judge.prepare(())
    assert made == [name]
    assert run_judge(judge, make_subject("cat")).value == 0.25
    assert run_judge(judge, make_subject("x" * 20_000)).value == 0.25
    assert made == [name]


@every_overlap
def test_a_case_with_nothing_to_compare_with_is_refused(name: str) -> None:
    with pytest.raises(JudgeError, match=f"judge {name!r} has nothing to compare with"):
        check_case(name)


@pytest.mark.parametrize(
    ("variant", "measure", "value"),
    [
        ("rouge1", "recall", 0.75),
        ("rouge1", "precision", 1),
        ("rouge1", "f1", 6 / 7),
        ("rouge2", "recall", 1 / 3),
        ("rougeL", "recall", 0.5),
    ],
)
def test_rouge_counts_words_pairs_or_the_longest_sequence(variant: str, measure: str, value: float) -> None:
    # Of the words a b c d the output has a b c; in a row c and then a b; the longest sequence is a b.
    found = grade("rouge", "a b c d", output="C, a b!", variant=variant, measure=measure)

    assert found.value == pytest.approx(value)


def test_rouge_knows_words_of_any_script() -> None:
    assert grade("rouge", "Ωμέγα größer", output="größer ωμέγα", variant="rouge1").value == 1


@pytest.mark.parametrize("name", ["rouge", "meteor"])
def test_texts_too_long_to_compare_are_an_error(name: str) -> None:
    with pytest.raises(JudgeError) as caught:
        grade(name, "a " * 4_000, output="b " * 3_000)
    assert str(caught.value) == (
        f"evals/support.eval.yaml:7: judge {name!r} cannot compare texts of 4,000 and 3,000 words in reasonable time; "
        "compare shorter ones, or use the judge bleu"
    )


def test_bleu_is_that_of_sacrebleu() -> None:
    # Of 7 words and marks 6 are in the text, of 6 pairs 4, of 5 triples 2, of 4 quadruples 1; the text has 8.
    precisions = 6 / 7 * 4 / 6 * 2 / 5 * 1 / 4
    assert grade("bleu", CAT, output="The cat sleeps on the bed.").value == pytest.approx(
        precisions**0.25 * 2.718281828459045 ** (1 - 8 / 7)
    )


def test_bleu_of_a_text_shorter_than_four_words_counts_what_there_is() -> None:
    assert grade("bleu", "Yes, it is.", output="yes, it is.", ignore_case=True).value == pytest.approx(1)
    assert grade("bleu", "two words", output="two words ").value == pytest.approx(1)


def test_bleu_can_take_each_character_for_a_word() -> None:
    by_words = grade("bleu", "asleep", output="asleeep").value

    assert grade("bleu", "asleep", output="asleeep", tokenizer="char").value > by_words


def test_chrf_sees_forms_of_one_word_and_can_count_words_too() -> None:
    by_characters = grade("chrf", "She was walking.", output="She walked.").value

    assert 0.3 < by_characters < 0.6
    assert grade("chrf", "She was walking.", output="She walked.", words=True).value < by_characters


@pytest.mark.parametrize("name", ["bleu", "chrf"])
def test_case_counts_unless_it_is_ignored(name: str) -> None:
    assert grade(name, "the cat is here", output="THE CAT IS HERE").value < 0.2
    assert grade(name, "the cat is here", output="THE CAT IS HERE", ignore_case=True).value == pytest.approx(1)


def test_meteor_counts_stems_and_takes_off_for_another_order() -> None:
    # Of four words all are there, in one piece: the mean is 1, and (1 piece / 4 words) ** 3 / 2 is taken off.
    assert grade("meteor", "the cats were sleeping", output="The cat were sleeps").value == pytest.approx(1 - 0.5 / 64)
    # In two pieces.
    assert grade("meteor", "the cats were sleeping", output="were sleeps the cat").value == pytest.approx(1 - 0.5 / 8)


def test_meteor_weighs_what_is_missing_nine_times_as_much() -> None:
    precision, recall = 2 / 3, 2 / 4
    mean = precision * recall / (0.9 * precision + 0.1 * recall)

    assert grade("meteor", "a b c d", output="a b x").value == pytest.approx(mean * (1 - 0.5 / 8))


def test_meteor_knows_no_synonyms_and_words_of_any_script() -> None:
    assert grade("meteor", "a big car", output="one large automobile").value == 0
    assert grade("meteor", "Ωμέγα größer", output="größer ωμέγα").value == pytest.approx(0.5)


@every_overlap
def test_half_a_surrogate_pair_is_no_obstacle(name: str) -> None:
    assert 0.8 < grade(name, CAT, output=f"{CAT} \ud83d").value <= 1


@pytest.mark.parametrize(("raw", "value"), [(1.0000002, 1.0), (-0.1, 0.0)])
def test_a_score_stays_within_its_bounds(raw: float, value: float) -> None:
    assert overlap._score(lambda *_: raw, "a", "b") == value
