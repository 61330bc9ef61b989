"""One network in containers: a Compose project of docker-compose.yml, with ports and a name of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from lab.compose.docker import CLASSIC_BUILDER, CommandFailed, docker, run
from lab.network.parts.errors import PartError
from lab.network.parts.ports import free_port, free_ports_in_a_row
from lab.network.parts.process import wait_until

UP_DEADLINE_SECONDS: Final = 900.0
DOWN_DEADLINE_SECONDS: Final = 300.0
BUILD_DEADLINE_SECONDS: Final = 1_800.0
HEALTHY_DEADLINE_SECONDS: Final = 600.0
"""Generous, so that a busy machine is not taken for a fault."""
HEALTH_POLL_SECONDS: Final = 0.25
LOG_LINES: Final = 40
PORT_VARIABLE: Final = re.compile(r"\$\{(\w+_PORT):-\d+\}")


@dataclass(frozen=True, slots=True)
class Container:
    container_id: str
    service: str
    state: str
    exit_code: int
    health: str
    """`healthy`, `unhealthy`, `starting`, or empty when it has no health check."""
    restarts: int
    """How often Docker has restarted its process."""

    @property
    def short_id(self) -> str:
        return self.container_id[:12]


class Stack:
    def __init__(self, compose: Sequence[str], root: Path, folder: Path, project: str, override: str = "") -> None:
        """`compose` is how Compose is called, `root` the checkout, `folder` a place for files of our own.

        `override` is the text of a second file, which changes what docker-compose.yml says.
        """
        self._compose = list(compose)
        self._root = root
        self._project = project
        folder.mkdir()
        self._file = folder / "docker-compose.yml"
        self._files = [self._file]
        if override:
            self._files.append(folder / "override.yml")
            self._files[1].write_text(override, encoding="utf-8")
        self.text = (root / "docker-compose.yml").read_text(encoding="utf-8")
        self._file.write_text(self.text, encoding="utf-8")
        # A developer's own .env must not change the defaults, which are under test.
        self._settings = folder / "empty.env"
        self._settings.touch()
        self._ports: dict[str, int] = {}

    def edit(self, text: str) -> None:
        """Changes docker-compose.yml, as a person would; what runs learns of it at the next `up`."""
        self.text = text
        self._file.write_text(text, encoding="utf-8")

    def port(self, variable: str) -> int:
        """The port on this machine that a variable of the file chooses; a free one."""
        if variable not in self._ports:
            self._ports[variable] = free_port()
        return self._ports[variable]

    def choose_ports_in_a_row(self, *variables: str) -> None:
        """Gives the variables free ports that follow one another."""
        self._ports.update(zip(variables, free_ports_in_a_row(len(variables)), strict=True))

    @property
    def hub_url(self) -> str:
        return f"http://127.0.0.1:{self.port('HUB_PORT')}"

    def bank_url(self, code: str) -> str:
        return f"http://127.0.0.1:{self.port(f'BANK_{code}_PORT')}"

    @property
    def bank_codes(self) -> list[str]:
        return sorted(set(re.findall(r"^  bank-(\d{3}):$", self.text, re.MULTILINE)))

    @property
    def images(self) -> list[str]:
        """The images of others that a network without profiles needs, with their tags."""
        dockerfile = (self._root / "Dockerfile").read_text(encoding="utf-8")
        bases = re.findall(r"^FROM (\S+:\S+)", dockerfile, re.MULTILINE)
        services = self._configuration()["services"].values()
        return sorted({*bases, *(each["image"] for each in services if "build" not in each)})

    def _configuration(self) -> dict[str, Any]:
        """The file as Compose understands it, without the services of profiles."""
        configuration: dict[str, Any] = yaml.safe_load(self.compose("config"))
        services = configuration["services"]
        configuration["services"] = {name: each for name, each in services.items() if not each.get("profiles")}
        return configuration

    def build(self, target: str, tag: str) -> float:
        """Builds an image of ours, and returns its megabytes beyond its base."""
        command = ["docker", "build", "--force-rm", f"--target={target}", f"--tag={tag}", "."]
        run(command, deadline_seconds=BUILD_DEADLINE_SECONDS, environment=CLASSIC_BUILDER, folder=self._root)
        dockerfile = (self._root / "Dockerfile").read_text(encoding="utf-8")
        base = re.findall(r"^FROM (\S+:\S+)", dockerfile, re.MULTILINE)[0]
        size, base_size = (int(docker("image", "inspect", "--format", "{{.Size}}", name)) for name in (tag, base))
        return (size - base_size) / 1e6

    def compose(self, *arguments: str, deadline_seconds: float = UP_DEADLINE_SECONDS, with_errors: bool = False) -> str:
        """Runs a Compose command on the project, and returns what it says. Raises `CommandFailed`."""
        files = [f"--file={file}" for file in self._files]
        places = [*files, f"--project-directory={self._root}", f"--env-file={self._settings}"]
        return run(
            [*self._compose, *places, f"--project-name={self._project}", *arguments],
            deadline_seconds=deadline_seconds,
            environment=self._environment(),
            with_errors=with_errors,
        )

    def _environment(self) -> Mapping[str, str]:
        return {variable: str(self.port(variable)) for variable in PORT_VARIABLE.findall(self.text)}

    def up(self, *options: str, profile: str = "") -> None:
        """Starts what is not running, of all services or those named, and waits until all that runs is healthy.

        Services of a profile are started only with it.

        Raises `PartError`, with logs.
        """
        try:
            self.compose(*([f"--profile={profile}"] if profile else []), "up", "--detach", "--no-build", *options)
            self.wait_until_healthy()
        except PartError as error:
            raise PartError(f"{error}\n{self.problems()}") from None

    def down(self, *options: str) -> None:
        """Stops and removes the containers; the data stay."""
        profiles = ("--profile=load", "--profile=sandbox")
        self.compose(*profiles, "down", "--timeout=15", *options, deadline_seconds=DOWN_DEADLINE_SECONDS)

    def forget(self) -> None:
        """Removes everything of the project, whichever files it was made of."""
        self.down("--volumes", "--remove-orphans")

    def containers(self, *services: str) -> list[Container]:
        """The containers of the project, or of some of its services, also those that have ended."""
        label = f"label=com.docker.compose.project={self._project}"
        ids = docker("ps", "--all", "--quiet", "--no-trunc", f"--filter={label}").split()
        if not ids:
            return []
        found = []
        for each in json.loads(docker("inspect", *ids)):
            state = each["State"]
            container = Container(
                each["Id"],
                each["Config"]["Labels"]["com.docker.compose.service"],
                state["Status"],
                state["ExitCode"],
                state.get("Health", {}).get("Status", ""),
                each["RestartCount"],
            )
            if not services or container.service in services:
                found.append(container)
        return sorted(found, key=lambda container: (container.service, container.container_id))

    def wait_until_healthy(self, *services: str) -> None:
        """Waits until what has a health check is healthy, and what has none has done its work."""
        wait_until(
            lambda: all(_is_well(container) for container in self.containers(*services)),
            HEALTHY_DEADLINE_SECONDS,
            f"{', '.join(services) or 'every container'} to be healthy",
            poll_seconds=HEALTH_POLL_SECONDS,
        )

    def check_no_restarts(self) -> None:
        """Raises `PartError`, with logs, when a process has ended unexpectedly: Docker restarts it without a word."""
        died = [container.service for container in self.containers() if container.restarts]
        if died:
            raise PartError(f"{', '.join(died)} ended without being told to.\n{self.problems()}")

    def kill(self, *containers: Container) -> None:
        """SIGKILL, as a machine that loses its power would."""
        docker("kill", *(each.container_id for each in containers))

    def start(self, *containers: Container) -> None:
        """Starts containers that were killed, and waits until they are healthy."""
        docker("start", *(each.container_id for each in containers))
        self.wait_until_healthy(*(each.service for each in containers))

    def ask_inside(self, container: Container, program: str) -> str:
        """Runs a Python program in a container of ours, and returns what it prints."""
        return run(["docker", "exec", "--interactive", container.container_id, "python", "-"], feed=program)

    def problems(self) -> str:
        """The state of all, and the last words of those that are not well."""
        lines = []
        try:
            for container in self.containers():
                state = f"{container.state} {container.health}, started again {container.restarts} times"
                lines.append(f"{container.service} {container.short_id}: {state}")
                if container.restarts or not _is_well(container):
                    said = run(["docker", "logs", f"--tail={LOG_LINES}", container.container_id], with_errors=True)
                    lines += [f"    {line}" for line in said.splitlines()]
        except CommandFailed as failed:
            lines.append(str(failed))
        return "\n".join(lines)


def _is_well(container: Container) -> bool:
    if container.health:
        return container.state == "running" and container.health == "healthy"
    return container.state == "exited" and container.exit_code == 0
