"""What a table is like, without any of its values: what a choice of a generator looks at under an empirical claim."""

from typing import Annotated

from pydantic import Field

from schemas.contract import LogicalType
from schemas.model import Model

Portion = Annotated[float, Field(ge=0, le=1)]


class ColumnProfile(Model):
    """One modelled column. ``shares`` follows the domain's own order of categories; ``quantiles`` (5, 25, 50, 75, 95 %)
    are lower edges of equal bins of the public range, in the column's unit. Both are absent where there is no domain to
    read them on.

    ``dependence`` on the target is Cramer's V of both in up to 16 bins, corrected for few rows; ``skew`` the third
    standardised moment of an ordered column; ``heaping`` how far its values prefer multiples of 5 or 10 steps (0 not at
    all, 1 they are nothing else); ``most_frequent`` the share of the most frequent value.
    """

    name: str
    type: LogicalType | None = None
    missing: Portion
    distinct: Annotated[int, Field(ge=0)]
    shares: tuple[Portion, ...] | None = None
    quantiles: tuple[float, ...] | None = None
    dependence: Portion | None = None
    skew: float | None = None
    heaping: Portion | None = None
    most_frequent: Portion | None = None


class Profile(Model):
    """The modelled columns of one table."""

    rows: Annotated[int, Field(ge=0)]
    columns: tuple[ColumnProfile, ...]

    @property
    def numeric_share(self) -> float:
        """The share of columns that lie on a range."""
        return sum(column.quantiles is not None for column in self.columns) / max(1, len(self.columns))

    @property
    def missing(self) -> float:
        """The share of missing cells."""
        return sum(column.missing for column in self.columns) / max(1, len(self.columns))

    @property
    def strongest(self) -> float | None:
        """The strongest dependence of any column on the target, or none where there is no target to depend on."""
        found = [column.dependence for column in self.columns if column.dependence is not None]
        return max(found, default=None)
