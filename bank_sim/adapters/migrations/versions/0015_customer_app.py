"""Devices that are signed in, favourite payees, what customers have read, and withdrawals of cash."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE postings DROP CONSTRAINT postings_kind_check;
        ALTER TABLE postings ADD CONSTRAINT postings_kind_check CHECK (
            kind IN ('deposit', 'withdrawal', 'payment', 'settlement_out', 'refund', 'credit', 'settlement_funding')
        ) NOT VALID;
        CREATE TABLE devices (
            device_id text COLLATE "C" PRIMARY KEY,
            account_number text COLLATE "C" NOT NULL,
            user_agent text NOT NULL,
            signed_in_at_ms bigint NOT NULL,
            seen_at_ms bigint NOT NULL
        );
        CREATE INDEX devices_of_account ON devices (account_number, seen_at_ms);
        CREATE INDEX devices_unused ON devices (seen_at_ms);
        CREATE TABLE favourites (
            account_number text COLLATE "C" NOT NULL,
            contact_id text COLLATE "C" NOT NULL,
            place bigint GENERATED ALWAYS AS IDENTITY,
            name text NOT NULL,
            bank_name text NOT NULL,
            end_to_end_id text COLLATE "C" NOT NULL,
            PRIMARY KEY (account_number, contact_id)
        );
        CREATE TABLE read_marks (
            account_number text COLLATE "C" PRIMARY KEY,
            posting_id bigint NOT NULL
        );
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE read_marks, favourites, devices;
        ALTER TABLE postings DROP CONSTRAINT postings_kind_check;
        ALTER TABLE postings ADD CONSTRAINT postings_kind_check CHECK (
            kind IN ('deposit', 'payment', 'settlement_out', 'refund', 'credit', 'settlement_funding')
        ) NOT VALID;
        """
    )
