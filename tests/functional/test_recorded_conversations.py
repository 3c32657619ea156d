"""Conversations as the input of cases whose output is recorded."""

from __future__ import annotations

from typing import Any

from tests.support.project import EvalProject

TRAJECTORY: list[dict[str, Any]] = [
    {"role": "user", "content": "Cancel order A-17."},
    {"role": "assistant", "tool_calls": [{"function": {"name": "find_order", "arguments": '{"id": "A-17"}'}}]},
    {"role": "tool", "name": "find_order", "content": '{"status": "paid"}'},
]


def test_what_is_wrong_with_a_message_is_an_error_at_collection(project: EvalProject) -> None:
    cases = [
        {"id": "a", "input": [{"role": "usr", "content": "x"}], "output": "x"},
        {"id": "b", "input": [{"role": "user", "contnt": "x"}], "output": "x"},
        {"id": "c", "input": [{"name": "Ada", "role": "engineer"}], "output": "x"},
    ]
    project.write_cases("a.eval.yaml", cases, head="judges: [{contains: x}]\n")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "a.eval.yaml:3: input: message 1: role 'usr' is none of a chat. Did you mean 'user'?",
            "a.eval.yaml:4: input: message 1: unknown key 'contnt'. Did you mean 'content'?",
            "=*",
        ],
        consecutive=True,
    )


def test_a_failure_shows_the_conversation(project: EvalProject) -> None:
    case = {"id": "a", "input": TRAJECTORY, "output": "Done."}
    project.write_cases("a.eval.yaml", [case], head="judges: [{contains: zebra}]\n")

    result = project.run()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "asked (recorded)",
            "  user:",
            "    Cancel order A-17.",
            "  assistant:",
            '    called find_order({"id": "A-17"})',
            "  tool (find_order):",
            '    {"status": "paid"}',
            "answered",
            "    Done.",
        ],
        consecutive=True,
    )


def test_a_conversation_with_tools_is_not_put_to_a_model(project: EvalProject) -> None:
    project.write_cases("a.eval.yaml", [{"id": "a", "input": TRAJECTORY}])

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["a.eval.yaml:4: *can be judged, but no model is asked*the case's 'output'."])
