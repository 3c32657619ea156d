"""All eval files of a run are decided together."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_promptevals.comparison.decide import GatedFile, decide
from pytest_promptevals.comparison.gates import parse_gates
from pytest_promptevals.records.cases import GateRules
from pytest_promptevals.records.comparisons import GateResult, Metrics, Verdict
from pytest_promptevals.records.effects import Effect
from pytest_promptevals.settings import Settings
from tests.support.gated import make_comparison, make_effect
from tests.support.sample_results import PLACE

ERRORS = Metrics(2, 0, 2, None, None)


def file_of(
    *effects: Effect, metrics: Metrics | None = None, collected: int | None = None, **rules: object
) -> GatedFile:
    gates = parse_gates(GateRules(**rules), Settings())  # type: ignore[arg-type]  # of any field
    return GatedFile(make_comparison(*effects, metrics=metrics), gates, PLACE, collected)


def scores(files: Sequence[GatedFile]) -> list[GateResult]:
    return [gate for comparison in decide(files) for gate in comparison.gates if gate.gate == "score"]


def adjusted(files: Sequence[GatedFile]) -> list[float | None]:
    return [None if gate.evidence is None else gate.evidence.p_adjusted for gate in scores(files)]


def test_a_drop_that_one_file_alone_would_show_may_be_chance_among_many() -> None:
    dropped = file_of(make_effect(0.2, 0.01))
    same = file_of(make_effect(0.0, 1.0))

    assert [gate.verdict for gate in scores([dropped])] == [Verdict.REGRESSED]
    verdicts = [gate.verdict for gate in scores([*[same] * 5, dropped])]
    assert verdicts == [*[Verdict.PASSED] * 5, Verdict.INCONCLUSIVE]


def test_the_chances_are_corrected_after_holm_over_all_files() -> None:
    files = [file_of(make_effect(0.2, p)) for p in (0.01, 0.04, 0.03)]

    assert adjusted(files) == [0.03, 0.06, 0.06]


def test_all_gates_that_compare_count_and_no_others() -> None:
    judged = file_of(
        make_effect(0.2, 0.01), make_effect(0.2, 0.5, metric="judges.exact"), judges={"exact": 0.1}, min_score=0.1
    )

    assert adjusted([judged]) == [0.02]


def test_files_that_have_nothing_to_compare_do_not_count() -> None:
    files = [file_of(make_effect(0.2, 0.01)), file_of(metrics=ERRORS), file_of(make_effect(0.2, 0.01), metrics=ERRORS)]

    assert adjusted(files) == [0.01, None, None]


def test_more_comparisons_need_more_groups() -> None:
    few = file_of(make_effect(0.5, 2**-5, groups=5, cases=5))

    assert scores([few])[0].verdict is Verdict.REGRESSED
    assert scores([few, few, few])[0].explanation.endswith("; it takes at least 6 cases to tell any drop from chance")


def test_more_comparisons_show_less() -> None:
    file = file_of(make_effect(0.0, 1.0))

    (alone,), (among, *_) = scores([file]), scores([file] * 20)

    assert alone.evidence is not None
    assert among.evidence is not None
    assert (alone.evidence.smallest_detectable or 1.0) < (among.evidence.smallest_detectable or 1.0)


def test_the_order_of_the_files_changes_nothing() -> None:
    files = [file_of(make_effect(drop, p)) for drop, p in ((0.2, 0.01), (0.3, 0.02), (0.0, 1.0))]

    assert decide(files[::-1]) == decide(files)[::-1]


def test_improvements_are_corrected_too() -> None:
    better = file_of(make_effect(-0.2, 0.97))

    assert "an improvement: " in scores([better])[0].explanation
    assert "that may be chance" in scores([better, better])[0].explanation


def test_a_selection_is_said_in_every_answer() -> None:
    (comparison,) = decide([file_of(make_effect(0.0, 1.0), collected=70, min_score=0.1)])

    assert [gate.explanation.endswith(" (a selection: 60 of 70 cases were run)") for gate in comparison.gates] == [
        True,
        True,
    ]


def test_a_whole_file_is_no_selection() -> None:
    assert "selection" not in scores([file_of(make_effect(0.0, 1.0), collected=60)])[0].explanation


def test_a_run_without_files_has_no_verdicts() -> None:
    assert decide([]) == ()
