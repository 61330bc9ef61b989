"""`codepix-bank`: runs a bank, prepares its database, creates demo people, and serves its operator."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, Protocol

import typer
from rich.markup import escape
from rich.table import Table

from bank_sim.application.credentials.manage import NewCredential
from bank_sim.application.use_cases import BankApplication
from bank_sim.domain.credentials.model import ALL_SCOPES, Scope
from bank_sim.domain.errors import HubCredentialsRejected, HubUnavailable
from bank_sim.entrypoints.hub_records import SECONDS_MAX, read_outcomes
from bank_sim.settings import BankSettings
from pix.participant.commands import (
    EXIT_FAILURE,
    EXIT_USAGE,
    Commands,
    MigrateOption,
    Process,
    RolesOption,
    console,
    refuse,
    say,
)
from pix.participant.process import Role
from pix.runtime.addresses import check_web_address
from pix.runtime.outages import DatabaseUnavailable
from pix.scheme.money import format_brl
from pix.web.client import new_http_client

ROLES: Final = "kafka,http,sweeper"
SEED_RETRY_SECONDS: Final = 0.5
SEED_POLL_SECONDS: Final = 0.1
HOURS_MAX: Final = 24 * 366

AccountArgument = Annotated[str, typer.Argument(help="The account's number, such as 100001-7.")]
CredentialArgument = Annotated[str, typer.Argument(help="The credential's ID.")]


class BankProcess(Process, Protocol):
    @property
    def application(self) -> BankApplication: ...
    @property
    def settings(self) -> BankSettings: ...


def make_app(open_bank: Callable[[BankSettings], BankProcess]) -> typer.Typer:
    about = "A bank of the CodePix network. BANK_CODE, BANK_NAME and BANK_COLOR choose which one."
    commands = Commands("bank", about, ROLES, BankSettings, open_bank)
    app = commands.app

    @app.command()
    def serve(
        roles: RolesOption = ROLES,
        migrate_first: MigrateOption = False,
        seed_people: Annotated[
            bool, typer.Option("--seed", help="Create the demo people. The bank is not ready before this is done.")
        ] = False,
    ) -> None:
        """Runs the bank until SIGTERM or SIGINT."""
        commands.serve(roles, migrate_first, _people_role if seed_people else lambda _: {})

    @app.command()
    def seed(
        wait_seconds: Annotated[float, typer.Option(min=0, help="Seconds to wait for the hub.")] = 30.0,
    ) -> None:
        """Creates the demo people with their accounts and keys. A second run changes nothing."""
        table = Table("story", "account", "name", "balance", "status")
        with commands.process() as bank:
            deadline = time.monotonic() + wait_seconds
            while True:
                try:
                    people = bank.application.seed_demo_people()
                    break
                except HubUnavailable:
                    if time.monotonic() >= deadline:
                        raise
                    time.sleep(SEED_RETRY_SECONDS)
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
            float,
            typer.Option(min=0, max=HOURS_MAX, help="How many hours to look back: at least the age of the backup."),
        ],
    ) -> None:
        """Books the hub's decisions that a restored backup lacks. Exit code 1 when some need manual work."""
        try:
            address = check_web_address(hub_url)
        except ValueError as error:
            raise refuse(f"--hub-url: {error}", EXIT_USAGE) from None
        with commands.process() as bank:
            password = bank.settings.hub_operator_password
            headers = {"Authorization": f"Bearer {password}"} if password else {}
            from_ms = max(0, time.time_ns() // 1_000_000 - int(hours * 3_600_000))
            with new_http_client(timeout=SECONDS_MAX, headers=headers) as client:
                outcomes = read_outcomes(client, address, bank.settings.bank_ispb, from_ms)
            restored = bank.application.restore_transfers(outcomes)
            bank.application.mirror_settlement()
        console.print(f"{len(restored.booked)} booked, {len(restored.known)} known before")
        for refused in restored.refused:
            console.print(f"not booked: {refused}", markup=False)
        raise typer.Exit(EXIT_FAILURE if restored.refused else 0)

    keys = commands.group("signing-key", "The key that signs the payloads of dynamic codes.")

    @keys.command("rotate")
    def rotate_signing_key() -> None:
        """Makes a new key, with which all replicas sign from now on. The ones before stay in the key set."""
        with commands.process() as bank:
            key = bank.application.payable_codes.sign.rotate()
        say(f"payloads are signed with the key {key.key_id} from now on")

    @keys.command("list")
    def list_signing_keys() -> None:
        """Shows the keys of the key set, newest first. The first one signs."""
        with commands.process() as bank:
            for key in bank.application.payable_codes.sign.newest_keys():
                say(f"{key.key_id}  {datetime.fromtimestamp(key.made_at_ms / 1000, UTC).isoformat(' ', 'seconds')}")

    _add_credentials(commands)
    return app


def _add_credentials(commands: Commands[BankSettings, BankProcess]) -> None:
    group = commands.group("credentials", "Create, list, rotate and revoke credentials of the API Pix.")

    @group.command()
    def create(
        account: AccountArgument,
        name: Annotated[str, typer.Option(help="By which you know it.")] = "",
        scope: Annotated[
            list[Scope] | None, typer.Option(help="May be given several times. Without it: all scopes.")
        ] = None,
        client_id: Annotated[str, typer.Option(help="Choose the ID, for a network that is the same each time.")] = "",
        client_secret: Annotated[
            str, typer.Option(envvar="CLIENT_SECRET", help="Choose the secret likewise; at least 32 characters.")
        ] = "",
    ) -> None:
        """Makes a credential and prints its ID and its secret, which is shown this once."""
        with commands.process() as bank:
            made = bank.application.api_credentials.create(
                account_number=account,
                name=name,
                scopes=scope or ALL_SCOPES,
                credential_id=client_id,
                secret=client_secret,
            )
        _print_secret(made)

    @group.command("list")
    def show(account: AccountArgument) -> None:
        """Shows the credentials of an account."""
        table = Table("id", "name", "scopes", "status", "created")
        with commands.process() as bank:
            for each in bank.application.api_credentials.queries.list(account):
                table.add_row(
                    each.credential_id,
                    escape(each.name),
                    " ".join(each.scopes),
                    "active" if each.is_active else "revoked",
                    f"{datetime.fromtimestamp(each.created_at_ms / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC",
                )
        console.print(table)

    @group.command()
    def rotate(account: AccountArgument, client_id: CredentialArgument) -> None:
        """Gives a credential another secret and prints it; the one before and its tokens end at once."""
        with commands.process() as bank:
            made = bank.application.api_credentials.rotate(account_number=account, credential_id=client_id)
        _print_secret(made)

    @group.command()
    def revoke(account: AccountArgument, client_id: CredentialArgument) -> None:
        """Ends a credential and its tokens for ever."""
        with commands.process() as bank:
            bank.application.api_credentials.revoke(account_number=account, credential_id=client_id)
        console.print("revoked")


def _print_secret(made: NewCredential) -> None:
    say(f"client_id={made.credential.credential_id}")
    say(f"client_secret={made.secret}")


def _people_role(bank: BankProcess) -> Mapping[str, Role]:
    """Creates the demo people as soon as the hub answers, which may start at the same time as the bank; then idles."""
    application = bank.application
    application.health.trouble("people", "the demo people are still being created")

    def create_people(stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                application.seed_demo_people()
            except (HubUnavailable, HubCredentialsRejected, DatabaseUnavailable):
                stop.wait(SEED_POLL_SECONDS)
            else:
                application.health.ok("people")
                stop.wait()

    return {"people": create_people}
