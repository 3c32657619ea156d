"""The judge ``semantic`` with a model that knows words only, and where models are looked for."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_promptevals.errors import DatasetError, JudgeError
from pytest_promptevals.judges import local_models, semantic
from pytest_promptevals.judges.build import JudgeParameterError, build_judge
from pytest_promptevals.judges.encoding import Compute
from tests.support import fake_models
from tests.unit.engine.plans import plan
from tests.unit.judges.grading import JUDGES, check_case, explain, grade, make_subject, run_judge

REFERENCE = "Your order is on its way."


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_models.install(monkeypatch, tmp_path)


@pytest.fixture
def vectors(monkeypatch: pytest.MonkeyPatch, fakes: None) -> Callable[..., None]:
    """Return what sets the vectors that the model makes of texts."""

    def set_vectors(**known: list[float]) -> None:
        def compute(batch: Any) -> list[Any]:
            return [np.array(known[text], dtype=np.float32) for (text,) in batch]

        monkeypatch.setattr(semantic, "load_sentences", lambda _: compute)

    return set_vectors


@pytest.fixture
def no_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the part of transformers that shows progress bars."""
    logging = types.SimpleNamespace(is_progress_bar_enabled=lambda: False, disable_progress_bar=lambda: None)
    monkeypatch.setitem(sys.modules, "transformers", types.SimpleNamespace())
    monkeypatch.setitem(sys.modules, "transformers.utils", types.SimpleNamespace(logging=logging))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for Hugging Face's package; return the names of models that it has downloaded."""
    names: list[str] = []

    class LocalEntryNotFoundError(Exception): ...

    class HFValidationError(ValueError): ...

    def snapshot_download(name: str, *, local_files_only: bool) -> str:
        assert local_files_only
        if "--" in name:
            raise HFValidationError(name)
        if name not in names:
            raise LocalEntryNotFoundError(name)
        return f"/downloads/{name}"

    hub = types.SimpleNamespace(snapshot_download=snapshot_download)
    errors = types.SimpleNamespace(LocalEntryNotFoundError=LocalEntryNotFoundError, HFValidationError=HFValidationError)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)
    local_models.find_model.cache_clear()
    return names


def test_a_text_with_the_same_words_gets_1(fakes: None) -> None:
    assert grade("semantic", output="On its way is your order!", expected=REFERENCE).value == 1


def test_a_text_with_no_common_word_gets_0(fakes: None) -> None:
    assert grade("semantic", output="No idea", expected=REFERENCE).value == 0


def test_the_nearest_of_a_list_counts_and_is_named(fakes: None) -> None:
    assert explain("semantic", ["No idea", REFERENCE], output="Your parcel is on its way.") == (
        'similarity 0.8333 in meaning of the output "Your parcel is on its way." to "Your order is on its way."'
    )


def test_the_value_goes_before_expected(fakes: None) -> None:
    assert grade("semantic", "No idea", output="No idea", expected=REFERENCE).value == 1


def test_an_equal_output_needs_no_model() -> None:
    assert grade("semantic", [REFERENCE, "Other"], output=REFERENCE).value == 1


@pytest.mark.parametrize("output", ["", " \n"])
def test_an_empty_output_gets_0_without_a_model(output: str) -> None:
    assert grade("semantic", REFERENCE, output=output).value == 0


@pytest.mark.parametrize(
    ("metric", "first", "second", "value"),
    [
        ("cosine", [1, 0], [1, 1], 0.7071),
        ("cosine", [2, 0], [1, 0], 1),
        ("cosine", [1, 0], [-1, 0], 0),
        ("dot", [1, 0], [0.6, 0.8], 0.6),
        ("dot", [2, 0], [1, 0], 0.5),
        ("dot", [1, 0], [-1, 0], 0),
        ("euclidean", [1, 0], [1, 0], 1),
        ("euclidean", [1, 0], [0, 1], 0.2929),
        ("euclidean", [1, 0], [-1, 0], 0),
        ("euclidean", [3, 0], [1, 0], 0.5),
    ],
)
def test_each_metric_makes_a_score_from_0_to_1(
    vectors: Callable[..., None], metric: str, first: list[float], second: list[float], value: float
) -> None:
    vectors(first=first, second=second)

    assert grade("semantic", "second", output="first", metric=metric).value == value


def test_a_vector_without_a_length_is_an_error_and_no_low_score(vectors: Callable[..., None]) -> None:
    vectors(first=[0, 0], second=[1, 0])

    with pytest.raises(JudgeError, match="without a length"):
        grade("semantic", "second", output="first")


def test_half_a_surrogate_pair_reaches_no_model(vectors: Callable[..., None]) -> None:
    vectors(**{"a ?": [1.0], "b": [1.0]})

    assert grade("semantic", "b", output="a \ud83d").value == 1


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(
        JudgeParameterError, match="metric: must be one of 'cosine', 'dot' or 'euclidean', not \"angle\""
    ):
        build_judge(JUDGES["semantic"], None, {"metric": "angle"})


def test_a_case_with_nothing_to_compare_with_is_refused() -> None:
    with pytest.raises(JudgeError, match="judge 'semantic' has nothing to compare with"):
        check_case("semantic")


def test_what_is_wrong_for_several_of_them_alike_is_said_once(fakes: None, tmp_path: Path) -> None:
    judges = "[semantic, semantic: {metric: dot}, semantic: {name: third}]"

    with pytest.raises(DatasetError) as caught:
        plan(tmp_path, f"judges: {judges}\ncases: [{{id: a, input: x, output: x}}]\n")

    assert str(caught.value) == (
        "a.eval.yaml:2: judge 'semantic' has nothing to compare with; give a value or add `expected` to the case"
    )


def test_preparing_loads_the_model_that_judging_uses(monkeypatch: pytest.MonkeyPatch, fakes: None) -> None:
    loaded = []

    def load(folder: Path) -> Compute:
        loaded.append(folder.name)
        return fake_models.compute_vectors

    monkeypatch.setattr(semantic, "load_sentences", load)
    judge: Any = build_judge(JUDGES["semantic"], REFERENCE, {})
    judge.prepare(())
    assert loaded == ["plain"]
    run_judge(judge, make_subject("Your parcel"))
    run_judge(build_judge(JUDGES["semantic"], "Other", {}), make_subject("Your parcel"))
    assert loaded == ["plain"]


def test_a_model_that_cannot_be_loaded_is_an_error_that_names_it(
    monkeypatch: pytest.MonkeyPatch, fakes: None, tmp_path: Path
) -> None:
    def load(folder: Path) -> Compute:
        raise OSError("no weights")

    monkeypatch.setattr(semantic, "load_sentences", load)
    with pytest.raises(JudgeError) as caught:
        grade("semantic", "a", output="b")
    assert str(caught.value) == (
        f"the model in {tmp_path / 'plain'} cannot be loaded: OSError: no weights; "
        "check that it is a model for this judge, and download it anew"
    )


def test_many_cases_share_one_batch(monkeypatch: pytest.MonkeyPatch, fakes: None) -> None:
    batches: list[int] = []

    def compute(batch: Any) -> list[Any]:
        batches.append(len(batch))
        time.sleep(0.01)
        return fake_models.compute_vectors(batch)

    monkeypatch.setattr(semantic, "load_sentences", lambda _: compute)
    judge = build_judge(JUDGES["semantic"], None, {})

    async def judge_all() -> None:
        subjects = [make_subject(f"output {number}", f"expected {number}") for number in range(100)]
        await asyncio.gather(*(judge.judge(subject, None) for subject in subjects))  # type: ignore[arg-type]  # asks nobody

    asyncio.run(judge_all())
    assert sum(batches) == 200
    assert len(batches) < 10


def test_a_missing_extra_is_one_sentence_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    judge: Any = build_judge(JUDGES["semantic"], None, {})
    for call in (judge.check_files, judge.prepare):
        with pytest.raises(JudgeError) as caught:
            call(())
        assert str(caught.value) == (
            "judge 'semantic' needs the package sentence-transformers; "
            'install it with: pip install "pytest-promptevals[semantic]"'
        )


def test_a_model_is_looked_for_in_the_folders_one_after_the_other(tmp_path: Path, installed: list[str]) -> None:
    near, far = tmp_path / "evals", tmp_path
    only_far = fake_models.make_model(far / "models" / "one")
    assert local_models.find_model("semantic", "models/one", (near, far)) == only_far

    local_models.find_model.cache_clear()
    in_both = fake_models.make_model(near / "models" / "one")
    assert local_models.find_model("semantic", "models/one", (near, far)) == in_both


def test_a_folder_may_be_named_by_its_whole_path(tmp_path: Path, installed: list[str]) -> None:
    model = fake_models.make_model(tmp_path / "elsewhere")

    assert local_models.find_model("semantic", str(model), (tmp_path / "evals",)) == model
    assert local_models.find_model("semantic", str(model), ()) == model


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: list[str]) -> None:
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    model = fake_models.make_model(tmp_path / "models" / "one")

    assert local_models.find_model("semantic", "~/models/one", (tmp_path / "evals",)) == model
    with pytest.raises(JudgeError) as caught:
        local_models.find_model("semantic", "~/x", (tmp_path / "evals",))
    assert str(caught.value) == (
        f"judge 'semantic' has no model '~/x': there is no folder {tmp_path / 'x'}; name the folder that a model was "
        "saved to"
    )


def test_a_folder_goes_before_a_download_of_that_name(tmp_path: Path, installed: list[str]) -> None:
    installed.append("acme/model")
    model = fake_models.make_model(tmp_path / "acme" / "model")

    assert local_models.find_model("semantic", "acme/model", (tmp_path,)) == model


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_a_downloaded_model_is_found_by_its_short_and_its_long_name(installed: list[str], name: str) -> None:
    installed.append("sentence-transformers/all-MiniLM-L6-v2")

    found = local_models.find_model("semantic", name, ())
    assert found == Path("/downloads/sentence-transformers/all-MiniLM-L6-v2")


def test_a_missing_model_is_one_sentence_with_the_command(tmp_path: Path, installed: list[str]) -> None:
    with pytest.raises(JudgeError) as caught:
        local_models.find_model("semantic", "all-MiniLM-L6-v2", (tmp_path,))
    assert str(caught.value) == (
        f"judge 'semantic' has no model 'all-MiniLM-L6-v2': there is no folder {tmp_path / 'all-MiniLM-L6-v2'}, and no "
        "download of sentence-transformers/all-MiniLM-L6-v2; "
        "get it with: hf download sentence-transformers/all-MiniLM-L6-v2"
    )


@pytest.mark.parametrize(
    "model", ["../models/one", "./one", "a/b/c", "/models/one", "a b", "~nobody-of-that-name/x", "x\\y"]
)
def test_what_can_only_be_a_folder_is_not_said_to_be_missing_as_a_download(
    tmp_path: Path, installed: list[str], model: str
) -> None:
    with pytest.raises(JudgeError) as caught:
        local_models.find_model("semantic", model, (tmp_path,))
    assert str(caught.value) == (
        f"judge 'semantic' has no model {model!r}: there is no folder {tmp_path / model}; name the folder that a model "
        "was saved to"
    )


def test_a_name_that_hugging_face_does_not_take_is_a_missing_model(installed: list[str]) -> None:
    with pytest.raises(
        JudgeError, match="there is no folder a--b, and no download of sentence-transformers/a--b; get it"
    ):
        local_models.find_model("semantic", "a--b", ())


def test_a_folder_without_a_model_is_an_error_that_says_what_is_missing(tmp_path: Path, installed: list[str]) -> None:
    (tmp_path / "models").mkdir()
    with pytest.raises(JudgeError) as caught:
        local_models.find_model("semantic", "models", (tmp_path,))
    assert str(caught.value) == (
        f"judge 'semantic': the folder {tmp_path / 'models'} of model 'models' holds no model: it has neither of the "
        "files modules.json and config.json; name the folder that a model was saved to"
    )


def test_the_model_is_looked_for_at_collection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: list[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "sentence_transformers")
    fake_models.make_model(tmp_path / "models")
    found: Any = build_judge(JUDGES["semantic"], None, {"model": "models"})
    found.check_files([tmp_path])
    missing: Any = build_judge(JUDGES["semantic"], None, {"model": "other"})
    with pytest.raises(JudgeError, match="judge 'semantic' has no model 'other'"):
        missing.check_files([tmp_path])


@pytest.mark.parametrize(
    ("model", "hint"), [("local/nomic", True), ("nomic", False), ("sentence-transformers/x", False)]
)
def test_what_may_be_a_model_of_an_api_is_said_to_be_one_for_the_other_judge(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: list[str], model: str, *, hint: bool
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "sentence_transformers")
    judge: Any = build_judge(JUDGES["semantic"], None, {"model": model})

    with pytest.raises(JudgeError) as caught:
        judge.check_files([tmp_path])

    advice = f"; or, if it is a model of an API, write `embedding: {{model: {model}}}` instead"
    assert str(caught.value).endswith(advice) is hint
    assert "get it with: hf download " in str(caught.value)


def test_a_model_of_an_api_is_named_as_such_even_without_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: list[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    judge: Any = build_judge(JUDGES["semantic"], None, {"model": "openai/text-embedding-3-small"})

    with pytest.raises(JudgeError) as caught:
        judge.check_files([tmp_path])

    assert str(caught.value) == (
        "'openai/text-embedding-3-small' is a model of an API, and this judge takes local ones; write "
        "`embedding: {model: openai/text-embedding-3-small}` instead"
    )


def test_a_folder_may_be_called_like_a_model_of_an_api(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: list[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "sentence_transformers")
    fake_models.make_model(tmp_path / "text-embedding-own")

    build_judge(JUDGES["semantic"], None, {"model": "text-embedding-own"}).check_files([tmp_path])  # type: ignore[attr-defined]  # it has it


def test_the_end_of_the_interpreter_waits_for_a_model_that_is_being_made(no_bars: None) -> None:
    thread = local_models.make_model(threading.current_thread)

    assert not thread.daemon
    assert thread is not threading.current_thread()


def test_what_making_a_model_raises_is_raised(no_bars: None) -> None:
    def fail() -> None:
        raise OSError("no weights")

    with pytest.raises(OSError, match="^no weights$"):
        local_models.make_model(fail)


@pytest.mark.parametrize("were_shown", [True, False])
def test_a_model_loads_without_progress_bars_and_leaves_them_as_they_were(
    monkeypatch: pytest.MonkeyPatch, were_shown: bool
) -> None:
    shown = [were_shown]
    logging = types.SimpleNamespace(
        is_progress_bar_enabled=lambda: shown[-1],
        enable_progress_bar=lambda: shown.append(True),
        disable_progress_bar=lambda: shown.append(False),
    )
    monkeypatch.setitem(sys.modules, "transformers", types.SimpleNamespace())
    monkeypatch.setitem(sys.modules, "transformers.utils", types.SimpleNamespace(logging=logging))

    with local_models.no_progress_bars():
        assert shown[-1] is False
    assert shown[-1] is were_shown


def test_the_loader_hands_texts_to_sentence_transformers_and_never_asks_the_network(
    monkeypatch: pytest.MonkeyPatch, no_bars: None
) -> None:
    made: dict[str, Any] = {}

    class SentenceTransformer:
        def __init__(self, path: str, **options: Any) -> None:
            made.update(options, path=path)

        def encode(self, texts: list[str], **options: Any) -> Any:
            made.update(options)
            return np.array([[float(len(text))] for text in texts], dtype=np.float32)

    package = types.SimpleNamespace(SentenceTransformer=SentenceTransformer)
    monkeypatch.setitem(sys.modules, "sentence_transformers", package)

    vectors = semantic.load_sentences(Path("models"))([("a",), ("bb",)])

    assert [vector.tolist() for vector in vectors] == [[1], [2]]
    assert all(vector.base is None for vector in vectors)
    assert made == {"path": "models", "local_files_only": True, "batch_size": 64, "show_progress_bar": False}
