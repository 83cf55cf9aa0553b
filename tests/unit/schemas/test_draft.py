"""Drafts: sensible for ordinary tables, explained, unconfirmed unless stated, and never a traceback for odd ones."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import Categories, Range
from schemas.draft import Drafted, draft
from schemas.errors import InputError
from schemas.odcs import read_contract
from schemas.table import conform

SHARED = Path("../shared/data")


def people(rows: int = 2_000) -> pd.DataFrame:
    random = np.random.default_rng(5)
    city = random.choice(["Rome", "Oslo", "Bonn"], rows, p=[0.5, 0.3, 0.2])
    frame = pd.DataFrame(
        {
            "id": np.arange(rows),
            "customer": random.integers(0, rows // 20, rows),
            "email": [f"p{row}@mail.org" for row in range(rows)],
            "contact": [f"+49 170 {random.integers(10**6, 10**7)}" for _ in range(rows)],
            "age": random.integers(18, 91, rows),
            "price": np.round(random.exponential(20, rows), 2),
            "standard": (random.integers(0, 50, rows) - 24.7) / 14.1,
            "noise": random.normal(size=rows),
            "city": city,
            "country": pd.Series(city).map({"Rome": "IT", "Oslo": "NO", "Bonn": "DE"}),
            "when": pd.Timestamp("2021-03-04") + pd.to_timedelta(random.integers(0, 90, rows), unit="D"),
            "flag": random.random(rows) < 0.3,
            "note": [f"text {random.integers(1_500)}" for _ in range(rows)],
            "empty": [None] * rows,
        }
    )
    frame["label"] = (frame["age"] > 50).astype(int)
    frame["outcome"] = np.where(frame["label"] == 1, "yes", "no")
    return frame


@pytest.fixture(scope="module")
def drafted() -> Drafted:
    return draft(people(), "people", target="label", entity="customer", time="when", subgroups=("city",), epsilon=0.5)


def test_the_text_is_the_contract(drafted: Drafted) -> None:
    assert read_contract(drafted.text) == drafted.contract
    assert drafted.text.startswith("# Drafted from a file")


def test_roles_keep_keys_text_and_personal_data_away_from_generators(drafted: Drafted) -> None:
    roles = {column.name: column.role for column in drafted.contract.columns}
    assert {name for name, role in roles.items() if role == "identifier"} == {"id", "email", "contact"}
    assert {name for name, role in roles.items() if role == "ignored"} == {"note", "empty"}
    assert (roles["customer"], roles["when"]) == ("entity", "time")
    assert drafted.contract.column("email").personal == "e-mail address"
    assert drafted.contract.column("contact").personal == "phone number"


def test_domains_cover_the_data_on_its_lattice_and_are_unconfirmed(drafted: Drafted) -> None:
    assert conform(people(), drafted.contract).violations == ()
    age, price, standard = (drafted.contract.column(name).domain for name in ("age", "price", "standard"))
    assert age == Range(lower=10, upper=90, resolution=1)
    assert isinstance(price, Range)
    assert (price.lower, price.resolution) == (0, 0.01)
    assert isinstance(standard, Range)
    assert standard.resolution == pytest.approx(1 / 14.1)
    assert isinstance(drafted.contract.column("city").domain, Categories)
    assert {"age", "price", "city", "label"} <= set(drafted.contract.unconfirmed)


def test_copies_of_the_target_and_dependencies_are_pointed_out(drafted: Drafted) -> None:
    assert "ALMOST A COPY of label" in drafted.comments["outcome"]
    assert "ALMOST A COPY" not in drafted.comments["noise"]
    assert "Follows from city" in drafted.comments["country"]
    assert "Follows" not in drafted.comments["age"]
    assert drafted.contract.policy.dependencies == ()


def test_stated_domains_are_confirmed_and_dependencies_declared() -> None:
    found = draft(people(), "people", target="label", public_domains=True).contract
    assert found.unconfirmed == ()
    declared = {item.dependent: set(item.table) for item in found.policy.dependencies}
    assert declared["country"] == {("Rome", "IT"), ("Oslo", "NO"), ("Bonn", "DE")}
    assert conform(people(), found).violations == ()


def test_the_privacy_unit_and_the_budget(drafted: Drafted) -> None:
    privacy = drafted.contract.policy.privacy
    assert (privacy.unit.kind, privacy.unit.column, privacy.unit.max_rows) == ("entity", "customer", 20)
    assert (privacy.epsilon, privacy.cap_epsilon) == ("0.5", "2")
    plain = draft(people(), "people").contract.policy.privacy
    assert (plain.unit.kind, plain.epsilon, plain.cap_epsilon) == ("row", "1", "4")


def test_a_dataset_name_is_adapted_with_a_note() -> None:
    found = draft(people(), "My Péople!")
    assert found.contract.dataset == "my_people"
    assert "name was adapted" in found.comments[""]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dataset": "???"}, "--dataset"),
        ({"target": "nope"}, "--target: the table has no column nope"),
        ({"subgroups": ("nope",)}, "--subgroup: the table has no column nope"),
        ({"entity": "nope"}, "--entity"),
        ({"epsilon": "-1"}, "--epsilon"),
        ({"epsilon": "x"}, "--epsilon"),
        ({"target": "empty"}, "cannot be a target"),
        ({"time": "note"}, "--time"),
        ({"target": "city", "entity": "city"}, "neither the entity"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(options: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        draft(people(100), **({"dataset": "people"} | options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame({"": [1]}),
        pd.DataFrame({"a": [None, None]}),
    ],
)
def test_tables_without_anything_to_model_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(InputError):
        draft(frame, "d")


def test_values_of_text_and_keys_stay_out_of_the_file() -> None:
    text = draft(people(), "people").text
    assert "@mail.org" not in text
    assert "+49" not in text
    assert "text " not in text.replace("Free text", "")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_table_is_drafted_or_refused(data: st.DataObject) -> None:
    rows = data.draw(st.integers(1, 30))
    cell = st.one_of(
        st.none(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.booleans(),
        st.datetimes(),
        st.decimals(allow_nan=False),
        st.lists(st.none(), max_size=1),
    )
    frame = pd.DataFrame(
        {f"c{number}": pd.Series([data.draw(cell) for _ in range(rows)], dtype=object) for number in range(2)}
    )
    try:
        found = draft(frame, "d", public_domains=data.draw(st.booleans()))
    except InputError:
        return
    assert read_contract(found.text) == found.contract


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared tables are not here")
def test_real_tables() -> None:
    adult = draft(pd.read_parquet(SHARED / "adult.parquet"), "adult", target="income")
    assert "Follows from education" in adult.comments["education_num"]
    assert adult.contract.column("race").personal == "protected attribute"
    elec2 = draft(pd.read_parquet(SHARED / "elec2.parquet"), "elec2", target="class")
    assert elec2.contract.column("nswprice").domain == Range(lower=0, upper=1, resolution=1e-6)
