"""The course adapter's tables: banks of the original course, their accounts, and a leg per bank and payment."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE course_banks (
            ispb text PRIMARY KEY REFERENCES banks,
            code text NOT NULL UNIQUE,
            edition text NOT NULL,
            consumer_group text NOT NULL,
            bank_id text NOT NULL
        );
        CREATE TABLE course_accounts (
            account_id text PRIMARY KEY,
            ispb text NOT NULL REFERENCES course_banks,
            branch text NOT NULL,
            number text NOT NULL,
            owner_name text NOT NULL,
            tax_id_masked text NOT NULL,
            created_at_ms bigint NOT NULL,
            UNIQUE (ispb, branch, number)
        );
        CREATE TABLE course_legs (
            ispb text NOT NULL REFERENCES course_banks,
            kind text NOT NULL,
            course_id text NOT NULL,
            end_to_end_id text NOT NULL,
            state text NOT NULL,
            amount_centavos bigint NOT NULL CHECK (amount_centavos > 0),
            account_id text NOT NULL,
            key text NOT NULL,
            key_kind text NOT NULL,
            description text NOT NULL,
            own_account_id text NOT NULL,
            created_at_ms bigint NOT NULL,
            reason text NOT NULL,
            original_id text NOT NULL,
            sent_at_ms bigint,
            due_at_ms bigint,
            attempts integer NOT NULL,
            answers integer NOT NULL,
            note text NOT NULL,
            PRIMARY KEY (ispb, kind, course_id)
        );
        CREATE UNIQUE INDEX course_credits ON course_legs (course_id) WHERE kind <> 'outgoing';
        CREATE UNIQUE INDEX course_legs_of_transfers ON course_legs (end_to_end_id, kind)
            WHERE end_to_end_id <> '' AND kind <> 'refund';
        CREATE INDEX course_legs_due ON course_legs (due_at_ms) WHERE due_at_ms IS NOT NULL;
        CREATE INDEX course_legs_latest ON course_legs (created_at_ms);
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE course_legs, course_accounts, course_banks")
