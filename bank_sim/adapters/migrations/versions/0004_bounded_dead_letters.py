"""A dead letter keeps at most 64 KiB of its record's value, with the length and the SHA-256 of the whole.

Values of older letters are cut here. Their records were refused for their size, so none could be replayed.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns, and cuts what is too long."""
    op.execute(
        """
        ALTER TABLE dead_letters ADD COLUMN value_bytes bigint, ADD COLUMN value_sha256 text, ADD COLUMN flaw text;
        UPDATE dead_letters SET
            value_bytes = octet_length(value),
            value_sha256 = encode(sha256(value), 'hex'),
            flaw = 'value: ' || octet_length(value) || ' bytes, of which 65536 are kept',
            value = substring(value FROM 1 FOR 65536)
        WHERE octet_length(value) > 65536;
        """
    )


def downgrade() -> None:
    """Removes the columns; what was cut stays cut."""
    op.execute("ALTER TABLE dead_letters DROP COLUMN value_bytes, DROP COLUMN value_sha256, DROP COLUMN flaw")
