"""The index by which a bank's keys are listed serves no other query.

It began with `ispb` alone, as the index of accounts does. A plan that is made while the table is empty finds both
equally cheap, and a prepared statement keeps it: each registration then read all keys of its bank.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "DROP INDEX pix_keys_of_bank; CREATE INDEX pix_keys_of_bank ON pix_keys ((ispb || ''), registered_at_ms, key)"
    )


def downgrade() -> None:
    op.execute("DROP INDEX pix_keys_of_bank; CREATE INDEX pix_keys_of_bank ON pix_keys (ispb, registered_at_ms, key)")
