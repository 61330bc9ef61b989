"""`codepix-bank` on a real database."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from bank_sim.adapters.postgres import PostgresUnitsOfWork
from bank_sim.bootstrap import Bank
from bank_sim.entrypoints.cli import make_app
from pix.participant.dead_letters.records import letter_of
from pix.postgres.engine import make_engine
from pix.scheme.deliveries import Rejected
from pix.wire.record import Record
from tests.support.bank import World

app = make_app(Bank)


@pytest.fixture
def database_url(new_database: Callable[[], str]) -> str:
    """An empty database."""
    return new_database()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, database_url: str, logs_restored: None) -> None:
    for name, value in {
        "DATABASE_URL": database_url,
        "BANK_CODE": "001",
        "BANK_NAME": "Banco Aurora",
        "BANK_SECRET": "a-secret-of-the-tests",
        "HUB_GRPC_ADDRESS": "127.0.0.1:1",
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)


def test_serving_needs_the_newest_schema() -> None:
    result = CliRunner().invoke(app, ["serve"])
    assert result.exit_code == 1
    assert "run `codepix-bank migrate` first" in result.stderr


def test_migrating_twice_is_as_good_as_once() -> None:
    for _ in range(2):
        result = CliRunner().invoke(app, ["migrate"])
        assert result.exit_code == 0, result.stderr
        assert "up to date" in result.stdout


def test_seeding_needs_the_hub_and_says_so() -> None:
    CliRunner().invoke(app, ["migrate"])
    result = CliRunner().invoke(app, ["seed", "--wait-seconds", "0"])
    assert result.exit_code == 1
    assert "the hub does not answer" in result.stderr.lower()


def test_dead_letters_are_listed_replayed_and_discarded(database_url: str) -> None:
    CliRunner().invoke(app, ["migrate"])
    engine = make_engine(database_url)
    noise = Record("codepix.bank.001.v1", b"key", b"noise")
    letter = letter_of(Rejected(noise, "hub", "unreadable"), 5)
    with PostgresUnitsOfWork(engine)() as unit:
        unit.dead_letters.add([Rejected(noise, "hub", "unreadable")], 5)
        unit.commit()
    engine.dispose()
    listed = CliRunner().invoke(app, ["dead-letter", "list"], env={"COLUMNS": "300"})
    assert "unreadable" in listed.stdout
    replayed = CliRunner().invoke(app, ["dead-letter", "replay", letter.digest[:16]])
    assert replayed.exit_code == 1
    assert replayed.stdout.startswith("dead: ")
    discarded = CliRunner().invoke(app, ["dead-letter", "discard", letter.digest, "--note", "noise"])
    assert discarded.exit_code == 0
    again = CliRunner().invoke(app, ["dead-letter", "discard", letter.digest, "--note", "noise"])
    assert again.exit_code == 1
    assert "already replayed or discarded" in again.stderr
    unknown = CliRunner().invoke(app, ["dead-letter", "replay", "unknown"])
    assert "No dead letter has this digest" in unknown.stderr


def test_credentials_are_made_listed_rotated_and_revoked(database_url: str) -> None:
    CliRunner().invoke(app, ["migrate"])
    engine = make_engine(database_url)
    bank = World(PostgresUnitsOfWork(engine))
    number = bank.open_account().number

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["credentials", *words])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    made = dict(line.split("=", 1) for line in run("create", number, "--scope", "cob.read").splitlines())
    rotated = dict(line.split("=", 1) for line in run("rotate", number, made["client_id"]).splitlines())
    assert rotated["client_id"] == made["client_id"] and rotated["client_secret"] != made["client_secret"]
    issued = bank.bank.api_credentials.issue_token(credential_id=made["client_id"], secret=rotated["client_secret"])
    assert issued.scopes == ("cob.read",)
    assert "revoked" in run("revoke", number, made["client_id"])
    listed = run("list", number)
    assert "revoked" in listed and rotated["client_secret"] not in listed
    chosen = ["--client-id", "client-of-tests", "--client-secret", "a-secret-that-is-the-same-each-time"]
    assert run("create", number, *chosen) == run("create", number, *chosen)
    unknown = CliRunner().invoke(app, ["credentials", "create", "999999-9"])
    assert unknown.exit_code == 1 and "No account has this number" in unknown.stderr
    engine.dispose()


def test_a_rotated_signing_key_is_the_first_of_the_list() -> None:
    CliRunner().invoke(app, ["migrate"])
    rotated = CliRunner().invoke(app, ["signing-key", "rotate"])
    assert rotated.exit_code == 0, rotated.stderr
    listed = CliRunner().invoke(app, ["signing-key", "list"])
    assert listed.stdout.split()[0] in rotated.stdout
