from __future__ import annotations

import json

import pytest

from tests.support.eval_folder import EvalFolder


def ids_of(folder: EvalFolder, content: str, name: str = "evals/a.eval.yaml") -> list[str]:
    return [case.id for case in folder.load_text(content, name).cases]


def test_named_files_stand_where_they_are_named(folder: EvalFolder) -> None:
    folder.write("evals/b.jsonl", '{"id": "b"}\n')
    folder.write("evals/c.yaml", "- id: c\n")
    folder.write("evals/d.yml", "cases:\n- id: d\n")
    folder.write("shared/e.csv", "id\ne\n")
    text = (
        "cases:\n- file: b.jsonl\n- id: a\n- file: c.yaml\n- file: d.yml\n- file: ../shared/e.csv\n"
    )  # fmt: skip
    assert ids_of(folder, text) == ["b", "a", "c", "d", "e"]


def test_a_case_knows_the_line_of_the_file_in_which_it_stands(folder: EvalFolder) -> None:
    folder.write("evals/c.yaml", "\n\n- id: c\n  judges:\n  - exact\n")
    (case,) = folder.load_text("cases: [{file: c.yaml}]\n", "evals/a.eval.yaml").cases
    assert str(case.location) == "evals/c.yaml:3"
    assert str(case.judges[0].location) == "evals/c.yaml:5"


def test_a_named_file_can_name_others_relative_to_itself(folder: EvalFolder) -> None:
    folder.write("shared/c.yaml", "- id: c\n- file: deep/d.jsonl\n")
    folder.write("shared/deep/d.jsonl", '{"id": "d"}\n')
    assert ids_of(folder, "cases: [{file: ../shared/c.yaml}]\n") == ["c", "d"]


def test_a_pattern_stands_for_its_files_in_order_of_their_names(folder: EvalFolder) -> None:
    for name in ("b/2", "b/1", "b/deep/3", "c/4"):
        folder.write(f"evals/{name}.jsonl", json.dumps({"id": name[-1]}))
    folder.write("evals/b/dir.jsonl/x", "")
    assert ids_of(folder, "cases: [{file: 'b/*.jsonl'}]\n") == ["1", "2"]
    assert ids_of(folder, "cases: [{file: '**/*.jsonl'}]\n") == ["1", "2", "3", "4"]
    assert ids_of(folder, "cases: [{file: '../evals/?/[14].jsonl'}]\n") == ["1", "4"]


def test_a_name_with_brackets_is_a_file_if_there_is_one(folder: EvalFolder) -> None:
    folder.write("evals/[1].jsonl", '{"id": "x"}')
    folder.write("evals/1.jsonl", '{"id": "y"}')
    assert ids_of(folder, "cases: [{file: '[1].jsonl'}]\n") == ["x"]


def test_a_pattern_reads_a_file_once_whatever_symlinks_lead_to_it(folder: EvalFolder) -> None:
    folder.write("evals/b/1.jsonl", '{"id": "x"}')
    (folder.root / "evals" / "b" / "loop").symlink_to(folder.root / "evals")
    (folder.root / "evals" / "b" / "2.jsonl").symlink_to("1.jsonl")
    assert ids_of(folder, "cases: [{file: '**/*.jsonl'}]\n") == ["x"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("b.jsonl", "there is no file 'b.jsonl' in evals; create it, or correct the name"),
        ("../b.jsonl", "there is no file 'b.jsonl' in .; create it, or correct the name"),
        ("'*.jsonl'", "no file matches '*.jsonl'; create one, or correct the pattern"),
        ("'**x.jsonl'", "'**x.jsonl' is no pattern: '**' stands for folders, alone between slashes; correct it"),
        (".", "'.' is a folder; name the files in it, such as ./*.jsonl"),
        ("a.txt", "the file evals/a.txt cannot hold cases; use a file that ends in .jsonl, .yaml, .yml, .csv"),
    ],
)
def test_a_name_that_leads_to_no_cases_is_refused(folder: EvalFolder, name: str, problem: str) -> None:
    folder.write("evals/a.txt", "")
    assert folder.problems_of(f"cases:\n- id: a\n- file: {name}\n", "evals/a.eval.yaml") == [
        f"evals/a.eval.yaml:3: cases[1].file: {problem}"
    ]


@pytest.mark.parametrize("name", ["../../x.jsonl", "/etc/passwd", "../../*.jsonl"])
def test_a_name_that_leads_outside_the_rootdir_is_refused(folder: EvalFolder, name: str) -> None:
    (problem,) = folder.problems_of(f"cases:\n- file: '{name}'\n", "evals/a.eval.yaml")
    assert problem.startswith(f"evals/a.eval.yaml:2: cases[0].file: {name!r} leads to ")
    assert problem.endswith(f"which is outside of the rootdir {folder.root}; move the file into the project")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{file: 3}", "file: must be a text, got 3; put it into quotes"),
        ("{file: ''}", 'file: must not be empty, got ""'),
        ("{file: b.jsonl, id: x}", "id: unknown key. Known: file."),
    ],
)
def test_an_entry_with_a_file_has_that_alone(folder: EvalFolder, entry: str, problem: str) -> None:
    assert folder.problem_of_case(entry) == problem


def test_a_file_that_names_itself_is_refused(folder: EvalFolder) -> None:
    assert folder.problems_of("cases:\n- id: a\n- file: a.eval.yaml\n") == [
        "a.eval.yaml:3: cases[1].file: the file names itself: a.eval.yaml → a.eval.yaml; remove one of these entries"
    ]


def test_files_that_name_each_other_are_refused(folder: EvalFolder) -> None:
    folder.write("b.yaml", "- file: c.yaml\n")
    folder.write("c.yaml", "- id: c\n- file: b.yaml\n")
    assert folder.problems_of("cases:\n- id: a\n- file: b.yaml\n") == [
        "c.yaml:2: [1].file: the file names itself: b.yaml → c.yaml → b.yaml; remove one of these entries"
    ]


def test_a_file_that_is_named_twice_is_refused(folder: EvalFolder) -> None:
    folder.write("b.csv", "id\nb\n")
    assert folder.problems_of("cases:\n- file: b.csv\n- file: '*.csv'\n") == [
        "a.eval.yaml:3: cases[1].file: the file b.csv is already named at a.eval.yaml:2; remove one of the two entries"
    ]


def test_a_named_file_holds_cases_alone(folder: EvalFolder) -> None:
    folder.write("b.yaml", "prompt: x\ncases: []\n")
    folder.write("c.yaml", "text\n")
    folder.write("d.yaml", "{}\n")
    assert folder.problems_of("cases:\n- file: b.yaml\n- file: c.yaml\n- file: d.yaml\n") == [
        "b.yaml:1: prompt: unknown key. Known: cases.",
        'c.yaml:1: must be a mapping, got "text"',
        "d.yaml:1: cases: this key is missing; add it",
    ]


def test_bad_syntax_of_a_named_file_hides_nothing_else(folder: EvalFolder) -> None:
    folder.write("b.yaml", "- id: b\n- id: c: d\n")
    assert [problem.split(": ")[0] for problem in folder.problems_of("cases:\n- file: b.yaml\n- 3\n")] == [
        "a.eval.yaml:3",
        "b.yaml:2",
    ]


@pytest.mark.parametrize(("name", "text"), [("b.yaml", ""), ("b.yaml", "[]"), ("b.yaml", "cases: []"), ("b.jsonl", "")])
def test_a_named_file_without_cases_is_refused(folder: EvalFolder, name: str, text: str) -> None:
    folder.write(name, text)
    assert folder.problems_of(f"cases: [{{file: {name}}}]\n") == [f"{name}:1: holds no cases; write at least one"]


def test_lines_of_jsonl_are_judged_one_by_one(folder: EvalFolder) -> None:
    text = '{"id": "a", "id": "b"}\n{"id": "c"}\n[]\nnope\n{"id": "c"}\n{"id": "d", "vars": {"x": NaN}}\n'
    assert folder.problems_of(text, "a.eval.jsonl") == [
        "a.eval.jsonl:1: the key 'id' stands twice, first in line 1; remove one of them",
        "a.eval.jsonl:3: must be a mapping, got []",
        "a.eval.jsonl:4: no valid JSON: expecting value at column 1",
        "a.eval.jsonl:5: id: the id 'c' is already that of the case at a.eval.jsonl:2; give each case an id of its own",
        "a.eval.jsonl:6: NaN is no JSON number; use null or a text",
    ]


def test_a_separator_that_only_python_takes_for_a_line_end_is_part_of_the_text(folder: EvalFolder) -> None:
    case, other = folder.load_text('{"id": "a", "input": "x\u2028\x85y"}\n{"id": "b"}', "a.eval.jsonl").cases
    assert case.input == "x\u2028\x85y"
    assert other.location.line == 2


def test_a_line_of_five_megabytes_is_read(folder: EvalFolder) -> None:
    text = 'grüße "x" ' * 500_000
    (case,) = folder.load_text(json.dumps({"id": "a", "input": text}), "a.eval.jsonl").cases
    assert case.input == text


def test_a_byte_order_mark_and_windows_line_ends_are_no_problem(folder: EvalFolder) -> None:
    yaml_cases = folder.load_text(b"\xef\xbb\xbfcases:\r\n- id: a\r\n- id: b\r\n").cases
    json_cases = folder.load_text(b'\xef\xbb\xbf{"id": "a"}\r\n\r\n{"id": "b"}\r\n', "a.eval.jsonl").cases
    assert [(case.id, case.location.line) for case in yaml_cases] == [("a", 2), ("b", 3)]
    assert [(case.id, case.location.line) for case in json_cases] == [("a", 1), ("b", 3)]


@pytest.mark.parametrize("name", ["a.eval.yaml", "a.eval.jsonl"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", ": is a Git LFS pointer, not the file"),
        ("cases: []".encode("utf-16"), ": is written in UTF-16; save it as UTF-8"),
        (b"# ok\n# na\xefve\n", ":2: byte 0xEF is not UTF-8; save the file as UTF-8"),
    ],
)
def test_hostile_bytes_are_clear_errors(folder: EvalFolder, name: str, content: bytes, problem: str) -> None:
    (found,) = folder.problems_of(content, name)
    assert found.startswith(f"{name}{problem}")


def test_a_pointer_among_the_named_files_is_named_itself(folder: EvalFolder) -> None:
    folder.write("b.jsonl", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n")
    (problem,) = folder.problems_of("cases: [{file: b.jsonl}]\n")
    assert problem.startswith("b.jsonl: is a Git LFS pointer")


def test_an_alias_bomb_in_an_eval_file_is_stopped(folder: EvalFolder) -> None:
    levels = "".join(f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))
    (problem,) = folder.problems_of(f"parameters:\n  l0: &l0 [x]\n{levels}cases: [{{id: a}}]\n")
    assert problem.endswith("the aliases stand for more than 1,000,000 values; write fewer of them")
