"""What a Pix code asks for: read, looked up, and, of a dynamic code, fetched from the payee's bank and verified."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlsplit

from bank_sim.application.find_payee import FindPayee
from bank_sim.application.join_network import MeetParticipants
from bank_sim.application.payable_codes.ports import PayloadReader
from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.bank import Participant
from bank_sim.domain.charges.model import ChargeKind
from bank_sim.domain.payable_codes.errors import PayloadHostUnknown, PayloadOfOtherBank, PayloadUnavailable
from bank_sim.domain.payable_codes.model import CodeToPay, PayloadPlace, check_payable, kind_of_path
from pix.runtime.clock import SchemeClock
from pix.scheme import brcode
from pix.scheme.days import day_of
from pix.scheme.initiation import Initiation, static_txid
from pix.scheme.keys import parse_stored_key
from pix.scheme.texts import check_description


class ReadCode:
    def __init__(
        self,
        units: UnitsOfWork,
        find_payee: FindPayee,
        reader: PayloadReader | None,
        scheme_clock: SchemeClock,
        meet_participants: MeetParticipants,
    ) -> None:
        """Without a reader no dynamic code can be paid."""
        self._units = units
        self._find_payee = find_payee
        self._reader = reader
        self._scheme_clock = scheme_clock
        self._meet_participants = meet_participants

    def __call__(self, text: str, day: date | None = None) -> CodeToPay:
        """`day` is when the code is to be paid, in São Paulo; today unless it is named.

        Raises SchemeError(field="brcode" | "key" | "description"), KeyNotFound, HubUnavailable, and for a dynamic code
        the subclasses of CodeNotPayable.
        """
        code = brcode.decode(text)
        if code.location is not None:
            return self._read_dynamic(code.location, day)
        key = parse_stored_key(code.key)
        description = check_description(code.information or "")
        return CodeToPay(
            key=key,
            payee=self._find_payee(key=key),
            amount_centavos=code.amount_centavos,
            payer_may_change_amount=code.amount_centavos is None,
            initiation=Initiation.QRES,
            txid=static_txid(code.txid),
            description=description,
            payload=None,
        )

    def _read_dynamic(self, location: str, day: date | None) -> CodeToPay:
        host, path = brcode.split_location(location)
        banks = self._banks_at(host)
        if not banks:
            # A bank that has joined a moment ago; asking costs as much as looking up a key.
            self._meet_participants()
            banks = self._banks_at(host)
        if not banks:
            raise PayloadHostUnknown
        if self._reader is None:
            raise PayloadUnavailable
        now_ms = self._scheme_clock.now_ms()
        kind = kind_of_path(path)
        place = PayloadPlace(kind, host, path, any(_has_encrypted_pages_at(bank, host) for bank in banks))
        payload = self._reader.read(place, (day or day_of(now_ms)) if kind is ChargeKind.DUE_DATE else None)
        check_payable(payload, now_ms)
        payee = self._find_payee(key=payload.key)
        # Otherwise a bank could collect for accounts of another one.
        if payee.ispb not in {bank.ispb for bank in banks}:
            raise PayloadOfOtherBank
        return CodeToPay(
            key=payload.key,
            payee=payee,
            amount_centavos=payload.amount.final_centavos or None,
            payer_may_change_amount=payload.payer_may_change_amount,
            initiation=Initiation.QRDN,
            txid=payload.txid,
            description="",
            payload=payload,
        )

    def _banks_at(self, host: str) -> list[Participant]:
        with self._units() as unit:
            participants = unit.switches.participants().values()
        return [each for each in participants if each.active and each.payload_host == host]


def _has_encrypted_pages_at(bank: Participant, host: str) -> bool:
    url = urlsplit(bank.url)
    return url.scheme == "https" and url.netloc == host
