"""The bank contract of docs/bank-contract.md, `/contract/v1`: what an examiner reads, and what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

from lab.broken_banks.bank import Bank
from lab.broken_banks.ledger import BRANCH, CAPITAL, CASH, CLEARING, SETTLEMENT, Account, Row
from lab.broken_banks.refusals import Refused
from lab.broken_banks.web import Answer, Request, Route
from pix.scheme.errors import SchemeError
from pix.scheme.keys import KeyKind

FEATURES: Final = ("accounts", "account_types", "companies", "manu", "returns")
PATH: Final = "/contract/v1"


class Contract:
    def __init__(self, bank: Bank, is_ready: Callable[[], bool]) -> None:
        self.bank = bank
        self._is_ready = is_ready

    def routes(self) -> Sequence[Route]:
        return (
            ("GET", f"{PATH}/bank", self.show_bank),
            ("GET", f"{PATH}/accounts", self.list_accounts),
            ("GET", f"{PATH}/accounts/([^/]+)/postings", self.list_postings),
            ("GET", f"{PATH}/transfers/([^/]+)", self.show_transfer),
            ("GET", f"{PATH}/books", self.show_books),
            ("POST", f"{PATH}/accounts", self.open_account),
            ("PUT", f"{PATH}/accounts/([^/]+)/status", self.set_status),
            ("POST", f"{PATH}/keys", self.register_key),
            ("DELETE", f"{PATH}/keys/([^/]+)", self.remove_key),
            ("POST", f"{PATH}/transfers", self.pay),
            ("POST", f"{PATH}/returns", self.give_back),
        )

    def show_bank(self, _: Request) -> Answer:
        if not self._is_ready():
            raise Refused("UNAVAILABLE", "Not ready", "The bank has not joined the network yet.")
        settings = self.bank.settings
        return Answer(
            {
                "code": settings.code,
                "ispb": settings.ispb,
                "name": settings.name,
                "features": list(FEATURES),
                "kafka_topic": settings.topic,
            }
        )

    def list_accounts(self, _: Request) -> Answer:
        with self.bank.reading() as ledger:
            accounts = ledger.accounts()
        return Answer({"accounts": [_account(account) for account in accounts]})

    def list_postings(self, request: Request) -> Answer:
        number = self.bank.account(request.parts[0]).number
        with self.bank.reading() as ledger:
            postings = ledger.postings(account_number=number)
        return Answer(
            {
                "postings": [
                    {
                        "id": str(posting.posting_id),
                        "transfer_id": posting.id if posting.direction else "",
                        "kind": posting.kind,
                        "amount_centavos": posting.amount_centavos
                        * (1 if posting.credit_account.startswith("customer:") else -1),
                        "at": posting.posted_at_ms,
                    }
                    for posting in postings
                ]
            }
        )

    def show_transfer(self, request: Request) -> Answer:
        with self.bank.reading() as ledger:
            rows = ledger.rows_of(request.parts[0])
        side = request.query.get("side")
        documents = [document for row in rows if (document := _side(row)) and side in (None, document["side"])]
        if not documents:
            raise Refused("NOT_FOUND", "Transfer not found", "This bank knows no such transfer or return.")
        return Answer(documents[0])

    def show_books(self, _: Request) -> Answer:
        with self.bank.reading() as ledger:
            customers = sum(account.balance_centavos for account in ledger.accounts())
            balances = ledger.balances()
        return Answer(
            {
                "customers_centavos": customers,
                "clearing_centavos": balances[CLEARING],
                "settlement_centavos": balances[SETTLEMENT],
                "equity_centavos": balances[CAPITAL] + balances[CASH],
            }
        )

    def open_account(self, request: Request) -> Answer:
        account = self.bank.open_account(
            request.text("owner_name"),
            request.text("owner_document"),
            request.text("type", "CACC"),
            request.amount("opening_balance_centavos", 0),
        )
        return Answer(_account(account), HTTPStatus.CREATED)

    def set_status(self, request: Request) -> Answer:
        return Answer(_account(self.bank.set_account_status(request.parts[0], request.text("status"))))

    def register_key(self, request: Request) -> Answer:
        try:
            kind = KeyKind(request.text("kind"))
        except ValueError:
            raise SchemeError("kind", "must be CPF, CNPJ, PHONE, EMAIL or EVP") from None
        key = self.bank.register_key(request.text("account"), kind, request.text("value", ""))
        return Answer({"kind": key.kind.value, "value": key.key}, HTTPStatus.CREATED)

    def remove_key(self, request: Request) -> Answer:
        self.bank.remove_key(request.parts[0])
        return Answer(None, HTTPStatus.NO_CONTENT)

    def pay(self, request: Request) -> Answer:
        row = self.bank.pay(
            request.text("account"),
            request.text("key"),
            request.amount("amount_centavos"),
            request.text("description", ""),
            request.text("idempotency_key"),
        )
        return Answer(_side(row), HTTPStatus.CREATED)

    def give_back(self, request: Request) -> Answer:
        row = self.bank.give_back(
            request.text("transfer_id"),
            request.amount("amount_centavos"),
            request.text("reason"),
            request.text("idempotency_key"),
        )
        return Answer(_side(row), HTTPStatus.CREATED)


def _account(account: Account) -> dict[str, Any]:
    return {
        "branch": BRANCH,
        "number": account.number,
        "type": account.type,
        "owner_name": account.owner_name,
        "owner_document": account.owner_document,
        "status": account.status,
        "balance_centavos": account.balance_centavos,
    }


def _side(row: Row) -> dict[str, Any]:
    side = row.direction.side.other if row.original_id else row.direction.side
    return {
        "id": row.id,
        "side": side.value,
        "status": {"accepted": "pending", "rejected": "failed"}.get(row.status, row.status),
        "reason": row.reason,
        "amount_centavos": row.amount_centavos,
    }
