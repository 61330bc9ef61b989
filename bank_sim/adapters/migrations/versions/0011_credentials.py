"""Credentials of the API Pix, the log of its requests, and an index for its list of received Pix.

A secret is kept as its SHA-256 alone; `scopes` are separated by spaces. The log keeps the newest of an account.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE api_credentials (
            credential_id text COLLATE "C" PRIMARY KEY,
            account_number text COLLATE "C" NOT NULL REFERENCES accounts,
            tax_id text NOT NULL,
            name text NOT NULL,
            scopes text NOT NULL,
            secret_hash text NOT NULL,
            created_at_ms bigint NOT NULL,
            version integer NOT NULL CHECK (version > 0),
            rotated_at_ms bigint,
            revoked_at_ms bigint
        );
        CREATE INDEX api_credentials_of_account ON api_credentials (account_number);

        CREATE TABLE api_requests (
            serial bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            request_id text NOT NULL,
            account_number text COLLATE "C" NOT NULL,
            credential_id text NOT NULL,
            requested_at_ms bigint NOT NULL,
            duration_ms integer NOT NULL,
            method text NOT NULL,
            path text NOT NULL,
            status integer NOT NULL,
            request_text text NOT NULL,
            request_type text NOT NULL,
            request_bytes bigint NOT NULL,
            response_text text NOT NULL,
            response_type text NOT NULL,
            response_bytes bigint NOT NULL,
            user_agent text NOT NULL
        );
        CREATE INDEX api_requests_of_account ON api_requests (account_number, serial);

        CREATE INDEX transfers_received ON transfers (account_number, decided_at_ms)
            WHERE direction = 'incoming' AND status = 'confirmed';
        """
    )


def downgrade() -> None:
    op.execute("DROP INDEX transfers_received; DROP TABLE api_requests; DROP TABLE api_credentials;")
