from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_promptevals.datasets.importers.chat import ChatImporter
from pytest_promptevals.datasets.importers.counting import CountedLosses
from pytest_promptevals.datasets.importers.drafting import (
    as_sentence,
    literal,
    literal_data,
    read_content,
    share_judges,
    share_prompt,
)
from pytest_promptevals.datasets.importers.finishing import finish
from pytest_promptevals.datasets.importers.foreign import Losses
from pytest_promptevals.datasets.importers.openai_evals import OpenAiEvalsImporter
from pytest_promptevals.datasets.importers.pydantic_evals import PydanticEvalsImporter
from pytest_promptevals.datasets.importers.registry import choose_importer, find_importers
from pytest_promptevals.datasets.sources import Source
from pytest_promptevals.errors import UsageError
from pytest_promptevals.hookspecs import Importer
from pytest_promptevals.prompts.templates import TemplateEnvironment, names_in
from pytest_promptevals.records.drafts import Draft, ImportRequest

PIECES = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{#", "#}", " ", "\n", "\r\n", "x", "'", '"', "\\", "endraw", "é", "{"]
)
SYSTEM = {"role": "system", "content": "Be brief."}
INPUT = {"role": "user", "content": "{{ input }}"}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


@given(st.lists(PIECES).map("".join))
@example("{% raw %}{{ x }}{% endraw %}")
@example("{{ x }}\n  ")
@example("{{ x }}\r\nmore")
@example("\n{{ x }}")
def test_a_literal_text_with_marks_renders_to_itself(text: str) -> None:
    written = literal(text)
    if written != text:
        assert TemplateEnvironment(Path.cwd()).compile(written, "x").render({}) == text
    else:
        assert not {"{{", "{%", "{#"} & {text[place : place + 2] for place in range(len(text))}


def test_a_text_without_marks_stays_as_it_is() -> None:
    assert literal("a {b} %} c") == "a {b} %} c"


def test_literal_data_keeps_keys_and_other_values() -> None:
    assert literal_data({"{{ k }}": ["{{ x }}", 1, None]}) == {"{{ k }}": ["{% raw %}{{ x }}{% endraw %}", 1, None]}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("It is polite", "It is polite"),
        (" polite ", "The output meets this: polite."),
        ("It edits config.yaml", "The output meets this: It edits config.yaml."),
        ("It has {{ x }}", "{% raw %}It has {{ x }}{% endraw %}"),
    ],
)
def test_criteria_are_sentences(text: str, sentence: str) -> None:
    assert as_sentence(text) == sentence


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a", "a"),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
        ([{"type": "text", "text": "a"}, {"type": "image"}], None),
        ([{"type": "text"}], None),
        (["a"], None),
        ([], None),
        (None, None),
        (7, None),
    ],
)
def test_content_is_text_or_parts_of_text(content: Any, text: str | None) -> None:
    assert read_content(content) == text


def test_instructions_that_are_templates_are_kept_literally() -> None:
    cases: list[dict[str, Any]] = [{"input": [{"role": "developer", "content": "Use {{ x }}"}, user("Hi")]}]

    assert share_prompt(cases) == [{"role": "developer", "content": "{% raw %}Use {{ x }}{% endraw %}"}, INPUT]
    assert cases == [{"input": "Hi"}]


def test_single_questions_become_texts_without_a_prompt() -> None:
    cases: list[dict[str, Any]] = [{"input": [user("Hi")]}, {"input": "Bye"}]

    assert share_prompt(cases) == []
    assert cases == [{"input": "Hi"}, {"input": "Bye"}]


@pytest.mark.parametrize(
    "asked",
    [
        [{"role": "system", "content": "See rules.md"}, user("Hi")],
        [{"role": "system", "content": "Be brief.\n"}, user("Hi")],
        [{"role": "system", "content": "Be\r\nbrief."}, user("Hi")],
        [user("Hi"), {"role": "assistant", "content": "Hello."}],
        [user("Hi"), user("Bye")],
        [SYSTEM],
        [],
        ["Hi"],
        [user("Hi") | {"content": 7}],
        {"question": "Hi"},
        7,
    ],
)
def test_what_a_prompt_could_not_say_stays_with_the_case(asked: Any) -> None:
    cases: list[dict[str, Any]] = [{"input": asked}]

    assert share_prompt(cases) == []
    assert cases == [{"input": asked}]


def test_different_instructions_stay_with_their_cases() -> None:
    cases: list[dict[str, Any]] = [{"input": [SYSTEM, user("Hi")]}, {"input": [user("Hi")]}]

    assert share_prompt(cases) == []
    assert cases == [{"input": [SYSTEM, user("Hi")]}, {"input": [user("Hi")]}]


def test_no_cases_share_nothing() -> None:
    assert share_prompt([]) == []
    assert share_judges([]) == []


@pytest.mark.parametrize(("other", "shared"), [(["exact"], ["exact"]), (["fuzzy"], []), ([], [])])
def test_equal_judges_are_those_of_the_file(other: Any, shared: Any) -> None:
    cases: list[dict[str, Any]] = [{"judges": ["exact"]}, {"judges": other}]

    assert share_judges(cases) == shared
    assert cases == ([{}, {}] if shared else [{"judges": ["exact"]}, {"judges": other}])


def test_cases_that_ask_the_same_are_told_apart_by_an_id() -> None:
    cases: list[dict[str, Any]] = [
        {"input": "a", "metadata": {"n": 1}},
        {"input": "b"},
        {"input": "a", "expected": "x"},
        {"id": "case-1", "input": "a"},
        {"input": "b", "vars": {"idle": 1}},
        {"input": "c"},
    ]

    found = finish(Draft({}, cases), names_in).cases

    assert [case.get("id") for case in found] == ["case-1-2", "case-2", "case-3", "case-1", "case-5", None]
    assert list(found[0]) == ["id", "input", "metadata"]


def test_cases_with_other_variables_do_not_ask_the_same() -> None:
    cases: list[dict[str, Any]] = [{"input": "a", "vars": {"town": name}} for name in ("Delft", "Leiden")]

    found = finish(Draft({"prompt": "{{ input }} {{ town }}"}, cases), names_in).cases

    assert [case.get("id") for case in found] == [None, None]


def test_a_loss_of_many_places_is_told_at_the_first_with_its_number() -> None:
    losses = Losses()
    counted = CountedLosses(losses)
    for line, message in [(3, "lost"), (4, "lost"), (4, "lost"), (5, "gone")]:
        counted.add(Source("a.yaml", line), message, "key")
    counted.note()

    assert [str(loss) for loss in losses.listed()] == ["a.yaml:3: key: lost (2 times)", "a.yaml:5: key: gone"]


@pytest.mark.parametrize(
    ("importer", "name", "sample"),
    [
        (ChatImporter(), "a.jsonl", {"messages": [user("Hi")]}),
        (OpenAiEvalsImporter(), "a.jsonl", {"input": "Hi", "ideal": "Hello"}),
        (PydanticEvalsImporter(), "a.json", {"cases": [{"inputs": "Hi"}]}),
    ],
)
def test_a_map_of_fields_is_for_other_formats(importer: Importer, name: str, sample: Any) -> None:
    request = ImportRequest(Path(name), name, sample, {"input": "question"})

    assert not importer.recognizes(request)
    with pytest.raises(UsageError) as caught:
        choose_importer(dataclasses.replace(find_importers(), entries={"tool": importer}), request, "tool")
    words = "--map input=question: fields of the format tool have fixed names; leave it out"
    assert str(caught.value) == f"{name}: {words}"
