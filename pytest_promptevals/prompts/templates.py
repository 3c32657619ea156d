"""Jinja2 in its sandbox, strict: what is not defined is an error, never an empty string in a paid call."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import jinja2
import jinja2.meta
import jinja2.nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pytest_promptevals.errors import FileProblem, PromptError, did_you_mean
from pytest_promptevals.files.paths import OutsideRootdirError, resolve_inside, shown_path
from pytest_promptevals.files.text import read_text
from pytest_promptevals.records.cases import Case
from pytest_promptevals.records.json_types import JsonObject

_UNDEFINED: Final = re.compile(r"^'(.+)' is undefined$")
_MARKS: Final = ("{{", "{%", "{#")


def has_template_marks(text: str) -> bool:
    """Return whether a text has anything for Jinja2 to do."""
    return any(mark in text for mark in _MARKS)


def template_variables(case: Case) -> dict[str, Any]:
    """Return what templates may name: the case's vars, and its ``input`` and ``context`` where it has them."""
    variables: dict[str, Any] = {}
    if case.input is not None:
        variables["input"] = case.input
    if case.context:
        variables["context"] = list(case.context)
    variables.update(case.vars)
    return variables


def names_in(text: str) -> frozenset[str]:
    """Return the names that a template uses and does not set itself; none of a text that is no template."""
    try:
        return frozenset(jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(text)))  # noqa: S701 - not rendered
    except jinja2.TemplateSyntaxError:
        return frozenset()


@dataclass(frozen=True, slots=True)
class TextTemplate:
    """One compiled text."""

    template: jinja2.Template
    """Compiled form."""
    variables: frozenset[str] | None
    """Names it may use, those of included templates too; ``None`` if an include is only known when rendering."""
    is_file: bool = False
    """Whether the template is a whole file, so that its line numbers are those of the file."""
    text: str = ""
    """As written."""
    included: Mapping[str, str] = field(default_factory=dict)
    """The texts of the files that it includes, by their paths, as far as they are known before it is rendered."""

    def render(self, variables: JsonObject) -> str:
        """Fill in the variables. Raises ``PromptError`` for one that is missing and for what the sandbox forbids."""
        try:
            return self.template.render(variables)
        except FileProblem as error:
            raise PromptError(str(error)) from error
        except Exception as error:
            # Templates run the user's expressions: any error of Python's may come out of them.
            raise PromptError(self._place(error) + _explain(error, variables)) from error

    def _place(self, error: Exception) -> str:
        """Return file and line of an error in a template that is a file: Jinja2 puts them into the traceback."""
        if not self.is_file:
            return ""
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == self.template.filename]
        return f"{self.template.filename}:{lines[-1]}: " if lines else ""


def _explain(error: Exception, variables: JsonObject) -> str:
    if isinstance(error, jinja2.UndefinedError):
        return _explain_undefined(str(error), variables)
    if isinstance(error, SecurityError):
        return f"the template is not allowed to do this: {error}"
    return f"the template failed: {type(error).__name__}: {error}"


def _explain_undefined(message: str, variables: JsonObject) -> str:
    found = _UNDEFINED.match(message)
    if found is None:
        return f"the template uses what this case does not have: {message}"
    name = found.group(1)
    return f"unknown variable {name!r}: this case has no such var.{did_you_mean(name, variables)}"


class TemplateEnvironment:
    """Compiles templates. Files are included only from inside the rootdir.

    Args:
        rootdir: root of the project, resolved.
        fetch: puts a file into its place before it is looked for there, if there is such a file.
    """

    def __init__(self, rootdir: Path, fetch: Callable[[Path], None] | None = None) -> None:
        self._rootdir = rootdir
        self._fetch = fetch
        self._jinja = _Environment(rootdir, self.has_file)
        self._compiled: dict[tuple[str, str], TextTemplate] = {}

    def has_file(self, path: Path) -> bool:
        """Return whether there is a file."""
        if self._fetch is not None:
            self._fetch(path)
        return path.is_file()

    def compile(self, text: str, path: str, line: int | None = None) -> TextTemplate:
        """Compile a text that stands in the file ``path``; ``line`` is where it begins, ``None`` for a whole file.

        Raises ``FileProblem`` with the line of a syntax error.
        """
        text = text.removesuffix("\n")
        if (known := self._compiled.get((text, path))) is not None:
            return known
        try:
            # Jinja2 has no public way to compile a text under a name, which relative includes need.
            code = self._jinja.compile(text, name=path, filename=path)
            template = jinja2.Template.from_code(self._jinja, code, self._jinja.globals)
            included: dict[str, str] = {}
            names = self._names(text, path, frozenset({path}), included)
            compiled = TextTemplate(template, names, line is None, text, included)
        except jinja2.TemplateSyntaxError as error:
            place = error.filename if error.filename not in (None, path) else path
            raise FileProblem(
                f"not a valid template: {error.message}",
                path=str(place),
                line=_line_of(text, line, error.lineno) if place == path else error.lineno,
            ) from error
        self._compiled[text, path] = compiled
        return compiled

    def _names(self, text: str, parent: str, seen: frozenset[str], included: dict[str, str]) -> frozenset[str] | None:
        """Return the names that a text may use, ``None`` if unknown; ``included`` gets the texts that it includes."""
        tree = self._jinja.parse(text)
        names: frozenset[str] | None = frozenset(jinja2.meta.find_undeclared_variables(tree))
        for reference in jinja2.meta.find_referenced_templates(tree):
            if reference is None:
                names = None
                continue
            path = self._jinja.join_path(reference, parent)
            if path in seen:
                continue
            try:
                source = self._jinja.read(path)
            except jinja2.TemplateNotFound:
                continue  # rendering reports it, or the include says "ignore missing"
            included[path] = source
            inside = self._names(source, path, seen | {path}, included)
            names = None if names is None or inside is None else names | inside
        return names


def _line_of(text: str, line: int | None, line_inside: int) -> int:
    if line is None:
        return line_inside
    # A text of several lines is a block under its key, whose own line is the one before.
    return line + line_inside if "\n" in text.rstrip("\n") else line


class _Environment(ImmutableSandboxedEnvironment):
    def __init__(self, rootdir: Path, has_file: Callable[[Path], bool]) -> None:
        super().__init__(
            loader=jinja2.FunctionLoader(self.read),
            undefined=jinja2.StrictUndefined,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            # The last line break of an included file takes the place of the one after its tag, which is trimmed.
            keep_trailing_newline=True,
        )
        self._rootdir = rootdir
        self._has_file = has_file
        # The filter of Jinja2 escapes < and & for HTML.
        self.filters["tojson"] = _to_json

    def join_path(self, template: str, parent: str) -> str:
        """Name an included file relative to the folder of the file that includes it."""
        return str(PurePosixPath(parent).parent / template)

    def read(self, name: str) -> str:
        """Return the text of a file inside the rootdir."""
        try:
            path = resolve_inside(name, self._rootdir, self._rootdir)
        except OutsideRootdirError as error:
            raise FileProblem(f"{error}", path=name) from error
        if not self._has_file(path):
            raise jinja2.TemplateNotFound(name, f"{name}: no such file to include")
        return read_text(path, shown_path(path, self._rootdir))


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
