"""A charge as it stands: immediate (`cob`) or with a due date (`cobv`).

Source: the Central Bank's API Pix, schemas of Cob and CobV. Amounts are centavos, percentages hundredths of a percent,
days are days in São Paulo, times Unix milliseconds of scheme time.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import Final

from pix.scheme.ids import is_account_number
from pix.scheme.initiation import Initiation, is_dynamic_txid
from pix.scheme.keys import PixKey
from pix.scheme.values import value_object

SECOND_MS: Final = 1_000


class ChargeKind(StrEnum):
    """Named as the paths of the API."""

    IMMEDIATE = "cob"
    DUE_DATE = "cobv"


class ChargeStatus(StrEnum):
    """Where a charge stands. It expires by time alone: expiry is never stored."""

    ACTIVE = "ATIVA"
    COMPLETED = "CONCLUIDA"
    REMOVED_BY_PAYEE = "REMOVIDA_PELO_USUARIO_RECEBEDOR"
    REMOVED_BY_BANK = "REMOVIDA_PELO_PSP"


@value_object
class Debtor:
    """Whom the merchant names as the payer; anyone may pay. `tax_id` is in stored form; only cobv has an address."""

    tax_id: str
    name: str
    email: str = ""
    street: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""


@value_object
class Detail:
    """One line of additional information that the payer is shown (`infoAdicionais`)."""

    name: str
    value: str


@value_object
class Immediate:
    """The terms of a cob."""

    expiry_seconds: int
    """From the creation, in scheme time."""
    payer_may_change_amount: bool = False
    """`modalidadeAlteracao` 1."""


@value_object
class Modality:
    """Fine, interest, rebate or discount: the number of its kind in the API (`modalidade`), and how much.

    `value` is centavos, or hundredths of a percent: the kind says which.
    """

    kind: int
    value: int


@value_object
class DatedDiscount:
    """A discount until a day, that day included."""

    until: date
    value: int


@value_object
class Discount:
    """`desconto`: kinds 1 and 2 have up to three dates, kinds 3 to 6 a value for each day of anticipation."""

    kind: int
    value: int = 0
    dated: tuple[DatedDiscount, ...] = ()


@value_object
class DueDate:
    """The terms of a cobv."""

    due_day: date
    valid_days_after: int
    """`validadeAposVencimento`: calendar days after the due date on which it can be paid."""
    fine: Modality | None = None
    interest: Modality | None = None
    rebate: Modality | None = None
    discount: Discount | None = None


@value_object
class Charge:
    """One charge. `tax_id` and `txid` identify it, over both kinds."""

    tax_id: str
    """The payee's CPF or CNPJ in stored form."""
    txid: str
    """26 to 35 letters and digits."""
    kind: ChargeKind
    account_number: str
    """The account that made it."""
    key: PixKey
    """The payee's key that is paid."""
    amount_centavos: int
    """The original amount. 0 of a cob whose payer chooses it."""
    terms: Immediate | DueDate
    created_at_ms: int
    status: ChargeStatus = ChargeStatus.ACTIVE
    revision: int = 0
    """Of the merchant's changes; a payment makes none."""
    debtor: Debtor | None = None
    payer_request: str = ""
    """`solicitacaoPagador`: asked of the payer, at most 140 characters."""
    details: tuple[Detail, ...] = ()
    location_id: int | None = None
    batch_id: str = ""
    """The lotecobv that made it; empty: none."""
    reserved_by: str = ""
    """The end-to-end id of the accepted transfer that is not decided yet."""
    paid_by: str = ""
    """The end-to-end id of the transfer that was credited."""

    @property
    def charge_id(self) -> tuple[str, str]:
        return self.tax_id, self.txid

    @property
    def is_active(self) -> bool:
        return self.status is ChargeStatus.ACTIVE


ChargeId = tuple[str, str]
"""The payee's tax id and the txid."""

ChargePlace = tuple[str, str]
"""The payee's account number and the txid: what a transfer knows of its charge."""


@value_object
class Location:
    """Where the payload of a charge is fetched (`loc`). It exists on its own, and serves one charge at a time."""

    location_id: int
    tax_id: str
    kind: ChargeKind
    token: str
    """The last part of its address; cannot be guessed."""
    created_at_ms: int
    txid: str = ""
    """Of the charge that it serves; empty: none."""


def place_of(initiation: Initiation | None, account_number: str, txid: str) -> ChargePlace | None:
    """Where to find the charge of a transfer; None when it can have none.

    Only a payment by dynamic code touches a charge: QRES and its txids of at most 25 characters never do. Texts that
    cannot be an account number and a txid are not looked up: the database would reject the batch for them.
    """
    if initiation is not Initiation.QRDN or not is_dynamic_txid(txid) or not is_account_number(account_number):
        return None
    return account_number, txid


def reserved(charge: Charge, end_to_end_id: str) -> Charge:
    """The charge once the offer of this transfer is accepted; one that waits for no payment stays as it is.

    Such a one is paid as well where the bank accepts what no charge wants.
    """
    return replace(charge, reserved_by=end_to_end_id) if charge.is_active and not charge.reserved_by else charge


def released(charge: Charge, end_to_end_id: str) -> Charge:
    """The charge once this transfer has failed; one that another transfer holds stays as it is."""
    return replace(charge, reserved_by="") if charge.reserved_by == end_to_end_id else charge


def completed(charge: Charge, end_to_end_id: str) -> Charge:
    """The charge once this transfer is credited, also when it was removed or has expired since the acceptance.

    The first payment counts; another one that the bank has accepted leaves the charge as it is.
    """
    if charge.status is ChargeStatus.COMPLETED:
        return released(charge, end_to_end_id)
    return replace(
        charge, status=ChargeStatus.COMPLETED, reserved_by=released(charge, end_to_end_id).reserved_by,
        paid_by=end_to_end_id,
    )  # fmt: skip
