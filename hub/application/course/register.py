"""The operator registers course banks and their accounts, and clears what is owed."""

from __future__ import annotations

import secrets
from dataclasses import replace
from uuid import uuid4

from hub.application.admit_banks import AddBank, JoinNetwork
from hub.application.course.ports import CourseUnits
from hub.application.ports import UnitsOfWork
from hub.domain.bank import Bank
from hub.domain.course.model import CourseAccount, CourseBank, Edition, Leg, LegKind, LegState, move
from hub.domain.errors import HubError
from pix.runtime.clock import SchemeClock
from pix.scheme.course import COURSE_CODES, is_course_id
from pix.scheme.errors import SchemeError
from pix.scheme.ids import check_account_number, check_branch, ispb_of_code
from pix.scheme.people import check_person_name, check_tax_id, mask_tax_id
from pix.scheme.texts import check_line

SECRET_BYTES = 24
GROUP_LENGTH_MAX = 100
NOTE_LENGTH_MAX = 200
BRANCH_DEFAULT = "0001"
TAX_ID_MASKED_UNKNOWN = "***.000.000-**"
"""The course knows no CPF of its customers: what others are shown when the operator gives none."""
COLOR_DEFAULT = "#5a6472"


class CourseLegNotFound(HubError):
    """No leg has this id, or nothing is owed of it."""


def group_of(code: str) -> str:
    """The consumer group that a course bank of 2023 has unless its settings say otherwise."""
    return f"nest_bank_{code}-server"


class AddCourseBank:
    def __init__(
        self,
        units: CourseUnits,
        hub_units: UnitsOfWork,
        add_bank: AddBank,
        join_network: JoinNetwork,
    ) -> None:
        self._units = units
        self._hub_units = hub_units
        self._add_bank = add_bank
        self._join_network = join_network

    def __call__(
        self,
        *,
        code: str,
        name: str,
        edition: Edition = Edition.Y2023,
        group: str = "",
        color: str = COLOR_DEFAULT,
        url: str = "",
        settlement_funds_centavos: int = 0,
    ) -> CourseBank:
        """Repeating it changes name, edition and group; the settlement funds are put in when the bank is new.

        Raises SchemeError, also when the code belongs to a bank that speaks the protocol.
        """
        if code not in COURSE_CODES:
            raise SchemeError("code", f"must be {' or '.join(COURSE_CODES)}: a course bank reads no other topics")
        group = check_line(group, "group", 0, GROUP_LENGTH_MAX) or group_of(code)
        ispb = ispb_of_code(code)
        with self._hub_units() as unit:
            known = unit.banks.all().get(ispb)
        with self._units() as unit_of_course:
            known_course_bank = unit_of_course.course.banks().get(ispb)
        if known is not None and known_course_bank is None:
            raise SchemeError("code", f"belongs to {known.name}, which speaks the protocol and not the course's wire")
        bank = known or self._new(code, name, color, settlement_funds_centavos)
        self._join_network(
            ispb=bank.ispb, code=bank.code, name=name, color=color, url=url, version=f"course {edition}", features=()
        )
        bank_id = str(uuid4()) if known_course_bank is None else known_course_bank.bank_id
        course_bank = CourseBank(bank.ispb, bank.code, edition, group, bank_id)
        with self._units() as unit_of_course:
            unit_of_course.lock()
            unit_of_course.course.add_bank(course_bank)
            unit_of_course.commit()
        return course_bank

    def _new(self, code: str, name: str, color: str, settlement_funds_centavos: int) -> Bank:
        return self._add_bank(
            code=code,
            name=name,
            color=color,
            # The adapter signs with what is derived from it; no other process needs it.
            secret=secrets.token_urlsafe(SECRET_BYTES),
            settlement_funds_centavos=settlement_funds_centavos,
        )


class AddCourseAccount:
    def __init__(self, units: CourseUnits, scheme_clock: SchemeClock) -> None:
        self._units = units
        self._scheme_clock = scheme_clock

    def __call__(
        self,
        *,
        code: str,
        account_id: str,
        number: str,
        owner_name: str,
        branch: str = BRANCH_DEFAULT,
        tax_id: str = "",
    ) -> CourseAccount:
        """Repeating it with the same content changes nothing. Raises SchemeError."""
        if not is_course_id(account_id):
            raise SchemeError("account_id", "must be a UUID of version 4 in small letters")
        account = CourseAccount(
            account_id=account_id,
            ispb=ispb_of_code(code),
            branch=check_branch(branch),
            number=check_account_number(number),
            owner_name=check_person_name(owner_name, "owner_name"),
            tax_id_masked=mask_tax_id(check_tax_id(tax_id)[1]) if tax_id else TAX_ID_MASKED_UNKNOWN,
            created_at_ms=self._scheme_clock.now_ms(),
        )
        with self._units() as unit:
            unit.lock()
            if account.ispb not in unit.course.banks():
                raise SchemeError("code", "no course bank has this code")
            known = unit.course.account(account_id)
            if known is not None:
                if replace(account, created_at_ms=known.created_at_ms) != known:
                    raise SchemeError("account_id", "belongs to an account with other details")
                return known
            if unit.course.account_numbered(account.ispb, account.branch, account.number) is not None:
                raise SchemeError("number", "belongs to another account of this bank")
            unit.course.add_account(account)
            unit.commit()
        return account


class ClearOwed:
    """The operator has settled in another way what is owed: the leg leaves the list, and its note says why."""

    def __init__(self, units: CourseUnits) -> None:
        self._units = units

    def __call__(self, *, ispb: str, kind: LegKind, course_id: str, note: str) -> Leg:
        """Raises CourseLegNotFound, SchemeError(field="note")."""
        note = check_line(note, "note", 1, NOTE_LENGTH_MAX)
        with self._units() as unit:
            unit.lock()
            leg = unit.course.leg(ispb, kind, course_id)
            if leg is None or not leg.is_owed:
                raise CourseLegNotFound("course_id", "nothing is owed under this id")
            cleared = move(leg, LegState.CLEARED, note=note)
            unit.course.save([cleared])
            unit.commit()
        return cleared
