"""Every use case of the bank in one place, as its transports see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from random import Random
from typing import Final
from uuid import uuid4

from bank_sim.application.block_account import BlockAccount, UnblockAccount
from bank_sim.application.change_limit import CancelRaise, ChangeLimit, ShowLimits
from bank_sim.application.charges.use_cases import Charges, compose_charges
from bank_sim.application.choose_behaviour import ChooseBehaviour
from bank_sim.application.close_account import CloseAccount, RemoveKeysOfClosedAccounts
from bank_sim.application.credentials.authorise import TOKEN_SECONDS
from bank_sim.application.credentials.use_cases import ApiCredentials, compose_api_credentials
from bank_sim.application.customer_app.use_cases import CustomerApp, compose_customer_app
from bank_sim.application.demo_people import closed_numbers
from bank_sim.application.exports import Exports
from bank_sim.application.find_payee import FindPayee
from bank_sim.application.join_network import JoinNetwork, MeetParticipants, SendHeartbeat
from bank_sim.application.mirror_progress import MirrorProgress
from bank_sim.application.mirror_settlement import MirrorSettlement
from bank_sim.application.open_account import OpenAccount
from bank_sim.application.payable_codes.ports import PayloadReader, PayloadSeal
from bank_sim.application.payable_codes.use_cases import PayableCodes, compose_payable_codes
from bank_sim.application.ports import BackgroundPublisher, Hub, UnitsOfWork
from bank_sim.application.process_messages import ProcessMessages
from bank_sim.application.queries import Queries
from bank_sim.application.receipts.use_cases import Receipts
from bank_sim.application.reconcile_keys import ReconcileKeys
from bank_sim.application.register_key import RegisterKey
from bank_sim.application.remove_key import RemoveKey
from bank_sim.application.request_transfer import RequestTransfer, RequestTransfers, TakeOrders
from bank_sim.application.restore_transfers import RestoreTransfers
from bank_sim.application.returns.use_cases import Returns, compose_returns
from bank_sim.application.run_schedules import RunDueSchedules
from bank_sim.application.sandbox.pay_new_charges import PayNewCharges
from bank_sim.application.sandbox.plan_payments import DueTogether
from bank_sim.application.sandbox.read_terms import ReadCodeTerms
from bank_sim.application.sandbox.use_cases import Sandbox, compose_sandbox
from bank_sim.application.sandbox.webhook_faults import fault_by_rules
from bank_sim.application.schedule_payment import CancelSchedule, EditSchedule, NoteFailureRead, SchedulePayment
from bank_sim.application.seed_demo_people import SeedDemoPeople
from bank_sim.application.sign_in import SignIn
from bank_sim.application.sweep_transfers import RetransmitDue, RetransmitWaiting
from bank_sim.application.typed_payee import ReadTypedPayee
from bank_sim.application.webhooks.ports import ChooseFault
from bank_sim.application.webhooks.use_cases import NOT_DELIVERING, Delivering, Webhooks, compose_webhooks, no_fault
from bank_sim.domain.bank import BankIdentity
from bank_sim.domain.charges.offers import UnknownCharges
from bank_sim.domain.limits import LimitPolicy
from bank_sim.domain.schedules.calendar import TryTimes
from pix.participant.clock.model import DueItems, FollowClock, NetworkClock
from pix.participant.clock.reporting import ReadClockReport
from pix.participant.dead_letters.use_cases import DeadLetters
from pix.participant.retention import NO_HISTORIES, Histories
from pix.runtime.clock import Clock, SchemeClock
from pix.runtime.health import Health
from pix.scheme.features import FEATURES, Feature
from pix.scheme.ids import make_end_to_end_id, random_suffix
from pix.scheme.retransmission import RetransmissionPolicy

TRY_TIMES: Final = (time(0), time(8), time(18))
"""When a scheduled payment is tried on its day, in São Paulo."""
NO_LIMITS: Final = LimitPolicy()
"""Accounts have the limits alone that their customers set."""


@dataclass(frozen=True, slots=True)
class BankApplication:
    """A bank without its transports: one callable per use case. What each takes and raises stands at its `__call__`."""

    identity: BankIdentity
    health: Health
    queries: Queries
    exports: Exports
    histories: Histories
    # Customers
    open_account: OpenAccount
    block_account: BlockAccount
    unblock_account: UnblockAccount
    close_account: CloseAccount
    sign_in: SignIn
    customer_app: CustomerApp
    # Keys
    register_key: RegisterKey
    remove_key: RemoveKey
    reconcile_keys: ReconcileKeys
    remove_keys_of_closed_accounts: RemoveKeysOfClosedAccounts
    find_payee: FindPayee
    read_typed_payee: ReadTypedPayee
    # Money
    request_transfer: RequestTransfer
    request_transfers: TakeOrders
    process_messages: ProcessMessages
    retransmit_due: RetransmitDue
    retransmit_waiting: RetransmitWaiting
    restore_transfers: RestoreTransfers
    returns: Returns
    payable_codes: PayableCodes
    charges: Charges
    webhooks: Webhooks
    mirror_progress: MirrorProgress
    # Scheduled payments, and limits
    schedule_payment: SchedulePayment
    edit_schedule: EditSchedule
    cancel_schedule: CancelSchedule
    note_failure_read: NoteFailureRead
    run_due_schedules: RunDueSchedules
    show_limits: ShowLimits
    change_limit: ChangeLimit
    cancel_raise: CancelRaise
    # The API Pix
    api_credentials: ApiCredentials
    receipts: Receipts
    # The bank's own side
    join_network: JoinNetwork
    send_heartbeat: SendHeartbeat
    meet_participants: MeetParticipants
    mirror_settlement: MirrorSettlement
    choose_behaviour: ChooseBehaviour
    dead_letters: DeadLetters
    seed_demo_people: SeedDemoPeople
    sandbox: Sandbox
    follow_clock: FollowClock | None = None
    """None in a network without a virtual clock."""
    read_clock_report: ReadClockReport | None = None


def compose(
    *,
    identity: BankIdentity,
    units: UnitsOfWork,
    hub: Hub,
    publisher: BackgroundPublisher,
    process_again: Callable[[object], None],
    scheme_clock: SchemeClock,
    clock: Clock,
    policy: RetransmissionPolicy,
    public_url: str = "",
    payload_host: str = "",
    payload_seal: PayloadSeal | None = None,
    payload_reader: PayloadReader | None = None,
    version: str = "0",
    health: Health | None = None,
    new_id: Callable[[], str] = lambda: str(uuid4()),
    random: Random | None = None,
    try_times: TryTimes = TRY_TIMES,
    limits: LimitPolicy = NO_LIMITS,
    unknown_charges: UnknownCharges = UnknownCharges.REFUSE,
    network_clock: NetworkClock | None = None,
    due_items: DueItems | None = None,
    token_secret: str = "",
    token_seconds: int = TOKEN_SECONDS,
    delivering: Delivering = NOT_DELIVERING,
    has_sandbox: bool = False,
    choose_fault: ChooseFault | None = None,
    features: frozenset[Feature] = FEATURES,
    histories: Histories = NO_HISTORIES,
) -> BankApplication:
    """Puts a bank together on any adapters: the real ones, or a simulation's. `random` makes its ids repeatable.

    `process_again` processes the envelope of a dead letter, and `network_clock` is `scheme_clock` in a network with a
    virtual clock. `due_items` are the scheduled payments unless others are named. `token_secret` signs the tokens of
    the API Pix. With `has_sandbox` the table of rules decides about payers and webhooks. The
    bank announces `features`.
    """

    def new_end_to_end_id(now_ms: int) -> str:
        return make_end_to_end_id(identity.ispb, datetime.fromtimestamp(now_ms / 1000, tz=UTC), random_suffix(random))

    instance = str(uuid4())
    find_payee = FindPayee(hub)
    mirror_progress = MirrorProgress(units, hub)
    open_account = OpenAccount(units, scheme_clock, new_id)
    register_key = RegisterKey(units, hub, clock, new_id)
    block_account = BlockAccount(units)
    remove_keys_of_closed_accounts = RemoveKeysOfClosedAccounts(units, hub, closed_numbers(identity.code))
    meet_participants = MeetParticipants(units, hub)
    payable_codes = compose_payable_codes(
        units,
        find_payee,
        scheme_clock,
        clock,
        payload_host,
        public_url,
        payload_seal,
        payload_reader,
        meet_participants,
    )
    note_new = PayNewCharges(payable_codes, new_id) if has_sandbox else None
    charges = compose_charges(units, scheme_clock, random, note_new)
    close_account = CloseAccount(units, remove_keys_of_closed_accounts, charges.remove_of_closed_accounts)
    request_transfers = RequestTransfers(
        units, publisher, scheme_clock, clock, identity, policy, new_end_to_end_id, limits
    )
    run_due_schedules = RunDueSchedules(units, scheme_clock, request_transfers, try_times)
    queries = Queries(units, hub, mirror_progress)
    returns = compose_returns(units, publisher, scheme_clock, clock, identity, policy, random)
    follow_clock = None if network_clock is None else FollowClock(units, network_clock)
    seed_demo_people = SeedDemoPeople(
        units, queries, open_account, register_key, block_account, close_account, identity.code
    )
    sandbox = compose_sandbox(
        units, scheme_clock, request_transfers, ReadCodeTerms(payable_codes.read), new_id, follow_clock
    )
    all_due = DueTogether(run_due_schedules.next_due_ms, sandbox.make_planned_payments.next_due_ms)
    return BankApplication(
        identity=identity,
        health=health or Health(),
        queries=queries,
        exports=Exports(units),
        histories=histories,
        open_account=open_account,
        block_account=block_account,
        unblock_account=UnblockAccount(units),
        close_account=close_account,
        sign_in=SignIn(units),
        customer_app=compose_customer_app(units, scheme_clock, clock),
        register_key=register_key,
        remove_key=RemoveKey(units, hub),
        reconcile_keys=ReconcileKeys(units, hub, clock),
        remove_keys_of_closed_accounts=remove_keys_of_closed_accounts,
        find_payee=find_payee,
        read_typed_payee=ReadTypedPayee(units),
        request_transfer=RequestTransfer(request_transfers),
        request_transfers=request_transfers,
        process_messages=ProcessMessages(units, scheme_clock, clock, identity, policy, unknown_charges=unknown_charges),
        retransmit_due=RetransmitDue(units, publisher, clock, policy),
        retransmit_waiting=RetransmitWaiting(units, publisher, clock, policy),
        restore_transfers=RestoreTransfers(units, scheme_clock, clock, identity, policy),
        returns=returns,
        charges=charges,
        webhooks=compose_webhooks(
            units, scheme_clock, clock, delivering, choose_fault or (fault_by_rules if has_sandbox else no_fault)
        ),
        payable_codes=payable_codes,
        mirror_progress=mirror_progress,
        schedule_payment=SchedulePayment(units, scheme_clock, try_times, new_id),
        edit_schedule=EditSchedule(units, scheme_clock, try_times),
        cancel_schedule=CancelSchedule(units),
        note_failure_read=NoteFailureRead(units),
        run_due_schedules=run_due_schedules,
        show_limits=ShowLimits(units, scheme_clock, limits),
        change_limit=ChangeLimit(units, scheme_clock, limits),
        cancel_raise=CancelRaise(units, scheme_clock, limits),
        api_credentials=compose_api_credentials(units, clock, new_id, token_secret, token_seconds, random),
        receipts=Receipts(units, returns.request, scheme_clock),
        join_network=JoinNetwork(hub, identity, public_url, version, payload_host, features),
        send_heartbeat=SendHeartbeat(hub, instance, version),
        meet_participants=meet_participants,
        mirror_settlement=MirrorSettlement(units, hub),
        choose_behaviour=ChooseBehaviour(units),
        dead_letters=DeadLetters(units, scheme_clock, process_again),
        seed_demo_people=seed_demo_people,
        sandbox=sandbox,
        follow_clock=follow_clock,
        read_clock_report=None
        if network_clock is None
        else ReadClockReport(units, lambda unit: unit.rows.values(), network_clock, due_items or all_due, instance),
    )
