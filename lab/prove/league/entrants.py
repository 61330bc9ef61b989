"""Reads `banks.yml`: who competes, how each bank is started, and what it may take of the machine."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from lab.prove.league.limits import BOUNDS, Limits
from pix.scheme.errors import SchemeError
from pix.scheme.texts import check_bank_name

FILE_BYTES_MAX: Final = 64 * 1024
ENTRANTS_MAX: Final = 40
TEXT_LENGTH_MAX: Final = 1_000
WORDS_MAX: Final = 100
VARIABLES_MAX: Final = 50
CONTRACT_VARIABLES: Final = (
    "BANK_CODE",
    "BANK_ISPB",
    "BANK_NAME",
    "BANK_SECRET",
    "HUB_GRPC_ADDRESS",
    "KAFKA_BOOTSTRAP_SERVERS",
    "HTTP_HOST",
    "HTTP_PORT",
    "DATA_DIR",
    "DATABASE_URL",
)
"""The league sets these; `docs/bank-contract.md` says what they are."""
POSTGRESQL: Final = "postgresql"
OWN_BANK: Final = "ours"
"""The command that stands for CodePix's own bank."""
_VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_FIELDS: Final = ("banks", "limits")
_BANK_FIELDS: Final = ("name", "command", "folder", "students", "environment", "database")


class EntryRefused(Exception):
    """A line of `banks.yml` cannot be; the text names file, line, field and rule."""

    def __init__(self, file: Path, line: int, field_name: str, rule: str) -> None:
        self.field = field_name
        self.rule = rule
        where = f"{file}, line {line}" if line else str(file)
        super().__init__(f"{where}: {field_name}: {rule}" if field_name else f"{where}: {rule}")


@dataclass(frozen=True, slots=True)
class Entrant:
    name: str
    command: tuple[str, ...]
    folder: Path
    """Where the command runs."""
    students: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside the variables of the bank contract."""
    wants_database: bool = False

    @property
    def is_ours(self) -> bool:
        return self.command == (OWN_BANK,)

    @property
    def has_database(self) -> bool:
        """Whether it gets a PostgreSQL database, as `DATABASE_URL`."""
        return self.wants_database or self.is_ours

    @property
    def program(self) -> Sequence[str]:
        """What is run."""
        return [sys.executable, "-P", "-m", "bank_sim", "serve", "--migrate"] if self.is_ours else self.command


@dataclass(frozen=True, slots=True)
class Entries:
    entrants: Sequence[Entrant]
    limits: Limits


def read_entries(file: Path) -> Entries:
    """The file's entrants and limits. A relative folder is one beside the file. Raises `EntryRefused`."""
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
        text = content.decode()
    except OSError as error:
        raise EntryRefused(file, 0, "", f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise EntryRefused(file, 0, "", "must be UTF-8 text") from None
    if len(content) > FILE_BYTES_MAX:
        raise EntryRefused(file, 0, "", f"must have at most {FILE_BYTES_MAX // 1024} KiB")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise EntryRefused(file, line, "", f"is no YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise EntryRefused(file, 0, "", f"is no YAML: {str(error).splitlines()[0]}") from None
    if root is None:
        raise EntryRefused(file, 1, "banks", "is missing: list at least one bank")
    return _Reader(file).entries(root)


class _Reader:
    def __init__(self, file: Path) -> None:
        self._file = file

    def entries(self, root: yaml.Node) -> Entries:
        fields = self._fields(root, "", _FIELDS)
        if "banks" not in fields:
            raise self._refused(root, "banks", "is missing: list at least one bank")
        banks = fields["banks"]
        if not isinstance(banks, yaml.SequenceNode) or not banks.value:
            raise self._refused(banks, "banks", "must be a list of at least one bank")
        if len(banks.value) > ENTRANTS_MAX:
            raise self._refused(banks, "banks", f"must have at most {ENTRANTS_MAX} banks")
        entrants: list[Entrant] = []
        for number, node in enumerate(banks.value, 1):
            entrant = self._entrant(node, f"banks[{number}]")
            if any(entrant.name == other.name for other in entrants):
                raise self._refused(node, f"banks[{number}].name", f"{entrant.name!r} stands twice")
            entrants.append(entrant)
        return Entries(entrants, self._limits(fields.get("limits")))

    def _entrant(self, node: yaml.Node, where: str) -> Entrant:
        fields = self._fields(node, where, _BANK_FIELDS)
        for required in ("name", "command"):
            if required not in fields:
                raise self._refused(node, f"{where}.{required}", "is missing")
        return Entrant(
            name=self._name(fields["name"], f"{where}.name"),
            command=self._command(fields["command"], f"{where}.command"),
            folder=self._folder(fields.get("folder"), f"{where}.folder"),
            students=self._text(fields["students"], f"{where}.students") if "students" in fields else "",
            environment=self._environment(fields.get("environment"), f"{where}.environment"),
            wants_database=self._database(fields.get("database"), f"{where}.database"),
        )

    def _name(self, node: yaml.Node, where: str) -> str:
        try:
            return check_bank_name(self._text(node, where), "name")
        except SchemeError as error:
            raise self._refused(node, where, error.rule) from None

    def _command(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        if isinstance(node, yaml.SequenceNode):
            if len(node.value) > WORDS_MAX:
                raise self._refused(node, where, f"must have at most {WORDS_MAX} words")
            words = [self._text(word, where) for word in node.value]
        else:
            try:
                words = shlex.split(self._text(node, where))
            except ValueError as error:
                raise self._refused(node, where, f"cannot be split into words: {error}") from None
        if not words or not words[0]:
            raise self._refused(node, where, "must name a program")
        if any("\0" in word for word in words):
            raise self._refused(node, where, "must not have a null character")
        return tuple(words)

    def _folder(self, node: yaml.Node | None, where: str) -> Path:
        beside = self._file.absolute().parent
        if node is None:
            return beside
        folder = beside / self._text(node, where)
        if not folder.is_dir():
            raise self._refused(node, where, f"{folder} is no folder")
        return folder

    def _environment(self, node: yaml.Node | None, where: str) -> Mapping[str, str]:
        if node is None:
            return {}
        found: dict[str, str] = {}
        for name, value in self._pairs(node, where):
            if not _VARIABLE.fullmatch(name):
                raise self._refused(value, f"{where}.{name}", "must be named by capital letters, digits and _")
            if name in CONTRACT_VARIABLES:
                raise self._refused(value, f"{where}.{name}", "is set by the league")
            found[name] = self._text(value, f"{where}.{name}", may_be_empty=True)
        if len(found) > VARIABLES_MAX:
            raise self._refused(node, where, f"must have at most {VARIABLES_MAX} variables")
        return found

    def _database(self, node: yaml.Node | None, where: str) -> bool:
        if node is None:
            return False
        if self._text(node, where) != POSTGRESQL:
            raise self._refused(node, where, f"must be {POSTGRESQL}, or left out")
        return True

    def _limits(self, node: yaml.Node | None) -> Limits:
        if node is None:
            return Limits()
        found: dict[str, Any] = {}
        for name, value in self._fields(node, "limits", tuple(BOUNDS)).items():
            least, most = BOUNDS[name]
            is_whole = name != "cpus"
            try:
                text = self._text(value, f"limits.{name}")
                number = int(text) if is_whole else float(text)
            except ValueError:
                number = float("nan")
            # Not a number is in no range.
            if not least <= number <= most:
                kind = "a whole number" if is_whole else "a number"
                raise self._refused(value, f"limits.{name}", f"must be {kind} from {least:g} to {most:g}")
            found[name] = number
        return Limits(**found)

    def _fields(self, node: yaml.Node, where: str, known: Sequence[str]) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for name, value in self._pairs(node, where):
            path = f"{where}.{name}" if where else name
            if name not in known:
                raise self._refused(value, path, f"is unknown; choose from {', '.join(known)}")
            if name in found:
                raise self._refused(value, path, "stands twice")
            found[name] = value
        return found

    def _pairs(self, node: yaml.Node, where: str) -> Iterator[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self._refused(node, where or "banks", "must be fields with values, such as name: Banco Serra")
        for key, value in node.value:
            yield self._text(key, where or "banks"), value

    def _text(self, node: yaml.Node, where: str, *, may_be_empty: bool = False) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._refused(node, where, "must be one value")
        text = str(node.value).strip()
        if not text and not may_be_empty:
            raise self._refused(node, where, "must not be empty")
        if len(text) > TEXT_LENGTH_MAX:
            raise self._refused(node, where, f"must have at most {TEXT_LENGTH_MAX} characters")
        return text

    def _refused(self, node: yaml.Node, where: str, rule: str) -> EntryRefused:
        return EntryRefused(self._file, node.start_mark.line + 1, where, rule)
