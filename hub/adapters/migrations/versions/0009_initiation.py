"""The features that a bank has announced: none, for a bank that joined before it could announce any."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE banks ADD COLUMN features text[] NOT NULL DEFAULT '{}'")


def downgrade() -> None:
    op.execute("ALTER TABLE banks DROP COLUMN features")
