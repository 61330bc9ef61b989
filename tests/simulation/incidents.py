"""What strikes a run from outside, and how all of it is healed."""

from __future__ import annotations

from functools import partial

from bank_sim.domain.account import AccountStatus
from bank_sim.domain.behaviour import Behaviour
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.simulation.banks import BANKS
from tests.simulation.callbacks import ignore, try_to
from tests.simulation.calm import CalmWatch
from tests.simulation.network import START_MS, Faults
from tests.simulation.opening import draw_behaviour
from tests.simulation.processes import Instance
from tests.simulation.traffic import PAYING_MS
from tests.simulation.world import HOUR_MS, World

RESENDS_WHILE_AWAY = 100
"""An absence lasts at most so many times the longest pause between resends: another 700 of the same teach nothing new.

With pauses of up to a minute that is 100 minutes; with longer ones the 14 hours remain: more than the 12 that an
end-to-end id may be old.
"""
SUSPENSION_CHANCE = 0.3
LEAVING_CHANCE = 0.5
LONGEST_WAITS_AWAY = 3
"""How many times the longest pause between resends the last participant to come back stays away."""
CLOCK_STEPS_MS = (500, 5_000, 40_000, 600_000, HOUR_MS, HOUR_MS, 14 * HOUR_MS)


def plan_incidents(world: World) -> int:
    """Plans what strikes from outside; returns when all of it is over."""
    now_ms = world.timeline.now_ms()
    healed_ms = now_ms + PAYING_MS + world.random.randrange(PAYING_MS)
    for _ in range(world.random.randrange(4)):
        at_ms = now_ms + world.random.randrange(PAYING_MS)
        incident = world.random.choice((_absence, _absence, _lost_log, _garbage, _mood))
        healed_ms = max(healed_ms, incident(world, at_ms))
    return healed_ms


def _absence(world: World, at_ms: int) -> int:
    """A participant is away, for seconds or for hours, maybe longer than retention."""
    instance = world.random.choice(world.instances())
    away_ms = world.random.choice((1_000, 10_000, 30_000, 30_000, HOUR_MS, 14 * HOUR_MS))
    back_ms = at_ms + min(away_ms, RESENDS_WHILE_AWAY * world.policy.cap_ms)
    retained = world.random.choice((0.0, 0.0, 0.5, 1.0))

    def go() -> None:
        world.trace.note(f"{instance.name} goes away until {back_ms - START_MS} ms")
        instance.stop()
        instance.lifetime += 1

    def come_back() -> None:
        if retained:
            world.retention_has_struck = True
            world.broker.retain(instance.topic, retained)
        world.trace.note(f"{instance.name} comes back, {retained:.0%} of its topic is gone")
        instance.start()

    world.timeline.at(at_ms, go)
    world.timeline.at(back_ms, come_back)
    return back_ms + 1_000


def _lost_log(world: World, at_ms: int) -> int:
    def lose() -> None:
        world.trace.note("the broker loses its log")
        world.broker.lose_log()

    world.timeline.at(at_ms, lose)
    return at_ms + 1_000


def _garbage(world: World, at_ms: int) -> int:
    """A stranger writes what no participant can read; it is not sent again, so it must not be skipped."""
    topic = world.random.choice((HUB_TOPIC, *(bank_topic(code) for code, _ in BANKS)))
    number = len(world.garbage)
    record = Record(topic, f"garbage-{number}".encode(), b"\xff\xfe garbage", {"codepix-sender": b"stranger"})
    world.garbage.append(record)

    def arrive() -> None:
        world.trace.note(f"garbage comes to {topic}")
        world.broker.append(record)

    world.timeline.at(at_ms, arrive)
    return at_ms + 1_000


def _mood(world: World, at_ms: int) -> int:
    bank, behaviour = world.random.choice(world.banks), draw_behaviour(world)

    def change() -> None:
        world.trace.note(f"bank {bank.identity.code} behaves: {behaviour}")
        bank.quiet.choose_behaviour(behaviour=behaviour)

    world.timeline.at(at_ms, change)
    return at_ms


def plan_clock_steps(world: World, until_ms: int) -> None:
    """Clocks are set right, or wrong, while things happen, and in half of the runs right at the end."""
    now_ms = world.timeline.now_ms()
    for _ in range(world.clock_random.randrange(4)):
        number = world.clock_random.randrange(1 + len(world.banks))
        step_ms = world.clock_random.choice(CLOCK_STEPS_MS) * world.clock_random.choice((-1, 1))
        at_ms = world.clock_random.randrange(now_ms, until_ms)
        world.timeline.at(at_ms, partial(_step_clock, world, number, step_ms))
    if world.clock_random.random() < 0.5:
        for number in range(1 + len(world.banks)):
            world.timeline.at(until_ms, partial(_step_clock, world, number, None))


def _step_clock(world: World, number: int, step_ms: int | None) -> None:
    """Steps the clock of the hub (0) or of a bank by so much; None: to the true time."""
    if number == 0:
        clocks, instances = world.hub_clocks, world.hubs
    else:
        bank = world.banks[number - 1]
        clocks, instances = [bank.clock], [bank.instance]
    for clock, instance, skew_ms in zip(clocks, instances, world.hub_skews_ms if number == 0 else [0], strict=True):
        clock.off_ms = skew_ms if step_ms is None else clock.off_ms + step_ms
        world.trace.note(f"the clock of {instance.name} steps, and is {clock.off_ms} ms ahead now")
        instance.plan_sweep()


def plan_suspension(world: World, until_ms: int) -> None:
    """The operator suspends a bank for a while."""
    if world.return_random.random() >= SUSPENSION_CHANCE:
        return
    code = world.return_random.choice(world.banks).identity.code
    from_ms, to_ms = sorted(world.return_random.randrange(world.timeline.now_ms(), until_ms) for _ in range(2))

    def suspend() -> None:
        world.trace.note(f"bank {code} is suspended until {to_ms - START_MS} ms")
        world.hub.suspend_bank(code)

    world.timeline.at(from_ms, suspend)
    world.timeline.at(to_ms, lambda: ignore(world.hub.resume_bank(code)))


def plan_leaving(world: World, until_ms: int) -> None:
    """A customer pays everything away and closes the account: what comes back finds it closed, or blocked."""
    bank = world.return_random.choice(world.banks)
    number = world.return_random.choice(bank.accounts)
    at_ms = world.return_random.randrange(world.timeline.now_ms(), until_ms)
    if world.return_random.random() >= LEAVING_CHANCE:
        world.timeline.at(at_ms, lambda: try_to(partial(bank.quiet.block_account, account_number=number)))
        return
    keys = [key for other in world.banks if other is not bank for key in other.keys]

    def leave(attempts_left: int = 20) -> None:
        account = bank.store.accounts.get(number)
        assert account is not None
        if not account.balance_centavos:
            try_to(partial(bank.quiet.close_account, account_number=number))
        else:
            pay = partial(
                bank.application.request_transfer,
                account_number=number,
                payee_key=world.return_random.choice(keys),
                amount_centavos=account.balance_centavos,
                description="everything",
                idempotency_key=f"leaving-{attempts_left}",
                payee_tax_id_masked="",
            )
            bank.instance.act(partial(try_to, pay))
        if attempts_left and account.status is AccountStatus.ACTIVE:
            again_ms = world.timeline.now_ms() + world.return_random.randrange(1_000, 10_000)
            world.timeline.at(again_ms, lambda: leave(attempts_left - 1))

    world.timeline.at(at_ms, leave)


def heal(world: World) -> None:
    """Ends all faults, and begins to watch what is owed; one participant may stay away for longer."""
    world.trace.note("everything is healed")
    for fate in world.fates():
        fate.faults = Faults()
    world.broker.faults = Faults()
    for bank in world.banks:
        bank.quiet.choose_behaviour(behaviour=Behaviour())
    away = _last_to_come_back(world)
    for instance in world.instances():
        if any(instance is each for each in away):
            instance.stop()
            instance.lifetime += 1
        else:
            instance.start()
    world.watch = CalmWatch(world, world.timeline.now_ms())


def _last_to_come_back(world: World) -> list[Instance]:
    """Who stays away when all else is healed, in half of the runs: for longer than the longest wait."""
    away = world.calm_random.choice(([], [], [], world.hubs, *([bank.instance] for bank in world.banks)))
    if away:
        back_ms = world.timeline.now_ms() + LONGEST_WAITS_AWAY * world.policy.cap_ms
        world.last_back_ms = back_ms
        if world.comebacks is not None:
            # What the broker kept for it is gone: only what is retransmitted reaches it.
            world.timeline.at(back_ms, lambda: _forget_topic(world, away[0].topic))
        world.trace.note(f"{away[0].name} stays away until {back_ms - START_MS} ms")
        for instance in away:
            world.timeline.at(back_ms, instance.start)
    return list(away)


def _forget_topic(world: World, topic: str) -> None:
    world.retention_has_struck = True
    world.broker.retain(topic, 1.0)
