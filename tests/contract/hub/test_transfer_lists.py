"""Transfers on every store, as people look for them and as figures sum them up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.application.ports import KeyFilter, Latency, TransferFilter, UnitsOfWork
from hub.domain.flows.transfer.model import TransferStatus
from pix.scheme.initiation import Initiation
from pix.scheme.reasons import ReasonCode
from pix.scheme.searching import fold
from tests.contract.hub.stored_transfers import add, numbered
from tests.support.hub_builders import (
    ANA,
    AURORA,
    BIA,
    BIAS_KEY,
    CAIO,
    CAIOS_KEY,
    IPE,
    MARE,
    NOW_MS,
    completed,
    confirmed,
    e2e,
    failed_at_once,
    key_entry,
    transfer,
)


def test_a_list_is_newest_first_and_pages_through_equal_times(with_banks: UnitsOfWork) -> None:
    add(with_banks, *(replace(numbered(number), received_at_ms=NOW_MS + number // 3) for number in range(8)))
    seen: list[str] = []
    before = None
    with with_banks() as unit:
        while page := unit.transfers.search(TransferFilter(before=before, size=3)).rows:
            seen += [each.end_to_end_id for each in page]
            before = (page[-1].received_at_ms, page[-1].end_to_end_id)
    assert seen == [e2e(number) for number in reversed(range(8))]


def test_a_list_is_narrowed(with_banks: UnitsOfWork) -> None:
    within = replace(numbered(2), payee=CAIO, payee_key=CAIOS_KEY, initiation=Initiation.QRES, txid="Pedido42")
    unresolved = replace(failed_at_once(ReasonCode.AC03), end_to_end_id=e2e(3), payee=None, received_at_ms=NOW_MS + 3)
    closed = replace(completed(), end_to_end_id=e2e(4), received_at_ms=NOW_MS + 4)
    add(with_banks, numbered(1), within, unresolved, closed)

    def ids(narrow: TransferFilter) -> list[str]:
        with with_banks() as unit:
            return [each.end_to_end_id for each in unit.transfers.search(narrow).rows]

    assert ids(TransferFilter(ispb=AURORA)) == [e2e(4), e2e(3), e2e(2), e2e(1)]
    assert ids(TransferFilter(ispb=IPE)) == [e2e(4), e2e(1)]
    assert ids(TransferFilter(ispb=MARE)) == []
    assert ids(TransferFilter(status=TransferStatus.PENDING)) == [e2e(2), e2e(1)]
    assert ids(TransferFilter(open_only=True)) == [e2e(3), e2e(2), e2e(1)]
    assert ids(TransferFilter(ispb=IPE, status=TransferStatus.COMPLETED)) == [e2e(4)]
    assert ids(TransferFilter(id_part=e2e(3))) == [e2e(3)]
    assert ids(TransferFilter(id_part=e2e(3)[-4:])) == [e2e(3)]
    assert ids(TransferFilter(id_part="e0000")) == [], "an end-to-end id has its case"
    assert ids(TransferFilter(id_part="%")) == []
    assert ids(TransferFilter(key=CAIOS_KEY.key)) == [e2e(2)]
    assert ids(TransferFilter(key_beginnings=("no such", CAIOS_KEY.key[:-2]))) == [e2e(2)]
    assert ids(TransferFilter(key_beginnings=("no such",))) == []
    assert ids(TransferFilter(txid="Pedido42")) == [e2e(2)]
    assert ids(TransferFilter(txid="pedido42")) == [], "a txid has its case"
    assert ids(TransferFilter(reason=ReasonCode.AC03)) == [e2e(3)]
    assert ids(TransferFilter(amount_centavos=transfer().amount_centavos, status=TransferStatus.COMPLETED)) == [e2e(4)]
    assert ids(TransferFilter(amount_centavos=0)) == []
    assert ids(TransferFilter(received_from_ms=NOW_MS + 2, received_before_ms=NOW_MS + 4)) == [e2e(3), e2e(2)]


def test_a_search_looks_at_so_many_and_says_where_it_ended(with_banks: UnitsOfWork) -> None:
    oldest = replace(completed(), end_to_end_id=e2e(90), received_at_ms=NOW_MS - 5)
    add(with_banks, *(numbered(number) for number in range(1, 7)), oldest)

    def search(**narrow: Any) -> tuple[list[str], tuple[int, str] | None]:
        with with_banks() as unit:
            found = unit.transfers.search(TransferFilter(**narrow))
            return [each.end_to_end_id for each in found.rows], found.cut_at

    looking_for = {"status": TransferStatus.COMPLETED, "examined_max": 3}
    assert search(**looking_for) == ([], (NOW_MS + 4, e2e(4)))
    assert search(**looking_for, before=(NOW_MS + 4, e2e(4))) == ([], (NOW_MS + 1, e2e(1)))
    assert search(status=TransferStatus.COMPLETED) == ([e2e(90)], None)
    assert search(status=TransferStatus.PENDING, examined_max=3, size=2) == ([e2e(6), e2e(5)], None), "the page is full"
    assert search(examined_max=3, size=9)[1] is None, "who looks for nothing finds all"


@pytest.mark.parametrize("name", ["kátia", "KATIA Conceição", "Katia", "Łucja Čapek", "ÁÉÍÓÚ ñ"])
def test_names_are_found_without_accents_and_case(with_banks: UnitsOfWork, name: str) -> None:
    named = replace(numbered(1), payer=replace(ANA, name=name))
    add(with_banks, named, numbered(2))
    with with_banks() as unit:
        unit.keys.add([key_entry(BIAS_KEY, replace(BIA, name=name)), key_entry(CAIOS_KEY, CAIO)])
        assert unit.transfers.search(TransferFilter(name_part=fold(name))).rows == [named]
        assert [each.holder_name for each in unit.keys.search(KeyFilter(holder_part=fold(name))).rows] == [name]
        assert unit.transfers.search(TransferFilter(name_part="nobody")).rows == []


def test_latencies_are_told_by_steps_of_time(with_banks: UnitsOfWork) -> None:
    took = [(0, 50), (1, 10), (2, 30), (3, 20), (15, 900), (29, 40)]
    add(
        with_banks,
        *(
            replace(completed(), end_to_end_id=e2e(number), received_at_ms=NOW_MS + at, closed_at_ms=NOW_MS + at + ms)
            for number, (at, ms) in enumerate(took, start=10)
        ),
        numbered(4),
    )
    with with_banks() as unit:
        assert unit.transfers.latencies(NOW_MS, NOW_MS + 30, 10, 100) == [
            Latency(NOW_MS, 4, 20, 50),
            Latency(NOW_MS + 10, 1, 900, 900),
            Latency(NOW_MS + 20, 1, 40, 40),
        ]
        assert unit.transfers.latencies(NOW_MS, NOW_MS + 10, 10, 3) == [Latency(NOW_MS, 2, 20, 30)], "the newest three"
        assert unit.transfers.latencies(NOW_MS + 30, NOW_MS + 60, 10, 100) == []


def test_the_oldest_offers_tell_who_leaves_them_without_an_answer(with_banks: UnitsOfWork) -> None:
    to_aurora = replace(numbered(5), payee=CAIO, payee_key=CAIOS_KEY)
    add(with_banks, numbered(3), numbered(4), to_aurora, replace(confirmed(), end_to_end_id=e2e(1)))
    with with_banks() as unit:
        assert unit.transfers.oldest_offers(10) == {IPE: NOW_MS + 3, AURORA: NOW_MS + 5}
        assert unit.transfers.oldest_offers(2) == {IPE: NOW_MS + 3}
