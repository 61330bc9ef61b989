"""How the values of the system are declared: like a frozen dataclass, at a fraction of its cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

Class = TypeVar("Class")
Member = TypeVar("Member", bound=StrEnum)


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value_object(cls: type[Class]) -> type[Class]:
    """A dataclass with slots whose instances never change, are equal by their fields, and can be keys.

    mypy proves that no code assigns to a field; nothing enforces it at run time, because Python makes
    a frozen instance by one call per field, which takes 3.9 µs for a transfer and 1.4 µs for a message, against 0.4 and
    0.3 µs this way. A message makes some ten values on its way through a participant, so that was a fifth of the time
    that the hub spent on it.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


def by_value(members: type[Member]) -> Mapping[str, Member]:
    """An enum's members by their values: a look-up takes a tenth of the time of `members(value)`."""
    return {member.value: member for member in members}


def replacing(cls: type[Class]) -> Callable[..., Class]:
    """Makes `dataclasses.replace` for one class of values, at a third of its cost.

    That counts where each message changes a row, an account and a posting.
    """
    # The fields of a dataclass are known to no type.
    names = [each.name for each in fields(cls)]  # type: ignore[arg-type]
    places = {name: place for place, name in enumerate(names)}
    values_of = attrgetter(*names)

    def replaced(value: Class, /, **changes: Any) -> Class:
        values = list(values_of(value))
        for name, changed in changes.items():
            values[places[name]] = changed
        return cls(*values)

    return replaced
