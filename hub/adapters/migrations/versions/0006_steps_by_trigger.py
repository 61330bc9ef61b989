"""A step of a history is stored by its trigger and side, in place of a text for display that readers took apart.

A line was `[at_ms, author, message, status, refused, reason]`, with the message's type and side in one text such as
`TransferConfirmed (payer)`. It becomes `[at_ms, author, trigger, side, status, reason, ignored]`.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        UPDATE transfers SET history = coalesce(
            (SELECT string_agg(
                jsonb_build_array(
                    step->0, step->1,
                    CASE
                        WHEN step->>1 = 'hub' AND step->>2 = 'timeout' THEN 'timeout'
                        WHEN step->>1 = 'hub' THEN 'retransmission'
                        WHEN name = 'TransferRequested' AND step->>3 = 'failed' AND step->>4 = '' THEN 'refusal'
                        WHEN name = 'TransferRequested' THEN 'request'
                        WHEN name = 'TransferAccepted' AND step->>3 = 'failed' AND step->>4 = '' THEN 'suspension'
                        WHEN name = 'TransferAccepted' THEN 'acceptance'
                        WHEN name = 'TransferRejected' THEN 'rejection'
                        WHEN step->>3 = 'completed' AND step->>4 = '' THEN 'completion'
                        ELSE 'processing'
                    END,
                    coalesce(substring(step->>2 FROM '[(](payer|payee)[)]$'), ''),
                    step->3, step->5, step->4
                )::text, E'\\n' ORDER BY place
             ) || E'\\n' FROM (
                SELECT line::jsonb AS step, split_part(line::jsonb->>2, ' ', 1) AS name, place
                FROM string_to_table(rtrim(history, E'\\n'), E'\\n') WITH ORDINALITY AS lines(line, place)
                WHERE line <> ''
             ) AS steps),
            ''
        );
        """
    )


def downgrade() -> None:
    op.execute(
        """
        UPDATE transfers SET history = coalesce(
            (SELECT string_agg(
                jsonb_build_array(
                    step->0, step->1,
                    CASE step->>2
                        WHEN 'request' THEN 'TransferRequested'
                        WHEN 'refusal' THEN 'TransferRequested'
                        WHEN 'acceptance' THEN 'TransferAccepted'
                        WHEN 'suspension' THEN 'TransferAccepted'
                        WHEN 'rejection' THEN 'TransferRejected'
                        WHEN 'timeout' THEN 'timeout'
                        WHEN 'retransmission' THEN CASE step->>4
                            WHEN 'pending' THEN 'TransferOffered'
                            WHEN 'failed' THEN 'TransferFailed'
                            ELSE 'TransferConfirmed'
                        END
                        ELSE 'OutcomeProcessed'
                    END || CASE WHEN step->>3 = '' THEN '' ELSE ' (' || (step->>3) || ')' END,
                    step->4, step->6, step->5
                )::text, E'\\n' ORDER BY place
             ) || E'\\n' FROM (
                SELECT line::jsonb AS step, place
                FROM string_to_table(rtrim(history, E'\\n'), E'\\n') WITH ORDINALITY AS lines(line, place)
                WHERE line <> ''
             ) AS steps),
            ''
        );
        """
    )
