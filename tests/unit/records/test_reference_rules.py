from __future__ import annotations

import pytest

from pytest_promptevals.records.references import check_name, check_reference, looks_like_commit, looks_like_run


@pytest.mark.parametrize("name", ["v1", "before-the-switch", "2026.1", "größe", "release_3", "1"])
def test_names_have_letters_digits_dots_dashes_and_underscores(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "merge-base",
            "'merge-base' cannot be a name: as a baseline it has a meaning of its own; choose another.",
        ),
        ("20261122-063012", "'20261122-063012' cannot be a name: it looks like a run or a commit; choose another."),
        ("deadbeef", "'deadbeef' cannot be a name: it looks like a run or a commit; choose another."),
        ("test_late.py", "'test_late.py' is no file that exists, and cannot be the name of a baseline."),
        ("evals/late", "'evals/late' is no file that exists, and cannot be the name of a baseline."),
        (
            "a b",
            (
                "'a b' cannot be a name: a name has letters, digits, '.', '_' and '-' only, and begins with a letter "
                "or digit."
            ),
        ),
        (
            "branch:main",
            (
                "'branch:main' cannot be a name: a name has letters, digits, '.', '_' and '-' only, and begins with a "
                "letter or digit."
            ),
        ),
    ],
)
def test_what_cannot_be_a_name_is_said(name: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        check_name(name)

    assert str(caught.value) == problem


@pytest.mark.parametrize("text", ["file", "latest", "main", "branch:feature/x", "commit:HEAD~1", "20261122"])
def test_references_have_no_prefix_or_a_known_one(text: str) -> None:
    check_reference(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("brnch:main", "'brnch:main' begins with the unknown prefix 'brnch'. Did you mean 'branch'?"),
        ("", "'' names no baseline; write file, latest, merge-base, a run, a name, a branch or a commit."),
        ("run:", "'run:' names no baseline; write file, latest, merge-base, a run, a name, a branch or a commit."),
    ],
)
def test_what_cannot_be_a_reference_is_said(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        check_reference(text)

    assert str(caught.value) == problem


def test_runs_and_commits_are_known_by_their_looks() -> None:
    assert all(map(looks_like_run, ["20261122", "20261122-0630", "20261122-063012-1a2b3c"]))
    assert not any(map(looks_like_run, ["2026", "20261122-063012-1a2b3c4", "v1"]))
    assert all(map(looks_like_commit, ["a1b2c3d", "a" * 40]))
    assert not any(map(looks_like_commit, ["abc", "main", "A1B2C3D"]))
