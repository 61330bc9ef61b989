"""`codepix-hub`: what each command says, and its exit code."""

from __future__ import annotations

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner, Result

from hub.bootstrap import Hub
from hub.domain.flows.transfer.model import TransferStatus
from hub.entrypoints.cli import make_app
from lab.network.parts.ports import free_port
from lab.network.parts.process import wait_until
from pix.participant.dead_letters.model import DeadLetterState
from pix.participant.settings import ServiceSettings
from pix.postgres.engine import transaction
from pix.runtime.addresses import http_url, join_host_port
from pix.scheme.messages import TransferAccepted
from pix.web.client import http_get
from pix.wire.record import Record
from pix.wire.topics import HUB_TOPIC
from tests.support.hub import World, signed
from tests.support.hub_builders import AURORA, IPE, e2e
from tests.support.ipv6 import needs_ipv6

DEADLINE_SECONDS = 60.0
NOWHERE = "postgresql+psycopg2://nobody@127.0.0.1:1/none"

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, database_url: str, logs_restored: None) -> Run:
    """Runs a command of ours with the test's database; keyword arguments are its environment."""
    for name in ServiceSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")

    def invoke(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(make_app(Hub), list(arguments), env=environment)

    return invoke


def test_transfers_are_counted_anew(run: Run, world: World, engine: Engine) -> None:
    world.pay(1)
    with transaction(engine) as connection:
        connection.execute(text("UPDATE transfer_tallies SET transfers = 40"))
    assert world.application.queries.count_transfers() == {TransferStatus.PENDING: 40}
    counted = run("recount")
    assert (counted.exit_code, counted.output) == (0, "transfers recounted\n")
    assert world.application.queries.count_transfers() == {TransferStatus.PENDING: 1}


def test_a_bank_is_added_and_listed(run: Run, world: World) -> None:
    added = run("bank", "add", "--code", "004", "--name", "Banco [red] Sol", "--settlement-funds", "123456",
                BANK_SECRET="a secret of the sun")  # fmt: skip
    assert (added.exit_code, added.output) == (0, "004 Banco [red] Sol (00000004)\n")
    listed = run("bank", "list")
    assert listed.exit_code == 0
    assert "Banco [red] Sol" in listed.output
    assert "R$ 1.234,56" in listed.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--code", "1"), "bank_code: A bank code has exactly three digits."),
        (("--secret", "short"), "secret: must have at least 16 characters"),
        (("--color", "red"), "color: A color is # and six hexadecimal digits, such as #0a7cff."),
        (("--ispb", "x"), "ispb: An ISPB has exactly eight digits or capital letters."),
        (("--ispb", AURORA), "ispb: belongs to the bank with the code 001"),
        (("--code", "001", "--ispb", "00000009"), "code: another bank has the code 001"),
        (("--settlement-funds", str(10**30)), "settlement_funds_centavos: must be 0 to 1000000000000000"),
    ],
)
def test_a_bank_that_breaks_a_rule_is_refused_in_a_sentence(
    run: Run, world: World, arguments: tuple[str, ...], sentence: str
) -> None:
    options = {"--code": "009", "--name": "Nove", "--secret": "a secret of sixteen"}
    given = dict(zip(arguments[::2], arguments[1::2], strict=True))
    refused = run("bank", "add", *(part for option in {**options, **given}.items() for part in option))
    assert (refused.exit_code, refused.stderr) == (1, f"{sentence}\n")


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("BIA@example.com", 0, "Bia Lima ***.444.777-** at Banco Ipê (002)"),
        ("529.982.247-25", 0, "Ana Souza ***.982.247-** at Banco Aurora (001)"),
        ("no@example.com", 1, "key: this key is not registered"),
        ("what?", 1, "key: is not a valid CPF, CNPJ, phone, email or random key"),
    ],
)
def test_a_key_is_found_of_whatever_kind(run: Run, world: World, text: str, code: int, sentence: str) -> None:
    found = run("key", "find", text)
    assert (found.exit_code, (found.stdout or found.stderr).strip()) == (code, sentence)


def test_dead_letters_are_listed_and_discarded_by_the_beginning_of_their_digest(run: Run, world: World) -> None:
    world.treat(Record(HUB_TOPIC, b"", b"junk"))
    world.treat(signed(TransferAccepted(e2e(), 1), IPE))
    (letter,) = [each for each in world.application.dead_letters.list(None, 9) if each.value_bytes == 4]
    listed = run("dead-letter", "list")
    assert listed.exit_code == 0
    assert letter.digest[:16] in listed.output
    without = run("dead-letter", "discard", letter.digest[:16], "--note", " ")
    assert (without.exit_code, without.stderr) == (1, "note: A value is required.\n")
    discarded = run("dead-letter", "discard", letter.digest[:16], "--note", "a scan")
    assert (discarded.exit_code, discarded.output) == (0, "discarded\n")
    assert world.application.dead_letters.find(letter.digest).state is DeadLetterState.DISCARDED
    again = run("dead-letter", "discard", letter.digest, "--note", "a scan")
    assert (again.exit_code, again.stderr) == (1, "digest: This dead letter was already replayed or discarded.\n")
    assert letter.digest[:16] not in run("dead-letter", "list").output


def test_a_replay_in_vain_says_why(run: Run, world: World) -> None:
    world.treat(signed(TransferAccepted(e2e(), 1), IPE))
    (letter,) = world.application.dead_letters.list(None, 9)
    replayed = run("dead-letter", "replay", letter.digest)
    assert replayed.exit_code == 1
    assert replayed.stdout == "dead: TransferAccepted: the hub knows no transfer with this end-to-end id\n"


def test_the_letters_of_a_filter_are_replayed_by_one_command(run: Run, world: World) -> None:
    world.treat(signed(TransferAccepted(e2e(), 1), IPE))
    world.treat(Record(HUB_TOPIC, b"", b"junk"))
    assert "junk" not in run("dead-letter", "list", "--sender", IPE).output
    nothing = run("dead-letter", "replay-all", "--topic", "elsewhere")
    assert (nothing.exit_code, nothing.stdout) == (0, "dead letters: 0; whole, so that they can be replayed: 0\n")
    not_wanted = run("dead-letter", "replay-all", "--sender", IPE)
    assert not_wanted.exit_code == 1 and "Replay them?" in not_wanted.output
    assert {each.times for each in world.application.dead_letters.list(None, 9)} == {1}
    in_vain = run("dead-letter", "replay-all", "--sender", IPE, "--yes")
    assert in_vain.exit_code == 1
    assert in_vain.stdout.endswith("replayed: 0; failed again: 1; not tried yet: 0\n")
    assert sorted(each.times for each in world.application.dead_letters.list(None, 9)) == [1, 2]


def test_a_schema_that_is_not_there_is_made_and_asked_for(run: Run, new_database: Callable[[], str]) -> None:
    empty = new_database()
    refused = run("serve", DATABASE_URL=empty)
    assert (refused.exit_code, refused.stderr) == (
        1,
        "the database schema is out of date: run `codepix-hub migrate` first\n",
    )
    for _ in range(2):
        migrated = run("migrate", DATABASE_URL=empty)
        assert (migrated.exit_code, migrated.output) == (0, "the database schema is up to date\n")


def test_what_is_wrong_with_the_environment_is_said_before_anything_is_done(run: Run) -> None:
    refused = run("bank", "list", HTTP_PORT="many", KAFKA_ASSIGNMENT="some")
    assert refused.exit_code == 2
    assert [line.split(":")[0] for line in refused.stderr.splitlines()] == ["KAFKA_ASSIGNMENT", "HTTP_PORT"]


@pytest.mark.parametrize("command", [("bank", "list"), ("migrate",), ("serve",), ("dead-letter", "list")])
def test_a_database_that_is_away_is_a_sentence(run: Run, command: tuple[str, ...]) -> None:
    refused = run(*command, DATABASE_URL=NOWHERE)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("DATABASE_URL: the database does not answer: ")
    assert "Traceback" not in refused.output


@pytest.mark.parametrize(
    ("roles", "sentence"),
    [("grpc,mail,post", "--roles: mail, post unknown"), (",", "--roles: none unknown"), ("", "--roles: none unknown")],
)
def test_roles_that_are_not_there_are_named(run: Run, roles: str, sentence: str) -> None:
    refused = run("serve", "--roles", roles)
    assert refused.exit_code == 2
    assert refused.stderr == f"{sentence}; choose from grpc, kafka, http, sweeper, course\n"


def test_health_of_a_hub_that_does_not_run_is_a_sentence(run: Run) -> None:
    port = free_port()
    asked = run("health", HTTP_PORT=str(port))
    assert asked.exit_code == 1
    assert asked.stderr.startswith(f"http://127.0.0.1:{port}/health/ready does not answer: ")


def test_health_asked_of_something_else_is_a_sentence(run: Run) -> None:
    class SomethingElse(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<h1>hello</h1>")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), SomethingElse) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        asked = run("health", HTTP_PORT=str(server.server_port))
        server.shutdown()
        thread.join(DEADLINE_SECONDS)
    assert (asked.exit_code, asked.stderr.strip()) == (
        1,
        f"http://127.0.0.1:{server.server_port}/health/ready is not a hub",
    )


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_a_process_serves_tells_its_health_and_ends_well(
    run: Run, world: World, database_url: str, tmp_path: Path, host: str
) -> None:
    http_port, grpc_port = free_port(), free_port()
    banks = tmp_path / "banks.json"
    banks.write_text(json.dumps([{"code": "004", "name": "Banco Sol", "secret": "a secret of the sun"}]))
    environment: Mapping[str, str] = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "HTTP_", "GRPC_"))},
        # As providers hand it out.
        "DATABASE_URL": database_url.replace("postgresql+psycopg2://", "postgres://"),
        "HTTP_HOST": host,
        "GRPC_HOST": host,
        "HTTP_PORT": str(http_port),
        "GRPC_PORT": str(grpc_port),
        "DEMO_MODE": "true",
    }
    command = [sys.executable, "-m", "hub", "serve", "--roles", "grpc,http", "--migrate", "--banks", str(banks)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:

        def is_ready() -> bool:
            assert process.poll() is None, "the hub has ended"
            try:
                return http_get(f"{http_url(host, http_port)}/health/ready").is_success
            except httpx.TransportError:
                return False

        try:
            wait_until(is_ready, DEADLINE_SECONDS, "the hub to be ready")
            asked = run("health", HTTP_HOST=host, HTTP_PORT=str(http_port))
            assert (asked.exit_code, asked.output) == (0, "database: ok\nlook-ups: ok\nschema: ok\n")
            assert len(http_get(f"{http_url(host, http_port)}/api/v1/banks").json()) == 4
            taken = subprocess.run(
                [sys.executable, "-m", "hub", "serve", "--roles", "http"],
                env=environment,
                capture_output=True,
                text=True,
            )
            assert taken.returncode == 1
            assert (
                f"HTTP_PORT: cannot listen on {join_host_port(host, http_port)}: Address already in use" in taken.stderr
            )
            assert "Traceback" not in taken.stderr
        finally:
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0, log
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert events[0] == "started" and events[-1] == "stopped"
