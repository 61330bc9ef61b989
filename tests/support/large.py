"""Fills the databases of a hub and two banks with many transfers that agree with each other, by SQL alone.

Each transfer from the first bank to the second is followed by one of the same amount between the same two accounts in
the other direction, so that all balances are as before. Every fiftieth pair has failed.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, create_engine, text

ACCOUNTS = 1_000
"""At each bank."""
PER_STATEMENT = 100_000
SPACING_MS = 500
"""Between two transfers."""
DEPOSIT_CENTAVOS = 1_000_000

# Number n goes from the first bank to the second when it is even; n / 2 is the number of its pair.
_NUMBERS = """
    SELECT n, n % 2 = 0 AS is_forth, (n / 2) % 50 = 49 AS has_failed, 1 + (n / 2) % 10000 AS centavos,
        CASE n % 2 WHEN 0 THEN :first ELSE :second END AS payer,
        CASE n % 2 WHEN 0 THEN :second ELSE :first END AS payee,
        to_char(800000 + (n / 2) % :accounts, 'FM000000') || '-0' AS number,
        :begin_ms + n * :spacing_ms AS at_ms
    FROM generate_series(CAST(:from AS bigint), :to - 1) AS n
"""
_MADE = f"""
    WITH made AS (
        SELECT *, 'E' || payer || to_char(to_timestamp(at_ms / 1000) AT TIME ZONE 'UTC', 'YYYYMMDDHH24MI')
            || to_char(n, 'FM00000000000') AS id,
            'Payer ' || number AS payer_name, 'Payee ' || number AS payee_name
        FROM ({_NUMBERS}) AS numbers
    )
"""
_HUB = f"""
    {_MADE}
    INSERT INTO transfers (
        end_to_end_id, status, reason, amount_centavos,
        payer_ispb, payer_branch, payer_account_number, payer_name, payer_tax_id_masked,
        payee_ispb, payee_branch, payee_account_number, payee_name, payee_tax_id_masked,
        key_kind, key, requested_tax_id_masked, description, requested_at_ms, received_at_ms, offered_at_ms,
        decided_at_ms, payer_processed_at_ms, payee_processed_at_ms, closed_at_ms, resend_at_ms, resend_count, resends,
        duplicates, refusals, traceparent, history
    )
    SELECT id, CASE WHEN has_failed THEN 'failed' ELSE 'completed' END, CASE WHEN has_failed THEN 'AC06' END, centavos,
        payer, '0001', number, payer_name, '***.000.000-**', payee, '0001', number, payee_name, '***.000.000-**',
        'EMAIL', 'payee' || number || '@example.com', '', '', at_ms, at_ms + 10, at_ms + 10,
        at_ms + 50, at_ms + 80, at_ms + 90, at_ms + 90, NULL, 0, 0, 0, 0, '',
        format(E'[%s,"%s","request","","pending","",""]\\n', at_ms + 10, payer)
        || CASE WHEN has_failed THEN format(E'[%s,"%s","rejection","","failed","AC06",""]\\n', at_ms + 50, payee)
            || format(E'[%s,"%s","processing","payer","failed","AC06",""]\\n', at_ms + 80, payer)
            || format(E'[%s,"%s","processing","payee","failed","AC06",""]\\n', at_ms + 90, payee)
        ELSE format(E'[%s,"%s","acceptance","","confirmed","",""]\\n', at_ms + 50, payee)
            || format(E'[%s,"%s","processing","payer","confirmed","",""]\\n', at_ms + 80, payer)
            || format(E'[%s,"%s","completion","payee","completed","",""]\\n', at_ms + 90, payee) END
    FROM made
"""
_TALLIES = """
    TRUNCATE transfer_tallies;
    INSERT INTO transfer_tallies
        SELECT 0, payer_ispb, coalesce(payee_ispb, ''), status, coalesce(reason, ''), count(*), sum(amount_centavos)
        FROM transfers GROUP BY 2, 3, 4, 5
"""
_ACCOUNTS = """
    INSERT INTO accounts (
        number, branch, holder_name, holder_kind, tax_id, status, balance_centavos, opened_at_ms, pin_hash
    )
    SELECT to_char(800000 + n, 'FM000000') || '-0', '0001', 'Customer ' || n, 'PERSON', '', 'closed', :deposit, 0, ''
    FROM generate_series(0, :accounts - 1) AS n;
    INSERT INTO postings (kind, debit_account, credit_account, amount_centavos, posted_at_ms, operation_id)
    SELECT 'deposit', 'cash', 'customer:' || to_char(800000 + n, 'FM000000') || '-0', :deposit, 0, 'large deposit ' || n
    FROM generate_series(0, :accounts - 1) AS n
"""
_BANK = f"""
    {_MADE}, sides AS (
        SELECT *, CASE WHEN payer = :own THEN 'outgoing' ELSE 'incoming' END AS direction,
            CASE WHEN has_failed THEN 'failed' ELSE 'confirmed' END AS status
        FROM made
    ), rows AS (
        INSERT INTO transfers (
            end_to_end_id, direction, status, reason, amount_centavos, account_number,
            payer_ispb, payer_branch, payer_account_number, payer_name, payer_tax_id_masked,
            payee_ispb, payee_branch, payee_account_number, payee_name, payee_tax_id_masked,
            key_kind, key, description, shown_tax_id_masked, shown_name, shown_bank_name, requested_at_ms,
            answered_at_ms, decided_at_ms, completed_at_ms, resend_at_ms, resend_count, duplicates, answer_style,
            idempotency_key, traceparent, history, refusals
        )
        SELECT id, direction, status, CASE WHEN has_failed THEN 'AC06' END, centavos, number,
            payer, '0001', number, payer_name, '***.000.000-**', payee, '0001', number, payee_name, '***.000.000-**',
            'EMAIL', 'payee' || number || '@example.com', '', '', '', '', at_ms,
            NULL, at_ms + 60, at_ms + 90, NULL, 0, 0, 'once',
            CASE direction WHEN 'outgoing' THEN 'large ' || n ELSE '' END, '',
            jsonb_build_array(jsonb_build_object(
                'at_ms', at_ms, 'author', CASE direction WHEN 'outgoing' THEN 'bank' ELSE 'hub' END,
                'trigger', CASE direction WHEN 'outgoing' THEN 'request' ELSE 'offer' END,
                'status', CASE direction WHEN 'outgoing' THEN 'pending' ELSE 'accepted' END
            )) || CASE WHEN has_failed
                THEN jsonb_build_array(jsonb_build_object(
                    'at_ms', at_ms + 60, 'author', 'hub', 'trigger', 'failure', 'status', status, 'reason', 'AC06'))
                ELSE jsonb_build_array(jsonb_build_object(
                    'at_ms', at_ms + 60, 'author', 'hub', 'trigger', 'confirmation', 'status', status)) END,
            0
        FROM sides
    )
    INSERT INTO postings (
        kind, debit_account, credit_account, amount_centavos, posted_at_ms, end_to_end_id, direction, account_number,
        balance_after_centavos
    )
    SELECT kind, debit, credit, centavos, at_ms, id, direction, customer,
        CASE WHEN customer IS NOT NULL THEN :deposit END
    FROM sides CROSS JOIN LATERAL (
        SELECT * FROM (VALUES
            ('payment', 'customer:' || number, 'clearing', number, direction = 'outgoing'),
            ('settlement_out', 'clearing', 'settlement', NULL, direction = 'outgoing' AND NOT has_failed),
            ('refund', 'clearing', 'customer:' || number, number, direction = 'outgoing' AND has_failed),
            ('credit', 'settlement', 'customer:' || number, number, direction = 'incoming' AND NOT has_failed)
        ) AS entries(kind, debit, credit, customer, is_due) WHERE is_due
    ) AS booked
"""


@dataclass(frozen=True)
class BankDatabase:
    ispb: str
    url: str


def fill(hub_url: str, banks: tuple[BankDatabase, BankDatabase], transfers: int, begin_ms: int) -> None:
    """Adds so many transfers, an even number, from `begin_ms` on; the banks exist, and have no transfers of this."""
    first, second = banks
    fill_hub(hub_url, first.ispb, second.ispb, transfers, begin_ms)
    for bank in banks:
        fill_bank(bank, first.ispb, second.ispb, transfers, begin_ms)


def fill_hub(url: str, first: str, second: str, transfers: int, begin_ms: int) -> None:
    """The hub's part alone; `first` and `second` are the ISPBs."""
    _run(url, "", _HUB, _TALLIES, transfers, _values(first, second, begin_ms))


def fill_bank(
    bank: BankDatabase, first: str, second: str, transfers: int, begin_ms: int, accounts: int = ACCOUNTS
) -> None:
    """The part of one of the two, among so many of its customers."""
    _run(
        bank.url,
        _ACCOUNTS,
        _BANK,
        "",
        transfers,
        {**_values(first, second, begin_ms), "own": bank.ispb, "accounts": accounts},
    )


def pour_into_hub(connection: Connection, first: str, second: str, transfers: int, begin_ms: int) -> None:
    """The hub's rows alone: no tallies, no triggers and no statistics, so that plans of before stay."""
    _pour(connection, _HUB, {**_values(first, second, begin_ms), "from": 0, "to": transfers})


def pour_into_bank(connection: Connection, bank: str, first: str, second: str, transfers: int, begin_ms: int) -> None:
    """The same at one of the two banks, without accounts. `bank` is its ISPB."""
    _pour(connection, _BANK, {**_values(first, second, begin_ms), "own": bank, "from": 0, "to": transfers})


def _pour(connection: Connection, rows: str, values: dict[str, object]) -> None:
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    connection.execute(text(rows), values)


def _values(first: str, second: str, begin_ms: int) -> dict[str, object]:
    return {
        "first": first,
        "second": second,
        "accounts": ACCOUNTS,
        "spacing_ms": SPACING_MS,
        "begin_ms": begin_ms,
        "deposit": DEPOSIT_CENTAVOS,
    }


def _run(url: str, before: str, each: str, after: str, transfers: int, values: dict[str, object]) -> None:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL synchronous_commit = off"))
            if before:
                connection.execute(text(before), values)
            for start in range(0, transfers, PER_STATEMENT):
                bounds = {"from": start, "to": min(start + PER_STATEMENT, transfers)}
                connection.execute(text(each), {**values, **bounds})
            if after:
                connection.execute(text(after))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM (ANALYZE) transfers"))
            if before:
                connection.execute(text("VACUUM (ANALYZE) postings"))
    finally:
        engine.dispose()
