"""How rows belong together: references from one column to a key, and the order of one entity's rows."""

from typing import Annotated

from pydantic import Field, model_validator

from schemas.model import Model, Name

ColumnName = Annotated[str, Field(min_length=1, max_length=200)]


class Reference(Model):
    """Each present value of ``column`` is a value of ``key``, in the release of ``table`` or, without one, in the same
    table.
    """

    column: ColumnName
    table: Name | None = None
    key: ColumnName

    @model_validator(mode="after")
    def _not_itself(self) -> "Reference":
        if self.table is None and self.column == self.key:
            raise ValueError("a column that refers to itself says nothing")
        return self


class Sequence(Model):
    """Rows of one value of ``entity`` are events in the order of ``time``; both are columns of the release."""

    entity: ColumnName
    time: ColumnName

    @model_validator(mode="after")
    def _two_columns(self) -> "Sequence":
        if self.entity == self.time:
            raise ValueError("the entity and the time of a sequence are two columns")
        return self
