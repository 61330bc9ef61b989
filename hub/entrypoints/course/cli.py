"""`codepix-hub course-bank`: registers banks of the original course and their accounts, and shows what is owed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import typer
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from rich.markup import escape
from rich.table import Table

from hub.application.course.queries import CourseOverview
from hub.application.course.register import BRANCH_DEFAULT, COLOR_DEFAULT
from hub.application.course.use_cases import CourseApplication
from hub.domain.course.model import CourseBank, Edition, LegKind
from pix.participant.commands import EXIT_USAGE, Commands, console, refuse, say
from pix.scheme.ids import ispb_of_code
from pix.scheme.money import format_brl

SETTLEMENT_FUNDS_DEFAULT: Final = 0


class CourseProcess(Protocol):
    @property
    def course(self) -> CourseApplication: ...


class CourseAccountEntry(BaseModel, extra="forbid"):
    account_id: str
    number: str
    owner_name: str
    branch: str = BRANCH_DEFAULT
    tax_id: str = ""


class CourseBankEntry(BaseModel, extra="forbid"):
    code: str
    name: str
    edition: Edition = Edition.Y2023
    group: str = ""
    color: str = COLOR_DEFAULT
    url: str = ""
    settlement_funds: Annotated[int, Field(ge=0)] = SETTLEMENT_FUNDS_DEFAULT
    accounts: list[CourseAccountEntry] = Field(default_factory=list)

    def add_to(self, hub: CourseProcess) -> CourseBank:
        bank = hub.course.add_bank(
            code=self.code,
            name=self.name,
            edition=self.edition,
            group=self.group,
            color=self.color,
            url=self.url,
            settlement_funds_centavos=self.settlement_funds,
        )
        for account in self.accounts:
            hub.course.add_account(code=self.code, **account.model_dump())
        return bank


def read_course_banks(file: Path) -> list[CourseBankEntry]:
    """Ends the command with a sentence when the file is none."""
    try:
        return TypeAdapter(list[CourseBankEntry]).validate_json(file.read_bytes())
    except OSError as error:
        raise refuse(f"--course-banks: cannot read {file}: {error.strerror}", EXIT_USAGE) from None
    except ValidationError as error:
        rules = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in error.errors(include_input=False)
        )
        raise refuse(f"--course-banks: {file} is not a list of course banks: {rules}", EXIT_USAGE) from None


def add_course_commands(commands: Commands[Any, Any]) -> None:
    app = commands.group("course-bank", "Banks of the original CodePix course (docs/course-mode.md).")

    @app.command("add")
    def add_bank(
        code: Annotated[str, typer.Option(help="001 or 002.")],
        name: Annotated[str, typer.Option(help="1 to 40 characters.")],
        edition: Annotated[Edition, typer.Option(help="The year of the course that the bank is from.")] = Edition.Y2023,
        group: Annotated[
            str, typer.Option(help="Kafka consumer group of the bank's server. Default: nest_bank_CODE-server.")
        ] = "",
        color: Annotated[str, typer.Option(help="#rrggbb")] = COLOR_DEFAULT,
        url: Annotated[str, typer.Option(help="Address of the bank's own pages, for people.")] = "",
        settlement_funds: Annotated[
            int, typer.Option(help="Initial balance of its settlement account, in centavos.")
        ] = SETTLEMENT_FUNDS_DEFAULT,
    ) -> None:
        """Adds a course bank, or changes the name, edition or group of one."""
        entry = CourseBankEntry(
            code=code,
            name=name,
            edition=edition,
            group=group,
            color=color,
            url=url,
            settlement_funds=max(0, settlement_funds),
        )
        with commands.process() as hub:
            bank = entry.add_to(hub)
        say(f"{bank.code} {name} ({bank.ispb}), course of {bank.edition}, group {bank.group}")

    @app.command("add-account")
    def add_account(
        code: Annotated[str, typer.Option(help="Code of its bank.")],
        account_id: Annotated[str, typer.Option(help="The UUID of the account in the bank's database.")],
        number: Annotated[str, typer.Option(help="1 to 20 digits or letters.")],
        owner_name: Annotated[str, typer.Option(help="1 to 80 characters.")],
        branch: Annotated[str, typer.Option(help="1 to 4 digits.")] = BRANCH_DEFAULT,
        tax_id: Annotated[
            str, typer.Option(help="CPF or CNPJ, which others are shown masked. The course has none.")
        ] = "",
    ) -> None:
        """Adds an account of a course bank: such banks announce none."""
        with commands.process() as hub:
            account = hub.course.add_account(
                code=code, account_id=account_id, number=number, owner_name=owner_name, branch=branch, tax_id=tax_id
            )
        say(f"{account.number} {account.owner_name} at {code}: {account.account_id}")

    @app.command("list")
    def list_banks() -> None:
        """Shows the course banks and their accounts."""
        with commands.process() as hub:
            overview: CourseOverview = hub.course.queries.overview()
        table = Table("code", "edition", "group", "account", "owner", "id")
        for bank in overview.banks:
            accounts = [account for account in overview.accounts if account.ispb == bank.ispb]
            table.add_row(bank.code, bank.edition, escape(bank.group), *([""] * 3 if not accounts else []))
            for account in accounts:
                table.add_row(bank.code, "", "", account.number, escape(account.owner_name), account.account_id)
        console.print(table)

    @app.command("owed")
    def list_owed() -> None:
        """Shows the money that is owed because the course's wire could not say what happened."""
        with commands.process() as hub:
            overview: CourseOverview = hub.course.queries.overview()
        table = Table("bank", "kind", "id", "amount", "state", "reason", "transfer")
        codes = {bank.ispb: bank.code for bank in overview.banks}
        for leg in overview.owed:
            table.add_row(
                codes[leg.ispb],
                leg.kind,
                leg.course_id,
                format_brl(leg.amount_centavos),
                leg.state,
                leg.reason,
                leg.end_to_end_id,
            )
        console.print(table)

    @app.command("clear")
    def clear_owed(
        code: Annotated[str, typer.Option(help="Code of the bank.")],
        kind: Annotated[LegKind, typer.Option(help="As the list shows it.")],
        course_id: Annotated[str, typer.Argument(help="The id that the list shows.")],
        note: Annotated[str, typer.Option(help="How it was settled.")],
    ) -> None:
        """Takes money off the list of what is owed, once it was settled in another way."""
        with commands.process() as hub:
            hub.course.clear_owed(ispb=ispb_of_code(code), kind=kind, course_id=course_id, note=note)
        say("cleared")
