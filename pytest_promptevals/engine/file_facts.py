"""What makes the results of an eval file comparable with those of other runs: read off its plan when something runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_promptevals.engine.judging import PlannedJudge
from pytest_promptevals.engine.planning import EvalPlan
from pytest_promptevals.function_sources import source_text
from pytest_promptevals.records.contents import (
    Content,
    ContentKind,
    FileFacts,
    dataset_version,
    judge_content,
    make_content,
)
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.records.runs import RunFile

_OWN: Final = f"{__name__.partition('.')[0]}."


def describe_file(plan: EvalPlan, file: str) -> FileFacts:
    """Return what is known of an eval file before its cases run, under the name that its results are recorded under.

    The version of its dataset is that of its cases as they are written, so that whoever loads the file comes to the
    same; what a judge of a single case read from files is not in it.
    """
    prompts = dict(_name_prompts(plan))
    judges = {judge.spec.name: _describe_judge(judge) for judge in plan.judges}
    return FileFacts(
        file=RunFile(
            file=file,
            dataset_version=dataset_version(plan.dataset.cases),
            cases=len(plan.dataset.cases),
            prompts={name: content.hash for name, content in prompts.items()},
            parameters=plan.dataset.parameters,
            judges={name: content.hash for name, content in judges.items()},
        ),
        contents=(*prompts.values(), *judges.values()),
        cases_path=plan.dataset.path,
    )


def _name_prompts(plan: EvalPlan) -> Iterator[tuple[str, Content]]:
    """Yield the prompts by their names; inline ones have none, and files in different folders may share one."""
    seen: set[str] = set()
    for number, prompt in enumerate(plan.prompts, start=1):
        name = prompt.name or (f"prompt{number}" if len(plan.prompts) > 1 else "prompt")
        name = f"{name}#{number}" if name in seen else name
        seen.add(name)
        if prompt.content is not None:
            yield name, prompt.content


def _describe_judge(judge: PlannedJudge) -> Content:
    return make_content(ContentKind.JUDGE, _judge_content(judge))


def _judge_content(judge: PlannedJudge) -> dict[str, Json]:
    """Return a judge as it is planned, with what it read from files, and the code of one that is the user's own."""
    data = judge_content(judge.spec)
    if judge.children:
        data["children"] = [_judge_content(child) for child in judge.children]
    content: Json = getattr(judge.judge, "content", None)
    if content is None and judge.judge_type is not None and not judge.judge_type.__module__.startswith(_OWN):
        content = source_text(judge.judge_type)
    return data if content is None else {**data, "content": content}
