"""A test function over a dataset, which makes its outputs itself."""

from __future__ import annotations

from tests.support.project import EvalProject


def write_function(project: EvalProject) -> None:
    """Write a test function over one case."""
    project.write("a.cases.jsonl", '{"id": "a", "input": "x", "expected": "x", "judges": ["exact"]}\n')
    project.write(
        "test_app.py",
        """
        import pytest

        @pytest.mark.evals("a.cases.jsonl")
        def test_app(case, evals):
            evals.judge(case.input)
        """,
    )
