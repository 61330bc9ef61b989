"""What the console shows without counting: tallies of transfers, who was heard of when, and the histories of keys.

Sums of centavos are numeric, since a request that is refused for its amount may name any; so none overflows.
Keys are compared byte by byte from now on, so that the primary key serves a search by their beginning.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE transfer_tallies (
            slot smallint NOT NULL,
            payer_ispb text NOT NULL,
            payee_ispb text NOT NULL,
            status text NOT NULL,
            reason text NOT NULL,
            transfers bigint NOT NULL,
            amount_centavos numeric NOT NULL,
            PRIMARY KEY (slot, payer_ispb, payee_ispb, status, reason)
        ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
        INSERT INTO transfer_tallies
            SELECT 0, payer_ispb, coalesce(payee_ispb, ''), status, coalesce(reason, ''), count(*), sum(amount_centavos)
            FROM transfers GROUP BY 2, 3, 4, 5;

        CREATE TABLE bank_instances (
            ispb text NOT NULL REFERENCES banks,
            instance text NOT NULL,
            version text NOT NULL,
            lag bigint CHECK (lag >= 0),
            last_seen_at_ms bigint NOT NULL,
            left_at_ms bigint,
            PRIMARY KEY (ispb, instance)
        ) WITH (fillfactor = 50);

        ALTER TABLE pix_keys ALTER COLUMN key TYPE text COLLATE "C";
        CREATE TABLE key_events (
            key_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            key text COLLATE "C" NOT NULL,
            kind text NOT NULL,
            ispb text NOT NULL REFERENCES banks,
            change text NOT NULL CHECK (change IN ('registered', 'removed')),
            at_ms bigint NOT NULL
        );
        CREATE INDEX key_events_of_key ON key_events (key, kind, key_event_id);
        INSERT INTO key_events (key, kind, ispb, change, at_ms)
            SELECT key, kind, ispb, 'registered', registered_at_ms FROM pix_keys ORDER BY registered_at_ms, key;
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DROP TABLE transfer_tallies, bank_instances, key_events;
        ALTER TABLE pix_keys ALTER COLUMN key TYPE text COLLATE "default";
        """
    )
