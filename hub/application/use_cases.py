"""Every use case of the hub in one place, as its transports see them."""

from __future__ import annotations

from dataclasses import dataclass

from hub.application.admit_banks import AddBank, AuthenticateBank, JoinNetwork
from hub.application.bury_records import BuryRecord, DiscardDeadLetter, ReadDeadLetters, ReplayDeadLetter
from hub.application.keep_directory import FindKey, ListKeys, RegisterKey, RemoveKey
from hub.application.ports import UnitsOfWork
from hub.application.process_messages import ProcessMessages
from hub.application.queries import Queries
from hub.application.sweep_transfers import FailExpired, ResendDue
from pix.scheme.resending import ResendPolicy
from pix.service.clock import Clock
from pix.service.health import Health


@dataclass(frozen=True)
class HubApplication:
    """Ready to be called by whatever transport."""

    health: Health
    add_bank: AddBank
    authenticate_bank: AuthenticateBank
    join_network: JoinNetwork
    register_key: RegisterKey
    find_key: FindKey
    list_keys: ListKeys
    remove_key: RemoveKey
    process_messages: ProcessMessages
    resend_due: ResendDue
    fail_expired: FailExpired
    bury_record: BuryRecord
    replay_dead_letter: ReplayDeadLetter
    discard_dead_letter: DiscardDeadLetter
    dead_letters: ReadDeadLetters
    queries: Queries


def compose(
    units: UnitsOfWork, clock: Clock, health: Health, policy: ResendPolicy, timeout_ms: int | None
) -> HubApplication:
    """Puts the use cases together on any stores and any clock."""
    return HubApplication(
        health=health,
        add_bank=AddBank(units, clock),
        authenticate_bank=AuthenticateBank(units),
        join_network=JoinNetwork(units, clock),
        register_key=RegisterKey(units, clock),
        find_key=FindKey(units),
        list_keys=ListKeys(units),
        remove_key=RemoveKey(units),
        process_messages=ProcessMessages(units, clock, policy),
        resend_due=ResendDue(units, clock, policy),
        fail_expired=FailExpired(units, clock, policy, timeout_ms),
        bury_record=BuryRecord(units, clock),
        replay_dead_letter=ReplayDeadLetter(units),
        discard_dead_letter=DiscardDeadLetter(units),
        dead_letters=ReadDeadLetters(units),
        queries=Queries(units),
    )
