"""The examined bank over HTTP, by docs/bank-contract.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx

from lab.prove.conform.evidence import Evidence, Way
from lab.prove.conform.verdict import Failed
from pix.web.client import new_http_client

ANSWER_SECONDS_MAX: Final = 10.0
"""A bank that takes longer for an answer does not answer."""
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
CONNECTIONS_MAX: Final = 64
PREFIX: Final = "/contract/v1"

Json = Any


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the examined bank."""

    branch: str
    number: str
    type: str
    owner_name: str
    owner_document: str
    status: str
    balance_centavos: int


@dataclass(frozen=True, slots=True)
class TransferView:
    """A side of a transfer or return, as the bank shows it."""

    id: str
    side: str
    status: str
    reason: str
    amount_centavos: int

    @property
    def is_confirmed(self) -> bool:
        return self.status in ("confirmed", "completed")


@dataclass(frozen=True, slots=True)
class Posting:
    id: str
    transfer_id: str
    kind: str
    amount_centavos: int
    at: int


@dataclass(frozen=True, slots=True)
class Books:
    customers_centavos: int
    clearing_centavos: int
    settlement_centavos: int
    equity_centavos: int

    @property
    def sum_centavos(self) -> int:
        return self.customers_centavos + self.clearing_centavos + self.settlement_centavos + self.equity_centavos


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came. `body` is the JSON, or None when there is none."""

    status: int
    body: Json
    text: str
    content_type: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_refusal(self) -> bool:
        """The bank has refused what it was asked: it neither did it nor failed."""
        return 400 <= self.status < 500

    @property
    def reason(self) -> str:
        """The gRPC status that the refusal names; empty for none."""
        found = self.body.get("reason") if isinstance(self.body, dict) else None
        return found if isinstance(found, str) else ""


class BankApi:
    """Calls of one case, which are noted as its evidence. Every method raises `Failed` for an answer out of form."""

    def __init__(self, url: str, client: httpx.Client, evidence: Evidence) -> None:
        self._url = url
        self._client = client
        self._evidence = evidence

    def call(self, method: str, path: str, document: Json = None, *, raw: bytes | None = None) -> Answer:
        """Any call; `path` is behind the prefix. Raises `Failed` when the bank does not answer in time."""
        address = f"{PREFIX}{path}"
        what = f"{method} {address}"
        content = (
            raw if raw is not None else None if document is None else json.dumps(document, ensure_ascii=False).encode()
        )
        headers = {"Content-Type": "application/json"} if content is not None else {}
        self._evidence.add(Way.SENT, what, "" if content is None else content.decode("utf-8", "replace"))
        try:
            response = self._client.request(method, f"{self._url}{address}", content=content, headers=headers)
        except httpx.HTTPError as error:
            self._evidence.add(Way.CAME, what, f"no answer: {type(error).__name__}")
            raise Failed(f"{what} had no answer: {type(error).__name__}.") from None
        text = response.content[:ANSWER_BYTES_MAX].decode("utf-8", "replace")
        self._evidence.add(Way.CAME, f"{response.status_code} of {what}", text)
        try:
            body = json.loads(text) if text else None
        except ValueError:
            body = None
        return Answer(response.status_code, body, text, response.headers.get("content-type", ""))

    def ask(self, method: str, path: str, document: Json = None) -> Json:
        """A call that must succeed: its JSON object."""
        answer = self.call(method, path, document)
        if not answer.is_success:
            raise Failed(f"{method} {PREFIX}{path} was answered with {answer.status}, and should have succeeded.")
        if not isinstance(answer.body, dict):
            raise Failed(f"{method} {PREFIX}{path} was not answered with a JSON object.")
        return answer.body

    def bank(self) -> Json:
        return self.ask("GET", "/bank")

    def accounts(self) -> list[Account]:
        return [account_of(row) for row in _list(self.ask("GET", "/accounts"), "accounts")]

    def account(self, number: str) -> Account:
        for account in self.accounts():
            if account.number == number:
                return account
        raise Failed(f"GET {PREFIX}/accounts does not list the account {number}.")

    def postings(self, number: str) -> list[Posting]:
        found = _list(self.ask("GET", f"/accounts/{quote(number, safe='')}/postings"), "postings")
        return [
            Posting(
                str(row.get("id", "")),
                _text(row, "transfer_id"),
                _text(row, "kind"),
                _amount(row, "amount_centavos"),
                _amount(row, "at"),
            )
            for row in found
        ]

    def books(self) -> Books:
        body = self.ask("GET", "/books")
        names = ("customers_centavos", "clearing_centavos", "settlement_centavos", "equity_centavos")
        return Books(*(_amount(body, name) for name in names))

    def find_transfer(self, transfer_id: str, side: str = "") -> TransferView | None:
        """None when the bank does not know it (404)."""
        query = f"?side={side}" if side else ""
        answer = self.call("GET", f"/transfers/{quote(transfer_id, safe='')}{query}")
        if answer.status == httpx.codes.NOT_FOUND:
            return None
        if not answer.is_success or not isinstance(answer.body, dict):
            raise Failed(f"GET {PREFIX}/transfers/{transfer_id} was answered with {answer.status}.")
        return transfer_of(answer.body)

    def remove_key(self, value: str) -> Answer:
        return self.call("DELETE", f"/keys/{quote(value, safe='')}")


def new_client() -> httpx.Client:
    # A connection for each call: a server may close one at any time after an answer, which is no fault.
    limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=0)
    return new_http_client(timeout=ANSWER_SECONDS_MAX, limits=limits)


def account_of(row: Json) -> Account:
    """Raises `Failed` for a document out of form."""
    return Account(
        branch=_text(row, "branch"),
        number=_text(row, "number"),
        type=_text(row, "type"),
        owner_name=_text(row, "owner_name"),
        owner_document=_text(row, "owner_document"),
        status=_text(row, "status"),
        balance_centavos=_amount(row, "balance_centavos"),
    )


def transfer_of(row: Json) -> TransferView:
    """Raises `Failed` for a document out of form."""
    return TransferView(
        id=_text(row, "id"),
        side=_text(row, "side"),
        status=_text(row, "status"),
        reason=_text(row, "reason"),
        amount_centavos=_amount(row, "amount_centavos"),
    )


def _list(body: Json, name: str) -> list[Json]:
    found = body.get(name)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Failed(f"The answer has no list of objects with the name {name!r}.")
    return found


def _text(row: Json, name: str) -> str:
    found = row.get(name) if isinstance(row, dict) else None
    if not isinstance(found, str):
        raise Failed(f"{name} must be a text, and is {found!r}.")
    return found


def _amount(row: Json, name: str) -> int:
    found = row.get(name) if isinstance(row, dict) else None
    if type(found) is not int:
        raise Failed(f"{name} must be an integer, and is {found!r}.")
    return found
