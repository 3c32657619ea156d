from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.eval_folder import EvalFolder


@pytest.fixture
def folder(tmp_path: Path) -> EvalFolder:
    """An empty rootdir."""
    return EvalFolder(tmp_path.resolve())
