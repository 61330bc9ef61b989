"""Every record is put on the broker many times over, in any order, and a bank answers everything twice."""

from __future__ import annotations

from contextlib import closing
from typing import Final

from lab.drive.payments import PaymentStream
from lab.network.parts.errors import PartError
from lab.prove.scenarios.context import ScenarioContext
from lab.prove.scenarios.scenario import Scenario
from lab.read.tap import Tap
from pix.messaging.kafka.settings import KafkaSettings
from pix.messaging.kafka.sink import KafkaSink
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


class RecordRepeater:
    """Reads the records of some transfers, and publishes each again at once."""

    def __init__(self, tap: Tap, sink: KafkaSink) -> None:
        self._tap = tap
        self._sink = sink
        self._known: set[tuple[str, bytes, bytes]] = set()
        self._others: list[Record] = []
        """Of transfers that are not known as ours: a record may arrive before its bank has answered the customer."""
        self.observed: list[Record] = []

    def repeat_new(self, ids: set[str]) -> None:
        """Repeats what is new since the last time."""
        new, others = [], []
        for record in (*self._others, *self._tap.poll_records(HEAR_SECONDS)):
            identity = (record.topic, record.key, record.value)
            if record.key.decode("ascii", "replace") not in ids:
                others.append(record)
            elif identity not in self._known:
                self._known.add(identity)
                new.append(record)
        self._others = others
        self.observed += new
        self._sink.publish(new * COPIES)


def run(context: ScenarioContext) -> None:
    bank = context.banks[-1]
    settings = KafkaSettings(bootstrap_servers=context.network.broker.bootstrap_servers, client_id="codepix-lab-storm")
    sink = KafkaSink(settings)
    codes = [each.code for each in context.banks]
    try:
        with closing(Tap(settings.bootstrap_servers, codes)) as tap, context.behaving(bank, answer_style="twice"):
            context.report_step(
                "{} answers every offer twice. Customers of all banks make {} payments.", bank.spec.name, PAYMENTS
            )
            repeater = RecordRepeater(tap, sink)
            stream = context.send(context.payments(PAYMENTS), PER_SECOND)
            context.report_step("Each record on the broker is repeated {} times as soon as it arrives.", COPIES)
            context.await_(lambda: _has_passed(repeater, stream), HEARD_SECONDS_MAX, "the records of every payment")
            context.await_outcomes(stream)
            context.report_step("After the decision, each record is repeated {} more times, in any order.", COPIES)
            again = repeater.observed * COPIES
            context.random.shuffle(again)
            sink.publish(again)
            context.numbers["records"] = len(repeater.observed)
            context.numbers["repeated"] = 2 * COPIES * len(repeater.observed)
            due = 2 * COPIES * PAYMENTS
            context.await_(
                lambda: _duplicates(context, stream) >= due, COUNTED_SECONDS_MAX, "the hub to have seen them"
            )
            context.report_step("The hub ignored {} duplicates.", _duplicates(context, stream))
    except PublishFailed as error:
        raise PartError(f"The broker does not take the records: {error}") from error
    finally:
        sink.close()
    context.report_step("Each payment was booked exactly once.")


def _has_passed(repeater: RecordRepeater, stream: PaymentStream) -> bool:
    repeater.repeat_new(stream.ids)
    return stream.is_done and len(repeater.observed) >= RECORDS_EACH_MIN * PAYMENTS


def _duplicates(context: ScenarioContext, stream: PaymentStream) -> int:
    rows = [context.find(each) for each in stream.ids]
    return sum(row["duplicates"] for row in rows if row is not None)


SCENARIO: Final = Scenario(
    "duplicate-storm",
    translatable("Duplicate storm"),
    translatable("Every message arrives many times, in any order, before and after the decision. Each counts once."),
    run,
)
