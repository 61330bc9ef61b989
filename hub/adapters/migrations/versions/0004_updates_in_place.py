"""A transfer is updated in place: what changes with each step is in no index but the one of what is due.

PostgreSQL writes a new version of a row without touching any index when no indexed column has changed and the page has
room (HOT). The index of what is pending stood in the way of that, for the sake of timeouts alone: a pending transfer is
due at its timeout at the latest now, so the index of what is due finds it.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX transfers_pending; ALTER TABLE transfers SET (fillfactor = 50)")


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE transfers SET (fillfactor = 60);
        CREATE INDEX transfers_pending ON transfers (received_at_ms) WHERE status = 'pending';
        """
    )
