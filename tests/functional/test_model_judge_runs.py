"""Judges that choose, compare, weigh and read conversations, in runs whose models are on the loopback server."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

import pytest

from tests.support.project import EvalProject
from tests.support.server_fixture import ModelServer

PROMPT: Final = "{{ input }}"
CASES: Final = [{"id": f"c{number}", "input": f"question {number}"} for number in range(10)]
STEPS: Final = {"match": "Write the steps", "reply": json.dumps({"steps": ["Look for a date."]})}
SCORE: Final = '{"reasoning": "A date.", "score": 4}'

FAIR = [
    {"match": r"<<<FIRST RESPONSE \w+>>>\s*Please", "reply": '{"reasoning": "", "winner": "first_response"}'},
    {"match": r"<<<SECOND RESPONSE \w+>>>\s*Please", "reply": '{"reasoning": "", "winner": "second_response"}'},
]
"""A judge that prefers what says please."""


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

    result.stdout.fnmatch_lines(["a.eval.yaml *2 *1.000 *0.500 *+0.500 *"])
    result.stdout.no_fnmatch_line("judge pairwise: preferred*")


@pytest.mark.parametrize("is_committed", [True, False], ids=["committed", "from the history"])
def test_a_run_like_the_one_that_won_against_the_baseline_is_no_drop(
    project: EvalProject, model_server: ModelServer, is_committed: bool
) -> None:
    model_server.control(rules=FAIR)
    write(project, model_server, "pairwise")
    project.write_cases("a.eval.yaml", CASES[:2], head="")
    project.run()
    write(project, model_server, "pairwise", prompt="Please: {{ input }}")
    assert project.run(*(["--evals-save-baseline"] if is_committed else [])).ret == 0

    same = project.run("-v")
    write(project, model_server, "pairwise")
    worse = project.run("-v")

    assert same.ret == 0
    same.stdout.fnmatch_lines(["a.eval.yaml *2 *0.500 *0.500 *"])
    assert worse.ret == 1
    worse.stdout.fnmatch_lines(
        [
            "a.eval.yaml *2 *0.000 *0.500 *-0.500 *inconclusive*",
            "FAILED *::c0 - pairwise failed, score 0.00 (was 0.50)*",
        ]
    )


def test_a_case_that_lost_is_red_again_when_nothing_has_changed_since(
    project: EvalProject, model_server: ModelServer
) -> None:
    model_server.control(rules=FAIR)
    write(project, model_server, "pairwise", prompt="Please: {{ input }}")
    project.write_cases("a.eval.yaml", CASES[:2], head="gate: {max_drop: 1}\n")
    project.run().assert_outcomes(passed=2)
    write(project, model_server, "pairwise")

    first, again = project.run(), project.run()

    first.assert_outcomes(failed=2, passed=1)
    again.assert_outcomes(failed=2, passed=1)


def test_a_baseline_that_lost_when_it_was_saved_holds_as_well_as_any(
    project: EvalProject, model_server: ModelServer
) -> None:
    model_server.control(rules=[{**rule, "match": rule["match"].replace("Please", "A")} for rule in FAIR])
    head = "case_policy: ratchet\ngate: {max_drop: 1}\n"
    project.write_cases("a.eval.yaml", CASES[:1], head=head)
    for prompt in ("A {{ input }}", "B {{ input }}"):
        write(project, model_server, "pairwise", prompt=prompt)
        project.run("--evals-save-baseline")
    model_server.control(rules=[{**rule, "match": rule["match"].replace("Please", "B")} for rule in FAIR])
    write(project, model_server, "pairwise", prompt="C {{ input }}")

    worse = project.run()

    worse.assert_outcomes(failed=1, passed=1)
    worse.stdout.fnmatch_lines(["*c0  0.50 -> 0.00  now fails*"])


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
@pytest.mark.parametrize("is_committed", [True, False], ids=["committed", "from the history"])
def test_a_long_output_is_compared_with_all_of_the_baselines(
    project: EvalProject, model_server: ModelServer, is_committed: bool, extra: tuple[str, ...]
) -> None:
    prefer_first(model_server)
    cases = [{"id": "long", "input": "x" * 3000}, {"id": "short", "input": "y"}]
    write(project, model_server, {"not": {"pairwise": {"threshold": 1}}})
    project.write_cases("a.eval.yaml", cases, head="")
    project.run(*extra, *(["--evals-save-baseline"] if is_committed else []))

    write(project, model_server, {"not": {"pairwise": {"threshold": 1}}}, prompt="Please: {{ input }}")
    assert project.run(*extra).ret == 0

    asked = [json.dumps(entry["body"]) for entry in model_server.journal()]
    assert sum("SECOND RESPONSE" in body and "\\n" + "x" * 3000 in body for body in asked) == 2


@pytest.mark.parametrize("more", ["", "@pytest.mark.parametrize('size', [1, 2])"], ids=["plain", "multiplied"])
def test_a_test_functions_output_is_compared_with_all_of_the_baselines(
    project: EvalProject, model_server: ModelServer, more: str
) -> None:
    prefer_first(model_server)
    write(project, model_server, "pairwise")
    project.write_cases("a.cases.yaml", [{"id": "long", "input": "x"}], head="")
    arguments = "case, evals, size" if more else "case, evals"
    test = (
        f"import pytest\n{more}\n@pytest.mark.evals('a.cases.yaml')\ndef test_it({arguments}):\n    evals.judge(%s)\n"
    )
    project.write("test_a.py", test % "'y' * 3000")
    assert project.run("--evals-save-baseline").ret == 0

    project.write("test_a.py", test % "'z'")
    assert project.run().ret == 0

    asked = [json.dumps(entry["body"]) for entry in model_server.journal()]
    assert len(asked) == 2
    assert all("y" * 3000 in body for body in asked)


def test_a_plan_counts_comparisons_only_where_the_baseline_has_an_output(
    project: EvalProject, model_server: ModelServer
) -> None:
    prefer_first(model_server)
    write(project, model_server, "pairwise")
    project.write_cases("a.eval.yaml", CASES[:2], head="")
    project.run("--evals-plan").stdout.fnmatch_lines(["plan: 2 calls to make, 0 in the cache; nothing was called"])
    project.run("--evals-save-baseline")
    project.write_cases("a.eval.yaml", CASES[:3], head="")

    planned = project.run("--evals-plan")

    # Two comparisons in both orders, and the case that is new; its answer is compared with nothing.
    planned.stdout.fnmatch_lines(
        ["plan: 5 calls to make, 2 in the cache; nothing was called", "local/judge (judge) *4 *"]
    )


def test_a_plan_counts_the_calls_that_a_run_makes(project: EvalProject, model_server: ModelServer) -> None:
    vote = {"match": "SECOND RESPONSE", "reply": json.dumps({"reasoning": "", "winner": "tie"})}
    model_server.control(rules=[STEPS, vote, {"match": "# Your task", "reply": SCORE}])
    project.write("other.md", "Dear {{ input }}")
    judges = [
        {"g_eval": {"criteria": "It names a date.", "logprobs": False}},
        {"any_of": [{"pairwise": {"against": "other.md", "samples": 2}}, {"g_eval": "It is short."}]},
        {"conversation": {"criteria": "relevance", "judged": "turns"}},
    ]
    write(project, model_server, judges[0])
    settings = json.loads((project.path / "evals.yaml").read_text(encoding="utf-8"))
    project.write("evals.yaml", json.dumps({**settings, "judges": judges}))
    project.write_cases("a.eval.yaml", CASES[:2], head="")
    planned = project.run("--evals-plan").stdout.str()

    project.run()

    said = re.search(r"plan: (\d+) calls to make, 0 in the cache", planned)
    assert said is not None
    assert len(model_server.journal()) == int(said.group(1))


def test_a_baseline_without_such_a_judge_keeps_only_the_beginning_of_long_outputs(
    project: EvalProject, model_server: ModelServer
) -> None:
    write(project, model_server, {"length": {"max": 9999}})
    project.write_cases("a.eval.yaml", [{"id": "long", "input": "x" * 3000}], head="")

    project.run("--evals-save-baseline")

    (line,) = (project.path / "baselines" / "a.eval.yaml.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["output"] == "x" * 2000 + "… [1000 more characters]"


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
        ({"classify": {"question": "What tone?", "choices": {"polite": 1, "rude": 0}}}, {"label": "rude"}, "rude; So."),
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
