"""``--evals-attribute``: which of two changes explains the cases that now fail."""

from __future__ import annotations

import sqlite3
import subprocess
from typing import Any

import pytest

from pytest_promptevals.errors import HistoryError
from tests.support.project import EvalProject
from tests.support.served import PRICE, calls, serve
from tests.support.server_fixture import ModelServer

WHY = "  why 10 cases now fail, each run again with one change alone:"
WITH_EXAMPLE = "Be kind. {{ input }}"


@pytest.fixture
def served(project: EvalProject, model_server: ModelServer) -> EvalProject:
    """Ten cases of which a model on a real server passes those that are asked kindly."""
    model_server.control(rules=[{"match": "Be kind", "reply": "good"}, {"match": "", "reply": "bad"}])
    return serve(project, model_server, prices={**PRICE, "local/other-model": PRICE["local/echo-model"]})


def write(project: EvalProject, prompt: str, model: str = "local/echo-model", **keys: Any) -> None:
    project.write("p.md", prompt)
    cases = [{"id": f"c{n}", "input": f"x{n}", "expected": "good"} for n in range(10)]
    lines = "".join(f"{key}: {value}\n" for key, value in keys.items())
    project.write_cases("a.eval.yaml", cases, head=f"prompt: p.md\nmodel: {model}\n{lines}")


def runs(project: EvalProject) -> list[tuple[str, str | None, int]]:
    connection = sqlite3.connect(project.path / ".promptevals" / "history.db")
    found = connection.execute("SELECT kind, parent, selected FROM runs ORDER BY rowid").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize("extra", [(), ("-n2",)], ids=["plain", "n2"])
def test_the_prompt_is_found_to_explain_what_it_broke_and_all_is_paid_once(
    served: EvalProject, model_server: ModelServer, extra: tuple[str, ...]
) -> None:
    write(served, "Be kind. {{ input }}")
    served.run(*extra)
    write(served, "Be quick. {{ input }}", "local/other-model")
    assert calls(model_server) == 10

    result = served.run("--evals-attribute", "--tb=no", *extra)

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml: asking 10 cases again, with each change alone",
            WHY,
            "     10  the prompt: with the new prompt and the old model, it fails already",
            "  1 trial a case: a single case may fail or pass by chance, so trust the counts",
            "  20 responses, $0.0*",
        ]
    )
    assert calls(model_server) == 10 + 10 + 20
    (_, _, _), (_, _, _), first, second = runs(served)
    assert first[0] == second[0] == "attribute"
    assert first[1] == second[1] is not None
    assert first[2] == second[2] == 10

    served.run("--evals-attribute", "--tb=no", *extra).stdout.fnmatch_lines([WHY, "  20 responses, $0.00 paid now"])
    assert calls(model_server) == 40


def test_the_model_is_found_to_explain_what_it_broke(served: EvalProject, model_server: ModelServer) -> None:
    write(served, "Be kind. {{ input }}")
    served.run()
    model_server.control(rules=[{"match": "", "reply": "bad"}])
    write(served, "Be very kind. {{ input }}", "local/other-model")

    served.run("--evals-attribute", "--tb=no", "-v").stdout.fnmatch_lines(
        [WHY, "     10  either: the new prompt alone and the new model alone make it fail: c0,"]
    )


def test_parameters_are_told_apart_from_the_prompt(served: EvalProject) -> None:
    write(served, "Be kind. {{ input }}", parameters="{temperature: 0}")
    served.run()
    write(served, "Be quick. {{ input }}", parameters="{temperature: 1}")

    served.run("--evals-attribute", "--tb=no").stdout.fnmatch_lines(
        [WHY, "     10  the prompt: with the new prompt and the old parameters, it fails", "         already"]
    )


@pytest.mark.parametrize(
    ("prompt", "model", "said"),
    [
        ("Be quick. {{ input }}", "local/echo-model", "only the prompt changed, so there is nothing to tell apart"),
        ("Be kind. {{ input }}", "local/other-model", "only the model changed, so there is nothing to tell apart"),
        ("Be kind. {{ input }}", "local/echo-model", "neither the prompt nor the model changed, so there is"),
    ],
    ids=["prompt", "model", "neither"],
)
def test_one_change_alone_needs_no_explanation(
    served: EvalProject, model_server: ModelServer, prompt: str, model: str, said: str
) -> None:
    write(served, "Be kind. {{ input }}")
    served.run()
    model_server.control(rules=[{"match": "", "reply": "bad"}])
    write(served, prompt, model)
    before = calls(model_server)

    result = served.run("--evals-attribute", "--tb=no", "--evals-cache=refresh")

    result.stdout.fnmatch_lines([f"  --evals-attribute: {said}*"])
    assert calls(model_server) == before + 10


def test_what_was_asked_for_the_baseline_must_be_known(served: EvalProject) -> None:
    write(served, "Be kind. {{ input }}")
    served.run("--evals-save-baseline", "--evals-history=off")
    write(served, "Be quick. {{ input }}", "local/other-model")

    served.run("--evals-attribute", "--tb=no").stdout.fnmatch_lines(
        [
            "  --evals-attribute: neither the history nor git knows what was asked for the",
            "    baseline, so it cannot be asked again; run the old prompt with the old model",
            "    once, and name that run: --evals-baseline RUN",
        ],
        consecutive=True,
    )


def commit_all(project: EvalProject) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        command = ["git", *identity, *arguments]
        subprocess.run(command, cwd=project.path, check=True, capture_output=True)


def test_without_the_baselines_run_git_has_what_was_asked(served: EvalProject, model_server: ModelServer) -> None:
    write(served, "Be kind. {{ input }}\n")
    served.run("--evals-save-baseline", "--evals-history=off")
    commit_all(served)
    write(served, "Be quick. {{ input }}\n", "local/other-model")

    result = served.run("--evals-attribute", "--tb=no", "--evals-history=off")

    result.stdout.fnmatch_lines([WHY, "     10  the prompt: with the new prompt and the old model, it fails already"])
    assert calls(model_server) == 40


def test_git_has_the_parameters_and_the_included_files_of_then(served: EvalProject, model_server: ModelServer) -> None:
    served.write("tone.md", "Be kind.")
    write(served, "{% include 'tone.md' %} {{ input }}", parameters="{temperature: 0}")
    served.run("--evals-save-baseline", "--evals-history=off")
    commit_all(served)
    served.write("tone.md", "Be quick.")
    write(served, "{% include 'tone.md' %} {{ input }}", "local/other-model", parameters="{temperature: 1}")

    result = served.run("--evals-attribute", "--tb=no")

    result.stdout.fnmatch_lines([WHY, "     10  the prompt: with the new prompt and the old model and parameters, it*"])
    assert calls(model_server) == 40
    with sqlite3.connect(served.path / ".promptevals/history.db") as history:
        asked = history.execute("SELECT parameters FROM run_files ORDER BY rowid").fetchall()
    assert sorted(asked) == [('{"temperature":0}',), ('{"temperature":1}',), ('{"temperature":1}',)]


def test_what_git_has_must_be_what_was_asked(served: EvalProject, model_server: ModelServer) -> None:
    write(served, "Be kind. {{ input }}", parameters="{temperature: 0}")
    served.run("--evals-save-baseline", "--evals-history=off")
    write(served, "Be kind. {{ input }}", parameters="{temperature: 0.5}")
    commit_all(served)
    write(served, "Be quick. {{ input }}", "local/other-model", parameters="{temperature: 1}")

    result = served.run("--evals-attribute", "--tb=no", "--evals-history=off")

    result.stdout.fnmatch_lines(
        [
            "  --evals-attribute: the history does not know what was asked for the baseline,",
            "    and with the prompt and parameters of commit ???????, and the provider of",
            "    now, it was not made, so it cannot be asked again; run the old prompt with",
            "    the old model once, and name that run: --evals-baseline RUN",
        ],
        consecutive=True,
    )
    assert calls(model_server) == 20


def test_a_shallow_clone_does_not_take_its_first_commit_for_the_baselines(
    served: EvalProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(served, "Be kind. {{ input }}", parameters="{temperature: 0}")
    served.run("--evals-save-baseline", "--evals-history=off")
    commit_all(served)
    write(served, "Be quick. {{ input }}", "local/other-model", parameters="{temperature: 1}")
    commit_all(served)
    command = ["git", "clone", "-q", "--depth=1", f"file://{served.path}", "clone"]
    subprocess.run(command, cwd=served.path, check=True)
    monkeypatch.chdir(served.path / "clone")

    result = served.run("--evals-attribute", "--tb=no", "--evals-history=off", "--rootdir=.")

    result.stdout.fnmatch_lines(
        [
            "  prompt p: changed (10 cases); its earlier text is not known",
            "  model: local/echo-model, now local/other-model (10 cases)",
            "  the run of the baseline is not in the history, so its parameters, judges and",
            "    packages are not known; this clone is shallow; fetch its whole history with",
            "    'git fetch --unshallow' (in CI: fetch-depth 0)",
        ],
        consecutive=True,
    )
    result.stdout.fnmatch_lines(
        [
            "  --evals-attribute: neither the history nor git knows what was asked for the",
            "    baseline (this clone is *",
        ]
    )


def test_a_template_in_git_that_cannot_be_filled_in_is_none(served: EvalProject) -> None:
    write(served, "Be kind. {{ input }}")
    served.run("--evals-save-baseline", "--evals-history=off")
    write(served, "{{ nothing }}")
    commit_all(served)
    write(served, "Be quick. {{ input }}", "local/other-model")

    result = served.run("--evals-attribute", "--tb=no", "--evals-history=off")

    result.stdout.fnmatch_lines(["  --evals-attribute: the history does not know what was asked for the baseline,"])


def test_runs_that_cannot_be_recorded_cost_no_answer(served: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    write(served, "Be kind. {{ input }}")
    served.run()
    write(served, "Be quick. {{ input }}", "local/other-model")

    def refuse(*_: object) -> None:
        raise HistoryError("the disk is full")

    monkeypatch.setattr("pytest_promptevals.pytest_glue.attribution.open_run_history", refuse)

    served.run("--evals-attribute", "--tb=no").stdout.fnmatch_lines(
        [WHY, "--evals-attribute: its runs are not recorded: the disk is full"]
    )


def test_a_quiet_session_is_told_what_it_has_asked_for_and_no_more(served: EvalProject) -> None:
    write(served, "Be kind. {{ input }}")
    served.run()
    write(served, "Be quick. {{ input }}", "local/other-model")

    result = served.run("--evals-attribute", "--tb=no", "-q")

    result.stdout.no_fnmatch_line("*asking*")
    result.stdout.no_fnmatch_line("*what changed*")
    result.stdout.fnmatch_lines(["a.eval.yaml:", "  why * each run again with one change alone:"])


@pytest.mark.parametrize("history", ["--evals-history=.promptevals/history.db", "--evals-history=off"])
def test_the_old_models_provider_must_be_known(served: EvalProject, model_server: ModelServer, history: str) -> None:
    write(served, "Be kind. {{ input }}")
    served.run("--evals-save-baseline", history)
    commit_all(served)
    write(served, "Be quick. {{ input }}", "elsewhere/other-model")
    provider = {"type": "openai", "base_url": model_server.open_url}
    serve(served, model_server, providers={"elsewhere": provider})

    served.run("--evals-attribute", "--tb=no", history).stdout.fnmatch_lines(
        [
            "  --evals-attribute: the provider of the old model 'local/echo-model' is not",
            "    known any more; name it under 'providers'",
        ]
    )


def test_the_budget_holds_for_what_is_run_again(served: EvalProject, model_server: ModelServer) -> None:
    write(served, "Be kind. {{ input }}", parameters="{max_tokens: 10}")
    served.run()
    write(served, "Be quick. {{ input }}", "local/other-model", parameters="{max_tokens: 10}")
    served.run("--tb=no")

    result = served.run("--evals-attribute", "--tb=no", "--evals-max-cost=0")

    result.stdout.fnmatch_lines([WHY, "     10  not known: it has no score with one of the changes alone"])
    assert calls(model_server) == 20


def test_a_budget_needs_the_price_of_the_old_model(served: EvalProject, model_server: ModelServer) -> None:
    write(served, "Be kind. {{ input }}")
    served.run()
    write(served, "Be quick. {{ input }}", "local/other-model")
    serve(served, model_server, prices={"local/other-model": PRICE["local/echo-model"]})

    served.run("--evals-attribute", "--tb=no", "--evals-max-cost=1").stdout.fnmatch_lines(
        ["  --evals-attribute: --evals-max-cost: the price of local/echo-model is not"]
    )


def test_a_test_function_cannot_be_run_again(project: EvalProject) -> None:
    project.write("d.eval.jsonl", "".join(f'{{"id": "c{n}", "input": "x", "expected": "good"}}\n' for n in range(8)))
    project.write("evals.yaml", "judges: [exact]\n")
    test = """
        import pytest

        @pytest.mark.evals("d.eval.jsonl")
        def test_app(case, evals):
            evals.judge("good")
        """
    project.write("test_app.py", test)
    project.run()
    project.write("test_app.py", test.replace('"good"', '"bad"'))

    project.run("--evals-attribute", "--tb=no", "-p", "no:cacheprovider").stdout.fnmatch_lines(
        ["  --evals-attribute: cases of a test function cannot be run again with one", "    change alone"]
    )


def test_a_green_run_asks_nothing_again(served: EvalProject, model_server: ModelServer) -> None:
    write(served, "Be kind. {{ input }}")
    served.run()
    write(served, "Be kind, too. {{ input }}", "local/other-model")
    model_server.control(rules=[{"match": "", "reply": "good"}])

    result = served.run("--evals-attribute")

    assert result.ret == 0
    result.stdout.no_fnmatch_line("*attribute:*")
    assert calls(model_server) == 20


def test_without_a_history_of_its_own_run_nothing_is_recorded(served: EvalProject) -> None:
    write(served, "Be kind. {{ input }}")
    served.run()
    write(served, "Be quick. {{ input }}", "local/other-model")

    served.run("--evals-attribute", "--tb=no", "--evals-max-cost=1").stdout.fnmatch_lines([WHY])
    assert [kind for kind, *_ in runs(served)] == ["run", "run", "attribute", "attribute"]


def test_after_a_run_that_reused_all_results_the_old_model_is_asked_with_its_parameters(
    served: EvalProject, model_server: ModelServer
) -> None:
    write(served, "Be kind. {{ input }}", parameters="{temperature: 0}")
    served.run()
    served.run("--evals-changed")
    write(served, "Be quick. {{ input }}", "local/other-model", parameters="{temperature: 0.7}")

    result = served.run("--evals-attribute", "--tb=no")

    result.stdout.fnmatch_lines([WHY, "     10  the prompt: with the new prompt and the old model and parameters, it*"])
    with sqlite3.connect(served.path / ".promptevals/history.db") as history:
        asked = history.execute(
            "SELECT parameters FROM run_files JOIN runs ON runs.id = run_id WHERE kind = 'attribute'"
        ).fetchall()
    assert set(asked) == {('{"temperature":0}',), ('{"temperature":0.7}',)}
