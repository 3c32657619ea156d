from __future__ import annotations

import random
import statistics

import pytest

from pytest_promptevals.comparison.noise_floor import DETECTION, ENOUGH_PAIRS, NoiseFloor, measure_noise
from pytest_promptevals.records.past import FreshScore


def run(*scores: float, fingerprint: str = "f", **fields: object) -> dict[str, FreshScore]:
    return {
        f"c{number}": FreshScore(fingerprint, score, score >= 0.5, **fields)  # type: ignore[arg-type]  # numbers and texts
        for number, score in enumerate(scores)
    }


def test_one_run_has_no_noise_floor() -> None:
    assert measure_noise([]) is None
    assert measure_noise([run(1.0, 0.0)]) is None


def test_runs_that_asked_something_else_are_no_pair() -> None:
    assert measure_noise([run(1.0, 0.0), run(1.0, 0.0, fingerprint="g")]) is None


def test_runs_that_share_less_than_half_of_their_cases_are_no_pair() -> None:
    first, second = run(1.0, 1.0, 1.0), run(1.0, 1.0, 1.0)
    changed = {name: FreshScore("g", 1.0, passed=True) for name in ("c0", "c1")}

    assert measure_noise([first, second | changed]) is None
    assert measure_noise([first, second | {"c0": changed["c0"]}]) is not None


def test_runs_of_other_numbers_of_trials_are_not_thrown_together() -> None:
    single, many = [run(1.0, 0.0, trials=1), run(0.0, 0.0, trials=1)] * 3, [run(0.5, 0.5, trials=7)] * 2

    found, back = measure_noise([*single, *many]), measure_noise([*many, *single])

    assert found is not None
    assert (found.pairs, found.trials, found.deviation) == (1, 7, 0.0)
    assert back is not None
    assert (back.pairs, back.trials, back.deviation) == (5, 1, 0.5)
    assert measure_noise([*single, many[0]]) == back


def test_cases_without_weight_are_no_pair() -> None:
    assert measure_noise([run(1.0, weight=0.0), run(0.0, weight=0.0)]) is None


def test_few_pairs_are_judged_by_the_scatter_of_their_cases() -> None:
    found = measure_noise([run(1.0, 0.0, 1.0, 1.0), run(0.0, 1.0, 1.0, 1.0)])

    assert found is not None
    # The mean did not change, but two of four cases did, by one each: sqrt(1 + 1) / 4.
    assert (found.pairs, found.cases, found.of_runs) == (1, 4, False)
    assert found.deviation == pytest.approx(2**0.5 / 4)
    assert (found.largest, found.flips) == (0.0, 0.5)


def test_many_pairs_are_judged_by_the_runs_themselves() -> None:
    runs = [run(1.0, 1.0), run(0.0, 1.0)] * ENOUGH_PAIRS

    found = measure_noise(runs)

    assert found is not None
    assert (found.pairs, found.of_runs, found.deviation, found.largest) == (len(runs) - 1, True, 0.5, 0.5)


def test_cases_of_one_group_count_as_one() -> None:
    alone = measure_noise([run(1.0, 1.0), run(0.0, 0.0)])
    together = measure_noise([run(1.0, 1.0, group="g"), run(0.0, 0.0, group="g")])

    assert alone is not None
    assert together is not None
    assert alone.deviation == pytest.approx(0.5**0.5)
    assert together.deviation == 1.0


def test_a_group_that_is_called_like_a_case_is_another_one() -> None:
    first, second = run(1.0, 1.0), run(0.0, 0.0)
    grouped = [cases | {"c1": FreshScore("f", cases["c1"].score, passed=True, group="c0")} for cases in (first, second)]

    found = measure_noise(grouped)

    assert found is not None
    assert found.deviation == pytest.approx(0.5**0.5)


def test_weights_count() -> None:
    heavy = {"c0": FreshScore("f", 1.0, passed=True, weight=3.0), "c1": FreshScore("f", 1.0, passed=True)}
    light = {"c0": FreshScore("f", 0.0, passed=False, weight=3.0), "c1": FreshScore("f", 1.0, passed=True)}

    found = measure_noise([heavy, light])

    assert found is not None
    assert (found.largest, found.deviation) == (0.75, 0.75)


def test_the_scatter_of_cases_foretells_that_of_runs() -> None:
    chance = random.Random(5)  # noqa: S311 - no secret
    runs = [run(*(float(chance.random() < 0.7) for _ in range(50))) for _ in range(400)]

    of_runs = measure_noise(runs)
    of_cases = measure_noise(runs[:ENOUGH_PAIRS])

    assert of_runs is not None
    assert of_cases is not None
    expected = (2 * 0.7 * 0.3 / 50) ** 0.5
    assert of_runs.deviation == pytest.approx(expected, rel=0.1)
    assert of_cases.deviation == pytest.approx(expected, rel=0.25)
    assert of_runs.flips == pytest.approx(2 * 0.7 * 0.3, abs=0.02)


def test_the_smallest_drop_is_one_that_is_seen_four_times_of_five() -> None:
    normal = statistics.NormalDist()

    assert pytest.approx(normal.inv_cdf(0.95) + normal.inv_cdf(0.8)) == DETECTION


def floor(deviation: float, trials: float = 1.0) -> NoiseFloor:
    return NoiseFloor(3, 10, trials, deviation, of_runs=False, largest=0.1, flips=0.2)


def test_more_trials_show_smaller_drops() -> None:
    noisy = floor(0.1)

    assert noisy.smallest_drop == pytest.approx(0.2486, abs=1e-4)
    assert noisy.trials_for(noisy.smallest_drop) == 1
    assert noisy.trials_for(noisy.smallest_drop / 2) == 4
    assert floor(0.1, trials=3.0).trials_for(noisy.smallest_drop / 2) == 12
    assert noisy.trials_for(0.5) == 1
    assert noisy.trials_for(0.01) is None
    assert noisy.trials_for(0.0) is None
    assert floor(0.0).trials_for(0.01) == 1
