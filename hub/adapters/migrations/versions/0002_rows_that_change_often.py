"""Transfers are written three times in a second or two: a revision to check, a history that grows by plain text.

`revision` lets a replica write on from the row as it left it, without reading and locking it again. The history becomes
lines of JSON: appending to text copies bytes, appending to jsonb takes the whole value apart. Tables that are written
all the time are vacuumed by the rows that have changed, not by a share of all that were ever made.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE transfers ADD COLUMN revision integer NOT NULL DEFAULT 0;
        ALTER TABLE transfers ADD COLUMN history_lines text;
        UPDATE transfers SET history_lines = coalesce(
            (SELECT string_agg(
                jsonb_build_array(
                    step->'at_ms', step->'author', step->'message', step->'status',
                    coalesce(step->'refused', '""'), coalesce(step->'reason', '""')
                )::text, E'\\n' ORDER BY place
             ) || E'\\n' FROM jsonb_array_elements(history) WITH ORDINALITY AS steps(step, place)),
            ''
        );
        ALTER TABLE transfers DROP COLUMN history;
        ALTER TABLE transfers RENAME COLUMN history_lines TO history;
        ALTER TABLE transfers ALTER COLUMN history SET NOT NULL;
        ALTER TABLE transfers SET (
            autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 100000,
            autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 500000,
            autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000
        );
        ALTER TABLE settlement_accounts SET (
            autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500
        );
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE transfers RESET (
            autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
            autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold,
            autovacuum_analyze_scale_factor, autovacuum_analyze_threshold
        );
        ALTER TABLE settlement_accounts RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
        ALTER TABLE transfers ADD COLUMN history_steps jsonb;
        UPDATE transfers SET history_steps = coalesce(
            (SELECT jsonb_agg(
                jsonb_build_object(
                    'at_ms', line->0, 'author', line->1, 'message', line->2, 'status', line->3,
                    'refused', line->4, 'reason', line->5
                ) ORDER BY place
             ) FROM (
                SELECT written::jsonb AS line, place
                FROM string_to_table(rtrim(history, E'\\n'), E'\\n') WITH ORDINALITY AS lines(written, place)
                WHERE written <> ''
             ) AS steps),
            '[]'
        );
        ALTER TABLE transfers DROP COLUMN history;
        ALTER TABLE transfers RENAME COLUMN history_steps TO history;
        ALTER TABLE transfers ALTER COLUMN history SET NOT NULL;
        ALTER TABLE transfers DROP COLUMN revision;
        """
    )
