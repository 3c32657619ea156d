"""Ten thousand hostile strings through what commands write for other programs."""

from __future__ import annotations

import csv
import html.parser
import io
import json
import re
from collections.abc import Callable, Sequence
from typing import Final

import pytest

from pytest_promptevals.records.cases import Location
from pytest_promptevals.records.comparisons import Change, Comparison, Delta, GateResult, Metrics, Verdict
from pytest_promptevals.records.run_comparisons import ComparedRun, Outputs, RunComparison
from pytest_promptevals.reports.comparison_data import comparison_data, write_comparison_csv
from pytest_promptevals.reports.comparison_html import comparison_html
from pytest_promptevals.reports.comparison_markdown import comparison_markdown
from pytest_promptevals.reports.comparison_table import comparison_table
from pytest_promptevals.reports.comparison_view import ComparisonView, view_comparison
from pytest_promptevals.reports.csv_text import write_csv
from pytest_promptevals.reports.parquet import write_parquet
from pytest_promptevals.reports.result_files import write_result_json, write_result_lines
from pytest_promptevals.reports.words import portable_json
from tests.support.github_markdown import Rendered
from tests.support.hostile import DANGEROUS, KINDS, hostile_strings, marker

ALL: Final = 10_000
FEW: Final = 20 * len(KINDS)
MARKERS: Final = re.compile(r"marker\d{5}end")
FORMULAS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def short_strings(count: int) -> Sequence[str]:
    """Return hostile strings without those of a megabyte, which a renderer takes seconds for."""
    return [text for text in hostile_strings(count + 10) if len(text) < 10_000][:count]


def make_comparison(strings: Sequence[str]) -> RunComparison:
    """Two runs with a case that got worse for each string, and whose texts are all of these."""
    files = tuple(strings[:60])
    gates = tuple(GateResult(text, text, Verdict.PASSED, text, Location(text, 1)) for text in strings[: len(KINDS)])
    deltas = tuple(
        Delta(text, Change.WORSE, 1.0, 0.0, Location(text[:200], 1), renamed_from=text[:200]) for text in strings
    )
    file = Comparison("a.eval.yaml", Metrics(1, 1, 0, 0.5, 0.5), True, strings[0], deltas, 1.0, 0.0, gates)
    outputs = {"a.eval.yaml": {text: Outputs(text, f"{text} now") for text in strings[:FEW]}}
    run = ComparedRun(strings[1], strings[2])
    return RunComparison(run, run, (file,), files[:20], files[20:40], files[40:], outputs)


def view(count: int, strings: Sequence[str] | None) -> ComparisonView:
    """That of as many cases; without strings, of harmless ones."""
    texts = [f"text {number}" for number in range(count)] if strings is None else strings
    return view_comparison(make_comparison(texts), None, with_same=False)


class Page(html.parser.HTMLParser):
    """The elements and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_csv_has_no_formula_and_each_text_in_its_own_cell() -> None:
    strings = hostile_strings(ALL)
    stream = io.StringIO(newline="")

    write_csv(stream, ["text", "number"], ((text, number) for number, text in enumerate(strings)))

    csv.field_size_limit(10_000_000)
    _, *rows = csv.reader(io.StringIO(stream.getvalue(), newline=""))
    assert [int(number) for _, number in rows] == list(range(ALL))
    assert not any(text.lstrip().startswith(FORMULAS) for text, _ in rows)
    assert all(marker(int(number)) in text for text, number in rows)


def test_a_comparison_as_csv_has_a_row_for_each_case() -> None:
    stream = io.StringIO(newline="")

    write_comparison_csv(stream, make_comparison(hostile_strings(ALL)), None, with_same=False)

    csv.field_size_limit(10_000_000)
    rows = list(csv.DictReader(io.StringIO(stream.getvalue(), newline="")))
    assert all(None not in row and None not in row.values() for row in rows)
    assert not any(
        value.lstrip().startswith(FORMULAS) for row in rows for value in row.values() if not is_number(value)
    )
    assert len(set(MARKERS.findall(stream.getvalue()))) == ALL


def is_number(text: str) -> bool:
    return re.fullmatch(r"-?[\d.]+(e-?\d+)?", text) is not None


def test_parquet_gives_each_text_back() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    strings = hostile_strings(ALL)
    stream = io.BytesIO()

    write_parquet(stream, {"text": "text", "data": "json"}, [{"text": text, "data": [text]} for text in strings])

    table = parquet.read_table(io.BytesIO(stream.getvalue())).to_pydict()
    writable = [text.encode("utf-8", "backslashreplace").decode("utf-8") for text in strings]
    assert table["text"] == writable
    assert all(marker(number) in text for number, text in enumerate(table["data"]))


@pytest.mark.parametrize("write", [write_result_json, write_result_lines])
def test_json_gives_each_text_back_and_no_terminal_obeys_it(write: Callable[..., None]) -> None:
    strings = hostile_strings(ALL)
    stream = io.StringIO()

    write(stream, [{"text": text} for text in strings])

    written = stream.getvalue()
    rows = json.loads(written) if write is write_result_json else [json.loads(line) for line in written.splitlines()]
    # Two halves beside each other are a pair to JSON.
    assert [row["text"] for row in rows] == json.loads(json.dumps(strings))
    assert not DANGEROUS.search(written)


def test_a_comparison_as_json_gives_each_name_back() -> None:
    data = comparison_data(make_comparison(hostile_strings(ALL)), None, with_same=False)

    written = portable_json(data, indent=2)

    assert json.loads(written) == json.loads(json.dumps(data))
    assert len(set(MARKERS.findall(written))) == ALL
    assert not DANGEROUS.search(written)


def test_a_comparison_as_a_table_is_obeyed_by_no_terminal() -> None:
    written = comparison_table(view(ALL, hostile_strings(ALL)), 80)

    assert not DANGEROUS.search(written)
    assert len(set(MARKERS.findall(written.replace("\n", "").replace("  ", "")))) == ALL
    assert max(map(len, written.splitlines())) < 30_000


def test_a_comparison_as_a_page_has_the_elements_of_one_that_is_harmless() -> None:
    hostile, harmless = (Page(comparison_html(view(FEW, texts))) for texts in (hostile_strings(FEW), None))

    assert hostile.elements == harmless.elements
    assert hostile.attributes == harmless.attributes
    assert len(set(MARKERS.findall("".join(hostile.texts)))) == FEW


def test_a_comparison_as_markdown_has_no_element_of_a_stranger() -> None:
    page = Rendered(comparison_markdown(view(FEW, short_strings(FEW))))

    assert not {element.replace(" /", "") for element in page.strange} - {"<br>"}
    assert not page.links
    assert not page.comments
    assert len(set(MARKERS.findall(page.text))) == FEW
