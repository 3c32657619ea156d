"""The script that measures what a call costs: each way makes its calls, and the table compares them."""

from __future__ import annotations

import asyncio

import pytest

from tests.benchmarks.call_cost import WAYS, measure, print_table
from tests.support.server_fixture import ModelServer


@pytest.mark.parametrize("way", WAYS)
def test_each_way_makes_its_calls(model_server: ModelServer, way: str) -> None:
    figures = asyncio.run(measure(WAYS[way], model_server.url, count=6, concurrency=3))
    assert set(figures) == {"first", "call", "wall"}
    stats = model_server.stats()
    assert (stats["paid"], stats["duplicates"], stats["connections"] <= 3) == (7, 0, True)


def test_the_table_compares_each_way_with_the_first_of_its_api(capsys: pytest.CaptureFixture[str]) -> None:
    rounds = {"a: one": [0.004, 0.002, 0.003], "a: two": [0.001, 0.0015, 0.006], "b: one": [0.001]}
    print_table({name: [{"first": 1, "call": call, "wall": 2} for call in calls] for name, calls in rounds.items()})
    rows = [line.split("|")[1:] for line in capsys.readouterr().out.splitlines()[2:]]
    assert [(name.strip(), call.strip(), ratio.strip()) for name, _, call, ratio, *_ in rows] == [
        ("a: one", "3.00", "1.00"),
        ("a: two", "1.50", "0.50"),
        ("b: one", "1.00", "1.00"),
    ]
