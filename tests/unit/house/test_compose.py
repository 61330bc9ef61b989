"""docker-compose.yml, Dockerfile and .env.example: what they call exists, and what they promise is in every service."""

import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from bank_sim.settings import BankSettings
from hub.settings import HubSettings
from lab.parts.apache_kafka import kafka_version
from tests.unit.house.repository import ROOT, project, scripts

COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE_TEXT)["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DEFAULTS = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE_TEXT))
COMMAND = re.compile(r"\b(codepix(?:-[a-z]+)?)\b((?: +(?:\"[^\"]*\"|[^\s\"&|;]+))*)")


def lines_of(command: str | list[str]) -> str:
    return command if isinstance(command, str) else " ".join(command)


def commands() -> set[str]:
    """Every call of a console script of ours, in compose and in the Dockerfile."""
    texts = [lines_of(service["command"]) for service in OURS.values() if "command" in service]
    texts += [lines_of(service["healthcheck"]["test"]) for service in OURS.values() if "test" in service["healthcheck"]]
    texts += [line.replace('", "', " ").strip('[]"') for line in re.findall(r"CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
    return {match.group(0) for text in texts for match in COMMAND.finditer(text)}


def subcommand_and_options(command: str) -> tuple[str, list[str], set[str]]:
    """`codepix-hub bank add --code 001` is codepix-hub, [bank, add], {--code}."""
    script, *arguments = command.split()
    options = {argument for argument in arguments if argument.startswith("--")}
    words = command.split(" --", 1)[0].split()[1:]
    return script, words, options


def test_the_services_are_those_of_a_network() -> None:
    assert {"hub", "hub-setup", "postgres", "kafka", "databases"} < set(SERVICES)
    banks = {name for name in SERVICES if re.fullmatch(r"bank-\d{3}", name)}
    assert len(banks) == 3
    assert {f"{bank}-setup" for bank in banks} < set(SERVICES)


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_one_that_the_wheel_installs(command: str) -> None:
    script, words, options = subcommand_and_options(command)
    module, function = scripts()[script].split(":")
    shown = subprocess.run(
        [sys.executable, "-c", f"import {module}; {module}.{function}()", *words, "--help"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "300", "NO_COLOR": "1", "TERM": "dumb"},
    )
    assert shown.returncode == 0, shown.stderr
    for option in options:
        assert re.search(rf"{option}\b", shown.stdout), f"{script} {' '.join(words)} has no option {option}"


def test_images_are_pinned_and_kafka_is_the_version_of_the_suite() -> None:
    images = {service["image"] for service in SERVICES.values()} | set(
        re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    )
    for image in images:
        assert re.search(r":\d+\.\d+", image), f"{image} has no pinned tag"
    assert f"apache/kafka:{kafka_version()}" in images
    assert f"codepix:{project()['project']['version']}" in images


def test_ports_are_published_on_the_loopback_address_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 5
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
    user = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert user == ["codepix"]
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


def test_every_setting_of_our_services_is_one_that_they_read() -> None:
    known = {name.upper() for name in (HubSettings.model_fields | BankSettings.model_fields)}
    secrets_of_admission = {name for name in DEFAULTS if re.fullmatch(r"BANK_\d{3}_SECRET", name)}
    for name, service in OURS.items():
        assert service["environment"].keys() - known - secrets_of_admission == set(), name
    # Set by the image itself.
    assert {"HTTP_HOST", "GRPC_HOST"} <= known & set(re.findall(r"(\w+)=0\.0\.0\.0", DOCKERFILE))


def test_each_bank_is_admitted_as_it_calls_itself() -> None:
    admitted = lines_of(SERVICES["hub-setup"]["command"])
    databases = SERVICES["databases"]["environment"]["DATABASES"].split()
    for name in (name for name in SERVICES if re.fullmatch(r"bank-\d{3}", name)):
        environment = SERVICES[name]["environment"]
        assert environment == SERVICES[f"{name}-setup"]["environment"]
        code = environment["BANK_CODE"]
        assert name == f"bank-{code}"
        assert f'--code {code} --name "{environment["BANK_NAME"]}" --color "{environment["BANK_COLOR"]}"' in admitted
        assert SERVICES["hub-setup"]["environment"][f"BANK_{code}_SECRET"] == environment["BANK_SECRET"]
        assert environment["DATABASE_URL"].rsplit("/", 1)[1] in databases
        # BankSettings has another default port, for banks that share a machine with the hub.
        assert environment["HTTP_PORT"] == 8000
        assert f"{environment['PUBLIC_URL'].removeprefix('http://')}:8000" in SERVICES[name]["ports"]


def test_the_image_is_built_from_everything_that_the_wheel_has() -> None:
    wheel = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    copied = set(re.findall(r"^COPY (\w+) \w+$", DOCKERFILE, re.MULTILINE))
    assert copied == {path.split("/")[0] for path in wheel}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert all(f"!{folder}\n" in ignored for folder in copied)
