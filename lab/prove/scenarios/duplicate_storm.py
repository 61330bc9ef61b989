"""Every record is put on the broker many times over, in any order, and a bank answers everything twice."""

from __future__ import annotations

from typing import Final

from lab.network.parts.errors import PartError
from lab.prove.scenarios.script import Scenario
from lab.prove.scenarios.stage import Orders, Stage
from lab.read.tap import Tap, listening
from pix.messaging.kafka.clients import KafkaSink
from pix.messaging.kafka.settings import KafkaSettings
from pix.runtime.outages import PublishFailed
from pix.web.marks import translatable
from pix.wire.record import Record

PAYMENTS: Final = 12
PER_SECOND: Final = 20.0
COPIES: Final = 5
HEAR_SECONDS: Final = 0.1
RECORDS_EACH_MIN: Final = 7
"""Of a transfer that completes: request, offer, acceptance, two confirmations, two words that they were processed."""
HEARD_SECONDS_MAX: Final = 30.0
COUNTED_SECONDS_MAX: Final = 30.0


class Storm:
    """Hears the records of some transfers, and repeats each as soon as it is heard."""

    def __init__(self, tap: Tap, sink: KafkaSink) -> None:
        self._tap = tap
        self._sink = sink
        self._known: set[tuple[str, bytes, bytes]] = set()
        self._others: list[Record] = []
        """Of transfers that are not known as ours: a record may be heard before its bank has answered the customer."""
        self.heard: list[Record] = []

    def blow(self, ids: set[str]) -> None:
        """Repeats what is new since the last time."""
        new, others = [], []
        for record in (*self._others, *self._tap.hear(HEAR_SECONDS)):
            place = (record.topic, record.key, record.value)
            if record.key.decode("ascii", "replace") not in ids:
                others.append(record)
            elif place not in self._known:
                self._known.add(place)
                new.append(record)
        self._others = others
        self.heard += new
        self._sink.publish(new * COPIES)


def play(stage: Stage) -> None:
    """Repeats every record of a few payments while they are under way, and once more when all is over."""
    bank = stage.banks[-1]
    settings = KafkaSettings(bootstrap_servers=stage.network.broker.bootstrap_servers, client_id="codepix-lab-storm")
    sink = KafkaSink(settings)
    codes = [each.code for each in stage.banks]
    try:
        with listening(settings.bootstrap_servers, codes) as tap, stage.behaving(bank, answer_style="twice"):
            stage.say(
                "{} answers every offer twice. Customers of all banks make {} payments.", bank.spec.name, PAYMENTS
            )
            storm = Storm(tap, sink)
            orders = stage.send(stage.payments(PAYMENTS), PER_SECOND)
            stage.say("Each record on the broker is repeated {} times as soon as it arrives.", COPIES)
            stage.await_(lambda: _has_passed(storm, orders), HEARD_SECONDS_MAX, "the records of every payment")
            stage.await_outcomes(orders)
            stage.say("After the decision, each record is repeated {} more times, in any order.", COPIES)
            again = storm.heard * COPIES
            stage.random.shuffle(again)
            sink.publish(again)
            stage.numbers["records"] = len(storm.heard)
            stage.numbers["repeated"] = 2 * COPIES * len(storm.heard)
            due = 2 * COPIES * PAYMENTS
            stage.await_(lambda: _duplicates(stage, orders) >= due, COUNTED_SECONDS_MAX, "the hub to have seen them")
            stage.say("The hub ignored {} duplicates.", _duplicates(stage, orders))
    except PublishFailed as error:
        raise PartError(f"The broker does not take the records: {error}") from error
    finally:
        sink.close()
    stage.say("Each payment was booked exactly once.")


def _has_passed(storm: Storm, orders: Orders) -> bool:
    storm.blow(orders.ids)
    return orders.are_sent and len(storm.heard) >= RECORDS_EACH_MIN * PAYMENTS


def _duplicates(stage: Stage, orders: Orders) -> int:
    rows = [stage.find(each) for each in orders.ids]
    return sum(row["duplicates"] for row in rows if row is not None)


SCENARIO: Final = Scenario(
    "duplicate-storm",
    translatable("Duplicate storm"),
    translatable("Every message arrives many times, in any order, before and after the decision. Each counts once."),
    play,
)
