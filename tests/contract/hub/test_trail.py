"""The operators' audit trail, on every store: written with the act, or not at all."""

from __future__ import annotations

import pytest

from hub.application.ports import UnitsOfWork
from hub.application.ports.trail import TrailFilter
from hub.domain.trail import Act, Author, Channel, TrailEntry, entry
from tests.support.hub_builders import NOW_MS

BY = Author(Channel.CONSOLE, "Zoë “Z”", "127.0.0.1")


def acts(units: UnitsOfWork, **narrow: object) -> list[Act]:
    with units() as unit:
        return [each.act for each in unit.trail.list(TrailFilter(**narrow))]  # type: ignore[arg-type]


@pytest.fixture
def before(with_banks: UnitsOfWork) -> int:
    """The number of the last entry of the network's set-up."""
    with with_banks() as unit:
        return max((each.number for each in unit.trail.list(TrailFilter())), default=0)


def test_what_operators_did_is_listed_newest_first(with_banks: UnitsOfWork, before: int) -> None:
    with with_banks() as unit:
        unit.trail.add(entry(NOW_MS, Act.FUNDED, BY, code="001", subject="f", amount_centavos=-5, detail="x" * 900))
        unit.trail.add(entry(NOW_MS, Act.BANK_SUSPENDED, BY, code="002"))
        unit.trail.add(entry(NOW_MS + 1, Act.LETTER_DISCARDED, BY, subject="d", detail="not ours"))
        unit.commit()
    with with_banks() as unit:
        third, second, first = unit.trail.list(TrailFilter(size=3))
    assert first == TrailEntry(NOW_MS, Act.FUNDED, BY, "001", "f", -5, "x" * 200, first.number)
    assert before < first.number < second.number < third.number
    assert acts(with_banks, code="002")[:1] == [Act.BANK_SUSPENDED]
    assert acts(with_banks, act=Act.LETTER_DISCARDED) == [Act.LETTER_DISCARDED]
    assert acts(with_banks, before=third.number, size=2) == [Act.BANK_SUSPENDED, Act.FUNDED]
    assert acts(with_banks, code="\x00") == []


def test_an_act_that_is_not_committed_leaves_no_entry(with_banks: UnitsOfWork, before: int) -> None:
    with with_banks() as unit:
        unit.trail.add(entry(NOW_MS, Act.BANK_RESUMED, BY, code="001"))
    assert acts(with_banks, act=Act.BANK_RESUMED) == []
