"""The commands that hub and banks have in common, and how each command ends: a sentence, and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Final, Generic, NoReturn, Protocol, TypeVar

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pix.participant.dead_letters.model import DeadLetterFilter, DeadLetterState
from pix.participant.dead_letters.use_cases import DeadLetters
from pix.participant.process import Role, run_roles, starting
from pix.participant.retention import ArchiveHistories
from pix.participant.settings import Settings, load_settings
from pix.runtime.addresses import http_url
from pix.runtime.logs import configure_logs
from pix.runtime.outages import BrokerUnavailable, DatabaseUnavailable
from pix.runtime.passwords import PASSWORD_LENGTH_MIN, hash_password
from pix.runtime.settings_error import SettingsError
from pix.runtime.version import DISTRIBUTION, codepix_version
from pix.scheme.errors import SchemeError
from pix.web.client import http_get

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
HEALTH_TIMEOUT_SECONDS: Final = 3.0
DEAD_LETTERS_SHOWN: Final = 50
DEAD_LETTERS_SEARCHED: Final = 500
DIGEST_SHOWN: Final = 16
WIDTH_OF_FILES: Final = 200
"""Characters in a line of a table that goes to a file or a pipe, which have no screen width."""

console: Final = Console(width=None if sys.stdout.isatty() else WIDTH_OF_FILES)

RolesOption = Annotated[str, typer.Option(help="Roles that this process runs, separated by commas.")]
SenderOption = Annotated[str, typer.Option(help="The sender that the messages claim.")]
ReasonOption = Annotated[str, typer.Option(help="A part of the reason.")]
TopicOption = Annotated[str, typer.Option(help="The topic that the messages came from.")]
MigrateOption = Annotated[bool, typer.Option("--migrate", help="Migrate the database to the newest schema first.")]


class Application(Protocol):
    @property
    def dead_letters(self) -> DeadLetters: ...


class Process(Protocol):
    """A participant in this process; see `pix.participant.participant.Participant`."""

    def roles(self, names: Collection[str]) -> dict[str, Role]: ...
    def migrate(self) -> None: ...
    def is_migrated(self) -> bool: ...
    def close(self) -> None: ...
    @property
    def application(self) -> Application: ...
    @property
    def archive_histories(self) -> ArchiveHistories | None: ...


AnyProcess = TypeVar("AnyProcess", bound=Process)


def refuse(sentence: str, code: int = EXIT_FAILURE) -> typer.Exit:
    """The end of a command that cannot be done, with the sentence on stderr."""
    print(sentence, file=sys.stderr)  # noqa: T201 - a command speaks on stderr
    return typer.Exit(code)


def say(sentence: str) -> None:
    """Prints a sentence with names or reasons in it: square brackets are no markup, and no line is broken."""
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"{DISTRIBUTION} {codepix_version()}")
        raise typer.Exit


def offer_version(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """To be the callback of a script's app: what it takes before its command."""
    del version


class Commands(Generic[Settings, AnyProcess]):
    """The commands of one kind of participant."""

    def __init__(
        self,
        kind: str,
        about: str,
        roles: str,
        settings_class: type[Settings],
        open_process: Callable[[Settings], AnyProcess],
    ) -> None:
        """`kind` is `hub` or `bank`; the console script is `codepix-` with it. `roles` are separated by commas."""
        self._kind = kind
        self._roles = roles.split(",")
        self._settings_class = settings_class
        self._open = open_process
        self.app = typer.Typer(help=about, no_args_is_help=True, add_completion=False)
        self.app.callback()(offer_version)
        self.app.command("hash-password")(print_password_hash)
        self.app.command("migrate")(self._migrate)
        self.app.command("health", help=f"Checks whether the running {kind} is ready. Exit code 0 or 1.")(self._health)
        self.app.command("archive")(self._archive)
        dead_letters = self.group(
            "dead-letter", "List, replay and discard dead letters (messages that could not be processed)."
        )
        dead_letters.command("list")(self._list_dead_letters)
        dead_letters.command("replay")(self._replay_dead_letter)
        dead_letters.command("replay-all")(self._replay_dead_letters)
        dead_letters.command("discard")(self._discard_dead_letter)

    def group(self, name: str, about: str) -> typer.Typer:
        group = typer.Typer(help=about, no_args_is_help=True)
        self.app.add_typer(group, name=name)
        return group

    @contextmanager
    def settings(self) -> Iterator[Settings]:
        """The settings, with the logs configured. What goes wrong becomes a sentence and an exit code."""
        try:
            settings = load_settings(self._settings_class)
            configure_logs(settings.service, settings.log_level, settings.log_json)
            yield settings
        except SettingsError as error:
            raise refuse(str(error), EXIT_USAGE) from None
        except SchemeError as error:
            raise refuse(str(error)) from None
        except DatabaseUnavailable as error:
            raise refuse(f"DATABASE_URL: the database does not answer: {error}") from None
        except BrokerUnavailable as error:
            raise refuse(f"KAFKA_BOOTSTRAP_SERVERS: the broker does not answer: {error}") from None

    @contextmanager
    def process(self) -> Iterator[AnyProcess]:
        """The participant in this process, closed at the end."""
        with self.settings() as settings:
            process = self._open(settings)
            try:
                yield process
            finally:
                process.close()

    def serve(
        self, roles: str, migrate_first: bool, prepare: Callable[[AnyProcess], Mapping[str, Role]] = lambda _: {}
    ) -> NoReturn:
        """Runs the roles until SIGTERM or SIGINT. `prepare` returns further roles."""
        names = [name.strip() for name in roles.split(",") if name.strip()]
        unknown = [name for name in names if name not in self._roles]
        if unknown or not names:
            wrong = ", ".join(unknown) or "none"
            raise refuse(f"--roles: {wrong} unknown; choose from {', '.join(self._roles)}", EXIT_USAGE)
        with starting(), self.process() as process:
            if migrate_first:
                process.migrate()
            if not process.is_migrated():
                raise refuse(f"the database schema is out of date: run `codepix-{self._kind} migrate` first")
            further = prepare(process)
            code = run_roles({**process.roles(names), **further})
        raise typer.Exit(code)

    def _migrate(self) -> None:
        """Migrates the database to the newest schema."""
        with self.process() as process:
            process.migrate()
        console.print("the database schema is up to date")

    def _archive(self) -> None:
        """Moves the steps of old transfers and returns to ARCHIVE_FOLDER, as the sweeper does every few hours."""
        with self.process() as process:
            if process.archive_histories is None:
                raise refuse("ARCHIVE_AFTER_DAYS: is not set, so nothing is archived", EXIT_USAGE)
            moved = process.archive_histories()
        say(f"{moved} histories archived")

    def _health(self) -> None:
        with self.settings() as settings:
            url = f"{http_url(settings.http_host, settings.http_port)}/health/ready"
            try:
                answer = http_get(url, timeout=HEALTH_TIMEOUT_SECONDS)
            except httpx.HTTPError as error:
                raise refuse(f"{url} does not answer: {error}") from None
        try:
            parts = answer.json().get("parts", {})
        except (ValueError, AttributeError):
            raise refuse(f"{url} is not a {self._kind}") from None
        for part, state in parts.items():
            say(f"{part}: {state}")
        raise typer.Exit(0 if answer.is_success else EXIT_FAILURE)

    def _list_dead_letters(
        self,
        state: Annotated[
            DeadLetterState | None, typer.Option(help="Show only dead letters in this state.")
        ] = DeadLetterState.DEAD,
        sender: SenderOption = "",
        reason: ReasonOption = "",
        topic: TopicOption = "",
    ) -> None:
        """Shows the dead letters, last seen first."""
        narrow = DeadLetterFilter(sender, reason, topic)
        table = Table("digest", "topic", "partition:offset", "sender", "times", "state", "reason")
        with self.process() as process:
            for letter in process.application.dead_letters.list(state, DEAD_LETTERS_SHOWN, narrow):
                table.add_row(
                    letter.digest[:DIGEST_SHOWN],
                    letter.topic,
                    f"{letter.partition}:{letter.offset}",
                    escape(letter.sender),
                    str(letter.times),
                    letter.state.value,
                    escape(letter.reason),
                )
        console.print(table)

    def _replay_dead_letter(self, digest: Annotated[str, typer.Argument(help="The digest, or its beginning.")]) -> None:
        """Replays a dead letter: processes its record again. Exit code 1 when this fails again."""
        with self.process() as process:
            letter = process.application.dead_letters.replay(_whole_digest(process, digest))
        is_dead = letter.state is DeadLetterState.DEAD
        say(f"{letter.state.value}: {letter.reason}" if is_dead else letter.state.value)
        raise typer.Exit(EXIT_FAILURE if is_dead else 0)

    def _replay_dead_letters(
        self,
        sender: SenderOption = "",
        reason: ReasonOption = "",
        topic: TopicOption = "",
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    ) -> None:
        """Replays the dead letters of a filter, at most 200 at once. Exit code 1 when one fails again."""
        narrow = DeadLetterFilter(sender, reason, topic)
        with self.process() as process:
            dead, whole = process.application.dead_letters.count_dead(narrow)
            say(f"dead letters: {dead}; whole, so that they can be replayed: {whole}")
            if not whole:
                return
            if not yes:
                typer.confirm("Replay them?", abort=True)
            report = process.application.dead_letters.replay_all(narrow)
        say(f"replayed: {report.replayed}; failed again: {report.failed_again}; not tried yet: {report.left}")
        raise typer.Exit(EXIT_FAILURE if report.failed_again else 0)

    def _discard_dead_letter(
        self,
        digest: Annotated[str, typer.Argument(help="The digest, or its beginning.")],
        note: Annotated[str, typer.Option(help="Reason for discarding.")],
    ) -> None:
        """Discards a dead letter."""
        with self.process() as process:
            process.application.dead_letters.discard(_whole_digest(process, digest), note)
        console.print("discarded")


def _whole_digest(process: Process, beginning: str) -> str:
    """The digest that `dead-letter list` shows the beginning of; the text as it is when none or several fit."""
    letters = process.application.dead_letters.list(None, DEAD_LETTERS_SEARCHED)
    fitting = [letter.digest for letter in letters if letter.digest.startswith(beginning)]
    return fitting[0] if len(fitting) == 1 else beginning


def print_password_hash(
    password: Annotated[str, typer.Option(prompt=True, confirmation_prompt=True, hide_input=True)],
) -> None:
    """Asks for the operator password and prints its hash for OPERATOR_PASSWORD_HASH."""
    if len(password) < PASSWORD_LENGTH_MIN:
        raise refuse(f"--password: must have at least {PASSWORD_LENGTH_MIN} characters", EXIT_USAGE)
    console.print(hash_password(password), soft_wrap=True, highlight=False)
