"""``promptevals rubrics``: the library of rubrics, and what a judge model is told."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
from tabulate import tabulate

from pytest_promptevals.cli.project import find_project
from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.errors import DatasetError, FileProblem, PromptEvalsError
from pytest_promptevals.files.text import read_text
from pytest_promptevals.hookspecs import JudgeInput
from pytest_promptevals.judges.model.rubric_prompt import rubric_messages
from pytest_promptevals.judges.model.rubrics import Rubric, find_rubric, free_rubric, library, parse_rubric
from pytest_promptevals.prompts.sources import InputPrompt, PromptTemplate, load_prompt
from pytest_promptevals.prompts.templates import TemplateEnvironment
from pytest_promptevals.records.cases import Case, Dataset
from pytest_promptevals.records.responses import RenderedPrompt, Response

_WIDTH = 100
_NO_RESPONSE = "(The model's response will stand here.)"


@click.group()
def rubrics() -> None:
    """Show the rubrics that a judge model can judge by, and check your own."""


@rubrics.command("list")
def list_rubrics() -> None:
    """List the library."""
    rows = [(one.id, one.category, ", ".join(one.variables), one.summary) for one in library().values()]
    click.echo(tabulate(rows, headers=("rubric", "category", "needs", "what it judges"), disable_numparse=True))


@rubrics.command()
@click.argument("name")
def show(name: str) -> None:
    """Show a rubric: NAME is that of one of the library, or a YAML file."""
    click.echo("\n".join(_describe(_rubric_of(name))))


@rubrics.command()
@click.argument("name")
@click.option("--file", "file", required=True, type=click.Path(path_type=Path), help="The eval file of the case.")
@click.option("--case", "case_id", required=True, help="The id of the case.")
def render(name: str, file: Path, case_id: str) -> None:
    """Show what a judge model is sent for a case; nothing is called.

    NAME is a rubric of the library, a YAML file, or criteria in your own words. Where the case has no output, a line
    stands for the response.
    """
    rubric = _rubric_of(name, may_be_free=True)
    rootdir = find_project(Path.cwd()).rootdir
    try:
        dataset = load_dataset(file, rootdir)
        case = _case_of(dataset, case_id)
        prompt = asyncio.run(_prompt_of(dataset, rootdir).render(case))
        messages = rubric_messages(rubric, _subject(case, prompt))
    except PromptEvalsError as error:
        raise click.ClickException(str(error)) from None
    for message in messages:
        click.echo(f"--- {message.role}\n{message.content}\n")


@rubrics.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def validate(files: tuple[Path, ...]) -> None:
    """Check YAML files with rubrics of your own; exit status 1 if something is wrong with one."""
    is_wrong = False
    for file in files:
        try:
            rubric = _read_file(file)
        except (FileProblem, DatasetError) as error:
            click.echo(str(error), err=True)
            is_wrong = True
        else:
            click.echo(
                f"{file}: {rubric.label}, {len(rubric.dimensions)} dimensions, needs {', '.join(rubric.variables)}"
            )
    if is_wrong:
        raise SystemExit(1)


def _rubric_of(name: str, *, may_be_free: bool = False) -> Rubric:
    try:
        if name.endswith((".yaml", ".yml")):
            return _read_file(Path(name))
        rubric = find_rubric(name)
    except (ValueError, FileProblem, DatasetError) as error:
        raise click.ClickException(str(error)) from None
    if rubric is not None:
        return rubric
    if may_be_free:
        return free_rubric(name)
    raise click.ClickException(f"there is no rubric {name!r}. Known: {', '.join(library())}.")


def _read_file(file: Path) -> Rubric:
    return parse_rubric(read_text(file, str(file)), str(file))


def _describe(rubric: Rubric) -> Iterator[str]:
    yield f"{rubric.label} ({rubric.category}): {rubric.summary}"
    if rubric.aliases:
        yield f"also: {', '.join(rubric.aliases)}"
    yield f"needs: {', '.join(rubric.variables)}"
    if rubric.optional:
        yield f"uses, where the case has it: {', '.join(rubric.optional)}"
    if rubric.source is not None:
        yield f"source: {rubric.source.title}, {rubric.source.url}"
    yield f"\n{textwrap.fill(rubric.criteria, _WIDTH)}"
    if rubric.dimensions:
        rows = [(one.id, f"{one.weight:g}", one.question) for one in rubric.dimensions]
        yield f"\n{tabulate(rows, headers=('dimension', 'weight', 'question'), disable_numparse=True)}"
    anchors = [(f"{anchor.value:g}", anchor.means) for anchor in rubric.scale.anchors]
    yield f"\n{tabulate(anchors, headers=('scale', 'meaning'), disable_numparse=True)}"


def _case_of(dataset: Dataset, case_id: str) -> Case:
    found = next((case for case in dataset.cases if case.id == case_id), None)
    if found is None:
        raise click.ClickException(f"{dataset.path} has no case {case_id!r}")
    return found


def _prompt_of(dataset: Dataset, rootdir: Path) -> PromptTemplate:
    if not dataset.prompts:
        return InputPrompt(dataset.few_shot)
    return load_prompt(dataset.prompts[0], TemplateEnvironment(rootdir), rootdir, dataset.few_shot)


def _subject(case: Case, prompt: RenderedPrompt) -> JudgeInput:
    return JudgeInput(case, case.output or Response(_NO_RESPONSE), prompt)
