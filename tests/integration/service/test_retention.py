"""Retention at hub and bank on PostgreSQL: what may be archived goes to files, and all else stays as it is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from bank_sim.adapters.postgres import MIGRATIONS as BANK_MIGRATIONS
from bank_sim.adapters.postgres import PostgresUnitsOfWork
from bank_sim.adapters.postgres.histories import histories_of as bank_histories
from bank_sim.entrypoints.http.app import create_app as create_bank_app
from hub.adapters.postgres.histories import histories_of as hub_histories
from hub.adapters.postgres.unit_of_work import MIGRATIONS as HUB_MIGRATIONS
from hub.domain.flows.transfer.model import TransferStatus
from hub.entrypoints.http.app import create_app
from pix.participant import retention
from pix.participant.retention import ArchiveFolder, ArchiveHistories
from pix.postgres.engine import make_engine, transaction
from pix.postgres.histories import PostgresHistories
from pix.scheme.errors import SchemeError
from pix.scheme.messages import Side
from pix.scheme.retention import archive_before_ms
from pix.scheme.return_window import is_within_return_window
from tests.support.bank import World as BankWorld
from tests.support.clock import TurnedClock
from tests.support.databases import Databases, empty_bank, empty_hub
from tests.support.hub import make_world
from tests.support.hub_builders import NOW_MS
from tests.support.large import BankDatabase, fill_bank
from tests.support.village import VillageSettings

pytestmark = pytest.mark.postgres

DAY_MS = 86_400_000
SEED = 20_261_129


@pytest.fixture(scope="module")
def hub_engine(databases: Databases) -> Iterator[Engine]:
    engine = make_engine(databases.migrated(HUB_MIGRATIONS))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def bank_engine(databases: Databases) -> Iterator[Engine]:
    engine = make_engine(databases.migrated(BANK_MIGRATIONS))
    yield engine
    engine.dispose()


@dataclass
class Archive:
    """A folder of archives, and what moves histories there."""

    folder: Path
    histories: PostgresHistories
    clock: TurnedClock

    def run(self, days: int = 90) -> int:
        return ArchiveHistories(self.histories, ArchiveFolder(self.folder, "test"), self.clock, days)()

    def lines(self) -> list[dict[str, Any]]:
        """Everything in its files."""
        files = sorted(self.folder.glob("*.jsonl.gz"))
        return [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]


def rows_of(engine: Engine, query: str) -> list[Any]:
    with transaction(engine) as connection:
        return list(connection.execute(text(query)))


def execute(engine: Engine, statement: str, **values: Any) -> None:
    with transaction(engine) as connection:
        connection.execute(text(statement), values)


def test_only_what_is_old_finished_and_settled_is_archived(
    hub_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any transfer: its history is gone if and only if all that retention asks for holds."""
    monkeypatch.setattr(retention, "ROWS_PER_BATCH", 7)
    empty_hub(hub_engine)
    world = make_world(hub_engine)
    random = Random(SEED)
    now_ms = NOW_MS + 400 * DAY_MS
    expected = set()
    for number in range(60):
        age_days = random.choice([1, 89.5, 90, 90.9, 92, 200, 399])
        world.clock.at_ms = now_ms - round(age_days * DAY_MS)
        end_to_end_id = world.pay(number)
        kind = random.choice(["open", "half", "closed", "closed", "open return", "closed return"])
        if kind == "half":
            world.accept(end_to_end_id)
            world.note(end_to_end_id, Side.PAYER)
        elif kind != "open":
            world.complete(end_to_end_id)
        if kind.endswith("return"):
            closed_ms = None if kind.startswith("open") else now_ms - DAY_MS
            execute(hub_engine, _RETURN, id=f"D{number}", original=end_to_end_id, closed_ms=closed_ms)
        transfer, _ = world.application.queries.find_transfer(end_to_end_id)
        is_settled = kind in ("closed", "closed return")
        decided_ms = transfer.decided_at_ms
        if is_settled and decided_ms is not None and not is_within_return_window(decided_ms, now_ms):
            expected.add(end_to_end_id)
    before = rows_of(hub_engine, _WITHOUT_HISTORY)
    archive = Archive(tmp_path / "archive", hub_histories(hub_engine), TurnedClock(now_ms))

    assert archive.run() == len(expected) > 5
    gone = {row[0] for row in rows_of(hub_engine, "SELECT end_to_end_id FROM transfers WHERE history = ''")}
    assert gone == expected
    assert {line["end_to_end_id"] for line in archive.lines()} == expected
    assert all(line["status"] == "completed" and len(line["history"]) == 4 for line in archive.lines())
    assert rows_of(hub_engine, _WITHOUT_HISTORY) == before
    assert archive.run() == 0


_WITHOUT_HISTORY = """
    SELECT to_jsonb(t) - 'history' - 'archived_at_ms' FROM transfers AS t ORDER BY end_to_end_id
"""
_RETURN = """
    INSERT INTO returns (
        return_id, original_end_to_end_id, status, amount_centavos, return_reason, description, requested_at_ms,
        received_at_ms, closed_at_ms, resend_count, resends, duplicates, refusals, traceparent, history
    ) VALUES (
        :id, :original, 'pending', 1, 'MD06', '', 0, 9000000000000, CAST(:closed_ms AS bigint), 0, 0, 0, 0, '', ''
    )
"""


def test_an_archived_transfer_is_known_for_ever_and_its_page_says_so(hub_engine: Engine, tmp_path: Path) -> None:
    empty_hub(hub_engine)
    world = make_world(hub_engine)
    end_to_end_id = world.complete(world.pay(1))
    later = TurnedClock(NOW_MS + 200 * DAY_MS)
    archive = Archive(tmp_path, hub_histories(hub_engine), later)
    with TestClient(create_app(world.application)) as client:
        assert client.get(f"/api/v1/transfers/{end_to_end_id}").json()["archived_at_ms"] is None
    assert archive.run(199) == 1

    found, history = world.application.queries.find_transfer(end_to_end_id)
    assert (found.status, history) == (TransferStatus.COMPLETED, [])
    with TestClient(create_app(world.application, wire=world.watch())) as client:
        document = client.get(f"/api/v1/transfers/{end_to_end_id}").json()
        assert (document["archived_at_ms"], document["history"]) == (later.at_ms, [])
        shown = client.get(f"/transfers/{end_to_end_id}").text
        assert 'data-status="completed"' in shown
        assert 'id="archived"' in shown
    world.clock.at_ms = NOW_MS
    assert world.pay(1, amount=found.amount_centavos + 1) == end_to_end_id
    again, history = world.application.queries.find_transfer(end_to_end_id)
    assert again.amount_centavos == found.amount_centavos
    assert [step.ignored != "" for step in history] == [True]


def test_a_folder_that_cannot_be_written_leaves_the_histories(hub_engine: Engine, tmp_path: Path) -> None:
    empty_hub(hub_engine)
    world = make_world(hub_engine)
    end_to_end_id = world.complete(world.pay(1))
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no folder")
    archive = Archive(in_the_way, hub_histories(hub_engine), TurnedClock(NOW_MS + 200 * DAY_MS))

    with pytest.raises(SchemeError, match="cannot write to"):
        archive.run()
    assert len(world.application.queries.find_transfer(end_to_end_id)[1]) == 4


def test_a_bank_archives_both_sides_and_keeps_its_books(bank_engine: Engine, tmp_path: Path) -> None:
    empty_bank(bank_engine)
    bank = BankDatabase("00000001", bank_engine.url.render_as_string(hide_password=False))
    fill_bank(bank, "00000001", "00000002", 40, NOW_MS)
    execute(bank_engine, "UPDATE transfers SET status = 'pending' WHERE idempotency_key = 'large 0'")
    books = rows_of(bank_engine, "SELECT count(*), sum(amount_centavos) FROM postings")
    archive = Archive(tmp_path, bank_histories(bank_engine), TurnedClock(NOW_MS + 100 * DAY_MS))

    moved = archive.run()
    kept = rows_of(bank_engine, "SELECT idempotency_key FROM transfers WHERE history <> '[]'")
    assert [row[0] for row in kept] == ["large 0"]
    assert moved == len(archive.lines()) == rows_of(bank_engine, "SELECT count(*) FROM transfers")[0][0] - 1
    assert rows_of(bank_engine, "SELECT count(*), sum(amount_centavos) FROM postings") == books


_AS_RETURN = """
    INSERT INTO returns SELECT (jsonb_populate_record(NULL::returns, to_jsonb(t) || jsonb_build_object(
        'return_id', end_to_end_id, 'original_end_to_end_id', 'E0', 'return_reason', 'MD06'
    ))).* FROM transfers AS t WHERE direction = 'incoming' LIMIT 1;
    DELETE FROM transfers
"""


@pytest.mark.parametrize(
    ("path", "copy"),
    [
        ("transfers", ""),
        ("returns", _AS_RETURN),
    ],
)
def test_the_document_of_a_bank_says_when_the_history_was_archived(
    bank_engine: Engine, tmp_path: Path, path: str, copy: str
) -> None:
    empty_bank(bank_engine)
    bank = BankDatabase("00000001", bank_engine.url.render_as_string(hide_password=False))
    fill_bank(bank, "00000001", "00000002", 2, NOW_MS)
    if copy:
        execute(bank_engine, copy)
    key = "return_id" if copy else "end_to_end_id"
    row_id, direction = rows_of(bank_engine, f"SELECT {key}, direction FROM {path} ORDER BY 1 LIMIT 1")[0]
    archive = Archive(tmp_path, bank_histories(bank_engine), TurnedClock(NOW_MS + 100 * DAY_MS))
    world = BankWorld(PostgresUnitsOfWork(bank_engine), histories=archive.histories)
    address = f"/api/v1/{path}/{row_id}?direction={direction}"
    with TestClient(create_bank_app(world.bank, VillageSettings(), world.clock)) as client:
        before = client.get(address).json()
        assert before["archived_at_ms"] is None and before["history"]
        assert archive.run() >= 1
        after = client.get(address).json()
    assert after == {**before, "archived_at_ms": NOW_MS + 100 * DAY_MS, "history": []}


@pytest.mark.parametrize("days", [90, 91, 400])
def test_nothing_that_may_be_returned_is_old_enough(days: int) -> None:
    random = Random(SEED)
    for _ in range(500):
        now_ms = NOW_MS + random.randrange(400 * DAY_MS)
        before_ms = archive_before_ms(now_ms, days)
        assert now_ms - before_ms >= days * DAY_MS
        assert not is_within_return_window(before_ms - 1, now_ms)
        assert now_ms - before_ms < (days + 2) * DAY_MS
