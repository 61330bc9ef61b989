"""Running sums of the books, counts of rows, and indexes, so that no page reads a growing table as a whole.

Triggers keep them, so that nothing can write to the books without them. Each transaction adds to rows of a slot that no
other transaction holds, so none waits for another; readers sum the slots.
"""

from alembic import op

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE posting_tallies (
            slot integer NOT NULL,
            kind text NOT NULL,
            debit_ledger text NOT NULL,
            credit_ledger text NOT NULL,
            postings bigint NOT NULL,
            amount_centavos numeric NOT NULL,
            PRIMARY KEY (slot, kind, debit_ledger, credit_ledger)
        ) WITH (fillfactor = 50);
        CREATE TABLE account_tallies (
            slot integer PRIMARY KEY,
            balance_centavos numeric NOT NULL
        ) WITH (fillfactor = 50);
        CREATE TABLE row_tallies (
            slot integer NOT NULL,
            table_name text NOT NULL,
            direction text NOT NULL,
            status text NOT NULL,
            rows bigint NOT NULL,
            PRIMARY KEY (slot, table_name, direction, status)
        ) WITH (fillfactor = 50);

        CREATE FUNCTION free_tally_slot() RETURNS integer LANGUAGE plpgsql AS $$
        DECLARE free_slot integer := 0;
        BEGIN
            -- The first number marks these locks among those of the database.
            WHILE NOT pg_try_advisory_xact_lock(1129270362, free_slot) LOOP
                free_slot := free_slot + 1;
            END LOOP;
            RETURN free_slot;
        END $$;

        CREATE FUNCTION tally_postings() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO posting_tallies AS t
            SELECT free.slot, a.kind, split_part(a.debit_account, ':', 1), split_part(a.credit_account, ':', 1),
                count(*), sum(a.amount_centavos)
            FROM added AS a, (SELECT free_tally_slot() AS slot OFFSET 0) AS free GROUP BY 1, 2, 3, 4
            ON CONFLICT (slot, kind, debit_ledger, credit_ledger) DO UPDATE SET
                postings = t.postings + excluded.postings,
                amount_centavos = t.amount_centavos + excluded.amount_centavos;
            RETURN NULL;
        END $$;
        CREATE TRIGGER postings_tallied AFTER INSERT ON postings REFERENCING NEW TABLE AS added
            FOR EACH STATEMENT EXECUTE FUNCTION tally_postings();

        CREATE FUNCTION tally_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE gained numeric;
        BEGIN
            SELECT sum(balance_centavos) INTO gained FROM added;
            IF TG_OP = 'UPDATE' THEN
                gained := gained - (SELECT sum(balance_centavos) FROM removed);
            END IF;
            IF gained <> 0 THEN
                INSERT INTO account_tallies AS t SELECT free_tally_slot(), gained
                ON CONFLICT (slot) DO UPDATE SET balance_centavos = t.balance_centavos + excluded.balance_centavos;
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER accounts_tallied_new AFTER INSERT ON accounts REFERENCING NEW TABLE AS added
            FOR EACH STATEMENT EXECUTE FUNCTION tally_accounts();
        CREATE TRIGGER accounts_tallied AFTER UPDATE ON accounts REFERENCING NEW TABLE AS added OLD TABLE AS removed
            FOR EACH STATEMENT EXECUTE FUNCTION tally_accounts();

        CREATE FUNCTION tally_rows() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO row_tallies AS t
            SELECT free.slot, TG_TABLE_NAME, a.direction, a.status, count(*)
            FROM added AS a, (SELECT free_tally_slot() AS slot OFFSET 0) AS free GROUP BY 1, 3, 4
            ON CONFLICT (slot, table_name, direction, status) DO UPDATE SET rows = t.rows + excluded.rows;
            RETURN NULL;
        END $$;
        CREATE FUNCTION tally_moved_rows() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO row_tallies AS t
            SELECT free.slot, TG_TABLE_NAME, m.direction, m.status, m.rows
            FROM (
                SELECT direction, status, sum(one) AS rows FROM (
                    SELECT direction, status, 1 AS one FROM added
                    UNION ALL SELECT direction, status, -1 FROM removed
                ) AS each GROUP BY direction, status HAVING sum(one) <> 0
            ) AS m, (SELECT free_tally_slot() AS slot OFFSET 0) AS free
            ON CONFLICT (slot, table_name, direction, status) DO UPDATE SET rows = t.rows + excluded.rows;
            RETURN NULL;
        END $$;
        CREATE TRIGGER transfers_tallied_new AFTER INSERT ON transfers REFERENCING NEW TABLE AS added
            FOR EACH STATEMENT EXECUTE FUNCTION tally_rows();
        CREATE TRIGGER transfers_tallied AFTER UPDATE ON transfers REFERENCING NEW TABLE AS added OLD TABLE AS removed
            FOR EACH STATEMENT EXECUTE FUNCTION tally_moved_rows();
        CREATE TRIGGER returns_tallied_new AFTER INSERT ON returns REFERENCING NEW TABLE AS added
            FOR EACH STATEMENT EXECUTE FUNCTION tally_rows();
        CREATE TRIGGER returns_tallied AFTER UPDATE ON returns REFERENCING NEW TABLE AS added OLD TABLE AS removed
            FOR EACH STATEMENT EXECUTE FUNCTION tally_moved_rows();

        CREATE TABLE dead_letter_tallies (
            slot integer NOT NULL,
            state text NOT NULL,
            letters bigint NOT NULL,
            PRIMARY KEY (slot, state)
        ) WITH (fillfactor = 50);
        CREATE FUNCTION tally_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'TRUNCATE' THEN
                DELETE FROM dead_letter_tallies;
                RETURN NULL;
            END IF;
            IF TG_OP = 'UPDATE' AND NEW.state = OLD.state THEN
                RETURN NULL;
            END IF;
            INSERT INTO dead_letter_tallies AS t
            SELECT free_tally_slot(), change.state, change.letters FROM (VALUES
                (CASE WHEN TG_OP <> 'INSERT' THEN OLD.state END, -1),
                (CASE WHEN TG_OP <> 'DELETE' THEN NEW.state END, 1)
            ) AS change(state, letters) WHERE change.state IS NOT NULL
            ON CONFLICT (slot, state) DO UPDATE SET letters = t.letters + excluded.letters;
            RETURN NULL;
        END $$;
        CREATE TRIGGER dead_letters_tallied AFTER INSERT OR UPDATE OR DELETE ON dead_letters
            FOR EACH ROW EXECUTE FUNCTION tally_dead_letters();
        CREATE TRIGGER no_dead_letters_tallied AFTER TRUNCATE ON dead_letters
            FOR EACH STATEMENT EXECUTE FUNCTION tally_dead_letters();

        CREATE INDEX postings_by_kind ON postings (account_number, kind, posted_at_ms, posting_id)
            WHERE account_number IS NOT NULL;
        CREATE INDEX transfers_failed ON transfers (requested_at_ms, end_to_end_id, direction) WHERE status = 'failed';
        CREATE INDEX returns_failed ON returns (requested_at_ms, return_id, direction) WHERE status = 'failed';
        CREATE INDEX transfers_receivable ON transfers (account_number, requested_at_ms, end_to_end_id)
            WHERE direction = 'incoming' AND status = 'confirmed' AND txid <> '';
        CREATE INDEX webhook_notices_of_txid ON webhook_notices (account_number, txid, notice_id) WHERE txid <> '';
        CREATE INDEX webhook_notices_not_taken ON webhook_notices (account_number, status, notice_id)
            WHERE status <> 'delivered';
        CREATE INDEX dead_letters_by_state ON dead_letters (state, last_seen_at_ms);

        CREATE FUNCTION recount_tallies() RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM dead_letter_tallies;
            DELETE FROM posting_tallies;
            DELETE FROM account_tallies;
            DELETE FROM row_tallies;
            INSERT INTO dead_letter_tallies SELECT 0, state, count(*) FROM dead_letters GROUP BY state;
            INSERT INTO posting_tallies
            SELECT 0, kind, split_part(debit_account, ':', 1), split_part(credit_account, ':', 1), count(*),
                sum(amount_centavos)
            FROM postings GROUP BY 2, 3, 4;
            INSERT INTO account_tallies SELECT 0, coalesce(sum(balance_centavos), 0) FROM accounts;
            INSERT INTO row_tallies
            SELECT 0, 'transfers', direction, status, count(*) FROM transfers GROUP BY 3, 4
            UNION ALL SELECT 0, 'returns', direction, status, count(*) FROM returns GROUP BY 3, 4;
        END $$;
        SELECT recount_tallies();
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DROP INDEX postings_by_kind, transfers_failed, returns_failed, transfers_receivable, webhook_notices_of_txid,
            webhook_notices_not_taken, dead_letters_by_state;
        DROP TRIGGER dead_letters_tallied ON dead_letters;
        DROP TRIGGER no_dead_letters_tallied ON dead_letters;
        DROP TRIGGER postings_tallied ON postings;
        DROP TRIGGER accounts_tallied ON accounts;
        DROP TRIGGER accounts_tallied_new ON accounts;
        DROP TRIGGER transfers_tallied ON transfers;
        DROP TRIGGER transfers_tallied_new ON transfers;
        DROP TRIGGER returns_tallied ON returns;
        DROP TRIGGER returns_tallied_new ON returns;
        DROP FUNCTION tally_postings(), tally_accounts(), tally_rows(), tally_moved_rows(), tally_dead_letters(),
            free_tally_slot(), recount_tallies();
        DROP TABLE posting_tallies, account_tallies, row_tallies, dead_letter_tallies;
        """
    )
