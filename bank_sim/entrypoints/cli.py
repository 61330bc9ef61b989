"""`codepix-bank`: runs a bank, prepares its database, fills it with demo people, and serves its operator."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import httpx
import typer
from rich.console import Console
from rich.table import Table

from bank_sim.bootstrap import BankApplication, RunningBank, has_newest_schema, migrate_database, start
from bank_sim.domain.errors import HubCredentialsRejected, HubUnavailable
from bank_sim.entrypoints.hub_records import SECONDS_MAX, read_outcomes
from bank_sim.entrypoints.kafka import KafkaRole
from bank_sim.entrypoints.scheduler import SweeperRole
from bank_sim.settings import BankSettings
from pix.messaging.kafka.acls import bank_group
from pix.messaging.kafka.clients import broker_answers
from pix.messaging.kafka.lag import lag_seen_by
from pix.participant.dead_letters.model import DeadLetterState
from pix.participant.process import Role, heed_interrupts, run_roles
from pix.participant.settings import load_settings
from pix.runtime.addresses import check_web_address, http_url
from pix.runtime.logs import configure_logs
from pix.runtime.outages import DatabaseUnavailable
from pix.runtime.passwords import PASSWORD_LENGTH_MIN, hash_password
from pix.runtime.settings_error import SettingsError
from pix.scheme.errors import SchemeError
from pix.scheme.money import format_brl
from pix.web.client import http_get, new_http_client
from pix.wire.topics import bank_topic

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
HEALTH_TIMEOUT_SECONDS: Final = 3.0
BROKER_PROBE_SECONDS: Final = 2.0
SEED_RETRY_SECONDS: Final = 0.5
SEED_POLL_SECONDS: Final = 0.1
DEAD_LETTERS_SHOWN: Final = 50
HOURS_MAX: Final = 24 * 366
ROLES: Final = ("kafka", "http", "sweeper")

app = typer.Typer(
    help="A bank of the CodePix network. BANK_CODE, BANK_NAME and BANK_COLOR choose which one.",
    no_args_is_help=True,
    add_completion=False,
)
dead_letter_app = typer.Typer(
    help="List, replay and discard dead letters (messages that could not be processed).", no_args_is_help=True
)
app.add_typer(dead_letter_app, name="dead-letter")

console = Console()


def main() -> None:
    """The command's entry."""
    heed_interrupts()
    app()


def _refuse(sentence: str, code: int = EXIT_FAILURE) -> typer.Exit:
    print(sentence, file=sys.stderr)  # noqa: T201 - a command speaks on stderr
    return typer.Exit(code)


@contextmanager
def _settings() -> Iterator[BankSettings]:
    """The settings; whatever is refused on the way becomes a sentence and an exit code."""
    try:
        settings = load_settings(BankSettings)
        configure_logs(f"codepix-bank-{settings.bank_code}", settings.log_level, settings.log_json)
        yield settings
    except SettingsError as error:
        raise _refuse(str(error), EXIT_USAGE) from None
    except SchemeError as error:
        raise _refuse(str(error)) from None
    except DatabaseUnavailable as error:
        raise _refuse(f"DATABASE_URL: the database does not answer: {error}") from None


@contextmanager
def _bank() -> Iterator[tuple[RunningBank, BankSettings]]:
    """The bank of this process, closed at the end."""
    with _settings() as settings:
        bank = start(settings)
        try:
            yield bank, settings
        finally:
            bank.close()


def roles_of(bank: RunningBank, settings: BankSettings, names: list[str]) -> dict[str, Role]:
    """The named roles, ready to run."""
    application = bank.application
    roles: dict[str, Role] = {}
    kafka = KafkaRole(application, settings, bank.handle, bank.telemetry.sink) if "kafka" in names else None
    if kafka is not None:
        broker = settings.kafka(f"codepix-bank-{settings.bank_code}-probe")
        application.health.add_probe(
            "broker", lambda: "" if broker_answers(broker, BROKER_PROBE_SECONDS) else "the broker does not answer"
        )
        bank.telemetry.metrics.watch_lag(kafka.lag)
        roles["kafka"] = kafka.run
    if "sweeper" in names:
        roles["sweeper"] = SweeperRole(
            application,
            lag_seen_by(
                settings.kafka(f"codepix-bank-{settings.bank_code}-sweeper"),
                bank_topic(settings.bank_code),
                bank_group(settings.bank_code),
                None if kafka is None else kafka.lag,
            ),
            None if kafka is None else kafka.lag,
        ).run
    if "http" in names:
        roles["http"] = lambda stop: _serve_http(bank, settings, stop)
    return roles | bank.telemetry.roles(application.health)


def _serve_http(bank: RunningBank, settings: BankSettings, stop: threading.Event) -> None:
    # A process without this role needs no web framework in its memory.
    from bank_sim.entrypoints.http.app import create_app
    from pix.web.server import serve_http

    app = bank.telemetry.http(create_app(bank.application, settings))
    serve_http(app, settings.http_host, settings.http_port, stop)


@app.command()
def serve(
    roles: Annotated[str, typer.Option(help="Roles that this process runs, separated by commas.")] = ",".join(ROLES),
    migrate_first: Annotated[
        bool, typer.Option("--migrate", help="Migrate the database to the newest schema first.")
    ] = False,
    seed_people: Annotated[
        bool, typer.Option("--seed", help="Create the demo people. The bank is not ready before this is done.")
    ] = False,
) -> None:
    """Runs the bank until SIGTERM or SIGINT."""
    names = [name.strip() for name in roles.split(",") if name.strip()]
    unknown = [name for name in names if name not in ROLES]
    if unknown or not names:
        raise _refuse(f"--roles: {', '.join(unknown) or 'none'} unknown; choose from {', '.join(ROLES)}", EXIT_USAGE)
    with _bank() as (bank, settings):
        if migrate_first:
            migrate_database(settings)
        if not has_newest_schema(bank.engine):
            raise _refuse("the database schema is out of date: run `codepix-bank migrate` first")
        playing = roles_of(bank, settings, names)
        if seed_people:
            bank.application.health.trouble("people", "the demo people are still being created")
            playing["people"] = lambda stop: _keep_seeding(bank.application, stop)
        code = run_roles(playing)
    raise typer.Exit(code)


def _keep_seeding(application: BankApplication, stop: threading.Event) -> None:
    """Seeds as soon as the hub answers, which may start at the same time as the bank; then idles like any role."""
    while not stop.is_set():
        try:
            application.seed_demo_people()
        except (HubUnavailable, HubCredentialsRejected, DatabaseUnavailable):
            stop.wait(SEED_POLL_SECONDS)
        else:
            application.health.ok("people")
            stop.wait()


@app.command("hash-password")
def print_password_hash(
    password: Annotated[str, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True)],
) -> None:
    """Asks for the operator password and prints its hash for OPERATOR_PASSWORD_HASH."""
    if len(password) < PASSWORD_LENGTH_MIN:
        raise _refuse(f"--password: must have at least {PASSWORD_LENGTH_MIN} characters", EXIT_USAGE)
    console.print(hash_password(password), soft_wrap=True, highlight=False)


@app.command()
def migrate() -> None:
    """Migrates the database to the newest schema."""
    with _settings() as settings:
        migrate_database(settings)
    console.print("the database schema is up to date")


@app.command()
def seed(
    wait_seconds: Annotated[float, typer.Option(min=0, help="Seconds to wait for the hub.")] = 30.0,
) -> None:
    """Creates the demo people with their accounts and keys. A second run changes nothing."""
    pause = threading.Event()
    with _bank() as (bank, _):
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                people = bank.application.seed_demo_people()
                break
            except HubUnavailable:
                if time.monotonic() >= deadline:
                    raise
                pause.wait(SEED_RETRY_SECONDS)
        table = Table("story", "account", "name", "balance", "status")
        for person in people:
            account = person.account
            table.add_row(
                person.story,
                account.number,
                account.holder_name,
                format_brl(account.balance_centavos),
                account.status.value,
            )
    console.print(table)


@app.command("restore-transfers")
def restore_transfers(
    hub_url: Annotated[str, typer.Option(help="The address of the hub's console and REST API.")],
    hours: Annotated[
        float, typer.Option(min=0, max=HOURS_MAX, help="How many hours to look back: at least the age of the backup.")
    ],
) -> None:
    """Books the hub's decisions that a restored backup lacks. Exit code 1 when some need manual work."""
    try:
        address = check_web_address(hub_url)
    except ValueError as error:
        raise _refuse(f"--hub-url: {error}", EXIT_USAGE) from None
    with _bank() as (bank, settings):
        password = settings.hub_operator_password
        headers = {"Authorization": f"Bearer {password}"} if password else {}
        from_ms = max(0, time.time_ns() // 1_000_000 - int(hours * 3_600_000))
        with new_http_client(timeout=SECONDS_MAX, headers=headers) as client:
            outcomes = read_outcomes(client, address, settings.bank_ispb, from_ms)
        restored = bank.application.restore_transfers(outcomes)
        bank.application.mirror_settlement()
    console.print(f"{len(restored.booked)} booked, {len(restored.known)} known before")
    for refused in restored.refused:
        console.print(f"not booked: {refused}", markup=False)
    raise typer.Exit(EXIT_FAILURE if restored.refused else 0)


@app.command()
def health() -> None:
    """Checks whether the running bank is ready. Exit code 0 or 1."""
    with _settings() as settings:
        url = f"{http_url(settings.http_host, settings.http_port)}/health/ready"
        try:
            answer = http_get(url, timeout=HEALTH_TIMEOUT_SECONDS)
            parts = answer.json().get("parts", {})
        except (httpx.HTTPError, ValueError) as error:
            raise _refuse(f"{url} does not answer: {error}") from None
    for part, state in parts.items():
        console.print(f"{part}: {state}")
    raise typer.Exit(0 if answer.is_success else EXIT_FAILURE)


@dead_letter_app.command("list")
def list_dead_letters(
    state: Annotated[
        DeadLetterState | None, typer.Option(help="Show only dead letters in this state.")
    ] = DeadLetterState.DEAD,
) -> None:
    """Shows the dead letters, last seen first."""
    with _bank() as (bank, _):
        table = Table("id", "topic", "partition:offset", "sender", "times", "state", "reason")
        for letter in bank.application.dead_letters.list(state, DEAD_LETTERS_SHOWN):
            table.add_row(
                letter.digest,
                letter.topic,
                f"{letter.partition}:{letter.offset}",
                letter.sender,
                str(letter.times),
                letter.state.value,
                letter.reason,
            )
    console.print(table)


@dead_letter_app.command("replay")
def replay_dead_letter(dead_letter_id: str) -> None:
    """Replays a dead letter: processes its record again. Exit code 1 when this fails again."""
    with _bank() as (bank, _):
        letter = bank.application.dead_letters.replay(dead_letter_id)
    is_dead = letter.state is DeadLetterState.DEAD
    console.print(f"{letter.state.value}: {letter.reason}" if is_dead else letter.state.value)
    raise typer.Exit(EXIT_FAILURE if is_dead else 0)


@dead_letter_app.command("discard")
def discard_dead_letter(dead_letter_id: str, note: Annotated[str, typer.Option(help="Reason for discarding.")]) -> None:
    """Discards a dead letter."""
    with _bank() as (bank, _):
        bank.application.dead_letters.discard(dead_letter_id, note=note)
    console.print("discarded")
