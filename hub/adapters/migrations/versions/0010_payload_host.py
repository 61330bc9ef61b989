"""Where each bank serves the payloads of its dynamic codes. A bank that joined before has announced no host."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE banks ADD COLUMN payload_host text NOT NULL DEFAULT ''")


def downgrade() -> None:
    op.execute("ALTER TABLE banks DROP COLUMN payload_host")
