"""Charges, what they were before each change by the merchant, their locations, and batches.

`content` is what the merchant may change: `{key, amount_centavos, terms, debtor, payer_request, details}`. A location
serves the charge that names it, so that it can serve only one.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE locations (
            location_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            tax_id text COLLATE "C" NOT NULL,
            kind text NOT NULL CHECK (kind IN ('cob', 'cobv')),
            token text COLLATE "C" NOT NULL UNIQUE,
            created_at_ms bigint NOT NULL
        );
        CREATE INDEX locations_listed ON locations (tax_id, created_at_ms, location_id);

        CREATE TABLE charges (
            tax_id text COLLATE "C" NOT NULL,
            txid text COLLATE "C" NOT NULL CHECK (txid ~ '^[a-zA-Z0-9]{26,35}$'),
            kind text NOT NULL CHECK (kind IN ('cob', 'cobv')),
            created_at_ms bigint NOT NULL,
            batch_id text COLLATE "C" NOT NULL,
            account_number text COLLATE "C" NOT NULL,
            revision integer NOT NULL CHECK (revision >= 0),
            debtor_tax_id text COLLATE "C" NOT NULL,
            content jsonb NOT NULL,
            status text NOT NULL
                CHECK (status IN ('ATIVA', 'CONCLUIDA', 'REMOVIDA_PELO_USUARIO_RECEBEDOR', 'REMOVIDA_PELO_PSP')),
            reserved_by text COLLATE "C" NOT NULL,
            paid_by text COLLATE "C" NOT NULL,
            location_id bigint UNIQUE REFERENCES locations,
            PRIMARY KEY (tax_id, txid),
            CHECK ((status = 'CONCLUIDA') = (paid_by <> ''))
        );
        CREATE INDEX charges_listed ON charges (tax_id, created_at_ms, txid);
        CREATE INDEX charges_open ON charges (account_number) WHERE status = 'ATIVA';

        CREATE TABLE charge_revisions (
            tax_id text COLLATE "C" NOT NULL,
            txid text COLLATE "C" NOT NULL,
            revision integer NOT NULL,
            content jsonb NOT NULL,
            PRIMARY KEY (tax_id, txid, revision),
            FOREIGN KEY (tax_id, txid) REFERENCES charges
        );

        CREATE TABLE batches (
            tax_id text COLLATE "C" NOT NULL,
            batch_id text COLLATE "C" NOT NULL,
            account_number text COLLATE "C" NOT NULL,
            description text NOT NULL,
            created_at_ms bigint NOT NULL,
            PRIMARY KEY (tax_id, batch_id)
        );
        CREATE INDEX batches_listed ON batches (tax_id, created_at_ms, batch_id);

        CREATE TABLE batch_items (
            tax_id text COLLATE "C" NOT NULL,
            txid text COLLATE "C" NOT NULL,
            batch_id text COLLATE "C" NOT NULL,
            item_number integer NOT NULL,
            status text NOT NULL CHECK (status IN ('EM_PROCESSAMENTO', 'CRIADA', 'NEGADA')),
            wanted jsonb,
            refusals jsonb NOT NULL,
            made_at_ms bigint,
            PRIMARY KEY (tax_id, txid),
            FOREIGN KEY (tax_id, batch_id) REFERENCES batches,
            CHECK ((status = 'EM_PROCESSAMENTO') = (wanted IS NOT NULL))
        );
        CREATE INDEX batch_items_of_batch ON batch_items (tax_id, batch_id, item_number);
        CREATE INDEX batch_items_open ON batch_items (tax_id, txid) WHERE status = 'EM_PROCESSAMENTO';

        CREATE INDEX transfers_of_charges ON transfers (account_number, txid)
            WHERE initiation = 'QRDN' AND direction = 'incoming';
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DROP INDEX transfers_of_charges;
        DROP TABLE batch_items;
        DROP TABLE batches;
        DROP TABLE charge_revisions;
        DROP TABLE charges;
        DROP TABLE locations;
        """
    )
