"""What makes runs comparable, what a verdict rests on, and numbers of results that many runs are read for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns, tables and an index. Columns that may not be empty have defaults, for an older version's sake."""
    _add_run_columns()
    _add_result_columns()
    _add_comparison_columns()
    op.add_column("gates", sa.Column("evidence", sa.Text))
    op.add_column("gates", sa.Column("is_accepted", sa.Boolean, nullable=False, server_default=sa.false()))
    _create_run_files()
    _create_contents()
    _create_dataset_versions()
    op.create_index("results_by_case", "case_results", ["file", "name", "run_id", "fingerprint"])


def _add_run_columns() -> None:
    op.add_column("runs", sa.Column("parent", sa.Text))
    op.add_column("runs", sa.Column("kind", sa.Text, nullable=False, server_default="run"))
    op.add_column("runs", sa.Column("name", sa.Text))


def _add_result_columns() -> None:
    op.add_column("case_results", sa.Column("output_length", sa.Double))
    op.add_column("case_results", sa.Column("prompt_hash", sa.Text, nullable=False, server_default=""))
    op.add_column("case_results", sa.Column("trial_scores", sa.Text))
    op.add_column("case_results", sa.Column("judge_values", sa.Text))
    op.add_column("case_results", sa.Column("fresh_trials", sa.Integer))
    op.add_column("case_results", sa.Column("fresh_passes", sa.Integer))
    op.add_column("case_results", sa.Column("reused_from", sa.Text))


def _add_comparison_columns() -> None:
    op.add_column("comparisons", sa.Column("effects", sa.Text))
    op.add_column("comparisons", sa.Column("baseline_run", sa.Text, nullable=False, server_default=""))
    op.add_column("comparisons", sa.Column("latency_p50", sa.Double))
    op.add_column("comparisons", sa.Column("latency_p95", sa.Double))
    op.add_column("comparisons", sa.Column("output_length", sa.Double))
    op.add_column("comparisons", sa.Column("judges", sa.Text))


def _create_run_files() -> None:
    op.create_table(
        "run_files",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("file", sa.Text, primary_key=True),
        sa.Column("dataset_version", sa.Text, nullable=False),
        sa.Column("cases", sa.Integer, nullable=False),
        sa.Column("prompts", sa.Text, nullable=False),
        sa.Column("models", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("judges", sa.Text, nullable=False),
    )


def _create_contents() -> None:
    op.create_table(
        "contents",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )


def _create_dataset_versions() -> None:
    op.create_table(
        "dataset_versions",
        sa.Column("file", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("created_at", sa.Text, nullable=False),
        sa.Column("cases", sa.Integer, nullable=False),
        sa.Column("members", sa.Text, nullable=False),
    )
