"""Health, settings, memory tables and roles."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.settings import HubSettings
from pix.messaging.kafka.settings import KafkaAssignment
from pix.participant.process import run_roles
from pix.participant.settings import load_settings
from pix.runtime.clock import SystemClock
from pix.runtime.health import Health
from pix.runtime.memory_table import MemoryTable
from pix.runtime.settings_error import SettingsError

URL = "postgresql+psycopg2://user@/database"


DEADLINE_SECONDS = 10.0

# Health.


def test_a_service_is_ready_when_every_part_is() -> None:
    health = Health()
    assert health.is_ready()
    health.ok("sweeper")
    health.add_probe("database", lambda: "")
    assert health.report() == {"database": "ok", "sweeper": "ok"}
    health.trouble("sweeper", "cannot")
    assert not health.is_ready()
    assert health.report()["sweeper"] == "cannot"
    health.ok("sweeper")
    assert health.is_ready()
    health.add_probe("database", lambda: "gone")
    assert health.report()["database"] == "gone"


def test_a_part_that_works_in_turns_is_in_trouble_when_one_of_them_does_not_end() -> None:
    now = 100.0
    health = Health(lambda: now)
    health.ok("consumer", 10)
    health.ok("network")
    now += 10
    assert health.report() == {"consumer": "ok", "network": "ok"}
    now += 2.2
    assert health.report() == {"consumer": "has not finished what it began 12 s ago", "network": "ok"}
    health.trouble("consumer", "waiting for the database")
    assert health.report()["consumer"] == "waiting for the database"
    health.ok("consumer", 10)
    assert health.is_ready()


def test_a_probe_that_hangs_says_nothing_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pix.runtime.health.PROBE_SECONDS_MAX", 0.2)
    health, release = Health(), threading.Event()
    # In the order in which they are looked at: the one that hangs has used the time up when the other's turn comes.
    health.add_probe("a database", lambda: str(release.wait(DEADLINE_SECONDS)))
    health.add_probe("broker", lambda: "")
    assert health.report() == {"a database": "no answer within 0.2 s", "broker": "ok"}
    release.set()


def test_a_probe_that_fails_is_no_probe_that_hangs() -> None:
    health = Health()
    health.add_probe("broker", lambda: str(1 // 0))
    assert health.report() == {"broker": "cannot be asked: ZeroDivisionError"}


def test_a_probe_that_costs_something_is_made_at_intervals() -> None:
    made = iter(["", "made again"])
    health = Health()
    health.add_probe("database", lambda: next(made), ttl_seconds=3_600)
    assert health.report() == health.report() == {"database": "ok"}


# Settings.


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in HubSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    monkeypatch.setenv("DATABASE_URL", URL)
    return monkeypatch


def test_settings_come_from_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("KAFKA_ASSIGNMENT", "all")
    environment.setenv("RESEND_FIRST_SECONDS", "0.25")
    settings = load_settings(HubSettings)
    assert settings.database_url == URL
    assert settings.kafka("me").assignment is KafkaAssignment.ALL
    assert settings.kafka("me").client_id == "me"
    assert (settings.retransmission_policy.first_ms, settings.retransmission_policy.cap_ms) == (250, 60_000)


def test_a_secret_may_come_from_a_file(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret from a file\n")
    environment.setenv("SESSION_SECRET_FILE", str(tmp_path / "secret"))
    assert load_settings(HubSettings).session_secret == "a secret from a file"
    environment.setenv("SESSION_SECRET_FILE", str(tmp_path / "absent"))
    with pytest.raises(SettingsError, match=r"^SESSION_SECRET_FILE: cannot read .*absent"):
        load_settings(HubSettings)


def test_what_is_wrong_is_told_a_line_each(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("DATABASE_URL")
    environment.setenv("HTTP_PORT", "99999")
    environment.setenv("KAFKA_ASSIGNMENT", "some")
    with pytest.raises(SettingsError) as refused:
        load_settings(HubSettings)
    lines = str(refused.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["DATABASE_URL", "KAFKA_ASSIGNMENT", "HTTP_PORT"]


# Tables in memory.


def test_a_rollback_undoes_what_was_put_replaced_and_dropped() -> None:
    table: MemoryTable[str, int] = MemoryTable()
    table.put("kept", 1)
    table.put("replaced", 1)
    table.commit()
    table.put("replaced", 2)
    table.put("replaced", 3)
    table.put("new", 1)
    table.drop("kept")
    table.put("brief", 1)
    table.drop("brief")
    assert sorted(table.values()) == [1, 3]
    table.rollback()
    assert (table.get("kept"), table.get("replaced"), table.get("new"), table.get("brief")) == (1, 1, None, None)
    table.rollback()
    assert sorted(table.values()) == [1, 1]


def test_a_commit_is_not_undone() -> None:
    table: MemoryTable[str, int] = MemoryTable()
    table.put("a", 1)
    table.commit()
    table.drop("a")
    table.commit()
    table.rollback()
    assert table.get("a") is None


# Roles.


@pytest.fixture
def _own_signals() -> Iterator[None]:
    """Running roles takes the process's signals; the test run gets its own back."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_signals")
def test_a_role_that_ends_ends_the_process_with_a_failure() -> None:
    ended = threading.Event()

    def waits(stop: threading.Event) -> None:
        stop.wait()
        ended.set()

    assert run_roles({"waits": waits, "ends": lambda _: None}) == 1
    assert ended.is_set(), "the other role is stopped in good order"


@pytest.mark.usefixtures("_own_signals")
def test_a_role_that_fails_ends_the_process_with_a_failure() -> None:
    def fails(_: threading.Event) -> None:
        raise ValueError("no")

    assert run_roles({"fails": fails}) == 1


@pytest.mark.usefixtures("_own_signals")
def test_roles_that_are_told_to_stop_end_it_well() -> None:
    def stops(stop: threading.Event) -> None:
        stop.set()

    assert run_roles({"stops": stops}) == 0


@pytest.mark.usefixtures("_own_signals")
def test_a_signal_stops_the_roles() -> None:
    def asks(stop: threading.Event) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        stop.wait()

    assert run_roles({"asks": asks}) == 0


def test_the_clock_is_the_machines() -> None:
    clock = SystemClock()
    earlier = clock.now_ms()
    assert 1_700_000_000_000 < earlier <= clock.now_ms()
