"""The parts of the docs that are made from the code: Markdown of settings, judges, keys, hooks and public names.

``docs.write`` puts them into the pages.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import json
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

import pytest_promptevals
from pytest_promptevals import hookspecs
from pytest_promptevals.datasets import wire, wire_cases
from pytest_promptevals.datasets.exporters.promptfoo_fields import FIELDS as EXPORTED_FIELDS
from pytest_promptevals.datasets.importers.builtin import pytest_promptevals_importers as builtin_importers
from pytest_promptevals.datasets.importers.rows import USUAL
from pytest_promptevals.engine.judging import GROUPS
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.judges.describe import JudgeDescription, describe_judge
from pytest_promptevals.judges.model.rubrics import Rubric, library
from pytest_promptevals.providers.scripted import ScriptedRule
from pytest_promptevals.setting_kinds import Setting
from pytest_promptevals.settings import SETTINGS

HOOK_PREFIX: Final = "pytest_promptevals_"

_TYPES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "boolean",
    "object": "mapping",
}
_OPTION_NOTES: Final = {
    "flag": ", without a value",
    "list": ", which may be given several times",
    "name": ", alone or with a value",
}
_ARGUMENTS: Final = re.compile(r"^Args:\n((?: {4}.*\n?)+)", re.MULTILINE)
_RST_CODE: Final = re.compile(r"(?<!`)``(?!`)([^`]+)``(?!`)")
_RST_EXAMPLE: Final = re.compile(r"^Example::\n\n((?: {4}.*\n?|\n)+)", re.MULTILINE)

_DEFINITION: Final = re.compile(r"\n\n(?=@|def |class |async def )")

# A JSON Schema as pydantic makes it; its keys are looked up one by one.
Schema = Mapping[str, Any]


def settings_reference() -> str:
    """Return one section for each setting."""
    return "\n\n".join(_setting_section(setting) for setting in SETTINGS)


def _setting_section(setting: Setting) -> str:
    default = setting.shown_default
    shown = "none" if default in ("", "none") else f"`{default}`"
    option = f"- option `{setting.option}`{_OPTION_NOTES.get(setting.kind, '')}"
    ini, variable = f"- ini key `{setting.ini}`", f"- environment variable `{setting.variable}`"
    lines = [f"{ini} alone"] if setting.is_ini_only else [option, ini, variable]
    lines.append(f"- {_setting_values(setting)}; default {shown}")
    return f"### {setting.ini}\n\n{setting.help}\n\n" + "\n".join(lines)


def _setting_values(setting: Setting) -> str:
    if setting.choices:
        return " or ".join(f"`{choice}`" for choice in setting.choices)
    words = {"flag": "yes or no", "list": "a list, separated by spaces", "text": "a text"}
    least = "" if setting.minimum is None else f", at least {setting.minimum:g}"
    return words.get(setting.kind, f"a {setting.kind}") + least


def judges_reference() -> str:
    """Return one section for each built-in judge."""
    return "\n\n".join(_judge_section(describe_judge(judge)) for judge in builtin_registry().judges.values())


def _judge_section(judge: JudgeDescription) -> str:
    lines = [f"### {judge.name}", judge.summary, judge.details]
    properties: Schema = judge.parameters.get("properties", {})  # type: ignore[assignment]  # JSON, which Any stands for here
    if judge.shorthand is not None:
        lines.append(f"`{judge.name}: VALUE` is short for `{judge.name}: {{{judge.shorthand}: VALUE}}`.")
    if properties:
        lines.append(_schema_table("parameter", judge.parameters))
    threshold = f"Passes from {judge.default_threshold:g} on, unless `threshold` says otherwise."
    return "\n\n".join([*lines, threshold])


def groups_reference() -> str:
    """Return what the groups of judges do."""
    return "\n".join(f"- `{name}`: {meaning}" for name, meaning in GROUPS.items())


def rubrics_reference() -> str:
    """Return the table of the library of rubrics."""
    rows = [
        (f"`{rubric.id}`", ", ".join(f"`{name}`" for name in rubric.variables), rubric.summary, _source_of(rubric))
        for rubric in library().values()
    ]
    return _table(("rubric", "needs", "what it judges", "after"), rows)


def _source_of(rubric: Rubric) -> str:
    return f"[{rubric.source.title}]({rubric.source.url})" if rubric.source else ""


def hooks_reference() -> str:
    """Return one section for each hook, made from its docstring."""
    return "\n\n".join(_hook_section(name) for name in hook_names())


def hook_names() -> list[str]:
    """Return the names of all hooks, in the order in which they are specified."""
    return [name for name in vars(hookspecs) if name.startswith(HOOK_PREFIX)]


def _hook_section(name: str) -> str:
    hook = getattr(hookspecs, name)
    signature = f"{name}({', '.join(inspect.signature(hook).parameters)})"
    return f"### {name}\n\n```python\ndef {signature}: ...\n```\n\n{_to_markdown(inspect.getdoc(hook) or '')}"


def public_names_reference() -> str:
    """Return one section for each public name that is a record or a protocol, and a line for the others."""
    return "\n\n".join(_name_section(name) for name in sorted(pytest_promptevals.__all__))


def _name_section(name: str) -> str:
    value = getattr(pytest_promptevals, name)
    if inspect.isfunction(value):
        return f"### {name}\n\n{_to_markdown(inspect.getdoc(value) or '')}"
    if not isinstance(value, type):
        return f"### {name}\n\n{_docs_below(ast.parse(inspect.getsource(hookspecs)).body)[name]}"
    members = {name: item for name, item in vars(value).items() if _is_documented(name, item)}
    rows = [(f"`{name}`", meaning) for name, meaning in _field_docs(value).items()]
    rows += [(f"`{name}{_signature(item)}`", _first_paragraph(item)) for name, item in members.items()]
    table = _table(("member", "meaning"), rows) if rows else ""
    return "\n\n".join(part for part in (f"### {name}", _to_markdown(inspect.getdoc(value) or ""), table) if part)


def _is_documented(name: str, item: object) -> bool:
    return not name.startswith("_") and (inspect.isfunction(item) or isinstance(item, property)) and bool(item.__doc__)


def _signature(item: object) -> str:
    if not inspect.isfunction(item):
        return ""
    return "(" + ", ".join(name for name in inspect.signature(item).parameters if name != "self") + ")"


def _first_paragraph(item: object) -> str:
    return _to_markdown((inspect.getdoc(item) or "").partition("\n\n")[0])


def scripted_rule_reference() -> str:
    """Return the table of the keys of a scripted model's rule."""
    return _table(("key", "meaning"), [(f"`{name}`", text) for name, text in _field_docs(ScriptedRule).items()])


def _field_docs(record: type) -> dict[str, str]:
    """Return the docstring below each field of a class; Python keeps it in the source alone."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(record))).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101 - the source of a class
    return _docs_below(definition.body)


def _docs_below(body: Sequence[ast.stmt]) -> dict[str, str]:
    docs: dict[str, str] = {}
    for statement, following in itertools.pairwise(body):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            docs[statement.target.id] = _to_markdown(inspect.cleandoc(str(following.value.value)))
    return docs


def _to_markdown(docstring: str) -> str:
    """Return a docstring with its reStructuredText code as Markdown."""
    text = _RST_EXAMPLE.sub(lambda found: f"```python\n{_laid_out(found.group(1))}\n```\n", docstring)
    text = _ARGUMENTS.sub(lambda found: re.sub(r"^ {4}(\w+):", r"- `\1`:", found.group(1), flags=re.MULTILINE), text)
    return _RST_CODE.sub(r"`\1`", text).strip()


def _laid_out(example: str) -> str:
    """Return an example with two lines between functions, as the formatter of the pages has it."""
    return _DEFINITION.sub("\n\n\n", textwrap.dedent(example).strip())


def _keys_of(model: type[BaseModel]) -> Callable[[], str]:
    return lambda: _schema_table("key", model.model_json_schema())


def _schema_table(head: str, schema: Schema) -> str:
    """Return the table of the keys of a mapping, given its JSON Schema."""
    definitions: Schema = schema.get("$defs", {})
    required = schema.get("required", ())
    rows = [
        (
            f"`{name}`",
            _words(part, definitions),
            "required" if name in required else _shown_default(part.get("default")),
            part.get("description", ""),
        )
        for name, part in schema["properties"].items()
    ]
    return _table((head, "value", "default", "meaning"), rows)


def _shown_default(value: object) -> str:
    if value is None or value in ("", []) or isinstance(value, dict):
        return ""
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _words(schema: Schema, definitions: Schema) -> str:
    """Return what a value looks like, in words."""
    single, items = _forms(schema, definitions)
    words = list(single)
    if items is not None:
        of = "these" if list(items) == words != [] else _join(f"{word}s" for word in items)
        words.append(f"list of {of}" if of else "list")
    return _join(words) or "any data"


def _forms(schema: Schema, definitions: Schema) -> tuple[dict[str, None], dict[str, None] | None]:
    """Return what a value can be, and what the items of a list can be, ``None`` if it is no list."""
    if reference := schema.get("$ref"):
        return _forms(definitions[reference.rpartition("/")[2]], definitions)
    if values := schema.get("enum"):
        return {f"`{value}`": None for value in values}, None
    parts: Sequence[Schema] = schema.get("anyOf") or schema.get("oneOf") or ()
    kinds = schema.get("type", ())
    if isinstance(kinds, str) and kinds == "array":
        inner, lists = _forms(schema.get("items", {}), definitions)
        return {}, inner | ({} if lists is None else {"list": None})
    single = {_TYPES[kind]: None for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"}
    items: dict[str, None] | None = None
    for more_single, more_items in (_forms(part, definitions) for part in parts):
        single |= more_single
        items = items if more_items is None else (items or {}) | more_items
    if "text" in single:  # values beside it are but suggestions
        single = {word: None for word in single if not word.startswith("`")}
    return single, items


def _join(words: Iterable[str]) -> str:
    *first, last = [*words] or [""]
    return f"{', '.join(first)} or {last}" if first else last


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def import_formats_reference() -> str:
    """Return one section for each format that can be imported, with what becomes of its fields."""
    return "\n\n".join(_import_section(name, place) for name, place in builtin_importers().items() if name != "rows")


def _import_section(name: str, place: object) -> str:
    module, _, attribute = str(place).partition(":")
    found = importlib.import_module(module)
    rows = [(f"`{field}`", meaning) for field, meaning in found.FIELDS.items()]
    return "\n\n".join(
        [f"### {name}", _as_sentence(getattr(found, attribute).description), _table(("field", "becomes"), rows)]
    )


def _as_sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def row_names_reference() -> str:
    """Return the names of fields that rows are known by."""
    rows = [(f"`{key}`", ", ".join(f"`{name}`" for name in names)) for key, names in USUAL.items()]
    return _table(("key of a case", "names of fields, the first that is there counts"), rows)


def export_fields_reference() -> str:
    """Return what becomes of an eval file in a config of promptfoo."""
    return _table(("key", "becomes"), [(f"`{key}`", fate) for key, fate in EXPORTED_FIELDS.items()])


PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "settings": settings_reference,
    "judges": judges_reference,
    "groups": groups_reference,
    "rubrics": rubrics_reference,
    "hooks": hooks_reference,
    "public-names": public_names_reference,
    "scripted-rule": scripted_rule_reference,
    "eval-file-keys": _keys_of(wire.EvalFileWire),
    "case-keys": _keys_of(wire_cases.CaseWire),
    "output-keys": _keys_of(wire_cases.OutputWire),
    "usage-keys": _keys_of(wire_cases.UsageWire),
    "tool-call-keys": _keys_of(wire_cases.ToolCallWire),
    "file-entry-keys": _keys_of(wire_cases.FileEntryWire),
    "gate-keys": _keys_of(wire.GateWire),
    "judge-gate-keys": _keys_of(wire.JudgeGateWire),
    "provider-keys": _keys_of(wire.ProviderWire),
    "price-keys": _keys_of(wire.PriceWire),
    "message-keys": _keys_of(wire.MessageWire),
    "few-shot-keys": _keys_of(wire.FewShotWire),
    "judge-keys": _keys_of(wire_cases.JudgeOptionsWire),
    "group-keys": _keys_of(wire_cases.GroupOptionsWire),
    "import-formats": import_formats_reference,
    "row-names": row_names_reference,
    "export-fields": export_fields_reference,
}
"""What makes each part, by the name that pages ask for it with."""
