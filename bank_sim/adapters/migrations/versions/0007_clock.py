"""Scheme time may be virtual: the network's clock as this bank has it, and answers that are withheld in real time.

A withheld answer is told by its count of resends, -1. Before, `answered_at_ms` and `resend_at_ms` were equal while it
was withheld; the one is scheme time now, and the other real time.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE network_clock (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            revision bigint NOT NULL CHECK (revision > 0),
            anchor_ms bigint NOT NULL,
            offset_ms bigint NOT NULL,
            rate integer NOT NULL CHECK (rate BETWEEN 1 AND 60)
        );
        UPDATE transfers SET resend_count = -1
        WHERE status IN ('accepted', 'rejected') AND answered_at_ms = resend_at_ms AND resend_count = 0;
        UPDATE returns SET resend_count = -1
        WHERE status IN ('accepted', 'rejected') AND answered_at_ms = resend_at_ms AND resend_count = 0;
        """
    )


def downgrade() -> None:
    op.execute(
        """
        UPDATE transfers SET resend_count = 0, answered_at_ms = resend_at_ms WHERE resend_count = -1;
        UPDATE returns SET resend_count = 0, answered_at_ms = resend_at_ms WHERE resend_count = -1;
        DROP TABLE network_clock;
        """
    )
