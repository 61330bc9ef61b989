"""The JSON documents of the contract."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from bank_sim.application.views import BooksSums, StatementLine
from bank_sim.domain.account import Account, AccountStatus
from bank_sim.domain.flows.returns.model import Return, ReturnStatus
from bank_sim.domain.flows.transfer.model import Transfer, TransferStatus
from bank_sim.domain.flows.transfer.requests import IDEMPOTENCY_KEY_LENGTH_MAX
from pix.scheme.keys import KEY_LENGTH_MAX, KeyKind
from pix.scheme.reasons import ReasonCode

TEXT_LENGTH_MAX: Final = 2_000
"""Of a text that the use case checks by its rule."""
ACCOUNT_TYPE: Final = "CACC"
"""A bank of the simulator has current accounts alone."""
STATUSES: Final = {
    AccountStatus.ACTIVE: "open",
    AccountStatus.BLOCKED: "blocked",
    AccountStatus.CLOSED: "closed",
}

Amount = Annotated[int, Field(strict=True)]
Text = Annotated[str, Field(max_length=TEXT_LENGTH_MAX)]


class BankDocument(BaseModel):
    code: str
    ispb: str
    name: str
    features: list[str]
    kafka_topic: str


class AccountDocument(BaseModel):
    branch: str
    number: str
    type: str
    owner_name: str
    owner_document: str
    status: str
    balance_centavos: int

    @staticmethod
    def of(account: Account) -> AccountDocument:
        return AccountDocument(
            branch=account.branch,
            number=account.number,
            type=ACCOUNT_TYPE,
            owner_name=account.holder_name,
            owner_document=account.tax_id,
            status=STATUSES[account.status],
            balance_centavos=account.balance_centavos,
        )


class AccountList(BaseModel):
    accounts: list[AccountDocument]


class PostingDocument(BaseModel):
    id: str
    transfer_id: str
    kind: str
    amount_centavos: int
    at: int

    @staticmethod
    def of(line: StatementLine) -> PostingDocument:
        return PostingDocument(
            id=str(line.posting_id),
            transfer_id=line.end_to_end_id,
            kind=line.kind,
            amount_centavos=line.amount_centavos,
            at=line.posted_at_ms,
        )


class PostingList(BaseModel):
    postings: list[PostingDocument]


class TransferDocument(BaseModel):
    """This bank's side of a transfer or a return; `side` is that of the original transfer."""

    id: str
    side: str
    status: str
    reason: str
    amount_centavos: int

    @staticmethod
    def of(row: Transfer | Return) -> TransferDocument:
        side = row.direction.side
        if isinstance(row, Return):
            return TransferDocument(
                id=row.return_id,
                side=side.other,
                status=_RETURN_STATUSES[row.status],
                reason=row.reason or "",
                amount_centavos=row.amount_centavos,
            )
        is_completed = row.status is TransferStatus.CONFIRMED and row.completed_at_ms is not None
        return TransferDocument(
            id=row.end_to_end_id,
            side=side,
            status="completed" if is_completed else _TRANSFER_STATUSES[row.status],
            reason=row.reason or "",
            amount_centavos=row.amount_centavos,
        )


_TRANSFER_STATUSES: Final = {
    TransferStatus.PENDING: "pending",
    TransferStatus.ACCEPTED: "pending",
    TransferStatus.REJECTED: "failed",
    TransferStatus.CONFIRMED: "confirmed",
    TransferStatus.FAILED: "failed",
}
_RETURN_STATUSES: Final = {
    ReturnStatus.PENDING: "pending",
    ReturnStatus.ACCEPTED: "pending",
    ReturnStatus.REJECTED: "failed",
    ReturnStatus.CONFIRMED: "confirmed",
    ReturnStatus.FAILED: "failed",
}


class BooksDocument(BaseModel):
    """The four kinds of account, signed: what the bank owes is positive, and the sum is 0."""

    customers_centavos: int
    clearing_centavos: int
    settlement_centavos: int
    equity_centavos: int

    @staticmethod
    def of(books: BooksSums) -> BooksDocument:
        return BooksDocument(
            customers_centavos=books.customers_centavos,
            clearing_centavos=books.clearing_centavos,
            settlement_centavos=-books.settlement_centavos,
            equity_centavos=books.capital_centavos - books.cash_centavos,
        )


class OpenAccountOrder(BaseModel):
    owner_name: Text
    owner_document: Text
    type: Literal["CACC"] = ACCOUNT_TYPE
    opening_balance_centavos: Amount = 0


class StatusOrder(BaseModel):
    status: Literal["open", "blocked", "closed"]


class KeyOrder(BaseModel):
    account: Text
    kind: KeyKind
    value: Text = ""


class KeyDocument(BaseModel):
    kind: KeyKind
    value: str


class TransferOrder(BaseModel):
    account: Text
    key: Annotated[str, Field(max_length=KEY_LENGTH_MAX)]
    amount_centavos: Amount
    description: Text = ""
    idempotency_key: Annotated[str, Field(min_length=1, max_length=IDEMPOTENCY_KEY_LENGTH_MAX)]


class ReturnOrder(BaseModel):
    transfer_id: Text
    amount_centavos: Amount
    reason: Literal[ReasonCode.MD06, ReasonCode.BE08, ReasonCode.FR01]
    idempotency_key: Annotated[str, Field(min_length=1, max_length=IDEMPOTENCY_KEY_LENGTH_MAX)]
