"""The bank's first schema."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates every table."""
    op.execute(
        """
        CREATE SEQUENCE account_serials START 100001 MAXVALUE 999999;

        CREATE TABLE accounts (
            number text COLLATE "C" PRIMARY KEY,
            branch text NOT NULL,
            holder_name text NOT NULL,
            holder_kind text NOT NULL CHECK (holder_kind IN ('PERSON', 'COMPANY')),
            tax_id text NOT NULL,
            status text NOT NULL CHECK (status IN ('active', 'blocked', 'closed')),
            balance_centavos bigint NOT NULL CONSTRAINT balance_not_negative CHECK (balance_centavos >= 0),
            opened_at_ms bigint NOT NULL,
            pin_hash text NOT NULL
        ) WITH (fillfactor = 60);

        CREATE TABLE account_keys (
            kind text NOT NULL CHECK (kind IN ('CPF', 'CNPJ', 'PHONE', 'EMAIL', 'EVP')),
            key text COLLATE "C" NOT NULL,
            account_number text COLLATE "C" NOT NULL,
            registered_at_ms bigint NOT NULL,
            noted_at_ms bigint NOT NULL,
            PRIMARY KEY (key, kind)
        );
        CREATE INDEX account_keys_of_account ON account_keys (account_number);

        CREATE TABLE transfers (
            end_to_end_id text COLLATE "C" NOT NULL,
            direction text COLLATE "C" NOT NULL CHECK (direction IN ('incoming', 'outgoing')),
            status text NOT NULL,
            reason text,
            amount_centavos bigint NOT NULL,
            account_number text COLLATE "C" NOT NULL,
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
            description text NOT NULL,
            shown_tax_id_masked text NOT NULL,
            shown_name text NOT NULL,
            shown_bank_name text NOT NULL,
            requested_at_ms bigint NOT NULL,
            answered_at_ms bigint,
            decided_at_ms bigint,
            completed_at_ms bigint,
            resend_at_ms bigint,
            resend_count integer NOT NULL,
            duplicates integer NOT NULL,
            answer_style text NOT NULL,
            idempotency_key text NOT NULL,
            traceparent text NOT NULL,
            history jsonb NOT NULL,
            steps_refused integer NOT NULL,
            PRIMARY KEY (end_to_end_id, direction),
            CHECK (
                direction = 'outgoing' AND status IN ('pending', 'confirmed', 'failed')
                OR direction = 'incoming' AND status IN ('accepted', 'rejected', 'confirmed', 'failed')
            ),
            CHECK ((reason IS NOT NULL) = (status IN ('rejected', 'failed'))),
            CHECK (amount_centavos > 0 OR status IN ('rejected', 'failed'))
        ) WITH (fillfactor = 60);
        CREATE INDEX transfers_due ON transfers (resend_at_ms) WHERE resend_at_ms IS NOT NULL;
        CREATE INDEX transfers_by_time ON transfers (requested_at_ms, end_to_end_id, direction);
        CREATE INDEX transfers_of_account ON transfers (account_number, requested_at_ms, end_to_end_id, direction);
        CREATE INDEX transfers_undecided ON transfers (account_number) WHERE status IN ('pending', 'accepted');
        CREATE UNIQUE INDEX transfers_by_idempotency_key ON transfers (account_number, idempotency_key)
            WHERE idempotency_key <> '';

        CREATE TABLE postings (
            posting_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            kind text NOT NULL CHECK (
                kind IN ('deposit', 'payment', 'settlement_out', 'refund', 'credit', 'settlement_funding')
            ),
            debit_account text COLLATE "C" NOT NULL,
            credit_account text COLLATE "C" NOT NULL,
            amount_centavos bigint NOT NULL CHECK (amount_centavos > 0),
            posted_at_ms bigint NOT NULL,
            end_to_end_id text COLLATE "C",
            direction text COLLATE "C",
            operation_id text COLLATE "C",
            account_number text COLLATE "C",
            balance_after_centavos bigint CHECK (balance_after_centavos >= 0),
            CHECK (debit_account <> credit_account),
            CHECK ((end_to_end_id IS NULL) = (direction IS NULL)),
            CHECK ((end_to_end_id IS NULL) <> (operation_id IS NULL)),
            CHECK ((account_number IS NULL) = (balance_after_centavos IS NULL))
        );
        CREATE UNIQUE INDEX postings_of_transfer ON postings (end_to_end_id, direction, kind)
            WHERE end_to_end_id IS NOT NULL;
        CREATE UNIQUE INDEX postings_of_operation ON postings (operation_id) WHERE operation_id IS NOT NULL;
        CREATE INDEX postings_of_account ON postings (account_number, posting_id) WHERE account_number IS NOT NULL;

        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'postings are append-only'; END $$;
        CREATE TRIGGER postings_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON postings
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

        CREATE TABLE behaviour (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            mode text NOT NULL,
            reject_reason text NOT NULL,
            answer_delay_ms bigint NOT NULL,
            answer_style text NOT NULL,
            magic_amounts boolean NOT NULL,
            consuming boolean NOT NULL
        );

        CREATE TABLE participants (
            ispb text COLLATE "C" PRIMARY KEY,
            code text NOT NULL,
            name text NOT NULL,
            color text NOT NULL,
            url text NOT NULL,
            active boolean NOT NULL
        );

        CREATE TABLE seeded_stories (
            story text PRIMARY KEY,
            account_number text COLLATE "C" NOT NULL
        );

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
        """
        DROP TABLE dead_letters, seeded_stories, participants, behaviour, postings, transfers, account_keys, accounts;
        DROP FUNCTION refuse_change();
        DROP SEQUENCE account_serials;
        """
    )
