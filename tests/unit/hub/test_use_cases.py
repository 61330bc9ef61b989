"""The use cases around the decisions, on the store in memory: admission of banks, batches, sweeps, dead letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import pytest

from hub.adapters.memory.unit_of_work import HubStore, MemoryUnitsOfWork
from hub.application.fund_bank import (
    FUNDINGS_PER_BANK_MAX,
    SETTLEMENT_BALANCE_CENTAVOS_MAX,
    SETTLEMENT_FUNDS_CENTAVOS_MAX,
    fund_account,
)
from hub.application.ports.trail import TrailFilter
from hub.application.process_messages import ProcessMessages
from hub.application.sweep_transfers import TRANSFERS_PER_SWEEP_MAX
from hub.application.use_cases import HubApplication
from hub.domain.errors import (
    BankAlreadyAdded,
    BankNotActive,
    BankNotFound,
    FundingConflict,
    NotAuthenticated,
    SettlementFundsTooLow,
)
from hub.domain.flows.transfer.model import TransferStatus, Trigger
from hub.domain.liveness import HEARTBEAT_AGE_MS_MAX, INSTANCE_AGE_MS_MAX, UNANSWERED_MS_MAX, BankState
from hub.domain.settlement import Funding, SettlementAccount
from hub.domain.trail import Act
from hub.entrypoints.gateway import hub_gateway
from hub.entrypoints.scheduler import LookForBanks, outbox_sweep
from pix.messaging.batches import BatchHandler
from pix.messaging.kafka.lag import LAG_RECORDS_MAX
from pix.participant.dead_letters.model import (
    EVERY_LETTER,
    DeadLetterClosed,
    DeadLetterFilter,
    DeadLetterNotFound,
    DeadLetterState,
    ReplayReport,
)
from pix.participant.dead_letters.use_cases import REPLAYED_AT_ONCE_MAX
from pix.participant.reachability import GRACE_MS, Reachability
from pix.participant.scheduler import OutboxSweep
from pix.runtime.health import Health
from pix.runtime.outages import BrokerUnavailable
from pix.scheme.deliveries import Arrival, Outgoing, Rejected
from pix.scheme.errors import SchemeError
from pix.scheme.messages import BankMessage, TransferAccepted, TransferRequested
from pix.scheme.reasons import ReasonCode
from pix.wire.codec import PEERS_AGE_MS_MAX
from pix.wire.protobuf_v1.codec import encode_record
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.record import VALUE_KEPT_BYTES_MAX, Record, digest_of
from pix.wire.topics import HUB_TOPIC
from tests.support.hub_builders import (
    ANA,
    AURORA,
    BIA,
    BIAS_KEY,
    IPE,
    NOW_MS,
    POLICY,
    accepted,
    e2e,
    key_entry,
    requested,
)
from tests.support.participants import compose_hub, hub_handler

SECRET = "a secret of Aurora"
FUNDS = 1_000_000
FUNDING_ID = str(UUID(int=0xAB))
TIMEOUT_MS = 40_000


class World:
    """A hub in memory with two banks, a key, and a clock to turn."""

    def __init__(self) -> None:
        self.at_ms = NOW_MS
        self.units = MemoryUnitsOfWork(HubStore())
        self.hub: HubApplication = compose_hub(self.units, self, Health(), POLICY, TIMEOUT_MS)
        self.add(secret=SECRET)
        self.add(code="002", name="Ipê", secret="a secret of Ipê!")
        with self.units() as unit:
            unit.keys.add([key_entry(BIAS_KEY, BIA)])
            unit.commit()

    def now_ms(self) -> int:
        return self.at_ms

    def real_now_ms(self) -> int:
        return self.at_ms

    def add(self, **changes: object) -> object:
        plain = {"code": "001", "name": "Aurora", "color": "#5b2a86", "secret": SECRET}
        plain["settlement_funds_centavos"] = FUNDS  # type: ignore[assignment]
        return self.hub.add_bank(**{**plain, **changes})  # type: ignore[arg-type]

    def accounts(self) -> dict[str, SettlementAccount]:
        return self.hub.queries.settlement_accounts()

    def tell(self, *messages: tuple[str, BankMessage]) -> list[str]:
        arrivals = [Arrival(message, sender, envelope=Record(HUB_TOPIC, b"", b"")) for sender, message in messages]
        outgoing = self.hub.process_messages(arrivals)
        return [f"{type(each.message).__name__} to {each.receiver.lstrip('0').zfill(3)}" for each in outgoing]


def keys_of(world: World, ispb: str = AURORA) -> list[bytes]:
    return list(world.hub.queries.wire_keys()[ispb][1])


@pytest.fixture
def world() -> World:
    return World()


# Banks.


def test_adding_a_bank_again_changes_nothing(world: World) -> None:
    world.at_ms += 5
    again = world.add(name="Other", settlement_funds_centavos=7)
    assert again == world.hub.queries.list_banks()[0]
    assert world.accounts()[AURORA] == SettlementAccount(AURORA, FUNDS, 0)
    assert len(keys_of(world)) == 1
    assert [funding.amount_centavos for funding in world.hub.queries.settlement_account(AURORA)[1]] == [FUNDS]


def test_another_secret_becomes_the_newest_and_the_last_one_stays(world: World) -> None:
    world.at_ms -= 1_000  # the clock was set back meanwhile
    world.add(secret="the second secret")
    keys = keys_of(world)
    assert keys == [signing_key("the second secret"), signing_key(SECRET)]
    world.add(secret="the third secret!")
    keys = keys_of(world)
    assert keys == [signing_key("the third secret!"), signing_key("the second secret")]
    with pytest.raises(NotAuthenticated):
        world.hub.authenticate_bank(AURORA, SECRET)


def test_a_change_of_secret_can_be_taken_back(world: World) -> None:
    world.add(secret="the second secret")
    world.add(secret=SECRET)
    assert keys_of(world) == [signing_key(SECRET), signing_key("the second secret")]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"code": "1"}, "bank_code"),
        ({"name": ""}, "name"),
        ({"color": "red"}, "color"),
        ({"ispb": "1"}, "ispb"),
        ({"secret": "short"}, "secret"),
        ({"settlement_funds_centavos": -1}, "settlement_funds_centavos"),
        ({"settlement_funds_centavos": SETTLEMENT_FUNDS_CENTAVOS_MAX + 1}, "settlement_funds_centavos"),
    ],
)
def test_a_bank_that_breaks_a_rule_is_not_added(world: World, changes: dict[str, object], field: str) -> None:
    with pytest.raises(SchemeError) as refused:
        world.add(**{"code": "009", **changes})
    assert refused.value.field == field
    assert len(world.hub.queries.list_banks()) == 2


@pytest.mark.parametrize("changes", [{"code": "001", "ispb": "00000009"}, {"code": "009", "ispb": AURORA}])
def test_code_and_ispb_of_different_banks_are_refused(world: World, changes: dict[str, object]) -> None:
    with pytest.raises(BankAlreadyAdded):
        world.add(**changes, secret="a secret of another bank")
    assert keys_of(world) == [signing_key(SECRET)]


def test_no_more_settlement_money_is_taken_out_than_is_free(world: World) -> None:
    world.tell((AURORA, requested(amount_centavos=400)))
    with world.units() as unit:
        with pytest.raises(SettlementFundsTooLow):
            fund_account(unit, Funding("out", AURORA, -(FUNDS - 399), NOW_MS))
        assert fund_account(unit, Funding("out", AURORA, -(FUNDS - 400), NOW_MS)).balance_centavos == 400


def test_a_funding_counts_once_however_often_it_is_asked_for(world: World) -> None:
    first = world.hub.fund_bank(code="001", amount_centavos=500, funding_id=FUNDING_ID)
    world.at_ms += 9
    assert world.hub.fund_bank(code="001", amount_centavos=500, funding_id=FUNDING_ID.upper()) == first
    assert world.accounts()[AURORA].balance_centavos == FUNDS + 500
    for code, amount in (("001", 501), ("002", 500)):
        with pytest.raises(FundingConflict):
            world.hub.fund_bank(code=code, amount_centavos=amount, funding_id=FUNDING_ID)
    _, account = world.hub.fund_bank(code="001", amount_centavos=-(FUNDS + 500), funding_id=str(UUID(int=2)))
    assert account.balance_centavos == 0
    with pytest.raises(SettlementFundsTooLow):
        world.hub.fund_bank(code="001", amount_centavos=-1, funding_id=str(UUID(int=3)))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount_centavos": 0}, "amount_centavos"),
        ({"amount_centavos": SETTLEMENT_FUNDS_CENTAVOS_MAX + 1}, "amount_centavos"),
        ({"amount_centavos": -SETTLEMENT_FUNDS_CENTAVOS_MAX - 1}, "amount_centavos"),
        ({"funding_id": "mine"}, "funding_id"),
        ({"code": "009"}, "code"),
    ],
)
def test_a_funding_that_breaks_a_rule_names_the_field(world: World, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(SchemeError) as refused:
        world.hub.fund_bank(**{"code": "001", "amount_centavos": 5, "funding_id": FUNDING_ID, **changes})
    assert refused.value.field == field
    assert world.accounts()[AURORA] == SettlementAccount(AURORA, FUNDS, 0)


def test_an_account_holds_no_more_than_its_column_and_a_bank_has_a_number_of_fundings(world: World) -> None:
    with world.units() as unit:
        unit.settlement.save([SettlementAccount(AURORA, SETTLEMENT_BALANCE_CENTAVOS_MAX, 0)])
        for number in range(FUNDINGS_PER_BANK_MAX):
            unit.settlement.add_funding(Funding(str(number), IPE, 1, NOW_MS))
        unit.commit()
    for code, field in (("001", "amount_centavos"), ("002", "funding_id")):
        with pytest.raises(SchemeError) as refused:
            world.hub.fund_bank(code=code, amount_centavos=1, funding_id=FUNDING_ID)
        assert refused.value.field == field


def test_a_bank_is_suspended_until_it_is_resumed(world: World) -> None:
    assert not world.hub.suspend_bank("001").active
    world.tell((AURORA, requested()))
    with pytest.raises(BankNotActive):
        world.hub.authenticate_bank(AURORA, SECRET)
    assert world.hub.authenticate_bank.even_suspended(AURORA, SECRET).code == "001"
    # A bank that starts again meanwhile announces itself, and is not let in by that.
    world.hub.join_network(ispb=AURORA, code="001", name="Aurora", color="#5b2a86", url="", version="2")
    assert not world.hub.queries.list_banks()[0].active
    assert world.hub.resume_bank("001").active
    assert world.hub.queries.find_transfer(e2e())[0].reason is ReasonCode.DS27
    with pytest.raises(BankNotFound):
        world.hub.suspend_bank("009")


# Presence.


def states(world: World) -> list[str]:
    return [standing.state.value for standing in world.hub.read_bank_states()]


def test_a_bank_is_up_while_it_is_heard_of(world: World) -> None:
    assert states(world) == ["stopped", "stopped"], "nobody has been heard of"
    world.hub.record_heartbeat(ispb=AURORA, instance="a", version="1", lag=0)
    assert states(world) == ["up", "stopped"]
    world.at_ms += HEARTBEAT_AGE_MS_MAX
    assert states(world) == ["up", "stopped"]
    world.at_ms += 1
    assert states(world) == ["not-responding", "stopped"], "it has not said that it stops"


def test_a_bank_that_dies_is_seen_to_be_gone_though_the_clock_goes_back(world: World) -> None:
    world.hub.record_heartbeat(ispb=AURORA, instance="a", version="1", lag=0)
    world.at_ms -= 3_600_000
    assert states(world) == ["not-responding", "stopped"]
    world.hub.record_heartbeat(ispb=AURORA, instance="a", version="1", lag=7)
    (standing, _) = world.hub.read_bank_states()
    assert (standing.state, standing.liveness.lag) == (BankState.UP, 7)


def test_a_bank_that_leaves_has_stopped_at_once_unless_another_of_its_processes_runs(world: World) -> None:
    for instance in ("a", "b"):
        world.hub.record_heartbeat(ispb=AURORA, instance=instance, version=instance, lag=0)
    world.hub.leave_network(ispb=AURORA, instance="a")
    world.hub.leave_network(ispb=AURORA, instance="unheard of")
    assert states(world)[0] == "up"
    world.at_ms += 7
    world.hub.leave_network(ispb=AURORA, instance="b")
    (standing, _) = world.hub.read_bank_states()
    assert (standing.state, standing.liveness.left_at_ms) == (BankState.STOPPED, world.at_ms)
    assert standing.liveness.versions == ("b",)


def test_a_bank_that_is_killed_beside_one_that_left_has_not_left(world: World) -> None:
    for instance in ("a", "b"):
        world.hub.record_heartbeat(ispb=AURORA, instance=instance, version="1", lag=0)
    world.hub.leave_network(ispb=AURORA, instance="a")
    world.at_ms += 100
    world.hub.record_heartbeat(ispb=AURORA, instance="b", version="1", lag=0)
    world.at_ms += HEARTBEAT_AGE_MS_MAX + 1
    (standing, _) = world.hub.read_bank_states()
    assert (standing.state, standing.liveness.left_at_ms) == (BankState.NOT_RESPONDING, None)


def test_a_bank_is_behind_by_what_all_of_its_processes_have_to_read(world: World) -> None:
    world.hub.record_heartbeat(ispb=AURORA, instance="a", version="1", lag=60)
    world.hub.record_heartbeat(ispb=AURORA, instance="reads none", version="1", lag=None)
    assert states(world)[0] == "up"
    world.hub.record_heartbeat(ispb=AURORA, instance="b", version="1", lag=60)
    (standing, _) = world.hub.read_bank_states()
    assert (standing.state, standing.liveness.lag, standing.liveness.instances) == (BankState.BEHIND, 120, 3)


def test_a_bank_that_leaves_an_offer_without_an_answer_is_silent(world: World) -> None:
    world.tell((AURORA, requested()))
    world.at_ms += UNANSWERED_MS_MAX
    world.hub.record_heartbeat(ispb=IPE, instance="a", version="1", lag=0)
    assert states(world)[1] == "up"
    world.at_ms += 1
    assert states(world)[1] == "silent"
    world.tell((IPE, accepted()))
    assert states(world)[1] == "up"
    world.hub.suspend_bank("002")
    assert states(world)[1] == "suspended"


def test_processes_of_long_ago_are_forgotten(world: World) -> None:
    world.hub.record_heartbeat(ispb=AURORA, instance="a", version="1", lag=0)
    world.at_ms += INSTANCE_AGE_MS_MAX + 1
    world.hub.record_heartbeat(ispb=AURORA, instance="b", version="1", lag=0)
    with world.units() as unit:
        assert [each.instance for each in unit.heartbeats.all()] == ["b"]


@pytest.mark.parametrize(
    ("changes", "field"), [({"instance": ""}, "instance"), ({"lag": -1}, "lag"), ({"version": "\x00"}, "version")]
)
def test_a_word_that_breaks_a_rule_names_the_field(world: World, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(SchemeError) as refused:
        world.hub.record_heartbeat(**{"ispb": AURORA, "instance": "a", "version": "1", "lag": 0, **changes})
    assert refused.value.field == field


# Batches.


def test_a_batch_is_decided_in_its_order(world: World) -> None:
    told = world.tell((AURORA, requested()), (IPE, accepted()), (AURORA, requested()))
    assert told == ["TransferOffered to 002", *(f"TransferConfirmed to {code}" for code in ("001", "002", "001"))]
    transfer, history = world.hub.queries.find_transfer(e2e())
    assert (transfer.status, transfer.duplicates) == (TransferStatus.CONFIRMED, 1)
    assert [step.trigger for step in history] == [Trigger.REQUEST, Trigger.ACCEPTANCE]


def test_what_one_message_reserves_the_next_cannot_spend(world: World) -> None:
    first = requested(amount_centavos=FUNDS)
    world.tell((AURORA, first), (AURORA, replace(first, end_to_end_id=e2e(2), amount_centavos=1)))
    assert world.hub.queries.count_transfers() == {TransferStatus.PENDING: 1, TransferStatus.FAILED: 1}
    assert world.accounts()[AURORA] == SettlementAccount(AURORA, FUNDS, FUNDS)


def test_one_illegal_message_harms_no_other(world: World) -> None:
    told = world.tell((IPE, TransferAccepted(e2e(9), 1)), (AURORA, requested()))
    assert told == ["TransferOffered to 002"]
    assert [letter.sender for letter in world.hub.dead_letters.list(None, 9)] == [IPE]


def test_an_empty_batch_is_nothing(world: World) -> None:
    assert world.tell() == []


def test_a_sender_that_is_no_bank_is_answered_nothing(world: World) -> None:
    stranger = "00000099"
    message = requested(payer=replace(ANA, ispb=stranger), end_to_end_id=e2e(1, stranger))
    outgoing = world.hub.process_messages([Arrival(message, stranger)])
    assert hub_gateway(world.hub.queries.wire_keys, world.now_ms).encode(outgoing) == []


# Sweeps.


def sweeper(
    world: World,
    lag: int = 0,
    refuse: Callable[[Sequence[Outgoing]], None] | None = None,
    reachability: Reachability | None = None,
) -> tuple[OutboxSweep, list[str]]:
    sent: list[str] = []

    def publish(outgoing: Sequence[Outgoing]) -> None:
        sent.extend(f"codepix.bank.{each.receiver[-3:]}.v1" for each in outgoing)

    noticed = reachability or Reachability(world, lambda: world.at_ms, HEARTBEAT_AGE_MS_MAX)
    return outbox_sweep(world.hub, refuse or publish, lambda: lag, noticed, lambda: True), sent


def test_what_is_due_is_sent_again_and_not_before(world: World) -> None:
    world.tell((AURORA, requested()))
    sweep, sent = sweeper(world)
    sweep.sweep()
    assert sent == []
    world.at_ms += 1_000
    sweep.sweep()
    sweep.sweep()
    assert sent == ["codepix.bank.002.v1"]


def test_nothing_is_resent_while_answers_wait_to_be_read_but_time_still_runs_out(world: World) -> None:
    world.tell((AURORA, requested()))
    sweep, sent = sweeper(world, lag=LAG_RECORDS_MAX + 1)
    world.at_ms += 10_000
    sweep.sweep()
    assert sent == []
    world.at_ms += TIMEOUT_MS
    sweep.sweep()
    assert sent == ["codepix.bank.001.v1", "codepix.bank.002.v1"]
    assert world.accounts()[AURORA].reserved_centavos == 0


def test_a_bank_that_is_back_gets_at_once_what_it_has_missed(world: World) -> None:
    reachability = Reachability(world, lambda: world.at_ms, HEARTBEAT_AGE_MS_MAX)
    world.tell((AURORA, requested()))
    sweep, sent = sweeper(world, reachability=reachability)
    for _ in range(3):
        world.at_ms += POLICY.cap_ms
        sweep.sweep()
    sent.clear()

    world.at_ms += 1_000
    reachability.note_seen([AURORA, IPE])
    world.tell((AURORA, requested(end_to_end_id=e2e(2))))
    for _ in range(2):
        world.at_ms += GRACE_MS
        sweep.retransmit_missed()
    assert sent == ["codepix.bank.002.v1"], "the old offer, not the new one, and nothing to the payer's bank"


def test_a_bank_is_there_while_it_sends_heartbeats(world: World) -> None:
    reachability = Reachability(world, lambda: world.at_ms, HEARTBEAT_AGE_MS_MAX)
    look = LookForBanks(world.hub.read_last_signs, reachability, lambda: world.at_ms / 1_000)

    def pass_time(seconds: int, *, is_beating: bool) -> list[str]:
        for _ in range(seconds):
            world.at_ms += 1_000
            if is_beating:
                world.hub.record_heartbeat(ispb=IPE, instance="one", version="1", lag=0)
            look()
        back = [comeback for comeback, _ in reachability.due()]
        for comeback in back:
            reachability.note_progress(comeback, None)
        return [comeback.counterpart for comeback in back]

    assert pass_time(3, is_beating=True) == [IPE]
    assert pass_time(60, is_beating=True) == []
    assert pass_time(60, is_beating=False) == []
    assert pass_time(3, is_beating=True) == [IPE]


HOUR_MS = 3_600_000


def test_a_payees_bank_hears_of_the_credit_again_however_long_the_payers_bank_is_away(world: World) -> None:
    world.tell((AURORA, requested()), (IPE, accepted()))
    sweep, sent = sweeper(world)
    for _ in range(14 * HOUR_MS // POLICY.cap_ms):
        sent.clear()
        world.at_ms += POLICY.cap_ms
        sweep.sweep()
        assert sorted(sent) == ["codepix.bank.001.v1", "codepix.bank.002.v1"], "each minute, to both"


@pytest.mark.parametrize("step_ms", [-HOUR_MS, -14 * HOUR_MS, HOUR_MS])
def test_what_is_owed_is_sent_again_within_the_longest_wait_though_the_clock_steps(world: World, step_ms: int) -> None:
    world.tell((AURORA, requested()), (IPE, accepted()))
    world.at_ms += step_ms
    sweep, sent = sweeper(world)
    world.at_ms += POLICY.cap_ms
    sweep.sweep()
    assert sorted(sent) == ["codepix.bank.001.v1", "codepix.bank.002.v1"]


@pytest.mark.parametrize("step_ms", [-TIMEOUT_MS // 2, -TIMEOUT_MS - 1, -HOUR_MS])
def test_no_transfer_waits_longer_than_twice_the_timeout_though_the_clock_goes_back(world: World, step_ms: int) -> None:
    world.tell((AURORA, requested()))
    world.at_ms += step_ms
    for _ in range(2 * TIMEOUT_MS // 1_000 + 1):
        world.at_ms += 1_000
        world.hub.fail_expired()
        world.hub.retransmit_due()
    assert world.hub.queries.find_transfer(e2e())[0].reason is ReasonCode.AB03
    assert world.accounts()[AURORA].reserved_centavos == 0


def test_a_replica_whose_clock_is_a_little_behind_fails_nothing_early(world: World) -> None:
    world.tell((AURORA, requested()))
    world.at_ms -= 2_000
    world.hub.fail_expired()
    assert world.hub.queries.find_transfer(e2e())[0].status is TransferStatus.PENDING


class Hasty:
    """Units of work whose first look at the settlement accounts is out of date."""

    def __init__(self, units: MemoryUnitsOfWork, stale: SettlementAccount) -> None:
        self.units = units
        self.stale = [stale]

    def __call__(self) -> Any:
        return HastyUnit(self.units(), self.stale)


class HastyUnit:
    def __init__(self, inner: Any, stale: list[SettlementAccount]) -> None:
        self._inner = inner
        self._stale = stale

    def __getattr__(self, name: str) -> Any:
        return self if name == "settlement" else getattr(self._inner, name)

    def __enter__(self) -> Any:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._inner.__exit__(*error)

    def commit(self) -> None:
        self._inner.commit()

    def all(self) -> dict[str, SettlementAccount]:
        accounts: dict[str, SettlementAccount] = self._inner.settlement.all()
        return {**accounts, **{account.ispb: account for account in self._stale}}

    def lock(self, ispbs: Any) -> Any:
        return self._inner.settlement.lock(ispbs)

    def add(self, changes: Any) -> None:
        self._inner.settlement.add(changes)


@pytest.mark.parametrize(
    ("free", "seen", "reason"),
    [(FUNDS, 0, None), (0, FUNDS, ReasonCode.AM04), (FUNDS, FUNDS, None), (0, 0, ReasonCode.AM04)],
)
def test_a_balance_that_was_out_of_date_decides_nothing(
    world: World, free: int, seen: int, reason: ReasonCode | None
) -> None:
    with world.units() as unit:
        unit.settlement.save([SettlementAccount(AURORA, FUNDS, FUNDS - free)])
        unit.commit()
    process = ProcessMessages(Hasty(world.units, SettlementAccount(AURORA, FUNDS, FUNDS - seen)), world, world, POLICY)
    process([Arrival(requested(), AURORA)])
    assert world.hub.queries.find_transfer(e2e())[0].reason is reason
    reserved = FUNDS - free + (0 if reason else requested().amount_centavos)
    assert world.accounts()[AURORA] == SettlementAccount(AURORA, FUNDS, reserved)


def test_at_the_timeout_itself_there_is_still_time(world: World) -> None:
    world.tell((AURORA, requested()))
    world.at_ms += TIMEOUT_MS
    assert world.hub.fail_expired() == []
    world.at_ms += 1
    assert len(world.hub.fail_expired()) == 2


def test_without_a_timeout_a_transfer_waits(world: World) -> None:
    patient = compose_hub(world.units, world, Health(), POLICY, None)
    world.tell((AURORA, requested()))
    world.at_ms += 10**9
    assert patient.fail_expired() == []


def test_a_sweep_is_of_bounded_size(world: World) -> None:
    for start in range(0, TRANSFERS_PER_SWEEP_MAX + 3, 100):
        world.tell(
            *(
                (AURORA, requested(end_to_end_id=e2e(number), amount_centavos=1))
                for number in range(start, min(start + 100, TRANSFERS_PER_SWEEP_MAX + 3))
            )
        )
    world.at_ms += 5_000
    sweep, sent = sweeper(world)
    assert sweep.sweep() == TRANSFERS_PER_SWEEP_MAX
    assert sweep.sweep() == 3
    assert len(sent) == TRANSFERS_PER_SWEEP_MAX + 3


def test_a_message_that_could_not_be_sent_comes_again(world: World) -> None:
    def refuse(_outgoing: Sequence[Outgoing]) -> None:
        raise BrokerUnavailable("gone")

    world.tell((AURORA, requested()))
    world.at_ms += 1_000
    broken, _ = sweeper(world, refuse=refuse)
    with pytest.raises(BrokerUnavailable):
        broken.sweep()
    world.at_ms += 8_000
    sweep, sent = sweeper(world)
    sweep.sweep()
    assert sent == ["codepix.bank.002.v1"]


# Records and their keys.


def handler(world: World) -> BatchHandler:
    return hub_handler(world.hub, world.now_ms)


def record(message: TransferRequested, secret: str = SECRET, sender: str = AURORA) -> Record:
    return encode_record(message, HUB_TOPIC, sender, signing_key(secret))


def test_a_bank_that_was_just_added_is_heard_at_once(world: World) -> None:
    handle = handler(world)
    assert len(handle([record(requested())])) == 1
    world.add(code="003", name="Maré", secret="a secret of Maré")
    world.at_ms += 1
    mare = "00000003"
    from_mare = requested(end_to_end_id=e2e(1, mare), payer=replace(ANA, ispb=mare))
    assert len(handle([record(from_mare, "a secret of Maré", mare)])) == 1
    assert world.hub.dead_letters.list(None, 9) == []


def test_forgeries_cost_no_more_than_one_look_at_the_keys_per_batch(world: World) -> None:
    looks = []

    def read() -> dict[str, tuple[str, tuple[bytes, ...]]]:
        looks.append(world.at_ms)
        return world.hub.queries.wire_keys()

    handle = hub_gateway(read, world.now_ms).handler(world.hub.process_messages)
    forged = [record(requested(end_to_end_id=e2e(number)), "not the secret at all") for number in range(5)]
    handle(forged)
    assert len(looks) == 1
    world.at_ms += 1
    handle(forged)
    assert len(looks) == 2
    world.at_ms += PEERS_AGE_MS_MAX + 1
    handle([record(requested())])
    assert len(looks) == 3
    assert {letter.times for letter in world.hub.dead_letters.list(None, 9)} == {2}


@pytest.mark.parametrize("step_ms", [-HOUR_MS, HOUR_MS])
def test_a_secret_that_was_retired_proves_nothing_any_more_though_the_clock_steps(world: World, step_ms: int) -> None:
    seconds = 0
    handle = hub_handler(world.hub, lambda: seconds * 1_000)
    handle([record(requested())])
    world.at_ms += step_ms
    for secret in ("the second secret", "the third secret!"):
        world.add(secret=secret)
    seconds += PEERS_AGE_MS_MAX // 1_000 + 1
    now = requested(end_to_end_id=e2e(2, AURORA, world.at_ms))
    assert handle([record(now)]) == [], "the first of three secrets"
    assert len(handle([record(now, "the third secret!")])) == 1


# Dead letters.


def test_a_letter_is_replayed_once(world: World) -> None:
    handle = handler(world)
    message = TransferAccepted(e2e(), requested().amount_centavos)
    early = encode_record(message, HUB_TOPIC, IPE, signing_key("a secret of Ipê!"))
    handle([early])
    digest = digest_of(early)

    in_vain = world.hub.dead_letters.replay(digest)
    assert (in_vain.state, in_vain.times) == (DeadLetterState.DEAD, 2)
    handle([record(requested())])
    replayed = world.hub.dead_letters.replay(digest)
    assert (replayed.state, replayed.times) == (DeadLetterState.REPLAYED, 2)
    assert world.hub.queries.find_transfer(e2e())[0].status is TransferStatus.CONFIRMED
    with pytest.raises(DeadLetterClosed):
        world.hub.dead_letters.replay(digest)
    assert dict(world.hub.dead_letters.count()) == {DeadLetterState.REPLAYED: 1}


def test_the_letters_of_a_filter_are_replayed_one_by_one_and_counted(world: World) -> None:
    handle = handler(world)
    early = [
        encode_record(TransferAccepted(e2e(number), requested().amount_centavos), HUB_TOPIC, IPE, signing_key(secret))
        for number, secret in ((1, "a secret of Ipê!"), (2, "a secret of Ipê!"), (3, "another secret"))
    ]
    for each in early:
        handle([each])
    handle([Record(HUB_TOPIC, b"", b"v" * (VALUE_KEPT_BYTES_MAX + 1))])
    handle([record(requested())])

    unknown = DeadLetterFilter(reason="knows no transfer")
    report = world.hub.dead_letters.replay_all(unknown)
    assert report == ReplayReport(replayed=1, failed_again=1)
    assert world.hub.queries.find_transfer(e2e())[0].status is TransferStatus.CONFIRMED
    assert world.hub.dead_letters.replay_all(EVERY_LETTER) == ReplayReport(failed_again=2, truncated=1)
    assert world.hub.dead_letters.replay_all(DeadLetterFilter(sender="99999999")) == ReplayReport()
    acts = [(each.act, each.detail) for each in world.hub.queries.list_trail(TrailFilter(size=9))]
    assert acts[0] == (Act.LETTERS_REPLAYED, "replayed 0, failed again 0, left 0, sender 99999999")
    assert (Act.LETTERS_REPLAYED, "replayed 1, failed again 1, left 0, reason knows no transfer") in acts
    assert [act for act, _ in acts].count(Act.LETTER_FAILED_AGAIN) == 3


def test_no_more_letters_are_replayed_at_once_than_the_limit_and_none_that_another_has_settled(world: World) -> None:
    letters = world.hub.dead_letters
    for number in range(REPLAYED_AT_ONCE_MAX + 5):
        letters.store(Rejected(Record(HUB_TOPIC, b"", str(number).encode()), "", "cannot be read"))
    tried: list[object] = []

    def discard_the_others(envelope: object) -> None:
        """Another operator discards all other letters while the first one is replayed."""
        tried.append(envelope)
        if len(tried) == 1:
            others = [
                each.digest for each in letters.list(size=500) if each.digest != digest_of(cast(Record, envelope))
            ]
            for digest in others:
                letters.discard(digest, "noise")

    report = replace(letters, process_again=discard_the_others).replay_all(EVERY_LETTER)
    assert report == ReplayReport(replayed=1, settled_meanwhile=REPLAYED_AT_ONCE_MAX - 1, left=5)
    assert len(tried) == 1


@pytest.mark.parametrize("note", ["", "   ", "x" * 201, "a\x00b"])
def test_a_discard_wants_a_reason(world: World, note: str) -> None:
    junk = Record(HUB_TOPIC, b"", b"junk")
    world.hub.dead_letters.store(Rejected(junk, "", "cannot be read"))
    with pytest.raises(SchemeError) as refused:
        world.hub.dead_letters.discard(digest_of(junk), note)
    assert refused.value.field == "note"
    world.hub.dead_letters.discard(digest_of(junk), "  not   ours ")
    assert world.hub.dead_letters.find(digest_of(junk)).note == "not ours"
    with pytest.raises(DeadLetterClosed):
        world.hub.dead_letters.discard(digest_of(junk), "again")
    with pytest.raises(DeadLetterNotFound):
        world.hub.dead_letters.find("nothing")
