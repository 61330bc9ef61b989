"""Databases of a hub (revision 0004) and two banks (revision 0002) with open transfers in every state.

Written by hand from those schemas alone, so that a change of today's code does not change the data of before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from alembic import command
from sqlalchemy import Connection, text

from bank_sim.adapters.postgres import MIGRATIONS as BANK_MIGRATIONS
from hub.adapters.postgres.unit_of_work import MIGRATIONS as HUB_MIGRATIONS
from pix.postgres.engine import make_engine, transaction
from pix.postgres.migrations import alembic_configuration

HUB_REVISION: Final = "0004"
BANK_REVISION: Final = "0002"

NOW_MS: Final = 1_790_000_000_000
"""2026-09-21 14:13:20 UTC."""
AURORA, IPE = "00000001", "00000002"
FUNDS: Final = 1_000_000
DEPOSIT: Final = 500_000
ANA = ("00000001", "0001", "100001-1", "Ana Souza", "***.982.247-**")
BIA = ("00000002", "0001", "200002-2", "Bia Lima", "***.444.777-**")
TAX_IDS: Final = {AURORA: "52998224725", IPE: "11144477735"}
KEY: Final = "bia@example.com"
NOBODYS_KEY: Final = "nobody@example.com"


@dataclass
class Case:
    """A transfer from Ana of Aurora to Bia of Ipê, as hub and banks have it; None where one has no row."""

    name: str
    hub: tuple[str, str | None] | None
    """Status and reason."""
    payer: tuple[str, str | None] | None
    payee: tuple[str, str | None] | None
    ends: str
    """`completed` or `failed`."""
    hub_steps: Sequence[Sequence[Any]] = ()
    """As the history has them: author, message, status, refused, reason."""
    processed: Sequence[str] = ()
    """The sides that have processed the outcome."""
    closed: bool = False
    key: str = KEY
    offered: bool = True
    answered: bool = True
    """Whether the payee's bank has given its answer; a silent bank gives none."""
    number: int = field(default=0)

    @property
    def end_to_end_id(self) -> str:
        """With the time of the data."""
        return f"E{AURORA}202609211413{self.number:011d}"

    @property
    def amount_centavos(self) -> int:
        """Each case has its own."""
        return 1_000 + self.number


REQUESTED = (AURORA, "TransferRequested", "pending", "", "")
ACCEPTED = (IPE, "TransferAccepted", "confirmed", "", "")
REJECTED = (IPE, "TransferRejected", "failed", "", "AC06")
PAYER_DONE = (AURORA, "OutcomeProcessed (payer)", "confirmed", "", "")
PAYEE_DONE = (IPE, "OutcomeProcessed (payee)", "confirmed", "", "")

CASES: Final = [
    Case("requested, and the hub does not know it", None, ("pending", None), None, "completed"),
    Case("offered", ("pending", None), ("pending", None), None, "completed", [REQUESTED]),
    Case(
        "offered again",
        ("pending", None),
        ("pending", None),
        None,
        "completed",
        [REQUESTED, ("hub", "TransferOffered", "pending", "", ""), ("hub", "TransferOffered", "pending", "", "")],
    ),
    Case(
        "accepted, and the answer was lost",
        ("pending", None),
        ("pending", None),
        ("accepted", None),
        "completed",
        [REQUESTED],
    ),
    Case(
        "a silent payee's bank",
        ("pending", None),
        ("pending", None),
        ("accepted", None),
        "completed",
        [REQUESTED],
        answered=False,
    ),
    Case(
        "rejected, and the answer was lost",
        ("pending", None),
        ("pending", None),
        ("rejected", "AC06"),
        "failed",
        [REQUESTED],
    ),
    Case(
        "another content came under its id",
        ("pending", None),
        ("pending", None),
        ("accepted", None),
        "completed",
        [REQUESTED, (AURORA, "TransferRequested", "pending", "the same id with another content (DUPL)", "")],
    ),
    Case("confirmed", ("confirmed", None), ("pending", None), ("accepted", None), "completed", [REQUESTED, ACCEPTED]),
    Case(
        "confirmed, and told again",
        ("confirmed", None),
        ("pending", None),
        ("accepted", None),
        "completed",
        [
            REQUESTED,
            ACCEPTED,
            ("hub", "TransferConfirmed (payer)", "confirmed", "", ""),
            ("hub", "TransferConfirmed (payee)", "confirmed", "", ""),
            (IPE, "TransferRejected", "confirmed", "too late: the transfer is confirmed", ""),
        ],
    ),
    Case(
        "confirmed, the payer's bank is done",
        ("confirmed", None),
        ("confirmed", None),
        ("accepted", None),
        "completed",
        [REQUESTED, ACCEPTED, PAYER_DONE],
        ["payer"],
    ),
    Case(
        "confirmed, the payee's bank is done",
        ("confirmed", None),
        ("pending", None),
        ("confirmed", None),
        "completed",
        [REQUESTED, ACCEPTED, PAYEE_DONE],
        ["payee"],
    ),
    Case("rejected", ("failed", "AC06"), ("pending", None), ("rejected", "AC06"), "failed", [REQUESTED, REJECTED]),
    Case(
        "timed out, the payer's bank is done",
        ("failed", "AB03"),
        ("failed", "AB03"),
        ("accepted", None),
        "failed",
        [
            REQUESTED,
            ("hub", "timeout", "failed", "", "AB03"),
            (IPE, "TransferAccepted", "failed", "too late: the transfer is failed", ""),
            ("hub", "TransferFailed (payer)", "failed", "", ""),
            ("hub", "TransferFailed (payee)", "failed", "", ""),
            (AURORA, "OutcomeProcessed (payer)", "failed", "", "AB03"),
        ],
        ["payer"],
    ),
    Case(
        "a bank was suspended before the acceptance",
        ("failed", "DS27"),
        ("pending", None),
        ("accepted", None),
        "failed",
        [REQUESTED, (IPE, "TransferAccepted", "failed", "", "DS27")],
    ),
    Case(
        "the key is not registered",
        ("failed", "AC03"),
        ("pending", None),
        None,
        "failed",
        [(AURORA, "TransferRequested", "failed", "", "AC03")],
        key=NOBODYS_KEY,
        offered=False,
    ),
    Case(
        "completed",
        ("completed", None),
        ("confirmed", None),
        ("confirmed", None),
        "completed",
        [REQUESTED, ACCEPTED, PAYER_DONE, (IPE, "OutcomeProcessed (payee)", "completed", "", "")],
        ["payer", "payee"],
        closed=True,
    ),
    Case(
        "failed and closed",
        ("failed", "AC06"),
        ("failed", "AC06"),
        ("failed", "AC06"),
        "failed",
        [
            REQUESTED,
            REJECTED,
            (IPE, "OutcomeProcessed (payee)", "failed", "", "AC06"),
            (AURORA, "OutcomeProcessed (payer)", "failed", "", "AC06"),
        ],
        ["payer", "payee"],
        closed=True,
    ),
]
for _number, _case in enumerate(CASES, 1):
    _case.number = _number


def steps_of(case: Case) -> list[list[Any]]:
    """The lines of the hub's history: time, author, message, status, refused, reason."""
    return [[NOW_MS + number, *step] for number, step in enumerate(case.hub_steps)]


def events_of(case: Case, direction: str) -> list[dict[str, Any]]:
    """The steps of a bank's history, with an ignored message where the case has one."""
    row = case.payer if direction == "outgoing" else case.payee
    assert row is not None
    status, reason = row
    if direction == "outgoing":
        steps = [_event("bank", "TransferRequested", "pending", None)]
    else:
        answer = "rejected" if (case.hub_steps and REJECTED in case.hub_steps) or status == "rejected" else "accepted"
        why = "AC06" if answer == "rejected" else None
        name = "TransferRejected" if why else "TransferAccepted"
        steps = [_event("hub", "TransferOffered", answer, None), _event("bank", name, answer, why)]
    if status == "confirmed":
        steps.append(_event("hub", "TransferConfirmed", status, None))
        steps.append({**_event("hub", "TransferFailed", status, None), "refused": "it does not apply"})
    if status == "failed":
        steps.append(_event("hub", "TransferFailed", status, reason))
    return steps


def _event(author: str, name: str, status: str, reason: str | None) -> dict[str, Any]:
    step = {"at_ms": NOW_MS, "author": author, "event": name, "status": status}
    return step if reason is None else {**step, "reason": reason}


def make_hub(url: str, secrets: Mapping[str, tuple[str, bytes]]) -> None:
    """An old hub's database; `secrets` has each bank's secret and wire key."""
    with _old_database(url, HUB_MIGRATIONS, HUB_REVISION) as connection:
        for ispb, code, name in ((AURORA, "001", "Banco Aurora"), (IPE, "002", "Banco Ipê")):
            secret, wire_key = secrets[ispb]
            row = {"ispb": ispb, "code": code, "name": name, "color": "#5b2a86", "url": "", "version": ""}
            _insert(connection, "banks", {**row, "active": True, "joined_at_ms": NOW_MS})
            digest = hashlib.sha256(secret.encode()).digest()
            _insert(
                connection,
                "bank_secrets",
                {"ispb": ispb, "secret_sha256": digest, "signing_key": wire_key, "added_at_ms": NOW_MS},
            )
            _insert(
                connection,
                "settlement_fundings",
                {"funding_id": f"f-{ispb}", "ispb": ispb, "amount_centavos": FUNDS, "funded_at_ms": NOW_MS},
            )
        known = [case for case in CASES if case.hub is not None]
        moved = sum(case.amount_centavos for case in known if _status(case.hub) in ("confirmed", "completed"))
        reserved = sum(case.amount_centavos for case in known if _status(case.hub) == "pending")
        for ispb, balance, held in ((AURORA, FUNDS - moved, reserved), (IPE, FUNDS + moved, 0)):
            _insert(
                connection,
                "settlement_accounts",
                {"ispb": ispb, "balance_centavos": balance, "reserved_centavos": held},
            )
        _insert(
            connection,
            "pix_keys",
            {
                "key": KEY,
                "kind": "EMAIL",
                "ispb": IPE,
                "branch": BIA[1],
                "account_number": BIA[2],
                "holder_name": BIA[3],
                "holder_kind": "PERSON",
                "tax_id_masked": BIA[4],
                "registered_at_ms": NOW_MS,
                "request_id": "",
            },
        )
        for case in known:
            _insert(connection, "transfers", _hub_row(case))
            status, reason = case.hub or ("", None)
            payee = IPE if case.key == KEY else ""
            _insert(
                connection,
                "transfer_tallies",
                {
                    "slot": case.number,
                    "payer_ispb": AURORA,
                    "payee_ispb": payee,
                    "status": status,
                    "reason": reason or "",
                    "transfers": 1,
                    "amount_centavos": case.amount_centavos,
                },
            )


def make_bank(url: str, ispb: str) -> None:
    """An old bank's database."""
    own, direction = (ANA, "outgoing") if ispb == AURORA else (BIA, "incoming")
    with _old_database(url, BANK_MIGRATIONS, BANK_REVISION) as connection:
        rows = [case for case in CASES if (case.payer if direction == "outgoing" else case.payee) is not None]
        customer, balance = f"customer:{own[2]}", DEPOSIT
        _post(connection, "settlement_funding", "settlement", "capital", FUNDS, operation_id=f"f-{ispb}")
        _post(
            connection, "deposit", "cash", customer, DEPOSIT, operation_id="deposit-1", account=own[2], balance=balance
        )
        for case in rows:
            _insert(connection, "transfers", _bank_row(case, direction))
            for kind, debit, credit in _booked(case, direction, customer):
                if customer in (debit, credit):
                    balance += case.amount_centavos if credit == customer else -case.amount_centavos
                _post(
                    connection,
                    kind,
                    debit,
                    credit,
                    case.amount_centavos,
                    end_to_end_id=case.end_to_end_id,
                    direction=direction,
                    account=own[2] if customer in (debit, credit) else None,
                    balance=balance if customer in (debit, credit) else None,
                )
        _insert(
            connection,
            "accounts",
            {
                "number": own[2],
                "branch": own[1],
                "holder_name": own[3],
                "holder_kind": "PERSON",
                "tax_id": TAX_IDS[ispb],
                "status": "active",
                "balance_centavos": balance,
                "opened_at_ms": NOW_MS,
                "pin_hash": "",
            },
        )


def _status(row: tuple[str, str | None] | None) -> str:
    return "" if row is None else row[0]


def _hub_row(case: Case) -> dict[str, Any]:
    status, reason = case.hub or ("", None)
    payee = BIA if case.key == KEY else (None,) * 5
    names = ("ispb", "branch", "account_number", "name", "tax_id_masked")
    return {
        "end_to_end_id": case.end_to_end_id, "status": status, "reason": reason,
        "amount_centavos": case.amount_centavos,
        **{f"payer_{name}": value for name, value in zip(names, ANA, strict=True)},
        **{f"payee_{name}": value for name, value in zip(names, payee, strict=True)},
        "key_kind": "EMAIL", "key": case.key, "requested_tax_id_masked": "", "description": "almoço",
        "requested_at_ms": NOW_MS - 9, "received_at_ms": NOW_MS, "offered_at_ms": NOW_MS if case.offered else None,
        "decided_at_ms": None if status == "pending" else NOW_MS + 10,
        "payer_processed_at_ms": NOW_MS + 20 if "payer" in case.processed else None,
        "payee_processed_at_ms": NOW_MS + 20 if "payee" in case.processed else None,
        "closed_at_ms": NOW_MS + 20 if case.closed else None,
        "resend_at_ms": None if case.closed else NOW_MS + 1_000,
        "resend_count": 0, "resends": 0, "duplicates": 0, "refusals": 0, "traceparent": "",
        "history": "".join(json.dumps(step) + "\n" for step in steps_of(case)),
    }  # fmt: skip


def _bank_row(case: Case, direction: str) -> dict[str, Any]:
    status, reason = (case.payer if direction == "outgoing" else case.payee) or ("", None)
    is_final = status in ("confirmed", "failed")
    knows_payee = direction == "incoming" or is_final
    payee = BIA if knows_payee and case.key == KEY else (None,) * 5
    names = ("ispb", "branch", "account_number", "name", "tax_id_masked")
    is_silent = direction == "incoming" and not case.answered
    return {
        "end_to_end_id": case.end_to_end_id, "direction": direction, "status": status, "reason": reason,
        "amount_centavos": case.amount_centavos, "account_number": ANA[2] if direction == "outgoing" else BIA[2],
        **{f"payer_{name}": value for name, value in zip(names, ANA, strict=True)},
        **{f"payee_{name}": value for name, value in zip(names, payee, strict=True)},
        "key_kind": "EMAIL", "key": case.key, "description": "almoço",
        "shown_tax_id_masked": "", "shown_name": "", "shown_bank_name": "", "requested_at_ms": NOW_MS - 9,
        "answered_at_ms": NOW_MS if direction == "incoming" and not is_silent else None,
        "decided_at_ms": NOW_MS + 10 if is_final else None, "offered_at_ms": None, "completed_at_ms": None,
        "resend_at_ms": None if is_final or is_silent else NOW_MS + 1_000,
        "resend_count": 0, "duplicates": 0, "answer_style": "once",
        "idempotency_key": f"order-{case.number}" if direction == "outgoing" else "", "traceparent": "",
        "history": json.dumps(events_of(case, direction)), "steps_refused": 0,
    }  # fmt: skip


def _booked(case: Case, direction: str, customer: str) -> list[tuple[str, str, str]]:
    status = _status(case.payer if direction == "outgoing" else case.payee)
    if direction == "incoming":
        return [("credit", "settlement", customer)] if status == "confirmed" else []
    booked = [("payment", customer, "clearing")]
    if status == "confirmed":
        booked.append(("settlement_out", "clearing", "settlement"))
    if status == "failed":
        booked.append(("refund", "clearing", customer))
    return booked


def _post(
    connection: Connection,
    kind: str,
    debit: str,
    credit: str,
    amount_centavos: int,
    *,
    operation_id: str | None = None,
    end_to_end_id: str | None = None,
    direction: str | None = None,
    account: str | None = None,
    balance: int | None = None,
) -> None:
    _insert(
        connection,
        "postings",
        {
            "kind": kind,
            "debit_account": debit,
            "credit_account": credit,
            "amount_centavos": amount_centavos,
            "posted_at_ms": NOW_MS,
            "end_to_end_id": end_to_end_id,
            "direction": direction,
            "operation_id": operation_id,
            "account_number": account,
            "balance_after_centavos": balance,
        },
    )


def _insert(connection: Connection, table: str, row: Mapping[str, Any]) -> None:
    connection.execute(
        text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})"), dict(row)
    )


@contextmanager
def _old_database(url: str, migrations: Path, revision: str) -> Iterator[Connection]:
    """A database with the schema of a revision, within one transaction."""
    engine = make_engine(url)
    try:
        with transaction(engine) as connection:
            configuration = alembic_configuration(migrations)
            configuration.attributes["connection"] = connection
            command.upgrade(configuration, revision)
            yield connection
    finally:
        engine.dispose()
