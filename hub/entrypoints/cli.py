"""`codepix-hub`: runs the hub, prepares its database, and serves its operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Final, Protocol

import typer
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from rich.markup import escape
from rich.table import Table

from hub.application.course.use_cases import CourseApplication
from hub.application.use_cases import HubApplication
from hub.domain.bank import Bank
from hub.entrypoints.course.cli import CourseBankEntry, add_course_commands, read_course_banks
from hub.settings import HubSettings
from pix.participant.commands import (
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
from pix.scheme.errors import SchemeError
from pix.scheme.keys import normalize_key, recognize_key
from pix.scheme.money import format_brl

ROLES: Final = "grpc,kafka,http,sweeper,course"
BANK_COLOR_DEFAULT: Final = "#5b2a86"


class HubProcess(Process, Protocol):
    @property
    def application(self) -> HubApplication: ...
    @property
    def course(self) -> CourseApplication: ...
    def ensure_topics(self) -> None: ...


class BankEntry(BaseModel, extra="forbid"):
    code: str
    name: str
    secret: str
    color: str = BANK_COLOR_DEFAULT
    ispb: str = ""
    settlement_funds: Annotated[int, Field(ge=0)] = 0

    def add_to(self, hub: HubProcess) -> Bank:
        return hub.application.add_bank(
            code=self.code,
            name=self.name,
            color=self.color,
            secret=self.secret,
            ispb=self.ispb,
            settlement_funds_centavos=self.settlement_funds,
        )


def make_app(open_hub: Callable[[HubSettings], HubProcess]) -> typer.Typer:
    about = "The CodePix hub: keys over gRPC, transfers over Kafka."
    commands = Commands("hub", about, ROLES, HubSettings, open_hub)
    app = commands.app
    bank_app = commands.group("bank", "Add and list the banks of the network.")
    key_app = commands.group("key", "Look up Pix keys in the directory.")

    @app.command()
    def serve(
        roles: RolesOption = ROLES,
        migrate_first: MigrateOption = False,
        banks: Annotated[
            Path | None,
            typer.Option(
                help="Add the banks in this JSON file first. The file is a list of the options of `bank add`."
            ),
        ] = None,
        course_banks: Annotated[
            Path | None,
            typer.Option(
                help="Add the course banks in this JSON file first. The file is a list of the options of "
                "`course-bank add`, with `accounts`."
            ),
        ] = None,
    ) -> None:
        """Runs the hub until SIGTERM or SIGINT."""
        entries: list[BankEntry | CourseBankEntry] = []
        if banks is not None:
            entries += _read_banks(banks)
        if course_banks is not None:
            entries += read_course_banks(course_banks)

        def add_banks(hub: HubProcess) -> Mapping[str, Role]:
            for entry in entries:
                entry.add_to(hub)
            return {}

        commands.serve(roles, migrate_first, add_banks)

    @app.command()
    def recount() -> None:
        """Recounts the transfers when the numbers in the console are wrong. See "Upgrading" in docs/operating.md."""
        with commands.process() as hub:
            hub.application.recount_transfers()
        console.print("transfers recounted")

    @app.command()
    def topics() -> None:
        """Creates the topics of the hub and of each known bank."""
        with commands.process() as hub:
            hub.ensure_topics()
        console.print("topics created")

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
        settlement_funds: Annotated[
            int, typer.Option(help="Initial balance of its settlement account, in centavos.")
        ] = 0,
    ) -> None:
        """Adds a bank, or rotates its secret: a new secret becomes the current one; the previous one stays valid."""
        with commands.process() as hub:
            bank = hub.application.add_bank(
                code=code, name=name, color=color, secret=secret, ispb=ispb, settlement_funds_centavos=settlement_funds
            )
        say(f"{bank.code} {bank.name} ({bank.ispb})")

    @bank_app.command("list")
    def list_banks() -> None:
        """Shows the banks and their settlement accounts."""
        table = Table("code", "ISPB", "name", "active", "settlement", "reserved", "url")
        with commands.process() as hub:
            accounts = hub.application.queries.settlement_accounts()
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

    add_course_commands(commands)

    @key_app.command("find")
    def find_key(key: str) -> None:
        """Shows the owner of a key of any type."""
        with commands.process() as hub:
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
                    say(f"{entry.holder_name} {entry.tax_id_masked} at {bank.name} ({bank.code})")
                    return

    return app


def _read_banks(file: Path) -> list[BankEntry]:
    try:
        return TypeAdapter(list[BankEntry]).validate_json(file.read_bytes())
    except OSError as error:
        raise refuse(f"--banks: cannot read {file}: {error.strerror}", EXIT_USAGE) from None
    except ValidationError as error:
        # Without the input, which contains secrets.
        rules = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_input=False)
        )
        raise refuse(f"--banks: {file} is not a list of banks: {rules}", EXIT_USAGE) from None
