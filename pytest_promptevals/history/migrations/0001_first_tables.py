"""The first tables: runs, case results, scores, comparisons and gates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables in an empty database."""
    _create_runs()
    _create_case_results()
    _create_scores()
    _create_comparisons()
    _create_gates()


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("started_at", sa.Text, nullable=False),
        sa.Column("finished_at", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("git_commit", sa.Text),
        sa.Column("git_branch", sa.Text),
        sa.Column("git_is_dirty", sa.Boolean),
        sa.Column("versions", sa.Text, nullable=False),
        sa.Column("arguments", sa.Text, nullable=False),
        sa.Column("record_schema", sa.Integer, nullable=False),
    )


def _create_case_results() -> None:
    op.create_table(
        "case_results",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("case_id", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("prompt_name", sa.Text, nullable=False),
        sa.Column("case_fingerprint", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("passed", sa.Boolean),
        sa.Column("error_kind", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("latency", sa.Double),
        sa.Column("cost", sa.Double),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("case_group", sa.Text),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("trials", sa.Text, nullable=False),
        sa.Column("prompt", sa.Text),
        sa.Column("expected", sa.Text),
        sa.UniqueConstraint("run_id", "file", "name", name="one_result_per_item"),
    )


def _create_scores() -> None:
    op.create_table(
        "scores",
        sa.Column("result_id", sa.Integer, sa.ForeignKey("case_results.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("trial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("judge", sa.Text, nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("threshold", sa.Double),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("required", sa.Boolean, nullable=False),
        sa.Column("explanation", sa.Text, nullable=False),
        sa.Column("cost", sa.Double),
        sqlite_with_rowid=False,
    )


def _create_comparisons() -> None:
    op.create_table(
        "comparisons",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("file", sa.Text, primary_key=True),
        sa.Column("cases", sa.Integer, nullable=False),
        sa.Column("passed", sa.Integer, nullable=False),
        sa.Column("errors", sa.Integer, nullable=False),
        sa.Column("mean_score", sa.Double),
        sa.Column("pass_rate", sa.Double),
        sa.Column("cost", sa.Double),
        sa.Column("has_baseline", sa.Boolean, nullable=False),
        sa.Column("baseline", sa.Text, nullable=False),
        sa.Column("mean_before", sa.Double),
        sa.Column("mean_after", sa.Double),
        sa.Column("deltas", sa.Text, nullable=False),
    )


def _create_gates() -> None:
    op.create_table(
        "gates",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("file", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("gate", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("explanation", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id", "file"],
            ["comparisons.run_id", "comparisons.file"],
            ondelete="CASCADE",
            name="gate_of_comparison",
        ),
    )
