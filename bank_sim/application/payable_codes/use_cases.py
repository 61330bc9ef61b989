"""The use cases of payable codes in one place, as the transports see them."""

from __future__ import annotations

from dataclasses import dataclass

from bank_sim.application.charges.read_payload import ReadPayload
from bank_sim.application.find_payee import FindPayee
from bank_sim.application.join_network import MeetParticipants
from bank_sim.application.payable_codes.own_payloads import OwnPayloadsFirst
from bank_sim.application.payable_codes.ports import PayloadReader, PayloadSeal
from bank_sim.application.payable_codes.read_code import ReadCode
from bank_sim.application.payable_codes.sign_payloads import SignPayloads
from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.charges.model import ChargeKind
from bank_sim.domain.charges.payload import KEY_SET_PATH, location_address
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme import brcode


@dataclass(frozen=True, slots=True)
class PayableCodes:
    """Codes as payers read them, and as this bank writes and serves them."""

    read: ReadCode
    sign: SignPayloads
    payload_host: str
    """`host[:port]` of this bank's payloads, as announced to the hub."""

    def location(self, kind: ChargeKind, token: str) -> str:
        """The address of a location of this bank, without a scheme."""
        return location_address(self.payload_host, kind, token)

    def write(self, location: str, holder_name: str) -> str:
        """The text of the dynamic code (*copia e cola*) of a location. Raises SchemeError(field="brcode")."""
        return brcode.encode(brcode.dynamic_code(location, holder_name, brcode.CITY_OF_ANY_PAYEE))


def compose_payable_codes(
    units: UnitsOfWork,
    find_payee: FindPayee,
    scheme_clock: SchemeClock,
    clock: Clock,
    payload_host: str,
    public_url: str,
    seal: PayloadSeal | None,
    reader: PayloadReader | None,
    meet_participants: MeetParticipants,
) -> PayableCodes:
    """On any adapters. Without a seal no payload can be served, without a reader no dynamic code can be paid."""
    if reader is not None:
        reader = OwnPayloadsFirst(payload_host, ReadPayload(units, scheme_clock), reader)
    scheme = "https" if public_url.startswith("https://") else "http"
    return PayableCodes(
        read=ReadCode(units, find_payee, reader, scheme_clock, meet_participants),
        sign=SignPayloads(units, seal, clock, f"{scheme}://{payload_host}{KEY_SET_PATH}"),
        payload_host=payload_host,
    )
