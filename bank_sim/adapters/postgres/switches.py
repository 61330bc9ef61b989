"""What replicas agree on beside the money, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bank_sim.adapters.postgres.columns import Column, arrays, insert_statement, names
from bank_sim.adapters.postgres.sandbox import PostgresRules
from bank_sim.domain.bank import Participant
from bank_sim.domain.behaviour import Behaviour
from bank_sim.domain.sandbox.rules import behaviour_of, with_switches
from pix.postgres.bulk import execute_bulk
from pix.postgres.unit_of_work import PostgresRepository
from pix.scheme.features import known_features

_PARTICIPANT_COLUMNS: Final[list[Column[Participant]]] = [
    Column("ispb", "text", lambda participant: participant.ispb),
    Column("code", "text", lambda participant: participant.code),
    Column("name", "text", lambda participant: participant.name),
    Column("color", "text", lambda participant: participant.color),
    Column("url", "text", lambda participant: participant.url),
    Column("active", "boolean", lambda participant: participant.active),
    # Joined, because PostgreSQL unnests an array of arrays into single texts.
    Column("features", "text", lambda participant: ",".join(sorted(participant.features))),
    Column("payload_host", "text", lambda participant: participant.payload_host),
]
_PUT_PARTICIPANTS: Final = insert_statement(
    "participants",
    _PARTICIPANT_COLUMNS,
    "ON CONFLICT (ispb) DO UPDATE SET code = excluded.code, name = excluded.name, color = excluded.color, "
    "url = excluded.url, active = excluded.active, features = excluded.features, "
    "payload_host = excluded.payload_host",
)


class PostgresSwitches(PostgresRepository):
    def behaviour(self) -> Behaviour:
        return behaviour_of(PostgresRules(self._connection).all())

    def set_behaviour(self, behaviour: Behaviour) -> None:
        rules = PostgresRules(self._connection)
        rules.lock()
        rules.put(with_switches(rules.all(), behaviour))

    def participants(self) -> dict[str, Participant]:
        rows = self._execute(f"SELECT {names(_PARTICIPANT_COLUMNS)} FROM participants ORDER BY code")  # noqa: S608 - constants
        participants = [(*row[:-2], known_features(row[-2].split(",")), row[-1]) for row in rows]
        return {values[0]: Participant(*values) for values in participants}

    def set_participants(self, participants: Sequence[Participant]) -> None:
        self._execute(
            "DELETE FROM participants WHERE ispb <> ALL(CAST(:ispbs AS text[]))",
            ispbs=[participant.ispb for participant in participants],
        )
        if participants:
            execute_bulk(
                self._connection,
                _PUT_PARTICIPANTS,
                arrays(_PARTICIPANT_COLUMNS, sorted(participants, key=lambda participant: participant.ispb)),
            )

    def seeded_stories(self) -> dict[str, str]:
        rows = self._execute("SELECT story, account_number FROM seeded_stories ORDER BY account_number")
        return {row[0]: row[1] for row in rows}

    def add_seeded_story(self, story: str, account_number: str) -> None:
        self._execute(
            "INSERT INTO seeded_stories VALUES (:story, :number) ON CONFLICT DO NOTHING",
            story=story,
            number=account_number,
        )
