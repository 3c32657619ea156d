"""Where a run is made, what was selected, and what results cost: enough to continue a run and to plan the next."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns. Columns that may not be empty have defaults: an older version may be in the midst of a run."""
    _add_run_columns()
    _add_result_columns()
    op.add_column("scores", sa.Column("calls", sa.Integer, nullable=False, server_default="0"))
    op.add_column("scores", sa.Column("spent", sa.Double))
    # Nobody can tell any more who recorded them. One that is under way after all says so itself when it ends.
    op.execute("UPDATE runs SET status = 'interrupted' WHERE status = 'running'")


def _add_run_columns() -> None:
    op.add_column("runs", sa.Column("host", sa.Text, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("pid", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("shard", sa.Text))
    op.add_column("runs", sa.Column("selected", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("selection", sa.Text, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("calls", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("cached", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("cost", sa.Double))
    op.add_column("runs", sa.Column("spent", sa.Double))


def _add_result_columns() -> None:
    for name, kind in (
        ("spent", sa.Double),
        ("responses", sa.Integer),
        ("input_tokens", sa.Double),
        ("output_tokens", sa.Double),
        ("judge_calls", sa.Integer),
    ):
        op.add_column("case_results", sa.Column(name, kind))
