"""Who is paid by bank, branch and account (MANU): the payer types all of it, and no directory is asked."""

from __future__ import annotations

from bank_sim.application.ports import UnitsOfWork
from bank_sim.domain.account import Payee
from bank_sim.domain.bank import Participant
from pix.scheme.errors import SchemeError
from pix.scheme.features import Feature
from pix.scheme.ids import check_account_number, check_branch
from pix.scheme.people import check_person_name, check_tax_id, mask_tax_id


class ReadTypedPayee:
    """Checks what can be known without the payee's bank: that bank alone knows account and tax id (AC03, BE01)."""

    def __init__(self, units: UnitsOfWork) -> None:
        self._units = units

    def __call__(self, *, bank: str, branch: str, account_number: str, name: str, tax_id: str) -> Payee:
        """`bank` is a code of three digits or an ISPB. Works while the hub is down.

        Raises SchemeError(field="payee.bank" | "payee.branch" | "payee.account_number" | "payee.name" |
        "payee.tax_id").
        """
        try:
            participant = self._participant(bank.strip())
            branch = check_branch(branch.strip())
            account_number = check_account_number(account_number.strip())
            name = check_person_name(name)
            holder_kind, stored_tax_id = check_tax_id(tax_id)
        except SchemeError as error:
            raise SchemeError(f"payee.{error.field}", error.rule) from None
        return Payee(
            key=None,
            name=name,
            tax_id_masked=mask_tax_id(stored_tax_id),
            holder_kind=holder_kind,
            ispb=participant.ispb,
            bank_code=participant.code,
            bank_name=participant.name,
            branch=branch,
            account_number=account_number,
            tax_id=stored_tax_id,
        )

    def banks(self) -> list[Participant]:
        """The banks that understand such a transfer, by code."""
        with self._units() as unit:
            participants = unit.switches.participants().values()
        return [each for each in participants if each.active and Feature.MANU in each.features]

    def _participant(self, bank: str) -> Participant:
        with self._units() as unit:
            participants = unit.switches.participants().values()
        found = next((each for each in participants if bank in (each.code, each.ispb)), None)
        if found is None:
            raise SchemeError("bank", "No bank of the network has this code.")
        if Feature.MANU not in found.features:
            # The hub would refuse it with AG12, and the customer would wait for the refund.
            raise SchemeError("bank", "This bank can't be paid by bank details yet. Use a Pix key.")
        return found
