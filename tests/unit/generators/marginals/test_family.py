"""The private family as a whole: refusals, structure kept, declared facts obeyed, edges survived."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.generation import generate
from generators.marginals import FAMILY
from generators.protocol import FitFailed, FitRequest, silent
from schemas.contract import Categories, Column, Contract, Dependency, Domain, Policy, Privacy, PrivacyUnit, Range
from schemas.errors import ArtefactError, BudgetError, ContractError
from schemas.mechanism import Gaussian, Pure
from schemas.table import conform

ADULT = Path("../shared/data/adult.parquet")
RANGES = {
    "age": (17, 90),
    "fnlwgt": (0, 1_500_000),
    "capital_gain": (0, 99_999),
    "capital_loss": (0, 5_000),
    "hours_per_week": (1, 99),
    "education_num": (1, 16),
}


def contract(
    columns: dict[str, Domain | None],
    target: str | None = None,
    confirmed: bool = True,
    epsilon: str = "1",
    dependencies: tuple[Dependency, ...] = (),
    unit: PrivacyUnit | None = None,
    claim: str = "formal",
) -> Contract:
    made = [
        Column(
            name=name,
            required=True,
            type="integer" if isinstance(domain, Range) else "string",
            domain=None if domain is None else domain.model_copy(update={"confirmed": confirmed}),
        )
        for name, domain in columns.items()
    ]
    if unit is not None:
        made.append(Column(name=str(unit.column), type="string", role="entity"))
    privacy = Privacy(scope="test", epsilon=epsilon, unit=unit or PrivacyUnit(), claim=claim)  # type: ignore[arg-type]
    return Contract(
        dataset="test", columns=tuple(made), policy=Policy(privacy=privacy, target=target, dependencies=dependencies)
    )


def typed(frame: pd.DataFrame, pinned: Contract) -> pd.DataFrame:
    return conform(frame, pinned, roles=("modelled", "entity")).table


def letters(count: int) -> Categories:
    return Categories(values=tuple(f"v{number}" for number in range(count)))


def test_unconfirmed_domains_are_refused_by_name() -> None:
    pinned = contract({"a": letters(2), "b": letters(2)}, confirmed=False)
    with pytest.raises(ContractError, match=r"a, b.*--public-domains"):
        generate(typed(pd.DataFrame({"a": ["v0"], "b": ["v1"]}), pinned), pinned, "dp-marginals", 5, 1)


@pytest.mark.parametrize("granted", [(), (Pure(epsilon=1.0),)])
def test_a_formal_fit_needs_a_gaussian_grant(granted: tuple[Pure, ...]) -> None:
    pinned = contract({"a": letters(2)})
    with pytest.raises(BudgetError):
        FAMILY.fit(typed(pd.DataFrame({"a": ["v0"]}), pinned), FitRequest(pinned, b"s" * 32, granted), silent)


def test_an_unknown_parameter_is_refused() -> None:
    pinned = contract({"a": letters(2)})
    with pytest.raises(ContractError, match="coarseness"):
        generate(typed(pd.DataFrame({"a": ["v0"]}), pinned), pinned, "dp-marginals", 5, 1, parameters={"bins": 3})


def test_an_empirical_fit_reads_domains_off_the_data_and_claims_nothing() -> None:
    pinned = contract({"a": None, "b": Range(lower=0, upper=9, resolution=1)}, claim="empirical")
    table = typed(pd.DataFrame({"a": ["x", "y"] * 200, "b": [1, 2] * 200}), pinned)
    made = generate(table, pinned, "dp-marginals", 400, 1)
    assert made.mechanisms == ()
    assert set(made.table["a"]) <= {"x", "y"}
    pd.testing.assert_frame_equal(FAMILY.load(made.model_bytes, pinned).sample(400, 1), made.table)


def test_pairs_survive_and_epsilon_buys_accuracy() -> None:
    rng = np.random.default_rng(1)
    left = rng.integers(0, 8, 20_000)
    frame = pd.DataFrame(
        {
            "a": [f"v{value}" for value in left],
            "b": rng.poisson(left * 5 + 2).clip(0, 99),
            "y": [f"v{int(value)}" for value in left + rng.normal(0, 2, 20_000) > 4],
        }
    )
    errors = []
    for epsilon in ("0.05", "1", "20"):
        pinned = contract(
            {"a": letters(8), "b": Range(lower=0, upper=99, resolution=1), "y": letters(2)}, target="y", epsilon=epsilon
        )
        made = generate(typed(frame, pinned), pinned, "dp-marginals", 20_000, 2).table
        cells = [
            pd.crosstab(table["a"], [table["b"].astype(int) // 5, table["y"]], normalize=True).stack(
                [0, 1], future_stack=True
            )
            for table in (frame, made)
        ]
        errors.append(float(cells[0].sub(cells[1], fill_value=0).abs().sum() / 2))
    assert errors[0] > errors[1] > errors[2]
    assert errors[1] < 0.10
    assert errors[2] < 0.08


def test_only_listed_combinations_occur_and_the_dependent_follows() -> None:
    rng = np.random.default_rng(2)
    routes = [
        (f"v{a}", f"v{b}", int(200 + 10 * a + b)) for a in range(5) for b in range(20) if (a * 7 + b * 3) % 4 == 0
    ]
    rows = rng.choice(len(routes), 5_000, p=rng.dirichlet(np.ones(len(routes))))
    frame = pd.DataFrame([routes[row] for row in rows], columns=["from", "to", "miles"])
    listed = Dependency(determinants=("from", "to"), dependent="miles", table=tuple(routes))
    pinned = contract(
        {"from": letters(5), "to": letters(20), "miles": Range(lower=0, upper=999, resolution=1)},
        dependencies=(listed,),
    )
    made = generate(typed(frame, pinned), pinned, "dp-marginals", 5_000, 3).table
    assert set(map(tuple, made.astype(object).to_numpy())) <= set(routes)
    shares = [table.groupby(["from", "to"]).size() / 5_000 for table in (frame, made)]
    # 5,000 draws from 25 routes differ by about .02 among themselves; noise and the binning of pairs add the rest
    assert shares[0].sub(shares[1], fill_value=0).abs().sum() / 2 < 0.10


def test_entities_are_bounded_before_anything_is_counted() -> None:
    unit = PrivacyUnit(kind="entity", column="plane", max_rows=2)
    pinned = contract({"a": letters(2)}, unit=unit, epsilon="30")
    frame = pd.DataFrame(
        {"a": ["v0"] * 5_000 + ["v1"] * 1_000, "plane": ["whale"] * 5_000 + [f"p{row}" for row in range(1_000)]}
    )
    made = generate(typed(frame, pinned), pinned, "dp-marginals", 1_000, 1).table
    assert (made["a"] == "v0").mean() < 0.05


@pytest.mark.parametrize("rows", [0, 1, 3, 30])
@pytest.mark.parametrize(
    "columns",
    [
        {"a": letters(1)},
        {"a": letters(3)},
        {"a": Range(lower=5, upper=5, resolution=1)},
        {"a": Range(lower=0, upper=10**9, resolution=1)},
        {"a": letters(1), "b": letters(1)},
        {"a": letters(300), "b": Range(lower=0, upper=5_000, resolution=1), "c": letters(2)},
    ],
)
def test_few_rows_constants_and_single_columns(rows: int, columns: dict[str, Domain]) -> None:
    for target in (None, next(iter(columns))):
        pinned = contract(columns, target=target)
        frame = pd.DataFrame(
            {name: ["v0"] * rows if isinstance(domain, Categories) else [5] * rows for name, domain in columns.items()}
        )
        if target is not None and columns[target] in (letters(1), Range(lower=5, upper=5, resolution=1)):
            with pytest.raises(ContractError, match="nothing to learn"):
                generate(typed(frame, pinned), pinned, "dp-marginals", 40, 1)
            continue
        made = generate(typed(frame, pinned), pinned, "dp-marginals", 40, 1)
        assert len(made.table) == 40
        assert conform(made.table, pinned).violations == ()


def test_sixty_columns_take_seconds() -> None:
    rng = np.random.default_rng(3)
    pinned = contract(
        {
            f"c{number}": letters(2 + number % 5) if number % 2 else Range(lower=0, upper=999, resolution=1)
            for number in range(60)
        },
        target="c1",
    )
    frame = pd.DataFrame(
        {
            f"c{number}": [f"v{value}" for value in rng.integers(0, 2 + number % 5, 3_000)]
            if number % 2
            else rng.integers(0, 1_000, 3_000)
            for number in range(60)
        }
    )
    started = time.process_time()
    made = generate(typed(frame, pinned), pinned, "dp-marginals", 3_000, 1)
    assert conform(made.table, pinned).violations == ()
    assert time.process_time() - started < 60


def heaped() -> tuple[pd.DataFrame, Contract]:
    """6,000 rows of which .7 are whole thousands of 10,000 to 99,000, and a coin."""
    rng = np.random.default_rng(9)
    pay = np.where(rng.random(6_000) < 0.7, rng.integers(10, 100, 6_000) * 1_000, rng.integers(10_000, 99_999, 6_000))
    pinned = contract({"pay": Range(lower=0, upper=199_999, resolution=1), "b": letters(2)})
    return typed(pd.DataFrame({"pay": pay, "b": rng.choice(["v0", "v1"], 6_000)}), pinned), pinned


def test_round_values_come_back_and_are_kept_with_the_model() -> None:
    """Sampling alone is off by .006; the count of thousands by about .02."""
    table, pinned = heaped()
    made = generate(table, pinned, "dp-marginals", 6_000, 1)
    assert not isinstance(made, FitFailed)
    assert (made.table["pay"] % 1_000 == 0).mean() == pytest.approx(0.7, abs=0.1)
    pd.testing.assert_frame_equal(FAMILY.load(made.model_bytes, pinned).sample(6_000, 1), made.table)


def test_a_model_with_broken_heaps_is_refused() -> None:
    from generators.artefact import pack, unpack

    table, pinned = heaped()
    made = generate(table, pinned, "dp-marginals", 5, 1)
    assert not isinstance(made, FitFailed)
    honest = unpack(made.model_bytes)
    heaps, lattice = honest.arrays["coding/0/heaps"], honest.arrays["coding/0/lattice"]
    for broken in ({"heaps": heaps[:-1]}, {"heaps": -heaps}, {"lattice": lattice + 1}, {"lattice": lattice[:1]}):
        arrays = honest.arrays | {f"coding/0/{name}": array for name, array in broken.items()}
        with pytest.raises(ArtefactError):
            FAMILY.load(pack(honest.header, arrays), pinned)


def test_a_forged_model_with_a_right_digest_is_refused() -> None:
    from generators.artefact import pack, unpack

    pinned = contract({"a": letters(3), "b": Range(lower=0, upper=999, resolution=1)})
    body = generate(
        typed(pd.DataFrame({"a": ["v0", "v1"] * 50, "b": [3, 900] * 50}), pinned), pinned, "dp-marginals", 5, 1
    ).model_bytes
    honest = unpack(body)
    forged = [
        (honest.header | {"order": []}, honest.arrays),
        (honest.header | {"version": 2}, honest.arrays),
        (honest.header | {"mechanisms": [{"kind": "gaussian", "noise_multiplier": -1}]}, honest.arrays),
    ]
    for name, array in honest.arrays.items():
        forged += [
            (honest.header, honest.arrays | {name: array[:-1]}),
            (honest.header, honest.arrays | {name: array - 1_000_000}),
        ]
        forged.append((honest.header, {other: kept for other, kept in honest.arrays.items() if other != name}))
    harmless = 0
    for header, arrays in forged:
        try:
            FAMILY.load(pack(header, arrays), pinned).sample(50, 1)
            harmless += 1
        except ArtefactError:
            continue
    # shifted weights and logits are numbers like any others; everything with a wrong form is refused
    assert harmless <= 10


@pytest.mark.skipif(not ADULT.exists(), reason="the real data lies beside the project only in development")
def test_adult_keeps_its_skill_at_epsilon_one() -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    adult = pd.read_parquet(ADULT)
    order = np.random.default_rng(0).permutation(len(adult))
    domains: dict[str, Domain] = {
        name: Range(lower=RANGES[name][0], upper=RANGES[name][1], resolution=1)
        if name in RANGES
        else Categories(values=tuple(sorted(adult[name].dropna().unique())))
        for name in adult.columns
    }
    pinned = contract(domains, target="income").model_copy()
    pinned = pinned.model_copy(
        update={"columns": tuple(column.model_copy(update={"required": False}) for column in pinned.columns)}
    )
    train, held = (typed(adult.iloc[part], pinned) for part in (order[:39_073], order[39_073:]))
    made = generate(train, pinned, "dp-marginals", len(train), seed=1)
    codes = [
        pd.DataFrame(
            {
                name: pd.factorize(pd.concat([train, held, made.table])[name])[0]
                if name not in RANGES
                else pd.concat([train, held, made.table])[name].astype(float)
                for name in adult.columns
            }
        ).to_numpy()
    ]
    split = np.split(codes[0], [len(train), len(train) + len(held)])
    truth = (held["income"] == ">50K").to_numpy()
    scores = []
    for rows, table in ((split[0], train), (split[2], made.table)):
        model = HistGradientBoostingClassifier(random_state=0).fit(rows[:, :-1], table["income"] == ">50K")
        scores.append(roc_auc_score(truth, model.predict_proba(split[1][:, :-1])[:, 1]))
    # five fits with other noise gave .9745 to .9779; the floor lies three times that spread below
    assert scores[1] / scores[0] > 0.965
    assert made.mechanisms
    assert isinstance(made.mechanisms[0], Gaussian)
