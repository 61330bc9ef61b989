"""The payload of a charge: what its location serves to a payer's bank, and where that location is.

Source: the Central Bank's API Pix, tag CobPayload. Amounts are centavos, days are days in São Paulo, times Unix
milliseconds of scheme time.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from bank_sim.domain.charges.model import ChargeKind, ChargeStatus, Debtor, Detail
from pix.scheme.brcode import check_location
from pix.scheme.keys import PixKey
from pix.scheme.values import value_object

PAYLOAD_PATH: Final = "/qr/v2"
"""The paths of payloads begin with it; those of charges with a due date go on with `/cobv`."""
KEY_SET_PATH: Final = "/qr/jwks.json"
TOKEN_LENGTH_MAX: Final = 22
"""Of a location's token: 128 random bits as URL-safe base 64. A longer one leaves too little for the host."""

# The accounts of the simulator have no address, and the payload of a charge with a due date must show one.
PAYEE_STREET: Final = "Avenida Paulista, 1000"
PAYEE_CITY: Final = "Sao Paulo"
PAYEE_STATE: Final = "SP"
PAYEE_POSTAL_CODE: Final = "01310100"


@value_object
class AmountShown:
    """What the payer is asked for: `original` with what a day adds and takes off, and the sum."""

    original_centavos: int
    final_centavos: int
    fine_centavos: int = 0
    interest_centavos: int = 0
    rebate_centavos: int = 0
    discount_centavos: int = 0


@value_object
class PayeeShown:
    """`recebedor` of a charge with a due date."""

    name: str
    tax_id: str
    street: str = PAYEE_STREET
    city: str = PAYEE_CITY
    state: str = PAYEE_STATE
    postal_code: str = PAYEE_POSTAL_CODE


@value_object
class ChargePayload:
    """A charge as its payee's bank shows it to a payer's bank at one moment."""

    kind: ChargeKind
    txid: str
    revision: int
    status: ChargeStatus
    key: PixKey
    amount: AmountShown
    created_at_ms: int
    shown_at_ms: int
    payer_may_change_amount: bool = False
    expiry_seconds: int | None = None
    """Of a cob: from its creation."""
    due_day: date | None = None
    """Of a cobv."""
    valid_days_after: int = 0
    """Of a cobv: days after the due date on which it can be paid."""
    debtor: Debtor | None = None
    payee: PayeeShown | None = None
    """Of a cobv."""
    payer_request: str = ""
    details: tuple[Detail, ...] = ()

    @property
    def expires_at_ms(self) -> int | None:
        """When a cob can be paid no longer; None of a cobv, whose last day is up to the payee's bank."""
        return None if self.expiry_seconds is None else self.created_at_ms + self.expiry_seconds * 1_000


def location_address(payload_host: str, kind: ChargeKind, token: str) -> str:
    """The address of a location on a payload host, without a scheme, as it stands in a code and in `loc.location`.

    Raises SchemeError(field="brcode") when it has more than 77 characters.
    """
    kind_path = "/cobv" if kind is ChargeKind.DUE_DATE else ""
    return check_location(f"{payload_host}{PAYLOAD_PATH}{kind_path}/{token}")
