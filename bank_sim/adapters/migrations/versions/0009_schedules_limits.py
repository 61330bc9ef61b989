"""Scheduled payments, what became of each on its day, and the limits that customers set.

`accounts.limits` is `{kind: {"amount_centavos", "raise_to_centavos"?, "raise_at_ms"?}}`; null: none was set.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE accounts ADD COLUMN limits jsonb;

        CREATE TABLE schedules (
            schedule_id text COLLATE "C" PRIMARY KEY,
            account_number text COLLATE "C" NOT NULL,
            key_kind text NOT NULL,
            key text NOT NULL,
            shown_tax_id_masked text NOT NULL,
            shown_name text NOT NULL,
            shown_bank_name text NOT NULL,
            created_at_ms bigint NOT NULL,
            idempotency_key text NOT NULL,
            fingerprint text NOT NULL,
            amount_centavos bigint NOT NULL CHECK (amount_centavos > 0),
            description text NOT NULL,
            rhythm text NOT NULL CHECK (rhythm IN ('once', 'weekly', 'monthly')),
            first_day date NOT NULL,
            payments integer NOT NULL CHECK (payments > 0),
            status text NOT NULL CHECK (status IN ('active', 'finished', 'cancelled')),
            next_index integer NOT NULL CHECK (next_index BETWEEN 0 AND payments),
            next_try_at_ms bigint,
            tries integer NOT NULL,
            refusal text NOT NULL,
            failed_day date,
            failed_reason text NOT NULL,
            CHECK ((status = 'active') = (next_try_at_ms IS NOT NULL)),
            UNIQUE (account_number, idempotency_key)
        );
        CREATE INDEX schedules_due ON schedules (next_try_at_ms, schedule_id) WHERE next_try_at_ms IS NOT NULL;
        CREATE INDEX schedules_shown ON schedules (account_number)
            WHERE next_try_at_ms IS NOT NULL OR failed_day IS NOT NULL;

        CREATE TABLE schedule_executions (
            schedule_id text COLLATE "C" NOT NULL REFERENCES schedules,
            due_day date NOT NULL,
            outcome text NOT NULL CHECK (outcome IN ('requested', 'failed')),
            executed_at_ms bigint NOT NULL,
            amount_centavos bigint NOT NULL,
            end_to_end_id text COLLATE "C" NOT NULL,
            reason text NOT NULL,
            PRIMARY KEY (schedule_id, due_day),
            CHECK ((outcome = 'requested') = (end_to_end_id <> ''))
        );
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE schedule_executions; DROP TABLE schedules; ALTER TABLE accounts DROP COLUMN limits;")
