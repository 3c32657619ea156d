"""Reports of a session, written at its end from what the history has of it. They never change a verdict."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_promptevals.errors import PromptEvalsError, UsageError
from pytest_promptevals.files.paths import shown_path
from pytest_promptevals.files.text import write_text_atomically
from pytest_promptevals.history.place import OFF, Place, locate_history
from pytest_promptevals.pytest_glue.ci_services import ServiceSurface, find_service
from pytest_promptevals.pytest_glue.options import settings_of
from pytest_promptevals.records.runs import Run
from pytest_promptevals.reports.words import visible_text
from pytest_promptevals.settings import Settings

if TYPE_CHECKING:
    from pytest_promptevals.records.run_reports import RunReport
    from pytest_promptevals.reports.run_report import FindBefore


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A report that a setting asks for."""

    form: str
    file: str
    is_given: bool
    """Whether an option or the environment asks for it, not the ini file."""


def check_formats(config: pytest.Config) -> None:
    """Raise ``pytest.UsageError`` if a report is asked for in a format that there is not: nothing is paid by then."""
    from pytest_promptevals.reports.registry import find_reports  # noqa: PLC0415 - only where one is asked for

    settings = settings_of(config)
    try:
        for wanted in _find_wanted(settings):
            find_reports(config.hook).load(wanted.form)
    except UsageError as error:
        raise pytest.UsageError(f"{settings.source_of('report')}: {visible_text(str(error))}") from error


class SessionReports:
    """Writes the reports that the settings ask for.

    Args:
        config: pytest's.
        settings: those of the session.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._wanted = tuple(_find_wanted(settings))
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        service = find_service(settings, os.environ)
        self._surface = ServiceSurface(service, config.rootpath) if service else None
        if self._surface is not None:
            config.pluginmanager.register(self._surface, "promptevals-service")

    @property
    def place(self) -> Place | None:
        """Where the session is to be recorded: reports need that, also where no history is kept."""
        if self._settings.history != OFF:
            return locate_history(self._config.rootpath, self._settings.history)
        if not self._is_needed:
            return None
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="promptevals-")
        return Path(self._folder.name, "history.db")

    def write(self, run: Run, before: FindBefore) -> list[str]:
        """Write the reports of a run that is recorded to its end, and return a line on each.

        ``before`` gives the baselines that eval files were compared with.
        """
        place = self.place
        if not self._is_needed or place is None:
            return []
        try:
            report = self._read(place, run, before)
            notices = [] if self._surface is None else self._surface.show(report)
        except PromptEvalsError as error:
            return [f"no report is written: {error}"]
        except Exception as error:  # noqa: BLE001 - such as what somebody else wrote into the history
            return [f"no report is written: {type(error).__name__}: {error}"]
        finally:
            if self._folder is not None:
                self._folder.cleanup()
        return [*(self._write_file(wanted, report) for wanted in self._wanted), *notices]

    def unwritten(self) -> list[str]:
        """Return a line on each report that is not written, as no case ran.

        What only the ini file asks for is worth a line where a file is there that may be taken for this session's.
        """
        if self._config.option.collectonly or self._settings.plan or self._settings.selftest:
            return []
        return [text for wanted in self._wanted if (text := self._why_unwritten(wanted))]

    def _why_unwritten(self, wanted: _Wanted) -> str:
        path = self._path_of(wanted)
        is_there = path.exists()
        if not is_there and not wanted.is_given:
            return ""
        earlier = "; the file of that name is of an earlier run" if is_there else ""
        return f"no case ran, so the report {self._shown(path)} is not written{earlier}"

    def _path_of(self, wanted: _Wanted) -> Path:
        # As pytest's own reports, from the folder that the user is in; what the ini file says, from the file's.
        base = self._config.invocation_params.dir if wanted.is_given else self._config.rootpath
        return base / Path(wanted.file).expanduser()

    def _shown(self, path: Path) -> str:
        return shown_path(path, self._config.invocation_params.dir)

    @property
    def _is_needed(self) -> bool:
        return bool(self._wanted) or self._surface is not None

    def _read(self, place: Place, run: Run, before: FindBefore) -> RunReport:
        from pytest_promptevals.history.store import HistoryStore  # noqa: PLC0415 - loads SQLAlchemy, 0.25 s
        from pytest_promptevals.reports.run_report import read_report  # noqa: PLC0415 - likewise

        with HistoryStore.open(place) as store:
            return read_report(store, self._config.rootpath, run.id, before)

    def _write_file(self, wanted: _Wanted, report: RunReport) -> str:
        from pytest_promptevals.reports.registry import find_reports  # noqa: PLC0415 - only where one is asked for

        path = self._path_of(wanted)
        try:
            text = find_reports(self._config.hook).load(wanted.form).render(report)
            write_text_atomically(path, text)
        except PromptEvalsError as error:
            return f"the report {self._shown(path)} is not written: {error}"
        except OSError as error:
            return f"the report {self._shown(path)} cannot be written: {error.strerror}"
        except Exception as error:  # noqa: BLE001 - a report of the user's may raise anything
            return f"the report {self._shown(path)} is not written: {type(error).__name__}: {error}"
        return f"report written to {self._shown(path)}"


def _find_wanted(settings: Settings) -> Iterator[_Wanted]:
    if settings.html:
        yield _Wanted("html", settings.html, "html" in settings.given)
    for pair in settings.report:
        form, _, file = pair.partition("=")
        yield _Wanted(form, file, "report" in settings.given)
