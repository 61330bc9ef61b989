"""Features of banks; initiation and txid of transfers, which no longer need a key.

A bank that joined before has announced no features, and a transfer of before is DICT without txid. PostgreSQL rewrites
no table for it.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE banks ADD COLUMN features text[] NOT NULL DEFAULT '{}';
        ALTER TABLE transfers
            ALTER COLUMN key_kind DROP NOT NULL,
            ALTER COLUMN key DROP NOT NULL,
            ADD COLUMN initiation text NOT NULL DEFAULT 'DICT' CHECK (initiation IN ('MANU', 'DICT', 'QRES', 'QRDN')),
            ADD COLUMN txid text NOT NULL DEFAULT '',
            ADD CHECK ((key IS NULL) = (initiation = 'MANU') AND (key_kind IS NULL) = (key IS NULL));
        """
    )


def downgrade() -> None:
    """Transfers without a key get an empty one, which names no account."""
    op.execute(
        """
        ALTER TABLE banks DROP COLUMN features;
        ALTER TABLE transfers DROP COLUMN initiation, DROP COLUMN txid;
        UPDATE transfers SET key_kind = 'EVP', key = '' WHERE key IS NULL;
        ALTER TABLE transfers ALTER COLUMN key_kind SET NOT NULL, ALTER COLUMN key SET NOT NULL;
        """
    )
