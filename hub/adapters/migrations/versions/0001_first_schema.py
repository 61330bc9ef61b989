"""The hub's first schema."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates every table."""
    op.execute(
        """
        CREATE TABLE banks (
            ispb text PRIMARY KEY CHECK (ispb ~ '^[0-9A-Z]{8}$'),
            code text NOT NULL UNIQUE CHECK (code ~ '^[0-9]{3}$'),
            name text NOT NULL,
            color text NOT NULL,
            url text NOT NULL,
            version text NOT NULL,
            active boolean NOT NULL,
            joined_at_ms bigint
        );

        CREATE TABLE bank_secrets (
            ispb text NOT NULL REFERENCES banks,
            secret_sha256 bytea NOT NULL,
            signing_key bytea NOT NULL,
            added_at_ms bigint NOT NULL,
            PRIMARY KEY (ispb, secret_sha256)
        );

        CREATE TABLE settlement_accounts (
            ispb text PRIMARY KEY REFERENCES banks,
            balance_centavos bigint NOT NULL,
            reserved_centavos bigint NOT NULL CHECK (reserved_centavos >= 0),
            CHECK (reserved_centavos <= balance_centavos)
        ) WITH (fillfactor = 50);

        CREATE TABLE settlement_fundings (
            funding_id text PRIMARY KEY,
            ispb text NOT NULL REFERENCES banks,
            amount_centavos bigint NOT NULL,
            funded_at_ms bigint NOT NULL
        );

        CREATE TABLE pix_keys (
            key text NOT NULL,
            kind text NOT NULL,
            ispb text NOT NULL REFERENCES banks,
            branch text NOT NULL,
            account_number text NOT NULL,
            holder_name text NOT NULL,
            holder_kind text NOT NULL,
            tax_id_masked text NOT NULL,
            registered_at_ms bigint NOT NULL,
            request_id text NOT NULL,
            PRIMARY KEY (key, kind)
        );
        CREATE INDEX pix_keys_of_account ON pix_keys (ispb, branch, account_number);
        CREATE UNIQUE INDEX pix_keys_by_request ON pix_keys (ispb, request_id) WHERE request_id <> '';

        CREATE TABLE transfers (
            end_to_end_id text PRIMARY KEY,
            status text NOT NULL CHECK (status IN ('pending', 'confirmed', 'completed', 'failed')),
            reason text CHECK ((reason IS NOT NULL) = (status = 'failed')),
            amount_centavos bigint NOT NULL CHECK (amount_centavos > 0 OR status = 'failed'),
            payer_ispb text NOT NULL,
            payer_branch text NOT NULL,
            payer_account_number text NOT NULL,
            payer_name text NOT NULL,
            payer_tax_id_masked text NOT NULL,
            payee_ispb text,
            payee_branch text,
            payee_account_number text,
            payee_name text,
            payee_tax_id_masked text,
            key_kind text NOT NULL,
            key text NOT NULL,
            requested_tax_id_masked text NOT NULL,
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
            history jsonb NOT NULL
        ) WITH (fillfactor = 60);
        CREATE INDEX transfers_due ON transfers (resend_at_ms) WHERE resend_at_ms IS NOT NULL;
        CREATE INDEX transfers_newest ON transfers (received_at_ms, end_to_end_id);
        CREATE INDEX transfers_pending ON transfers (received_at_ms) WHERE status = 'pending';
        """
    )
    op.execute(
        """
        CREATE TABLE dead_letters (
            digest text PRIMARY KEY,
            topic text NOT NULL,
            partition integer NOT NULL,
            "offset" bigint NOT NULL,
            record_key bytea NOT NULL,
            value bytea NOT NULL,
            headers jsonb NOT NULL,
            sender text NOT NULL,
            reason text NOT NULL,
            first_seen_at_ms bigint NOT NULL,
            last_seen_at_ms bigint NOT NULL,
            times integer NOT NULL,
            state text NOT NULL CHECK (state IN ('dead', 'replayed', 'discarded')),
            note text NOT NULL
        );
        CREATE INDEX dead_letters_newest ON dead_letters (last_seen_at_ms);
        """
    )


def downgrade() -> None:
    """Removes every table."""
    op.execute(
        "DROP TABLE dead_letters, transfers, pix_keys, settlement_fundings, settlement_accounts, bank_secrets, banks"
    )
