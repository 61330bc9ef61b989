"""Scheme time may be virtual: the network's clock, and the real time since which a transfer or return waits.

`received_real_at_ms` is null in the rows of before, whose `received_at_ms` is real: the column costs no rewrite of a
long history.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
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
        CREATE TABLE clock_jump (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            target_ms bigint NOT NULL,
            stopped_at_ms bigint NOT NULL,
            given_up text[] NOT NULL,
            is_done boolean NOT NULL
        );
        CREATE TABLE clock_reports (
            ispb text NOT NULL REFERENCES banks,
            instance text NOT NULL,
            revision bigint NOT NULL,
            open_ids text[] NOT NULL,
            next_due_ms bigint,
            reported_at_ms bigint NOT NULL,
            PRIMARY KEY (ispb, instance)
        );
        ALTER TABLE transfers ADD COLUMN received_real_at_ms bigint;
        ALTER TABLE returns ADD COLUMN received_real_at_ms bigint;
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE transfers DROP COLUMN received_real_at_ms;
        ALTER TABLE returns DROP COLUMN received_real_at_ms;
        DROP TABLE clock_reports, clock_jump, network_clock;
        """
    )
