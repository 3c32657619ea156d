"""What gives the answers of the built-in providers their meaning, beside the request: addresses, scripts, code.

It is part of a result's fingerprint: a result stands for a case as long as the same would be asked of the same.
"""

from __future__ import annotations

from pathlib import Path

from pytest_promptevals.files.paths import resolve_inside, search_folders
from pytest_promptevals.function_sources import source_hash
from pytest_promptevals.functions import load_function
from pytest_promptevals.hookspecs import ProviderContext
from pytest_promptevals.records.json_types import Json


def content_of_function(context: ProviderContext, model: str) -> Json:
    """Return the hash of the source of the function that a ``python`` model names. Raises ``FunctionError``."""
    folders = tuple(dict.fromkeys((*context.search_path, context.rootdir)))
    return source_hash(load_function(model, folders))


def content_of_script(context: ProviderContext, model: str) -> Json:
    """Return the script of a ``scripted`` model. Raises ``OSError`` if its file cannot be read."""
    del model
    script = context.config.options.get("script")
    if not isinstance(script, str):
        return script
    location = context.config.location
    folder: Path = context.rootdir if location is None else search_folders(location.path, context.rootdir)[0]
    return resolve_inside(script, folder, context.rootdir).read_text(encoding="utf-8", errors="replace")
