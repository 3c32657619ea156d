"""What a judge gets to look at beside case and response."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import BaseModel

from pytest_promptevals.datasets.loader import load_dataset
from pytest_promptevals.engine.judging import wants_before
from pytest_promptevals.engine.pipeline import Pipeline
from pytest_promptevals.engine.planning import plan_dataset
from pytest_promptevals.engine.runner import run_case
from pytest_promptevals.hookspecs import Ask, JudgeInput
from pytest_promptevals.judges.base import BaseJudge, JudgeParameters
from pytest_promptevals.records.results import Grade, Trial
from pytest_promptevals.settings import Settings
from tests.unit.engine.plans import registry


class RivalParameters(JudgeParameters):
    """The other prompt."""

    prompt: str | None = None


class RivalJudge(BaseJudge[RivalParameters]):
    """Says what it sees, and what another prompt would have been."""

    name: ClassVar[str] = "rival"
    shorthand: ClassVar[str | None] = "prompt"
    wants_before: ClassVar[bool] = True
    Parameters: ClassVar[type[BaseModel]] = RivalParameters

    async def judge(self, subject: JudgeInput, ask: Ask) -> Grade:
        """Grade one response."""
        text = ""
        if self.parameters.prompt is not None:
            assert subject.render is not None
            rendered = await subject.render(self.parameters.prompt)
            answer = await ask(subject.model, rendered.messages, subject.parameters)
            text = answer.text
        return Grade(1.0, f"{subject.model} {dict(subject.parameters)} before={subject.before} other={text}")


def trial_of(folder: Path, text: str, before: str | None = None) -> Trial:
    """Run the only case of an eval file."""
    path = folder / "a.eval.yaml"
    path.write_text(text, encoding="utf-8")
    known = registry().with_more({"rival": RivalJudge}, {})
    (planned,) = plan_dataset(load_dataset(path, folder), known, folder, Settings())
    assert wants_before(planned.judges)

    async def main() -> Trial:
        pipeline = Pipeline(folder, 4)
        result = await run_case(planned, pipeline, None, before)
        await pipeline.close()
        return result.trials[0]

    return asyncio.run(main())


HEAD = "model: counting/m\nparameters: {temperature: 0}\n"
CASES = "cases: [{id: a, input: hi, vars: {name: Ada}}]\n"


def test_a_judge_that_wants_it_sees_the_output_of_the_baseline(tmp_path: Path) -> None:
    trial = trial_of(
        tmp_path, f"{HEAD}prompt: 'Hi {{{{ name }}}} {{{{ input }}}}'\njudges: [rival]\n{CASES}", "earlier"
    )

    assert trial.scores[0].explanation == "counting/m {'temperature': 0} before=earlier other="


def test_a_judge_may_put_another_prompt_to_the_model_of_the_case(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("Dear {{ name }}, {{ input }}", encoding="utf-8")

    trial = trial_of(
        tmp_path, f"{HEAD}prompt: 'Hi {{{{ name }}}} {{{{ input }}}}'\njudges: [{{rival: other.md}}]\n{CASES}"
    )

    assert trial.scores[0].explanation == "counting/m {'temperature': 0} before=None other=Dear Ada, hi"
    assert (trial.scores[0].calls, trial.scores[0].cost) == (1, 0.25)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("broken.md", "a.eval.yaml:4: judge 'rival': broken.md:1: unknown variable 'nobody'"),
        ("gone.md", "a.eval.yaml:4: prompt: 'gone.md': no such file"),
        ("Dear Ada", "a.eval.yaml:4: 'Dear Ada' is not the name of a prompt file"),
    ],
)
def test_another_prompt_that_cannot_be_rendered_is_an_error_of_the_judge(
    tmp_path: Path, prompt: str, message: str
) -> None:
    (tmp_path / "broken.md").write_text("Dear {{ nobody }}", encoding="utf-8")
    trial = trial_of(
        tmp_path,
        f"{HEAD}prompt: 'Hi {{{{ name }}}} {{{{ input }}}}'\njudges: [{{rival: {{prompt: {prompt}}}}}]\n{CASES}",
    )

    assert trial.error is not None
    assert trial.error.kind == "judge"
    assert trial.error.message.startswith(message)


def test_a_recorded_output_was_asked_of_no_model(tmp_path: Path) -> None:
    trial = trial_of(tmp_path, "judges: [rival]\ncases: [{id: a, input: hi, output: ho}]\n")

    assert trial.scores[0].explanation == " {} before=None other="
