"""What a history in PostgreSQL does beside the contract."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history import run_log as run_log_module
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.history.peek import read_unfinished_run
from pytest_promptevals.history.place import PostgresPlace
from pytest_promptevals.history.resuming import continue_run
from pytest_promptevals.history.run_log import RunLog
from pytest_promptevals.history.store import HistoryStore
from pytest_promptevals.records.runs import RunStatus
from pytest_promptevals.system.processes import host_name
from tests.support.history_subjects import HistorySubject, make_subject
from tests.support.postgres_server import PASSWORD, PostgresServer
from tests.support.sample_results import make_full_comparison, make_result, make_run

RUN = make_run()
FINISHED = make_run(status=RunStatus.FINISHED, finished_at="2026-11-21T17:27:00+00:00")
NEW = make_run("new", started_at="2026-11-21T18:00:00+00:00", host=host_name(), pid=os.getpid())
WAY_OUT = "or keep no history with 'evals_history = off'"


@pytest.fixture
def database(tmp_path: Path, postgres_server: PostgresServer) -> HistorySubject:
    """An empty history in PostgreSQL."""
    return make_subject(tmp_path, postgres_server)


@pytest.fixture
def store(database: HistorySubject) -> Iterator[HistoryStore]:
    with database.open() as store:
        yield store


def without_password(database: HistorySubject) -> str:
    server = database.server
    assert server is not None
    return server.url(database.setting.rpartition("/")[2], password=None)


def names_in(database: HistorySubject) -> list[str]:
    with database.open() as store:
        return [result.name for result in store.results(RUN.id)]


def test_a_run_of_another_machine_whose_process_is_gone_is_interrupted_and_goes_on(
    store: HistoryStore, database: HistorySubject
) -> None:
    store.add_run(RUN, [], [])  # it is running, and nobody holds it

    assert read_unfinished_run(database.place, NEW, same_arguments=True) == RUN
    store.start_run(dataclasses.replace(NEW))

    assert [run.status for run in store.runs()] == [RunStatus.RUNNING, RunStatus.INTERRUPTED]


def test_a_run_that_was_taken_over_is_nobody_elses_before_it_is_recorded(
    store: HistoryStore, database: HistorySubject
) -> None:
    store.add_run(make_run(status=RunStatus.INTERRUPTED), [], [])
    other = dataclasses.replace(NEW, id="other", host="a third machine")

    run = continue_run(database.place, NEW, same_arguments=True)

    assert run is not None
    assert read_unfinished_run(database.place, other, same_arguments=False) is None
    assert continue_run(database.place, other, same_arguments=False) is None
    log = RunLog(database.place)
    log.begin(run)
    assert continue_run(database.place, other, same_arguments=False) is None
    log.close()
    assert log.notices == []
    assert read_unfinished_run(database.place, other, same_arguments=False) == run


def test_equal_names_and_numbers_of_processes_on_two_machines_do_no_harm(
    store: HistoryStore, database: HistorySubject
) -> None:
    """As in containers: each job is process 7 of the machine ``runner``."""
    log = RunLog(database.place)
    log.begin(NEW)

    store.start_run(dataclasses.replace(NEW, id="other"))

    assert {run.status for run in store.runs()} == {RunStatus.RUNNING}
    log.close()


def test_results_are_kept_beside_while_the_server_is_away(
    database: HistorySubject, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres_server.stop()
    try:
        log = RunLog(database.place)
        log.begin(RUN)
        log.add([make_result("a")])
        log.finish(FINISHED, [make_full_comparison()])
        log.close()
    finally:
        postgres_server.start()

    (notice,) = log.notices
    (kept,) = (database.rootdir / ".promptevals").glob("*.jsonl")
    assert notice.startswith(f"history database {database.place}: connection to server at ")
    assert "Connection refused" in notice
    kept_in = (
        f"{WAY_OUT}; what is missing there of this run is kept in .promptevals/{kept.name}, and the next run adds it"
    )
    assert notice.endswith(kept_in)
    assert PASSWORD not in notice
    second = RunLog(database.place)
    second.begin(make_run("second"))
    second.close()
    assert second.notices == []
    assert not kept.exists()
    assert names_in(database) == ["a"]
    with database.open() as store:
        assert store.run(RUN.id) == FINISHED
        assert store.comparisons(RUN.id) == (make_full_comparison(),)


def test_a_server_that_starts_anew_in_the_midst_of_a_run_costs_nothing(
    database: HistorySubject, postgres_server: PostgresServer
) -> None:
    log = RunLog(database.place)
    log.begin(RUN)
    log.add([make_result("a")])
    postgres_server.stop()
    postgres_server.start()

    log.add([make_result("b")])
    log.add([make_result("c")])
    log.finish(FINISHED, [])
    log.close()

    assert log.notices == []
    assert names_in(database) == ["a", "b", "c"]
    with database.open() as store:
        assert store.run(RUN.id) == FINISHED
    assert not list(database.rootdir.rglob("*.jsonl*"))


def test_results_of_one_database_do_not_get_into_another(
    database: HistorySubject, postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log_module, "LAST_PATIENCE", 0.01)
    postgres_server.stop()
    try:
        log = RunLog(database.place)
        log.begin(RUN)
        log.close()
    finally:
        postgres_server.start()
    other = make_subject(tmp_path, postgres_server)

    second = RunLog(other.place)
    second.begin(NEW)
    second.close()

    with other.open() as store:
        assert [run.id for run in store.runs()] == ["new"]
    assert list(tmp_path.rglob("*.jsonl"))


def test_a_password_may_come_from_the_environment_or_a_file(
    database: HistorySubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = without_password(database)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    open_history(tmp_path, setting).close()

    monkeypatch.delenv("PGPASSWORD")
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:*:*:evals:{PASSWORD}\n", encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    open_history(tmp_path, setting).close()


def test_a_wrong_password_is_an_error_that_does_not_show_it(database: HistorySubject, tmp_path: Path) -> None:
    setting = database.setting.replace("evals:", "evals:not-", 1)

    with pytest.raises(HistoryError) as caught:
        open_history(tmp_path, setting)

    message = str(caught.value)
    assert message.startswith(f"history database {without_password(database)}: connection to server at ")
    assert message.endswith(f'FATAL: password authentication failed for user "evals", {WAY_OUT}')
    assert "not-" not in message


def test_a_database_that_is_not_there_is_an_error(postgres_server: PostgresServer, tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match='FATAL: database "none" does not exist, or keep no history'):
        open_history(tmp_path, postgres_server.url("none"))


def test_a_database_of_something_else_is_left_alone(postgres_server: PostgresServer, tmp_path: Path) -> None:
    database = make_subject(tmp_path, postgres_server, is_new=True)
    database.execute("CREATE TABLE runs (distance INTEGER)")

    with pytest.raises(HistoryError) as caught:
        database.open()

    assert str(caught.value) == (
        f"history database {database.place}: it holds tables of something else (runs); choose another database with "
        "'evals_history', or another schema of it, as in '…/database?options=-csearch_path%3Devals', "
        f"{WAY_OUT}"
    )
    assert database.execute("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'") == [(1,)]
    database.execute("CREATE SCHEMA evals")
    with open_history(tmp_path, f"{database.setting}?options=-csearch_path%3Devals") as store:
        store.start_run(RUN)
    assert database.execute("SELECT id FROM evals.runs") == [(RUN.id,)]


def test_tables_of_others_beside_it_do_no_harm(postgres_server: PostgresServer, tmp_path: Path) -> None:
    database = make_subject(tmp_path, postgres_server, is_new=True)
    database.execute("CREATE TABLE users (id INTEGER)")

    with database.open() as store:
        store.start_run(RUN)
        assert store.runs() == (RUN,)


def test_who_may_not_write_is_told(database: HistorySubject, postgres_server: PostgresServer) -> None:
    with (
        pytest.raises(HistoryError) as caught,
        open_history(database.rootdir, f"{database.setting}?options=-cdefault_transaction_read_only%3Don") as store,
    ):
        store.start_run(RUN)

    assert str(caught.value) == (
        f"history database {database.place}: it cannot be written: the server only reads; name the primary server, "
        f"{WAY_OUT}"
    )


def test_what_the_url_says_of_the_connection_counts(database: HistorySubject) -> None:
    place = database.place
    assert isinstance(place, PostgresPlace)
    with open_history(database.rootdir, f"{database.setting}?application_name=nightly"):
        names = database.execute("SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")

    assert ("nightly",) in names
