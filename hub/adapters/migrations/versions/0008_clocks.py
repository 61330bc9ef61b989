"""Scheme time may be virtual: a transfer also keeps when it was received in real time, which its time-out counts from.

Null in the rows of before, whose `received_at_ms` is real: the column costs no rewrite of a long history.
"""

from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE transfers ADD COLUMN received_real_at_ms bigint")


def downgrade() -> None:
    op.execute("ALTER TABLE transfers DROP COLUMN received_real_at_ms")
