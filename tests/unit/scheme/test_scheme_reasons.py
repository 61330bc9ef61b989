"""Reason codes: a sentence for each, and who may give it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix.scheme.errors import SchemeError
from pix.scheme.reasons import (
    HUB_REASONS,
    PAYEE_BANK_REASONS,
    REASONS,
    ReasonCode,
    check_payee_bank_reason,
    reason_of,
    returns,
)


def test_the_hub_and_the_payees_bank_give_their_codes_and_share_three() -> None:
    assert {
        *("AB03", "AC03", "AG12", "AM02", "AM04", "AM09", "BE01", "CH16", "DS27", "DUPL", "FF08", "RC09", "RC10"),
    } == HUB_REASONS
    assert {"AC03", "AC06", "AC07", "AC14", "AM09", "BE01", "BE17", "ED05", "RR04", "SL02"} == PAYEE_BANK_REASONS


def test_a_return_has_reasons_of_its_own() -> None:
    assert {"MD06", "BE08", "FR01"} == returns.RETURN_REASONS
    assert {
        *("AB11", "AG12", "AG13", "AM04", "AM09", "CH16", "DS27", "DT05", "DUPL", "FF08"),
    } == returns.HUB_REASONS
    assert {"AC06", "AC07", "ED05"} == returns.PAYER_BANK_REASONS
    assert frozenset(ReasonCode) - frozenset(returns.REASONS) - HUB_REASONS - PAYEE_BANK_REASONS == frozenset()


def test_a_code_means_in_a_return_what_it_means_there() -> None:
    assert reason_of(ReasonCode.AM04, "return").sentence_en.startswith("The payee's bank")
    assert reason_of(ReasonCode.AM04, "transfer").sentence_en.startswith("The payer's bank")
    assert reason_of(ReasonCode.MD06, "transfer") is reason_of(ReasonCode.MD06, "return")


def test_every_code_has_its_own_sentence_in_both_languages() -> None:
    assert set(REASONS) == set(ReasonCode)
    for code, reason in REASONS.items():
        assert reason.code is code
        for sentence in (reason.sentence_en, reason.sentence_pt):
            assert sentence[0].isupper() and sentence.endswith(".")
            assert code not in sentence
    assert len({reason.sentence_en for reason in REASONS.values()}) == len(REASONS)
    assert len({reason.sentence_pt for reason in REASONS.values()}) == len(REASONS)


@pytest.mark.parametrize("code", sorted(PAYEE_BANK_REASONS))
def test_a_payees_bank_gives_its_codes(code: ReasonCode) -> None:
    assert check_payee_bank_reason(str(code)) is code


@pytest.mark.parametrize("text", [*sorted(frozenset(ReasonCode) - PAYEE_BANK_REASONS), "", "ac03", "AC03 ", "XX99"])
def test_a_payees_bank_gives_no_other(text: str) -> None:
    with pytest.raises(SchemeError) as caught:
        check_payee_bank_reason(text)
    assert caught.value.field == "reason"


@given(st.text())
def test_garbage_is_no_reason(text: str) -> None:
    try:
        assert check_payee_bank_reason(text) in PAYEE_BANK_REASONS
    except SchemeError as error:
        assert error.field == "reason"
