"""The shapes of the API. Amounts are integer centavos, times Unix milliseconds in UTC; null is what is not known."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from bank_sim.domain.account import AccountStatus
from bank_sim.domain.charges.model import ChargeKind, ChargeStatus
from bank_sim.domain.flows.transfer.model import HistoryStep, TransferStatus, Trigger
from bank_sim.domain.flows.transfer.timeline import step_name
from bank_sim.domain.limits import LimitKind, Period
from bank_sim.domain.schedules.calendar import PlanOrder, Rhythm
from bank_sim.domain.schedules.model import ExecutionOutcome, ScheduleStatus
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


class DeviceDocument(Document):
    """A device that is signed in to an account. Times are real time."""

    mark: str = Field(examples=["5f2c9e41aa07b3d8"])
    name: str = Field(examples=["Chrome · Android"])
    is_phone: bool
    signed_in_at_ms: int
    seen_at_ms: int


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


class _OrderRequest(BaseModel):
    """What every order to pay has. It may include the payee's data as shown to the payer."""

    amount_centavos: AmountCentavos
    description: str = Field(default="", max_length=2_000)
    payee_tax_id_masked: str = Field(default="", max_length=40)
    payee_name: str = Field(default="", max_length=400)
    payee_bank_name: str = Field(default="", max_length=400)


class RequestTransferRequest(_OrderRequest):
    """An order to pay a key, a typed account or a Pix code: exactly one of `payee_key`, `payee` and `brcode`.

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
        description=(
            "A Pix code. Amount and message must be those that it sets. A static one is read as it stands; the charge "
            "of a dynamic one is fetched from the payee's bank."
        ),
    )
    initiation: Initiation | None = Field(
        default=None,
        description=(
            "By default `MANU` with `payee`, `QRES` with a static `brcode`, otherwise `DICT`. Always `QRDN` with a "
            "dynamic `brcode`."
        ),
    )
    txid: str = Field(default="", max_length=100, description="Of a QR code that the caller has read.")


class WriteCodeRequest(BaseModel):
    """A static Pix code to write: for a key of the account, with what it sets."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "key": {"kind": "EMAIL", "key": "ana@example.com"},
                "amount_centavos": 12_345,
                "message": "Lunch",
                "txid": "ORDER42",
            }
        },
    )

    key: PayeeKey
    amount_centavos: AmountCentavos | None = Field(default=None, description="Null: the payer chooses it.")
    message: str = Field(default="", max_length=200)
    txid: str = Field(
        default="", max_length=100, description="Up to 25 letters and digits, which come back with each payment."
    )


class WrittenCode(Document):
    """A Pix code (*copia e cola*)."""

    brcode: str


class ReadCodeRequest(BaseModel):
    """A Pix code to read."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"brcode": "00020126…"}})

    brcode: str = Field(max_length=2_000)
    day: date | None = Field(default=None, description="When it is to be paid, in São Paulo; today unless named.")


class ChargeDetail(Document):
    """One line of what the merchant says of a charge."""

    name: str
    value: str


class ChargeDocument(Document):
    """The charge of a dynamic code, as the payee's bank has signed it."""

    kind: ChargeKind
    txid: str
    revision: int
    status: ChargeStatus
    original_centavos: int = Field(validation_alias=AliasPath("amount", "original_centavos"))
    fine_centavos: int = Field(validation_alias=AliasPath("amount", "fine_centavos"))
    interest_centavos: int = Field(validation_alias=AliasPath("amount", "interest_centavos"))
    rebate_centavos: int = Field(validation_alias=AliasPath("amount", "rebate_centavos"))
    discount_centavos: int = Field(validation_alias=AliasPath("amount", "discount_centavos"))
    final_centavos: int = Field(validation_alias=AliasPath("amount", "final_centavos"))
    created_at_ms: int
    expires_at_ms: int | None = Field(description="Of an immediate charge.")
    due_day: date | None = Field(description="Of a charge with a due date.")
    valid_days_after: int
    payer_request: str
    details: list[ChargeDetail]


class CodeDocument(Document):
    """What a Pix code asks for, with the payee as the directory knows them."""

    payee: Payee
    initiation: Initiation
    txid: str = Field(description="Empty for none.")
    amount_centavos: int | None = Field(description="Null: the payer chooses it.")
    payer_may_change_amount: bool
    description: str = Field(description="The message that a static code sets.")
    charge: ChargeDocument | None = Field(validation_alias="payload", description="Of a dynamic code.")


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


class TransferWithArchive(TransferDocument):
    """One side of a transfer, and whether its history is still here."""

    archived_at_ms: int | None = Field(
        default=None, description="When the history was moved to an archive; null while it is here."
    )


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


SCHEDULE_ID_EXAMPLE = "3f0f6a52-8c1d-4a6e-9b3a-2d1c5e7f9a10"


class PlanRequest(BaseModel):
    """Which days to pay on, days of São Paulo. One that repeats has either `count` or `last_day`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"rhythm": "monthly", "first_day": "2026-12-31", "count": 12}}
    )

    rhythm: Rhythm
    first_day: date = Field(description="From tomorrow on. Monthly, a day that a month lacks is its last day.")
    count: int | None = Field(default=None, strict=True, description="How many payments.")
    last_day: date | None = None

    def as_order(self) -> PlanOrder:
        return PlanOrder(self.rhythm, self.first_day, self.count, self.last_day)


class SchedulePaymentRequest(_OrderRequest):
    """An order to pay on days to come."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "payee_key": {"kind": "EMAIL", "key": "bruno@example.com"},
                "amount_centavos": 150_000,
                "description": "Rent",
                "plan": {"rhythm": "monthly", "first_day": "2026-12-31", "count": 12},
            }
        },
    )

    payee_key: PayeeKey | None = None
    brcode: str = Field(default="", max_length=2_000, description="Refused: what a code asks for is paid at once.")
    plan: PlanRequest


class EditScheduleRequest(BaseModel):
    """What to change; null leaves it. `plan` says which days remain: its `first_day` is the next payment's."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"amount_centavos": 160_000}})

    amount_centavos: AmountCentavos | None = None
    description: str | None = Field(default=None, max_length=2_000)
    plan: PlanRequest | None = None


class SchedulePlan(Document):
    """The days of a schedule."""

    rhythm: Rhythm
    first_day: date
    last_day: date
    count: int


class ScheduleDocument(Document):
    """A scheduled payment. `next_day` and `next_try_at_ms` are null unless it is active."""

    schedule_id: str = Field(examples=[SCHEDULE_ID_EXAMPLE])
    account_number: str = Field(examples=["100001-7"])
    status: ScheduleStatus
    payee_key: Key
    payee_name: str
    payee_bank_name: str
    amount_centavos: int
    description: str
    plan: SchedulePlan
    created_at_ms: int
    next_day: date | None
    next_try_at_ms: int | None
    payments_left: int
    tries: int = Field(description="How often the next payment was tried already.")
    refusal: str = Field(description="Why its latest try was refused.")
    idempotency_key: str


class ScheduleList(Document):
    """The active ones by the next try, then the others, newest first."""

    schedules: list[ScheduleDocument]


class ExecutionDocument(Document):
    """What became of a payment on its day: `requested`, and its transfer tells the rest; `failed`, with a `reason`."""

    schedule_id: str = Field(examples=[SCHEDULE_ID_EXAMPLE])
    due_day: date
    outcome: ExecutionOutcome
    executed_at_ms: int
    amount_centavos: int
    end_to_end_id: str
    reason: str


class ExecutionList(Document):
    """Newest first."""

    executions: list[ExecutionDocument]


class ChangeLimitRequest(BaseModel):
    """A limit in centavos; null is no limit, where the bank has none by default."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"amount_centavos": 50_000}})

    amount_centavos: Annotated[int, Field(strict=True)] | None


class LimitDocument(Document):
    """A limit that counts now; null is no limit. A raise that waits counts from `raise_at_ms` on."""

    kind: LimitKind
    amount_centavos: int | None
    raise_to_centavos: int | None
    raise_at_ms: int | None


class SpanDocument(Document):
    """The present day or night, from `start_ms` to before `end_ms`."""

    period: Period
    start_ms: int
    end_ms: int


class LimitsDocument(Document):
    """An account's limits, and what it has paid in the present day or night."""

    span: SpanDocument
    spent_centavos: int
    limits: list[LimitDocument]
