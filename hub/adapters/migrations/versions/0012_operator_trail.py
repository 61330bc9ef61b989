"""The operators' audit trail: what was done to the network, by whom, written in the transaction of the act."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE operator_trail (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at_ms bigint NOT NULL,
            act text NOT NULL,
            channel text NOT NULL,
            author text NOT NULL,
            address text NOT NULL,
            code text NOT NULL,
            subject text NOT NULL,
            amount_centavos bigint NOT NULL,
            detail text NOT NULL
        );
        CREATE INDEX operator_trail_code ON operator_trail (code, number);
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE operator_trail")
