"""``--evals-order``: in which order cases run."""

from __future__ import annotations

import re

import pytest

from tests.support.project import EvalProject


def write(project: EvalProject, name: str, rows: list[dict[str, object]], model: str = "scripted/echo") -> None:
    project.write_cases(name, rows, head=f"model: {model}\njudges: [exact]\n")


def case(name: str, *, passes: bool = True, **more: object) -> dict[str, object]:
    return {"id": name, "input": name, "expected": name if passes else "other", **more}


def ran(result: pytest.RunResult) -> list[str]:
    """Return the names of the items in the order in which they ran, gates left out."""
    found = (re.match(r"(\S+)::(\S+) [A-Z]+ ", line) for line in result.stdout.lines)
    return [item[2] for item in found if item is not None and not item[2].startswith("gate[")]


def test_priority_moves_eval_items_among_their_own_places(project: EvalProject) -> None:
    write(project, "a.eval.yaml", [case("low", priority=-1), case("none"), case("high", priority=3)])
    write(project, "z.eval.yaml", [case("top", priority=9)])
    project.write("m_test.py", "def test_first(): pass\ndef test_second(): pass\n")

    assert ran(project.run("-v", "--evals-order=priority")) == [
        *("top", "high", "none"),
        *("test_first", "test_second"),
        "low",
    ]
    assert ran(project.run("-v", "-k", "not none", "--evals-order=priority")) == [
        *("top", "high"),
        *("test_first", "test_second"),
        "low",
    ]


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_failed_first_asks_the_history_once_for_all_workers(project: EvalProject, extra: tuple[str, ...]) -> None:
    rows = [case("passed"), case("failed", passes=False), case("also-passed"), case("also-failed", passes=False)]
    write(project, "a.eval.yaml", rows)
    project.run("--evals-order=failed-first")
    write(project, "a.eval.yaml", [*rows, case("new")])

    result = project.run("-v", "--evals-order=failed-first", *extra)

    # A score gate may be among the outcomes.
    assert result.parseoutcomes()["failed"] == 2
    expected = ["failed", "also-failed", "new", "passed", "also-passed"]
    if not extra:
        assert ran(result) == expected
    lines = [line for line in result.stdout.lines if re.match(r"\[gw\d\].*::", line) and "gate[" not in line]
    for worker in {line[:5] for line in lines}:
        mine = [line.rpartition("::")[2].split()[0] for line in lines if line.startswith(worker)]
        # Dealt like cards: each worker begins with something that failed.
        assert mine == [name for name in expected if name in mine]
        assert mine[0] in {"failed", "also-failed"}


def test_the_cheapest_come_first(project: EvalProject) -> None:
    project.write(
        "priced_app.py",
        """
        from pytest_promptevals import Response

        def answer(input):
            return Response(input, cost=None if input == "unknown" else float(input))
        """,
    )
    write(project, "a.eval.yaml", [case(name) for name in ("unknown", "3", "1", "2")], "python/priced_app:answer")
    project.run()

    assert ran(project.run("-v", "--evals-order=cheapest-first")) == ["1", "2", "3", "unknown"]


def test_chunked_gives_every_file_early_results(project: EvalProject) -> None:
    for name in "ab":
        write(project, f"{name}.eval.yaml", [case(f"{name}{number}") for number in range(12)])

    names = "".join(name[0] for name in ran(project.run("-v", "--evals-order=chunked")))

    assert names == "a" * 10 + "b" * 10 + "a" * 2 + "b" * 2


def test_the_order_goes_before_that_of_other_plugins_only_if_one_is_asked_for(project: EvalProject) -> None:
    write(project, "a.eval.yaml", [case("first", priority=1), case("second", passes=False)])
    project.run()

    assert ran(project.run("-v", "--ff")) == ["second", "first"]
    assert ran(project.run("-v", "--ff", "--evals-order=priority")) == ["first", "second"]


def test_without_a_history_there_is_nothing_to_ask(project: EvalProject) -> None:
    write(project, "a.eval.yaml", [case("first"), case("second", passes=False)])
    project.run()

    names = ran(project.run("-v", "--evals-order=failed-first", "--evals-history=off"))

    assert names == ["first", "second"]
