"""What must hold of time once nothing fails any more: nothing is owed for longer than the longest wait.

From the moment of healing on, one participant may still be away. Of those that are there:

- what a row begins to owe is handed to the broker at once;
- what it still owes is handed over again within the longest wait;
- what is handed over to one that is there, and has read all, is answered at once;
- once everybody is back, no transfer or return stays open, and nothing is owed, for longer than that; in runs in
  which participants notice who comes back, only for seconds.

Redundant paths hide it when one of them is dead: the payee's bank asks again for what the hub forgets to say again. So
what is handed over is watched, not only what becomes of it in the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from bank_sim.adapters.memory.unit_of_work import BankStore
from bank_sim.domain.flows import owed as owed_by_bank
from bank_sim.domain.flows.flow import WITHHELD
from hub.adapters.memory.unit_of_work import HubStore
from hub.domain.flows import owed as owed_by_hub
from pix.scheme.deliveries import HUB
from pix.scheme.messages import Message
from pix.wire.protobuf_v1.codec import encode_record
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC, bank_topic
from tests.simulation.comebacks import COMEBACK_MS
from tests.simulation.object_codec import Content, ObjectCodec, contents_of
from tests.simulation.processes import SWEEP_MS, Instance

if TYPE_CHECKING:
    from tests.simulation.world import World

LOOK_MS = 500
"""How long nothing may be looked at while things happen; before time jumps it is looked at anyway."""
AT_ONCE_MS = 1_000
"""Turns of the consumers on both sides; what is due again is due later than this."""
SLACK_MS = SWEEP_MS + 15_000
"""A sweep, and time to work off what waited to be read."""

Debt = tuple[str, Content]
"""The topic and the value of a message that is owed."""


def rows_of(store: HubStore | BankStore) -> Iterator[Any]:
    """Of all flows."""
    return chain.from_iterable(table.values() for table in store.rows.values())


class CalmWatch:
    """Looks at every row between events, from the moment of healing on."""

    def __init__(self, world: World, from_ms: int) -> None:
        self._world = world
        self._from_ms = from_ms
        self._looked_at_ms = 0
        self._seen_ms: dict[Debt, int] = {}
        self._open_ms: dict[Any, int] = {}
        self._known: dict[tuple[str, Any], tuple[object, bool, list[Debt]]] = {}
        self._handed_ms: dict[Debt, int] = {}
        self._unanswerable: set[Debt] = set()
        """Requests: the hub answers when the payee's bank has, which may be away."""
        self._readers: dict[str, list[Instance]] = {HUB_TOPIC: world.hubs}
        self._readers |= {bank.instance.topic: [bank.instance] for bank in world.banks}
        world.broker.on_hand_over = self._note_hand_over

    def _content(self, topic: str, message: Message) -> Content:
        if self._world.codec is ObjectCodec:
            return message
        return encode_record(message, topic, HUB, b"").value

    def _note_hand_over(self, record: Record) -> None:
        for content in contents_of(record):
            self._handed_ms[record.topic, content] = self._world.timeline.now_ms()

    def is_satisfied(self, next_ms: int) -> bool:
        """Looks before the next event, which is at `next_ms`: until then nothing changes."""
        now_ms = self._world.timeline.now_ms()
        if next_ms - self._looked_at_ms < LOOK_MS:
            return True
        self._looked_at_ms = now_ms
        complaint = next(self._complaints(now_ms, next_ms), None)
        if complaint is not None:
            self._world.violations.append(f"time: {complaint}")
        return complaint is None

    def _complaints(self, now_ms: int, next_ms: int) -> Iterator[str]:
        hubs = self._world.hubs
        if since_ms := self._there_since_ms(hubs):
            for row in rows_of(self._world.hub_store):
                if row.resend_at_ms is not None:
                    debts = self._debts_of("hub", row, None, 0)
                    yield from self._judge("the hub", row.row_id, debts, True, since_ms, now_ms, next_ms)
        for bank in self._world.banks:
            if since_ms := self._there_since_ms([bank.instance]):
                local_ms = bank.clock.now_ms()
                for row in rows_of(bank.store):
                    if row.resend_at_ms is not None:
                        debts = self._debts_of(bank.identity.ispb, row, bank.identity.ispb, local_ms)
                        is_prompt = row.resend_count != WITHHELD
                        name = bank.instance.name
                        yield from self._judge(name, row.row_id[0], debts, is_prompt, since_ms, now_ms, next_ms)
        yield from self._judge_open(now_ms, next_ms)

    def _there_since_ms(self, instances: Sequence[Instance]) -> int:
        """Since when all of them are there, and nothing fails; 0 while they are not."""
        if not all(instance.is_up for instance in instances):
            return 0
        return max(self._from_ms, *(instance.started_ms for instance in instances))

    def _debts_of(self, owner: str, row: Any, ispb: str | None, local_ms: int) -> list[Debt]:
        place = (owner, row.row_id)
        messages: Iterable[tuple[str, Message]]
        if ispb is None:
            if (known := self._known.get(place)) is not None and known[0] is row:
                return known[2]
            codes = {bank.identity.ispb: bank.identity.code for bank in self._world.banks}
            messages = [(bank_topic(codes[each]), message) for each, message in owed_by_hub(row)]
        else:
            owes = owed_by_bank(row, local_ms)
            if (known := self._known.get(place)) is not None and known[0] is row and known[1] == bool(owes):
                return known[2]
            messages = [(HUB_TOPIC, message) for message in owes]
        debts = [(topic, self._content(topic, message)) for topic, message in messages]
        self._known[place] = row, bool(debts), debts
        if ispb is not None and not row.is_final and row.answered_at_ms is None:
            self._unanswerable |= set(debts)
        return debts

    def _judge(
        self, who: str, row_id: str, debts: list[Debt], is_prompt: bool, since_ms: int, now_ms: int, next_ms: int
    ) -> Iterator[str]:
        for debt in debts:
            seen_ms = self._seen_ms.setdefault(debt, now_ms)
            handed_ms = self._handed_ms.get(debt, 0)
            if self._is_ignored(debt, handed_ms, since_ms, next_ms):
                yield f"{who} has had no answer to what it sent for {row_id} {next_ms - handed_ms} ms ago"
            # What was owed before the calm, or before its owner was there, is sent again when its time comes.
            is_new = is_prompt and seen_ms > since_ms + LOOK_MS
            if is_new and not handed_ms and next_ms - seen_ms > AT_ONCE_MS:
                yield f"{who} has not sent what it owes for {row_id} since {next_ms - seen_ms} ms"
            if next_ms - max(seen_ms, since_ms, handed_ms) > self._world.policy.cap_ms + SLACK_MS:
                waited_ms = next_ms - max(seen_ms, since_ms, handed_ms)
                yield f"{who} has not sent again what it owes for {row_id} for {waited_ms} ms"

    def _is_ignored(self, debt: Debt, handed_ms: int, since_ms: int, next_ms: int) -> bool:
        """Whether the message came to somebody who is there, has nothing left to read, and has not answered."""
        topic, _ = debt
        if next_ms - handed_ms <= AT_ONCE_MS or handed_ms <= since_ms or debt in self._unanswerable:
            return False
        readers = self._readers[topic]
        there_since_ms = self._there_since_ms(readers)
        if not 0 < there_since_ms < handed_ms:
            return False
        return not any(
            instance.source is not None and instance.source.lag()
            for group in self._readers.values()
            for instance in group
        )

    def _judge_open(self, now_ms: int, next_ms: int) -> Iterator[str]:
        instances = [*self._world.hubs, *(bank.instance for bank in self._world.banks)]
        since_ms = self._there_since_ms(instances)
        if not since_ms:
            return
        limit_ms = self._world.policy.cap_ms + SLACK_MS
        if self._world.comebacks is not None and since_ms == self._world.last_back_ms:
            # What waited for the last one that came back does not wait for the end of a backoff.
            limit_ms = COMEBACK_MS
        rows: list[Any] = [
            *(row for row in rows_of(self._world.hub_store) if row.resend_at_ms is not None),
            *(row for bank in self._world.banks for row in rows_of(bank.store) if not row.is_final),
        ]
        for row in rows:
            place = (type(row), row.row_id)
            waited_ms = next_ms - max(since_ms, self._open_ms.setdefault(place, now_ms))
            if waited_ms > limit_ms:
                yield f"{row.row_id} is still {row.status}, {waited_ms} ms after everybody was back"
