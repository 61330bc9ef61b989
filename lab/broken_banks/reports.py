"""What the audit, the console's sequence and the classroom read of any bank: a part of our bank's REST API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

from lab.broken_banks.bank import Bank
from lab.broken_banks.ledger import BRANCH, CAPITAL, CASH, CLEARING, SETTLEMENT, Account, Posting, Row
from lab.broken_banks.refusals import Refused
from lab.broken_banks.web import Answer, Request, Route
from pix.scheme.keys import KeyKind
from pix.scheme.messages import Party
from pix.scheme.people import HolderKind, check_tax_id

PATH: Final = "/api/v1"


def report_routes(bank: Bank, is_ready: Callable[[], bool]) -> Sequence[Route]:
    return _Reports(bank, is_ready).routes()


class _Reports:
    def __init__(self, bank: Bank, is_ready: Callable[[], bool]) -> None:
        self._bank = bank
        self._is_ready = is_ready

    def routes(self) -> Sequence[Route]:
        return (
            ("GET", "/health/ready", self._health),
            ("GET", "/health/live", lambda _: Answer({})),
            ("GET", f"{PATH}/books", self._books),
            ("GET", f"{PATH}/postings", self._postings),
            ("GET", f"{PATH}/transfers/([^/]+)/postings", self._postings_of_transfer),
            ("GET", f"{PATH}/transfers/([^/]+)", self._transfer),
            ("GET", f"{PATH}/transfers", self._transfers),
            ("GET", f"{PATH}/returns", self._returns),
            ("GET", f"{PATH}/accounts", self._accounts),
            ("GET", f"{PATH}/accounts/([^/]+)", self._account),
            ("GET", f"{PATH}/accounts/([^/]+)/keys", self._keys),
            ("GET", f"{PATH}/dead-letters", self._dead_letters),
        )

    def _health(self, _: Request) -> Answer:
        if self._is_ready():
            return Answer({"parts": {}})
        return Answer({"parts": {"hub": "not joined"}}, HTTPStatus.SERVICE_UNAVAILABLE)

    def _books(self, _: Request) -> Answer:
        with self._bank.reading() as ledger:
            accounts, postings, balances = ledger.accounts(), ledger.postings(), ledger.balances()
        posted: Counter[str] = Counter()
        seen: Counter[tuple[str, str, str]] = Counter()
        deposits = 0
        for posting in postings:
            sign = 1 if posting.credit_account.startswith("customer:") else -1
            posted[posting.account_number] += sign * posting.amount_centavos
            seen[posting.id, posting.direction, posting.kind] += 1
            if posting.kind == "deposit":
                deposits += posting.amount_centavos
        balanced = [account.number for account in accounts if account.balance_centavos != posted[account.number]]
        return Answer(
            {
                "customers_centavos": sum(account.balance_centavos for account in accounts),
                "customers_posted_centavos": balances["customer"],
                "clearing_centavos": balances[CLEARING],
                "settlement_centavos": -balances[SETTLEMENT],
                "cash_centavos": -balances[CASH],
                "capital_centavos": balances[CAPITAL],
                "deposits_centavos": deposits,
                "postings": len(postings),
                "negative_accounts": [account.number for account in accounts if account.balance_centavos < 0],
                "unbalanced_accounts": balanced,
                "unbalanced_transfers": sorted({row_id for (row_id, _, _), times in seen.items() if times > 1}),
                "is_balanced": not balanced,
            }
        )

    def _postings(self, _: Request) -> Answer:
        with self._bank.reading() as ledger:
            postings = ledger.postings()
        return Answer({"postings": [_posting(posting) for posting in reversed(postings)], "next_cursor": ""})

    def _postings_of_transfer(self, request: Request) -> Answer:
        with self._bank.reading() as ledger:
            postings = ledger.postings(row_id=request.parts[0])
        return Answer({"postings": [_posting(posting) for posting in postings]})

    def _transfer(self, request: Request) -> Answer:
        direction = request.query.get("direction")
        with self._bank.reading() as ledger:
            rows = [row for row in ledger.rows_of(request.parts[0]) if direction in (None, row.direction.value)]
        if not rows:
            raise Refused("NOT_FOUND", "Transfer not found", "This bank knows no such transfer.")
        return Answer(_transfer(rows[0]))

    def _transfers(self, request: Request) -> Answer:
        with self._bank.reading() as ledger:
            rows = ledger.rows(returns=False, undecided=request.query.get("undecided") == "true")
        return Answer({"transfers": [_transfer(row) for row in rows], "next_cursor": ""})

    def _returns(self, request: Request) -> Answer:
        with self._bank.reading() as ledger:
            rows = ledger.rows(returns=True, undecided=request.query.get("undecided") == "true")
            originals = {row.id: ledger.rows_of(row.original_id) for row in rows}
        documents = [_return(row, originals[row.id]) for row in rows]
        return Answer({"returns": documents, "next_cursor": ""})

    def _accounts(self, _: Request) -> Answer:
        with self._bank.reading() as ledger:
            accounts = ledger.accounts()
        return Answer({"accounts": [_account(account) for account in accounts], "next_cursor": ""})

    def _account(self, request: Request) -> Answer:
        return Answer(_account(self._bank.account(request.parts[0])))

    def _keys(self, request: Request) -> Answer:
        number = self._bank.account(request.parts[0]).number
        with self._bank.reading() as ledger:
            keys = ledger.keys(number)
        return Answer(
            {
                "keys": [
                    {"kind": KeyKind(kind).value, "key": key, "account_number": number, "registered_at_ms": at_ms}
                    for kind, key, at_ms in keys
                ]
            }
        )

    def _dead_letters(self, _: Request) -> Answer:
        with self._bank.reading() as ledger:
            letters = ledger.dead_letters()
        return Answer({"dead_letters": letters, "counts": {"open": len(letters)}})


def _account(account: Account) -> dict[str, Any]:
    holder_kind, _ = check_tax_id(account.owner_document)
    return {
        "number": account.number,
        "branch": BRANCH,
        "holder_name": account.owner_name,
        "holder_kind": HolderKind(holder_kind).value,
        "tax_id": account.owner_document,
        "status": {"open": "active"}.get(account.status, account.status),
        "balance_centavos": account.balance_centavos,
        "opened_at_ms": account.opened_at_ms,
    }


def _posting(posting: Posting) -> dict[str, Any]:
    is_of_transfer = bool(posting.direction)
    return {
        "posting_id": posting.posting_id,
        "kind": posting.kind,
        "debit_account": posting.debit_account,
        "credit_account": posting.credit_account,
        "amount_centavos": posting.amount_centavos,
        "posted_at_ms": posting.posted_at_ms,
        "end_to_end_id": posting.id if is_of_transfer else None,
        "direction": posting.direction if is_of_transfer else None,
        "operation_id": None if is_of_transfer else posting.id,
        "account_number": posting.account_number or None,
    }


def _transfer(row: Row) -> dict[str, Any]:
    message = row.message
    return {
        "end_to_end_id": row.id,
        "payer": _party(message.payer),
        "payee": _party(message.payee),
        "payee_key": None
        if message.payee_key is None
        else {"kind": message.payee_key.kind, "key": message.payee_key.key},
        "description": message.description,
        **_state(row),
    }


def _return(row: Row, originals: Sequence[Row]) -> dict[str, Any]:
    # The request of a return names no parties: they are those of the transfer that it returns.
    source = row.message if hasattr(row.message, "payer") else originals[-1].message
    return {
        "return_id": row.id,
        "original_end_to_end_id": row.original_id,
        "payer": _party(source.payer),
        "payee": _party(source.payee),
        **_state(row),
    }


def _state(row: Row) -> dict[str, Any]:
    return {
        "direction": row.direction.value,
        "status": row.status,
        "reason": row.reason or None,
        "amount_centavos": row.amount_centavos,
        "account_number": row.account_number,
        "requested_at_ms": row.made_at_ms,
        "decided_at_ms": row.decided_at_ms,
        "resend_at_ms": row.resend_at_ms,
        "resend_count": row.resend_count,
    }


def _party(party: Party | None) -> dict[str, Any] | None:
    if party is None:
        return None
    return {
        "ispb": party.ispb,
        "branch": party.branch,
        "account_number": party.account_number,
        "name": party.name,
        "tax_id_masked": party.tax_id_masked,
    }
