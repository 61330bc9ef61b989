"""Every use case of the hub in one place, as its transports see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hub.application.admit_banks import AddBank, AuthenticateBank, JoinNetwork
from hub.application.bury_records import BuryRecord, DiscardDeadLetter, ReadDeadLetters, ReplayDeadLetter
from hub.application.fund_bank import FundBank
from hub.application.keep_directory import FindKey, ListKeys, RegisterKey, RemoveKey
from hub.application.keep_in_touch import KeepInTouch, LeaveNetwork
from hub.application.look_at_network import LookAtNetwork
from hub.application.ports import Directory, UnitsOfWork
from hub.application.process_messages import ProcessMessages
from hub.application.queries import Queries
from hub.application.recount_transfers import RecountTransfers
from hub.application.survey_banks import SurveyBanks
from hub.application.suspend_bank import ResumeBank, SuspendBank
from hub.application.sweep_transfers import FailExpired, ResendDue
from hub.domain.look_ups import LOOK_UPS_OF_A_BANK
from pix.runtime.clock import Clock, monotonic_ms
from pix.runtime.health import Health
from pix.runtime.limits import Limiter
from pix.scheme.buckets import BucketPolicy
from pix.scheme.resending import ResendPolicy


@dataclass(frozen=True)
class HubApplication:
    """Ready to be called by whatever transport."""

    health: Health
    add_bank: AddBank
    authenticate_bank: AuthenticateBank
    join_network: JoinNetwork
    keep_in_touch: KeepInTouch
    leave_network: LeaveNetwork
    survey_banks: SurveyBanks
    look_at_network: LookAtNetwork
    fund_bank: FundBank
    suspend_bank: SuspendBank
    resume_bank: ResumeBank
    register_key: RegisterKey
    find_key: FindKey
    list_keys: ListKeys
    remove_key: RemoveKey
    process_messages: ProcessMessages
    resend_due: ResendDue
    fail_expired: FailExpired
    recount_transfers: RecountTransfers
    bury_record: BuryRecord
    replay_dead_letter: ReplayDeadLetter
    discard_dead_letter: DiscardDeadLetter
    dead_letters: ReadDeadLetters
    queries: Queries


def compose(
    units: UnitsOfWork,
    clock: Clock,
    health: Health,
    policy: ResendPolicy,
    timeout_ms: int | None,
    look_up_policy: BucketPolicy = LOOK_UPS_OF_A_BANK,
    directory: Directory | None = None,
    monotonic_ms: Callable[[], int] = monotonic_ms,
) -> HubApplication:
    """Puts the use cases together on any stores and any clock; `monotonic_ms` is for limits and other ages.

    `directory` is a quicker way to read for look-ups than a unit of work, if the stores have one.
    """
    look_ups = Limiter(look_up_policy, monotonic_ms)
    survey_banks = SurveyBanks(units, clock)
    return HubApplication(
        health=health,
        add_bank=AddBank(units, clock),
        authenticate_bank=AuthenticateBank(units),
        join_network=JoinNetwork(units, clock),
        keep_in_touch=KeepInTouch(units, clock),
        leave_network=LeaveNetwork(units, clock),
        survey_banks=survey_banks,
        look_at_network=LookAtNetwork(units, clock, survey_banks, monotonic_ms),
        fund_bank=FundBank(units, clock),
        suspend_bank=SuspendBank(units),
        resume_bank=ResumeBank(units),
        register_key=RegisterKey(units, clock, look_ups),
        find_key=FindKey(units, look_ups, directory),
        list_keys=ListKeys(units),
        remove_key=RemoveKey(units, clock),
        process_messages=ProcessMessages(units, clock, policy, timeout_ms),
        resend_due=ResendDue(units, clock, policy, timeout_ms),
        fail_expired=FailExpired(units, clock, policy, timeout_ms),
        recount_transfers=RecountTransfers(units),
        bury_record=BuryRecord(units, clock),
        replay_dead_letter=ReplayDeadLetter(units),
        discard_dead_letter=DiscardDeadLetter(units),
        dead_letters=ReadDeadLetters(units),
        queries=Queries(units),
    )
