"""What three text judges cost a case, beyond what the engine takes for it without any judge.

The same recorded outputs run through the engine in this process, with each set of judges in turn, so that a busy
machine slows all of them. A case cannot be without a judge: what the engine takes is that of one judge that looks at
nothing, less half of what two more of those add. ::

    python tests/benchmarks/text_judges.py --cases 10000 --at-most 0.3
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final, cast

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

import tabulate

from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.engine.planning import PlannedCase, plan_dataset
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.hookspecs import Judge, JudgeInput
from pytest_promptevals.judges.base import JudgeParameters, TextJudge
from pytest_promptevals.records.results import Grade
from pytest_promptevals.settings import Settings
from tests.benchmarks.judged_rows import WORDS, judge_all, write_evals

JUDGES: Final = 3
CHANGED: Final = 0.1
"""Share of the words in which an answer differs from the expected one."""
NOTHING: Final = "nothing"
PLAIN: Final[list[object]] = [{"contains": "the"}, {"fuzzy": {"threshold": 0.5}}, {"regex": r"\border\b.*\brefund\b"}]
TEMPLATED: Final[list[object]] = [{"contains": "{{ name }}"}, *PLAIN[1:]]


class NothingJudge(TextJudge[JudgeParameters]):
    """A judge that looks at nothing."""

    name = NOTHING
    Parameters: ClassVar[type[JudgeParameters]] = JudgeParameters

    def grade(self, subject: JudgeInput) -> Grade:
        """Return the best grade."""
        del subject
        return Grade(1.0)


def plan(folder: Path, judges: Sequence[object], count: int) -> tuple[PlannedCase, ...]:
    """Return cases with recorded outputs of 20 to 100 words."""
    source = random.Random(1)  # noqa: S311 - texts of a benchmark are no secret
    rows = []
    for number in range(count):
        words = source.choices(WORDS, k=source.randint(20, 100))
        expected = [source.choice(WORDS) if source.random() < CHANGED else word for word in words]
        variables = {"name": words[0]}
        texts = {"output": " ".join(words), "expected": " ".join(expected)}
        rows.append({"id": f"c{number}", "vars": variables, **texts})
    path = write_evals(folder, f"prompt: 'Write to {{{{ name }}}}.'\njudges: {json.dumps(judges)}", rows)
    registry = builtin_registry().with_more({NOTHING: cast("type[Judge]", NothingJudge)}, {})
    return plan_dataset(load_dataset(path, folder), registry, folder, Settings())


def cost_of(planned: Sequence[PlannedCase], folder: Path) -> float:
    """Judge the cases, and return milliseconds of processor time a case."""
    start = time.process_time()
    judge_all(planned, folder, Settings().concurrency)
    return (time.process_time() - start) * 1000 / len(planned)


def main() -> int:
    """Print the table; return 1 if three judges cost more milliseconds a case than ``--at-most``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5, help="of each; the table shows medians")
    parser.add_argument("--at-most", type=float, help="most milliseconds a case that pass")
    options = parser.parse_args()
    kinds: dict[str, list[object]] = {
        "one that looks at nothing": [NOTHING],
        "three that look at nothing": [NOTHING] * JUDGES,
        "contains, fuzzy, regex": PLAIN,
        "the same, one with a template": TEMPLATED,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        planned = {kind: plan(folder, judges, options.cases) for kind, judges in kinds.items()}
        rounds = [{kind: cost_of(cases, folder) for kind, cases in planned.items()} for _ in range(options.rounds)]
    whole = {kind: statistics.median(times[kind] for times in rounds) for kind in kinds}
    one, three, text, _ = whole.values()
    engine = one - (three - one) / (JUDGES - 1)
    print(f"{options.cases} cases, median of {options.rounds} rounds, milliseconds of processor time a case")
    rows = [("engine, no judge", engine, 0.0), *((kind, cost, cost - engine) for kind, cost in whole.items())]
    print(tabulate.tabulate(rows, headers=("judges", "in all", "beyond the engine"), floatfmt=".3f"))
    return int(options.at_most is not None and text - engine > options.at_most)


if __name__ == "__main__":
    raise SystemExit(main())
