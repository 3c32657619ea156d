from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_promptevals.errors import HistoryError
from pytest_promptevals.history import postgres_database
from pytest_promptevals.history.good_cases import WantedItems
from pytest_promptevals.history.last_good import read_last_good
from pytest_promptevals.history.opening import open_history
from pytest_promptevals.history.peek import read_finished
from pytest_promptevals.history.place import PostgresPlace, locate_history
from pytest_promptevals.history.postgres_connection import to_postgres
from pytest_promptevals.history.run_log import RunLog
from tests.support.sample_results import make_run

SCHEME = "postgresql+psycopg://"
ESCAPE = (
    "'/', '?', '#', '@' and spaces in user and password have to be escaped, '@' as '%40'; or leave the password out, "
    "it may stand in PGPASSWORD or in ~/.pgpass"
)


def place(rest: str) -> PostgresPlace:
    found = locate_history(Path("/project"), SCHEME + rest)
    assert isinstance(found, PostgresPlace)
    return found


def test_a_setting_names_a_file_or_a_database() -> None:
    assert locate_history(Path("/project"), "kept/history.db") == Path("/project/kept/history.db")
    assert place("ada@db/evals").conninfo == "postgresql://ada@db/evals"


@pytest.mark.parametrize(
    ("rest", "shown", "beside"),
    [
        ("ada:pw@db.example.com:5433/evals", "ada@db.example.com:5433/evals", "history-db.example.com-5433-evals"),
        ("db/evals?password=pw&sslmode=require", "db/evals", "history-db-evals"),
        ("/evals?host=/run/pw", "/evals", "history-evals"),
        ("ada:p/w?x@db/evals", "ada@db/evals", "history-db-evals"),
        ("ada/pw:pw@db/evals", "ada@db/evals", "history-db-evals"),
        ("[::1]:5432/evals", "[::1]:5432/evals", "history-1-5432-evals"),
        ("?host=pw", "", "history-postgresql"),
    ],
)
def test_a_database_is_shown_without_its_password(rest: str, shown: str, beside: str) -> None:
    assert str(place(rest)) == SCHEME + shown
    assert place(rest).beside == Path("/project/.promptevals") / beside
    assert "pw" not in repr(place(rest))


@pytest.mark.parametrize(
    ("rest", "secrets"),
    [
        ("ada:p%40w@db", ("p%40w", "p@w")),
        ("db?sslpassword=one&password=t%77o", ("one", "one", "t%77o", "two")),
        ("ada@db", ()),
    ],
)
def test_passwords_are_known_in_all_their_forms(rest: str, secrets: tuple[str, ...]) -> None:
    assert place(rest).secrets == secrets


def test_an_error_of_the_server_does_not_show_the_password() -> None:
    error = postgres_database.explain_postgres(ValueError("no p@w,\tno p%40w\nand more"), place("ada:p%40w@db/x"))

    assert str(error) == (
        f"history database {SCHEME}ada@db/x: no ***, no ***, or keep no history with 'evals_history = off'"
    )
    assert error.may_pass


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("55P03", "another process keeps it locked; wait until that one is done"),
        ("40P01", "another process keeps it locked; wait until that one is done"),
        ("53100", "the server's disk is full; free some space"),
        ("42501", "permission denied"),
        (None, "permission denied"),
    ],
)
def test_states_of_the_server_are_put_into_plain_words(state: str | None, reason: str) -> None:
    error = OSError("permission denied")
    error.sqlstate = state  # type: ignore[attr-defined]  # as the driver's errors have it

    told = postgres_database.explain_postgres(error, place("db/x"))

    assert str(told) == f"history database {SCHEME}db/x: {reason}, or keep no history with 'evals_history = off'"


def test_an_error_without_words_is_told_by_its_kind() -> None:
    assert ": TimeoutError, or keep" in str(postgres_database.explain_postgres(TimeoutError(), place("db/x")))


def test_question_marks_stand_for_values() -> None:
    assert to_postgres("a LIKE '%:%' AND b = ?") == "a LIKE '%%:%%' AND b = %s"


@pytest.mark.parametrize("rest", ["ada:p/w@db/evals", "ada:p@w@db/evals", "ada:p?w@db/evals", "ada:p w@db/evals"])
def test_a_password_that_is_not_escaped_is_an_error(rest: str) -> None:
    pytest.importorskip("psycopg")

    with pytest.raises(HistoryError) as caught:
        open_history(Path("/project"), SCHEME + rest)

    assert str(caught.value) == f"history database {SCHEME}ada@db/evals: {ESCAPE}"


def test_an_unknown_parameter_is_an_error_after_which_nothing_is_kept_beside(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    log = RunLog(PostgresPlace(f"{SCHEME}db/evals?sslmoed=require", tmp_path))

    log.begin(make_run())
    log.close()

    assert log.notices == [
        f"history database {SCHEME}db/evals: invalid URI query parameter: \"sslmoed\"; correct 'evals_history'"
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_driver_is_one_sentence_with_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    where = locate_history(tmp_path, SCHEME + "ada:pw@db/evals")
    log = RunLog(where)

    log.begin(make_run())
    log.close()

    (notice,) = log.notices
    assert notice == (
        f"history database {SCHEME}ada@db/evals needs the package psycopg; install it with: "
        'pip install "pytest-promptevals[postgres]"'
    )
    assert read_finished(where, "any") == {}
    with pytest.raises(HistoryError, match="needs the package psycopg"):
        read_last_good(where, WantedItems("a", ["b"]))
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_not_there_is_an_error_that_may_pass(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    where = locate_history(tmp_path, SCHEME + "ada:pw@127.0.0.1:1/evals")

    with pytest.raises(HistoryError) as caught:
        read_last_good(where, WantedItems("a", ["b"]))

    assert str(caught.value) == (
        f"history database {SCHEME}ada@127.0.0.1:1/evals: connection to server at "
        "\"127.0.0.1\", port 1 failed: Connection refused; start the server or correct 'evals_history', or keep no "
        "history with 'evals_history = off'"
    )
    assert caught.value.may_pass


def test_no_history_to_open_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HistoryError) as caught:
        open_history(tmp_path, "off")

    assert str(caught.value) == "no history is kept: 'evals_history' is off; name a file or a database there"
