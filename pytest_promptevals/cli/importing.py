"""``promptevals import``: eval files from other tools' files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from pytest_promptevals.cli.output import echo
from pytest_promptevals.cli.project import find_project
from pytest_promptevals.errors import DatasetError, FileProblem, UsageError
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.records.drafts import Draft, ImportRequest
from pytest_promptevals.reports.words import count_text, visible_line
from pytest_promptevals.settings import SETTINGS

_ENDINGS: Final = (".eval.yaml", ".eval.yml", ".eval.jsonl")


def _read_map(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Return the pairs of ``--map``: an option's callback."""
    del ctx, param
    found: dict[str, str] = {}
    for value in values:
        key, separator, name = value.partition("=")
        if not separator or not key.strip() or not name.strip():
            raise click.BadParameter(f"{value!r} is no pair; write it as KEY=FIELD, such as input=question")
        if key.strip() in found:
            raise click.BadParameter(f"{key.strip()!r} is mapped twice")
        found[key.strip()] = name.strip()
    return found


class _Command(click.Command):
    """Names the formats that there are, plugins' among them, where the help is asked for."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from pytest_promptevals.datasets.importers.registry import find_importers  # noqa: PLC0415 - what import alone needs

        del ctx
        try:
            importers = find_importers()
            rows = [(name, importers.load(name).description) for name in importers.entries]
        except UsageError as error:
            raise click.ClickException(str(error)) from None
        with formatter.section("Formats"):
            formatter.write_dl(rows)


@click.command("import", cls=_Command)
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", metavar="NAME", help="Format of SOURCE, see below; default: auto, which looks at it.")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Eval file to write; default: evals/NAME.eval.yaml, with the name of SOURCE.",
)
@click.option(
    "--map",
    "fields",
    multiple=True,
    metavar="KEY=FIELD",
    callback=_read_map,
    help="Which field of a row is which key of a case, such as input=question or vars.city=town; may be repeated.",
)
@click.option("--strict", is_flag=True, help="Write nothing, and exit with 1, if anything has no equivalent.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
def importing(
    source: Path, form: str | None, output: Path | None, fields: Mapping[str, str], *, strict: bool, force: bool
) -> None:
    """Make an eval file of SOURCE, a file of another tool.

    What has no equivalent is named with its place. Nothing is dropped in silence.
    """
    from pytest_promptevals.datasets.importers.finishing import finish  # noqa: PLC0415 - what import alone needs
    from pytest_promptevals.datasets.importers.foreign import take_sample, why_unreadable  # noqa: PLC0415 - likewise
    from pytest_promptevals.datasets.importers.registry import choose_importer, find_importers  # noqa: PLC0415 - likewise
    from pytest_promptevals.datasets.importers.tables import name_delimiter  # noqa: PLC0415 - likewise
    from pytest_promptevals.prompts.templates import names_in  # noqa: PLC0415 - loads Jinja2, 0.1 s

    target = output or Path("evals", f"{_stem(source)}.eval.yaml")
    _check_target(target)
    shown = shown_path(source.absolute(), Path.cwd())
    request = ImportRequest(source, shown, take_sample(source, shown), fields)
    try:
        name, importer = choose_importer(find_importers(), request, None if form == "auto" else form)
        draft = finish(_checked(importer.read(request), name), names_in, shown)
    except (UsageError, FileProblem, DatasetError) as error:
        raise click.ClickException(str(error)) from None
    if said := name_delimiter(source, shown):
        echo(said)
    _report(draft)
    if not draft.cases:
        problem = "" if draft.losses else why_unreadable(source, shown)
        raise click.ClickException(problem or f"{shown}: there are no cases in it, read as {name}")
    if strict and draft.losses:
        raise click.ClickException("nothing is written: --strict is given, and not everything has an equivalent")
    _write(draft, target, f"{source.name} ({name})", force=force)


def _checked(draft: object, name: str) -> Draft:
    """Return what an importer made. Raises ``UsageError`` for anything else: importers of plugins are unknown code."""
    if not isinstance(draft, Draft):
        raise UsageError(f"importer {name!r}: 'read' must return a Draft, not {draft!r}")
    return draft


def _stem(source: Path) -> str:
    return source.name.partition(".")[0] or "imported"


def _check_target(target: Path) -> None:
    if not target.name.endswith(_ENDINGS):
        raise click.UsageError(f"{str(target)!r} is no name of an eval file; it has to end in {', '.join(_ENDINGS)}")


def _report(draft: Draft) -> None:
    for loss in draft.losses:
        echo(visible_line(str(loss)))
    if draft.losses:
        echo(f"{count_text(len(draft.losses), 'thing')} in the file without an equivalent, named above")


def _write(draft: Draft, target: Path, origin: str, *, force: bool) -> None:
    from pytest_promptevals.datasets.importers.writing import eval_file_texts  # noqa: PLC0415 - what import alone needs
    from pytest_promptevals.files.all_or_none import write_all  # noqa: PLC0415 - likewise

    try:
        texts = eval_file_texts(draft, target.name, origin)
    except ValueError as error:
        raise click.ClickException(f"{target}: {error}") from None
    places = [target.parent / name for name in texts]
    taken = [str(path) for path in places if os.path.lexists(path)]
    if taken and not force:
        raise click.ClickException(f"{', '.join(taken)}: there already; give --force to write over it")
    try:
        write_all(target.parent, texts)
    except OSError as error:
        raise click.ClickException(f"{error.filename}: cannot be written: {error.strerror}") from None
    echo(f"{count_text(len(draft.cases), 'case')} written to {target}")
    for path in places[1:]:
        echo(f"  with {path}")
    if missing := list(_find_missing(target.absolute())):
        echo("before it runs:")
        for line in missing:
            echo(f"  {line}")
        return
    echo(f"next: pytest {target}")


def _find_missing(target: Path) -> Iterator[str]:
    """Yield what keeps the written file from running: it is said now, not by the first run."""
    from pytest_promptevals.engine.registry import builtin_registry  # noqa: PLC0415 - what import alone needs
    from pytest_promptevals.hygiene.findings import Severity  # noqa: PLC0415 - likewise
    from pytest_promptevals.hygiene.loading import load_subject  # noqa: PLC0415 - likewise

    project = find_project(target.parent)
    settings = project.resolve(dict.fromkeys(row.name for row in SETTINGS))
    _, findings = load_subject(target, project.rootdir, builtin_registry(), settings)
    for finding in findings:
        if finding.kind.severity is Severity.ERROR:
            place = shown_path(project.rootdir / finding.path, Path.cwd())
            yield f"{place}:{finding.line or 1}: {finding.message}"
