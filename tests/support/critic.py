"""A judge of level 2, which says what the file ``critic.txt`` says and leaves ``critic-ran`` behind."""

from __future__ import annotations

from typing import Final

CRITIC: Final = """
    from pathlib import Path
    from pytest_promptevals import Grade, JudgeParameters


    class NoParameters(JudgeParameters):
        pass


    class CriticJudge:
        name = "critic"
        level = 2
        default_threshold = 0.5
        shorthand = None
        Parameters = NoParameters

        def __init__(self, parameters):
            pass

        async def judge(self, subject, ask):
            Path("critic-ran").touch()
            return Grade(float(Path("critic.txt").read_text()), "as written")


    def pytest_promptevals_judges():
        return [CriticJudge]
"""
"""A conftest.py that registers it."""
