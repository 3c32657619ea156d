"""The judge ``embedding`` in a run: what is sent to the server, and what the run says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.project import EvalProject
from tests.support.server_fixture import ModelServer

MODEL = "local/vectors"
PRICES = {MODEL: {"input": 1_000_000, "output": 0}}
"""A dollar for each token; the server counts words."""


def pairs(count: int, distinct: int) -> list[dict[str, Any]]:
    """Return cases with recorded outputs, with so many distinct texts in all: half of them outputs."""
    half = distinct // 2
    return [
        {
            "id": f"c{n}",
            "input": "?",
            "output": f"parcel number {n % half} left",
            "expected": f"order number {n % half} left",
        }
        for n in range(count)
    ]


def write(
    project: EvalProject, server: ModelServer, cases: list[dict[str, Any]], head: str = "", **judge: object
) -> EvalProject:
    providers = {"local": {"type": "openai", "base_url": server.open_url}}
    judges = [{"embedding": {"model": MODEL, "threshold": 0.7, **judge}}]
    text = f"providers: {json.dumps(providers)}\njudges: {json.dumps(judges)}\n{head}"
    project.write_cases("a.eval.yaml", cases, head=text)
    return project


def sent_texts(server: ModelServer) -> list[str]:
    """Return all texts that the server was sent, in order."""
    return [text for entry in server.journal() for text in entry["body"]["input"]]


def test_each_distinct_text_is_sent_once_and_with_others(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server, pairs(60, 30))

    project.run().assert_outcomes(passed=60)

    texts = sent_texts(model_server)
    assert len(texts) == len(set(texts)) == 30
    assert len(model_server.journal()) <= 6
    assert {entry["path"] for entry in model_server.journal()} == {"/open/v1/embeddings"}


def test_a_second_run_sends_nothing_and_gives_the_same_scores(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server, pairs(4, 8), threshold=0.9)
    first = project.run()
    model_server.reset()

    second = project.run("--evals-cache=replay")

    assert model_server.journal() == []
    for result, gates in ((first, 0), (second, 1)):
        result.assert_outcomes(failed=4, passed=gates)
        result.stdout.re_match_lines([r".*similarity 0\.75 in meaning of the output .parcel number 0 left."])


def test_several_processes_send_each_text_once(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server, pairs(40, 20))

    project.run("-n2").assert_outcomes(passed=40)

    texts = sent_texts(model_server)
    assert len(texts) == len(set(texts)) == 20


def test_without_a_cache_equal_texts_of_one_moment_are_still_sent_once(
    project: EvalProject, model_server: ModelServer
) -> None:
    write(project, model_server, pairs(20, 4))

    project.run("--evals-cache=off").assert_outcomes(passed=20)

    requests = [entry["body"]["input"] for entry in model_server.journal()]
    assert all(len(texts) == len(set(texts)) for texts in requests)


def test_a_text_that_is_too_long_is_the_error_of_its_case_alone(
    project: EvalProject, model_server: ModelServer
) -> None:
    message = "This model's maximum context length is 8192 tokens."
    model_server.control(faults=[{"match": "parcel number 2 ", "status": 400, "message": message}])
    write(project, model_server, pairs(6, 12))

    result = project.run()

    result.assert_outcomes(passed=5, errors=1)
    text = " ".join(str(result.stdout).split())
    assert "ERROR at setup of" in text or "_ ERROR at" in text
    assert f"rejected the request (400: {message})" in text


def test_a_refusal_for_now_is_tried_again(project: EvalProject, model_server: ModelServer) -> None:
    model_server.control(faults=[{"status": 429, "times": 1, "retry_after_ms": 10}])
    write(project, model_server, pairs(3, 6))

    project.run().assert_outcomes(passed=3)

    texts = sent_texts(model_server)
    assert sorted(texts) == sorted([*set(texts)] * 2)  # refused, and sent again


def test_texts_that_failed_together_are_tried_again_together(project: EvalProject, model_server: ModelServer) -> None:
    model_server.control(faults=[{"status": 500}])
    write(project, model_server, pairs(3, 6))

    project.run("-o", "evals_retries=2").assert_outcomes(errors=3)

    assert len(sent_texts(model_server)) == 6 * 3
    assert len(model_server.journal()) <= 3 + 2


def test_equal_and_empty_outputs_are_judged_without_a_call(project: EvalProject, model_server: ModelServer) -> None:
    cases = [
        {"id": "equal", "input": "?", "output": "On its way.", "expected": "On its way."},
        {"id": "empty", "input": "?", "output": " ", "expected": "On its way."},
    ]
    write(project, model_server, cases)

    project.run().assert_outcomes(passed=1, failed=1)

    assert model_server.journal() == []


def test_level_1_skips_it(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server, pairs(3, 6))

    result = project.run("--evals-level=1", "-rs")

    result.assert_outcomes(skipped=3)
    result.stdout.fnmatch_lines(["*--evals-level 1 leaves no judge that scores it: embedding (level 2)*"])
    assert model_server.journal() == []


def test_what_a_text_costs_is_paid_once(project: EvalProject, model_server: ModelServer) -> None:
    # Four texts of four words each; the third and fourth case have those of the first and second.
    write(project, model_server, pairs(4, 4), head=f"prices: {json.dumps(PRICES)}\n")

    result = project.run()

    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        ["8 responses, 4 from the cache; cost $32.00 (judges: $32.00), $16.00 of it paid", "  now"]
    )


def test_a_budget_holds_it_back(project: EvalProject, model_server: ModelServer) -> None:
    head = f"prices: {json.dumps({MODEL: {'input': 0, 'output': 0, 'call': 10}})}\n"
    write(project, model_server, pairs(4, 8), head=head)

    result = project.run("--evals-max-cost=45")

    result.stdout.fnmatch_lines(["*not run: budget: *"])
    assert len(sent_texts(model_server)) == 4


def test_a_plan_counts_each_known_text_once(project: EvalProject, model_server: ModelServer) -> None:
    write(project, model_server, pairs(6, 4), head=f"prices: {json.dumps(PRICES)}\n")

    result = project.run("--evals-plan")

    result.stdout.re_match_lines([rf".*{MODEL}.* 4 .*"])
    assert model_server.journal() == []


def test_the_self_test_puts_useless_answers_to_it(project: EvalProject, model_server: ModelServer) -> None:
    cases = [{"id": "a", "input": "Where is it?", "expected": "Your order is on its way."}]
    write(project, model_server, cases, head="model: scripted/echo\n")

    result = project.run("--evals-selftest", "--evals-level=2")

    assert result.ret == 0
    assert "Where is it?" in sent_texts(model_server)
    assert "" not in sent_texts(model_server)


def test_a_model_whose_provider_makes_no_vectors_is_an_error_of_one_sentence(project: EvalProject) -> None:
    judges = [{"embedding": "scripted/any"}]
    project.write_cases("a.eval.yaml", pairs(1, 2), head=f"judges: {json.dumps(judges)}\n")

    result = project.run()

    result.assert_outcomes(errors=1)
    text = " ".join(str(result.stdout).split())
    assert (
        "provider 'scripted' makes no vectors of texts, so scripted/any cannot embed one; name a model of a provider "
        "that does, such as openai/text-embedding-3-small"
    ) in text


@pytest.mark.parametrize("model", ["openai/text-embedding-3-small", "gateway/text-embedding-ada-002"])
def test_semantic_with_a_model_of_an_api_says_what_to_write(project: EvalProject, model: str) -> None:
    judges = [{"semantic": {"model": model}}]
    project.write_cases("a.eval.yaml", pairs(1, 2), head=f"judges: {json.dumps(judges)}\n")

    result = project.run()

    result.assert_outcomes(errors=1)
    text = " ".join(str(result.stdout).split())
    wanted = f"`embedding: {{model: {model}}}` instead"
    assert f"'{model}' is a model of an API, and this judge takes local ones; write {wanted}" in text


def test_the_setting_for_judges_that_ask_does_not_name_its_model(
    project: EvalProject, model_server: ModelServer
) -> None:
    project.write_cases("a.eval.yaml", pairs(1, 2), head="judges: [embedding]\n")

    result = project.run("--evals-judge-model=local/chat")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*judges.embedding: model: is missing*"])
