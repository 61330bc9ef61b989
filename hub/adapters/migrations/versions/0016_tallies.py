"""Counts of keys and dead letters, and indexes, so that no page reads a growing table as a whole.

Triggers keep the counts. Each transaction adds to rows of a slot that no other transaction holds, so none waits for
another; readers sum the slots.
"""

from alembic import op

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE key_tallies (
            slot integer NOT NULL,
            ispb text NOT NULL,
            kind text NOT NULL,
            keys bigint NOT NULL,
            PRIMARY KEY (slot, ispb, kind)
        ) WITH (fillfactor = 50);
        CREATE TABLE dead_letter_tallies (
            slot integer NOT NULL,
            state text NOT NULL,
            letters bigint NOT NULL,
            PRIMARY KEY (slot, state)
        ) WITH (fillfactor = 50);

        CREATE FUNCTION free_tally_slot() RETURNS integer LANGUAGE plpgsql AS $$
        DECLARE free_slot integer := 0;
        BEGIN
            -- The first number marks these locks among those of the database.
            WHILE NOT pg_try_advisory_xact_lock(1129270363, free_slot) LOOP
                free_slot := free_slot + 1;
            END LOOP;
            RETURN free_slot;
        END $$;

        CREATE FUNCTION tally_keys() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO key_tallies AS t
            SELECT free.slot, c.ispb, c.kind, CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END
            FROM changed AS c, (SELECT free_tally_slot() AS slot OFFSET 0) AS free GROUP BY 1, 2, 3
            ON CONFLICT (slot, ispb, kind) DO UPDATE SET keys = t.keys + excluded.keys;
            RETURN NULL;
        END $$;
        CREATE TRIGGER keys_tallied AFTER INSERT ON pix_keys REFERENCING NEW TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION tally_keys();
        CREATE TRIGGER removed_keys_tallied AFTER DELETE ON pix_keys REFERENCING OLD TABLE AS changed
            FOR EACH STATEMENT EXECUTE FUNCTION tally_keys();

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

        CREATE INDEX pix_keys_of_bank ON pix_keys (ispb, registered_at_ms, key);
        CREATE INDEX dead_letters_by_state ON dead_letters (state, last_seen_at_ms);

        CREATE FUNCTION recount_tallies() RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM key_tallies;
            DELETE FROM dead_letter_tallies;
            INSERT INTO key_tallies SELECT 0, ispb, kind, count(*) FROM pix_keys GROUP BY 2, 3;
            INSERT INTO dead_letter_tallies SELECT 0, state, count(*) FROM dead_letters GROUP BY state;
        END $$;
        SELECT recount_tallies();
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DROP INDEX pix_keys_of_bank, dead_letters_by_state;
        DROP TRIGGER keys_tallied ON pix_keys;
        DROP TRIGGER removed_keys_tallied ON pix_keys;
        DROP TRIGGER dead_letters_tallied ON dead_letters;
        DROP TRIGGER no_dead_letters_tallied ON dead_letters;
        DROP FUNCTION tally_keys(), tally_dead_letters(), free_tally_slot(), recount_tallies();
        DROP TABLE key_tallies, dead_letter_tallies;
        """
    )
