"""What tells the items of one case apart: its models and prompts, in brackets behind the case's id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def label_variants(models: Sequence[str], prompts: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Yield each prompt with each model, as their positions, and what the item's name ends in.

    Args:
        models: their labels, ``provider/model``.
        prompts: their names; empty for inline ones.
    """
    model_labels = _distinct([_safe(label.rpartition("/")[2] or label) for label in models], list(map(_safe, models)))
    names = [_safe(name) or f"prompt{number}" for number, name in enumerate(prompts, start=1)]
    prompt_labels = _distinct(names, [f"prompt{number}" for number in range(1, len(names) + 1)])
    for prompt, prompt_label in enumerate(prompt_labels):
        for model, model_label in enumerate(model_labels):
            parts = ([model_label] if len(models) > 1 else []) + ([prompt_label] if len(prompts) > 1 else [])
            yield prompt, model, f"[{'-'.join(parts)}]" if parts else ""


def _distinct(short: list[str], long: list[str]) -> list[str]:
    if len(set(short)) == len(short):
        return short
    return long if len(set(long)) == len(long) else [f"{name}#{number}" for number, name in enumerate(long, start=1)]


def _safe(label: str) -> str:
    # pytest splits node ids at "::" and reads what follows the first "[" as parameters.
    return label.replace("::", ":").replace("[", "(").replace("]", ")")
