"""Limits in memory, passwords as hashes, operator authentication, and the settings of secured connections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.settings import HubSettings
from pix.participant.settings import load_settings
from pix.runtime.limits import NAMES_MAX, Limiter
from pix.runtime.passwords import hash_password, is_password_hash, password_matches
from pix.runtime.settings_error import SettingsError
from pix.scheme.buckets import BucketPolicy
from pix.web.attempts import ATTEMPTS_MAX, Attempts
from pix.web.operators import (
    DemoOperator,
    OperatorAuthentication,
    OperatorSignInDisabled,
    OperatorUnknown,
    TooManyAttempts,
)

PASSWORD = "correct horse battery staple"


class Turned:
    """A clock that the test turns."""

    at_ms = 0

    def __call__(self) -> int:
        return self.at_ms


def test_each_name_has_its_own_bucket() -> None:
    clock = Turned()
    limiter = Limiter(BucketPolicy(2, 60), clock)
    for _ in range(2):
        limiter.take("a", 1)
    assert limiter.wait_ms("a") == 1_000 and limiter.wait_ms("b") == 0
    clock.at_ms = 1_000
    assert limiter.wait_ms("a") == 0
    limiter.give_back("a", 2)
    assert limiter.wait_ms("a") == 0


def test_tries_at_the_same_time_are_as_many_as_there_are_tokens_and_all_of_them_are_paid_for() -> None:
    clock = Turned()
    limiter = Limiter(BucketPolicy(5, 1), clock)
    with ThreadPoolExecutor(40) as threads:
        waits = list(threads.map(lambda _: limiter.take("a", 3), range(200)))
    assert waits.count(0) == 2, "5 tokens: the second try leaves a debt of one"
    clock.at_ms = 60_000
    assert limiter.take("a", 3) == 60_000, "the debt is paid off first"
    clock.at_ms = 120_000
    assert limiter.take("a", 3) == 0


def test_what_a_try_costs_is_taken_from_who_may_try_and_from_nobody_else() -> None:
    clock = Turned()
    limiter = Limiter(BucketPolicy(4, 60), clock)
    assert limiter.take("a", 3) == 0
    assert limiter.take("a", 3) == 0, "there is a token for a try, and it may cost more than is left"
    assert limiter.take("a", 3) == 3_000, "a token for the next try, and the two that are owed"
    clock.at_ms = 3_000
    assert limiter.take("a", 1) == 0, "who was refused has paid nothing"
    assert limiter.take("b", 1) == 0


def test_the_memory_of_names_is_bounded_and_full_buckets_are_not_kept() -> None:
    limiter = Limiter(BucketPolicy(2, 60), Turned())
    for number in range(NAMES_MAX + 50):
        limiter.take(str(number), 2)
    assert len(limiter._buckets) == NAMES_MAX
    assert limiter.wait_ms("0") == 0 and limiter.wait_ms(str(NAMES_MAX + 49)) > 0
    limiter.give_back(str(NAMES_MAX + 49), 2)
    assert len(limiter._buckets) == NAMES_MAX - 1


def test_a_password_is_salted_and_hashed() -> None:
    first, second = hash_password(PASSWORD), hash_password(PASSWORD)
    assert first != second and PASSWORD not in first and is_password_hash(first)
    assert password_matches(PASSWORD, first) and not password_matches(PASSWORD + "x", first)
    assert not any(is_password_hash(text) for text in ("", "x", "00:11", PASSWORD, first[:-2], f"{first}:00"))


def settings(**changed: str) -> HubSettings:
    return HubSettings(database_url="postgresql://unused", **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("as_hash", [False, True])
def test_the_operator_signs_in_with_the_password_alone(as_hash: bool) -> None:
    kept = {"operator_password_hash": hash_password(PASSWORD)} if as_hash else {"operator_password": PASSWORD}
    authentication = OperatorAuthentication(settings(**kept), "session")
    for _ in range(3):
        authentication.check(PASSWORD)
    for wrong in ("", PASSWORD[:-1], PASSWORD.upper(), "é" * 500):
        with pytest.raises(OperatorUnknown):
            authentication.check(wrong)
    authentication.check(PASSWORD)
    for _ in range(ATTEMPTS_MAX - 4):
        with pytest.raises(OperatorUnknown):
            authentication.check("wrong")
    with pytest.raises(TooManyAttempts, match=r"in \d+ seconds"):
        authentication.check(PASSWORD)


def test_guesses_at_the_same_time_count_and_a_minute_later_there_is_one_more() -> None:
    clock = Turned()
    authentication = OperatorAuthentication(
        settings(operator_password_hash=hash_password(PASSWORD)), "session", Attempts(clock)
    )

    def judged(guesses: int) -> int:
        def is_judged(number: int) -> bool:
            try:
                authentication.check(f"guess {number}")
            except OperatorUnknown:
                return True
            except TooManyAttempts:
                return False
            raise AssertionError("a guess was right")

        with ThreadPoolExecutor(40) as threads:
            return sum(threads.map(is_judged, range(guesses)))

    assert judged(200) == ATTEMPTS_MAX
    clock.at_ms = 60_000
    assert judged(200) == 1


def test_right_passwords_never_use_up_the_attempts_and_give_no_guesser_more_of_them() -> None:
    authentication = OperatorAuthentication(
        settings(operator_password_hash=hash_password(PASSWORD)), "session", Attempts(Turned())
    )
    with ThreadPoolExecutor(40) as threads:
        assert list(threads.map(authentication.check, [PASSWORD] * 40)) == [None] * 40
    for number in range(ATTEMPTS_MAX - 1):
        with pytest.raises(OperatorUnknown):
            authentication.check(f"guess {number}")
        authentication.check(PASSWORD)
    with pytest.raises(OperatorUnknown):
        authentication.check("the last guess")
    with pytest.raises(TooManyAttempts):
        authentication.check("one too many")


def test_everyone_is_the_operator_in_demo_mode_and_no_one_is_without_a_password() -> None:
    OperatorAuthentication(DemoOperator(), "session").check("anything")
    disabled = OperatorAuthentication(settings(), "session")
    assert disabled.is_disabled
    with pytest.raises(OperatorSignInDisabled, match="OPERATOR_PASSWORD"):
        disabled.check("")


def test_kafka_is_told_how_to_sign_in_and_nothing_where_it_is_plain(tmp_path: Path) -> None:
    authority = tmp_path / "broker.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\n")
    assert settings().kafka("test").extra == {}
    secured = settings(
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="bank-001",
        kafka_sasl_password=PASSWORD,
        kafka_ssl_ca=str(authority),
    )
    assert secured.kafka("test").extra == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "bank-001",
        "sasl.password": PASSWORD,
        "ssl.ca.location": str(authority),
    }


def test_no_secret_is_in_what_settings_look_like() -> None:
    secured = settings(
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_username="hub",
        kafka_sasl_password=PASSWORD,
        operator_password=PASSWORD,
        session_secret=PASSWORD,
    )
    for shown in (repr(secured), str(secured), repr(secured.kafka("test"))):
        assert PASSWORD not in shown and "unused" not in shown


def test_a_setting_that_is_refused_is_named_and_its_value_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://unused")
    monkeypatch.setenv("OPERATOR_PASSWORD", "short")
    monkeypatch.setenv("OPERATOR_PASSWORD_HASH", "no-hash")
    with pytest.raises(SettingsError) as caught:
        load_settings(HubSettings)
    said = str(caught.value)
    assert "OPERATOR_PASSWORD: must have at least 12 characters" in said
    assert "OPERATOR_PASSWORD_HASH: must be what the command `hash-password` prints" in said
    assert "short" not in said and "no-hash" not in said
    monkeypatch.setenv("OPERATOR_PASSWORD", "")
    monkeypatch.setenv("OPERATOR_PASSWORD_HASH", "")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    with pytest.raises(SettingsError, match=r"^KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are needed with SASL_SSL$"):
        load_settings(HubSettings)
