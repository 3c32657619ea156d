"""What is kept of a prompt, so that a reader can see what changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.prompts.sources import InputPrompt, PromptTemplate, load_prompt
from pytest_promptevals.prompts.templates import TemplateEnvironment
from pytest_promptevals.records.cases import FewShot, Location, PromptSource
from pytest_promptevals.records.contents import Content, ContentKind

PLACE = Location("evals/a.eval.yaml", 4)
EXAMPLE = FewShot("Hi", "Hello", Location("examples.yaml", 3))


def load(root: Path, value: Any, *few_shot: FewShot, line: int = 4) -> PromptTemplate:
    (root / "evals").mkdir(exist_ok=True)
    source = PromptSource(value, Location("evals/a.eval.yaml", line))
    return load_prompt(source, TemplateEnvironment(root), root, few_shot)


def content(prompt: PromptTemplate) -> Content:
    assert prompt.content is not None
    assert prompt.content.kind is ContentKind.PROMPT
    return prompt.content


def data(prompt: PromptTemplate) -> Any:
    return json.loads(content(prompt).text)


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def test_a_text_is_one_message_with_its_template(tmp_path: Path) -> None:
    assert data(load(tmp_path, "Hello {{ name }}\n")) == {"messages": [{"role": "user", "content": "Hello {{ name }}"}]}


def test_a_text_in_a_file_is_that_text_wherever_it_stands(tmp_path: Path) -> None:
    write(tmp_path, "evals/ask.md", "Hello {{ name }}\n")
    write(tmp_path, "evals/deep/other.md", "Hello {{ name }}\n")

    here, there = load(tmp_path, "ask.md"), load(tmp_path, "deep/other.md", line=9)

    assert content(here) == content(there) == content(load(tmp_path, "Hello {{ name }}\n"))


def test_chat_messages_come_with_their_files_and_all_that_these_include(tmp_path: Path) -> None:
    write(tmp_path, "evals/system.md", "{% include 'parts/tone.md' %}\n")
    write(tmp_path, "evals/parts/tone.md", "Be kind. {% include 'more.md' %}\n")
    write(tmp_path, "evals/parts/more.md", "And brief.{% include 'tone.md' ignore missing %}\n")
    messages = [{"role": "system", "content": "system.md"}, {"role": "user", "content": "{{ input }}"}]

    assert data(load(tmp_path, messages)) == {
        "messages": [
            {"role": "system", "content": "{% include 'parts/tone.md' %}"},
            {"role": "user", "content": "{{ input }}"},
        ],
        "included": {
            "evals/parts/more.md": "And brief.{% include 'tone.md' ignore missing %}\n",
            "evals/parts/tone.md": "Be kind. {% include 'more.md' %}\n",
        },
    }


@pytest.mark.parametrize(
    "text", ["{% include 'tone.md' %}{% include name %}", "{% include name %}{% include 'tone.md' %}"]
)
def test_beside_what_only_a_case_can_name_the_other_files_are_kept(tmp_path: Path, text: str) -> None:
    write(tmp_path, "evals/tone.md", "Be kind.\n")

    prompt = load(tmp_path, f"{text}\n")

    assert prompt.variables is None
    assert data(prompt)["included"] == {"evals/tone.md": "Be kind.\n"}


@pytest.mark.parametrize("value", ["Hello {{ input }}\n", "python:asks:ask"])
def test_examples_belong_to_a_prompt(tmp_path: Path, value: str) -> None:
    write(tmp_path, "evals/asks.py", "def ask(input):\n    return input\n")

    plain, with_example = load(tmp_path, value), load(tmp_path, value, EXAMPLE)

    assert data(with_example) == data(plain) | {"few_shot": [{"user": "Hi", "assistant": "Hello"}]}
    assert content(with_example).hash != content(plain).hash


def test_a_function_is_its_name_and_its_source_with_what_it_names(tmp_path: Path) -> None:
    source = 'TONE = "kind"\n\n\ndef ask_kindly(input):\n    return f"{TONE}: {input}"\n'
    write(tmp_path, "evals/kind_asks.py", source)

    kept = data(load(tmp_path, "python:kind_asks:ask_kindly"))

    assert kept["python"] == "kind_asks:ask_kindly"
    assert "def ask_kindly(input):" in kept["source"]
    assert '"kind"' in kept["source"]


def test_where_the_input_itself_is_asked_only_examples_are_kept() -> None:
    assert InputPrompt().content is None
    assert data(InputPrompt((EXAMPLE,))) == {"few_shot": [{"user": "Hi", "assistant": "Hello"}]}
