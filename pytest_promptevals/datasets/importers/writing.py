"""A draft as the text of an eval file, as a person would have written it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Final

from pytest_promptevals.datasets.yaml_writing import comment, dump_yaml
from pytest_promptevals.records.drafts import Draft, Loss
from pytest_promptevals.records.json_types import Json

MOST_CASES: Final = 100
"""Cases that stand in the eval file itself; more of them get a file of their own."""


def eval_file_texts(draft: Draft, name: str, origin: str) -> dict[str, str]:
    """Return the files of a draft: name relative to the eval file -> text.

    Args:
        draft: what is written. It has been finished.
        name: of the eval file. One that ends in ``.jsonl`` holds the cases alone.
        origin: what it was made from, for the comment at the top.

    Raises ``ValueError`` for settings where the name leaves no room for them.
    """
    lines = [json.dumps(case, ensure_ascii=False) for case in draft.cases]
    if name.endswith(".jsonl"):
        if draft.settings:
            keys = ", ".join(draft.settings)
            raise ValueError(f"a file of JSON Lines has no place for {keys}; write to a .eval.yaml file")
        return {name: _joined(lines), **draft.texts}
    texts = dict(draft.texts)
    cases: list[Json] = [dict(case) for case in draft.cases]
    if len(cases) > MOST_CASES:
        own = f"{_stem(name)}.cases.jsonl"
        texts[own] = _joined(lines)
        cases = [{"file": own}]
    return {name: "".join(_blocks(draft, cases, origin)), **texts}


def _blocks(draft: Draft, cases: Sequence[Json], origin: str) -> Iterator[str]:
    yield comment(f"Made from {origin}.")
    if draft.losses:
        yield comment("What has no equivalent here:")
        yield from (comment(f"- {_without_folders(loss)}") for loss in draft.losses)
    for number, (key, value) in enumerate(draft.settings.items()):
        said = draft.comments.get(key, "")
        yield ("\n" if said or number == 0 else "") + comment(said) + dump_yaml({key: value})
    yield "\n" + dump_yaml({"cases": list(cases)})


def _without_folders(loss: Loss) -> Loss:
    """Return a loss that names its file alone, where its path is one of this machine: what is written is shared."""
    path = PurePath(loss.location.path)
    if not path.is_absolute():
        return loss
    return dataclasses.replace(loss, location=dataclasses.replace(loss.location, path=path.name))


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _stem(name: str) -> str:
    return re.sub(r"(\.eval)?\.(ya?ml|jsonl)$", "", name.rpartition("/")[2])
