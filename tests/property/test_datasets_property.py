from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from _pytest.mark.expression import Expression
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.datasets.names import check_tag
from pytest_promptevals.errors import DatasetError, FileProblem
from pytest_promptevals.files.strict_json import parse_json
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.records.cases import Case

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
CASES = st.lists(
    st.fixed_dictionaries(
        {"input": JSON, "vars": st.dictionaries(TEXT, JSON, max_size=3), "expected": JSON},
        optional={
            "context": st.lists(TEXT, max_size=3),
            "tags": st.lists(st.sampled_from(["smoke", "slow", "größe"]), max_size=3, unique=True),
            "weight": st.floats(0, 1e6, exclude_min=True),
            "trials": st.integers(1, 1000),
            "priority": st.integers(),
            "metadata": st.dictionaries(TEXT, JSON, max_size=2),
        },
    ),
    min_size=1,
    max_size=5,
)


class QuotingDumper(yaml.SafeDumper):
    """Quotes every text: PyYAML leaves ``1e5`` bare, which is a number in YAML 1.2 and to us."""


QuotingDumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, '"'))


def dump_yaml(value: object) -> str:
    return str(yaml.dump(value, Dumper=QuotingDumper, allow_unicode=True))


def load_text(text: str, name: str) -> list[Case]:
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / name).write_text(text, encoding="utf-8", newline="")
        return list(load_dataset(Path(root) / name, Path(root)).cases)


def read_back(cases: Sequence[Case], written: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what the loaded cases say about the keys that were written."""
    plain = [{key: getattr(case, key) for key in keys} for case, keys in zip(cases, written, strict=True)]
    return [{key: list(value) if isinstance(value, tuple) else value for key, value in case.items()} for case in plain]


def number_cases(cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{"id": f"c{number}"} | dict(case) for number, case in enumerate(cases)]


@settings(deadline=None)
@given(CASES)
def test_cases_come_back_from_json_lines_as_they_were_written(cases: list[dict[str, Any]]) -> None:
    written = number_cases(cases)
    text = "\n".join(json.dumps(case, ensure_ascii=number % 2 == 0) for number, case in enumerate(written))
    loaded = load_text(text, "a.eval.jsonl")
    assert read_back(loaded, written) == written
    assert [case.location.line for case in loaded] == list(range(1, len(cases) + 1))


@settings(deadline=None)
@given(CASES)
def test_cases_come_back_from_yaml_as_they_were_written(cases: list[dict[str, Any]]) -> None:
    written = number_cases(cases)
    assert read_back(load_text(dump_yaml({"cases": written}), "a.eval.yaml"), written) == written


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_texts_come_back_from_csv_as_they_were_written(rows: list[tuple[str, str]]) -> None:
    # Line ends are those of a text file, and a cell of blanks says nothing about a case key.
    rows = [(a.replace("\r", ""), b.replace("\r", "")) for a, b in rows]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["id", "input", "question"])
    writer.writerows([f"c{number}", *row] for number, row in enumerate(rows))
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "c.csv").write_text(file.getvalue(), encoding="utf-8", newline="")
        (Path(root) / "a.eval.yaml").write_text("cases: [{file: c.csv}]")
        cases = load_dataset(Path(root) / "a.eval.yaml", Path(root)).cases
    assert [(case.input, case.vars) for case in cases] == [
        (given_input if given_input.strip() else None, {"question": question}) for given_input, question in rows
    ]


@settings(deadline=None)
@given(CASES, st.randoms())
def test_ids_of_unnamed_cases_do_not_depend_on_their_order(cases: list[dict[str, Any]], random: Any) -> None:
    distinct = list({json.dumps([case["input"], case["vars"]], sort_keys=True): case for case in cases}.values())
    shuffled = random.sample(distinct, len(distinct))
    in_order, moved = (
        {case.id for case in load_text("\n".join(map(json.dumps, rows)), "a.eval.jsonl")}
        for rows in (distinct, shuffled)
    )
    assert in_order == moved
    assert len(in_order) == len(distinct)


@given(JSON)
def test_json_is_the_same_value_to_both_parsers(value: Any) -> None:
    text = json.dumps(value)
    assert parse_json(text, "a.json") == value
    assert parse_yaml(dump_yaml(value), "a.yaml").value == value


@given(st.text(st.sampled_from("ab:- \n\t[]{},&*!|>'\"%@#?<\\0.é\u2028~")))
def test_any_text_is_a_value_or_a_clear_error(text: str) -> None:
    for parse in (parse_yaml, parse_json):
        try:
            parse(text, "a.file")
        except (DatasetError, FileProblem) as error:
            assert str(error).startswith("a.file:")  # noqa: PT017 - an error is as good as a value


@given(st.text(st.sampled_from("aZ_0é:+-./\\[] (),='\"") | st.characters(), max_size=6))
def test_every_tag_that_is_allowed_can_be_selected(tag: str) -> None:
    try:
        check_tag(tag)
    except ValueError:
        return
    assert Expression.compile(tag).evaluate(lambda name, /, **_: name == tag)
