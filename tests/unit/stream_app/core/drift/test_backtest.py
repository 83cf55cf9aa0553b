"""Backtests on recorded streams: the known change of Elec2 is found where it is, and shuffled streams are quiet."""

from pathlib import Path

import pandas as pd
import pytest

from schemas.draft import draft
from stream_app.core.drift.backtest import backtest

SHARED = Path("../shared/data")
needs_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared tables are not here")


@needs_data
def test_elec2_in_time_order_shows_the_row_where_vicprice_leaves_its_constant() -> None:
    table = pd.read_parquet(SHARED / "elec2.parquet")
    contract = draft(table, "elec2", target="class").contract
    signs = list(backtest(table.iloc[:10_000], table.iloc[10_000:], contract))
    first = next(sign for sign in signs if "vicprice" in sign.columns)
    # Found after one block, of which only counts are left: it is dated to that block's rows.
    assert first.since_row <= 7_424 < first.since_row + 250
    assert first.row <= 7_424 + 500
    assert len(signs) <= 6


@needs_data
def test_shuffled_tables_are_quiet() -> None:
    for name, target in (("elec2", "class"), ("adult", "income")):
        table = pd.read_parquet(SHARED / f"{name}.parquet").sample(frac=1, random_state=3)
        assert (
            list(backtest(table.iloc[:20_000], table.iloc[20_000:], draft(table, name, target=target).contract)) == []
        )
