"""Configs of promptfoo, imported and run."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from pytest_promptevals.cli import main
from tests.support.project import EvalProject


@pytest.fixture(autouse=True)
def _here(project: EvalProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)


def import_config(project: EvalProject, text: str) -> str:
    """Import a config as an eval file of the project's, and return what was said."""
    source = project.write("promptfooconfig.yaml", text)
    result = CliRunner().invoke(main, ["import", str(source)])
    assert result.exit_code == 0, result.output
    return result.output


def outcomes(result: pytest.RunResult) -> dict[str, Any]:
    """Return how often something passed and failed; nothing else may have happened."""
    found = result.parseoutcomes()
    assert found.keys() <= {"passed", "failed"}, result.stdout.str()
    return found


def test_recorded_outputs_pass_and_fail_as_in_promptfoo(project: EvalProject) -> None:
    import_config(
        project,
        """
        prompts: ["Where is {{order}}?"]
        providers: [openai:gpt-5-mini]
        defaultTest:
          vars: {order: A-17}
          assert: [{type: contains, value: "{{order}}"}]
        tests:
          - description: right
            providerOutput: Order A-17 is on its way.
            assert:
              - {type: not-icontains, value: SORRY}
              - {type: regex, value: '[A-Z]-(\\d+)(?= is)'}
              - {type: levenshtein, value: Order A-17 is on its way, threshold: 2}
              - {type: contains-any, value: 'Friday, "on its way"'}
              - {type: javascript, value: 'false'}
          - description: wrong case
            providerOutput: Order a-17 is on its way.
          - description: set
            providerOutput: "A-17"
            assert:
              - type: assert-set
                threshold: 0.5
                assert: [{type: equals, value: A-17}, {type: equals, value: B-4}]
          - description: one of two
            providerOutput: "A-17"
            threshold: 0.5
            assert: [{type: contains, value: way}]
          - description: a measure alone
            providerOutput: "A-17"
            assert: [{type: contains, value: way, weight: 0}]
          - description: data
            providerOutput: {order: A-17}
            assert: [{type: equals, value: {order: A-17}}, {type: is-json, value: {required: [order]}}]
        """,
    )

    result = project.run("evals")

    assert outcomes(result) == {"passed": 5, "failed": 1}
    result.stdout.fnmatch_lines(["*FAILED evals/promptfooconfig.eval.yaml::wrong case*"])


def test_prompts_are_asked_as_promptfoo_asks_them(project: EvalProject) -> None:
    project.write("ask.txt", "Say {{word}}{{ mark }}\n---\nPlease say {{ word | upper }}\n")
    project.write("more.csv", "word,__expected\nmore,icontains:more\n")

    said = import_config(
        project,
        """
        prompts: file://ask.txt
        providers: [echo]
        defaultTest: {options: {suffix: " now"}}
        tests:
          - vars: {word: [red, blue], mark: "!"}
            assert: [{type: ends-with, value: now}, {type: icontains, value: "say {{word}}"}]
          - more.csv
        """,
    )

    assert "ends-with: is no type of assertion that is known; left out" in said
    assert outcomes(project.run("evals")) == {"passed": 6}


def test_a_case_whose_assertions_are_all_lost_runs_and_passes(project: EvalProject) -> None:
    import_config(
        project,
        """
        prompts: [Hello]
        providers: [echo]
        tests:
          - assert: [{type: javascript, value: "output === 'x'"}]
        """,
    )

    assert outcomes(project.run("evals")) == {"passed": 1}


def test_a_threshold_on_the_mean_decides_for_the_file(project: EvalProject) -> None:
    import_config(
        project,
        """
        prompts: ["{{word}}"]
        providers: [echo]
        defaultTest:
          threshold: 0.6
          assert: [{type: contains, value: a}, {type: contains, value: b}, {type: contains, value: c}]
        tests: [{description: two, vars: {word: ab}}, {description: one, vars: {word: a}}]
        """,
    )

    result = project.run("evals")

    assert outcomes(result) == {"passed": 1, "failed": 1}
    result.stdout.fnmatch_lines(["*FAILED evals/promptfooconfig.eval.yaml::one*"])
