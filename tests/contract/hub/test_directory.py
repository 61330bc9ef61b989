"""The directory as look-ups read it: in a unit of work, and on PostgreSQL in one statement. Both know the same."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from hub.adapters.postgres.directory import PostgresDirectory
from hub.application.keys import DirectoryByUnits
from hub.application.ports import Directory, UnitsOfWork
from hub.domain.bank import BankSecret
from hub.domain.directory import KeyEntry
from hub.domain.errors import BankNotActive, NotAuthenticated
from pix.postgres.engine import transaction
from pix.scheme.keys import KeyKind, PixKey
from pix.scheme.people import HolderKind
from pix.wire.protobuf_v1.signatures import signing_key
from tests.unit.hub.builders import ANA, ANAS_KEY, AURORA, BANKS, BIA, BIAS_KEY, IPE, NOBODYS_KEY, NOW_MS, key_entry

DEADLINE_SECONDS = 10
SECRET, NEW_SECRET = "the old secret of Aurora", "the new secret of Aurora"
DIGITS = "52998224725"


def secret(clear: str, added_at_ms: int = NOW_MS) -> BankSecret:
    """Aurora's, as the hub keeps it."""
    return BankSecret(AURORA, hashlib.sha256(clear.encode()).digest(), signing_key(clear), added_at_ms)


@pytest.fixture
def directory(with_banks: UnitsOfWork, request: pytest.FixtureRequest) -> Iterator[Directory]:
    """Of the store; Aurora has a secret."""
    with with_banks() as unit:
        unit.banks.add_secret(secret(SECRET))
        unit.commit()
    if request.node.callspec.params["units"] == "memory":
        yield DirectoryByUnits(with_banks)
        return
    url = request.getfixturevalue("engine").url.render_as_string(hide_password=False)
    on_postgres = PostgresDirectory(url)
    yield on_postgres
    on_postgres.close()


def register(units: UnitsOfWork, *entries: KeyEntry) -> None:
    """These have keys from now on."""
    with units() as unit:
        assert unit.keys.add(entries) == len(entries)
        unit.commit()


def test_it_knows_the_keys_that_were_asked_for_and_all_banks(with_banks: UnitsOfWork, directory: Directory) -> None:
    anas, bias = key_entry(ANAS_KEY, ANA), key_entry(BIAS_KEY, BIA, request_id="a request")
    register(with_banks, anas, bias)
    found = directory.read([BIAS_KEY, NOBODYS_KEY])
    assert found.payee(BIAS_KEY) == (bias, BANKS[IPE])
    assert found.payee(NOBODYS_KEY) is None
    assert found.payee(ANAS_KEY) is None, "it was not asked for"
    assert found.known.banks == BANKS


def test_it_knows_the_banks_when_no_key_is_asked_for(directory: Directory) -> None:
    found = directory.read([])
    assert not found.entries
    assert found.known.authenticate(AURORA, SECRET) == BANKS[AURORA]


def test_a_text_that_is_a_key_of_two_kinds_has_two_payees(with_banks: UnitsOfWork, directory: Directory) -> None:
    as_cpf, as_other = PixKey(KeyKind.CPF, DIGITS), PixKey(KeyKind.PHONE, DIGITS)
    register(with_banks, key_entry(as_cpf, ANA))
    found = directory.read([as_other])
    assert found.payee(as_other) is None
    register(with_banks, key_entry(as_other, BIA))
    found = directory.read([as_cpf, as_other])
    assert found.payee(as_cpf) == (key_entry(as_cpf, ANA), BANKS[AURORA])
    assert found.payee(as_other) == (key_entry(as_other, BIA), BANKS[IPE])


@pytest.mark.parametrize("name", ['Zé "o \\ Grande" D\'Ávila', "{a,b}", "null", "☕ 中文", "x" * 120])
def test_whatever_a_holder_is_called_comes_back_as_it_was(
    with_banks: UnitsOfWork, directory: Directory, name: str
) -> None:
    entry = replace(key_entry(ANAS_KEY, ANA), holder_name=name, holder_kind=HolderKind.COMPANY, branch='0"1')
    register(with_banks, entry)
    assert directory.read([ANAS_KEY]).payee(ANAS_KEY) == (entry, BANKS[AURORA])


@pytest.mark.parametrize("key", ["o'brien+{x}@example.com", 'null"', "{}", "a,b\\c"])
def test_no_key_is_taken_for_sql_or_for_an_array(with_banks: UnitsOfWork, directory: Directory, key: str) -> None:
    entry = key_entry(PixKey(KeyKind.EMAIL, key), ANA)
    register(with_banks, entry)
    assert directory.read([entry.key, NOBODYS_KEY]).payee(entry.key) == (entry, BANKS[AURORA])


def test_many_keys_are_one_reading(with_banks: UnitsOfWork, directory: Directory) -> None:
    entries = [
        replace(key_entry(PixKey(KeyKind.EMAIL, f"{number}@example.com"), ANA), account_number=str(number))
        for number in range(1_200)
    ]
    register(with_banks, *entries)
    found = directory.read([entry.key for entry in entries])
    assert [found.entries[entry.key] for entry in entries] == entries


def test_what_becomes_of_a_bank_is_known_to_the_next_reading(with_banks: UnitsOfWork, directory: Directory) -> None:
    with pytest.raises(NotAuthenticated):
        directory.read([]).known.authenticate(AURORA, NEW_SECRET)
    with with_banks() as unit:
        unit.banks.add_secret(secret(NEW_SECRET, NOW_MS + 1))
        unit.commit()
    for clear in (SECRET, NEW_SECRET):
        assert directory.read([]).known.authenticate(AURORA, clear) == BANKS[AURORA]
    with with_banks() as unit:
        unit.banks.retire_secrets(AURORA, keep=1)
        unit.commit()
    with pytest.raises(NotAuthenticated):
        directory.read([]).known.authenticate(AURORA, SECRET)
    with with_banks() as unit:
        unit.banks.set_active(AURORA, active=False)
        unit.commit()
    known = directory.read([]).known
    with pytest.raises(BankNotActive):
        known.authenticate(AURORA, NEW_SECRET)
    assert known.recognize(AURORA, NEW_SECRET) == replace(BANKS[AURORA], active=False)


def test_the_secrets_are_newest_first(with_banks: UnitsOfWork, directory: Directory) -> None:
    with with_banks() as unit:
        unit.banks.add_secret(secret(NEW_SECRET, NOW_MS + 1))
        unit.commit()
    assert directory.read([]).known.secrets == {AURORA: [secret(NEW_SECRET, NOW_MS + 1), secret(SECRET)]}


@pytest.mark.parametrize("units", ["postgres"], indirect=True)
def test_a_connection_that_died_unnoticed_costs_no_caller_its_answer(directory: Directory, engine: Engine) -> None:
    assert directory.read([]).known.banks == BANKS
    with transaction(engine) as connection:
        ended = connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
        assert ended.rowcount
    assert directory.read([]).known.banks == BANKS


def test_a_reading_that_was_begun_is_the_same_reading(with_banks: UnitsOfWork, directory: Directory) -> None:
    anas = key_entry(ANAS_KEY, ANA)
    register(with_banks, anas)
    read = directory.read([ANAS_KEY, NOBODYS_KEY])
    under_way = directory.begin([ANAS_KEY, NOBODYS_KEY])
    if under_way is None:
        assert isinstance(directory, DirectoryByUnits), "there is a connection by now, so it takes no wait"
        return
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (begun := under_way.reading()) is None:
        assert time.monotonic() < deadline
        under_way.wait(0.1)
    assert begun == read
