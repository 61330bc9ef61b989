"""Ids in the order of bytes, so that exports follow their index whatever the database's language; archived histories.

`archived_at_ms` is null for nearly all rows and in no index, so it costs nothing when a row is written.
"""

from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE transfers ALTER COLUMN end_to_end_id TYPE text COLLATE "C", ADD COLUMN archived_at_ms bigint;
        ALTER TABLE returns ALTER COLUMN return_id TYPE text COLLATE "C", ADD COLUMN archived_at_ms bigint,
            ALTER COLUMN original_end_to_end_id TYPE text COLLATE "C";
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE returns ALTER COLUMN return_id TYPE text COLLATE "default", DROP COLUMN archived_at_ms,
            ALTER COLUMN original_end_to_end_id TYPE text COLLATE "default";
        ALTER TABLE transfers ALTER COLUMN end_to_end_id TYPE text COLLATE "default", DROP COLUMN archived_at_ms;
        """
    )
