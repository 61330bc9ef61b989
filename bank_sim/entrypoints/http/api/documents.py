"""The shapes of the API. Amounts are integer centavos, times Unix milliseconds in UTC; null is what is not known."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from bank_sim.domain.account import AccountStatus
from bank_sim.domain.flows.transfer.model import HistoryStep, TransferStatus, Trigger
from bank_sim.domain.flows.transfer.timeline import step_name
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind
from pix.scheme.people import HolderKind
from pix.scheme.postings import Direction, PostingKind
from pix.scheme.reasons import ReasonCode
from pix.web.documents import Document

AmountCentavos = Annotated[int, Field(strict=True, description="Whole centavos.", examples=[12_345])]
END_TO_END_ID_EXAMPLE = "E00000001202601311832aB3dE6gH9jK"


class Key(Document):
    """A Pix key in stored form."""

    model_config = ConfigDict(json_schema_extra={"example": {"kind": "EMAIL", "key": "ana@example.com"}})

    kind: KeyKind
    key: str


class Account(Document):
    """A customer's account."""

    number: str = Field(examples=["100001-7"])
    branch: str = Field(examples=["0001"])
    holder_name: str = Field(examples=["Ana Souza"])
    holder_kind: HolderKind
    tax_id: str = Field(examples=["52998224725"])
    status: AccountStatus
    balance_centavos: int = Field(examples=[250_000])
    opened_at_ms: int = Field(examples=[1_769_889_120_000])


class AccountPage(Document):
    """Accounts by number."""

    accounts: list[Account]
    next_cursor: str


class OpenAccountRequest(BaseModel):
    """What opening an account takes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "name": "Ana Souza",
                "tax_id": "529.982.247-25",
                "opening_deposit_centavos": 250_000,
                "pin": "1234",
            }
        },
    )

    name: str = Field(max_length=400)
    tax_id: str = Field(max_length=100)
    opening_deposit_centavos: Annotated[int, Field(strict=True)] = 0
    pin: str = Field(max_length=40)


class AccountKey(Document):
    """A key of an account."""

    kind: KeyKind = Field(validation_alias=AliasPath("key", "kind"))
    key: str = Field(validation_alias=AliasPath("key", "key"), examples=["+5511987654321"])
    account_number: str = Field(examples=["100001-7"])
    registered_at_ms: int


class AccountKeys(Document):
    """Keys in the order of their registration."""

    keys: list[AccountKey]


class RegisterKeyRequest(BaseModel):
    """A key to register. For EVP, `key` is empty and the hub generates the key."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"kind": "PHONE", "key": "(11) 98765-4321"}}
    )

    kind: KeyKind
    key: str = Field(default="", max_length=400)


class Payee(Document):
    """The owner of a key, as shown to a payer before confirming."""

    kind: KeyKind = Field(validation_alias=AliasPath("key", "kind"))
    key: str = Field(validation_alias=AliasPath("key", "key"))
    name: str = Field(examples=["Bruno Lima"])
    tax_id_masked: str = Field(examples=["***.982.247-**"])
    holder_kind: HolderKind
    ispb: str = Field(examples=["00000002"])
    bank_code: str = Field(examples=["002"])
    bank_name: str = Field(examples=["Banco Ipê"])


class PayeeKey(Key):
    """The key that is paid."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"kind": "EMAIL", "key": "bruno@example.com"}}
    )


class TypedPayee(BaseModel):
    """A payee without a key, as the payer types it (MANU)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "bank": "002",
                "branch": "0001",
                "account_number": "200002-2",
                "name": "Bruno Lima",
                "tax_id": "111.444.777-35",
            }
        },
    )

    bank: str = Field(max_length=20, description="Three-digit code, or ISPB.")
    branch: str = Field(max_length=40)
    account_number: str = Field(max_length=80)
    name: str = Field(max_length=400)
    tax_id: str = Field(max_length=100, description="CPF or CNPJ. The payee's bank compares it with the account's.")


class RequestTransferRequest(BaseModel):
    """An order to pay a key, a typed account or a static code: exactly one of `payee_key`, `payee` and `brcode`.

    It may include the payee's data as shown to the payer: the hub compares the masked tax id.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "payee_key": {"kind": "EMAIL", "key": "bruno@example.com"},
                "amount_centavos": 12_345,
                "description": "Lunch",
            }
        },
    )

    payee_key: PayeeKey | None = None
    payee: TypedPayee | None = None
    brcode: str = Field(
        default="",
        max_length=2_000,
        description="A static Pix code. Its key and txid count; amount and message must be those that it sets.",
    )
    amount_centavos: AmountCentavos
    description: str = Field(default="", max_length=2_000)
    payee_tax_id_masked: str = Field(default="", max_length=40)
    payee_name: str = Field(default="", max_length=400)
    payee_bank_name: str = Field(default="", max_length=400)
    initiation: Initiation | None = Field(
        default=None, description="By default `MANU` with `payee`, `QRES` with `brcode`, otherwise `DICT`."
    )
    txid: str = Field(default="", max_length=100, description="Of a QR code that the caller has read.")


class TransferParty(Document):
    """One side of a transfer."""

    ispb: str
    branch: str
    account_number: str
    name: str
    tax_id_masked: str


class TransferStep(BaseModel):
    """One line of a transfer's history. `refused` is the reason why a message was ignored."""

    at_ms: int
    author: str
    event: str
    status: TransferStatus
    reason: ReasonCode | None
    refused: str
    trigger: Trigger

    @staticmethod
    def of(step: HistoryStep) -> TransferStep:
        """`event` is the step's name."""
        return TransferStep(
            at_ms=step.at_ms,
            author=step.author,
            event=step_name(step),
            status=step.status,
            reason=step.reason,
            refused=step.ignored,
            trigger=step.trigger,
        )


class TransferDocument(Document):
    """This bank's side of a transfer. The bank reads `offered_at_ms` and `completed_at_ms` from the hub on request."""

    end_to_end_id: str = Field(examples=[END_TO_END_ID_EXAMPLE])
    direction: Direction
    status: TransferStatus
    reason: ReasonCode | None
    amount_centavos: int = Field(examples=[12_345])
    account_number: str = Field(examples=["100001-7"])
    payer: TransferParty
    payee: TransferParty | None
    payee_key: Key | None = Field(description="Null for a typed account (MANU).")
    initiation: Initiation
    txid: str = Field(description="Empty for none.")
    description: str
    requested_at_ms: int
    answered_at_ms: int | None
    decided_at_ms: int | None
    offered_at_ms: int | None
    completed_at_ms: int | None
    resend_at_ms: int | None
    resend_count: int = Field(validation_alias="resends")
    duplicates: int
    idempotency_key: str
    history: list[Annotated[TransferStep, BeforeValidator(TransferStep.of)]]


class TransferPage(Document):
    """Transfers in the order asked for."""

    transfers: list[TransferDocument]
    next_cursor: str


class StatementLine(Document):
    """One posting as its customer sees it."""

    posting_id: int
    posted_at_ms: int
    kind: PostingKind
    end_to_end_id: str
    counterpart_name: str
    counterpart_bank: str
    description: str
    amount_centavos: int = Field(description="Change of the balance; negative for a payment.")
    balance_after_centavos: int
    transfer_status: str | None = Field(
        description="Status of the line's transfer or return: `pending` until the hub decides; null for a deposit."
    )
    flow: str = Field(description="What the id is of: `transfer` or `return`; empty for a deposit.")
    initiation: Initiation | None
    txid: str


class StatementPage(Document):
    """Lines, newest first."""

    lines: list[StatementLine]
    next_cursor: str
