"""Cases without ids, and writing the ids that they go by into their files."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.hygiene import yaml_ids
from pytest_promptevals.hygiene.findings import Kind
from pytest_promptevals.hygiene.missing_ids import WrittenIds, write_missing_ids
from pytest_promptevals.records.fingerprints import content_hash
from tests.unit.hygiene.conftest import CheckedFolder

HEAD = "model: scripted/echo\njudges: [{contains: x}]\n"


def fix(folder: CheckedFolder, name: str = "a.eval.yaml") -> list[WrittenIds]:
    """Write the ids and return what was done; the ids of all cases must be what they were."""
    subject, _ = folder.load_subject(name)
    assert subject is not None
    written = list(write_missing_ids(subject))
    after, _ = folder.load_subject(name)
    assert after is not None
    assert [case.id for case in after.dataset.cases] == [case.id for case in subject.dataset.cases]
    return written


def fixed(folder: CheckedFolder, text: str, name: str = "a.eval.yaml") -> str:
    """Return a file with its ids, which a second run does not change."""
    path = folder.write(name, text.encode())
    fix(folder, name)
    once = path.read_bytes().decode()
    fix(folder, name)
    assert path.read_bytes().decode() == once
    return once


def test_missing_ids_are_one_finding_for_each_file(folder: CheckedFolder) -> None:
    folder.write("m.jsonl", '{"input": "c"}\n')
    folder.write("n.csv", "input\nd\n")
    cases = "cases: [{input: a}, {id: x, input: b}, {file: m.jsonl}, {file: n.csv}]\n"

    assert folder.find_in(HEAD + cases, Kind.MISSING_ID) == [
        (
            "a.eval.yaml:3: missing-id: 1 case has no id: '7795ae39' (line 3); a change of the input would make "
            "another case of it; --fix-ids writes the ids that they go by today"
        ),
        (
            "m.jsonl:1: missing-id: 1 case has no id: '9c9d697a' (line 1); a change of the input would make another "
            "case of it; --fix-ids writes the ids that they go by today"
        ),
        (
            "n.csv:2: missing-id: 1 case has no id: '54136c32' (line 2); a change of the input would make another case "
            "of it; --fix-ids writes the ids that they go by today"
        ),
    ]


def test_ids_of_the_users_own_are_not_missing(folder: CheckedFolder) -> None:
    cases = "cases:\n  - {id: a, input: a}\n  - {id: 12345678, input: b}\n  - {id: deadbeef, input: c}\n"

    assert folder.find_in(HEAD + cases, Kind.MISSING_ID) == []


def test_comments_order_quotes_and_line_ends_stay(folder: CheckedFolder) -> None:
    text = (
        HEAD
        + """# The first ones.
cases:
  # Of Ada.
  - input: "What's up?"   # a question
    expected: 'x'

  -   expected: >
        a folded
        text
      input: |-
        two
          lines
  - {input: flow, "expected": x}  # all in one line
  - {"input": "quoted", "expected": "x"}
  - {
      input: over lines }
  - id: mine
    input: has one
"""
    ).replace("\n", "\r\n")

    assert fixed(folder, text) == (
        text.replace('  - input: "What', '  - id: cf6c1f7e\r\n    input: "What')
        .replace("  -   expected", "  -   id: 74bc78b8\r\n      expected")
        .replace("{input: flow", "{id: 5a80462c, input: flow")
        .replace('{"input"', '{"id": "8189415c", "input"')
        .replace("      input: over", "      id: 30a27780, input: over")
    )


def test_a_file_that_is_only_a_list_and_the_files_that_it_names(folder: CheckedFolder) -> None:
    folder.write("more.yaml", "- input: a\n- input: b\n")
    folder.write("a.eval.yaml", HEAD + "cases: [{file: more.yaml}]\n")

    assert fix(folder) == [WrittenIds("more.yaml", 2, 0)]
    assert (folder.root / "more.yaml").read_text() == "- id: 7795ae39\n  input: a\n- id: eca93059\n  input: b\n"


def test_json_lines_keep_their_spacing(folder: CheckedFolder) -> None:
    folder.write("evals.yaml", HEAD)
    text = '{"input":"a"}\r\n\r\n { "input": "b"}\r\n{"id": "x", "input": "c"}\r\n{"input": "d"}'

    assert fixed(folder, text, "a.eval.jsonl") == (
        '{"id":"7795ae39","input":"a"}\r\n\r\n { "id": "eca93059", "input": "b"}\r\n{"id": "x", "input": "c"}\r\n'
        '{"id": "54136c32", "input": "d"}'
    )


def test_an_id_that_is_null_is_filled_in(folder: CheckedFolder) -> None:
    folder.write("evals.yaml", HEAD)
    text = '{"metadata": {"id": null}, "id" :null, "input": "a"}\n'
    rows = "cases:\n  - id:\n    input: a\n  - id: ~ # none\n    input: b\n  - {id: null, input: c}\n"

    assert fixed(folder, text, "a.eval.jsonl") == text.replace('"id" :null', '"id" :"7795ae39"')
    assert fixed(folder, HEAD + rows) == HEAD + (
        "cases:\n  - id: 7795ae39\n    input: a\n  - id: eca93059 # none\n    input: b\n  - {id: 9c9d697a, input: c}\n"
    )


def test_anchors_and_merged_keys(folder: CheckedFolder) -> None:
    rows = "cases:\n  - &a\n    input: a\n  - <<: *a\n    expected: x\n    input: b\n"

    assert fixed(folder, HEAD + rows) == HEAD + (
        "cases:\n  - &a\n    id: 7795ae39\n    input: a\n  - id: eca93059\n    <<: *a\n    expected: x\n    input: b\n"
    )


def test_an_id_that_looks_like_a_number_is_quoted(folder: CheckedFolder) -> None:
    inputs = (f"q{number}" for number in range(2000))
    hashes = ((text, content_hash({"input": text, "vars": {}}, 8)) for text in inputs)
    text, digits = next((text, digits) for text, digits in hashes if set(digits) <= set("0123456789e"))

    assert fixed(folder, HEAD + f"cases: [{{input: {text}}}]\n") == (
        HEAD + f'cases: [{{id: "{digits}", input: {text}}}]\n'
    )


def test_what_cannot_be_written_is_left_and_counted(folder: CheckedFolder) -> None:
    text = HEAD + "cases:\n  - input: a\n  - ? input\n    : b\n"

    folder.write("a.eval.yaml", text)

    assert fix(folder) == [WrittenIds("a.eval.yaml", 1, 1)]
    assert "  - id: 7795ae39\n    input: a\n  - ? input\n" in (folder.root / "a.eval.yaml").read_text()


def test_a_file_of_which_nothing_can_be_written_is_not_touched(folder: CheckedFolder) -> None:
    path = folder.write("a.eval.yaml", HEAD + "cases:\n  - ? input\n    : b\n")
    before = unread(path)

    assert fix(folder) == [WrittenIds("a.eval.yaml", 0, 1)]
    assert unread(path) == before


def test_an_empty_mapping_and_an_alias_have_no_place_for_an_id() -> None:
    ids: dict[yaml_ids.Path, str] = {(0,): "a", (1,): "b", (2,): "c"}

    assert list(yaml_ids.plan_edits("- &x {input: 1}\n- {}\n- *x\n", ids)) == [(0,)]
    assert yaml_ids.plan_edits("text", ids) == {}


def test_a_file_whose_edits_would_say_something_else_is_left(
    folder: CheckedFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HEAD + "cases:\n  - input: a\n"
    path = folder.write("a.eval.yaml", text)
    for wrong in ("input: b\n    ", "- ["):
        monkeypatch.setattr(yaml_ids, "_write", lambda _, wrong=wrong: f"x\n    {wrong}")

        assert fix(folder) == [WrittenIds("a.eval.yaml", 0, 1)]
        assert path.read_text() == text


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_csv_file_gets_a_first_column(folder: CheckedFolder, line_end: str) -> None:
    text = '\ninput,"expected",tone\n"a ""b""\n  c",x, kind\n\n"b, c",x,\nd,"x, y",z'.replace("\n", line_end)
    path = folder.write("n.csv", text.encode())
    folder.write("a.eval.yaml", f"prompt: '{{{{ tone }}}}: {{{{ input }}}}'\n{HEAD}cases: [{{file: n.csv}}]\n")

    assert fix(folder) == [WrittenIds("n.csv", 3, 0)]
    rows = [('a "b"\n  c', " kind"), ("b, c", ""), ("d", "z")]
    one, two, three = (content_hash({"input": asked, "vars": {"tone": tone}}, 8) for asked, tone in rows)
    assert path.read_bytes().decode() == (
        f'\nid,input,"expected",tone\n{one},"a ""b""\n  c",x, kind\n\n{two},"b, c",x,\n{three},d,"x, y",z'
    ).replace("\n", line_end)
    assert fix(folder) == []


@pytest.mark.parametrize("text", ["id,input\n,d\na,e\n", "input, id\nd,\n"])
def test_the_empty_cells_of_a_column_of_ids_are_left(folder: CheckedFolder, text: str) -> None:
    path = folder.write("n.csv", text)

    (found,) = folder.find_in(HEAD + "cases: [{file: n.csv}]\n", Kind.MISSING_ID)

    assert found.startswith("n.csv:2: missing-id: 1 case has no id: ")
    assert found.endswith("; write them into the column 'id': --fix-ids only adds one where there is none")
    assert fix(folder) == [WrittenIds("n.csv", 0, 1)]
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ID,input\nx,a\n", "the column 'ID' may hold them; call it 'id'"),
        ("input, Id \na,\n", "the column 'Id' may hold them; call it 'id'"),
        ("input|expected\na|b\n", "the columns 'input|expected' are one, since only commas part columns; write commas"),
    ],
)
def test_a_csv_file_whose_columns_are_not_what_they_seem_is_left_alone(
    folder: CheckedFolder, text: str, reason: str
) -> None:
    path = folder.write("n.csv", text)

    assert fix(folder, "n.csv") == [WrittenIds("n.csv", 0, 1, reason)]
    assert path.read_text() == text
    (found,) = [str(finding) for finding in folder.find("n.csv") if finding.kind is Kind.MISSING_ID]
    assert found.endswith(f"; --fix-ids leaves them to you: {reason}")


def test_a_file_with_problems_is_left_alone_and_others_are_not(folder: CheckedFolder) -> None:
    path = folder.write("n.csv", "question\na\n")
    folder.write("m.jsonl", '{"input": "c"}\n')
    folder.write("a.eval.yaml", HEAD + "cases: [{file: n.csv}, {file: m.jsonl}]\n")

    reason = "first correct what keeps the file from loading"
    assert fix(folder) == [WrittenIds("n.csv", 0, 1, reason), WrittenIds("m.jsonl", 1, 0)]
    assert path.read_text() == "question\na\n"


def test_the_finding_says_which_ids_are_not_written(folder: CheckedFolder) -> None:
    odd = "  - {? input : six}\n  - ? input\n    : b\n"

    (all_odd,) = folder.find_in(HEAD + "cases:\n" + odd, Kind.MISSING_ID)
    (some_odd,) = folder.find_in(HEAD + "cases:\n  - input: a\n" + odd, Kind.MISSING_ID)

    assert all_odd.endswith("; write the ids yourself: --fix-ids cannot edit entries of that form")
    assert some_odd.endswith(
        "; --fix-ids writes the ids that they go by today, but not that of '65267b4f' (line 5), 'eca93059' (line 6): "
        "it cannot edit entries of that form"
    )


def test_a_read_only_file_is_left_alone(folder: CheckedFolder) -> None:
    path = folder.write("a.eval.yaml", HEAD + "cases:\n  - input: a\n")
    path.chmod(0o444)
    before = unread(path)

    assert fix(folder) == [WrittenIds("a.eval.yaml", 0, 1, "the file is read-only")]
    assert unread(path) == before
    (found,) = [str(finding) for finding in folder.find() if finding.kind is Kind.MISSING_ID]
    assert found.endswith("; --fix-ids leaves them to you: the file is read-only")


def test_a_file_of_somebody_else_is_left_alone(folder: CheckedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write("a.eval.yaml", HEAD + "cases:\n  - input: a\n")
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)

    assert fix(folder) == [WrittenIds("a.eval.yaml", 0, 1, "the file is read-only")]


def unread(path: Path) -> tuple[int, ...]:
    """Return what the system says of a file, but for when it was read."""
    found = path.stat()
    return found.st_ino, found.st_mode, found.st_nlink, found.st_size, found.st_mtime_ns


def test_hard_links_are_not_parted(folder: CheckedFolder) -> None:
    path = folder.write("a.eval.yaml", HEAD + "cases:\n  - input: a\n")
    os.link(path, folder.root / "other.yaml")
    before = unread(path)

    reason = "the file has 2 hard links, which would part; replace them by one file"
    assert fix(folder) == [WrittenIds("a.eval.yaml", 0, 1, reason)]
    assert unread(path) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files to others")
def test_the_owner_stays(folder: CheckedFolder) -> None:
    path = folder.write("a.eval.yaml", HEAD + "cases:\n  - input: a\n")
    os.chown(path, 4321, 4322)

    assert fix(folder) == [WrittenIds("a.eval.yaml", 1, 0)]
    assert (path.stat().st_uid, path.stat().st_gid) == (4321, 4322)


@pytest.mark.skipif(not hasattr(os, "chown"), reason="files have no owner to keep here")
def test_an_owner_that_cannot_be_kept_is_no_error(folder: CheckedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write("a.eval.yaml", HEAD + "cases:\n  - input: a\n")

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)

    assert fix(folder) == [WrittenIds("a.eval.yaml", 1, 0)]


def test_the_byte_order_mark_and_the_permissions_stay(folder: CheckedFolder) -> None:
    folder.write("evals.yaml", HEAD)
    path = folder.write("a.eval.jsonl", b'\xef\xbb\xbf{"input": "a"}\r{"input": "b"}')
    path.chmod(0o640)

    fix(folder, "a.eval.jsonl")

    assert path.read_bytes() == b'\xef\xbb\xbf{"id": "7795ae39", "input": "a"}\r{"id": "eca93059", "input": "b"}'
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_file_is_left_alone_where_nothing_is_missing(folder: CheckedFolder) -> None:
    path = folder.write("a.eval.yaml", HEAD + "cases: [{id: a, input: a}]\n")
    path.chmod(0o444)
    before = unread(path)

    assert fix(folder) == []
    assert unread(path) == before


_TEXT = st.text("ab:#'\"{}[],&*?-\\ é日\n", max_size=12)


@given(st.lists(st.tuples(_TEXT, _TEXT, st.sampled_from(["block", "flow", "json"])), max_size=5))
def test_whatever_the_texts_only_ids_are_added(rows: list[tuple[str, str, str]]) -> None:
    shapes = {
        "block": "  - input: {}\n    expected: {} # note\n",
        "flow": "  - {{input: {}, expected: {}}}\n",
        "json": '  - {{"input": {}, "expected": {}}}\n',
    }
    text = "cases:\n" + "".join(shapes[shape].format(json.dumps(one), json.dumps(two)) for one, two, shape in rows)
    ids: dict[yaml_ids.Path, str] = {("cases", index): f"id{index}" for index in range(len(rows))}

    edits = yaml_ids.plan_edits(text, ids)
    lines = text.split("\n")
    for edit in edits.values():
        lines[edit.line] = f"{lines[edit.line][: edit.start]}{edit.text}{lines[edit.line][edit.end :]}"
        assert edit.start == edit.end

    expected = [{"id": f"id{index}", "input": one, "expected": two} for index, (one, two, _) in enumerate(rows)]
    assert list(edits) == list(ids)
    assert (parse_yaml("\n".join(lines), "").value or {}) == {"cases": expected or None}


def test_paths_are_those_of_the_project(folder: CheckedFolder, tmp_path: Path) -> None:
    folder.write("evals/cases/m.jsonl", '{"input": "c"}\n')
    folder.write("evals/a.eval.yaml", HEAD + "cases: [{file: cases/m.jsonl}]\n")

    assert fix(folder, "evals/a.eval.yaml") == [WrittenIds("evals/cases/m.jsonl", 1, 0)]
    assert json.loads((tmp_path / "evals/cases/m.jsonl").read_text()) == {"id": "9c9d697a", "input": "c"}
