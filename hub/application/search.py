"""One search for everything: ids, keys as pages show them, names, amounts and banks. Each part has a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from hub.application.ports import KeyFilter, TransferFilter, UnitOfWork
from hub.application.ports.returns import ReturnFilter, returns_of
from hub.application.queries import Queries
from hub.application.returns import search_returns
from hub.domain.bank import Bank
from hub.domain.directory import KeyEntry
from hub.domain.flows.returns.model import Return
from hub.domain.flows.transfer.model import Transfer
from pix.scheme.errors import SchemeError
from pix.scheme.ids import END_TO_END_ID_LENGTH
from pix.scheme.key_search import key_beginnings
from pix.scheme.money import parse_brl
from pix.scheme.searching import fold

TEXT_LENGTH_MAX: Final = 80
SHOWN_MAX: Final = 8
"""Of each sort of find; a link leads to the rest."""
ID_PART_LENGTH_MIN: Final = 4
"""A shorter text is in too many ids to be meant as a part of one."""
NAME_LENGTH_MIN: Final = 2
EXAMINED_MAX: Final = 50_000
"""No more of the newest transfers are looked at for each sort."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a text may mean; several at once: `001` is a bank and an amount."""

    text: str
    id_part: str = ""
    beginnings: tuple[str, ...] = ()
    """Of a key in its stored form."""
    name: str = ""
    """Folded."""
    amount_centavos: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Transfers that were found in one way."""

    way: str
    """`id`, `amount`, `key` or `name`: also the parameter of the list of transfers that finds the rest."""
    transfers: Sequence[Transfer]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Hits:
    wanted: Wanted
    banks: Sequence[Bank]
    keys: Sequence[KeyEntry]
    has_more_keys: bool
    groups: Sequence[Group]
    """Without empty ones."""
    returns: Sequence[Return]

    @property
    def is_empty(self) -> bool:
        return not (self.banks or self.keys or self.groups or self.returns)


def read_text(text: str) -> Wanted:
    """What the text may mean. Pure."""
    text = " ".join(text.split())[:TEXT_LENGTH_MAX]
    if not text:
        return Wanted("")
    try:
        amount_centavos = parse_brl(text)
    except SchemeError:
        amount_centavos = None
    is_id_part = text.isascii() and text.isalnum() and ID_PART_LENGTH_MIN <= len(text) <= END_TO_END_ID_LENGTH
    has_letters = any(character.isalpha() for character in text)
    return Wanted(
        text,
        id_part=text if is_id_part else "",
        beginnings=key_beginnings(text),
        name=fold(text) if has_letters and len(text) >= NAME_LENGTH_MIN else "",
        amount_centavos=amount_centavos or None,
    )


def search_network(queries: Queries, text: str) -> Hits:
    """Everything that the text may mean, newest first; at most `SHOWN_MAX` of each sort. Raises DatabaseUnavailable."""
    wanted = read_text(text)
    if not wanted.text:
        return Hits(wanted, (), (), False, (), ())
    if len(wanted.id_part) == END_TO_END_ID_LENGTH:
        hits = queries.read(lambda unit: _of_whole_id(unit, wanted))
        if not hits.is_empty:
            return hits
    keys = _keys(queries, wanted)
    # One more than is shown tells whether there are more.
    every = TransferFilter(size=SHOWN_MAX + 1, examined_max=EXAMINED_MAX)
    ways = {
        "id": replace(every, id_part=wanted.id_part),
        "amount": replace(every, amount_centavos=wanted.amount_centavos),
        "key": replace(every, key_beginnings=wanted.beginnings),
        "name": replace(every, name_part=wanted.name),
    }
    groups = [_group(queries, way, narrow) for way, narrow in ways.items() if narrow != every]
    return Hits(
        wanted,
        [bank for bank in queries.list_banks() if _is_meant(bank, wanted.text)],
        keys[:SHOWN_MAX],
        len(keys) > SHOWN_MAX,
        [group for group in groups if group.transfers],
        _returns(queries, wanted),
    )


def _of_whole_id(unit: UnitOfWork, wanted: Wanted) -> Hits:
    """The transfer or the return of this id, if there is one: then nothing else is meant, and nothing is searched."""
    transfers = unit.transfers.find_many([wanted.id_part])
    found = returns_of(unit).find(wanted.id_part)
    groups = [Group("id", transfers, has_more=False)] if transfers else []
    return Hits(wanted, (), (), False, groups, [] if found is None else [found[0]])


def _is_meant(bank: Bank, text: str) -> bool:
    return text in (bank.code, bank.ispb) or (len(text) >= NAME_LENGTH_MIN and fold(text) in fold(bank.name))


def _group(queries: Queries, way: str, narrow: TransferFilter) -> Group:
    found = queries.list_transfers(narrow)
    return Group(way, found[:SHOWN_MAX], len(found) > SHOWN_MAX)


def _keys(queries: Queries, wanted: Wanted) -> list[KeyEntry]:
    found: dict[object, KeyEntry] = {}
    filters = [KeyFilter(beginnings=wanted.beginnings, size=SHOWN_MAX + 1)]
    if wanted.name:
        filters.append(KeyFilter(holder_part=wanted.name, size=SHOWN_MAX + 1))
    for narrow in filters:
        found |= {entry.key: entry for entry in queries.search_keys(narrow).rows}
    return list(found.values())


def _returns(queries: Queries, wanted: Wanted) -> list[Return]:
    found: dict[str, Return] = {}
    filters = []
    if wanted.id_part:
        filters.append(ReturnFilter(id_part=wanted.id_part, size=SHOWN_MAX))
    if len(wanted.id_part) == END_TO_END_ID_LENGTH:
        filters.append(ReturnFilter(original_end_to_end_id=wanted.id_part, size=SHOWN_MAX))
    if wanted.amount_centavos is not None:
        filters.append(ReturnFilter(amount_centavos=wanted.amount_centavos, size=SHOWN_MAX))
    for narrow in filters:
        rows = queries.read(lambda unit, narrow=narrow: search_returns(unit, narrow).rows)  # type: ignore[misc]
        found |= {row.return_id: row for row in rows}
    return list(found.values())[:SHOWN_MAX]
