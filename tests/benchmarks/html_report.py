"""What the HTML report of many cases costs its reader, in headless Chromium::

    python tests/benchmarks/html_report.py --cases 10000

Its size, how long it takes until the table of cases can be used, and until a search, a filter and a sort are drawn.
Answers are 1,000 characters each, all different. Ends with status 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import tabulate
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from pytest_promptevals.records.comparisons import Change, Delta
from pytest_promptevals.records.responses import Message, RenderedPrompt, Response
from pytest_promptevals.records.results import Score, Trial
from pytest_promptevals.records.run_reports import ReportedCase
from pytest_promptevals.reports.html_report import HtmlReport
from tests.support.run_reports import REGRESSED, make_file, make_report
from tests.support.sample_results import make_result

_WORDS: Final = [
    "order",
    "refund",
    "parcel",
    "invoice",
    "late",
    "soon",
    "kindly",
    "account",
    "number",
    "address",
    "friday",
    "warehouse",
    "express",
]
_ROUNDS: Final = 5
_BOUNDS: Final = {"size": 15.0, "open": 2.0, "search": 0.1, "filter": 0.1, "sort": 0.1}
"""Megabytes, and seconds."""
_STEPS: Final = {
    "search": "document.getElementById('search').value = 'refund express'",
    "filter": "document.getElementById('by-status').value = 'failed'",
    "sort": "table.sort = 'name'",
}


def main() -> None:
    """Make the report, measure it and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--factor", type=float, default=1.0, help="how much larger than the bounds figures may be")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")
        began = time.perf_counter()
        path.write_text(_render(arguments.cases), encoding="utf-8")
        print(f"rendered in {time.perf_counter() - began:.1f} s")
        measured = {"size": path.stat().st_size / 1e6, **_measure(path)}
    rows = [[name, f"{value:.3f}", _BOUNDS[name]] for name, value in measured.items()]
    print(tabulate.tabulate(rows, ["figure (MB, s)", "median", "bound"], disable_numparse=True))
    sys.exit(any(value > _BOUNDS[name] * arguments.factor for name, value in measured.items()))


def _render(count: int) -> str:
    chance = random.Random(1)  # noqa: S311 - the same texts each time
    cases = [_case(number, chance) for number in range(count)]
    return HtmlReport().render(make_report(make_file(*cases, gates=[REGRESSED])))


def _case(number: int, chance: random.Random) -> ReportedCase:
    before, after = chance.random(), chance.random()
    scores = tuple(
        Score(judge, after, after > 0.5, 0.5, explanation=_text(chance, 100)) for judge in ("contains", "helpful")
    )
    result = make_result(
        f"case-{number:05}",
        after,
        trials=(Trial(1, Response(_text(chance, 1000)), scores, after, after > 0.5),),
        scores=scores,
        prompt=RenderedPrompt((Message("user", _text(chance, 300)),)),
        expected=_text(chance, 200),
        tags=(chance.choice(("smoke", "refunds")),),
    )
    change = Change.WORSE if after < before else Change.BETTER
    return ReportedCase(result, Delta(result.name, change, before, after), _text(chance, 1000))


def _text(chance: random.Random, length: int) -> str:
    text = ""
    while len(text) < length:
        text += f"{chance.choice(_WORDS)} {chance.randrange(10_000)} "
    return text


def _measure(path: Path) -> dict[str, float]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened, page = [], chromium.new_page()
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            page.goto(path.as_uri())
            page.wait_for_selector("#table .body .row")
            opened.append(time.perf_counter() - began)
        while not page.evaluate("isSearchReady"):
            page.wait_for_timeout(50)
        return {"open": statistics.median(opened), **{name: _time(page, step) for name, step in _STEPS.items()}}


def _time(page: Any, step: str) -> float:
    """Return the median of the seconds from a change of the controls until the browser has drawn the rows."""
    script = f"""() => new Promise((done) => {{
        document.getElementById('filters').reset();
        table.sort = 'usual';
        applyFilter();
        requestAnimationFrame(() => requestAnimationFrame(() => {{
            const began = performance.now();
            {step};
            applyFilter();
            document.getElementById('table').getBoundingClientRect();
            requestAnimationFrame(() => setTimeout(() => done((performance.now() - began) / 1000)));
        }}));
    }})"""
    return statistics.median(float(page.evaluate(script)) for _ in range(_ROUNDS))


if __name__ == "__main__":
    main()
