"""Accounts by tax id: a CPF or CNPJ opens one account. Not unique, because accounts of before may share one."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the index."""
    op.execute("CREATE INDEX accounts_by_tax_id ON accounts (tax_id)")


def downgrade() -> None:
    """Removes it."""
    op.execute("DROP INDEX accounts_by_tax_id")
