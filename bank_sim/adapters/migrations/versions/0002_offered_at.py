"""When the hub offered a transfer to the payee's bank: learned by asking, shown to the payer."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.execute("ALTER TABLE transfers ADD COLUMN offered_at_ms bigint")


def downgrade() -> None:
    """Removes it."""
    op.execute("ALTER TABLE transfers DROP COLUMN offered_at_ms")
