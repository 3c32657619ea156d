from __future__ import annotations

import pytest
import yaml

from pytest_promptevals.errors import DatasetError
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.records.json_types import Json


@pytest.fixture(params=["libyaml", "pure Python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether PyYAML was installed with its C parser."""
    if request.param != "libyaml":
        monkeypatch.delattr(yaml, "CSafeLoader")
    return str(request.param)


def value_of(text: str) -> Json:
    return parse_yaml(text, "a.yaml").value


def problems_of(text: str) -> list[str]:
    with pytest.raises(DatasetError) as caught:
        parse_yaml(text, "a.yaml")
    return str(caught.value).split("\n")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("-12", -12),
        ("0", 0),
        ("0.5", 0.5),
        (".5", 0.5),
        ("2.", 2.0),
        ("-1.5e3", -1500.0),
        ("1e5", 100000.0),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("!!int '1'", 1),
        ("!!float 1", 1),
        ("! 1x", "1x"),
        ("|\n  a\n  b\n", "a\nb\n"),
        (r'"\u00e9"', "é"),
    ],
)
@pytest.mark.usefixtures("parser")
def test_scalars_have_the_types_of_json(text: str, value: object) -> None:
    read = value_of(text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    ["no", "on", "y", "1:30", "2026-01-01", "0o17", "0x1F", "007", "1_000", "+5", "1.2.3", "-x", "nan", "=", "tRue"],
)
@pytest.mark.usefixtures("parser")
def test_what_only_yaml_takes_for_something_else_stays_text(text: str) -> None:
    assert value_of(f"a: {text}") == {"a": text}


@pytest.mark.usefixtures("parser")
def test_lines_are_known_for_keys_items_and_their_holders() -> None:
    document = parse_yaml("# top\nmodel: a\ncases:\n  - id: x\n    tags: [p,\n      q]\n  -\n    id: y\n", "a.yaml")
    assert document.line_of(()) == 2
    assert document.line_of(("cases",)) == 3
    assert document.line_of(("cases", 0, "tags", 1)) == 6
    assert document.line_of(("cases", 1)) == 8
    assert document.line_of(("cases", 1, "weight")) == 8
    assert document.line_of(("cases", 2, "id")) == 3
    assert document.line_of(("cases", "id")) == 3
    assert document.line_of(("cases", -1)) == 3
    assert document.line_of(("model", "x")) == 2


@pytest.mark.usefixtures("parser")
def test_the_line_of_an_alias_is_where_it_stands() -> None:
    document = parse_yaml("a: &a\n  x: 1\nb:\n  - *a\n  - 2\n", "a.yaml")
    assert document.value == {"a": {"x": 1}, "b": [{"x": 1}, 2]}
    assert document.line_of(("b", 0)) == 4
    assert document.line_of(("b", 0, "x")) == 2


@pytest.mark.usefixtures("parser")
def test_merge_keys_fill_in_what_a_mapping_does_not_say_itself() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  y: 3\n  <<: [*a, *b]\n  z: 4\nd:\n  <<: *b\n"
    document = parse_yaml(text, "a.yaml")
    assert document.value == {
        "a": {"x": 1, "y": 1}, "b": {"y": 2, "z": 2}, "c": {"x": 1, "y": 3, "z": 4}, "d": {"y": 2, "z": 2},
    }  # fmt: skip
    assert document.line_of(("c", "x")) == 1
    assert document.line_of(("c", "z")) == 6


@pytest.mark.usefixtures("parser")
def test_a_quoted_merge_key_is_a_key_like_any_other() -> None:
    assert value_of("'<<': 1") == {"<<": 1}


@pytest.mark.usefixtures("parser")
def test_a_merge_key_of_something_else_is_refused() -> None:
    assert problems_of("<<: 1\nb:\n  <<: [{x: 1}, 2]") == [
        "a.yaml:1: '<<' takes the alias of a mapping, or a list of those",
        "a.yaml:3: b: '<<' takes the alias of a mapping, or a list of those",
    ]


@pytest.mark.usefixtures("parser")
def test_two_merge_keys_in_one_mapping_are_refused() -> None:
    assert problems_of("<<: {a: 1}\n<<: {b: 1}") == [
        "a.yaml:2: '<<' stands twice in one mapping; write one '<<' with a list"
    ]


@pytest.mark.usefixtures("parser")
def test_all_duplicate_keys_are_reported_with_both_lines() -> None:
    assert problems_of("a: 1\nb:\n  - x: 1\n    y: 2\n    x: 3\na: 2\n'b': 3\n") == [
        "a.yaml:5: b[0]: the key 'x' stands twice, first in line 3; remove one of them",
        "a.yaml:6: the key 'a' stands twice, first in line 1; remove one of them",
        "a.yaml:7: the key 'b' stands twice, first in line 2; remove one of them",
    ]


@pytest.mark.usefixtures("parser")
def test_keys_that_are_no_text_are_to_be_quoted() -> None:
    assert problems_of("vars:\n  1: a\n  true: b\n  ~: c\n  1.5: d\n") == [
        "a.yaml:2: vars: the key 1 is no text to YAML; put it into quotes",
        "a.yaml:3: vars: the key true is no text to YAML; put it into quotes",
        "a.yaml:4: vars: the key ~ is no text to YAML; put it into quotes",
        "a.yaml:5: vars: the key 1.5 is no text to YAML; put it into quotes",
    ]


@pytest.mark.parametrize("text", ["? [a]\n: b", "? {a: b}\n: c", "a: &a x\n*a : y"])
@pytest.mark.usefixtures("parser")
def test_lists_mappings_and_aliases_are_no_keys(text: str) -> None:
    (problem,) = problems_of(text)
    assert problem.endswith(
        ": a key must be a text, not a list, a mapping or an alias; put a {{ template }} into quotes"
    )


@pytest.mark.usefixtures("parser")
def test_tags_that_make_objects_are_refused() -> None:
    assert problems_of("a: !!python/object/apply:os.system [ls]\nb: !mine 3\nc: !!set {x}\nd: !!int x\n") == [
        "a.yaml:1: a: the tag !!python/object/apply:os.system is not known here; remove it",
        "a.yaml:2: b: the tag !mine is not known here; remove it",
        "a.yaml:3: c: the tag !!set is not known here; remove it",
        "a.yaml:4: d: 'x' is no int, as its tag !!int says; correct one of them",
    ]


@pytest.mark.usefixtures("parser")
def test_plain_tags_of_lists_and_mappings_are_fine() -> None:
    assert value_of("!!map {a: !!seq [1], b: ! [2]}") == {"a": [1], "b": [2]}


@pytest.mark.usefixtures("parser")
def test_numbers_that_json_does_not_have_are_refused() -> None:
    digits = "9" * 5000
    assert problems_of(f"a: .nan\nb: -.inf\nc: 1e999\nd: {digits}\n") == [
        "a.yaml:1: a: .nan is no JSON number; use null, or put it into quotes",
        "a.yaml:2: b: -.inf is no JSON number; use null, or put it into quotes",
        "a.yaml:3: c: 1e999 is no JSON number; use null, or put it into quotes",
        "a.yaml:4: d: a whole number of 5000 digits is too long; put it into quotes",
    ]


@pytest.mark.usefixtures("parser")
def test_a_second_document_is_refused() -> None:
    assert problems_of("a: 1\n---\nb: 2\n") == ["a.yaml:2: a second document begins; keep one in each file"]


@pytest.mark.usefixtures("parser")
def test_an_alias_bomb_is_stopped() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 12))
    assert problems_of("l0: &l0 [x, x]\n" + levels) == [
        "a.yaml:7: l6[2]: the aliases stand for more than 1,000,000 values; write fewer of them"
    ]


@pytest.mark.usefixtures("parser")
def test_aliases_within_reason_are_fine() -> None:
    value = value_of("a: &a [1, 2]\nb: [" + "*a, " * 1000 + "*a]")
    assert isinstance(value, dict)
    assert value["b"] == [[1, 2]] * 1001


@pytest.mark.usefixtures("parser")
def test_an_alias_that_holds_itself_is_refused() -> None:
    assert problems_of("a: &a\n  b: [*a]\n") == [
        "a.yaml:2: a.b[0]: the alias *a stands inside of the value that it stands for; remove it"
    ]


@pytest.mark.usefixtures("parser")
def test_an_alias_of_nothing_is_refused() -> None:
    assert problems_of("a: *b") == ["a.yaml:1: a: the alias *b stands for nothing; put &b before a value above it"]


@pytest.mark.parametrize("bracket", ["[", "{a: "])
@pytest.mark.usefixtures("parser")
def test_endless_nesting_is_stopped(bracket: str) -> None:
    (problem,) = problems_of(bracket * 20_000)
    assert problem.startswith("a.yaml:1: ")
    assert problem.endswith("…: nested more than 100 levels deep; make the data flatter")
    assert len(problem) < 200


@pytest.mark.usefixtures("parser")
def test_a_hundred_levels_are_fine() -> None:
    assert value_of("[" * 100 + "]" * 100) is not None


@pytest.mark.usefixtures("parser")
def test_characters_that_yaml_takes_for_line_ends_or_refuses_are_named() -> None:
    assert problems_of('a: 1\nb: "x\u2028y"\n') == [
        'a.yaml:2: the character U+2028 cannot stand in YAML; write it as "\\u2028" in double quotes'
    ]
    assert problems_of("a: \x00") == [
        'a.yaml:1: the character U+0000 cannot stand in YAML; write it as "\\u0000" in double quotes'
    ]
    for half in ("\ud800", "\udfff"):
        assert problems_of(f"a:\n- {half}") == [
            f"a.yaml:2: U+{ord(half):04X} is half of a surrogate pair and no character; remove it"
        ]


def test_an_escaped_half_of_a_surrogate_pair_is_refused(parser: str) -> None:
    (problem,) = problems_of('a: "\\ud800"')
    assert problem == (
        "a.yaml:1: no valid YAML: column 7: found invalid Unicode character escape code"
        if parser == "libyaml"
        else "a.yaml:1: a: \\ud800 is half of a surrogate pair and no character; remove it"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "a.yaml:1: no valid YAML: column 5: a ':' stands where no key can be; put the text into quotes"),
        (
            "a:\n  - b\n  c: d\n",
            "a.yaml:3: no valid YAML: column 3: expected '- ', indented like the items above it (in",
        ),
        (
            "a: [1,\nb: 2\n",
            "a.yaml:2: no valid YAML: column 5: expected ',' or ']' (in the list that begins in line 1)",
        ),
        ("{a: 1\n\n", "a.yaml:1: no valid YAML: column 6: expected ',' or '}'"),
        ("a: 'x", "a.yaml:1: no valid YAML: column 6: expected the closing quote of a text"),
        (
            "a: 1\nb\nc: 2",
            "a.yaml:3: no valid YAML: column 1: expected ':' after a key (in the key that begins in line 2)",
        ),
        ("k: 'x\n", "a.yaml:1: no valid YAML: column 6: expected the closing quote of a text"),
        (
            "- a\nb: c\n",
            "a.yaml:2: no valid YAML: column 1: expected '- ', indented like the items above it (in the list",
        ),
        ("a: 'b' c", "a.yaml:1: no valid YAML: column 8: expected a key like 'name: value', indented like the keys"),
        ("a: @b", "a.yaml:1: no valid YAML: column 4: a text cannot begin with this character; put it into quotes"),
        ("a:\n\t- b", "a.yaml:2: no valid YAML: column 1: a tab cannot indent; use spaces"),
        ("%TAG ! x\n%TAG ! y\n---\na", "a.yaml:2: no valid YAML: column 1: found duplicate %TAG directive"),
    ],
)
def test_bad_syntax_is_explained(text: str, message: str) -> None:
    (problem,) = problems_of(text)
    assert problem.startswith(message)


def test_bad_syntax_does_not_hide_what_was_wrong_before_it() -> None:
    first, second = problems_of("a: 1\na: 2\nb: c: d\n")
    assert first == "a.yaml:2: the key 'a' stands twice, first in line 1; remove one of them"
    assert second.startswith("a.yaml:3: no valid YAML")


def test_the_pure_parser_says_what_is_wrong_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    (problem,) = problems_of("a: [1,\nb: 2\n")
    assert problem == (
        "a.yaml:2: no valid YAML: column 5: expected ',' or ']', but got '<stream end>' "
        "(in the list that begins in line 1)"
    )
