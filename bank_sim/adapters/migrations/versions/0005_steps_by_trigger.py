"""A step of a history is stored by its trigger, in place of the name of a message; ignored messages are called so.

A step was `{"at_ms", "author", "event", "status", "reason"?, "refused"?}` and becomes
`{"at_ms", "author", "trigger", "status", "reason"?, "ignored"?}`. The count has the name that it has at the hub.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE transfers RENAME COLUMN steps_refused TO refusals;
        UPDATE transfers SET history = coalesce(
            (SELECT jsonb_agg(
                step - 'event' - 'refused' || jsonb_build_object('trigger', CASE step->>'event'
                    WHEN 'TransferRequested' THEN 'request'
                    WHEN 'TransferOffered' THEN 'offer'
                    WHEN 'TransferAccepted' THEN 'acceptance'
                    WHEN 'TransferRejected' THEN 'rejection'
                    WHEN 'TransferConfirmed' THEN 'confirmation'
                    ELSE 'failure'
                END) || CASE WHEN step ? 'refused' THEN jsonb_build_object('ignored', step->'refused') ELSE '{}' END
                ORDER BY place
             ) FROM jsonb_array_elements(history) WITH ORDINALITY AS steps(step, place)),
            '[]'
        );
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE transfers RENAME COLUMN refusals TO steps_refused;
        UPDATE transfers SET history = coalesce(
            (SELECT jsonb_agg(
                step - 'trigger' - 'ignored' || jsonb_build_object('event', CASE step->>'trigger'
                    WHEN 'request' THEN 'TransferRequested'
                    WHEN 'offer' THEN 'TransferOffered'
                    WHEN 'acceptance' THEN 'TransferAccepted'
                    WHEN 'rejection' THEN 'TransferRejected'
                    WHEN 'confirmation' THEN 'TransferConfirmed'
                    ELSE 'TransferFailed'
                END) || CASE WHEN step ? 'ignored' THEN jsonb_build_object('refused', step->'ignored') ELSE '{}' END
                ORDER BY place
             ) FROM jsonb_array_elements(history) WITH ORDINALITY AS steps(step, place)),
            '[]'
        );
        """
    )
