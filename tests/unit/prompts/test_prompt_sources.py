from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.errors import FileProblem, PromptError
from pytest_promptevals.prompts.sources import InputPrompt, PromptTemplate, load_prompt
from pytest_promptevals.prompts.templates import TemplateEnvironment
from pytest_promptevals.records.cases import Case, FewShot, Location, PromptSource
from pytest_promptevals.records.responses import Message

PLACE = Location("evals/a.eval.yaml", 4)


def load(root: Path, value: Any, few_shot: tuple[FewShot, ...] = ()) -> PromptTemplate:
    (root / "evals").mkdir(exist_ok=True)
    return load_prompt(PromptSource(value, PLACE), TemplateEnvironment(root), root, few_shot)


def render(root: Path, value: Any, few_shot: tuple[FewShot, ...] = (), **fields: Any) -> tuple[Message, ...]:
    prompt = load(root, value, few_shot)
    case = Case("a", PLACE, **fields)
    prompt.check(case)
    return asyncio.run(prompt.render(case)).messages


def problem(root: Path, value: Any) -> str:
    with pytest.raises(FileProblem) as caught:
        load(root, value)
    return str(caught.value)


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, encoding="utf-8")


def test_an_inline_text_becomes_one_user_message(tmp_path: Path) -> None:
    assert render(tmp_path, "Hello {{ name }}!", vars={"name": "Ada"}) == (Message("user", "Hello Ada!"),)


def test_input_and_context_can_be_named(tmp_path: Path) -> None:
    (message,) = render(tmp_path, "{{ input }} {{ context[0] }}", input="a", context=("b",))

    assert message.content == "a b"


def test_a_one_line_text_with_the_ending_of_a_file_is_a_file(tmp_path: Path) -> None:
    write(tmp_path, "evals/ask.md", "Hi {{ name }}\n")

    assert render(tmp_path, "ask.md", vars={"name": "Ada"}) == (Message("user", "Hi Ada"),)
    assert load(tmp_path, "ask.md").name == "ask"


def test_a_file_that_does_not_exist_is_an_error_not_a_prompt(tmp_path: Path) -> None:
    assert problem(tmp_path, "../ask.md") == (
        "evals/a.eval.yaml:4: prompt: '../ask.md': no such file (ask.md). One line that ends in .md, .txt, .j2, .yaml, "
        ".yml names a file; write the prompt over several lines if it is meant as text."
    )


def test_a_text_of_several_lines_is_no_file(tmp_path: Path) -> None:
    (message,) = render(tmp_path, "Summarise\nREADME.md")

    assert message.content == "Summarise\nREADME.md"


def test_a_file_outside_of_the_rootdir_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "secret.md", "secret")
    root = tmp_path / "root"
    root.mkdir()

    assert "which is outside of the rootdir" in problem(root, "../../secret.md")


def test_a_link_out_of_the_rootdir_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "secret.md", "secret")
    write(tmp_path, "root/evals/x", "")
    (tmp_path / "root/evals/link.md").symlink_to(tmp_path / "secret.md")

    assert "which is outside of the rootdir" in problem(tmp_path / "root", "link.md")


def test_chat_messages_keep_their_roles(tmp_path: Path) -> None:
    value = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "{{ input }}"}]

    assert render(tmp_path, value, input="Hi") == (Message("system", "Be kind."), Message("user", "Hi"))


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_yaml_file_holds_chat_messages(tmp_path: Path, wrapped: bool) -> None:
    rows = "- {role: system, content: sys.txt}\n- {role: user, content: 'ask {{ input }}'}\n"
    text = "messages:\n" + rows if wrapped else rows
    write(tmp_path, "evals/chat.yaml", text)
    write(tmp_path, "evals/sys.txt", "from a file\n")

    assert render(tmp_path, "chat.yaml", input="x") == (Message("system", "from a file"), Message("user", "ask x"))


def test_examples_stand_before_the_last_user_message(tmp_path: Path) -> None:
    value = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}]

    value += [{"role": "assistant", "content": "a"}, {"role": "user", "content": "q2"}]

    messages = render(tmp_path, value, (FewShot("{{ raw }}", "a1"),))

    assert [message.content for message in messages] == ["s", "q", "a", "{{ raw }}", "a1", "q2"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "expected text or a list of {role, content} messages, not 3"),
        ([], "expected text or a list of {role, content} messages, not []"),
        (["hi"], "message 1 is 'hi', not {role, content}"),
        ([{"role": "user", "contents": "x"}], "message 1: unknown key 'contents'. Did you mean 'content'?"),
        ([{"role": "boss", "content": "x"}], "message 1: role 'boss' is none of system, developer, user, assistant"),
        ([{"role": "user", "content": 1}], "message 1: content is 1, not text"),
        ("{% if %}", "not a valid template: Expected an expression, got 'end of statement block'"),
    ],
)
def test_what_is_no_prompt_is_an_error_at_its_place(tmp_path: Path, value: Any, message: str) -> None:
    text = problem(tmp_path, value)

    assert text.startswith("evals/a.eval.yaml:4: ")
    assert text.endswith(message)


def test_a_syntax_error_in_a_file_names_its_line(tmp_path: Path) -> None:
    write(tmp_path, "evals/ask.md", "one\ntwo {{ x\nthree")

    assert problem(tmp_path, "ask.md").startswith("evals/ask.md:3: not a valid template: ")


def test_a_syntax_error_in_a_block_names_its_line(tmp_path: Path) -> None:
    assert problem(tmp_path, "one\n{{ }}\n").startswith("evals/a.eval.yaml:6: not a valid template: ")


def test_a_missing_variable_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(PromptError) as caught:
        render(tmp_path, "{{ order_id }}", vars={"orderid": 1})

    assert str(caught.value) == ("unknown variable 'order_id': this case has no such var. Did you mean 'orderid'?")


def test_a_missing_attribute_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="^the template uses what this case does not have: 'dict object' has no"):
        render(tmp_path, "{{ user.name }}", vars={"user": {}})


@pytest.mark.parametrize(
    "template",
    ["{{ ''.__class__.__mro__ }}", "{{ xs.append(1) }}", "{{ range(10 ** 9) | list }}", "{{ '%s'.__mod__ }}"],
)
def test_the_sandbox_stops_what_is_no_business_of_a_prompt(tmp_path: Path, template: str) -> None:
    with pytest.raises(PromptError):
        render(tmp_path, template, vars={"xs": []})


def test_an_error_of_the_template_is_no_crash(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="^the template failed: ZeroDivisionError: "):
        render(tmp_path, "{{ 1 // 0 }}")


def test_values_are_not_escaped_and_json_is_readable(tmp_path: Path) -> None:
    (message,) = render(tmp_path, "{{ text }} {{ data | tojson }}", vars={"text": "<b>&", "data": {"ü": "<"}})

    assert message.content == '<b>& {"ü": "<"}'


def test_values_are_no_templates(tmp_path: Path) -> None:
    (message,) = render(tmp_path, "{{ input }}", input="{{ 7 * 7 }}")

    assert message.content == "{{ 7 * 7 }}"


def test_files_are_included_relative_to_the_file_that_includes_them(tmp_path: Path) -> None:
    write(tmp_path, "evals/ask.md", "{% include 'parts/tone.md' %} {{ input }}")
    write(tmp_path, "evals/parts/tone.md", "{% include 'deep.txt' %}!")
    write(tmp_path, "evals/parts/deep.txt", "Be kind, {{ name }}")

    (message,) = render(tmp_path, "ask.md", input="Hi", vars={"name": "Ada"})

    assert message.content == "Be kind, Ada! Hi"
    assert load(tmp_path, "ask.md").variables == frozenset({"input", "name"})


def test_an_include_on_a_line_of_its_own_keeps_its_line_break(tmp_path: Path) -> None:
    write(tmp_path, "evals/ask.md", "{% include 'role.md' %}\nName only the city.\n")
    write(tmp_path, "evals/role.md", "You are a geographer.\n")

    assert render(tmp_path, "ask.md")[0].content == "You are a geographer.\nName only the city."
    assert render(tmp_path, "inline\n")[0].content == "inline"


def test_variables_are_unknown_where_an_include_is(tmp_path: Path) -> None:
    write(tmp_path, "evals/b.md", "b")
    write(tmp_path, "evals/c.md", "{% include name %}")

    assert load(tmp_path, "{% include name %}").variables is None
    assert load(tmp_path, "{% include 'c.md' %}").variables is None
    assert render(tmp_path, "{% include name %}", vars={"name": "b.md"})[0].content == "b"


def test_files_that_include_each_other_are_an_error_not_a_crash(tmp_path: Path) -> None:
    write(tmp_path, "evals/x.md", "{% include 'y.md' %}")
    write(tmp_path, "evals/y.md", "{% include 'x.md' %}")

    with pytest.raises(PromptError, match="RecursionError"):
        render(tmp_path, "x.md")


@pytest.mark.parametrize("name", ["../../secret.md", "gone.md"])
def test_what_cannot_be_included_is_an_error(tmp_path: Path, name: str) -> None:
    write(tmp_path, "secret.md", "secret")
    write(tmp_path, "root/evals/x", "")

    with pytest.raises((PromptError, FileProblem)) as caught:
        render(tmp_path / "root", f"{{% include '{name}' %}}")

    assert name.rpartition("/")[2] in str(caught.value)
    assert "secret\n" not in str(caught.value)


def test_a_function_may_return_text_or_messages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path,
        "evals/my_prompts.py",
        "def text(input): return f'ask {input}'\n"
        "async def chat(case, vars, context, metadata): return [{'role': 'user', 'content': case.id}]\n",
    )
    monkeypatch.syspath_prepend(str(tmp_path / "evals"))

    assert render(tmp_path, "python:my_prompts:text", input="x") == (Message("user", "ask x"),)
    assert render(tmp_path, "python: my_prompts:chat") == (Message("user", "a"),)
    assert load(tmp_path, "python:my_prompts:text").name == "text"
    assert load(tmp_path, "python:my_prompts:text").variables is None


def test_a_function_that_fails_or_returns_no_prompt_is_a_prompt_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "evals/bad_prompts.py", "def boom(): raise ValueError('no')\ndef none(): return None\n")
    monkeypatch.syspath_prepend(str(tmp_path / "evals"))

    with pytest.raises(PromptError, match="^prompt function 'bad_prompts:boom' raised ValueError: no$"):
        render(tmp_path, "python:bad_prompts:boom")
    with pytest.raises(PromptError, match="^prompt function 'bad_prompts:none' must return text or messages: "):
        render(tmp_path, "python:bad_prompts:none")


def test_a_function_that_does_not_exist_is_an_error_at_its_place(tmp_path: Path) -> None:
    assert problem(tmp_path, "python:json:dump_s") == (
        "evals/a.eval.yaml:4: prompt: 'python:json:dump_s': module 'json' has no 'dump_s'. Did you mean 'dumps'?"
    ).replace("'python:json:dump_s'", "'json:dump_s'")


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ("Hi", [("user", "Hi")]),
        ({"a": "ü"}, [("user", '{"a": "ü"}')]),
        (
            [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
            [("user", "a"), ("assistant", "b")],
        ),
        (None, []),
    ],
)
def test_without_a_prompt_the_input_is_what_is_asked(value: Any, messages: list[tuple[str, str]]) -> None:
    prompt = asyncio.run(InputPrompt().render(Case("a", PLACE, input=value)))

    assert [(message.role, message.content) for message in prompt.messages] == messages


def test_without_a_prompt_a_list_must_be_chat_messages() -> None:
    with pytest.raises(PromptError, match="^without a prompt, a list as input must be chat messages: message 1 is 'a'"):
        InputPrompt().check(Case("a", PLACE, input=["a"]))


def test_calls_of_tools_can_only_be_recorded() -> None:
    calls: Any = [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": []}]
    with pytest.raises(PromptError) as caught:
        InputPrompt().check(Case("a", PLACE, input=calls))
    assert str(caught.value) == (
        "without a prompt, a list as input must be chat messages: message 2: unknown key 'tool_calls'. "
        "Known: content, role. A conversation with calls or results of tools can be judged, but no model is asked with "
        "it: record the answer as the case's 'output'."
    )


def test_the_text_of_a_prompt_names_the_roles_where_there_are_several(tmp_path: Path) -> None:
    prompt = load(tmp_path, [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}])

    assert asyncio.run(prompt.render(Case("a", PLACE))).text == "system: s\n\nuser: u"
