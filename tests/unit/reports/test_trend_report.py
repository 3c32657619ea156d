from __future__ import annotations

import dataclasses
import io

from pytest_promptevals.records.comparisons import Verdict
from pytest_promptevals.records.trends import TrendPoint
from pytest_promptevals.reports.trends import (
    metrics_of,
    trend_data,
    trend_listing,
    trend_table,
    write_trend_csv,
)

FIRST = TrendPoint(
    run_id="20261101-080000-aaaaaa",
    started_at="2026-11-01T08:00:00.000+00:00",
    branch="main",
    commit="a" * 40,
    is_dirty=True,
    file="evals/a.eval.yaml",
    cases=12,
    errors=1,
    values={"score": 0.5, "judges.=exact": 0.25},
    verdicts=(Verdict.PASSED, Verdict.REGRESSED),
)
SECOND = dataclasses.replace(
    FIRST,
    run_id="20261102-080000-bbbbbb",
    started_at="2026-11-02T08:00:00.000+00:00",
    branch=None,
    commit=None,
    is_dirty=False,
    values={"score": 0.75},
    verdicts=(),
)
OTHER = dataclasses.replace(FIRST, file="evals/b\x1b.eval.yaml", values={"cost": 0.01})
POINTS = (FIRST, SECOND, OTHER)
METRICS = ("score", "judges.=exact", "cost")


def test_each_file_has_a_table_of_its_metrics() -> None:
    assert trend_table(POINTS, metrics_of(POINTS), 80, "utf-8").splitlines() == [
        "evals/a.eval.yaml: 2 runs from 2026-11-01 to 2026-11-02",
        "metric        trend  first   last  lowest  highest",
        "score         ▁█     0.500  0.750   0.500    0.750",
        "judge =exact  ▄      0.250  0.250   0.250    0.250",
        "",
        "evals/b\\x1b.eval.yaml: 1 run on 2026-11-01",
        "metric  trend  first   last  lowest  highest",
        "cost    ▄      $0.01  $0.01   $0.01    $0.01",
    ]


def test_a_file_without_any_of_the_metrics_is_left_out() -> None:
    lines = trend_table(POINTS, ["cost"], 80, "utf-8").splitlines()

    assert [line for line in lines if ".eval.yaml" in line] == ["evals/b\\x1b.eval.yaml: 1 run on 2026-11-01"]


def test_a_line_of_blocks_takes_the_room_that_is_left() -> None:
    runs = [dataclasses.replace(FIRST, values={"score": number / 100}) for number in range(100)]

    for width in (60, 80, 100):
        lines = trend_table(runs, ["score"], width, "ascii").splitlines()
        assert max(map(len, lines)) == width
        assert "▁" not in "".join(lines)


def test_each_run_of_a_metric_is_listed_with_its_change() -> None:
    assert trend_listing(POINTS, ["score"]).splitlines() == [
        "score of evals/a.eval.yaml",
        "run                     commit    cases  value  change  verdict",
        "20261101-080000-aaaaaa  aaaaaaa*     12  0.500       -  regressed",
        "20261102-080000-bbbbbb  -            12  0.750  +0.250  -",
    ]


def test_the_data_has_every_metric_of_every_run() -> None:
    first, second, other = trend_data(POINTS, METRICS)

    assert first == {
        "run": "20261101-080000-aaaaaa",
        "started_at": "2026-11-01T08:00:00.000+00:00",
        "branch": "main",
        "commit": "a" * 40,
        "is_dirty": True,
        "file": "evals/a.eval.yaml",
        "cases": 12,
        "errors": 1,
        "verdict": "regressed",
        "metrics": {"score": 0.5, "judges.=exact": 0.25, "cost": None},
    }
    assert (second["verdict"], other["metrics"]) == (None, {"score": None, "judges.=exact": None, "cost": 0.01})


def test_the_csv_has_a_column_for_each_metric() -> None:
    stream = io.StringIO()
    write_trend_csv(stream, (FIRST,), METRICS)

    assert stream.getvalue() == (
        "run,started_at,branch,commit,is_dirty,file,cases,errors,verdict,score,judges.=exact,cost\n"
        f"20261101-080000-aaaaaa,2026-11-01T08:00:00.000+00:00,main,{'a' * 40},true,evals/a.eval.yaml,12,1,regressed,"
        "0.5,0.25,\n"
    )
