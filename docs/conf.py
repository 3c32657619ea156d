"""Sphinx settings. ``sphinx-build -W --keep-going -b html docs OUT`` builds the pages."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from typing import TYPE_CHECKING

# At the end: the docs are about the installed package, not about the one in this checkout.
sys.path.append(str(Path(__file__).parents[1]))

from docs.generate import fill_page

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "pytest-promptevals"
author = project_copyright = "The pytest-promptevals authors"
release = importlib.metadata.version(project)

extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"{project} {release}"
exclude_patterns = ["_build"]
nitpicky = True
myst_heading_anchors = 3


def fill_generated_parts(app: Sphinx, page: str, source: list[str]) -> None:
    """Put the parts that are made from the code into a page that was just read."""
    del app, page
    source[0] = fill_page(source[0])


def read_all_pages(app: Sphinx, environment: BuildEnvironment, *changes: object) -> Iterable[str]:
    """Have every page read again: any of them may change with the code."""
    del app, changes
    return environment.found_docs


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", fill_generated_parts)
    app.connect("env-get-outdated", read_all_pages)
