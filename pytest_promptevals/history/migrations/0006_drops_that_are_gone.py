"""What was compared with a run that had dropped, and that is gone since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column, with a default: an older version may be in the midst of a run."""
    op.add_column("comparisons", sa.Column("is_beside_drop", sa.Boolean, nullable=False, server_default=sa.false()))
