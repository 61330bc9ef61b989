"""The keys that sign payloads of dynamic codes, and where the other banks serve theirs."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE participants ADD COLUMN payload_host text NOT NULL DEFAULT '';
        CREATE TABLE signing_keys (
            key_id text PRIMARY KEY,
            private_pem text NOT NULL,
            certificate_pem text NOT NULL,
            made_at_ms bigint NOT NULL UNIQUE
        );
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE signing_keys; ALTER TABLE participants DROP COLUMN payload_host")
