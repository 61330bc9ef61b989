"""The sandbox: counters of seeded ids, payments on demand, and one table of rules, which holds the switches too."""

import json

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# As they stand when this migration runs for a bank whose switches were changed before. A bank without a row in
# `behaviour` has no rules either: the standard ones count until the first change.
MAGIC = {
    **{
        amount: {"mode": "reject", "reason": code}
        for amount, code in (
            (2, "SL02"), (3, "AC03"), (4, "RR04"), (5, "ED05"), (6, "AC06"), (7, "AC07"), (9, "AM09"), (14, "AC14"),
            (17, "BE17"),
        )
    },
    20: {"mode": "silent"},
    21: {"delay_ms": 10_000},
    22: {"style": "twice"},
    23: {"style": "yes_and_no"},
}  # fmt: skip


def upgrade() -> None:
    op.execute(
        """
        CREATE SEQUENCE sandbox_ids MINVALUE 0 START 0;
        CREATE SEQUENCE sandbox_end_to_end_ids MINVALUE 0 START 0;

        CREATE TABLE rules (
            rule_id text COLLATE "C" PRIMARY KEY,
            kind text NOT NULL,
            position integer NOT NULL,
            enabled boolean NOT NULL,
            source text NOT NULL,
            match text NOT NULL,
            action text NOT NULL
        );

        CREATE TABLE planned_payments (
            plan_id text COLLATE "C" PRIMARY KEY,
            account_number text NOT NULL,
            code text NOT NULL,
            created_at_ms bigint NOT NULL,
            times integer NOT NULL,
            amount_centavos bigint,
            client_key text UNIQUE,
            rule_id text NOT NULL,
            due_at_ms bigint,
            terms text,
            status text NOT NULL,
            done_at_ms bigint,
            end_to_end_ids text NOT NULL,
            refusal text NOT NULL
        );
        CREATE INDEX planned_payments_due ON planned_payments (due_at_ms, plan_id) WHERE due_at_ms IS NOT NULL;
        CREATE INDEX planned_payments_newest ON planned_payments (created_at_ms DESC, plan_id);
        """
    )
    for amount, action in MAGIC.items():
        match = json.dumps({"amount_centavos": amount})
        op.execute(
            "INSERT INTO rules SELECT "  # noqa: S608 - constants of this module
            f"'magic-{amount:04d}', 'answer', 1000, magic_amounts, 'magic', '{match}', '{json.dumps(action)}' "
            "FROM behaviour"
        )
    op.execute(
        """
        INSERT INTO rules SELECT 'switches', 'answer', 10000, true, 'switch', '{}', json_build_object(
            'mode', mode, 'reason', reject_reason, 'delay_ms', answer_delay_ms, 'style', answer_style)::text
        FROM behaviour;
        INSERT INTO rules SELECT 'reading', 'reading', 10000, true, 'switch', '{}',
            json_build_object('reads', consuming)::text FROM behaviour;
        DROP TABLE behaviour;
        """
    )


def downgrade() -> None:
    op.execute(
        """
        CREATE TABLE behaviour (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            mode text NOT NULL,
            reject_reason text NOT NULL,
            answer_delay_ms bigint NOT NULL,
            answer_style text NOT NULL,
            magic_amounts boolean NOT NULL,
            consuming boolean NOT NULL
        );
        INSERT INTO behaviour SELECT true,
            coalesce(action::json->>'mode', 'by_account'), coalesce(action::json->>'reason', 'ED05'),
            coalesce((action::json->>'delay_ms')::bigint, 0), coalesce(action::json->>'style', 'once'),
            EXISTS (SELECT FROM rules WHERE source = 'magic' AND enabled),
            coalesce((SELECT (action::json->>'reads')::boolean FROM rules WHERE rule_id = 'reading'), true)
        FROM rules WHERE rule_id = 'switches';
        DROP TABLE planned_payments, rules;
        DROP SEQUENCE sandbox_end_to_end_ids, sandbox_ids;
        """
    )
