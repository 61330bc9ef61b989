"""docker-compose.yml, Dockerfile and .env.example: what they call exists, and what they promise is in every service."""

import re
from typing import Any, ClassVar

import pytest
import yaml
from typer.testing import CliRunner

from bank_sim.bootstrap import Bank
from bank_sim.entrypoints.cli import make_app as make_bank_app
from bank_sim.settings import BankSettings
from hub.bootstrap import Hub
from hub.entrypoints.cli import make_app as make_hub_app
from hub.settings import HubSettings
from lab.cli import app as lab_app
from lab.compose.fourth_bank import FourthBank
from lab.compose.test import IMAGE, LOAD_IMAGE
from lab.network.parts.apache_kafka import kafka_version
from lab.sandbox.network import VARIABLE_OF_TOKEN
from loadtest.users.options import add_options
from tests.unit.house.repository import ROOT, project

COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE_TEXT)["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
OBSERVERS = ("prometheus", "jaeger", "grafana")
PROFILES = {
    "load": ["load"],
    "sandbox": ["sandbox"],
    "kafka-ui": ["debug"],
    **{name: ["observe"] for name in OBSERVERS},
}
DEFAULTS = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE_TEXT))
STAGES = set(re.findall(r"^FROM \S+ AS (\w+)$", DOCKERFILE, re.MULTILINE))
ADD_A_BANK = ROOT / "docs" / "add-a-bank.md"
COMMAND = re.compile(r"\b(codepix(?:-[a-z]+)?)\b((?: +(?:\"[^\"]*\"|[^\s\"&|;]+))*)")


def lines_of(command: str | list[str]) -> str:
    return command if isinstance(command, str) else " ".join(command)


def commands() -> set[str]:
    """Every call of a console script of ours, in compose and in the Dockerfile."""
    texts = [lines_of(service["command"]) for service in OURS.values() if "command" in service]
    texts += [
        lines_of(service["healthcheck"]["test"])
        for service in OURS.values()
        if "test" in service.get("healthcheck", {})
    ]
    texts += [line.replace('", "', " ").strip('[]"') for line in re.findall(r"CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
    return {match.group(0) for text in texts for match in COMMAND.finditer(text)}


def subcommand_and_options(command: str) -> tuple[str, list[str], set[str]]:
    """`codepix-hub bank add --code 001` is codepix-hub, [bank, add], {--code}."""
    script, *arguments = command.split()
    options = {argument for argument in arguments if argument.startswith("--")}
    words = command.split(" --", 1)[0].split()[1:]
    return script, words, options


def test_the_services_are_those_of_a_network() -> None:
    assert {"hub", "console", "hub-setup", "postgres", "kafka"} < set(SERVICES)
    banks = {name for name in SERVICES if re.fullmatch(r"bank-\d{3}", name)}
    assert len(banks) == 3
    assert {f"{bank}-setup" for bank in banks} < set(SERVICES)
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == PROFILES


def test_every_bank_links_to_the_console_where_a_browser_finds_it() -> None:
    (published,) = (port for port in SERVICES["console"]["ports"] if port.endswith(":8000"))
    address = f"http://{published.removesuffix(':8000')}"
    banks = {name: service for name, service in SERVICES.items() if re.fullmatch(r"bank-\d{3}", name)}
    found = {name: service["environment"]["HUB_CONSOLE_URL"] for name, service in banks.items()}
    assert found == dict.fromkeys(banks, address)


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_one_that_the_wheel_installs(command: str) -> None:
    script, words, options = subcommand_and_options(command)
    app = {"codepix": lab_app, "codepix-hub": make_hub_app(Hub), "codepix-bank": make_bank_app(Bank)}[script]
    shown = CliRunner(env={"COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"}).invoke(app, [*words, "--help"])
    assert shown.exit_code == 0, shown.output
    for option in options:
        assert re.search(rf"{option}\b", shown.output), f"{script} {' '.join(words)} has no option {option}"


def test_images_are_pinned_and_kafka_is_the_version_of_the_suite() -> None:
    images = {service["image"] for service in SERVICES.values()} | set(
        re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    ) - STAGES
    for image in images:
        assert re.search(r":v?\d+\.\d+", image), f"{image} has no pinned tag"
    assert f"apache/kafka:{kafka_version()}" in images
    version = project()["project"]["version"]
    assert {f"codepix:{version}", f"codepix-load:{version}"} < images
    assert (f"codepix:{version}", f"codepix-load:{version}") == (IMAGE, LOAD_IMAGE)


def test_ports_are_published_on_the_loopback_address_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 14
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert len({port.rsplit(":", 1)[0] for port in ports}) == len(ports)


def test_our_containers_may_do_nothing_but_run() -> None:
    for name, service in OURS.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["tmpfs"] == ["/tmp"], name
        assert "privileged" not in service, name
    for name, service in SERVICES.items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["cap_drop"] == ["ALL"], name
    # Our images, those of the network, of its people and of the sandbox, end as this user.
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["codepix"] * 3
    assert "HEALTHCHECK" in DOCKERFILE


def test_whatever_runs_on_waits_for_health_and_has_it() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"], f"{name} waits for the health of {other}"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert "restart" not in SERVICES[other], f"{name} waits for the end of {other}"
        one_shot = "restart" not in service
        assert one_shot or "test" in service["healthcheck"], name


def test_data_is_in_named_volumes() -> None:
    declared = yaml.safe_load(COMPOSE_TEXT)["volumes"]
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == set(declared)
    assert SERVICES["postgres"]["volumes"] == ["postgres-data:/var/lib/postgresql"]
    assert SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"] == SERVICES["kafka"]["volumes"][0].split(":")[1]


def test_every_variable_has_a_default_and_is_explained_in_the_example() -> None:
    used = set(re.findall(r"(?<!\$)\$\{?(\w+)", COMPOSE_TEXT))
    assert used == set(DEFAULTS)
    example = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert example == DEFAULTS


def load_variables() -> set[str]:
    """What the load's process reads of its environment."""

    class Reader:
        variables: ClassVar[set[str]] = set()

        def add_argument(self, *names: str, env_var: str = "", **how: Any) -> None:
            self.variables.add(env_var)

    add_options(Reader())
    return Reader.variables


def test_every_setting_of_our_services_is_one_that_they_read() -> None:
    known = {name.upper() for name in (HubSettings.model_fields | BankSettings.model_fields)}
    for name, service in OURS.items():
        # The operator's part of a bank's setup; the addresses that the load test's people know.
        others = {"HUB_DATABASE_URL"} if name.endswith("-setup") else set()
        others |= load_variables() if name == "load" else set()
        others |= {VARIABLE_OF_TOKEN} if name == "sandbox" else set()
        assert service["environment"].keys() - known - others == set(), name
    # Set by the image itself; BankSettings has another default port, for banks that share a machine with the hub.
    assert {"HTTP_HOST", "GRPC_HOST"} <= known & set(re.findall(r"(\w+)=0\.0\.0\.0", DOCKERFILE))
    assert "HTTP_PORT=8000" in DOCKERFILE


def test_each_bank_is_the_one_that_its_name_says() -> None:
    hub = SERVICES["hub"]["environment"]
    for name in (name for name in SERVICES if re.fullmatch(r"bank-\d{3}", name)):
        environment = SERVICES[name]["environment"]
        code = environment["BANK_CODE"]
        assert name == f"bank-{code}"
        # A setup has the hub's database for the operator's part, and a bank has not.
        setup = SERVICES[f"{name}-setup"]
        assert setup["environment"] == {**environment, "HUB_DATABASE_URL": hub["DATABASE_URL"]}
        assert environment["DATABASE_URL"].rsplit("/", 1)[1] == f"bank_{code}"
        assert f"${{BANK_{code}_SECRET:-" in environment["BANK_SECRET"]
        assert SERVICES[name]["ports"] == [f"{environment['PUBLIC_URL'].removeprefix('http://')}:8000"]


def test_the_page_about_a_fourth_bank_shows_the_block_of_the_third() -> None:
    third = COMPOSE_TEXT[COMPOSE_TEXT.index("  bank-003:\n") : COMPOSE_TEXT.index("\n  postgres:\n")]
    shown = FourthBank(ADD_A_BANK).services
    for mine, yours in (("003", "004"), ("8003", "8004"), ("Banco Maré", "Banco Serra"), ("#00798c", "#2f7d32")):
        third = third.replace(mine, yours)
    assert shown == third


def test_the_image_is_built_from_everything_that_the_wheel_has() -> None:
    wheel = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    copied = set(re.findall(r"^COPY (\w+) \w+$", DOCKERFILE, re.MULTILINE))
    assert copied == {path.split("/")[0] for path in wheel}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert all(f"!{folder}\n" in ignored for folder in copied)
