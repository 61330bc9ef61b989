"""Reads `banks.yml`: who competes, how each bank is started, and what it may take of the machine."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from lab.prove.league.limits import BOUNDS, CPUS_BOUNDS, Limits
from lab.read.yaml_file import YamlReader, YamlRefused
from pix.scheme.errors import SchemeError
from pix.scheme.texts import check_bank_name

ENTRANTS_MAX: Final = 40
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
_EXAMPLE: Final = "name: Banco Serra"
_FIELDS: Final = ("banks", "limits")
_BANK_FIELDS: Final = ("name", "command", "folder", "students", "environment", "database")


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
    """The file's entrants and limits. A relative folder is one beside the file. Raises `YamlRefused`."""
    reader = _Reader(file)
    root = reader.root(reader.read())
    if root is None:
        raise YamlRefused(file, 1, "banks", "is missing: list at least one bank")
    return reader.entries(root)


class _Reader(YamlReader):
    def entries(self, root: yaml.Node) -> Entries:
        fields = self.fields(root, "", _FIELDS, _EXAMPLE)
        if "banks" not in fields:
            raise self.refused(root, "banks", "is missing: list at least one bank")
        entrants: list[Entrant] = []
        for number, node in enumerate(self.items(fields["banks"], "banks", ENTRANTS_MAX, "banks"), 1):
            entrant = self._entrant(node, f"banks[{number}]")
            if any(entrant.name == other.name for other in entrants):
                raise self.refused(node, f"banks[{number}].name", f"{entrant.name!r} stands twice")
            entrants.append(entrant)
        return Entries(entrants, self._limits(fields.get("limits")))

    def _entrant(self, node: yaml.Node, where: str) -> Entrant:
        fields = self.fields(node, where, _BANK_FIELDS, _EXAMPLE)
        for required in ("name", "command"):
            if required not in fields:
                raise self.refused(node, f"{where}.{required}", "is missing")
        return Entrant(
            name=self._name(fields["name"], f"{where}.name"),
            command=self._command(fields["command"], f"{where}.command"),
            folder=self._folder(fields.get("folder"), f"{where}.folder"),
            students=self.text(fields["students"], f"{where}.students") if "students" in fields else "",
            environment=self._environment(fields.get("environment"), f"{where}.environment"),
            wants_database=self._database(fields.get("database"), f"{where}.database"),
        )

    def _name(self, node: yaml.Node, where: str) -> str:
        try:
            return check_bank_name(self.text(node, where), "name")
        except SchemeError as error:
            raise self.refused(node, where, error.rule) from None

    def _command(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        if isinstance(node, yaml.SequenceNode):
            words = [self.text(word, where) for word in self.items(node, where, WORDS_MAX, "words")]
        else:
            try:
                words = shlex.split(self.text(node, where))
            except ValueError as error:
                raise self.refused(node, where, f"cannot be split into words: {error}") from None
        if not words or not words[0]:
            raise self.refused(node, where, "must name a program")
        if any("\0" in word for word in words):
            raise self.refused(node, where, "must not have a null character")
        return tuple(words)

    def _folder(self, node: yaml.Node | None, where: str) -> Path:
        beside = self.file.absolute().parent
        if node is None:
            return beside
        folder = beside / self.text(node, where)
        if not folder.is_dir():
            raise self.refused(node, where, f"{folder} is no folder")
        return folder

    def _environment(self, node: yaml.Node | None, where: str) -> Mapping[str, str]:
        if node is None:
            return {}
        found: dict[str, str] = {}
        for name, value in self.pairs(node, where, "LOG_LEVEL: warn"):
            if not _VARIABLE.fullmatch(name):
                raise self.refused(value, f"{where}.{name}", "must be named by capital letters, digits and _")
            if name in CONTRACT_VARIABLES:
                raise self.refused(value, f"{where}.{name}", "is set by the league")
            found[name] = self.text(value, f"{where}.{name}", may_be_empty=True)
        if len(found) > VARIABLES_MAX:
            raise self.refused(node, where, f"must have at most {VARIABLES_MAX} variables")
        return found

    def _database(self, node: yaml.Node | None, where: str) -> bool:
        if node is None:
            return False
        if self.text(node, where) != POSTGRESQL:
            raise self.refused(node, where, f"must be {POSTGRESQL}, or left out")
        return True

    def _limits(self, node: yaml.Node | None) -> Limits:
        if node is None:
            return Limits()
        found: dict[str, Any] = {}
        for name, value in self.fields(node, "limits", ("cpus", *BOUNDS), "memory_mb: 512").items():
            if name == "cpus":
                found[name] = self.number(value, "limits.cpus", *CPUS_BOUNDS)
            else:
                found[name] = self.whole_number(value, f"limits.{name}", *BOUNDS[name])
        return Limits(**found)
