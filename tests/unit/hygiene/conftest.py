from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_promptevals.engine.registry import builtin_registry
from pytest_promptevals.hygiene.checks import run_checks, run_cross_checks, sort_findings
from pytest_promptevals.hygiene.findings import Finding, Kind, Subject
from pytest_promptevals.hygiene.loading import load_subject
from pytest_promptevals.settings import Settings
from tests.support.eval_folder import EvalFolder


class CheckedFolder(EvalFolder):
    """Eval files that are checked without the command."""

    def load_subject(
        self, name: str = "a.eval.yaml", settings: Settings | None = None
    ) -> tuple[Subject | None, list[Finding]]:
        """Load a file and return it with what loading finds."""
        return load_subject(self.root / name, self.root, builtin_registry(), settings or Settings())

    def find(self, name: str = "a.eval.yaml", settings: Settings | None = None) -> list[Finding]:
        """Load a file and return what is found of all kinds."""
        subject, findings = self.load_subject(name, settings)
        checked = run_checks(subject, frozenset(Kind)) if subject else []
        return sort_findings([*findings, *checked])

    def find_across(self, files: Mapping[str, str], kind: Kind | None = None) -> list[Finding]:
        """Write eval files and return what is found between them, of a kind."""
        subjects = []
        for name, text in files.items():
            self.write(name, text)
            subject, findings = self.load_subject(name)
            assert subject is not None, findings
            subjects.append(subject)
        kinds = frozenset(Kind if kind is None else [kind])
        return sort_findings(run_cross_checks(subjects, kinds))

    def find_in(self, text: str, kind: Kind | None = None, name: str = "a.eval.yaml") -> list[str]:
        """Write an eval file and return what is found in it, of a kind, as text."""
        self.write(name, text)
        return [str(finding) for finding in self.find(name) if kind in (None, finding.kind)]


@pytest.fixture
def folder(tmp_path: Path) -> CheckedFolder:
    """An empty rootdir."""
    return CheckedFolder(tmp_path.resolve())
