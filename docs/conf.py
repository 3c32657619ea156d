"""Sphinx settings. ``sphinx-build -W --keep-going -b html docs OUT`` builds the pages."""

from __future__ import annotations

import importlib.metadata

project = "pytest-promptevals"
author = project_copyright = "The pytest-promptevals authors"
release = importlib.metadata.version(project)

extensions = ["myst_parser"]
html_theme = "furo"
html_title = f"{project} {release}"
exclude_patterns = ["_build", "ci/README.md"]  # the latter is for readers of the checkout
nitpicky = True
myst_heading_anchors = 3
