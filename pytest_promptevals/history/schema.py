"""The tables of the history as a new SQLite file gets them, without loading a database library.

The same tables stand in ``tables`` for queries and are what the ``migrations`` lead to: a change here needs one there,
and a new ``REVISION``. Tests hold the three together.
"""

from __future__ import annotations

from typing import Final

REVISION: Final = "0007"
"""Number of the newest migration."""

VERSION_TABLE: Final = "promptevals_version"
"""Table that holds the number of the last migration: not Alembic's own name, which an application may use."""

OVER_TRIALS: Final = 0
"""``scores.trial`` of a judge's score over all trials."""

# Wide columns stand last: SQLite reads a row up to the column that is asked for.
CREATE: Final = (
    """
    CREATE TABLE runs (
        id TEXT NOT NULL PRIMARY KEY,
        started_at TEXT NOT NULL,
        finished_at TEXT,
        status TEXT NOT NULL,
        git_commit TEXT,
        git_branch TEXT,
        git_is_dirty BOOLEAN,
        versions TEXT NOT NULL,
        arguments TEXT NOT NULL,
        record_schema INTEGER NOT NULL,
        host TEXT NOT NULL DEFAULT '',
        pid INTEGER NOT NULL DEFAULT 0,
        shard TEXT,
        selected INTEGER NOT NULL DEFAULT 0,
        selection TEXT NOT NULL DEFAULT '',
        calls INTEGER NOT NULL DEFAULT 0,
        cached INTEGER NOT NULL DEFAULT 0,
        cost DOUBLE,
        spent DOUBLE,
        parent TEXT,
        kind TEXT NOT NULL DEFAULT 'run',
        name TEXT
    )
    """,
    """
    CREATE TABLE case_results (
        id INTEGER NOT NULL PRIMARY KEY,
        run_id TEXT NOT NULL,
        file TEXT NOT NULL,
        name TEXT NOT NULL,
        case_id TEXT NOT NULL,
        path TEXT NOT NULL,
        line INTEGER NOT NULL,
        model TEXT NOT NULL,
        prompt_name TEXT NOT NULL,
        case_fingerprint TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        score DOUBLE,
        passed BOOLEAN,
        error_kind TEXT,
        error_message TEXT,
        latency DOUBLE,
        cost DOUBLE,
        spent DOUBLE,
        responses INTEGER,
        input_tokens DOUBLE,
        output_tokens DOUBLE,
        judge_calls INTEGER,
        output_length DOUBLE,
        prompt_hash TEXT NOT NULL DEFAULT '',
        trial_scores TEXT,
        judge_values TEXT,
        fresh_trials INTEGER,
        fresh_passes INTEGER,
        reused_from TEXT,
        weight DOUBLE NOT NULL,
        case_group TEXT,
        tags TEXT NOT NULL,
        trials TEXT NOT NULL,
        prompt TEXT,
        expected TEXT,
        CONSTRAINT one_result_per_item UNIQUE (run_id, file, name),
        FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE scores (
        result_id INTEGER NOT NULL,
        trial INTEGER NOT NULL,
        position INTEGER NOT NULL,
        judge TEXT NOT NULL,
        value DOUBLE NOT NULL,
        passed BOOLEAN NOT NULL,
        threshold DOUBLE,
        weight DOUBLE NOT NULL,
        required BOOLEAN NOT NULL,
        explanation TEXT NOT NULL,
        cost DOUBLE,
        calls INTEGER NOT NULL DEFAULT 0,
        spent DOUBLE,
        details TEXT,
        cached INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (result_id, trial, position),
        FOREIGN KEY (result_id) REFERENCES case_results (id) ON DELETE CASCADE
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE comparisons (
        run_id TEXT NOT NULL,
        file TEXT NOT NULL,
        cases INTEGER NOT NULL,
        passed INTEGER NOT NULL,
        errors INTEGER NOT NULL,
        mean_score DOUBLE,
        pass_rate DOUBLE,
        cost DOUBLE,
        has_baseline BOOLEAN NOT NULL,
        baseline TEXT NOT NULL,
        mean_before DOUBLE,
        mean_after DOUBLE,
        baseline_run TEXT NOT NULL DEFAULT '',
        is_beside_drop BOOLEAN NOT NULL DEFAULT 0,
        latency_p50 DOUBLE,
        latency_p95 DOUBLE,
        output_length DOUBLE,
        judges TEXT,
        effects TEXT,
        deltas TEXT NOT NULL,
        PRIMARY KEY (run_id, file),
        FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE gates (
        run_id TEXT NOT NULL,
        file TEXT NOT NULL,
        position INTEGER NOT NULL,
        gate TEXT NOT NULL,
        verdict TEXT NOT NULL,
        explanation TEXT NOT NULL,
        path TEXT NOT NULL,
        line INTEGER NOT NULL,
        evidence TEXT,
        is_accepted BOOLEAN NOT NULL DEFAULT 0,
        PRIMARY KEY (run_id, file, position),
        CONSTRAINT gate_of_comparison FOREIGN KEY (run_id, file) REFERENCES comparisons (run_id, file) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE run_files (
        run_id TEXT NOT NULL,
        file TEXT NOT NULL,
        dataset_version TEXT NOT NULL,
        cases INTEGER NOT NULL,
        prompts TEXT NOT NULL,
        models TEXT NOT NULL,
        parameters TEXT NOT NULL,
        judges TEXT NOT NULL,
        PRIMARY KEY (run_id, file),
        FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE run_outcomes (
        run_id TEXT NOT NULL PRIMARY KEY,
        outcomes TEXT NOT NULL,
        FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE contents (
        hash TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        text TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE dataset_versions (
        file TEXT NOT NULL,
        version TEXT NOT NULL,
        created_at TEXT NOT NULL,
        cases INTEGER NOT NULL,
        members TEXT NOT NULL,
        PRIMARY KEY (file, version)
    )
    """,
    "CREATE INDEX results_by_case ON case_results (file, name, run_id, fingerprint)",
    f"""
    CREATE TABLE {VERSION_TABLE} (
        version_num VARCHAR(32) NOT NULL,
        CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num)
    )
    """,
    f"INSERT INTO {VERSION_TABLE} VALUES ('{REVISION}')",  # noqa: S608 - constants
)
"""Statements that make an empty database one of ``REVISION``."""
