"""The judge ``cross_encoder`` with models that know words only."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges import cross_encoder
from pytest_promptevals.judges.build import build_judge
from tests.support import fake_models
from tests.unit.judges.grading import JUDGES, check_case, explain, grade

REFERENCE = "The shop opens at nine."
REAL_LOADER = cross_encoder.load_pairs


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_models.install(monkeypatch, tmp_path)


@pytest.fixture
def logits(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[float]], list[tuple[str, ...]]]:
    """Return what sets the numbers that the model gives, and returns the pairs that it was given."""

    def set_logits(row: Sequence[float]) -> list[tuple[str, ...]]:
        asked: list[tuple[str, ...]] = []

        def compute(batch: Sequence[tuple[str, ...]]) -> list[Any]:
            asked.extend(batch)
            return [np.array(row, dtype=np.float32) for _ in batch]

        monkeypatch.setattr(cross_encoder, "load_pairs", lambda _: compute)
        return asked

    return set_logits


@pytest.mark.parametrize(("logit", "value"), [(0, 0.5), (2, 0.8808), (-2, 0.1192), (1000, 1), (-1000, 0)])
def test_similarity_is_the_sigmoid_of_the_one_number(
    logits: Callable[[Sequence[float]], list[tuple[str, ...]]], logit: float, value: float
) -> None:
    logits([logit])

    assert grade("cross_encoder", "b", output="a").value == value


@pytest.mark.parametrize(("kind", "value"), [("contradiction", 0.0900), ("entailment", 0.6652)])
def test_a_kind_is_the_probability_of_the_label_of_that_name(
    logits: Callable[[Sequence[float]], list[tuple[str, ...]]], kind: str, value: float
) -> None:
    logits([1000, 1002, 1001])

    assert grade("cross_encoder", "b", output="a", kind=kind).value == value


def test_the_output_is_the_premise_unless_the_value_is_to_be(
    logits: Callable[[Sequence[float]], list[tuple[str, ...]]],
) -> None:
    asked = logits([0])
    grade("cross_encoder", "value", output="output")
    grade("cross_encoder", "value", output="output", premise="value")

    assert asked == [("output", "value"), ("value", "output")]


def test_the_best_of_a_list_counts_and_is_named() -> None:
    assert explain("cross_encoder", ["No idea", REFERENCE], output="The shop opens at ten.") == (
        'similarity 0.9116 of the output "The shop opens at ten." and "The shop opens at nine."'
    )


def test_expected_is_read_where_there_is_no_value() -> None:
    assert grade("cross_encoder", output=REFERENCE, expected=REFERENCE).value > 0.99
    with pytest.raises(JudgeError, match="judge 'cross_encoder' has nothing to compare with"):
        check_case("cross_encoder")


@pytest.mark.parametrize("kind", ["similarity", "entailment", "contradiction"])
def test_an_empty_output_gets_0(kind: str) -> None:
    assert grade("cross_encoder", REFERENCE, output="\n", kind=kind).value == 0


def test_half_a_surrogate_pair_reaches_no_model(logits: Callable[[Sequence[float]], list[tuple[str, ...]]]) -> None:
    asked = logits([0])
    grade("cross_encoder", "b \udc00", output="a \ud83d")

    assert asked == [("a ?", "b ?")]


def test_a_model_of_many_numbers_gives_no_similarity(
    logits: Callable[[Sequence[float]], list[tuple[str, ...]]], tmp_path: Path
) -> None:
    logits([1, 2, 3])
    with pytest.raises(JudgeError) as caught:
        grade("cross_encoder", "b", output="a")
    assert str(caught.value) == (
        f"judge 'cross_encoder': the model in {tmp_path / 'plain'} gives 3 numbers, and similarity is one; "
        "use a model of similarity, or the kind entailment"
    )


def test_a_model_without_the_label_is_an_error_at_collection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = fake_models.make_model(tmp_path / "other", ["not_entailment", "LABEL_1"])
    monkeypatch.setattr(cross_encoder, "find_model", lambda *_: folder)
    judge: Any = build_judge(JUDGES["cross_encoder"], None, {"kind": "entailment"})
    with pytest.raises(JudgeError) as caught:
        judge.check_files(())
    assert str(caught.value) == (
        f"judge 'cross_encoder': no label of the model in {folder} is called 'entailment' (its labels: not_entailment, "
        "label_1); use a model of natural language inference whose config.json names its labels"
    )


def test_a_model_without_any_labels_is_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = fake_models.make_model(tmp_path / "other")
    monkeypatch.setattr(cross_encoder, "find_model", lambda *_: folder)

    with pytest.raises(JudgeError, match=r"is called 'contradiction' \(its labels: none\)"):
        grade("cross_encoder", "b", output="a", kind="contradiction")


@pytest.mark.parametrize("config", ["{", "[]", '{"id2label": []}'])
def test_labels_that_cannot_be_read_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: str) -> None:
    folder = fake_models.make_model(tmp_path / "other")
    (folder / "config.json").write_text(config, encoding="utf-8")
    monkeypatch.setattr(cross_encoder, "find_model", lambda *_: folder)

    with pytest.raises(JudgeError, match="cannot be read from its config.json: .* download the model anew$"):
        grade("cross_encoder", "b", output="a", kind="entailment")


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Return what looks at a model with those files at collection."""

    def check_files(config: str | None, saved: str | None = None) -> None:
        folder = tmp_path / "model"
        folder.mkdir()
        for name, text in (("config.json", config), ("config_sentence_transformers.json", saved)):
            if text is not None:
                (folder / name).write_text(text, encoding="utf-8")
        monkeypatch.setattr(cross_encoder, "find_model", lambda *_: folder)
        judge: Any = build_judge(JUDGES["cross_encoder"], None, {})
        judge.check_files(())

    return check_files


@pytest.mark.parametrize("saved", [None, '{"model_type": "SentenceTransformer"}', "[]", "{"])
def test_a_model_without_a_head_for_two_texts_is_an_error_at_collection(
    check: Callable[..., None], tmp_path: Path, saved: str | None
) -> None:
    with pytest.raises(JudgeError) as caught:
        check('{"architectures": ["BertModel"]}', saved)
    assert str(caught.value) == (
        f"judge 'cross_encoder': the model in {tmp_path / 'model'} does not score two texts: it is a BertModel, "
        "without the head of a cross-encoder, and would get one of random numbers; for this model use the judge "
        "`semantic`, or name a cross-encoder"
    )


@pytest.mark.parametrize(
    ("config", "saved"),
    [
        ('{"architectures": ["BertForSequenceClassification"]}', None),
        ('{"architectures": ["Qwen3ForCausalLM"]}', None),
        ('{"architectures": ["BertModel"]}', '{"model_type": "CrossEncoder"}'),
        ('{"architectures": null}', None),
        (None, None),
    ],
)
def test_a_model_that_may_score_two_texts_is_taken(
    check: Callable[..., None], config: str | None, saved: str | None
) -> None:
    check(config, saved)


def test_each_kind_has_a_model_of_its_own_unless_one_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    def find(judge: str, model: str, search_path: tuple[Path, ...]) -> Path:
        asked.append(model)
        return fake_models.make_model(tmp_path / "nli", fake_models.NLI_LABELS)

    monkeypatch.setattr(cross_encoder, "find_model", find)
    for parameters in ({}, {"kind": "entailment"}, {"kind": "contradiction"}, {"model": "mine"}):
        judge: Any = build_judge(JUDGES["cross_encoder"], None, parameters)
        judge.check_files(())
    assert asked == [
        "cross-encoder/stsb-distilroberta-base",
        "cross-encoder/nli-distilroberta-base",
        "cross-encoder/nli-distilroberta-base",
        "mine",
    ]


def test_preparing_loads_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    monkeypatch.setattr(cross_encoder, "load_pairs", lambda folder: loaded.append(folder.name))
    judge: Any = build_judge(JUDGES["cross_encoder"], None, {})
    judge.prepare(())

    assert loaded == ["plain"]


@pytest.mark.parametrize(("rows", "vectors"), [([0.5, 1.5], [[0.5], [1.5]]), ([[1, 2], [3, 4]], [[1, 2], [3, 4]])])
def test_the_loader_takes_the_logits_as_they_are_and_never_asks_the_network(
    monkeypatch: pytest.MonkeyPatch, rows: list[Any], vectors: list[list[float]]
) -> None:
    made: dict[str, Any] = {}

    class CrossEncoder:
        def __init__(self, path: str, **options: Any) -> None:
            made.update(options, path=path)

        def predict(self, pairs: list[tuple[str, str]], **options: Any) -> Any:
            made.update(options, pairs=pairs)
            return np.array(rows, dtype=np.float32)

    logging = types.SimpleNamespace(is_progress_bar_enabled=lambda: False, disable_progress_bar=lambda: None)
    for name, module in {
        "sentence_transformers": types.SimpleNamespace(CrossEncoder=CrossEncoder),
        "torch": types.SimpleNamespace(),
        "torch.nn": types.SimpleNamespace(Identity=lambda: "as they are"),
        "transformers": types.SimpleNamespace(),
        "transformers.utils": types.SimpleNamespace(logging=logging),
    }.items():
        monkeypatch.setitem(sys.modules, name, module)
    found = REAL_LOADER(Path("models"))([("a", "b"), ("c", "d")])

    assert [vector.tolist() for vector in found] == vectors
    assert made == {
        "path": "models",
        "local_files_only": True,
        "pairs": [("a", "b"), ("c", "d")],
        "batch_size": 64,
        "show_progress_bar": False,
        "activation_fn": "as they are",
    }
