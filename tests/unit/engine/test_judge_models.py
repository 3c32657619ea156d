"""Which model a judge asks that names none, and what of a judge goes into fingerprints."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, cast

import pytest
from pydantic import BaseModel

from pytest_promptevals.engine.judging import JudgeModels, JudgePlanner, PlannedJudge
from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.errors import FileProblem
from pytest_promptevals.hookspecs import Judge
from pytest_promptevals.judges.matching import ExactJudge
from pytest_promptevals.prompts.templates import TemplateEnvironment
from pytest_promptevals.records.cases import JudgeSpec, Location
from pytest_promptevals.records.json_types import Json
from pytest_promptevals.settings import Settings
from tests.unit.engine.plans import plan as plan_file

HERE = Location("a.eval.yaml", 3)


def plan(spec: JudgeSpec, models: JudgeModels | None, rootdir: Path) -> PlannedJudge:
    return JudgePlanner(builtin_registry().judges, TemplateEnvironment(rootdir), rootdir, models).plan(spec)


def rubric(**parameters: Json) -> JudgeSpec:
    return JudgeSpec("rubric", "rubric", HERE, {"criteria": "tone", **parameters})


def models_of(planned: PlannedJudge) -> tuple[str, ...]:
    models: tuple[str, ...] = getattr(planned.judge, "models", ())
    return models


def test_a_judge_that_names_no_model_asks_that_of_the_setting(tmp_path: Path) -> None:
    planned = plan(rubric(), JudgeModels("acme/judge"), tmp_path)
    assert models_of(planned) == ("acme/judge",)
    assert planned.spec.parameters["model"] == "acme/judge"


def test_a_bare_value_gets_the_model_too(tmp_path: Path) -> None:
    spec = JudgeSpec("rubric", "rubric", HERE, argument="tone")
    assert models_of(plan(spec, JudgeModels("acme/judge"), tmp_path)) == ("acme/judge",)


def test_a_model_of_its_own_goes_before_the_setting(tmp_path: Path) -> None:
    assert models_of(plan(rubric(model="acme/own"), JudgeModels("acme/judge"), tmp_path)) == ("acme/own",)


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        (Settings(), "counting/file"),
        (Settings(judge_model="counting/ini"), "counting/file"),
        (Settings(judge_model="counting/option", given={"judge_model": "--evals-judge-model"}), "counting/option"),
    ],
)
def test_the_model_of_the_eval_file_goes_before_the_ini_file_but_not_before_the_option(
    tmp_path: Path, settings: Settings, asked: str
) -> None:
    text = "judge_model: counting/file\njudges: [rubric: tone]\ncases: [{id: a, input: x, output: y}]\n"

    (planned,) = plan_file(tmp_path, text, settings)

    assert models_of(planned.judges[0]) == (asked,)


def test_where_the_eval_file_names_no_judge_model_that_of_the_ini_file_counts(tmp_path: Path) -> None:
    text = "judges: [rubric: tone]\ncases: [{id: a, input: x, output: y}]\n"

    (planned,) = plan_file(tmp_path, text, Settings(judge_model="counting/ini"))

    assert models_of(planned.judges[0]) == ("counting/ini",)


class LocalParameters(BaseModel):
    """Parameters of a judge whose model is on this machine."""

    model: str = "small"


class LocalJudge(ExactJudge):
    """It asks nobody."""

    Parameters: ClassVar[type[BaseModel]] = LocalParameters  # type: ignore[assignment]  # another one in its place


def test_a_judge_whose_model_is_on_this_machine_gets_none(tmp_path: Path) -> None:
    spec = JudgeSpec("local", "local", HERE)
    types = {"local": cast("type[Judge]", LocalJudge)}
    planner = JudgePlanner(types, TemplateEnvironment(tmp_path), tmp_path, JudgeModels("acme/judge"))
    assert "model" not in planner.plan(spec).spec.parameters


def test_a_panel_goes_before_the_setting(tmp_path: Path) -> None:
    assert models_of(plan(rubric(panel=["acme/a", "acme/b"]), JudgeModels("acme/c"), tmp_path)) == ("acme/a", "acme/b")


def test_without_any_model_the_judge_cannot_be_planned(tmp_path: Path) -> None:
    with pytest.raises(FileProblem) as caught:
        plan(rubric(), None, tmp_path)
    assert str(caught.value) == (
        "a.eval.yaml:3: judges.rubric: no model to judge with: write 'model: provider/model' among its parameters, or "
        "for all judges 'judge_model: provider/model' into the eval file or an evals.yaml above it, or set "
        "evals_judge_model (--evals-judge-model, PROMPTEVALS_JUDGE_MODEL)"
    )


def test_where_no_judge_asks_a_model_none_is_needed(tmp_path: Path) -> None:
    assert models_of(plan(rubric(), JudgeModels(is_needed=False), tmp_path)) == ()
    plan(rubric(model="nobody/x"), JudgeModels(is_needed=False, providers=["acme"]), tmp_path)


def test_a_provider_that_there_is_not_is_found_before_anything_is_paid(tmp_path: Path) -> None:
    with pytest.raises(FileProblem) as caught:
        plan(rubric(model="acne/x"), JudgeModels(providers=["acme", "openai"]), tmp_path)
    assert str(caught.value) == (
        "a.eval.yaml:3: judges.rubric: unknown provider 'acne' in judge model 'acne/x'. Did you mean 'acme'?"
    )
    with pytest.raises(FileProblem, match="unknown provider 'acne' in judge model 'acne/y'"):
        plan(rubric(model="acme/x", fallback=["acne/y"]), JudgeModels(providers=["acme"]), tmp_path)
    assert plan(rubric(model="acme/x"), JudgeModels(providers=["acme"]), tmp_path).judge is not None


def test_a_panel_needs_no_other_model(tmp_path: Path) -> None:
    planned = plan(rubric(panel=["acme/a", "acme/b"]), JudgeModels("acme/judge"), tmp_path)
    assert models_of(planned) == ("acme/a", "acme/b")
    assert models_of(plan(rubric(panel=["acme/a", "acme/b"]), None, tmp_path)) == ("acme/a", "acme/b")


def test_the_provider_of_a_fallback_is_looked_up_before_it_is_needed(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="unknown provider 'acne' in judge model 'acne/b'"):
        plan(rubric(model="acme/a", fallback=["acne/b"]), JudgeModels(providers=["acme"]), tmp_path)


def test_the_model_and_the_content_of_a_judge_in_a_group_are_part_of_the_groups_spec(tmp_path: Path) -> None:
    group = JudgeSpec("all_of", "all_of", HERE, children=(rubric(), JudgeSpec("refusal", "refusal", HERE)))
    planned = plan(group, JudgeModels("acme/judge"), tmp_path)
    assert planned.spec.children == tuple(child.spec for child in planned.children)
    assert planned.spec.children[0].parameters.keys() == {"criteria", "model", "(content)"}


def test_another_rubric_makes_another_spec(tmp_path: Path) -> None:
    models = JudgeModels("acme/judge")
    contents = [
        plan(JudgeSpec("rubric", "rubric", HERE, argument=name), models, tmp_path).spec.parameters["(content)"]
        for name in ("tone", "politeness", "safety")
    ]
    assert contents[0] == contents[1] != contents[2]
