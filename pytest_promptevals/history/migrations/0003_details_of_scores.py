"""What a judge knows beside its number."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column, empty for all that was recorded before."""
    op.add_column("scores", sa.Column("details", sa.Text))
