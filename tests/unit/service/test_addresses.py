"""Addresses: every form that people write is split and joined in one place, and refused there with a rule."""

from __future__ import annotations

import socket

import pytest
from psycopg2.extensions import parse_dsn  # type: ignore[import-untyped]
from sqlalchemy.engine import make_url

from pix.postgres.limits import connection_parameters
from pix.postgres.url import check_database_url, database_url, dsns_of_hosts, libpq_dsn
from pix.runtime.addresses import (
    cannot_listen,
    check_grpc_address,
    check_host,
    check_host_ports,
    check_web_address,
    http_url,
    join_host_port,
    split_host_port,
)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9092", "127.0.0.1", 9092),
        (" broker.example:9092 ", "broker.example", 9092),
        ("KAFKA:1", "kafka", 1),
        ("my_kafka:65535", "my_kafka", 65535),
        ("[::1]:9092", "::1", 9092),
        ("[2001:DB8:0::1]:80", "2001:db8::1", 80),
    ],
)
def test_an_address_is_split_and_joined_again(text: str, host: str, port: int) -> None:
    assert split_host_port(text) == (host, port)
    assert split_host_port(join_host_port(host, port)) == (host, port)


@pytest.mark.parametrize(
    "text", ["", "host", ":1", "host:", "host:0", "host:65536", "host:x", "::1", "::1:80", "[a]:1"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|only"):
        split_host_port(text)


def test_a_list_of_brokers_may_have_spaces() -> None:
    assert check_host_ports("Kafka-1:9092, [::1]:9093 ,10.0.0.1:9094") == "kafka-1:9092,[::1]:9093,10.0.0.1:9094"
    for wrong in ("a:1,", ",a:1", "a:1;b:2", "a:1 b:2"):
        with pytest.raises(ValueError, match="must"):
            check_host_ports(wrong)


@pytest.mark.parametrize(
    ("text", "host"),
    [("::1", "::1"), ("[::1]", "::1"), ("::", "::"), ("0.0.0.0", "0.0.0.0"), ("LocalHost", "localhost")],
)
def test_a_host_is_kept_without_brackets(text: str, host: str) -> None:
    assert check_host(text) == host


@pytest.mark.parametrize("text", ["", " ", "a b", "a:1", "300.1.1.1", "http://a", "-a", "a..b", "[a]"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|only|is no"):
        check_host(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Hub:50051", "hub:50051"),
        ("[::1]:50051", "[::1]:50051"),
        ("dns:///hub:50051", "dns:///hub:50051"),
        ("dns:hub:50051", "dns:///hub:50051"),
        ("dns://10.0.0.2:53/hub:50051", "dns://10.0.0.2:53/hub:50051"),
        ("ipv4:127.0.0.1:1,127.0.0.1:2", "ipv4:127.0.0.1:1,127.0.0.1:2"),
        ("ipv6:[::1]:1,[::1]:2", "ipv6:[::1]:1,[::1]:2"),
        ("unix:/run/hub", "unix:/run/hub"),
    ],
)
def test_the_hub_is_named_as_grpc_names_it(text: str, address: str) -> None:
    assert check_grpc_address(text) == address


@pytest.mark.parametrize(
    "text", ["hub", "http://hub:50051", "dns:///hub", "dns://hub:1", "ipv4:hub", "unix:", "::1:50051"]
)
def test_what_is_no_address_of_the_hub_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        check_grpc_address(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("HTTPS://Bank.Example:443/", "https://bank.example"),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001"),
        ("http://[::1]:8001/", "http://[::1]:8001"),
        ("https://bank.example/Behind/", "https://bank.example/Behind"),
    ],
)
def test_equal_web_addresses_are_equal_texts(text: str, address: str) -> None:
    assert check_web_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "bank",
        "ftp://bank",
        "http://",
        "http://a b",
        "http://u:geheim@a",
        "http://a:0",
        "http://a:99999",
        "http://a/?b",
        "http://a/\u202e",
        "http://a/<b>",
        "http://a/\x00",
    ],
)
def test_what_is_no_web_address_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="must") as refused:
        check_web_address(text)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("hub", "http://hub:8000"),
    ],
)
def test_who_listens_on_all_addresses_is_reached_on_loopback(host: str, url: str) -> None:
    assert http_url(host, 8000) == url


def test_the_reason_why_nothing_listens_is_the_systems() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(cannot_listen("GRPC", "127.0.0.1", port)) == (
            f"GRPC_PORT: cannot listen on 127.0.0.1:{port}: Address already in use"
        )
    # Of the addresses for documentation (RFC 5737), which no machine has.
    said = str(cannot_listen("HTTP", "192.0.2.1", 8000))
    assert said.startswith("HTTP_HOST: cannot listen on 192.0.2.1:8000: ") and "in use" not in said


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2", "POSTGRES"])
def test_every_usual_form_of_the_database_means_our_driver(scheme: str) -> None:
    url = check_database_url(f"{scheme}://hub:p%40ss%2F%3A%20w@[::1]:5433/hub?options=-c%20search_path%3Dpublic")
    assert make_url(url).drivername == "postgresql+psycopg2"
    assert parse_dsn(libpq_dsn(url)) == {
        "user": "hub",
        "password": "p@ss/: w",
        "host": "::1",
        "port": "5433",
        "dbname": "hub",
        "options": "-c search_path=public",
    }


def test_a_socket_and_several_hosts_are_understood() -> None:
    assert parse_dsn(libpq_dsn("postgres://postgres@/hub?host=/tmp/a%20b"))["host"] == "/tmp/a b"
    for form in ("u@/hub?host=one:5432&host=two:5433", "u@one:5432,two:5433/hub", "u@/hub?host=one,two&port=5432,5433"):
        url = check_database_url(f"postgres://{form}")
        dsn = libpq_dsn(url)
        assert parse_dsn(dsn) == {"user": "u", "dbname": "hub", "host": "one,two", "port": "5432,5433"}
        assert [parse_dsn(each) for each in dsns_of_hosts(dsn)] == [
            {"user": "u", "dbname": "hub", "host": "one", "port": "5432"},
            {"user": "u", "dbname": "hub", "host": "two", "port": "5433"},
        ]
        # Connections go to the primary, unless the address says otherwise.
        assert connection_parameters(database_url(url))["target_session_attrs"] == "read-write"
        assert "target_session_attrs" not in connection_parameters(database_url(f"{url}&target_session_attrs=any"))
    assert "target_session_attrs" not in connection_parameters(database_url("postgres://u@one/hub"))


@pytest.mark.parametrize("hosts", ["one:5432,two:x", "one:5432,two:5433:1", "one:1,two:99999"])
def test_several_hosts_with_a_wrong_port_are_refused(hosts: str) -> None:
    with pytest.raises(ValueError, match="must"):
        check_database_url(f"postgres://u:geheim@{hosts}/hub")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "geheim",
        "mysql://u:geheim@h/x",
        "postgresql+asyncpg://u:geheim@h/x",
        "postgres://u:geheim@h:x/x",
        "postgres://u:geheim@h:70000/x",
        "postgres://u:geheim@h:0/x",
        "postgres://u:geheim@h/x?geheim=1",
        "postgres://u:geheim@%2Ftmp/x",
        "postgres://u:geheim@/x?host=a&host=b&port=1",
    ],
)
def test_any_other_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"must|has an option|is no URL") as refused:
        check_database_url(url)
    assert "geheim" not in str(refused.value)
