"""`codepix-hub`: runs the hub, prepares its database, and serves its operator."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hub.bootstrap import ROLES, Hub
from hub.domain.bank import Bank
from hub.settings import HubSettings
from pix.participant.dead_letters.model import DeadLetterState
from pix.participant.process import heed_interrupts, run_roles
from pix.participant.settings import load_settings
from pix.runtime.addresses import http_url
from pix.runtime.logs import configure_logs
from pix.runtime.outages import BrokerUnavailable, DatabaseUnavailable
from pix.runtime.passwords import PASSWORD_LENGTH_MIN, hash_password
from pix.runtime.settings_error import SettingsError
from pix.scheme.errors import SchemeError
from pix.scheme.keys import normalize_key, recognize_key
from pix.scheme.money import format_brl
from pix.web.client import http_get

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
HEALTH_TIMEOUT_SECONDS: Final = 3.0
DEAD_LETTERS_SHOWN: Final = 50
DEAD_LETTERS_SEARCHED: Final = 500
DIGEST_SHOWN: Final = 16
BANK_COLOR_DEFAULT: Final = "#5b2a86"

app = typer.Typer(
    help="The CodePix hub: keys over gRPC, transfers over Kafka.", no_args_is_help=True, add_completion=False
)
bank_app = typer.Typer(help="Add and list the banks of the network.", no_args_is_help=True)
key_app = typer.Typer(help="Look up Pix keys in the directory.", no_args_is_help=True)
dead_letter_app = typer.Typer(
    help="List, replay and discard dead letters (messages that could not be processed).", no_args_is_help=True
)
app.add_typer(bank_app, name="bank")
app.add_typer(key_app, name="key")
app.add_typer(dead_letter_app, name="dead-letter")

WIDTH_OF_FILES: Final = 200
"""Characters in a line of a table that goes to a file or a pipe, which have no screen width."""

console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_FILES)


def main() -> None:
    """The command's entry."""
    heed_interrupts()
    app()


def _refuse(sentence: str, code: int = EXIT_FAILURE) -> typer.Exit:
    print(sentence, file=sys.stderr)  # noqa: T201 - a command speaks on stderr
    return typer.Exit(code)


def _say(sentence: str) -> None:
    """Prints what has names and reasons in it as it is: square brackets are no markup, and no line is broken."""
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _hub() -> Iterator[Hub]:
    """The hub of this process; whatever it refuses becomes a sentence and an exit code."""
    try:
        settings = load_settings(HubSettings)
        configure_logs("codepix-hub", settings.log_level, settings.log_json)
        hub = Hub(settings)
        try:
            yield hub
        finally:
            hub.close()
    except SettingsError as error:
        raise _refuse(str(error), EXIT_USAGE) from None
    except SchemeError as error:
        raise _refuse(str(error)) from None
    except DatabaseUnavailable as error:
        raise _refuse(f"DATABASE_URL: the database does not answer: {error}") from None
    except BrokerUnavailable as error:
        raise _refuse(f"KAFKA_BOOTSTRAP_SERVERS: the broker does not answer: {error}") from None


class BankEntry(BaseModel, extra="forbid"):
    """What the operator says about a bank that joins."""

    code: str
    name: str
    secret: str
    color: str = BANK_COLOR_DEFAULT
    ispb: str = ""
    settlement_funds: Annotated[int, Field(ge=0)] = 0


def _read_banks(file: Path) -> list[BankEntry]:
    try:
        return TypeAdapter(list[BankEntry]).validate_json(file.read_bytes())
    except OSError as error:
        raise _refuse(f"--banks: cannot read {file}: {error.strerror}", EXIT_USAGE) from None
    except ValidationError as error:
        # Without the input: it has secrets in it.
        rules = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_input=False)
        )
        raise _refuse(f"--banks: {file} is not a list of banks: {rules}", EXIT_USAGE) from None


def _add_bank(hub: Hub, entry: BankEntry) -> Bank:
    return hub.application.add_bank(
        code=entry.code,
        name=entry.name,
        color=entry.color,
        secret=entry.secret,
        ispb=entry.ispb,
        settlement_funds_centavos=entry.settlement_funds,
    )


@app.command()
def serve(
    roles: Annotated[str, typer.Option(help="Roles that this process runs, separated by commas.")] = ",".join(ROLES),
    migrate_first: Annotated[
        bool, typer.Option("--migrate", help="Migrate the database to the newest schema first.")
    ] = False,
    banks: Annotated[
        Path | None,
        typer.Option(help="Add the banks in this JSON file first. The file is a list of the options of `bank add`."),
    ] = None,
) -> None:
    """Runs the hub until SIGTERM or SIGINT."""
    names = [name.strip() for name in roles.split(",") if name.strip()]
    unknown = [name for name in names if name not in ROLES]
    if unknown or not names:
        raise _refuse(f"--roles: {', '.join(unknown) or 'none'} unknown; choose from {', '.join(ROLES)}", EXIT_USAGE)
    entries = [] if banks is None else _read_banks(banks)
    with _hub() as hub:
        if migrate_first:
            hub.migrate()
        for entry in entries:
            _add_bank(hub, entry)
        if not hub.is_migrated():
            raise _refuse("the database schema is out of date: run `codepix-hub migrate` first")
        code = run_roles(hub.roles(names))
    raise typer.Exit(code)


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
    with _hub() as hub:
        hub.migrate()
    console.print("the database schema is up to date")


@app.command()
def recount() -> None:
    """Recounts the transfers when the numbers in the console are wrong. See "Upgrading" in docs/operating.md."""
    with _hub() as hub:
        hub.application.recount_transfers()
    console.print("transfers recounted")


@app.command()
def topics() -> None:
    """Creates the topics of the hub and of each known bank."""
    with _hub() as hub:
        hub.ensure_topics()
    console.print("topics created")


@app.command()
def health() -> None:
    """Checks whether the running hub is ready. Exit code 0 or 1."""
    with _hub() as hub:
        url = f"{http_url(hub.settings.http_host, hub.settings.http_port)}/health/ready"
        try:
            answer = http_get(url, timeout=HEALTH_TIMEOUT_SECONDS)
        except httpx.HTTPError as error:
            raise _refuse(f"{url} does not answer: {error}") from None
    try:
        parts = answer.json().get("parts", {})
    except (ValueError, AttributeError):
        raise _refuse(f"{url} is not a hub") from None
    for part, state in parts.items():
        _say(f"{part}: {state}")
    raise typer.Exit(0 if answer.is_success else EXIT_FAILURE)


@bank_app.command("add")
def add_bank(
    code: Annotated[str, typer.Option(help="Three digits.")],
    name: Annotated[str, typer.Option(help="1 to 40 characters.")],
    secret: Annotated[
        str,
        typer.Option(
            envvar="BANK_SECRET", help="Secret shared with the bank, at least 16 characters.", show_envvar=True
        ),
    ],
    color: Annotated[str, typer.Option(help="#rrggbb")] = BANK_COLOR_DEFAULT,
    ispb: Annotated[str, typer.Option(help="Eight characters. Default: derived from the code.")] = "",
    settlement_funds: Annotated[int, typer.Option(help="Initial balance of its settlement account, in centavos.")] = 0,
) -> None:
    """Adds a bank, or rotates its secret: a new secret becomes the current one, and the previous one stays valid."""
    with _hub() as hub:
        bank = hub.application.add_bank(
            code=code, name=name, color=color, secret=secret, ispb=ispb, settlement_funds_centavos=settlement_funds
        )
    _say(f"{bank.code} {bank.name} ({bank.ispb})")


@bank_app.command("list")
def list_banks() -> None:
    """Shows the banks and their settlement accounts."""
    with _hub() as hub:
        accounts = hub.application.queries.settlement_accounts()
        table = Table("code", "ISPB", "name", "active", "settlement", "reserved", "url")
        for bank in hub.application.queries.list_banks():
            account = accounts[bank.ispb]
            table.add_row(
                bank.code,
                bank.ispb,
                escape(bank.name),
                "yes" if bank.active else "no",
                format_brl(account.balance_centavos),
                format_brl(account.reserved_centavos),
                bank.url,
            )
    console.print(table)


@key_app.command("find")
def find_key(key: str) -> None:
    """Shows the owner of a key of any type."""
    with _hub() as hub:
        kinds = recognize_key(key)
        if not kinds:
            raise SchemeError("key", "is not a valid CPF, CNPJ, phone, email or random key")
        for number, kind in enumerate(kinds):
            try:
                entry, bank = hub.application.find_key(kind=kind, key=normalize_key(kind, key).key)
            except SchemeError:
                if number == len(kinds) - 1:
                    raise
            else:
                _say(f"{entry.holder_name} {entry.tax_id_masked} at {bank.name} ({bank.code})")
                return


@dead_letter_app.command("list")
def list_dead_letters(
    state: Annotated[
        DeadLetterState | None, typer.Option(help="Show only dead letters in this state.")
    ] = DeadLetterState.DEAD,
) -> None:
    """Shows the dead letters, last seen first."""
    with _hub() as hub:
        table = Table("digest", "topic", "partition:offset", "sender", "times", "state", "reason")
        for letter in hub.application.dead_letters.list(state, DEAD_LETTERS_SHOWN):
            place = f"{letter.partition}:{letter.offset}"
            table.add_row(
                letter.digest[:DIGEST_SHOWN],
                letter.topic,
                place,
                escape(letter.sender),
                str(letter.times),
                letter.state.value,
                escape(letter.reason),
            )
    console.print(table)


def _whole_digest(hub: Hub, beginning: str) -> str:
    """The digest that `dead-letter list` shows the beginning of; what fits none or several is left as it is."""
    letters = hub.application.dead_letters.list(None, DEAD_LETTERS_SEARCHED)
    fitting = [letter.digest for letter in letters if letter.digest.startswith(beginning)]
    return fitting[0] if len(fitting) == 1 else beginning


@dead_letter_app.command("replay")
def replay_dead_letter(digest: Annotated[str, typer.Argument(help="The digest, or its beginning.")]) -> None:
    """Replays a dead letter: processes its record again."""
    with _hub() as hub:
        letter = hub.application.dead_letters.replay(_whole_digest(hub, digest))
    _say(f"{letter.state.value}: {letter.reason}" if letter.state is DeadLetterState.DEAD else "replayed")
    raise typer.Exit(EXIT_FAILURE if letter.state is DeadLetterState.DEAD else 0)


@dead_letter_app.command("discard")
def discard_dead_letter(
    digest: Annotated[str, typer.Argument(help="The digest, or its beginning.")],
    note: Annotated[str, typer.Option(help="Reason for discarding.")],
) -> None:
    """Discards a dead letter."""
    with _hub() as hub:
        hub.application.dead_letters.discard(_whole_digest(hub, digest), note)
    console.print("discarded")
