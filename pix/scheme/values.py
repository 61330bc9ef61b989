"""How the values of the system are declared: like a frozen dataclass, at a fraction of its cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Class = TypeVar("Class")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value_object(cls: type[Class]) -> type[Class]:
    """A dataclass with slots whose instances never change, are equal by their fields, and can be keys.

    mypy proves that no code assigns to a field; nothing enforces it at run time, because Python makes
    a frozen instance by one call per field, which takes 3.9 µs for a transfer and 1.4 µs for a message, against 0.4 and
    0.3 µs this way. A message makes some ten values on its way through a participant, so that was a fifth of the time
    that the hub spent on it.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
