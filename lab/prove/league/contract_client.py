"""A stranger's bank over the bank contract (`docs/bank-contract.md`): every answer is bounded and checked."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar

import httpx
from pydantic import BaseModel, Field, ValidationError

ANSWER_SECONDS_MAX: Final = 10.0
"""From the first byte asked to the last byte read, as the contract has it."""
ANSWER_SECONDS_MIN: Final = 0.1
ANSWER_BYTES_MAX: Final = 2 * 1024 * 1024
ACCOUNTS_MAX: Final = 1_000
POSTINGS_MAX: Final = 100_000
ID_LENGTH_MAX: Final = 100
CENTAVOS_MAX: Final = 10**15
SENTENCE_LENGTH_MAX: Final = 200

Centavos = Annotated[int, Field(strict=True, ge=-CENTAVOS_MAX, le=CENTAVOS_MAX)]
Name = Annotated[str, Field(max_length=ID_LENGTH_MAX)]


class ContractUnreachable(Exception):
    """The bank did not answer, or not within the time, or says that it cannot now (5xx)."""


class ContractBroken(Exception):
    """The bank's answer is not what the contract says; the text names the endpoint and the rule."""


class ContractRefused(Exception):
    """The bank refused what was asked (4xx)."""


class AccountDocument(BaseModel):
    number: Name
    balance_centavos: Centavos


class AccountsDocument(BaseModel):
    accounts: Annotated[list[AccountDocument], Field(max_length=ACCOUNTS_MAX)]


class PostingDocument(BaseModel):
    transfer_id: Name | None = ""
    amount_centavos: Centavos


class PostingsDocument(BaseModel):
    postings: Annotated[list[PostingDocument], Field(max_length=POSTINGS_MAX)]


class TransferDocument(BaseModel):
    id: Name


class BooksDocument(BaseModel):
    customers_centavos: Centavos
    clearing_centavos: Centavos
    settlement_centavos: Centavos
    equity_centavos: Centavos


Answer = TypeVar("Answer", bound=BaseModel)


class ContractClient:
    """Thread-safe. Every method raises `ContractUnreachable`, `ContractBroken` and `ContractRefused`."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self._url = f"{url}/contract/v1"
        self._client = client
        self._over_at = math.inf

    def end_by(self, at_seconds: float) -> None:
        """From now on no answer is awaited beyond this moment of the monotonic clock."""
        self._over_at = at_seconds

    def is_ready(self) -> bool:
        try:
            self._ask("GET", "/bank")
        except (ContractUnreachable, ContractRefused):
            return False
        return True

    def open_account(self, owner_name: str, owner_document: str, opening_balance_centavos: int) -> AccountDocument:
        body = {
            "owner_name": owner_name,
            "owner_document": owner_document,
            "type": "CACC",
            "opening_balance_centavos": opening_balance_centavos,
        }
        return self._read(AccountDocument, "POST", "/accounts", body)

    def register_key(self, account: str, kind: str, value: str) -> None:
        self._ask("POST", "/keys", {"account": account, "kind": kind, "value": value})

    def pay(self, account: str, key: str, amount_centavos: int, description: str, idempotency_key: str) -> str:
        """The id of the transfer."""
        body = {
            "account": account,
            "key": key,
            "amount_centavos": amount_centavos,
            "description": description,
            "idempotency_key": idempotency_key,
        }
        return self._read(TransferDocument, "POST", "/transfers", body).id

    def accounts(self) -> list[AccountDocument]:
        return self._read(AccountsDocument, "GET", "/accounts").accounts

    def postings(self, account: str) -> list[PostingDocument]:
        return self._read(PostingsDocument, "GET", f"/accounts/{account}/postings").postings

    def books(self) -> BooksDocument:
        return self._read(BooksDocument, "GET", "/books")

    def _read(self, kind: type[Answer], method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        content = self._ask(method, path, body)
        try:
            return kind.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise ContractBroken(
                f"{method} {path}: {field or 'the answer'}: {first['msg']}"[:SENTENCE_LENGTH_MAX]
            ) from None

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> bytes:
        now = time.monotonic()
        seconds_max = max(ANSWER_SECONDS_MIN, min(ANSWER_SECONDS_MAX, self._over_at - now))
        deadline = now + seconds_max
        try:
            with self._client.stream(method, self._url + path, json=body, timeout=seconds_max) as answer:
                content = bytearray()
                for chunk in answer.iter_bytes():
                    content += chunk
                    if len(content) > ANSWER_BYTES_MAX:
                        raise ContractBroken(f"{method} {path}: the answer is longer than {ANSWER_BYTES_MAX} bytes")
                    # A time-out of the client is one of each read: a bank that sends a byte a second meets none.
                    if time.monotonic() > deadline:
                        raise ContractUnreachable(f"{method} {path}: the answer took more than {seconds_max:.1f} s")
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ContractUnreachable(f"{method} {path}: no answer ({type(error).__name__})") from None
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ContractUnreachable(f"{method} {path}: status {status}")
        if status >= HTTPStatus.BAD_REQUEST:
            raise ContractRefused(f"{method} {path}: status {status}{_detail(bytes(content))}"[:SENTENCE_LENGTH_MAX])
        if status >= HTTPStatus.MULTIPLE_CHOICES:
            raise ContractBroken(f"{method} {path}: status {status} is not in the contract")
        return bytes(content)


def _detail(content: bytes) -> str:
    """What a problem document says, after a colon; empty when it is none."""
    try:
        problem = json.loads(content)
        said = problem.get("detail") or problem.get("title")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return f": {said}" if isinstance(said, str) and said else ""
