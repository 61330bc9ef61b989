"""The bank's sides of returns."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE returns (
            return_id text COLLATE "C" NOT NULL,
            direction text COLLATE "C" NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
            status text NOT NULL,
            reason text,
            original_end_to_end_id text COLLATE "C" NOT NULL,
            amount_centavos bigint NOT NULL,
            account_number text COLLATE "C" NOT NULL,
            return_reason text NOT NULL,
            payer_ispb text NOT NULL,
            payer_branch text NOT NULL,
            payer_account_number text NOT NULL,
            payer_name text NOT NULL,
            payer_tax_id_masked text NOT NULL,
            payee_ispb text NOT NULL,
            payee_branch text NOT NULL,
            payee_account_number text NOT NULL,
            payee_name text NOT NULL,
            payee_tax_id_masked text NOT NULL,
            description text NOT NULL,
            requested_at_ms bigint NOT NULL,
            answered_at_ms bigint,
            decided_at_ms bigint,
            resend_at_ms bigint,
            resend_count integer NOT NULL,
            duplicates integer NOT NULL,
            refusals integer NOT NULL,
            answer_style text NOT NULL,
            idempotency_key text NOT NULL,
            traceparent text NOT NULL,
            history jsonb NOT NULL,
            PRIMARY KEY (return_id, direction),
            CHECK (
                direction = 'outgoing' AND status IN ('pending', 'confirmed', 'failed')
                OR direction = 'incoming' AND status IN ('accepted', 'rejected', 'confirmed', 'failed')
            ),
            CHECK ((reason IS NOT NULL) = (status IN ('rejected', 'failed'))),
            CHECK (amount_centavos > 0 OR status IN ('rejected', 'failed'))
        ) WITH (fillfactor = 60);
        CREATE INDEX returns_due ON returns (resend_at_ms) WHERE resend_at_ms IS NOT NULL;
        CREATE INDEX returns_by_time ON returns (requested_at_ms, return_id, direction);
        CREATE INDEX returns_of_original ON returns (original_end_to_end_id, requested_at_ms, return_id, direction);
        CREATE INDEX returns_of_account ON returns (account_number, requested_at_ms, return_id, direction);
        CREATE INDEX returns_undecided ON returns (account_number) WHERE status IN ('pending', 'accepted');
        CREATE UNIQUE INDEX returns_by_idempotency_key ON returns (account_number, idempotency_key)
            WHERE idempotency_key <> '';
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE returns")
