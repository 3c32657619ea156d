"""From what a user wrote under ``prompt`` to something that can be rendered."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from pytest_promptevals.errors import FileProblem, FunctionError, PromptError, did_you_mean
from pytest_promptevals.files.paths import OutsideRootdirError, resolve_inside, search_folders, shown_path
from pytest_promptevals.files.text import read_text
from pytest_promptevals.files.yaml import parse_yaml
from pytest_promptevals.function_sources import source_text
from pytest_promptevals.functions import call_function, choose_arguments, contain, load_function
from pytest_promptevals.prompts.templates import TemplateEnvironment, TextTemplate, template_variables
from pytest_promptevals.prompts.trajectories import ROLES, has_tools
from pytest_promptevals.records.cases import Case, FewShot, Location, PromptSource
from pytest_promptevals.records.contents import Content, ContentKind, make_content
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.responses import Message, RenderedPrompt

FILE_ENDINGS: Final = (".md", ".txt", ".j2", ".yaml", ".yml")
"""A one-line prompt that ends in one of these is the name of a file."""
_PYTHON: Final = "python:"


class PromptTemplate(Protocol):
    """Turns a case into a rendered prompt."""

    name: str
    """Name of the prompt: its file's stem or function's name; empty for an inline one."""
    variables: frozenset[str] | None
    """Names it may use; ``None`` if that cannot be known before it is rendered."""

    @property
    def content(self) -> Content | None:
        """The template with its examples and the files that it includes; ``None`` where the input itself is asked."""
        ...

    def check(self, case: Case) -> None:
        """Raise ``PromptError`` if the case cannot be rendered, as far as that is known without running user code."""
        ...

    async def render(self, case: Case) -> RenderedPrompt:
        """Fill in the case. Raises ``PromptError``."""
        ...


class ChatPrompt:
    """Chat messages, each with a template of its own."""

    def __init__(
        self, name: str, messages: Sequence[tuple[str, TextTemplate]], few_shot: Sequence[FewShot] = ()
    ) -> None:
        self.name = name
        self._messages = tuple(messages)
        self._few_shot = tuple(few_shot)
        self._examples = _example_messages(few_shot)
        names = [template.variables for _, template in messages]
        self.variables = None if None in names else frozenset[str]().union(*(item for item in names if item))

    @functools.cached_property
    def content(self) -> Content | None:
        """The templates of the messages, the examples, and the files that are included."""
        messages: Json = [{"role": role, "content": template.text} for role, template in self._messages]
        included: Json = {path: text for _, template in self._messages for path, text in template.included.items()}
        data = {"messages": messages, **({"included": included} if included else {})}
        return make_content(ContentKind.PROMPT, {**data, **_example_content(self._few_shot)})

    def check(self, case: Case) -> None:
        """Render the case, for the errors of it."""
        self.render_now(case)

    async def render(self, case: Case) -> RenderedPrompt:
        """Fill in the case's variables."""
        return self.render_now(case)

    def render_now(self, case: Case) -> RenderedPrompt:
        """Fill in the case's variables. Raises ``PromptError``."""
        variables = template_variables(case)
        messages = tuple(Message(role, template.render(variables)) for role, template in self._messages)
        return RenderedPrompt(_with_examples(messages, self._examples), self.name)


class InputPrompt:
    """What is asked where an eval file has no prompt: the case's input itself."""

    name = ""
    variables: frozenset[str] | None = frozenset({"input"})

    def __init__(self, few_shot: Sequence[FewShot] = ()) -> None:
        self._few_shot = tuple(few_shot)
        self._examples = _example_messages(few_shot)

    @functools.cached_property
    def content(self) -> Content | None:
        """The examples, if there are any."""
        return make_content(ContentKind.PROMPT, _example_content(self._few_shot)) if self._few_shot else None

    def check(self, case: Case) -> None:
        """Raise ``PromptError`` if the input is neither text nor chat messages."""
        self.render_now(case)

    async def render(self, case: Case) -> RenderedPrompt:
        """Return the input as one user message, or as the chat messages that it is."""
        return self.render_now(case)

    def render_now(self, case: Case) -> RenderedPrompt:
        """Return the input as messages; none where the case has no input."""
        if case.input is None:
            return RenderedPrompt(())
        if isinstance(case.input, list) and case.input:
            try:
                messages = tuple(Message(role, content) for role, content in _chat_messages(case.input))
            except ValueError as error:
                raise PromptError(
                    f"without a prompt, a list as input must be chat messages: {error}{_hint(case.input)}"
                ) from error
            return RenderedPrompt(_with_examples(messages, self._examples))
        text = case.input if isinstance(case.input, str) else json.dumps(case.input, ensure_ascii=False)
        return RenderedPrompt(_with_examples((Message("user", text),), self._examples))


class PythonPrompt:
    """A function of the user's that returns the prompt: a text, or a list of chat messages."""

    variables: frozenset[str] | None = None

    def __init__(self, reference: str, search_path: Sequence[Path], few_shot: Sequence[FewShot] = ()) -> None:
        self._reference = reference
        self._function = load_function(reference, search_path)
        self._choose = choose_arguments(self._function, _offer(None), reference)
        self._few_shot = tuple(few_shot)
        self._examples = _example_messages(few_shot)
        self.name = reference.rpartition(":")[2]

    @functools.cached_property
    def content(self) -> Content | None:
        """The function's name, and its source with what it names of its own project."""
        data: dict[str, Json] = {"python": self._reference, "source": source_text(self._function)}
        return make_content(ContentKind.PROMPT, {**data, **_example_content(self._few_shot)})

    def check(self, case: Case) -> None:
        """Find nothing: the user's function runs only when the case does."""

    async def render(self, case: Case) -> RenderedPrompt:
        """Call the function. Raises ``PromptError`` with what it raised, or if it returns no prompt."""
        try:
            returned = await contain(call_function(self._function, self._choose(_offer(case))))
        except Exception as error:
            raise PromptError(f"prompt function {self._reference!r} raised {type(error).__name__}: {error}") from error
        if isinstance(returned, str):
            messages: tuple[Message, ...] = (Message("user", returned),)
        else:
            try:
                messages = tuple(Message(role, content) for role, content in _chat_messages(returned))
            except ValueError as error:
                raise PromptError(
                    f"prompt function {self._reference!r} must return text or messages: {error}"
                ) from None
        return RenderedPrompt(_with_examples(messages, self._examples), self.name)


def load_prompt(
    source: PromptSource, environment: TemplateEnvironment, rootdir: Path, few_shot: Sequence[FewShot] = ()
) -> PromptTemplate:
    """Return the template that a ``prompt`` entry means. Raises ``FileProblem`` with the place of what is wrong."""
    return _Loader(environment, rootdir, few_shot).load(source.value, source.location)


def is_file_name(text: str) -> bool:
    """Return whether a prompt text is the name of a file: one line that ends as template files do."""
    text = text.strip()
    return "\n" not in text and text.lower().endswith(FILE_ENDINGS)


class _Loader:
    def __init__(self, environment: TemplateEnvironment, rootdir: Path, few_shot: Sequence[FewShot]) -> None:
        self._environment = environment
        self._rootdir = rootdir
        self._few_shot = few_shot

    def load(self, value: Json, location: Location) -> PromptTemplate:
        if isinstance(value, str) and value.startswith(_PYTHON):
            return self._load_function(value.removeprefix(_PYTHON).strip(), location)
        if isinstance(value, str) and is_file_name(value):
            return self._load_file(value.strip(), location)
        return self._load_inline(value, location)

    def _load_function(self, reference: str, location: Location) -> PromptTemplate:
        try:
            return PythonPrompt(reference, search_folders(location.path, self._rootdir), self._few_shot)
        except FunctionError as error:
            raise _problem(str(error), location) from error

    def _load_file(self, name: str, location: Location) -> PromptTemplate:
        path = self._find(name, location)
        if path.suffix.lower() not in (".yaml", ".yml"):
            return ChatPrompt(path.stem, [("user", self._compile_file(path))], self._few_shot)
        shown = shown_path(path, self._rootdir)
        value = parse_yaml(read_text(path, shown), shown).value
        if isinstance(value, dict) and set(value) == {"messages"}:
            value = value["messages"]
        return self._load_inline(value, Location(shown, 1), path.stem)

    def _load_inline(self, value: Json, location: Location, name: str = "") -> PromptTemplate:
        if isinstance(value, str):
            template = self._environment.compile(value, location.path, location.line)
            return ChatPrompt(name, [("user", template)], self._few_shot)
        try:
            messages = _chat_messages(value)
        except ValueError as error:
            raise _problem(str(error), location) from None
        compiled = [(role, self._compile_content(text, location)) for role, text in messages]
        return ChatPrompt(name, compiled, self._few_shot)

    def _compile_content(self, text: str, location: Location) -> TextTemplate:
        if is_file_name(text):
            return self._compile_file(self._find(text.strip(), location))
        return self._environment.compile(text, location.path, location.line)

    def _compile_file(self, path: Path) -> TextTemplate:
        shown = shown_path(path, self._rootdir)
        return self._environment.compile(read_text(path, shown).removesuffix("\n"), shown)

    def _find(self, name: str, location: Location) -> Path:
        try:
            path = resolve_inside(name, (self._rootdir / location.path).parent, self._rootdir)
        except OutsideRootdirError as error:
            raise _problem(str(error), location) from error
        if self._environment.has_file(path):
            return path
        raise _problem(
            f"{name!r}: no such file ({shown_path(path, self._rootdir)}). One line that ends in "
            f"{', '.join(FILE_ENDINGS)} names a file; write the prompt over several lines if it is meant as text.",
            location,
        )


def _problem(message: str, location: Location) -> FileProblem:
    return FileProblem(message, path=location.path, line=location.line, field="prompt")


def _chat_messages(value: object) -> list[tuple[str, str]]:
    """Return (role, content) of each message. Raises ``ValueError`` saying which message is wrong and how."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"expected text or a list of {{role, content}} messages, not {_shorten(value)}")
    return [_chat_message(message, number) for number, message in enumerate(value, start=1)]


def _chat_message(message: object, number: int) -> tuple[str, str]:
    if not isinstance(message, dict):
        raise ValueError(f"message {number} is {_shorten(message)}, not {{role, content}}")  # noqa: TRY004 - callers handle one type
    for key in message:
        if key not in ("role", "content"):
            raise ValueError(f"message {number}: unknown key {key!r}.{did_you_mean(str(key), ('role', 'content'))}")
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        raise ValueError(f"message {number}: role {role!r} is none of {', '.join(ROLES)}")
    if not isinstance(content, str):
        raise ValueError(f"message {number}: content is {_shorten(content)}, not text")  # noqa: TRY004 - callers handle one type
    return str(role), content


def _hint(given: Json) -> str:
    if not has_tools(given):
        return ""
    return (
        " A conversation with calls or results of tools can be judged, but no model is asked with it: "
        "record the answer as the case's 'output'."
    )


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - a value in a message fits on a line


def _example_messages(few_shot: Sequence[FewShot]) -> tuple[Message, ...]:
    return tuple(
        message
        for example in few_shot
        for message in (Message("user", example.user), Message("assistant", example.assistant))
    )


def _example_content(few_shot: Sequence[FewShot]) -> dict[str, Json]:
    examples: list[Json] = [{"user": example.user, "assistant": example.assistant} for example in few_shot]
    return {"few_shot": examples} if examples else {}


def _with_examples(messages: tuple[Message, ...], examples: tuple[Message, ...]) -> tuple[Message, ...]:
    """Put the examples before the last user message, where models expect them."""
    if not examples:
        return messages
    users = [index for index, message in enumerate(messages) if message.role == "user"]
    place = users[-1] if users else len(messages)
    return (*messages[:place], *examples, *messages[place:])


def _offer(case: Case | None) -> dict[str, object]:
    """Return what a prompt function may ask for by name; without a case, only the names matter."""
    return {
        "case": case,
        "input": case.input if case else None,
        "vars": dict(case.vars) if case else {},
        "context": list(case.context) if case else [],
        "metadata": dict(case.metadata) if case else {},
    }
