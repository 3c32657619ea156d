"""Git repositories to test in, which know nothing of the developer's own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


class Checkout:
    """A repository with one commit on branch ``main``."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(path / "none"))
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(path.parent))
        self.path = path
        self._commits = 0
        path.mkdir(parents=True, exist_ok=True)
        self.git("init")
        self.write("count.txt", "0\n")
        self.first = self.commit()

    def git(self, *arguments: str) -> str:
        """Run git and return what it prints."""
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=self.path, check=True, capture_output=True, encoding="utf-8").stdout.strip()

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(text, encoding="utf-8")

    def commit(self) -> str:
        """Commit all that was written, be it nothing, and return the commit's hash."""
        self.git("add", ".")
        self._commits += 1  # else two of one second would be one and the same
        self.git("commit", "--allow-empty", "-m", f"commit {self._commits}")
        return self.git("rev-parse", "HEAD")
