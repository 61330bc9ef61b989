"""Kafka records that must not move money: forged, changed, moved elsewhere, or old. All of the state is compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, text

from bank_sim.adapters.memory.unit_of_work import MemoryUnitsOfWork
from bank_sim.entrypoints.gateway import bank_gateway
from hub.application.ports import TransferFilter
from pix.participant.dead_letters.model import DeadLetterState
from pix.postgres.engine import transaction
from pix.scheme.deliveries import HUB, Arrival, Rejected
from pix.scheme.messages import (
    MESSAGES_OF_HUB,
    BankMessage,
    Outcome,
    OutcomeProcessed,
    Side,
    TransferAccepted,
    TransferConfirmed,
    TransferRejected,
    TransferRequested,
)
from pix.scheme.reasons import ReasonCode
from pix.wire.protobuf_v1.codec import decode_record, encode_record
from pix.wire.protobuf_v1.signatures import sign, signing_key
from pix.wire.record import HEADER_SENDER, HEADER_SIGNATURE, HEADER_TYPE, VALUE_BYTES_MAX, Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.integration.attacks.inputs import COUNTS, HOSTILE
from tests.support.bank import SECRET as BANK_SECRET
from tests.support.bank import World as BankWorld
from tests.support.hub import FUNDS, SECRETS, World, signed
from tests.support.hub_builders import ANA, AURORA, BIA, BIAS_KEY, IPE, MARE, e2e
from tests.support.village import Village, found_village

COUNTERS = {"duplicates", "refusals", "resends", "history", "resend_count", "resend_at_ms", "revision"}
"""What may tell that somebody tried."""


def state_of(engine: Engine) -> Mapping[str, Any]:
    """Every row of every table but the dead letters and their counts, without what counts attempts."""
    with transaction(engine) as connection:
        names = connection.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1")
        ).scalars()
        return {
            name: sorted(
                repr({column: value for column, value in row.items() if column not in COUNTERS})
                for row in connection.execute(text(f'SELECT to_jsonb(t) FROM "{name}" t')).scalars()
            )
            for name in names
            if name not in ("dead_letters", "dead_letter_tallies")
        }


def request(end_to_end_id: str, amount: int = 500) -> TransferRequested:
    return TransferRequested(end_to_end_id, amount, ANA, BIAS_KEY, "", "", 1)


Attack = Callable[[World], Record]


def other_sender(world: World) -> Record:
    """Maré asks for money of a customer of Aurora, in its own name."""
    return signed(request(e2e(50, MARE, world.clock.at_ms)), MARE)


def other_signature(world: World) -> Record:
    """Maré says that it is Aurora."""
    return signed(request(e2e(51, AURORA, world.clock.at_ms)), AURORA, SECRETS[MARE])


def unsigned(world: World) -> Record:
    record = signed(request(e2e(52, AURORA, world.clock.at_ms)), AURORA)
    return replace(record, headers={name: v for name, v in record.headers.items() if name != HEADER_SIGNATURE})


def changed_amount(world: World) -> Record:
    """A record on its way, with ten times the amount in it."""
    record = signed(request(e2e(53, AURORA, world.clock.at_ms), 500), AURORA)
    other = signed(request(e2e(53, AURORA, world.clock.at_ms), 5_000), AURORA)
    return replace(record, value=other.value)


def changed_key(world: World) -> Record:
    record = signed(request(e2e(54, AURORA, world.clock.at_ms)), AURORA)
    return replace(record, key=b"another id")


def other_type(world: World) -> Record:
    """The same bytes and signature under another name."""
    record = signed(TransferRejected(world.pay(1), 12_345, ReasonCode.AC03), IPE)
    return replace(record, headers={**record.headers, HEADER_TYPE: b"TransferAccepted"})


def from_another_topic(world: World) -> Record:
    """What was signed for another topic."""
    message = request(e2e(55, AURORA, world.clock.at_ms))
    return replace(signed(message, AURORA, topic=bank_topic("002")), topic=HUB_TOPIC)


def of_the_hub(world: World) -> Record:
    """A decision of the hub, told to the hub."""
    end_to_end_id = world.pay(1)
    message = TransferConfirmed(end_to_end_id, Side.PAYEE, 12_345, ANA, BIA, BIAS_KEY, "", 0)
    return encode_record(message, HUB_TOPIC, AURORA, signing_key(SECRETS[AURORA]))


def in_the_hubs_name(world: World) -> Record:
    message = TransferConfirmed(world.pay(1), Side.PAYEE, 12_345, ANA, BIA, BIAS_KEY, "", 0)
    return encode_record(message, HUB_TOPIC, HUB, signing_key(SECRETS[AURORA]))


def answer_of_a_stranger(world: World) -> Record:
    """Maré accepts what was offered to Ipê."""
    return signed(TransferAccepted(world.pay(1), 12_345), MARE)


def answer_of_the_payer(world: World) -> Record:
    """Aurora accepts its own customer's payment to Ipê."""
    return signed(TransferAccepted(world.pay(1), 12_345), AURORA)


def answer_with_another_amount(world: World) -> Record:
    return signed(TransferAccepted(world.pay(1), 1), IPE)


def processed_before_its_time(world: World) -> Record:
    return signed(OutcomeProcessed(world.pay(1), Side.PAYER, Outcome.CONFIRMED, 12_345, None), AURORA)


def processed_by_a_stranger(world: World) -> Record:
    end_to_end_id = world.pay(1)
    world.accept(end_to_end_id)
    return signed(OutcomeProcessed(end_to_end_id, Side.PAYER, Outcome.CONFIRMED, 12_345, None), MARE)


def oversized(world: World) -> Record:
    message = replace(request(e2e(56, AURORA, world.clock.at_ms)), description="x" * (VALUE_BYTES_MAX + 1))
    return signed(message, AURORA)


def no_protobuf(world: World) -> Record:
    record = signed(request(e2e(57, AURORA, world.clock.at_ms)), AURORA)
    value = b"\xff\xfe\x00 not Protobuf"
    signature = sign(signing_key(SECRETS[AURORA]), HUB_TOPIC, "TransferRequested", value)
    return replace(record, value=value, headers={**record.headers, HEADER_SIGNATURE: signature})


def unknown_sender(world: World) -> Record:
    record = signed(request(e2e(58, AURORA, world.clock.at_ms)), AURORA)
    return replace(record, headers={**record.headers, HEADER_SENDER: b"99999999"})


def strange_headers(world: World) -> Record:
    record = signed(request(e2e(59, AURORA, world.clock.at_ms)), AURORA)
    return replace(record, headers={**record.headers, HEADER_SENDER: "Aurora é".encode(), "x" * 3_000: b"\x00" * 3_000})


ATTACKS: Sequence[Attack] = (
    other_sender,
    other_signature,
    unsigned,
    changed_amount,
    changed_key,
    other_type,
    from_another_topic,
    of_the_hub,
    in_the_hubs_name,
    answer_of_a_stranger,
    answer_of_the_payer,
    answer_with_another_amount,
    processed_before_its_time,
    processed_by_a_stranger,
    oversized,
    no_protobuf,
    unknown_sender,
    strange_headers,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_hostile_record_changes_nothing_at_the_hub_and_is_kept_for_the_operator(
    world: World, engine: Engine, attack: Attack
) -> None:
    record = attack(world)
    before = state_of(engine)
    answers = [answer for _ in range(2) for answer in world.treat(record)]
    assert state_of(engine) == before
    assert {answer.headers[HEADER_TYPE] for answer in answers} <= {b"TransferFailed"}
    assert answers or is_seen(world), "its sender is refused, or somebody can see that it came"
    COUNTS["hostile records"] += 1


def is_seen(world: World) -> bool:
    """Whether there is a dead letter, or a refusal in a transfer's history."""
    queries = world.application.queries
    if world.application.dead_letters.list(DeadLetterState.DEAD, 10):
        return True
    transfers = queries.list_transfers(TransferFilter(size=50))
    return any(step.ignored for transfer in transfers for step in queries.find_transfer(transfer.end_to_end_id)[1])


def test_the_same_id_with_another_amount_is_refused_and_the_first_stands(world: World, engine: Engine) -> None:
    end_to_end_id = world.pay(1, amount=500)
    before = state_of(engine)
    (answer,) = world.tell(AURORA, replace(request(end_to_end_id, 50_000), requested_at_ms=world.clock.at_ms))
    assert answer.headers[HEADER_TYPE] == b"TransferFailed"
    assert state_of(engine) == before
    world.complete(end_to_end_id)
    transfer, _ = world.application.queries.find_transfer(end_to_end_id)
    assert transfer.amount_centavos == 500


def test_hostile_texts_in_every_field_are_refused_or_kept_as_they_are(world: World, engine: Engine) -> None:
    for number, hostile in enumerate(HOSTILE):
        plain = request(e2e(100 + number, AURORA, world.clock.at_ms))
        treat_hostile(world, replace(plain, end_to_end_id=hostile))
        treat_hostile(world, replace(plain, description=hostile))
        treat_hostile(world, replace(plain, payee_tax_id_masked=hostile))
        for field in ("branch", "account_number", "name", "tax_id_masked"):
            payer = replace(ANA, **{field: hostile})
            treat_hostile(world, replace(request(e2e(200 + number, AURORA, world.clock.at_ms)), payer=payer))
        key = replace(BIAS_KEY, key=hostile)
        treat_hostile(world, replace(request(e2e(300 + number, AURORA, world.clock.at_ms)), payee_key=key))
    assert len(state_of(engine)["banks"]) == 3
    accounts = world.application.queries.settlement_accounts()
    assert all(account.balance_centavos >= account.reserved_centavos >= 0 for account in accounts.values())


def treat_hostile(world: World, message: BankMessage) -> None:
    """Rightly signed: a bank may do that. It is answered or buried, and the hub lives on."""
    world.treat(signed(message, AURORA))
    COUNTS["hostile texts in records"] += 1


class Tap:
    """Keeps every record that anybody in a village has read."""

    def __init__(self, village: Village) -> None:
        self.records: list[Record] = []
        for topic, reader in list(village._readers.items()):
            village._readers[topic] = self._tapped(reader)

    def _tapped(
        self, reader: Callable[[Sequence[Record]], Sequence[Record]]
    ) -> Callable[[Sequence[Record]], Sequence[Record]]:
        def read(records: Sequence[Record]) -> Sequence[Record]:
            self.records += records
            return reader(records)

        return read


def whole_state(village: Village) -> list[Any]:
    """Every account, posting and transfer of every bank, and the hub's transfers and settlement accounts."""
    found: list[Any] = []
    for bank in village.banks.values():
        queries = bank.queries
        found += queries.list_accounts(size=500).accounts
        found += queries.postings(size=500).postings
        found += [
            (row.end_to_end_id, row.direction, row.status, row.reason, row.amount_centavos, row.decided_at_ms)
            for row in queries.list_transfers(size=500).transfers
        ]
    for transfer in village.hub.queries.list_transfers(TransferFilter(size=500)):
        found.append((transfer.end_to_end_id, transfer.status, transfer.amount_centavos, transfer.closed_at_ms))
    return [*found, village.hub.queries.settlement_accounts()]


def test_every_old_record_again_in_any_order_changes_nothing_anywhere() -> None:
    village = found_village()
    tap = Tap(village)
    pay_everybody(village)
    village.deliver()
    before = whole_state(village)
    old = list(tap.records)
    assert len(old) > 40
    random = Random(5)
    for _ in range(3):
        random.shuffle(old)
        village.publish(old)
        village.deliver()
        assert whole_state(village) == before
        COUNTS["old records again"] += len(old)


def pay_everybody(village: Village) -> None:
    """The richest customer of Aurora pays every key of the network but the own ones."""
    aurora = village.banks["001"]
    payer = max(aurora.queries.list_accounts().accounts, key=lambda account: account.balance_centavos)
    own = {entry.key for entry in aurora.queries.keys_of(payer.number)}
    for bank in village.banks.values():
        for entry in village.hub.list_keys(ispb=bank.identity.ispb, after=None, size=50):
            if entry.key not in own:
                aurora.request_transfer(
                    account_number=payer.number,
                    payee_key=entry.key,
                    amount_centavos=100,
                    description="",
                    idempotency_key=f"to {entry.key.key}",
                    payee_tax_id_masked="",
                )


def bank_state(bank: BankWorld) -> tuple[Any, ...]:
    queries = bank.bank.queries
    return (queries.list_accounts().accounts, queries.postings().postings, queries.list_transfers().transfers)


@pytest.mark.parametrize(
    ("secret", "topic", "sender"),
    [
        ("what nobody shares", bank_topic("001"), HUB),
        (BANK_SECRET, bank_topic("002"), HUB),
        (BANK_SECRET, bank_topic("001"), AURORA),
        (BANK_SECRET, HUB_TOPIC, HUB),
    ],
    ids=["forged", "of another bank's topic", "not the hub's", "of the hub's topic"],
)
def test_a_bank_believes_the_hub_alone(secret: str, topic: str, sender: str) -> None:
    bank = BankWorld(MemoryUnitsOfWork())
    offer = bank.offer(bank.open_account(), amount_centavos=1_000_000)
    before = bank_state(bank)
    for message in (offer, bank.confirmed(offer)):
        forged = encode_record(message, topic, sender, signing_key(secret))
        assert bank.handle([replace(forged, topic=bank_topic("001"))]) == []
        COUNTS["hostile records"] += 1
    assert bank_state(bank) == before
    assert len(bank.bank.dead_letters.list(DeadLetterState.DEAD, 10)) == 2


def test_while_the_secret_changes_both_sides_take_both(world: World, engine: Engine) -> None:
    new = "the new secret of Aurora"
    end_to_end_id = world.pay(1)
    world.application.add_bank(code="001", name="Banco Aurora", color="#5b2a86", secret=new)
    world.complete(end_to_end_id)
    for number, secret in enumerate((SECRETS[AURORA], new)):
        message = request(e2e(10 + number, AURORA, world.clock.at_ms))
        world.treat(signed(message, AURORA, secret))
        assert world.application.queries.find_transfer(message.end_to_end_id)
    assert world.application.dead_letters.list(DeadLetterState.DEAD, 10) == []

    # The third retires the first.
    world.application.add_bank(code="001", name="Banco Aurora", color="#5b2a86", secret="the third secret of Aurora")
    before = state_of(engine)
    world.clock.at_ms += 10_000
    world.treat(signed(request(e2e(20, AURORA, world.clock.at_ms)), AURORA, SECRETS[AURORA]))
    assert state_of(engine) == before


def test_once_a_bank_has_a_new_secret_the_hub_signs_with_it_alone(world: World, engine: Engine) -> None:
    new = "the new secret of Aurora"
    world.application.add_bank(code="001", name="Banco Aurora", color="#5b2a86", secret=new)
    more_than_it_has = request(e2e(30, AURORA, world.clock.at_ms), FUNDS * 10)
    (answer,) = world.tell(AURORA, replace(more_than_it_has, requested_at_ms=world.clock.at_ms))
    under_new, under_old = (
        decode_record(answer, lambda _, secret=secret: [signing_key(secret)], MESSAGES_OF_HUB)  # type: ignore[misc]
        for secret in (new, SECRETS[AURORA])
    )
    assert isinstance(under_new, Arrival), under_new
    assert isinstance(under_old, Rejected)


def test_a_bank_that_knows_both_secrets_takes_the_hubs_records_under_either() -> None:
    gateway = bank_gateway(AURORA, "the old one", "the new one")
    outcome = TransferConfirmed(e2e(1, AURORA, 1_790_000_000_000), Side.PAYER, 1, ANA, BIA, BIAS_KEY, "", 1)
    for secret in ("the old one", "the new one"):
        arrivals, rejected = gateway.decode([encode_record(outcome, bank_topic("001"), HUB, signing_key(secret))])
        assert (len(arrivals), rejected) == (1, [])
    forged = encode_record(outcome, bank_topic("001"), AURORA, signing_key("the old one"))
    assert gateway.decode([forged])[0] == [], "a bank's own record"


def test_the_hub_keeps_no_secret_in_clear(world: World, engine: Engine) -> None:
    assert not any(secret in repr(state_of(engine)) for secret in SECRETS.values())
