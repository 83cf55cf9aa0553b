"""Faults of single columns: values, bounds, types, missing cells, categories."""

import numpy as np
import pandas as pd

from tests.benchmarks.faults.scene import Fault, Scene

Rng = np.random.Generator
MARGINALS = ("worst_column", "marginal_fidelity", "boundary_adherence")
SCHEMA = ("schema_violations",)


def scaled_column(scene: Scene, rng: Rng) -> Scene:
    """A number in the wrong unit: ``fnlwgt`` times 100, inside its public range."""
    return scene.setting(fnlwgt=scene.synthetic["fnlwgt"] * 100)


def shifted_column(scene: Scene, rng: Rng) -> Scene:
    """Everybody is ten years older."""
    return scene.setting(age=scene.synthetic["age"] + 10)


def clipped_column(scene: Scene, rng: Rng) -> Scene:
    """``hours_per_week`` cut to 35..45, as a careless winsorising would."""
    return scene.setting(hours_per_week=scene.synthetic["hours_per_week"].clip(35, 45))


def tails_cut(scene: Scene, rng: Rng) -> Scene:
    """Nothing beyond the 2nd and 98th percentiles of any number: such rows are replaced by ordinary fresh ones."""

    def inside(table: pd.DataFrame) -> pd.Series:
        kept = pd.Series(True, index=table.index)
        for name in scene.numeric:
            low, high = scene.train[name].quantile([0.02, 0.98])
            kept &= table[name].between(low, high)
        return kept

    rows = np.flatnonzero(~inside(scene.synthetic))
    return scene.replacing(rows, scene.pool[inside(scene.pool)].head(len(rows)))


def constant_column(scene: Scene, rng: Rng) -> Scene:
    """``hours_per_week`` is 40 in every row."""
    return scene.setting(hours_per_week=np.full(len(scene.synthetic), 40))


def missing_half(scene: Scene, rng: Rng) -> Scene:
    """Half of ``marital_status``, which is never missing in the source, under a contract that allows it."""
    columns = tuple(
        column.model_copy(update={"required": False}) if column.name == "marital_status" else column
        for column in scene.contract.columns
    )
    open_scene = Scene(scene.contract.model_copy(update={"columns": columns}), scene.train, scene.holdout,
                       scene.reference, scene.synthetic, scene.pool)  # fmt: skip
    return open_scene.setting_at(scene.some(0.5, rng), "marital_status", None)


def missing_lost(scene: Scene, rng: Rng) -> Scene:
    """Nothing is missing any more: 6 % of two columns were filled from the column's own values."""
    filled = {}
    for name in ("workclass", "occupation"):
        cells = scene.synthetic[name]
        known = cells.dropna().to_numpy()
        filled[name] = cells.where(cells.notna(), pd.Series(rng.choice(known, len(cells)), index=cells.index))
    return scene.setting(**filled)


def infinite_numbers(scene: Scene, rng: Rng) -> Scene:
    """One in a hundred ``hours_per_week`` is infinite or not a number."""
    rows = scene.some(0.01, rng)
    wild = scene.setting(hours_per_week=scene.synthetic["hours_per_week"].astype("float64"))
    return wild.setting_at(rows, "hours_per_week", np.resize([np.inf, np.nan, -np.inf], len(rows)))


def wrong_type(scene: Scene, rng: Rng) -> Scene:
    """``age`` as text with its unit."""
    return scene.setting(age=scene.synthetic["age"].astype(str) + " years")


def extra_column(scene: Scene, rng: Rng) -> Scene:
    """An identifier is released beside the modelled columns."""
    return scene.setting(person_id=rng.permutation(len(scene.synthetic)) + 100_000)


def outside_domain(scene: Scene, rng: Rng) -> Scene:
    """Three cells of ``native_country`` hold a country that the public domain does not have."""
    return scene.setting_at(scene.some(3 / len(scene.synthetic), rng), "native_country", "Atlantis")


def new_category(scene: Scene, rng: Rng) -> Scene:
    """A category that the source does not have in 8 % of ``workclass``, whose domain the contract leaves open."""
    return scene.without_domain("workclass").setting_at(scene.some(0.08, rng), "workclass", "Gig-worker")


def rare_categories_lost(scene: Scene, rng: Rng) -> Scene:
    """Every category below 2 % is gone from every column: such rows are replaced by fresh ones without them."""

    def common(table: pd.DataFrame) -> pd.Series:
        kept = pd.Series(True, index=table.index)
        for name in scene.categorical:
            share = scene.train[name].value_counts(normalize=True)
            kept &= ~table[name].isin(share[share < 0.02].index)
        return kept

    rows = np.flatnonzero(~common(scene.synthetic))
    return scene.replacing(rows, scene.pool[common(scene.pool)].head(len(rows)))


def columns_swapped(scene: Scene, rng: Rng) -> Scene:
    """``age`` and ``hours_per_week`` changed places."""
    return scene.setting(age=scene.synthetic["hours_per_week"], hours_per_week=scene.synthetic["age"])


def emails_in_text(scene: Scene, rng: Rng) -> Scene:
    """E-mail addresses in 1 % of ``occupation``, whose domain the contract leaves open."""
    rows = scene.some(0.01, rng)
    found = [f"{first}.{last}{rng.integers(100)}@mail{rng.integers(10)}.example.com" for first, last in
             zip(rng.choice(["maria", "john", "wei", "fatima"], len(rows)),
                 rng.choice(["lopez", "smith", "chen", "khan"], len(rows)), strict=True)]  # fmt: skip
    return scene.without_domain("occupation").setting_at(rows, "occupation", np.array(found, dtype=object))


def card_numbers_in_text(scene: Scene, rng: Rng) -> Scene:
    """Card numbers with right check digits in 1 % of ``occupation``, whose domain the contract leaves open."""
    rows = scene.some(0.01, rng)
    found = [_with_check_digit("4" + "".join(map(str, rng.integers(0, 10, 14)))) for _ in rows]
    return scene.without_domain("occupation").setting_at(rows, "occupation", np.array(found, dtype=object))


def _with_check_digit(digits: str) -> str:
    """Luhn 1960."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    total = sum(value - 9 if value > 9 else value for value in doubled)
    return digits + str(-total % 10)


PERSONAL = ("personal_data",)
FAULTS = (
    Fault("adult", scaled_column, MARGINALS),
    Fault("adult", shifted_column, MARGINALS),
    Fault("adult", clipped_column, MARGINALS),
    Fault("adult", tails_cut, ("tail_coverage",)),
    Fault("adult", constant_column, MARGINALS),
    Fault("adult", missing_half, ("missingness",)),
    Fault("adult", missing_lost, ("missingness",)),
    Fault("adult", infinite_numbers, SCHEMA),
    Fault("adult", wrong_type, SCHEMA),
    Fault("adult", extra_column, SCHEMA),
    Fault("adult", outside_domain, SCHEMA),
    Fault("adult", new_category, ("boundary_adherence", "worst_column")),
    Fault("adult", rare_categories_lost, ("tail_coverage", "coverage")),
    Fault("adult", columns_swapped, MARGINALS),
    Fault("adult", emails_in_text, PERSONAL),
    Fault("adult", card_numbers_in_text, PERSONAL),
)
