"""JSON documents of the REST APIs, filled from what the use cases return."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """A document whose fields are attributes of one object, in name and meaning; nested documents likewise.

    A field whose value lies deeper names the way: `Field(validation_alias=AliasPath("key", "kind"))`.
    """

    model_config = ConfigDict(from_attributes=True, validate_by_name=True)

    @classmethod
    def of(cls, source: object) -> Self:
        """Raises pydantic's ValidationError for an object without such attributes, which is a fault of ours."""
        return cls.model_validate(source)
