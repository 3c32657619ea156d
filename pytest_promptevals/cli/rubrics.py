"""``promptevals rubrics``: the library of rubrics, and what a judge model is told."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from tabulate import tabulate

from pytest_promptevals.cli.output import echo
from pytest_promptevals.cli.project import find_project
from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.engine.judging import judge_variables
from pytest_promptevals.errors import DatasetError, FileProblem, PromptEvalsError, did_you_mean
from pytest_promptevals.files.text import read_text
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.criteria import is_template_name, unknown_rubric
from pytest_promptevals.judges.excerpts import count_noun
from pytest_promptevals.judges.model.rubric_prompt import rubric_messages
from pytest_promptevals.judges.model.rubrics import (
    Rubric,
    find_rubric,
    free_rubric,
    library,
    load_rubric,
    named_rubric,
    parse_rubric,
)
from pytest_promptevals.prompts.sources import InputPrompt, PromptTemplate, load_prompt
from pytest_promptevals.prompts.templates import TemplateEnvironment
from pytest_promptevals.records.cases import Case, Dataset
from pytest_promptevals.records.responses import RenderedPrompt, Response

_WIDTH = 80
_NO_RESPONSE = "(The model's response will stand here.)"


@click.group()
def rubrics() -> None:
    """Show the rubrics that a judge model can judge by, and check your own."""


@rubrics.command("list")
def list_rubrics() -> None:
    """List the library."""
    echo("\n\n".join(map(_summarise, library().values())))


@rubrics.command()
@click.argument("name")
def show(name: str) -> None:
    """Show a rubric: NAME is that of one of the library, or a YAML file."""
    rubric = _read_named(name) if is_template_name(name) else named_rubric(name)
    if rubric is None:
        raise click.ClickException(
            f"{unknown_rubric(name)} A rubric of your own is shown by the name of its file, such as rubrics/own.yaml."
        )
    echo("\n".join(_describe(rubric)))


@rubrics.command()
@click.argument("name")
@click.option("--file", "file", required=True, type=click.Path(path_type=Path), help="The eval file of the case.")
@click.option("--case", "case_id", required=True, help="The id of the case.")
def render(name: str, file: Path, case_id: str) -> None:
    """Show what a judge model is sent for a case; nothing is called.

    NAME is what stands behind `rubric:` in an eval file: a rubric of the library, a YAML file beside the eval file or
    in the rootdir, or criteria in your own words, in which variables of the case are filled in. Where the case has no
    output, a line stands for the response.
    """
    rootdir = find_project(Path.cwd()).rootdir
    try:
        dataset = load_dataset(file, rootdir)
        case = _case_of(dataset, case_id)
        environment = TemplateEnvironment(rootdir)
        criteria = environment.compile(name, "NAME", 1).render(judge_variables(case))
        rubric = _rubric_of(criteria, (file.absolute().parent, rootdir))
        prompt = asyncio.run(_prompt_of(dataset, environment, rootdir).render(case))
        messages = rubric_messages(rubric, _subject(case, prompt))
    except PromptEvalsError as error:
        raise click.ClickException(str(error)) from None
    for message in messages:
        echo(f"--- {message.role}\n{message.content}\n")


@rubrics.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def validate(files: tuple[Path, ...]) -> None:
    """Check YAML files with rubrics of your own; exit status 1 if something is wrong with one."""
    is_wrong = False
    for file in files:
        try:
            rubric = _read_file(file)
        except (FileProblem, DatasetError) as error:
            echo(str(error), err=True)
            is_wrong = True
        else:
            echo(
                f"{file}: {rubric.label}, {count_noun(len(rubric.dimensions), 'dimension')}, needs "
                f"{', '.join(rubric.variables)}"
            )
    if is_wrong:
        raise SystemExit(1)


def _rubric_of(criteria: str, search_path: Sequence[Path]) -> Rubric:
    """Return the rubric that an eval file means, which looks for a file beside it and then in the rootdir."""
    try:
        if is_template_name(criteria):
            return load_rubric(criteria.strip(), search_path)
        return find_rubric(criteria) or free_rubric(criteria)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _read_named(name: str) -> Rubric:
    try:
        return _read_file(Path(name.strip()))
    except (FileProblem, DatasetError) as error:
        raise click.ClickException(str(error)) from None


def _read_file(file: Path) -> Rubric:
    return parse_rubric(read_text(file, str(file)), str(file))


def _summarise(rubric: Rubric) -> str:
    lines = [f"{rubric.id} ({rubric.category}), needs {', '.join(rubric.variables)}", rubric.summary]
    if rubric.aliases:
        lines.append(f"also: {', '.join(rubric.aliases)}")
    filled = (textwrap.fill(line, _WIDTH, initial_indent="    ", subsequent_indent="    ") for line in lines)
    return "\n".join(filled).lstrip()


def _describe(rubric: Rubric) -> Iterator[str]:
    yield _fill(f"{rubric.label} ({rubric.category}): {rubric.summary}")
    if rubric.aliases:
        yield _fill(f"also: {', '.join(rubric.aliases)}")
    yield f"needs: {', '.join(rubric.variables)}"
    if rubric.optional:
        yield f"uses, where the case has it: {', '.join(rubric.optional)}"
    if rubric.source is not None:
        yield _fill(f"source: {rubric.source.title}, {rubric.source.url}")
    yield f"\n{_fill(rubric.criteria)}"
    if rubric.dimensions:
        rows = [(one.id, f"{one.weight:g}", one.question) for one in rubric.dimensions]
        yield f"\n{_table(('dimension', 'weight', 'question'), rows)}"
    anchors = [(f"{anchor.value:g}", anchor.means) for anchor in rubric.scale.anchors]
    yield f"\n{_table(('scale', 'meaning'), anchors)}"


def _fill(text: str) -> str:
    # Addresses stay whole, so that they can be clicked.
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose last column takes what the others leave."""
    # Tabulate puts two spaces between columns, and two behind a head.
    columns = list(zip((f"{head}  " for head in headers), *rows, strict=True))
    taken = sum(max(map(len, column)) + 2 for column in columns[:-1])
    widths = [*(None for _ in headers[1:]), _WIDTH - taken]
    return tabulate(rows, headers=headers, disable_numparse=True, maxcolwidths=widths)


def _case_of(dataset: Dataset, case_id: str) -> Case:
    found = next((case for case in dataset.cases if case.id == case_id), None)
    if found is None:
        hint = did_you_mean(case_id, [case.id for case in dataset.cases])
        raise click.ClickException(f"{dataset.path} has no case {case_id!r}.{hint}")
    return found


def _prompt_of(dataset: Dataset, environment: TemplateEnvironment, rootdir: Path) -> PromptTemplate:
    if not dataset.prompts:
        return InputPrompt(dataset.few_shot)
    return load_prompt(dataset.prompts[0], environment, rootdir, dataset.few_shot)


def _subject(case: Case, prompt: RenderedPrompt) -> JudgeInput:
    return JudgeInput(case, case.output or Response(_NO_RESPONSE), prompt)
