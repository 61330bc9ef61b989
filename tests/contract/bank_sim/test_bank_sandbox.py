"""Payments on demand are made once, and rules decide answers; the switches are rows of the same table."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from alembic import command
from sqlalchemy import text

from bank_sim.adapters.postgres import MIGRATIONS, PostgresUnitsOfWork
from bank_sim.application.ports import RowExists, UnitsOfWork
from bank_sim.application.sandbox.edit_rules import RuleNotFound
from bank_sim.application.sandbox.plan_payments import PlanNotFound
from bank_sim.application.sandbox.webhook_faults import fault_by_rules
from bank_sim.domain.account import Account
from bank_sim.domain.behaviour import AnswerMode, AnswerStyle, Behaviour
from bank_sim.domain.charges.model import ChargeKind, Immediate
from bank_sim.domain.charges.orders import ChargeOrder
from bank_sim.domain.errors import AccountNotFound, IdempotencyConflict, KeyNotFound
from bank_sim.domain.sandbox.plans import PlanOrder, PlanStatus, When
from bank_sim.domain.sandbox.rules import (
    READING_ID,
    SWITCHES_ID,
    AnswerAction,
    Match,
    PayerAction,
    ReadingAction,
    Rule,
    RuleKind,
    RuleSource,
    standard_rules,
)
from bank_sim.domain.webhooks.faults import FaultPlan, WebhookFault
from bank_sim.domain.webhooks.model import Notice
from pix.postgres.engine import make_engine, transaction
from pix.postgres.migrations import alembic_configuration, migrate
from pix.scheme import brcode
from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation
from pix.scheme.keys import KeyKind
from pix.scheme.messages import TransferAccepted, TransferRejected, TransferRequested
from pix.scheme.reasons import ReasonCode
from tests.support.bank import STRANGER, STRANGERS_KEY, World

CODE = brcode.encode(brcode.BRCode(STRANGERS_KEY.key, STRANGER.name, "Sao Paulo", amount_centavos=12_34, txid="order7"))


def told(account: Account, **how: object) -> PlanOrder:
    return PlanOrder(code=CODE, payer=account.number, **how)  # type: ignore[arg-type]


def requested(world: World) -> list[TransferRequested]:
    return [message for message in world.sent() if isinstance(message, TransferRequested)]


def test_a_code_is_paid_now_with_its_amount_and_txid(world: World) -> None:
    ana = world.open_account(100_00)
    plan = world.bank.sandbox.plan_payment(told(ana))
    (message,) = requested(world)
    assert (message.amount_centavos, message.txid, message.payee_key) == (12_34, "order7", STRANGERS_KEY)
    assert (plan.status, plan.end_to_end_ids) == (PlanStatus.MADE, (message.end_to_end_id,))
    assert world.balance(ana) == 100_00 - 12_34
    assert world.bank.sandbox.plans.find(plan.plan_id) == plan


def test_another_amount_and_twice(world: World) -> None:
    ana = world.open_account(100_00)
    plan = world.bank.sandbox.plan_payment(told(ana, amount_centavos=1_00, times=2))
    assert [message.amount_centavos for message in requested(world)] == [1_00, 1_00]
    assert len(set(plan.end_to_end_ids)) == 2


def test_a_payment_waits_for_its_time_and_is_made_once(world: World) -> None:
    ana = world.open_account(100_00)
    plan = world.bank.sandbox.plan_payment(told(ana, when=When.IN_SECONDS, in_seconds=60))
    assert (plan.status, world.sent()) == (PlanStatus.WAITING, [])
    due_ms = world.clock.now_ms() + 60_000
    assert world.bank.sandbox.make_planned_payments.next_due_ms() == due_ms
    assert world.bank.sandbox.make_planned_payments() == 0

    world.clock.at_ms = due_ms
    assert world.bank.sandbox.make_planned_payments() == 1
    # As a replica does that has read the same plan before.
    assert world.bank.sandbox.make_planned_payments.make(plan) is None
    assert len(requested(world)) == 1
    assert world.bank.sandbox.make_planned_payments.next_due_ms() is None


@pytest.mark.postgres
def test_replicas_make_a_payment_once(world: World) -> None:
    ana = world.open_account(100_00)
    plans = [
        world.bank.sandbox.plan_payment(told(ana, when=When.IN_SECONDS, client_key=str(number))) for number in range(5)
    ]
    with ThreadPoolExecutor(4) as replicas:
        list(replicas.map(lambda _: world.bank.sandbox.make_planned_payments(), range(4)))
    world.bank.sandbox.make_planned_payments()
    assert world.balance(ana) == 100_00 - 5 * 12_34
    assert {world.bank.sandbox.plans.find(plan.plan_id).status for plan in plans} == {PlanStatus.MADE}


def test_a_date_of_the_clock_never_and_cancelled(world: World) -> None:
    ana = world.open_account(100_00)
    at_ms = world.clock.now_ms() + 86_400_000
    sandbox = world.bank.sandbox
    never = sandbox.plan_payment(told(ana, when=When.NEVER))
    dated = sandbox.plan_payment(told(ana, when=When.AT, at_ms=at_ms))
    dropped = sandbox.plan_payment(told(ana, when=When.AT, at_ms=at_ms))
    assert sandbox.cancel_plan(dropped.plan_id).status is PlanStatus.CANCELLED
    world.clock.at_ms = at_ms
    assert sandbox.make_planned_payments() == 1
    statuses = {plan.plan_id: plan.status for plan in sandbox.plans()}
    assert statuses == {
        dated.plan_id: PlanStatus.MADE,
        never.plan_id: PlanStatus.NEVER,
        dropped.plan_id: PlanStatus.CANCELLED,
    }
    with pytest.raises(SchemeError, match="made already"):
        sandbox.cancel_plan(dated.plan_id)
    with pytest.raises(PlanNotFound):
        sandbox.cancel_plan("no such")


def test_the_same_client_key_makes_one_plan(world: World) -> None:
    ana = world.open_account(100_00)
    first = world.bank.sandbox.plan_payment(told(ana, client_key="a"))
    assert world.bank.sandbox.plan_payment(told(ana, client_key="a")) == first
    assert len(requested(world)) == 1
    with pytest.raises(IdempotencyConflict):
        world.bank.sandbox.plan_payment(told(ana, client_key="a", times=2))


def test_a_payment_that_this_bank_refuses_says_why(world: World) -> None:
    poor = world.open_account(1_00)
    plan = world.bank.sandbox.plan_payment(told(poor))
    assert (plan.status, plan.refusal) == (PlanStatus.REFUSED, "You don't have enough balance.")
    del world.hub.payees[STRANGERS_KEY]
    with pytest.raises(KeyNotFound):
        world.bank.sandbox.plan_payment(told(poor))
    later = world.bank.sandbox.plan_payment(told(poor, when=When.IN_SECONDS))
    world.bank.sandbox.make_planned_payments()
    assert world.bank.sandbox.plans.find(later.plan_id).status is PlanStatus.REFUSED


def test_a_payment_that_is_due_waits_for_a_hub_that_is_away(world: World) -> None:
    ana = world.open_account(100_00)
    plan = world.bank.sandbox.plan_payment(told(ana, when=When.IN_SECONDS))
    world.hub.is_down = True
    assert world.bank.sandbox.make_planned_payments() == 0
    world.hub.is_down = False
    assert world.bank.sandbox.make_planned_payments() == 1
    assert world.bank.sandbox.plans.find(plan.plan_id).status is PlanStatus.MADE


def test_another_person_pays(world: World) -> None:
    world.bank.seed_demo_people()
    usual = world.bank.sandbox.plan_payment(PlanOrder(code=CODE))
    other = world.bank.sandbox.plan_payment(PlanOrder(code=CODE, by_another_person=True))
    stories = {person.account.number: person.story for person in world.bank.queries.demo_people()}
    assert (stories[usual.account_number], stories[other.account_number]) == ("rich", "everyday")
    assert stories[world.bank.sandbox.plan_payment(PlanOrder(code=CODE, payer="company")).account_number] == "company"


@pytest.mark.parametrize(
    ("how", "field"),
    [
        ({"when": When.AT}, "at_ms"),
        ({"at_ms": 1}, "at_ms"),
        ({"in_seconds": 5}, "in_seconds"),
        ({"times": 11}, "times"),
        ({"amount_centavos": 0}, "amount_centavos"),
        ({"when": When.AFTER_EXPIRY}, "when"),
    ],
)
def test_an_order_that_cannot_be_names_its_field(world: World, how: dict[str, object], field: str) -> None:
    ana = world.open_account(100_00)
    with pytest.raises(SchemeError) as refused:
        world.bank.sandbox.plan_payment(told(ana, **how))
    assert refused.value.field == field


def test_nobody_pays_where_no_demo_person_lives(world: World) -> None:
    with pytest.raises(AccountNotFound):
        world.bank.sandbox.plan_payment(PlanOrder(code=CODE))


def test_the_first_rule_that_fits_decides_the_answer(world: World) -> None:
    ana = world.open_account(0)
    sandbox = world.bank.sandbox
    rule = sandbox.add_rule(
        Rule("", RuleKind.ANSWER, AnswerAction(AnswerMode.REJECT, ReasonCode.AM09), Match(from_centavos=50_00))
    )
    small, large = world.offer(ana, 49_99), world.offer(ana, 50_00)
    assert [type(answer) for answer in world.hear(small, large)] == [TransferAccepted, TransferRejected]
    sandbox.change_rule(rule.rule_id, lambda each: replace(each, enabled=False))
    assert [type(answer) for answer in world.hear(world.offer(ana, 50_00))] == [TransferAccepted]
    sandbox.remove_rule(rule.rule_id)
    with pytest.raises(RuleNotFound):
        sandbox.rules.find(rule.rule_id)


def test_the_switches_are_rules_and_stay_what_the_old_way_sets(world: World) -> None:
    sandbox = world.bank.sandbox
    assert tuple(sandbox.rules()) == standard_rules(Behaviour())
    behaviour = Behaviour(
        mode=AnswerMode.REJECT,
        reject_reason=ReasonCode.AC03,
        answer_delay_ms=5,
        answer_style=AnswerStyle.TWICE,
        magic_amounts=True,
        consuming=False,
    )
    world.bank.choose_behaviour(behaviour=behaviour)
    assert world.bank.queries.behaviour() == behaviour
    assert sandbox.rules.find(SWITCHES_ID).action == AnswerAction(
        AnswerMode.REJECT, ReasonCode.AC03, 5, AnswerStyle.TWICE
    )
    sandbox.change_rule(READING_ID, lambda rule: replace(rule, action=ReadingAction(reads=True)))
    sandbox.change_rule(SWITCHES_ID, lambda rule: replace(rule, action=AnswerAction(AnswerMode.SILENT)))
    assert world.bank.queries.behaviour() == Behaviour(mode=AnswerMode.SILENT, magic_amounts=True)


def test_a_magic_amount_can_be_given_another_answer(world: World) -> None:
    ana = world.open_account(0)
    world.bank.choose_behaviour(behaviour=Behaviour(magic_amounts=True))
    (three,) = [rule for rule in world.bank.sandbox.rules() if rule.match.amount_centavos == 3]
    world.bank.sandbox.change_rule(
        three.rule_id, lambda rule: replace(rule, action=AnswerAction(AnswerMode.REJECT, ReasonCode.RR04))
    )
    (answer,) = world.hear(world.offer(ana, 3))
    assert isinstance(answer, TransferRejected) and answer.reason is ReasonCode.RR04
    # The old way switches them on and off together, and leaves what they are.
    world.bank.choose_behaviour(behaviour=Behaviour())
    assert world.bank.sandbox.rules.find(three.rule_id).enabled is False


def test_rules_of_the_bank_are_neither_removed_nor_replaced(world: World) -> None:
    sandbox = world.bank.sandbox
    for rule_id in (SWITCHES_ID, "magic-0003"):
        with pytest.raises(SchemeError, match="changed, not removed"):
            sandbox.remove_rule(rule_id)
        with pytest.raises(SchemeError, match="belongs to a rule of the bank"):
            sandbox.add_rule(Rule(rule_id, RuleKind.PAYER, PayerAction()))
    with pytest.raises(SchemeError, match="Only the action of a switch"):
        sandbox.change_rule(SWITCHES_ID, lambda rule: replace(rule, enabled=False))


def test_rules_and_plans_come_back_as_they_were_stored(units: UnitsOfWork) -> None:
    rules = [
        Rule("a", RuleKind.PAYER, PayerAction(after_seconds=3, times=2), Match(txid="abc*"), 5, source=RuleSource.TEST),
        Rule("b", RuleKind.ANSWER, AnswerAction(AnswerMode.SILENT, delay_ms=9), Match(key="k", to_centavos=9)),
    ]
    with units() as unit:
        unit.rules.lock()
        unit.rules.put(rules)
        unit.commit()
    with units() as unit:
        assert unit.rules.all() == rules
        unit.rules.remove(["a", "no such"])
        assert unit.rules.all() == rules[1:]


def test_a_client_key_is_unique(world: World, units: UnitsOfWork) -> None:
    ana = world.open_account(100_00)
    plan = world.bank.sandbox.plan_payment(told(ana, client_key="a", when=When.NEVER))

    def add_again() -> None:
        with units() as unit:
            unit.plans.add([replace(plan, plan_id="another")])
            unit.commit()

    with pytest.raises(RowExists):
        add_again()


def test_a_rule_chooses_the_fault_of_a_notice(world: World, units: UnitsOfWork) -> None:
    plan = FaultPlan(WebhookFault.DELAYED, delay_ms=9)
    world.bank.sandbox.add_rule(Rule("slow", RuleKind.WEBHOOK, plan, Match(txid="abc*")))
    notice = Notice(
        account_number="100001-7",
        key=STRANGERS_KEY,
        txid="abc1",
        end_to_end_id="E1",
        return_id="",
        amount_centavos=1,
        noted_at_ms=1,
        due_at_ms=1,
    )
    with units() as unit:
        assert fault_by_rules(unit, notice) == plan
        assert fault_by_rules(unit, replace(notice, txid="xyz")) is None


def order_of(world: World, **changes: object) -> ChargeOrder:
    """A charge of the company among the demo people."""
    company = next(person.account for person in world.bank.queries.demo_people() if person.story == "company")
    (key,) = [each.key for each in world.bank.queries.keys_of(company.number) if each.key.kind is KeyKind.CNPJ]
    order = ChargeOrder(company.number, ChargeKind.IMMEDIATE, key, 37_00, Immediate(3_600))
    return replace(order, **changes)  # type: ignore[arg-type]


def test_a_rule_pays_charges_when_they_are_made(units: UnitsOfWork) -> None:
    world = World(units, has_sandbox=True, payload_host="bank.example")
    world.bank.seed_demo_people()
    sandbox = world.bank.sandbox
    sandbox.add_rule(Rule("late", RuleKind.PAYER, PayerAction(after_expiry=True), Match(amount_centavos=1_00), 1))
    sandbox.add_rule(Rule("never", RuleKind.PAYER, PayerAction(pays=False), Match(amount_centavos=2_00), 2))
    sandbox.add_rule(Rule("others", RuleKind.PAYER, PayerAction(after_seconds=30, times=2), Match(from_centavos=10_00)))
    made = [world.bank.charges.create(order_of(world, amount_centavos=amount)) for amount in (37_00, 1_00, 2_00, 3_00)]
    plans = {plan.rule_id: plan for plan in sandbox.plans()}
    assert set(plans) == {"others", "late", "never"}

    first, location = made[0]
    planned = plans["others"]
    assert (planned.times, planned.due_at_ms) == (2, first.created_at_ms + 30_000)
    assert brcode.decode(planned.code).location == world.bank.payable_codes.location(first.kind, location.token)
    assert plans["never"].status is PlanStatus.NEVER

    late, charge = plans["late"], made[1][0]
    assert late.due_at_ms == charge.created_at_ms + 3_600_000 + 1_000
    world.clock.at_ms = late.due_at_ms
    sandbox.make_planned_payments.make(late)
    (message,) = requested(world)
    assert (message.initiation, message.txid, message.amount_centavos) == (Initiation.QRDN, charge.txid, 1_00)


def test_without_the_sandbox_no_rule_pays(world: World) -> None:
    world.bank.seed_demo_people()
    world.bank.sandbox.add_rule(Rule("all", RuleKind.PAYER, PayerAction()))
    world.bank.charges.create(order_of(world))
    assert world.bank.sandbox.plans() == []


def test_never_takes_back_what_was_planned_for_the_same_code(world: World) -> None:
    ana = world.open_account(100_00)
    planned = world.bank.sandbox.plan_payment(told(ana, when=When.IN_SECONDS, in_seconds=5))
    world.bank.sandbox.plan_payment(told(ana, when=When.NEVER))
    assert world.bank.sandbox.plans.find(planned.plan_id).status is PlanStatus.CANCELLED


@pytest.mark.postgres
def test_switches_of_an_older_version_become_rules(new_database: Callable[[], str]) -> None:
    url = new_database()
    migrate(url, MIGRATIONS)
    engine = make_engine(url)
    try:
        with transaction(engine) as connection:
            configuration = alembic_configuration(MIGRATIONS)
            configuration.attributes["connection"] = connection
            command.downgrade(configuration, "0012")
            connection.execute(text("INSERT INTO behaviour VALUES (true, 'reject', 'AC03', 9, 'twice', true, false)"))
        migrate(url, MIGRATIONS)
        before = Behaviour(
            AnswerMode.REJECT, ReasonCode.AC03, 9, AnswerStyle.TWICE, magic_amounts=True, consuming=False
        )
        with PostgresUnitsOfWork(engine)() as unit:
            assert unit.switches.behaviour() == before
            assert tuple(unit.rules.all()) == standard_rules(before)
    finally:
        engine.dispose()
