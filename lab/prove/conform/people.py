"""The examiner's people and companies: each has a name, a tax id and keys that no other has."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

FIRST_NAMES: Final = ("Ana", "Bia", "Caio", "Davi", "Elisa", "Flávia", "Gil", "Heitor", "Iara", "João", "Lia", "Márcio")
LAST_NAMES: Final = ("Alves", "Brandão", "Castro", "Dias", "Esteves", "Farias", "Gonçalves", "Lima", "Moura", "Núñez")


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    document: str
    """A CPF or CNPJ without punctuation."""
    phone: str
    email: str


class People:
    """Makes people from a seed. Thread-safe, but the order of threads decides who is who."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._used: set[str] = set()
        self._lock = threading.Lock()

    def person(self) -> Person:
        with self._lock:
            document = self._unused(lambda: cpf_of(f"{self._random.randrange(1, 10**9):09d}"))
            return self._named(document)

    def company(self) -> Person:
        with self._lock:
            document = self._unused(lambda: cnpj_of(f"{self._random.randrange(1, 10**8):08d}0001"))
            return self._named(document)

    def email(self) -> str:
        """An address without an owner."""
        with self._lock:
            return self._unused(lambda: f"sem-dono-{self._random.randrange(10**9):09d}@exemplo.com.br")

    def text(self, length: int) -> str:
        """Letters and digits that were not drawn before."""
        with self._lock:
            return self._unused(lambda: "".join(self._random.choices("abcdefghijkmnpqrstuvwxyz23456789", k=length)))

    def _named(self, document: str) -> Person:
        name = f"{self._random.choice(FIRST_NAMES)} {self._random.choice(LAST_NAMES)}"
        phone = self._unused(lambda: f"+55119{self._random.randrange(10**8):08d}")
        email = self._unused(lambda: f"conta-{self._random.randrange(10**9):09d}@exemplo.com.br")
        return Person(name, document, phone, email)

    def _unused(self, draw: Callable[[], str]) -> str:
        while True:
            text = draw()
            if text not in self._used:
                self._used.add(text)
                return text


def cpf_of(nine_digits: str) -> str:
    """The CPF that begins with these digits: two mod-11 check digits are added."""
    weights = ((10, 9, 8, 7, 6, 5, 4, 3, 2), (11, 10, 9, 8, 7, 6, 5, 4, 3, 2))
    return _with_check_digits(nine_digits, weights)


def cnpj_of(twelve_digits: str) -> str:
    """The CNPJ that begins with these digits: two mod-11 check digits are added."""
    first = (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return _with_check_digits(twelve_digits, (first, (6, *first)))


def _with_check_digits(text: str, weights: tuple[tuple[int, ...], ...]) -> str:
    for each in weights:
        total = sum(int(digit) * weight for digit, weight in zip(text, each, strict=True))
        text += str((11 - total % 11) % 11 % 10)
    return text
