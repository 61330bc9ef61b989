"""Reads a YAML file that a person has written: every refusal names file, line, field and rule. JSON is YAML too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import yaml

FILE_BYTES_MAX: Final = 64 * 1024
TEXT_LENGTH_MAX: Final = 1_000


class YamlRefused(Exception):
    """A file says what cannot be; the text can be shown as it is."""

    def __init__(self, file: Path, line: int, field: str, rule: str) -> None:
        """`line` 0 is the whole file, and an empty `field` none."""
        self.field = field
        self.rule = rule
        where = f"{file}, line {line}" if line else str(file)
        super().__init__(f"{where}: {field}: {rule}" if field else f"{where}: {rule}")


class YamlReader:
    """Reads values out of the nodes of one file, which know their lines. Every method raises `YamlRefused`."""

    def __init__(self, file: Path) -> None:
        """`file` is what refusals call it."""
        self.file = file

    def read(self) -> str:
        """The file's text, of at most `FILE_BYTES_MAX` bytes."""
        try:
            with self.file.open("rb") as stream:
                content = stream.read(FILE_BYTES_MAX + 1)
            text = content.decode()
        except OSError as error:
            raise YamlRefused(self.file, 0, "", f"cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise YamlRefused(self.file, 0, "", "must be UTF-8 text") from None
        if len(content) > FILE_BYTES_MAX:
            raise YamlRefused(self.file, 0, "", f"must have at most {FILE_BYTES_MAX // 1024} KiB")
        return text

    def root(self, text: str) -> yaml.Node | None:
        """The node of the whole text; None for an empty one."""
        try:
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            raise YamlRefused(self.file, line, "", f"is no YAML: {error.problem or error.context}") from None
        except (yaml.YAMLError, RecursionError) as error:
            raise YamlRefused(self.file, 0, "", f"is no YAML: {str(error).splitlines()[0]}") from None

    def fields(self, node: yaml.Node, where: str, known: Sequence[str], example: str) -> dict[str, yaml.Node]:
        """The values of a mapping by name; `where` names the mapping, and `example` is one of its fields."""
        found: dict[str, yaml.Node] = {}
        for name, value in self.pairs(node, where or known[0], example):
            path = f"{where}.{name}" if where else name
            if name not in known:
                raise self.refused(value, path, f"is unknown; choose from {', '.join(known)}")
            if name in found:
                raise self.refused(value, path, "stands twice")
            found[name] = value
        return found

    def pairs(self, node: yaml.Node, where: str, example: str) -> Iterator[tuple[str, yaml.Node]]:
        """Names and values of a mapping, in the order of the file."""
        if not isinstance(node, yaml.MappingNode):
            raise self.refused(node, where, f"must be fields with values, such as {example}")
        for key, value in node.value:
            yield self.text(key, where), value

    def items(self, node: yaml.Node, where: str, most: int, of: str) -> list[yaml.Node]:
        """The nodes of a list of 1 to `most`; `of` says what they are, in the plural."""
        if not isinstance(node, yaml.SequenceNode) or not 1 <= len(node.value) <= most:
            raise self.refused(node, where, f"must be a list of 1 to {most} {of}")
        return list(node.value)

    def text(self, node: yaml.Node, where: str, *, may_be_empty: bool = False) -> str:
        """One value as text, without spaces around it."""
        if not isinstance(node, yaml.ScalarNode):
            raise self.refused(node, where, "must be one value")
        text = str(node.value).strip()
        if not text and not may_be_empty:
            raise self.refused(node, where, "must not be empty")
        if len(text) > TEXT_LENGTH_MAX:
            raise self.refused(node, where, f"must have at most {TEXT_LENGTH_MAX} characters")
        return text

    def number(self, node: yaml.Node, where: str, least: float, most: float) -> float:
        try:
            number = float(self.text(node, where))
        except ValueError:
            number = float("nan")
        # Not a number is in no range.
        if not least <= number <= most:
            raise self.refused(node, where, f"must be a number from {least:g} to {most:g}")
        return number

    def whole_number(self, node: yaml.Node, where: str, least: int, most: int) -> int:
        text = self.text(node, where)
        if not text.isdecimal() or not least <= int(text) <= most:
            raise self.refused(node, where, f"must be a whole number from {least} to {most}")
        return int(text)

    def refused(self, node: yaml.Node, where: str, rule: str) -> YamlRefused:
        """To be raised."""
        return YamlRefused(self.file, node.start_mark.line + 1, where, rule)
