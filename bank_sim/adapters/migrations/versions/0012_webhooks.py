"""Webhooks, what they owe, their deliveries, and what receivers report.

`webhook_notices.fault` is null until it is decided, and empty for none; an empty `failure` is a delivery that
succeeded. `webhook_reports.booked` is a list of
`[end-to-end id, centavos]`.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE webhooks (
            account_number text COLLATE "C" NOT NULL,
            key_kind text NOT NULL,
            key text COLLATE "C" NOT NULL,
            url text NOT NULL,
            created_at_ms bigint NOT NULL,
            PRIMARY KEY (account_number, key)
        );

        CREATE TABLE webhook_notices (
            notice_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            account_number text COLLATE "C" NOT NULL,
            key_kind text NOT NULL,
            key text COLLATE "C" NOT NULL,
            txid text COLLATE "C" NOT NULL,
            end_to_end_id text COLLATE "C" NOT NULL,
            return_id text COLLATE "C" NOT NULL,
            amount_centavos bigint NOT NULL CHECK (amount_centavos > 0),
            noted_at_ms bigint NOT NULL,
            status text NOT NULL CHECK (status IN ('waiting', 'delivered', 'lost', 'stopped')),
            due_at_ms bigint,
            attempts integer NOT NULL,
            fault text,
            fault_delay_ms integer NOT NULL,
            fault_times integer NOT NULL,
            delivered_at_ms bigint,
            CHECK ((status = 'waiting') = (due_at_ms IS NOT NULL)),
            UNIQUE (end_to_end_id, return_id)
        );
        CREATE INDEX webhook_notices_due ON webhook_notices (due_at_ms, notice_id) WHERE due_at_ms IS NOT NULL;
        CREATE INDEX webhook_notices_of_account ON webhook_notices (account_number, notice_id);

        CREATE TABLE webhook_deliveries (
            delivery_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            account_number text COLLATE "C" NOT NULL,
            key_kind text NOT NULL,
            key text COLLATE "C" NOT NULL,
            url text NOT NULL,
            notice_ids bigint[] NOT NULL,
            end_to_end_ids text[] NOT NULL,
            attempt integer NOT NULL,
            fault text NOT NULL,
            started_at_ms bigint NOT NULL,
            duration_ms bigint NOT NULL,
            request_body text NOT NULL,
            status integer,
            response_body text NOT NULL,
            failure text NOT NULL,
            detail text NOT NULL
        );
        CREATE INDEX webhook_deliveries_of_account ON webhook_deliveries (account_number, delivery_id);

        CREATE TABLE webhook_reports (
            account_number text COLLATE "C" PRIMARY KEY,
            reported_at_ms bigint NOT NULL,
            booked jsonb NOT NULL
        );
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE webhook_reports, webhook_deliveries, webhook_notices, webhooks")
