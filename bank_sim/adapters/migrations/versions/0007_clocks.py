"""Scheme time may be virtual: an answer that is withheld is told by its count of resends, -1, not by equal times.

`answered_at_ms` is scheme time, `resend_at_ms` real time; they were equal while the answer was withheld.
"""

from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE transfers SET resend_count = -1 "
        "WHERE status IN ('accepted', 'rejected') AND answered_at_ms = resend_at_ms AND resend_count = 0"
    )


def downgrade() -> None:
    op.execute("UPDATE transfers SET resend_count = 0, answered_at_ms = resend_at_ms WHERE resend_count = -1")
