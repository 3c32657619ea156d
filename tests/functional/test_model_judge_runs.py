"""Judges that choose, compare, weigh and read conversations, in runs whose models are on the loopback server."""

from __future__ import annotations

import json
import math
from typing import Any, Final

import pytest

from tests.support.project import EvalProject
from tests.support.server_fixture import ModelServer

PROMPT: Final = "{{ input }}"
CASES: Final = [{"id": f"c{number}", "input": f"question {number}"} for number in range(10)]
STEPS: Final = {"match": "Write the steps", "reply": json.dumps({"steps": ["Look for a date."]})}
SCORE: Final = '{"reasoning": "A date.", "score": 4}'


def write(project: EvalProject, server: ModelServer, judge: object, prompt: str = PROMPT) -> None:
    settings = {
        "model": "local/echo",
        "prompt": prompt,
        "judges": [judge],
        "providers": {"local": {"type": "openai", "base_url": server.open_url}},
    }
    project.write("evals.yaml", json.dumps(settings))
    project.pytester.makeini("[pytest]\nevals_judge_model = local/judge\n")


def pairs(server: ModelServer) -> int:
    return sum("SECOND RESPONSE" in json.dumps(entry["body"]) for entry in server.journal())


def prefer_first(server: ModelServer) -> None:
    server.control(
        rules=[{"match": "SECOND RESPONSE", "reply": json.dumps({"reasoning": "Nice.", "winner": "first_response"})}]
    )


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_a_judge_that_always_prefers_the_first_gives_ties_and_nothing_but_position_bias(
    project: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    prefer_first(model_server)
    write(project, model_server, "pairwise")
    project.write_cases("a.eval.yaml", CASES, head="")
    first = project.run(*extra)
    first.assert_outcomes(passed=10)
    assert pairs(model_server) == 0

    write(project, model_server, "pairwise", prompt="Please: {{ input }}")
    second = project.run("-v", *extra)

    assert second.ret == 0
    assert pairs(model_server) == 20
    second.stdout.fnmatch_lines(
        ["a.eval.yaml *10 *0.500 *", "judge pairwise: preferred whichever came first in 10 of 10 pairs"]
    )
    first.stdout.no_fnmatch_line("judge pairwise: preferred*")


def test_the_better_answer_wins_against_the_baseline(project: EvalProject, model_server: ModelServer) -> None:
    fair = [
        {"match": r"<<<FIRST RESPONSE \w+>>>\s*Please", "reply": '{"reasoning": "", "winner": "first_response"}'},
        {"match": r"<<<SECOND RESPONSE \w+>>>\s*Please", "reply": '{"reasoning": "", "winner": "second_response"}'},
    ]
    model_server.control(rules=fair)
    write(project, model_server, "pairwise")
    project.write_cases("a.eval.yaml", CASES[:2], head="")
    project.run()

    write(project, model_server, "pairwise", prompt="Please: {{ input }}")
    result = project.run("-v")

    result.stdout.fnmatch_lines(["a.eval.yaml *2 *1.000 *"])
    result.stdout.no_fnmatch_line("judge pairwise: preferred*")


def test_another_prompt_is_put_to_the_model_of_the_case_and_paid_once(
    project: EvalProject, model_server: ModelServer
) -> None:
    prefer_first(model_server)
    write(project, model_server, {"pairwise": "other.md"})
    project.write("other.md", "Dear model, {{ input }}\n")
    project.write_cases("a.eval.yaml", CASES[:1], head="")

    project.run().assert_outcomes(passed=1)
    project.run()

    asked = [
        (entry["body"]["model"], entry["body"]["messages"][-1]["content"][:11]) for entry in model_server.journal()
    ]
    assert sorted(asked[:2]) == [("echo", "Dear model,"), ("echo", "question 0")]
    assert [model for model, _ in asked[2:]] == ["judge", "judge"]


def test_another_prompt_that_is_not_there_is_an_error_at_collection(
    project: EvalProject, model_server: ModelServer
) -> None:
    write(project, model_server, {"pairwise": "gone.md"})
    project.write_cases("a.eval.yaml", CASES[:1], head="")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*evals.yaml:1: judges.pairwise: against: gone.md: *"])
    assert model_server.journal() == []


def chances() -> list[dict[str, Any]]:
    """Return the tokens of ``SCORE``, where a 5 is as likely as the 4."""
    half = math.log(0.5)
    top = [{"token": "4", "logprob": half}, {"token": "5", "logprob": half}]
    parts = [SCORE[:-2], "4", "}"]
    return [{"token": part, "logprob": half, "top_logprobs": top if part == "4" else []} for part in parts]


@pytest.mark.parametrize("kind", ["openai", "openai-responses"])
def test_g_eval_weighs_by_token_probabilities_and_makes_its_steps_once(
    project: EvalProject, model_server: ModelServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-test")
    scored = {"match": "## Steps", "reply": SCORE, "logprobs": chances()}
    model_server.control(rules=[STEPS, scored])
    write(project, model_server, {"g_eval": "It names a date."})
    providers = {
        "local": {"type": "openai", "base_url": model_server.open_url},
        "judges": {"type": kind, "base_url": model_server.openai_url, "api_key_env": "TEST_KEY"},
    }
    project.write_cases("a.eval.yaml", CASES[:5], head=f"providers: {json.dumps(providers)}\n")
    judged = ("--evals-judge-model=judges/judge", "-v")

    result = project.run(*judged)
    replayed = project.run("--evals-cache=replay", *judged)

    for run in (result, replayed):
        run.stdout.fnmatch_lines(["a.eval.yaml *5 *0.875 *"])
    bodies = [json.dumps(entry["body"]) for entry in model_server.journal()]
    assert sum("Write the steps" in body for body in bodies) == 1
    assert sum("## Steps" in body for body in bodies) == 5
    assert len(bodies) == 11


def test_g_eval_does_without_probabilities_where_the_server_refuses_them(
    project: EvalProject, model_server: ModelServer
) -> None:
    refusal = {"match": '"logprobs"', "status": 400, "message": "logprobs are not supported with this model"}
    model_server.control(rules=[STEPS, {"match": "## Steps", "reply": SCORE}], faults=[refusal])
    write(project, model_server, {"g_eval": "It names a date."})
    project.write_cases("a.eval.yaml", CASES[:1], head="")

    result = project.run("-v")

    result.stdout.fnmatch_lines(["a.eval.yaml *1 *0.750 *"])
    assert len(model_server.journal()) == 4
    project.run("-v", "--evals-cache=replay").stdout.fnmatch_lines(["a.eval.yaml *1 *0.750 *"])
    assert len(model_server.journal()) == 4


@pytest.mark.parametrize(
    ("judge", "reply", "shown"),
    [
        ({"closed_qa": "It names a day."}, {"verdict": "no"}, "no; So."),
        ("factuality", {"relation": "subset"}, "subset; So."),
        ({"classify": {"question": "Tone?", "choices": {"polite": 1, "rude": 0}}}, {"label": "rude"}, "rude; So."),
        (
            {"json_rubric": {"criteria": {"care": "Was it careful?"}}},
            {"care": 1, "score": 1},
            "lowest: care 1 of 5; So.",
        ),
        ({"conversation": "It remembers."}, {"score": 2}, "2 of 5; So."),
    ],
    ids=["closed_qa", "factuality", "classify", "json_rubric", "conversation"],
)
def test_a_low_verdict_fails_the_case_with_the_reasoning(
    project: EvalProject, model_server: ModelServer, judge: object, reply: dict[str, Any], shown: str
) -> None:
    model_server.control(rules=[{"match": "# Your task", "reply": json.dumps({"reasoning": "So.", **reply})}])
    write(project, model_server, judge)
    project.write_cases("a.eval.yaml", [{"id": "a", "input": "Who am I?", "expected": "Ada"}], head="")

    result = project.run()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{shown}*"])


def test_a_case_without_what_a_judge_needs_is_refused_before_anything_is_paid(
    project: EvalProject, model_server: ModelServer
) -> None:
    write(project, model_server, "factuality")
    project.write_cases("a.eval.yaml", CASES[:1], head="")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*judge 'factuality' has nothing to compare with; give a value or add `expected`*"])
    assert model_server.journal() == []
