"""Which txid goes with which initiation, and what an older version says nothing of."""

from __future__ import annotations

import pytest

from pix.scheme.errors import SchemeError
from pix.scheme.initiation import Initiation, check_txid, is_same_initiation, static_txid


@pytest.mark.parametrize(
    ("initiation", "txid"),
    [
        (Initiation.MANU, ""),
        (Initiation.DICT, ""),
        (Initiation.QRES, ""),
        (Initiation.QRES, "a"),
        (Initiation.QRES, "Pedido0042" + "x" * 15),
        (Initiation.QRDN, "7" * 26),
        (Initiation.QRDN, "aB3" + "z" * 32),
    ],
)
def test_a_txid_that_fits(initiation: Initiation, txid: str) -> None:
    assert check_txid(txid, initiation) == txid


@pytest.mark.parametrize(
    ("initiation", "txid"),
    [
        (Initiation.MANU, "a"),
        (Initiation.DICT, "a"),
        (Initiation.QRES, "x" * 26),
        (Initiation.QRES, "***"),
        (Initiation.QRES, "pedido-42"),
        (Initiation.QRES, "pedidó"),
        (Initiation.QRDN, ""),
        (Initiation.QRDN, "x" * 25),
        (Initiation.QRDN, "x" * 36),
        (Initiation.QRDN, "x" * 25 + " "),
    ],
)
def test_a_txid_that_does_not_fit_names_the_field(initiation: Initiation, txid: str) -> None:
    with pytest.raises(SchemeError) as refusal:
        check_txid(txid, initiation)
    assert refusal.value.field == "txid"


def test_a_code_with_a_txid_of_no_scheme_is_paid_without_it() -> None:
    assert static_txid("Pedido42") == "Pedido42"
    assert [static_txid(text) for text in (None, "", "***", "pedido-42", "x" * 26)] == [""] * 5


def test_a_version_without_the_fields_differs_from_nothing() -> None:
    code, older = (Initiation.QRES, "Pedido42"), (Initiation.DICT, "")
    assert is_same_initiation(*code, *code)
    assert is_same_initiation(*code, *older) and is_same_initiation(*older, *code)
    assert not is_same_initiation(*code, Initiation.QRES, "Pedido43")
    assert not is_same_initiation(*code, Initiation.QRDN, "Pedido42")
