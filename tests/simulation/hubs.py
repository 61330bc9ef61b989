"""The replicas of the hub, composed on the simulated network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hub.adapters.memory.unit_of_work import MemoryUnitsOfWork
from hub.application.process_messages import ProcessMessages
from hub.application.use_cases import HubApplication, compose
from hub.entrypoints.gateway import hub_gateway
from hub.entrypoints.kafka import CONSUMER_GROUP
from pix.messaging.consumer import isolating_poison
from pix.participant.gateway import MessageGateway
from pix.participant.reachability import Comeback
from pix.runtime.health import Health
from pix.scheme.deliveries import HUB
from pix.scheme.features import Feature
from pix.wire.protobuf_v1.signatures import signing_key
from pix.wire.topics import HUB_TOPIC
from tests.simulation.callbacks import ignore, storing
from tests.simulation.calm import rows_of
from tests.simulation.comebacks import RetransmitWaiting
from tests.simulation.network import PARTITIONS, ParticipantClock
from tests.simulation.processes import FatefulUnits, Instance, Sink
from tests.simulation.races import now_and_then, publishing, race

if TYPE_CHECKING:
    from tests.simulation.world import World

REPLICA_SKEWS_MS = (0, 0, -50, 300, 2_000)


def compose_hub(world: World, units: Any, clock: Any) -> HubApplication:
    return compose(
        units,
        clock,
        clock,
        Health(),
        world.policy,
        world.timeout_ms,
        monotonic_ms=world.timeline.now_ms,
        derive_wire_key=signing_key,
        process_again=ignore,
    )


def make_hubs(world: World) -> list[Instance]:
    replicas = world.random.choice((1, 1, 2))
    hubs: list[Instance] = []
    handlers = []
    held: set[str] = set()
    off_ms = world.new_clock().off_ms
    for number in range(replicas):
        units = FatefulUnits(
            MemoryUnitsOfWork(world.hub_store),
            world.hub_fate,
            held,
            locks_originals=world.plant.locks_originals,
            has_unique_key=world.plant.has_unique_key,
        )
        # Replicas agree within seconds: their clocks are one participant's, and step together.
        clock = ParticipantClock(world.timeline)
        world.hub_skews_ms.append(world.clock_random.choice(REPLICA_SKEWS_MS))
        clock.off_ms = off_ms + world.hub_skews_ms[-1]
        world.hub_clocks.append(clock)
        process = ProcessMessages(units, clock, clock, world.policy, world.timeout_ms, world.plant.decide_at_hub)
        application = replace(
            compose_hub(world, units, clock),
            retransmit_due=world.plant.resend_at_hub(units, clock, clock, world.policy, world.timeout_ms),
            fail_expired=world.plant.fail_expired(units, clock, clock, world.policy, world.timeout_ms),
        )
        gateway = hub_gateway(
            world.hub.queries.wire_keys, world.timeline.now_ms, world.codec, partial(_batch_readers, world)
        )
        handler = gateway.handler(process)
        handlers.append((units, gateway.unpacking(handler)))
        sink = Sink(world.broker, world.hub_fate)
        hubs.append(
            Instance(
                name=f"hub {number}",
                topic=HUB_TOPIC,
                group=CONSUMER_GROUP,
                partitions=tuple(range(number, PARTITIONS, replicas)),
                timeline=world.timeline,
                broker=world.broker,
                random=world.random,
                trace=world.trace,
                fate=world.hub_fate,
                handle=gateway.unpacking(isolating_poison(handler, storing(application))),
                sweep=_sweep(application, gateway, sink),
                next_due_ms=partial(_due_ms, world, clock),
                loop_of=world.plant.loop_of,
                violations=world.violations,
            )
        )
        if world.comebacks is not None:
            world.comebacks.join(hubs[-1], HUB, clock, _retransmit_waiting(application, gateway, sink))
    if replicas == 2:
        for number, (units, _) in enumerate(handlers):
            race(hubs[number], units, publishing(world, handlers[1 - number][1]), world.random)
            units.beside = now_and_then(hubs[1 - number], world.random)

    def wake() -> None:
        for hub in hubs:
            hub.plan_turn()

    world.broker.create(HUB_TOPIC, wake)
    return hubs


def _batch_readers(world: World) -> frozenset[str]:
    return world.hub.queries.banks_with(Feature.BATCHES)


def _due_ms(world: World, clock: ParticipantClock) -> int | None:
    """When the next sweep has something to do, in true time."""
    due = [row.resend_at_ms for row in rows_of(world.hub_store) if row.resend_at_ms is not None]
    if not due:
        return None
    is_out_of_reach = max(due) > clock.now_ms() + world.policy.cap_ms
    return world.timeline.now_ms() if is_out_of_reach else min(due) - clock.off_ms


def _sweep(application: HubApplication, gateway: MessageGateway, sink: Sink) -> Callable[[], None]:
    def sweep() -> None:
        sink.publish(gateway.encode(application.fail_expired()))
        sink.publish(gateway.encode(application.retransmit_due()))

    return sweep


def _retransmit_waiting(application: HubApplication, gateway: MessageGateway, sink: Sink) -> RetransmitWaiting:
    def retransmit_waiting(comeback: Comeback, before_ms: int | None) -> tuple[int, int | None]:
        outgoing, remaining_ms = application.retransmit_waiting(comeback.counterpart, comeback.since_ms, before_ms)
        sink.publish(gateway.encode(outgoing))
        return len(outgoing), remaining_ms

    return retransmit_waiting
