"""Who lives in a demo bank: each person tells a story. Names and numbers are invented; the numbers are valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bank_sim.domain.account import AccountStatus, account_number
from pix.scheme.keys import KeyKind

DEMO_PIN: Final = "1234"
"""Of every demo person; a demo is no bank."""

EVP: Final = (KeyKind.EVP, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStory:
    """A demo person: `serial` makes the account number, `keys` are (kind, key), `status` is where the story ends."""

    story: str
    serial: int
    name: str
    tax_id: str
    deposit_centavos: int
    keys: tuple[tuple[KeyKind, str], ...]
    status: AccountStatus = AccountStatus.ACTIVE


def cpf_of(nine_digits: str) -> str:
    """The CPF that begins with these nine digits: adds the two mod-11 check digits."""
    digits = [int(digit) for digit in nine_digits]
    for _ in range(2):
        total = sum(digit * weight for digit, weight in zip(digits, range(len(digits) + 1, 1, -1), strict=True))
        digits.append((11 - total % 11) % 11 % 10)
    return "".join(str(digit) for digit in digits)


def cnpj_of(twelve_characters: str) -> str:
    """The CNPJ that begins with these twelve characters: a character's value is its ASCII code less 48, mod 11."""
    text = twelve_characters
    for _ in range(2):
        values = [ord(character) - 48 for character in reversed(text)]
        total = sum(value * (2 + position % 8) for position, value in enumerate(values))
        text += str((11 - total % 11) % 11 % 10)
    return text


def stories_of(bank_code: str) -> Sequence[DemoStory]:
    """The people of a bank: written ones for the three demo banks, made ones for any other."""
    return _WRITTEN.get(bank_code) or _made(bank_code)


def closed_numbers(bank_code: str) -> frozenset[str]:
    """The account numbers of the people whose story ends with a closed account.

    Their keys stay in the directory, so that a demo can show what paying to a closed account is answered with.
    """
    closed = [story for story in stories_of(bank_code) if story.status is AccountStatus.CLOSED]
    return frozenset(account_number(story.serial) for story in closed)


def _person(
    story: str,
    serial: int,
    name: str,
    nine_digits: str,
    deposit_centavos: int,
    *keys: tuple[KeyKind, str],
    own_number: bool = False,
    status: AccountStatus = AccountStatus.ACTIVE,
) -> DemoStory:
    tax_id = cpf_of(nine_digits)
    return DemoStory(
        story=story,
        serial=serial,
        name=name,
        tax_id=tax_id,
        deposit_centavos=deposit_centavos,
        keys=((KeyKind.CPF, tax_id), *keys) if own_number else keys,
        status=status,
    )


def _company(
    serial: int, name: str, twelve_characters: str, deposit_centavos: int, *keys: tuple[KeyKind, str]
) -> DemoStory:
    tax_id = cnpj_of(twelve_characters)
    return DemoStory(
        story="company",
        serial=serial,
        name=name,
        tax_id=tax_id,
        deposit_centavos=deposit_centavos,
        keys=((KeyKind.CNPJ, tax_id), *keys),
    )


def _email(address: str) -> tuple[KeyKind, str]:
    return KeyKind.EMAIL, address


def _phone(number: str) -> tuple[KeyKind, str]:
    return KeyKind.PHONE, number


_AURORA: Final = (
    _person(
        "rich", 101, "Ana Beatriz Souza", "529982247", 25_000_000_00,
        _email("ana@aurora.example"), _phone("+5511987650101"), own_number=True,
    ),
    _person("broke", 102, "Bruno Carvalho Lima", "111444777", 0, _email("bruno@aurora.example")),
    _company(103, "Padaria Pão Dourado Ltda", "12ABC34501DE", 84_350_27, EVP),
    _person(
        "blocked", 104, "Carla Menezes Prado", "390533447", 2_310_45,
        _email("carla@aurora.example"), status=AccountStatus.BLOCKED,
    ),
    _person(
        "closed", 105, "Davi Nogueira Rocha", "168995350", 0, _phone("+5511987650105"),
        status=AccountStatus.CLOSED,
    ),
    _person("everyday", 106, "Elisa Tavares Pinto", "746824890", 1_874_90, _email("elisa@aurora.example"), EVP),
)  # fmt: skip

_IPE: Final = (
    _person(
        "rich", 101, "Fernanda Ipê de Alencar", "862883667", 9_800_000_00,
        _email("fernanda@ipe.example"), _phone("+5521987650201"), own_number=True,
    ),
    _person("broke", 102, "Gabriel Antunes Reis", "935411347", 0, _email("gabriel@ipe.example")),
    _company(103, "Oficina Duas Rodas ME", "112223330001", 31_077_10, EVP),
    _person(
        "blocked", 104, "Helena Duarte Campos", "453178287", 5_000_00,
        _phone("+5521987650204"), status=AccountStatus.BLOCKED,
    ),
    _person(
        "closed", 105, "Igor Batista Faria", "714602380", 0, _email("igor@ipe.example"),
        status=AccountStatus.CLOSED,
    ),
    _person("everyday", 106, "Joana D'Arc Siqueira", "278155910", 640_35, _phone("+5521987650206"), EVP),
)  # fmt: skip

_MARE: Final = (
    _person(
        "rich", 101, "Kátia Regina Monteiro", "390271865", 12_345_678_90,
        _email("katia@mare.example"), _phone("+5571987650301"), own_number=True,
    ),
    _person("broke", 102, "Luís Otávio Brandão", "604518237", 0, _email("luis@mare.example")),
    _company(103, "Pescados Maré Alta S.A.", "M4R3ALTA0001", 120_500_00, _email("caixa@marealta.example"), EVP),
    _person(
        "blocked", 104, "Marina Coelho Teles", "527410683", 780_00,
        _email("marina@mare.example"), status=AccountStatus.BLOCKED,
    ),
    _person(
        "closed", 105, "Nelson Aragão Vidal", "815036742", 0, _phone("+5571987650305"),
        status=AccountStatus.CLOSED,
    ),
    _person("everyday", 106, "Olívia Serra Bastos", "340962175", 2_050_15, _email("olivia@mare.example"), EVP),
)  # fmt: skip

_WRITTEN: Final[Mapping[str, Sequence[DemoStory]]] = MappingProxyType({"001": _AURORA, "002": _IPE, "003": _MARE})


def _made(bank_code: str) -> Sequence[DemoStory]:
    """The same stories with names and numbers made from the bank's code, so that no two banks share a key."""
    domain = f"banco{bank_code}.example"

    def phone(serial: int) -> tuple[KeyKind, str]:
        return _phone(f"+55319{bank_code}7{serial:04d}")

    def base(serial: int) -> str:
        return f"7{bank_code}5{serial:04d}"

    return (
        _person(
            "rich", 101, f"Paula Rica do {bank_code}", base(101), 10_000_000_00,
            _email(f"paula@{domain}"), phone(101), own_number=True,
        ),
        _person("broke", 102, f"Quirino Liso do {bank_code}", base(102), 0, _email(f"quirino@{domain}")),
        _company(103, f"Comércio {bank_code} Ltda", f"C0M{bank_code}000001", 50_000_00, EVP),
        _person(
            "blocked", 104, f"Rosa Bloqueada do {bank_code}", base(104), 1_000_00,
            _email(f"rosa@{domain}"), status=AccountStatus.BLOCKED,
        ),
        _person(
            "closed", 105, f"Saulo Encerrado do {bank_code}", base(105), 0,
            phone(105), status=AccountStatus.CLOSED,
        ),
        _person("everyday", 106, f"Tereza Comum do {bank_code}", base(106), 1_500_00, _email(f"tereza@{domain}"), EVP),
    )  # fmt: skip
