"""The three banks of the tests, and the tax ids of their customers."""

from __future__ import annotations

from typing import Final

from bank_sim.domain.bank import BankIdentity

AURORA: Final = BankIdentity(code="001", ispb="00000001", name="Banco Aurora", color="#5b2a86")
IPE: Final = BankIdentity(code="002", ispb="00000002", name="Banco Ipê", color="#c98a00")
MARE: Final = BankIdentity(code="003", ispb="00000003", name="Banco Maré", color="#00798c")
BANKS: Final = (AURORA, IPE, MARE)

CPFS: Final = ("52998224725", "11144477735", "39053344705", "16899535009")
"""Valid ones, of persons."""
ANAS_CPF, BRUNOS_CPF, *_ = CPFS
