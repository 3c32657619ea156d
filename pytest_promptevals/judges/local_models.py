"""Local models: where they are, and what is said where one is missing. Nothing here reaches the network."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Final, TypeVar

from pytest_promptevals.errors import JudgeError
from pytest_promptevals.judges.encoding import Compute, Encoder

Model = TypeVar("Model")

PACKAGE: Final = "sentence_transformers"
_ORGANISATION: Final = "sentence-transformers/"
"""Whose models are written without an organisation."""
_REPOSITORY: Final = re.compile(r"(?:[a-z0-9][\w.-]*/)?[a-z0-9][\w.-]*", re.ASCII | re.IGNORECASE)
"""How Hugging Face names models."""
_MARKERS: Final = ("modules.json", "config.json")
"""Files of which each model's folder has one."""

_ENCODERS: Final[dict[tuple[str, Path], Encoder]] = {}
_LOCK: Final = threading.Lock()


def check_package(judge: str) -> None:
    """Raise ``JudgeError`` with the command if the extra is not installed. Imports nothing."""
    if importlib.util.find_spec(PACKAGE) is None:
        raise JudgeError(
            f"judge {judge!r} needs the package sentence-transformers; "
            'install it with: pip install "pytest-promptevals[semantic]"'
        )


@functools.lru_cache(maxsize=256)
def find_model(judge: str, model: str, search_path: tuple[Path, ...]) -> Path:
    """Return the folder of a model: one of that name in the search path, or else a download of Hugging Face.

    Raises ``JudgeError`` with the command that downloads it if there is none.
    """
    # A whole path is that path, whatever folder it is joined to.
    wanted = os.path.expanduser(model)  # noqa: PTH111 - Path's own raises for a user that there is not
    folders = [folder / wanted for folder in search_path] or [Path(wanted)]
    found = next((folder for folder in folders if folder.is_dir()), None)
    if found is not None:
        return _check_folder(judge, model, found)
    if not _can_be_download(model):
        raise JudgeError(
            f"judge {judge!r} has no model {model!r}: there is no folder {folders[0]}; name the folder that a "
            "model was saved to"
        )
    name = model if "/" in model else _ORGANISATION + model
    downloaded = _find_download(name)
    if downloaded is None:
        raise JudgeError(
            f"judge {judge!r} has no model {model!r}: there is no folder {folders[0]}, and no download of {name}; "
            f"get it with: hf download {name}"
        )
    return downloaded


def _can_be_download(model: str) -> bool:
    """Return whether it reads as ``NAME`` or ``ORGANISATION/NAME``, and not as the path of a folder."""
    return _REPOSITORY.fullmatch(model) is not None


def shared_encoder(kind: str, folder: Path, load: Callable[[Path], Compute]) -> Encoder:
    """Return the encoder of a model, the same for all who ask: a process loads a model once.

    Args:
        kind: what the model is used as.
        folder: the model's folder.
        load: loads the model in that folder, see ``Encoder``.
    """
    with _LOCK:
        if (kind, folder) not in _ENCODERS:
            _ENCODERS[kind, folder] = Encoder(lambda: _load(folder, load))
        return _ENCODERS[kind, folder]


def make_model(make: Callable[[], Model]) -> Model:
    """Return the model that ``make`` makes, in a thread that the end of the interpreter waits for, and without bars.

    An interpreter that ends while a daemon is inside of torch is aborted. To import it takes much longer than to make a
    model, and can be left behind.
    """
    future: Future[Model] = Future()

    def work() -> None:
        try:
            with no_progress_bars():
                future.set_result(make())
        except BaseException as error:  # noqa: BLE001 - whatever it is goes to who waits
            future.set_exception(error)

    threading.Thread(target=work, name="promptevals-model", daemon=False).start()
    return future.result()


@contextlib.contextmanager
def no_progress_bars() -> Iterator[None]:
    """Keep the loading of a model from printing into whatever test runs meanwhile."""
    from transformers.utils import logging  # noqa: PLC0415 - only with the extra, and takes seconds

    were_shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if were_shown:
            logging.enable_progress_bar()


def clean_text(text: str) -> str:
    """Return the text without half surrogate pairs, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _check_folder(judge: str, model: str, folder: Path) -> Path:
    if any((folder / marker).is_file() for marker in _MARKERS):
        return folder
    raise JudgeError(
        f"judge {judge!r}: the folder {folder} of model {model!r} holds no model: it has neither of the files "
        f"{' and '.join(_MARKERS)}; name the folder that a model was saved to"
    )


def _find_download(name: str) -> Path | None:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - only with the extra, and takes 0.3 s
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415 - as above

    try:
        # It only looks: a run that downloads would take minutes, and another model tomorrow.
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None


def _load(folder: Path, load: Callable[[Path], Compute]) -> Compute:
    try:
        return load(folder)
    except Exception as error:
        raise JudgeError(
            f"the model in {folder} cannot be loaded: {type(error).__name__}: {error}; "
            "check that it is a model for this judge, and download it anew"
        ) from error
