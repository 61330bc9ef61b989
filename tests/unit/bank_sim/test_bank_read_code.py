"""A dynamic code is read from the bank that serves it, also when that bank has joined a moment ago."""

from __future__ import annotations

from datetime import date

import pytest

from bank_sim.adapters.memory.unit_of_work import MemoryUnitsOfWork
from bank_sim.domain.bank import Participant
from bank_sim.domain.charges.model import ChargeKind, ChargeStatus
from bank_sim.domain.charges.payload import AmountShown, ChargePayload
from bank_sim.domain.payable_codes.errors import PayloadHostUnknown
from bank_sim.domain.payable_codes.model import PayloadPlace
from pix.scheme import brcode
from pix.scheme.times import TIME_MS_MAX
from tests.support.bank import STRANGERS_KEY, World
from tests.support.banks import IPE

HOST = "127.0.0.1:8002"
CODE = brcode.encode(brcode.dynamic_code(f"{HOST}/qr/v2/a-token-of-a-charge", "Zélia Duncan", "SAO PAULO"))


class PayloadsOfIpe:
    """Serves one charge at every location."""

    def read(self, place: PayloadPlace, day: date | None) -> ChargePayload:
        del place, day
        return ChargePayload(
            kind=ChargeKind.IMMEDIATE,
            txid="a" * 26,
            revision=0,
            status=ChargeStatus.ACTIVE,
            key=STRANGERS_KEY,
            amount=AmountShown(12_34, 12_34),
            created_at_ms=TIME_MS_MAX - 1,
            shown_at_ms=TIME_MS_MAX - 1,
            expiry_seconds=3600,
        )


@pytest.fixture
def world() -> World:
    """A bank whose list of participants is from before Banco Ipê has joined."""
    world = World(MemoryUnitsOfWork(), payload_reader=PayloadsOfIpe())
    world.bank.meet_participants()
    return world


def test_a_code_of_a_bank_that_has_just_joined_is_read(world: World) -> None:
    world.hub.participants[IPE.ispb] = Participant(
        IPE.ispb, IPE.code, IPE.name, IPE.color, f"http://{HOST}", active=True, payload_host=HOST
    )
    code = world.bank.payable_codes.read(CODE)

    assert (code.key, code.amount_centavos, code.txid) == (STRANGERS_KEY, 12_34, "a" * 26)


def test_a_code_that_no_bank_serves_is_refused(world: World) -> None:
    with pytest.raises(PayloadHostUnknown):
        world.bank.payable_codes.read(CODE)
