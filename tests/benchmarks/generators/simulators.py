"""Seeded tables with one known difficulty each, so that a weakness of a generator has a table of its own."""

import numpy as np
import pandas as pd


def survey(rows: int = 20_000, columns: int = 60, factors: int = 8, seed: int = 11) -> pd.DataFrame:
    """Wide: answers driven by a few latent factors, half of them scores of 0 to 99, half choices of 2 to 7, and
    ``outcome``.
    """
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(rows, factors))
    loadings = rng.normal(size=(factors, columns)) * (rng.random((factors, columns)) < 0.35)
    signal = latent @ loadings + rng.normal(0, 1, (rows, columns))
    found: dict[str, object] = {}
    for place in range(columns):
        score = signal[:, place] / signal[:, place].std()
        if place % 2:
            found[f"score_{place}"] = np.clip(np.round(50 + 15 * score), 0, 99).astype(int)
        else:
            choices = 2 + (place // 2) % 6
            edges = np.quantile(score, np.sort(rng.random(choices - 1)))
            found[f"choice_{place}"] = np.array([f"c{value}" for value in np.searchsorted(edges, score)])
    wish = latent @ rng.normal(size=factors) + rng.normal(0, 1, rows)
    return pd.DataFrame(found | {"outcome": np.where(wish > np.quantile(wish, 0.7), "yes", "no")})


def orders(rows: int = 30_000, products: int = 480, cities: int = 300, seed: int = 12) -> pd.DataFrame:
    """High cardinality: Zipf products and cities; price follows the product, ``returned`` category, city and price."""
    rng = np.random.default_rng(seed)
    product = _zipf(rng, products, rows)
    city = _zipf(rng, cities, rows)
    category = rng.integers(0, 12, products)
    price = np.round(np.exp(rng.normal(3 + 0.15 * category, 0.6)), 2)
    channel = rng.choice(["web", "app", "shop"], rows, p=[0.5, 0.3, 0.2])
    paid = np.round(price[product] * rng.choice([1, 0.9, 0.75], rows, p=[0.7, 0.2, 0.1]), 2)
    wish = (
        rng.normal(0, 0.9, 12)[category[product]]
        + rng.normal(0, 0.6, cities)[city]
        + 0.5 * np.log(paid / 25)
        + np.where(channel == "shop", -1.2, 0)
        - 1.8
    )
    return pd.DataFrame(
        {
            "product": [f"p{value:04d}" for value in product],
            "category": [f"k{value}" for value in category[product]],
            "city": [f"t{value:03d}" for value in city],
            "channel": channel,
            "quantity": 1 + rng.geometric(0.6, rows).clip(1, 9) - 1,
            "paid": paid,
            "weekday": rng.integers(0, 7, rows),
            "returned": np.where(rng.random(rows) < 1 / (1 + np.exp(-wish)), "yes", "no"),
        }
    )


def applicants(rows: int = 750, columns: int = 20, seed: int = 13) -> pd.DataFrame:
    """Small: a credit-like table of mixed columns; ``default`` follows a handful of them additively."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(rows, 4))
    found: dict[str, object] = {}
    for place in range(columns):
        score = latent[:, place % 4] * 0.8 + rng.normal(0, 1, rows)
        if place % 3 == 0:
            found[f"amount_{place}"] = np.round(np.exp(6 + 0.7 * score)).astype(int)
        else:
            found[f"kind_{place}"] = [
                f"c{value}" for value in np.digitize(score, np.linspace(-1.2, 1.2, 1 + place % 4))
            ]
    wish = latent @ np.array([1.2, -0.9, 0.6, 0.0]) + rng.normal(0, 1, rows)
    return pd.DataFrame(found | {"default": np.where(wish > 0.7, "yes", "no")})


def interplay(rows: int = 20_000, seed: int = 14) -> pd.DataFrame:
    """Three-way effects: ``outcome`` follows a x b and c x d, which no pair with it shows, and e a little."""
    rng = np.random.default_rng(seed)
    a, b, c, d = (rng.integers(0, size, rows) for size in (2, 2, 4, 4))
    e, f, g = rng.normal(0, 1, rows), rng.integers(0, 5, rows), np.round(rng.gamma(2, 20, rows)).astype(int)
    wish = 1.6 * np.where(a == b, 1, -1) + 1.0 * np.where((c + d) % 2 == 0, 1, -1) + 0.6 * e
    return pd.DataFrame(
        {
            "a": [f"v{value}" for value in a],
            "b": [f"v{value}" for value in b],
            "c": [f"v{value}" for value in c],
            "d": [f"v{value}" for value in d],
            "e": np.round(e, 2),
            "f": [f"v{value}" for value in f],
            "g": g,
            "outcome": np.where(rng.random(rows) < 1 / (1 + np.exp(-wish)), "yes", "no"),
        }
    )


def tailed(rows: int = 20_000, seed: int = 15) -> pd.DataFrame:
    """Tails: a log-normal, a Pareto and an exponential amount with far public bounds, and a label that follows them."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1, rows)
    lognormal = np.exp(3 + 1.1 * z)
    pareto = 10 * (1 - rng.random(rows)) ** (-1 / 1.8)
    waiting = rng.exponential(120, rows) * np.exp(0.4 * z)
    wish = 0.8 * z + 0.5 * np.log(pareto / 14) - 0.3
    found = {"lognormal": lognormal, "pareto": pareto, "waiting": waiting}
    return pd.DataFrame(
        {name: np.clip(np.round(values), 0, 100_000).astype(int) for name, values in found.items()}
        | {"label": np.where(rng.random(rows) < 1 / (1 + np.exp(-wish)), "yes", "no")}
    )


def grouped(rows: int = 6_000, small: int = 10, seed: int = 16) -> pd.DataFrame:
    """Small groups: ``group`` has ``small`` values of about 60 rows each whose amounts and labels differ from the
    rest's.
    """
    rng = np.random.default_rng(seed)
    shares = np.append(np.full(small, 60 / 6_000), (1 - small * 0.01) * np.array([0.5, 0.3, 0.2]))
    group = rng.choice(small + 3, rows, p=shares)
    shift = np.append(rng.choice([-1.5, 1.5], small), [0, 0.3, -0.3])
    amount = np.round(np.exp(4 + 0.5 * (shift[group] + rng.normal(0, 1, rows)))).astype(int)
    kind = np.clip(np.round(2 + shift[group] + rng.normal(0, 1, rows)), 0, 5).astype(int)
    wish = 0.8 * shift[group] + rng.normal(0, 1, rows)
    return pd.DataFrame(
        {
            "group": [f"g{value:02d}" for value in group],
            "amount": amount,
            "kind": [f"k{value}" for value in kind],
            "label": np.where(wish > 0.4, "yes", "no"),
        }
    )


def heaped(rows: int = 20_000, seed: int = 17) -> pd.DataFrame:
    """Heaping: incomes of which most are told in round thousands, five hundreds or hundreds, and prices that end in
    99.
    """
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1, rows)
    exact = np.exp(10.2 + 0.5 * z)
    base = rng.choice([1, 100, 500, 1_000, 5_000], rows, p=[0.2, 0.15, 0.15, 0.35, 0.15])
    income = np.clip(np.round(exact / base) * base, 0, 500_000).astype(int)
    price = np.exp(3 + 0.4 * z + rng.normal(0, 0.5, rows))
    cents = np.where(rng.random(rows) < 0.7, np.floor(price) + 0.99, np.round(price, 2))
    return pd.DataFrame(
        {
            "income": income,
            "price": np.clip(np.round(cents, 2), 0, 1_000),
            "label": np.where(z + rng.normal(0, 1, rows) > 0.5, "yes", "no"),
        }
    )


def _zipf(rng: np.random.Generator, values: int, rows: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    weights = 1 / (10 + np.arange(values)) ** 1.1
    return rng.choice(values, rows, p=weights / weights.sum())
