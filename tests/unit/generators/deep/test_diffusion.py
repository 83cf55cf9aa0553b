"""Discrete diffusion: masks, the conditional draw, and that a joint law is learnt which no marginal shows."""

import numpy as np
import pandas as pd
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.deep.diffusion import FAMILY, Denoiser, hidden_columns
from generators.deep.drawing import ANY, DeepModel
from generators.protocol import FitRequest, silent
from schemas.contract import Categories, Column, Contract, Policy, Privacy
from schemas.table import conform


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(1, 12), st.integers(0, 2**32))
def test_every_row_hides_one_column_at_least_and_all_numbers_alike(columns: int, seed: int) -> None:
    hidden = hidden_columns(4_000, columns, torch.Generator().manual_seed(seed)).sum(dim=1)
    assert hidden.min() >= 1
    shares = torch.bincount(hidden, minlength=columns + 1)[1:] / 4_000
    assert (shares - 1 / columns).abs().max() < 6 * (1 / columns / 4_000) ** 0.5  # six deviations: below 1e-7 in all


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(0, 2**32), st.data())
def test_any_column_can_be_fixed(sizes: list[int], seed: int, data: st.DataObject) -> None:
    generator = torch.Generator().manual_seed(seed)
    network = Denoiser({"sizes": sizes, "hidden": 8, "blocks": 1}, generator)
    column = data.draw(st.integers(0, len(sizes) - 1))
    wished = torch.full((30,), sizes[column] - 1)
    wished[::2] = ANY
    with torch.inference_mode():
        cells = network.draw(30, generator, (column, wished))
    assert (cells[1::2, column] == sizes[column] - 1).all()
    assert ((cells >= 0) & (cells < torch.tensor(sizes))).all()


def test_exclusive_or_is_learnt() -> None:
    """The third column is the exclusive or of two fair ones: no pair shows it. Fixed seed; 97 % of rows must agree."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 2, 3_000), rng.integers(0, 2, 3_000)
    values = {"a": first, "b": second, "c": first ^ second}
    flags = Categories(values=(0, 1), confirmed=True)
    pinned = Contract(
        dataset="xor",
        columns=tuple(Column(name=name, type="integer", required=True, domain=flags) for name in values),
        policy=Policy(privacy=Privacy(scope="xor", claim="empirical"), target="c"),
    )
    table = conform(pd.DataFrame(values), pinned).table
    request = FitRequest(pinned, bytes(32), (), {"epochs": 60, "hidden": 32, "learning_rate": 0.01})
    model = FAMILY.fit(table, request, silent)
    assert isinstance(model, DeepModel)
    made = model.sample(2_000, 1, {"a": (1, 0.8)})
    assert (made["a"] == 1).mean() == 0.8
    assert ((made["a"] ^ made["b"]) == made["c"]).mean() > 0.97
