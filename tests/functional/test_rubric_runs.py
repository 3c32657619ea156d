"""The rubric judge in a run: structured output on the wire, servers without it, repair, cache, budget, levels."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.support.project import EvalProject
from tests.support.server_fixture import ModelServer

DIMENSIONS: Final = ("need", "correctness", "usability")
VERDICT: Final = {"reasoning": "It names the day.", "need": 5, "correctness": 5, "usability": 4, "score": 5}
CASES: Final = "cases:\n  - {id: late, input: Where is my order?, output: It will be with you on Friday.}\n"
ANTHROPIC: Final = "anthropic"
KINDS: Final = ("openai", "openai-responses", ANTHROPIC)


def write(project: EvalProject, server: ModelServer, kind: str = "openai", judge: str = "rubric: helpfulness") -> None:
    url = server.url if kind == ANTHROPIC else server.openai_url
    price = {"local/judge": {"input": 0, "output": 0, "call": 1}}
    provider = {"type": kind, "base_url": url, "api_key_env": "TEST_KEY"}
    project.write("evals.yaml", json.dumps({"providers": {"local": provider}, "prices": price}))
    project.write("a.eval.yaml", f"judges:\n  - {judge}\n{CASES}")
    project.pytester.makeini("[pytest]\nevals_judge_model = local/judge\n")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sk-test")


def answer(server: ModelServer, *replies: object) -> None:
    """Let the model answer so; the second reply is the one to a repair."""
    first, *second = [reply if isinstance(reply, str) else json.dumps(reply) for reply in replies]
    rules = [{"match": "could not be read", "reply": reply} for reply in second]
    server.control(rules=[*rules, {"reply": first}])


def bodies(server: ModelServer) -> list[dict[str, Any]]:
    return [entry["body"] for entry in server.journal()]


def schema_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema that a request asks for, in whichever API's form."""
    places: list[Any] = [
        body.get("response_format", {}).get("json_schema", {}).get("schema"),
        body.get("text", {}).get("format", {}).get("schema"),
        body.get("output_config", {}).get("format", {}).get("schema"),
    ]
    schema: dict[str, Any] | None = next(filter(None, places), None)
    return schema


@pytest.mark.parametrize("kind", KINDS)
def test_the_verdict_is_asked_for_by_its_schema(project: EvalProject, model_server: ModelServer, kind: str) -> None:
    write(project, model_server, kind)
    answer(model_server, VERDICT)

    project.run().assert_outcomes(passed=1)

    (body,) = bodies(model_server)
    schema = schema_of(body)
    assert schema is not None
    assert list(schema["properties"]) == ["reasoning", *DIMENSIONS, "score"]
    assert body["model"] == "judge"


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_refuses_the_schema_is_asked_without(
    project: EvalProject, model_server: ModelServer, kind: str
) -> None:
    write(project, model_server, kind)
    answer(model_server, f"Here you are:\n```json\n{json.dumps(VERDICT)}\n```")
    model_server.control(faults=[{"match": '"json_schema"', "status": 400, "message": "no such parameter"}])

    project.run().assert_outcomes(passed=1)

    assert [schema_of(body) is not None for body in bodies(model_server)] == [True, False]
    # The second run has a baseline, so its gate is an item, too.
    project.run("--evals-cache=replay").assert_outcomes(passed=2)
    assert len(bodies(model_server)) == 2


def test_an_unreadable_answer_is_asked_for_once_more(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server)
    answer(model_server, "I would say between 3 and 4.", VERDICT)

    project.run().assert_outcomes(passed=1)

    first, second = bodies(model_server)
    assert second["messages"][:2] == first["messages"]
    assert second["messages"][2] == {"role": "assistant", "content": "I would say between 3 and 4."}
    assert "there is no score for need, correctness, usability" in second["messages"][3]["content"]


def test_an_answer_that_stays_unreadable_is_an_error_and_no_low_score(
    project: EvalProject, model_server: ModelServer
) -> None:
    write(project, model_server)
    answer(model_server, "Fine.", "Still fine.")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*a.eval.yaml:2: judge 'rubric': local/judge gave no verdict that can be read*"])
    assert len(bodies(model_server)) == 2


def test_a_low_score_fails_and_names_the_lowest_dimension(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server)
    answer(model_server, {**VERDICT, "need": 1, "usability": 2, "reasoning": "It does not say where the order is."})

    result = project.run()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*lowest: need 1 of 5; It does not say where the order is.*"])


@pytest.mark.parametrize("replies", [(VERDICT,), ("Fine.", VERDICT)], ids=["read", "repaired"])
def test_a_second_run_asks_nobody(project: EvalProject, model_server: ModelServer, replies: tuple[object, ...]) -> None:
    write(project, model_server)
    answer(model_server, *replies)
    project.run().assert_outcomes(passed=1)

    project.run().assert_outcomes(passed=2)

    assert len(bodies(model_server)) == len(replies)


def test_a_judges_call_counts_in_the_budget(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server)
    answer(model_server, "Fine.", VERDICT)

    result = project.run("--evals-max-cost=1.5")

    result.assert_outcomes(errors=1)
    said = " ".join(str(result.stdout).split())
    assert "not run: budget: " in said
    assert "or set max_tokens under the own 'parameters' of judge 'rubric' (a.eval.yaml:2), which bounds " in said
    assert len(bodies(model_server)) == 1


@pytest.mark.parametrize("extra", [(), ("-n0",), ("-n2",)], ids=["plain", "n0", "n2"])
def test_the_option_names_the_judge_model(
    project: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    write(project, model_server)
    answer(model_server, VERDICT)

    project.run("--evals-judge-model=local/other", *extra).assert_outcomes(passed=1)

    assert [body["model"] for body in bodies(model_server)] == ["other"]


def test_the_nearest_file_that_names_a_judge_model_counts(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server)
    defaults = json.loads((project.path / "evals.yaml").read_text(encoding="utf-8"))
    project.write("evals.yaml", json.dumps({**defaults, "judge_model": "local/outer"}))
    project.write("near/evals.yaml", "judge_model: local/near\n")
    project.write("near/b.eval.yaml", (project.path / "a.eval.yaml").read_text(encoding="utf-8"))
    answer(model_server, VERDICT)

    project.run().assert_outcomes(passed=2)

    assert [body["model"] for body in bodies(model_server)] == ["outer", "near"]


def test_the_judge_s_own_model_and_parameters_go_first(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server, judge="rubric: {criteria: It is short., model: local/mine, parameters: {seed: 7}}")
    answer(model_server, "Score: 5")

    project.run().assert_outcomes(passed=1)

    (body,) = bodies(model_server)
    assert (body["model"], body["seed"]) == ("mine", 7)


def test_without_a_judge_model_collection_says_where_to_write_one(
    project: EvalProject, model_server: ModelServer
) -> None:
    write(project, model_server)
    project.pytester.makeini("[pytest]\n")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["a.eval.yaml:2: judges.rubric: no model to judge with: write 'model: provider/model'*"]
    )


def test_without_a_judge_model_the_free_judges_can_still_run(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server, judge="contains: Friday\n  - rubric: helpfulness")
    project.pytester.makeini("[pytest]\n")

    project.run("--evals-level=1").assert_outcomes(passed=1)

    assert bodies(model_server) == []


def test_a_rubric_of_the_users_own_is_used_and_changing_it_makes_scores_incomparable(
    project: EvalProject, model_server: ModelServer
) -> None:
    write(project, model_server, judge="rubric: {template: rubrics/short.yaml}")
    text = (
        "id: short\nversion: 1\ncategory: own\nsummary: It is short.\ncriteria: Is it short?\nvariables: [output]\n"
        "scale: {low: 0, high: 1, anchors: [{value: 0, means: long}, {value: 1, means: short}]}\n"
    )
    project.write("rubrics/short.yaml", text)
    answer(model_server, {"reasoning": "Short.", "score": 1})
    project.run("--evals-save-baseline").assert_outcomes(passed=1)
    answer(model_server, {"reasoning": "Long.", "score": 0})

    project.write("rubrics/short.yaml", text.replace("Is it short?", "Is it very short?"))
    result = project.run()

    assert "Is it very short?" in bodies(model_server)[-1]["messages"][1]["content"]
    assert "regressed" not in str(result.stdout)


def test_a_template_that_is_wrong_is_an_error_at_collection(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server, judge="rubric: {template: short.yaml}")
    project.write("short.yaml", "id: short\n")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["a.eval.yaml:2: judges.rubric: template: short.yaml:1: version: is missing"])


def test_a_case_that_lacks_what_the_rubric_needs_is_an_error_at_collection(
    project: EvalProject, model_server: ModelServer
) -> None:
    write(project, model_server, judge="rubric: faithfulness")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["a.eval.yaml:4: judge 'rubric': the rubric 'faithfulness' needs 'context'; add `context` to the case"]
    )
    assert bodies(model_server) == []
