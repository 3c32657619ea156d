"""What changed since the baseline, as Markdown: the prompts as diffs, the rest in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_promptevals.comparison.changes import is_explained
from pytest_promptevals.records.changes import FileChanges, PromptChange
from pytest_promptevals.records.run_reports import ReportedFile
from pytest_promptevals.reports.changes import difference_texts
from pytest_promptevals.reports.markdown_text import code_block, inline
from pytest_promptevals.reports.prompt_texts import diff_lines
from pytest_promptevals.reports.words import count_text

_LONGEST_NAME: Final = 150
_LONGEST_TEXT: Final = 500
_MOST_LINES: Final = 60
"""Lines of the diff of a prompt."""
_LONGEST_LINE: Final = 500


def change_blocks(file: ReportedFile) -> list[list[str]]:
    """Return what changed in an eval file, the head first; nothing where that explains nothing."""
    changes = file.changes
    if changes is None or not (is_explained(file.comparison) or _is_edited(changes)):
        return []
    head = f"**{inline(file.file, _LONGEST_NAME)}**, since {inline(file.comparison.baseline, _LONGEST_NAME)}:"
    texts = [f"- {inline(text, _LONGEST_TEXT)}" for text in difference_texts(file.comparison, changes)]
    return [
        [head, ""],
        *(list(_prompt_lines(prompt)) for prompt in changes.cases.prompts),
        *([[*texts, ""]] if texts else []),
    ]


def _is_edited(changes: FileChanges) -> bool:
    cases = changes.cases
    return bool(cases.prompts or cases.models or changes.parameters or changes.resolved or changes.judges)


def _prompt_lines(change: PromptChange) -> Iterator[str]:
    name = f"prompt {inline(change.name, _LONGEST_NAME)}" if change.name else "prompt"
    cases = count_text(change.cases, "case")
    if change.before is None or change.after is None:
        yield from (f"- {name}: changed ({cases}); its earlier text is not known", "")
        return
    yield from (f"- {name}: changed ({cases})", "")
    rows = [row for row in _diff_rows(change) if not row.startswith("@@")]
    shown = [row if len(row) <= _LONGEST_LINE else f"{row[:_LONGEST_LINE]}…" for row in rows[:_MOST_LINES]]
    yield from code_block("\n".join(shown), "diff")
    yield ""
    if len(rows) > len(shown):
        yield from (f"… and {count_text(len(rows) - len(shown), 'more line')} of it.", "")


def _diff_rows(change: PromptChange) -> Iterator[str]:
    before, after = change.before or {}, change.after or {}
    for name in {**before, **after}:
        rows = diff_lines(before.get(name, ""), after.get(name, ""))
        if name and rows:
            yield f" {name}:"
        yield from rows
