"""``promptevals dataset export``: an eval file as another tool's file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import click

from pytest_promptevals.cli.output import echo, open_output, output_option
from pytest_promptevals.cli.project import find_project
from pytest_promptevals.errors import DatasetError, FileProblem, UsageError
from pytest_promptevals.records.cases import Dataset
from pytest_promptevals.records.drafts import Export, ExportRequest, ImportRequest
from pytest_promptevals.reports.words import count_text, visible_line

_ROWS: Final = "rows"
"""The importer that takes any file of rows: eval files that are wrong, too."""


class _Formats(click.Option):
    """Names the formats that there are, plugins' among them, where the help is asked for."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        del ctx
        from pytest_promptevals.datasets.exporters.registry import find_exporters  # noqa: PLC0415 - what export alone needs

        exporters = find_exporters()
        known = "; ".join(f"{name}, {exporters.load(name).description}" for name in exporters.entries)
        return "--format NAME", f"One of: {known}. Default: what the name of the output ends in."


@click.command("export")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", metavar="NAME", cls=_Formats)
@output_option
@click.option("--strict", is_flag=True, help="Write nothing, and exit with 1, if anything has no equivalent.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def exporting(file: Path, form: str | None, output: Path | None, *, strict: bool, force: bool) -> None:
    """Write FILE, an eval file, as a file of another tool.

    What has no equivalent there is named with its place. Nothing is dropped in silence. The results of runs are
    exported by 'promptevals export'.
    """
    from pytest_promptevals.datasets.exporters.registry import choose_exporter, find_exporters  # noqa: PLC0415 - what export alone needs

    try:
        exporter = choose_exporter(find_exporters(), form, output)
        made = _checked(exporter.export(_read(file.absolute())), exporter)
    except UsageError as error:
        raise click.UsageError(str(error)) from None
    except (FileProblem, DatasetError) as error:
        raise click.ClickException(f"{error}{_foreign_hint(file)}") from None
    _report(made, on_screen=output is None)
    if strict and made.losses:
        raise click.ClickException("nothing is written: --strict is given, and not everything has an equivalent")
    _write(made, output, force=force)


def _foreign_hint(file: Path) -> str:
    """Return how to make an eval file of one that another tool wrote, empty if none is known to have written it."""
    from pytest_promptevals.datasets.importers.foreign import take_sample  # noqa: PLC0415 - for errors alone
    from pytest_promptevals.datasets.importers.registry import choose_importer, find_importers  # noqa: PLC0415 - likewise

    shown = str(file)
    try:
        name, _ = choose_importer(find_importers(), ImportRequest(file, shown, take_sample(file, shown), {}), None)
    except UsageError:
        return ""
    if name == _ROWS:  # which any file of cases may be
        return ""
    return f"\nIt may be a file of {name}: 'promptevals import {shlex.quote(shown)}' makes an eval file of it."


def _checked(made: object, exporter: object) -> Export:
    """Return what an exporter made. Raises ``UsageError`` for anything else: exporters of plugins are unknown code."""
    if not isinstance(made, Export):
        raise UsageError(f"exporter {type(exporter).__name__}: 'export' must return an Export, not {made!r}")
    return made


def _read(path: Path) -> ExportRequest:
    """Return an eval file with its prompts. Raises ``DatasetError`` or ``FileProblem`` if it cannot be loaded."""
    from pytest_promptevals.datasets.exporters.places import read_places  # noqa: PLC0415 - what export alone needs
    from pytest_promptevals.datasets.loader import load_dataset  # noqa: PLC0415 - likewise

    rootdir = find_project(path.parent).rootdir
    dataset = load_dataset(path, rootdir)
    description, places = read_places(path, rootdir)
    return ExportRequest(dataset, tuple(_read_prompts(dataset, rootdir)), description, places)


def _read_prompts(dataset: Dataset, rootdir: Path) -> Iterator[Mapping[str, Any]]:
    from pytest_promptevals.prompts.sources import load_prompt  # noqa: PLC0415 - loads Jinja2, 0.1 s
    from pytest_promptevals.prompts.templates import TemplateEnvironment  # noqa: PLC0415 - likewise

    environment = TemplateEnvironment(rootdir)
    for source in dataset.prompts:
        content = load_prompt(source, environment, rootdir).content
        yield json.loads(content.text) if content else {}


def _report(made: Export, *, on_screen: bool) -> None:
    for loss in made.losses:
        echo(visible_line(str(loss)), err=on_screen)
    if made.losses:
        count = count_text(len(made.losses), "thing")
        echo(f"{count} in the file without an equivalent there, named above", err=on_screen)


def _write(made: Export, output: Path | None, *, force: bool) -> None:
    if output is not None and output.exists() and not force:
        raise click.ClickException(f"{output}: there already; give --force to write over it")
    with open_output(output) as stream:
        stream.write(made.text)
    if output is not None:
        echo(f"{count_text(made.count, 'case')} written to {output}")
