"""Sphinx settings. ``sphinx-build -W --keep-going -b html docs OUT`` builds the pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_promptevals import __name__ as package

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

# At the end: the installed package, not the one in this checkout, is what the docs are about.
sys.path.append(str(Path(__file__).parents[1]))

from docs.generate import fill_page  # noqa: E402 - needs the path above

project = "pytest-promptevals"
author = "The pytest-promptevals authors"
project_copyright = author
