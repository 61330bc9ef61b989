"""Statements that PostgreSQL parses and plans once per connection: those that every transfer takes.

To plan one of them costs PostgreSQL more than to run it for a few rows, and at an ordinary pace a batch has a few rows.
psycopg2 prepares nothing by itself, so it is done in SQL. A list goes as the text of an array, which is one value to
parse instead of one for each element.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from pix.postgres.connections import FrugalConnection

SEPARATOR: Final = "; "
"""Between the statements of one round trip."""

_KNOWN: Final = "codepix_calls"
_UNTRIED: Final = "codepix_untried"
_TRIES: Final = "codepix_tries"
"""Where a connection keeps how its statements are called, the one that is being tried, and how many were."""
_PARAMETER: Final = re.compile(r"%\((\w+)\)s")
_NUMBERS: Final = {int, bool, type(None)}
_SETTINGS: Final = (
    # A plan for any value, since it is made once. It must not walk through a table: that may be small when it is made,
    # and a million rows long before the next statistics. In each transaction, for new statistics mean new plans.
    "SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; "
)


def call_of(driver: FrugalConnection, statement: str, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """What to send instead of a statement with `%(name)s` parameters, and its values; see `note_success`.

    The connection's first call also prepares. `statement` may be several, with `SEPARATOR` between them.
    """
    memory = driver.memory
    # What failed before is not what succeeds now.
    memory.pop(_UNTRIED, None)
    literals = {
        name: array_literal(value) if isinstance(value, list | tuple) else value for name, value in values.items()
    }
    settings = _SETTINGS if driver.is_first_in_transaction(_SETTINGS) else ""
    known: dict[str, str] = memory.setdefault(_KNOWN, {})
    if statement in known:
        return settings + known[statement], literals
    # A name of its own also for who failed: it is not known how far it came.
    memory[_TRIES] = number = memory.get(_TRIES, 0) + 1
    preparation, call = _written(statement, f"codepix_{number}")
    memory[_UNTRIED] = (statement, call)
    return preparation + settings + call, literals


def is_known(driver: FrugalConnection, statement: str) -> bool:
    """Whether the connection has it prepared."""
    return statement in driver.memory.get(_KNOWN, ())


def note_success(driver: FrugalConnection) -> None:
    """What was sent last has worked: what it prepared is there from now on."""
    untried = driver.memory.pop(_UNTRIED, None)
    if untried is not None:
        statement, call = untried
        driver.memory[_KNOWN][statement] = call


@lru_cache(maxsize=1_000)
def _written(statement: str, name: str) -> tuple[str, str]:
    """How it is prepared under the name, and how it is called."""
    preparations: list[str] = []
    calls: list[str] = []
    parts = statement.split(SEPARATOR)
    for number, part in enumerate(parts):
        names = list(dict.fromkeys(_PARAMETER.findall(part)))
        numbered = _PARAMETER.sub(_place_in(names), part)
        preparations.append(f"PREPARE {name}_{number} AS {numbered}; ")
        given = f" ({', '.join(f'%({each})s' for each in names)})" if names else ""
        calls.append(f"EXECUTE {name}_{number}{given}{SEPARATOR if number < len(parts) - 1 else ''}")
    return "".join(preparations), "".join(calls)


def _place_in(names: list[str]) -> Callable[[re.Match[str]], str]:
    return lambda match: f"${names.index(match[1]) + 1}"


def array_literal(values: Sequence[Any]) -> str:
    """The literal of an array of texts, numbers or truth values.

    A column of a batch is mostly all texts or all numbers; either is written as a whole, without a call per value.
    """
    kinds = set(map(type, values))
    if kinds <= _NUMBERS:
        return numbers_literal(values)
    if all(issubclass(kind, str) for kind in kinds):
        return texts_literal(values)
    return "{" + ",".join(["NULL" if value is None else _element(value) for value in values]) + "}"


def texts_literal(texts: Sequence[str]) -> str:
    """The literal of an array of any texts."""
    if not texts:
        return "{}"
    joined = '","'.join(texts)
    # With no more quotes than those between the texts there is none to escape.
    if "\\" in joined or joined.count('"') != 2 * (len(texts) - 1):
        return "{" + ",".join(map(quoted_element, texts)) + "}"
    return '{"' + joined + '"}'


def numbers_literal(numbers: Sequence[int | None]) -> str:
    """The literal of an array of numbers or truth values."""
    return "{" + repr(list(numbers))[1:-1].replace("None", "NULL") + "}"


def quoted_element(words: str) -> str:
    """Any text as an element of an array's literal."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _element(value: str | int) -> str:
    return quoted_element(value) if isinstance(value, str) else str(value)
