"""The groups of cases, in the order in which reports show them. A new group is a module and a line here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from lab.prove.conform.case import Case, Group, Profile
from lab.prove.conform.cases import (
    being_paid,
    books,
    course,
    duplicates,
    hostile,
    idempotence,
    joining,
    keys,
    late,
    network,
    outcomes,
    paying,
    reasons,
    reordering,
    restarts,
    returns,
    signatures,
    unknown_fields,
)

GROUPS: Final[Sequence[Group]] = (
    joining.GROUP,
    keys.GROUP,
    paying.GROUP,
    outcomes.GROUP,
    being_paid.GROUP,
    reasons.GROUP,
    idempotence.GROUP,
    duplicates.GROUP,
    reordering.GROUP,
    late.GROUP,
    restarts.GROUP,
    signatures.GROUP,
    unknown_fields.GROUP,
    hostile.GROUP,
    returns.GROUP,
    books.GROUP,
    network.GROUP,
    course.GROUP,
)


def all_cases() -> list[Case]:
    """Every case, by group."""
    return [case for group in GROUPS for case in group.cases]


def cases_of(profile: Profile, groups: Collection[str] = (), ids: Collection[str] = ()) -> list[Case]:
    """The cases of a profile, of these groups and with these ids; empty: all. Raises ValueError for an unknown name."""
    known = {group.name for group in GROUPS}
    unknown = sorted(set(groups) - known)
    if unknown:
        raise ValueError(f"--group: {', '.join(unknown)} unknown; choose from {', '.join(sorted(known))}")
    missing = sorted(set(ids) - {case.id for case in all_cases()})
    if missing:
        raise ValueError(f"--case: {', '.join(missing)} unknown; `codepix conform --list` shows them")
    return [
        case
        for case in all_cases()
        if case.is_of(profile) and (not groups or case.group in groups) and (not ids or case.id in ids)
    ]
