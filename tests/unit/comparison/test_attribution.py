from __future__ import annotations

import pytest

from pytest_promptevals.comparison.attribution import Cause, find_cause


@pytest.mark.parametrize(
    ("with_prompt", "with_model", "cause"),
    [
        (False, True, Cause.PROMPT),
        (True, False, Cause.MODEL),
        (False, False, Cause.EITHER),
        (True, True, Cause.TOGETHER),
        (None, True, Cause.UNKNOWN),
        (False, None, Cause.UNKNOWN),
    ],
)
def test_a_change_that_breaks_a_case_alone_is_its_cause(
    with_prompt: bool | None,
    with_model: bool | None,
    cause: Cause,
) -> None:
    assert find_cause(passes_with_prompt=with_prompt, passes_with_model=with_model) is cause
