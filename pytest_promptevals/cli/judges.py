"""``promptevals judges``: the judges that there are, and what each takes."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click

from pytest_promptevals.cli.markdown import plain_markdown
from pytest_promptevals.cli.output import echo
from pytest_promptevals.engine.judging import GROUPS
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.judges.describe import JudgeDescription, describe_judge
from pytest_promptevals.judges.other_names import explain_unknown_judge

_WIDEST: Final = 100
_OTHERS: Final = (
    "This shows the judges of the package alone: pytest knows those of a conftest.py or of another plugin, too."
)
_COMMON: Final = {
    "threshold": "the smallest score that passes",
    "weight": "its share in the score of the case; 1",
    "required": "whether the case fails when it does; true",
    "name": "what reports call it",
}
"""What every judge takes."""


@click.group()
def judges() -> None:
    """Show the judges of the package. Those of a conftest.py or another plugin are known to pytest alone."""


@judges.command("list")
def list_judges() -> None:
    """List the judges, with their levels: 1 is free and offline, 2 calls a model."""
    types = builtin_registry().judges
    described = [describe_judge(judge_type) for judge_type in types.values()]
    rows = [(one.name, str(one.level), one.summary) for one in described]
    rows += [(name, "-", summary) for name, summary in GROUPS.items()]
    longest = max(len(name) for name, _, _ in rows)
    for name, level, summary in rows:
        echo(_hang(f"{name:<{longest}}  {level}  ", summary))


@judges.command()
@click.argument("name")
def show(name: str) -> None:
    """Show what the judge NAME does, and its parameters."""
    types = builtin_registry().judges
    if name in GROUPS:
        echo(_hang("", f"{name}: {GROUPS[name]}"))
        return
    if name not in types:
        said = explain_unknown_judge(name, [*types, *GROUPS])
        raise click.ClickException(f"{said}\n{_OTHERS}")
    echo("\n".join(_describe(describe_judge(types[name]))))


def _describe(judge: JudgeDescription) -> Iterator[str]:
    yield _hang("", f"{judge.name} (level {judge.level}): {judge.summary}")
    if judge.details:
        yield f"\n{plain_markdown(judge.details, _width())}"
    if judge.shorthand is not None:
        text = f"`{judge.name}: VALUE` is short for `{judge.name}: {{{judge.shorthand}: VALUE}}`."
        yield f"\n{_hang('', text)}"
    properties: Mapping[str, Any] = judge.parameters.get("properties", {})  # type: ignore[assignment]  # JSON
    required: Any = judge.parameters.get("required", [])
    yield "\nParameters"
    for key, schema in properties.items():
        yield _hang(f"  {key}: ", _meaning(schema, is_required=key in required))
    for key, meaning in _COMMON.items():
        default = f"; {judge.default_threshold:g}" if key == "threshold" else ""
        yield _hang(f"  {key}: ", meaning + default)


def _meaning(schema: Mapping[str, Any], *, is_required: bool) -> str:
    meaning = str(schema.get("description", ""))
    if "enum" in schema:
        meaning += f" One of: {', '.join(map(str, schema['enum']))}."
    if is_required:
        return f"{meaning} Required."
    default = schema.get("default")
    if default is None or default in ("", [], {}):
        return meaning
    return f"{meaning} Default: {json.dumps(default, ensure_ascii=False)}."


def _hang(head: str, text: str) -> str:
    """Return the text behind a head, its further lines indented, as wide as the terminal but not too wide to read."""
    return textwrap.fill(text, _width(), initial_indent=head, subsequent_indent=" " * min(len(head), 20))


def _width() -> int:
    return min(_WIDEST, shutil.get_terminal_size().columns)
