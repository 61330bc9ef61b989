"""The embedded PostgreSQL keeps what was committed, whatever happens to its processes."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg2  # type: ignore[import-untyped]
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from lab.network.parts.errors import PartError
from lab.network.parts.postgres import EmbeddedPostgres
from lab.network.parts.process import wait_until

DEADLINE_SECONDS = 20.0
SOCKET_PATH_BYTES_MAX = 100


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running server, started again for each test that ended it."""
    # A deep folder, since that is where sockets fail.
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / ("deep-" * 20) / ("deeper-" * 10))
    server.start()
    yield server
    server.stop()
    shutil.rmtree(server.data_folder)


def query(server: EmbeddedPostgres, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
    engine = create_engine(server.url(database))
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def test_it_is_a_durable_postgresql_18(postgres: EmbeddedPostgres) -> None:
    settings = query(
        postgres,
        "SELECT current_setting('server_version_num')::int / 10000, current_setting('fsync'),"
        " current_setting('synchronous_commit'), current_setting('full_page_writes'),"
        " current_setting('max_connections')::int, current_setting('server_encoding')",
    )
    assert settings == [(18, "on", "on", "on", 500, "UTF8")]


def test_the_socket_path_is_short_and_private(postgres: EmbeddedPostgres) -> None:
    folder = Path(str(make_url(postgres.url("postgres")).query["host"]))
    assert len(str(folder / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES_MAX
    assert folder.stat().st_mode & 0o077 == 0


def test_create_database_may_be_repeated(postgres: EmbeddedPostgres) -> None:
    for _ in range(2):
        postgres.create_database('bank "001"')
        postgres.create_database("bank_001")
    assert query(postgres, "SELECT current_database()", "bank_001") == [("bank_001",)]


def test_committed_rows_survive_sigkill_and_uncommitted_ones_do_not(postgres: EmbeddedPostgres) -> None:
    postgres.create_database("kept")
    query(postgres, "CREATE TABLE entries (number int)", "kept")
    with contextlib.closing(psycopg2.connect(postgres.url("kept").replace("+psycopg2", ""))) as connection:
        for number in range(20):
            with connection.cursor() as cursor:
                cursor.execute("INSERT INTO entries VALUES (%s)", (number,))
            connection.commit()
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO entries VALUES (999)")
        backends = [process.pid for process in psutil.Process(postgres.pid).children(recursive=True)]
        postgres.kill()
        assert not postgres.is_running()
        assert not [pid for pid in backends if psutil.pid_exists(pid) and is_alive(pid)]
    postgres.restart()
    assert query(postgres, "SELECT count(*), max(number) FROM entries", "kept") == [(20, 19)]


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_busy_backend_does_not_keep_a_killed_server_from_coming_back(postgres: EmbeddedPostgres) -> None:
    with contextlib.closing(psycopg2.connect(postgres.url("postgres").replace("+psycopg2", ""), async_=True)) as busy:
        # This loop never waits for anything, so its backend would not notice that the postmaster is gone.
        wait_until(lambda: busy.poll() == psycopg2.extensions.POLL_OK, DEADLINE_SECONDS, "the connection")
        with busy.cursor() as cursor:
            cursor.execute("DO $$ BEGIN FOR i IN 1..2000000000 LOOP END LOOP; END $$")
        wait_until(
            lambda: query(postgres, "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'"),
            DEADLINE_SECONDS,
            "the loop to run",
        )
        postgres.kill()
        postgres.start()
    assert query(postgres, "SELECT 1") == [(1,)]


def test_it_stops_and_finds_its_data_again(postgres: EmbeddedPostgres) -> None:
    postgres.create_database("found_again")
    url = postgres.url("found_again")
    postgres.stop()
    assert not postgres.is_running()
    again = EmbeddedPostgres(postgres.data_folder)
    again.start()
    try:
        assert again.url("found_again") == url
        assert query(again, "SELECT current_database()", "found_again") == [("found_again",)]
        with pytest.raises(PartError, match=r"Another PostgreSQL, process \d+, runs on the data"):
            postgres.start()
        assert query(again, "SELECT 1") == [(1,)]
    finally:
        again.stop()
    postgres.start()


def test_a_lock_whose_process_is_a_stranger_is_stale(postgres: EmbeddedPostgres) -> None:
    postgres.kill()
    lock = postgres.data_folder / "cluster" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lines[0] = str(psutil.Process().pid)
    lock.write_text("\n".join(lines) + "\n")
    postgres.start()
    assert query(postgres, "SELECT 1") == [(1,)]


def test_a_frozen_server_answers_after_its_thaw(postgres: EmbeddedPostgres) -> None:
    postgres.freeze()
    with pytest.raises(psycopg2.OperationalError, match="timeout"):
        psycopg2.connect(postgres.url("postgres").replace("+psycopg2", ""), connect_timeout=1)
    postgres.thaw()
    assert query(postgres, "SELECT 1") == [(1,)]
