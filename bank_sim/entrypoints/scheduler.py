"""The bank's roles that run by time: it retransmits due messages, and keeps in step with the hub."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from bank_sim.application.sweep_transfers import TRANSFERS_PER_SWEEP_MAX
from bank_sim.application.use_cases import BankApplication
from pix.participant.reachability import Comeback, Reachability, RetransmitMissed
from pix.participant.scheduler import OutboxSweep, PeriodicTask, PeriodicTasks, repeat
from pix.runtime.logs import logger
from pix.scheme.deliveries import HUB

HUB_ABSENT_MS: Final = 4_000
"""Two heartbeats that the hub has not taken."""
MIRROR_SECONDS: Final = 3.0
MEET_SECONDS: Final = 10.0
RECONCILE_SECONDS: Final = 20.0
SCHEDULES_SECONDS: Final = 1.0
PLANNED_SECONDS: Final = 0.25
KEY_REMOVAL_SECONDS: Final = 5.0
"""Between two attempts to remove the keys of accounts that were closed while the hub was unavailable."""
BATCHES_SECONDS: Final = 5.0
CHARGE_REMOVAL_SECONDS: Final = 30.0
"""Only a crash leaves these two something to do."""

log = logger(__name__)


def outbox_sweep(
    application: BankApplication,
    lag: Callable[[], int],
    reachability: Reachability,
    broker_answers: Callable[[], bool],
) -> OutboxSweep:
    """`lag` counts the records that wait for the bank."""

    def retransmit_waiting(comeback: Comeback, before_ms: int | None) -> tuple[int, int | None]:
        return application.retransmit_waiting(comeback.since_ms, before_ms)

    return OutboxSweep(
        application.retransmit_due,
        lag,
        application.health,
        TRANSFERS_PER_SWEEP_MAX,
        retransmit_missed=RetransmitMissed(reachability, retransmit_waiting, broker_answers),
    )


def noting_the_hub(reachability: Reachability) -> Callable[[bool], None]:
    """Notes for each heartbeat whether the hub has taken it."""

    def note(is_delivered: bool) -> None:
        if is_delivered:
            reachability.note_seen([HUB])
        else:
            reachability.note_missing(HUB)

    return note


def periodic_tasks(application: BankApplication) -> PeriodicTasks:
    tasks = (
        PeriodicTask("mirror settlement", application.mirror_settlement, MIRROR_SECONDS),
        PeriodicTask("meet participants", application.meet_participants, MEET_SECONDS),
        PeriodicTask("reconcile keys", application.reconcile_keys, RECONCILE_SECONDS),
        PeriodicTask("remove keys", application.remove_keys_of_closed_accounts, KEY_REMOVAL_SECONDS),
    )
    return PeriodicTasks(application.join_network, tasks, application.health)


def scheduled_payments(application: BankApplication) -> Callable[[threading.Event], None]:
    """The role that tries scheduled payments and looks after charges; apart from the others, since it needs no hub."""

    def run_due() -> None:
        if tried := application.run_due_schedules():
            log.info("tried scheduled payments", payments=tried)

    def decide_batches() -> None:
        if batches := application.charges.batches.decide_open():
            log.info("decided on batches of charges", batches=batches)

    def remove_charges() -> None:
        if charges := application.charges.remove_of_closed_accounts():
            log.info("removed charges of closed accounts", charges=charges)

    tasks = (
        PeriodicTask("scheduled payments", run_due, SCHEDULES_SECONDS),
        PeriodicTask("batches of charges", decide_batches, BATCHES_SECONDS),
        PeriodicTask("remove charges", remove_charges, CHARGE_REMOVAL_SECONDS),
    )
    return lambda stop: repeat(tasks, stop)


def planned_payments(application: BankApplication) -> Callable[[threading.Event], None]:
    """The role that makes the payments that tests have asked for."""

    def make_due() -> None:
        if done := application.sandbox.make_planned_payments():
            log.info("made payments on demand", payments=done)

    return lambda stop: repeat((PeriodicTask("payments on demand", make_due, PLANNED_SECONDS),), stop)
