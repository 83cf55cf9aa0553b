"""Free text in a release: empty, or written from the row's own synthetic values. No generator ever reads any."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from schemas.contract import Contract
from schemas.generation import PLACEHOLDER, FreeText

if TYPE_CHECKING:
    import pandas as pd


def with_text(table: "pd.DataFrame", contract: Contract) -> "pd.DataFrame":
    """The table with the contract's free text columns, in the contract's order of columns."""
    import pandas as pd

    text = [column.name for column in contract.columns if column.role == "text"]
    if not text:
        return table
    handled = {item.column: item for item in contract.policy.generation.free_text}
    written = {name: _written(table, handled.get(name, FreeText(column=name))) for name in text}
    columns: Mapping[str, Any] = {
        column.name: written[column.name] if column.name in written else table[column.name]
        for column in contract.released
    }
    return pd.DataFrame(columns)


def dropped_and_templated(contract: Contract) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The free text columns that a release has empty, and those written by a template."""
    templated = [item.column for item in contract.policy.generation.free_text if item.handling == "template"]
    text = [column.name for column in contract.columns if column.role == "text"]
    return tuple(name for name in text if name not in templated), tuple(name for name in text if name in templated)


def _written(table: "pd.DataFrame", item: FreeText) -> "pd.Series[Any]":
    """A missing value is written as nothing."""
    import pandas as pd

    if item.template is None:
        return pd.Series([None] * len(table), dtype=object)
    cells = pd.Series([""] * len(table), dtype=object)
    for place, piece in enumerate(PLACEHOLDER.split(item.template)):
        cells = cells + (_spelt(table[piece]) if place % 2 else piece)
    return cells.astype(object)


def _spelt(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Cells as text; times in ISO 8601, days without an hour."""
    if values.dtype.kind == "M":
        days = bool((values.dropna() == values.dropna().dt.floor("D")).all())
        text = values.dt.strftime("%Y-%m-%d" if days else "%Y-%m-%dT%H:%M:%S")
    else:
        text = values.astype(object).map(str)
    spelt: pd.Series[Any] = text.where(values.notna(), "").astype(object)
    return spelt
