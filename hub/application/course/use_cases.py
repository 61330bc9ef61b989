"""The course adapter's use cases in one place."""

from __future__ import annotations

from dataclasses import dataclass

from hub.application.course.directory import FindCourseKey, RegisterCourseKey
from hub.application.course.ports import BankReadiness, CourseUnits
from hub.application.course.process import ANSWER_MS_DEFAULT, CourseAdapter
from hub.application.course.queries import CourseQueries
from hub.application.course.register import AddCourseAccount, AddCourseBank, ClearOwed
from hub.application.ports import UnitsOfWork
from hub.application.use_cases import HubApplication
from hub.domain.directory import KeyEntry
from pix.runtime.clock import Clock, SchemeClock
from pix.scheme.keys import keys_per_account_max
from pix.scheme.people import HolderKind
from pix.scheme.retransmission import RetransmissionPolicy


@dataclass(frozen=True)
class CourseApplication:
    adapter: CourseAdapter
    add_bank: AddCourseBank
    add_account: AddCourseAccount
    clear_owed: ClearOwed
    find_key: FindCourseKey
    register_key: RegisterCourseKey
    queries: CourseQueries


def compose_course(
    units: CourseUnits,
    hub_units: UnitsOfWork,
    hub: HubApplication,
    scheme_clock: SchemeClock,
    clock: Clock,
    policy: RetransmissionPolicy,
    readiness: BankReadiness,
    answer_ms: int = ANSWER_MS_DEFAULT,
) -> CourseApplication:
    """Puts the adapter together on the hub's use cases; `hub_units` are the hub's."""

    def list_keys(ispb: str, branch: str, number: str) -> list[KeyEntry]:
        size = keys_per_account_max(HolderKind.COMPANY)
        return hub.list_keys(ispb=ispb, branch=branch, account_number=number, after=None, size=size)

    return CourseApplication(
        adapter=CourseAdapter(units, scheme_clock, clock, policy, list_keys, readiness, answer_ms),
        add_bank=AddCourseBank(units, hub_units, hub.add_bank, hub.join_network),
        add_account=AddCourseAccount(units, scheme_clock),
        clear_owed=ClearOwed(units),
        find_key=FindCourseKey(units, hub.find_key),
        register_key=RegisterCourseKey(units, hub_units, scheme_clock, hub.register_key),
        queries=CourseQueries(units),
    )
