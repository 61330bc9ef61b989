"""Every use case of the hub in one place, as its transports see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hub.application.admit_banks import AddBank, AuthenticateBank, JoinNetwork
from hub.application.bank_states import ReadBankStates
from hub.application.fund_bank import FundBank
from hub.application.heartbeats import LeaveNetwork, ReadLastSigns, RecordHeartbeat
from hub.application.keys import FindKey, ListKeys, RegisterKey, RemoveKey, by_chance
from hub.application.network_clock import NetworkClockControl
from hub.application.network_overview import NetworkOverview
from hub.application.ports import Directory, UnitsOfWork
from hub.application.process_messages import ProcessMessages
from hub.application.queries import Queries
from hub.application.recount_transfers import RecountTransfers
from hub.application.suspend_bank import ResumeBank, SuspendBank
from hub.application.sweep_transfers import FailExpired, RetransmitDue, RetransmitWaiting
from hub.application.trail import note_letters, note_replays
from hub.domain.look_ups import LOOK_UPS_OF_A_BANK
from pix.participant.clock.model import NOTHING_DUE, DueItems, NetworkClock
from pix.participant.dead_letters.use_cases import DeadLetters
from pix.participant.retention import NO_HISTORIES, Histories
from pix.runtime.clock import Clock, SchemeClock, monotonic_ms
from pix.runtime.health import Health
from pix.runtime.limits import Limiter
from pix.scheme.buckets import BucketPolicy
from pix.scheme.features import FEATURES, Feature
from pix.scheme.retransmission import RetransmissionPolicy


@dataclass(frozen=True)
class HubApplication:
    health: Health
    add_bank: AddBank
    authenticate_bank: AuthenticateBank
    join_network: JoinNetwork
    record_heartbeat: RecordHeartbeat
    leave_network: LeaveNetwork
    read_last_signs: ReadLastSigns
    read_bank_states: ReadBankStates
    network_overview: NetworkOverview
    fund_bank: FundBank
    suspend_bank: SuspendBank
    resume_bank: ResumeBank
    register_key: RegisterKey
    find_key: FindKey
    list_keys: ListKeys
    remove_key: RemoveKey
    process_messages: ProcessMessages
    retransmit_due: RetransmitDue
    retransmit_waiting: RetransmitWaiting
    fail_expired: FailExpired
    recount_transfers: RecountTransfers
    dead_letters: DeadLetters
    queries: Queries
    histories: Histories
    scheme_clock: SchemeClock
    network_clock: NetworkClockControl | None = None
    """None in a network without a virtual clock."""


def compose(
    units: UnitsOfWork,
    scheme_clock: SchemeClock,
    clock: Clock,
    health: Health,
    policy: RetransmissionPolicy,
    timeout_ms: int | None,
    look_up_policy: BucketPolicy = LOOK_UPS_OF_A_BANK,
    directory: Directory | None = None,
    monotonic_ms: Callable[[], int] = monotonic_ms,
    *,
    derive_wire_key: Callable[[str], bytes],
    process_again: Callable[[object], None],
    network_clock: NetworkClock | None = None,
    due_items: DueItems = NOTHING_DUE,
    may_start_over: bool = False,
    new_random_key: Callable[[str, str], str] = by_chance,
    features: frozenset[Feature] = FEATURES,
    histories: Histories = NO_HISTORIES,
) -> HubApplication:
    """Puts the use cases together on any stores and any clocks; `monotonic_ms` is for limits and other ages.

    `derive_wire_key` makes of a bank's secret the key that is stored for its messages, `process_again` processes the
    envelope of a dead letter, `directory` is a quicker way to read for look-ups than a unit of work, and
    `network_clock` is `scheme_clock` in a network with a virtual clock, which in a sandbox `may_start_over`.
    `new_random_key` makes the random key (EVP) for a bank's ISPB and the id of its request.
    `features` are those that the hub uses.
    """
    look_ups = Limiter(look_up_policy, monotonic_ms)
    read_bank_states = ReadBankStates(units, clock)
    return HubApplication(
        health=health,
        add_bank=AddBank(units, scheme_clock, clock, derive_wire_key),
        authenticate_bank=AuthenticateBank(units),
        join_network=JoinNetwork(units, scheme_clock, features),
        record_heartbeat=RecordHeartbeat(units, clock),
        leave_network=LeaveNetwork(units, clock),
        read_last_signs=ReadLastSigns(units, clock),
        read_bank_states=read_bank_states,
        network_overview=NetworkOverview(units, scheme_clock, read_bank_states, monotonic_ms),
        fund_bank=FundBank(units, scheme_clock, clock),
        suspend_bank=SuspendBank(units, clock),
        resume_bank=ResumeBank(units, clock),
        register_key=RegisterKey(units, scheme_clock, look_ups, new_random_key),
        find_key=FindKey(units, look_ups, directory),
        list_keys=ListKeys(units),
        remove_key=RemoveKey(units, scheme_clock),
        process_messages=ProcessMessages(units, scheme_clock, clock, policy, timeout_ms),
        retransmit_due=RetransmitDue(units, scheme_clock, clock, policy, timeout_ms),
        retransmit_waiting=RetransmitWaiting(units, scheme_clock, clock, policy, timeout_ms),
        fail_expired=FailExpired(units, scheme_clock, clock, policy, timeout_ms),
        recount_transfers=RecountTransfers(units),
        dead_letters=DeadLetters(
            units,
            scheme_clock,
            process_again,
            note_length_min=1,
            note_act=note_letters(clock),
            note_replays=note_replays(clock),
        ),
        queries=Queries(units),
        histories=histories,
        scheme_clock=scheme_clock,
        network_clock=None
        if network_clock is None
        else NetworkClockControl(units, network_clock, clock, due_items, may_start_over=may_start_over),
    )
