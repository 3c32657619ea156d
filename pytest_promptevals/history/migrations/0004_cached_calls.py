"""How many of a judge's calls were read from the cache."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column, with a default: an older version may be in the midst of a run."""
    op.add_column("scores", sa.Column("cached", sa.Integer, nullable=False, server_default="0"))
