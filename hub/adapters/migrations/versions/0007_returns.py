"""Returns: each gives money of a transfer back. The sum of a transfer's returns is read by the index of originals."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE returns (
            return_id text PRIMARY KEY,
            original_end_to_end_id text NOT NULL,
            status text NOT NULL CHECK (status IN ('pending', 'confirmed', 'completed', 'failed')),
            reason text CHECK ((reason IS NOT NULL) = (status = 'failed')),
            amount_centavos bigint NOT NULL CHECK (amount_centavos > 0 OR status = 'failed'),
            return_reason text NOT NULL,
            payer_ispb text,
            payer_branch text,
            payer_account_number text,
            payer_name text,
            payer_tax_id_masked text,
            payee_ispb text,
            payee_branch text,
            payee_account_number text,
            payee_name text,
            payee_tax_id_masked text,
            description text NOT NULL,
            requested_at_ms bigint NOT NULL,
            received_at_ms bigint NOT NULL,
            offered_at_ms bigint,
            decided_at_ms bigint,
            payer_processed_at_ms bigint,
            payee_processed_at_ms bigint,
            closed_at_ms bigint,
            resend_at_ms bigint,
            resend_count integer NOT NULL,
            resends integer NOT NULL,
            duplicates integer NOT NULL,
            refusals integer NOT NULL,
            traceparent text NOT NULL,
            history text NOT NULL
        ) WITH (fillfactor = 50);
        CREATE INDEX returns_of_original ON returns (original_end_to_end_id, received_at_ms);
        CREATE INDEX returns_due ON returns (resend_at_ms) WHERE resend_at_ms IS NOT NULL;
        CREATE INDEX returns_newest ON returns (received_at_ms, return_id);
        CREATE TABLE return_tallies (
            slot smallint NOT NULL,
            payer_ispb text NOT NULL,
            payee_ispb text NOT NULL,
            status text NOT NULL,
            reason text NOT NULL,
            returns bigint NOT NULL,
            amount_centavos numeric NOT NULL,
            PRIMARY KEY (slot, payer_ispb, payee_ispb, status, reason)
        ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE return_tallies, returns")
