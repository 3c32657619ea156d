"""The gates of an eval file: what its layers say together, and whether the judges that they name exist."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pytest_promptevals.datasets.defaults import Layer, merge_gate
from pytest_promptevals.datasets.problems import Problems
from pytest_promptevals.errors import did_you_mean
from pytest_promptevals.records.cases import GateRules, MissingCases, OnInconclusive


def read_gate_rules(layers: Sequence[Layer]) -> GateRules:
    """Return the rules of the gates: nearest wins, rule by rule and judge by judge."""
    wire = merge_gate(layers)
    written = dict(wire)
    return GateRules(
        **written
        | {
            "judges": {name: rule.max_drop for name, rule in wire.judges.items()},
            "on_inconclusive": None if wire.on_inconclusive is None else OnInconclusive(wire.on_inconclusive),
            "missing_cases": None if wire.missing_cases is None else MissingCases(wire.missing_cases),
        }
    )


def check_gate_judges(layers: Sequence[Layer], labels: Collection[str], problems: Problems) -> None:
    """Note each judge that a gate names and that does not exist.

    What an ``evals.yaml`` says of a judge of its own is no mistake in a file that has other judges.
    """
    known = {*labels, *(judge.spec.name for layer in layers for judge in layer.judges)}
    for layer in layers:
        for name in layer.wire.gate.judges:
            if name not in known:
                hint = did_you_mean(name, labels) or " The file has no judges."
                problems.add(f"unknown judge {name!r}.{hint}", layer.source, ("gate", "judges", name))
