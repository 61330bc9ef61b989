"""Errors of parts. Each message can be shown to people as it is."""


class PartError(Exception):
    """A part of the lab cannot do what was asked of it."""

    @property
    def rule(self) -> str:
        """Why, as every refusal names it."""
        return str(self)


class PartMissing(PartError):
    """A program that the part needs is not on this machine. The message is one line."""


class FolderUnusable(PartError):
    """A folder cannot be written, or holds the data of another network. The message is one line."""


class PartNotReady(PartError):
    """A part did not become ready in its time, or ended instead. The message has the end of its log."""


class PortInUse(PartError):
    """Another program listens on the port, or this user may not."""
