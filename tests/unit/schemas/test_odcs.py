"""Contracts as ODCS YAML: nothing is lost on the way, nothing ambiguous is read, errors name places and no values."""

import contextlib
import json
from importlib import resources

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract import (
    Categories,
    Column,
    Constraint,
    Contract,
    Dependency,
    Policy,
    Privacy,
    PrivacyUnit,
    Range,
    Tier,
)
from schemas.errors import ContractError
from schemas.odcs import read_contract, write_contract
from schemas.regeneration import Regeneration
from schemas.relations import Reference
from schemas.usage import CLASSIFICATIONS, Usage

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
SCALAR = st.one_of(st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), NUMBER, TEXT)
DOMAIN = st.one_of(
    st.none(),
    st.builds(
        Categories,
        values=st.lists(SCALAR, max_size=5, unique_by=lambda value: (type(value), value)).map(tuple),
        other=st.booleans(),
        confirmed=st.booleans(),
    ),
    st.builds(
        lambda ends, resolution, confirmed: Range(
            lower=min(ends), upper=max(ends), resolution=resolution, confirmed=confirmed
        ),
        st.tuples(NUMBER, NUMBER),
        st.floats(1e-9, 1e9),
        st.booleans(),
    ),
)

LINE = st.from_regex(r"[a-z:#\"'é-][ -~]{0,9}[^\s]", fullmatch=True)
USAGE = st.builds(
    Usage,
    purpose=st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip),
    intended_uses=st.lists(LINE, max_size=3).map(tuple),
    prohibited_uses=st.lists(LINE, max_size=3).map(tuple),
    classification=st.sampled_from((None, *CLASSIFICATIONS)),
    retention_days=st.none() | st.integers(1, 36_500),
    consumers=st.lists(LINE, max_size=2).map(tuple),
    jurisdictions=st.sampled_from(((), ("DE", "US-CA", "EU"))),
    risk=st.sampled_from(("standard", "high")),
)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    names = draw(
        st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=10), min_size=2, max_size=5, unique=True)
    )
    columns = [
        Column(
            name=name,
            type=draw(st.sampled_from(("integer", "number", "string", "boolean", "date", "timestamp"))),
            role=draw(st.sampled_from(("modelled", "identifier", "time"))) if number else "modelled",
            required=draw(st.booleans()),
            unique=draw(st.booleans()),
            domain=draw(DOMAIN),
            personal=draw(st.none() | TEXT),
            description=draw(st.none() | TEXT),
        )
        for number, name in enumerate(names)
    ]
    unit = draw(st.sampled_from((PrivacyUnit(), PrivacyUnit(kind="entity", column=names[1], max_rows=7))))
    policy = Policy(
        privacy=Privacy(
            scope="scope",
            unit=unit,
            epsilon=draw(st.sampled_from(("1", "0.50", "0"))),
            delta=draw(st.floats(1e-12, 0.009)),
        ),
        target=draw(st.sampled_from((None, names[0]))),
        tier=Tier(approvals=draw(st.sampled_from(((), ("legal", "owner"))))),
        regeneration=Regeneration(ladder=("a", "b"), rows=draw(st.none() | st.integers(1, 9))),
        subgroups=(names[0],),
        dependencies=(
            Dependency(
                determinants=(names[0],),
                dependent=names[1],
                table=tuple(draw(st.lists(st.tuples(SCALAR, SCALAR), max_size=3))),
            ),
        ),
        constraints=(
            Constraint(left=names[0], operator="<=", right=names[1]),
            Constraint(left=names[1], operator=">", constant=draw(NUMBER)),
        ),
        quasi_identifiers=draw(st.sampled_from(((), (names[0],)))),
        references=draw(st.sampled_from(((), (Reference(column=names[0], table="parents", key="any key"),)))),
        usage=draw(st.none() | USAGE),
        limits=draw(st.sampled_from(({}, {"tstr_ratio": 0.9}))),
    )
    return Contract(dataset="flights", columns=tuple(columns), policy=policy, title=draw(st.none() | TEXT))


@settings(max_examples=150, deadline=None)
@given(contracts(), TEXT)
def test_what_is_written_is_read_back_equal(contract: Contract, comment: str) -> None:
    comments = {"": comment, contract.names[0]: comment, "policy.privacy.epsilon": comment}
    again = read_contract(
        write_contract(contract, {place: text for place, text in comments.items() if text.isprintable()})
    )
    assert again == contract
    assert again.digest() == contract.digest()


@pytest.mark.parametrize("title", ["A\n", "A\n\n", "\n", "A ", " A", "A\r\n", "A\n B", "null\n", "1\n"])
def test_space_around_a_text_is_kept(title: str) -> None:
    policy = Policy(privacy=Privacy(scope="s"))
    contract = Contract(dataset="flights", columns=(Column(name="x", type="integer"),), policy=policy, title=title)
    assert read_contract(write_contract(contract)) == contract


@settings(max_examples=50, deadline=None)
@given(contracts())
def test_an_ordinary_yaml_reader_sees_the_same_names(contract: Contract) -> None:
    document = yaml.safe_load(write_contract(contract))
    assert tuple(item["name"] for item in document["schema"][0]["properties"]) == contract.names


def small(**privacy: object) -> Contract:
    return Contract(
        dataset="d",
        columns=(
            Column(name="secret_column", type="string", domain=Categories(values=("NO", "1e5", "2013-01-01"))),
            Column(name="t", type="timestamp", role="time", domain=Range(lower=0, upper=1, resolution=1)),
        ),
        policy=Policy(privacy=Privacy(scope="s", **privacy)),
    )


def test_comments_stand_above_what_they_explain() -> None:
    lines = write_contract(
        small(), {"": "Head", "secret_column": "why", "policy.privacy.epsilon": "one", "secret_column.domain": "x"}
    ).splitlines()
    assert lines[0] == "# Head"
    assert lines[lines.index("      - name: secret_column") - 1].strip() == "# why"
    assert lines[[line.strip() for line in lines].index('epsilon: "1"') - 1].strip() == "# one"


def test_the_document_is_a_contract_of_the_standard() -> None:
    standard = pytest.importorskip("open_data_contract_standard.model")
    found = standard.OpenDataContractStandard.from_string(write_contract(small()))
    assert found.kind == "DataContract"
    schema = json.loads(
        resources.files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    )
    jsonschema.validate(yaml.safe_load(write_contract(small())), schema)
    assert [item.name for item in found.schema_[0].properties] == ["secret_column", "t"]


def test_usage_stands_where_the_standard_has_a_place_for_it() -> None:
    usage = Usage(purpose="Test a\nreport", intended_uses=("one", "two"), prohibited_uses=("three",), retention_days=30)
    contract = small().model_copy(update={"policy": Policy(privacy=Privacy(scope="s"), usage=usage)})
    document = yaml.safe_load(write_contract(contract))
    assert document["description"] == {"purpose": "Test a\nreport", "usage": "one\ntwo", "limitations": "three"}
    assert document["slaProperties"] == [{"property": "retention", "value": 30, "unit": "d"}]
    pytest.importorskip("open_data_contract_standard.model")
    standard = resources.files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8")
    jsonschema.validate(document, json.loads(standard))


@pytest.mark.parametrize(
    ("added", "fault"),
    [
        ("description: hunter2\n", "description: must be a mapping"),
        ("description:\n  purpose: [hunter2]\n", "description.purpose: must be a text"),
        ("slaProperties:\n  - {property: retention, value: 3, unit: hunter2}\n", "slaProperties.retention"),
        ("slaProperties:\n  - {property: retention, value: true}\n", "slaProperties.retention"),
        ("slaProperties:\n  - {property: retention, value: 999999999}\n", "usage.retention_days"),
    ],
)
def test_a_usage_that_cannot_be_read_is_refused(added: str, fault: str) -> None:
    with pytest.raises(ContractError, match=fault.replace(".", r"\.")) as caught:
        read_contract(added + write_contract(small()))
    assert "hunter2" not in str(caught.value)


def test_a_usage_by_others_is_read_and_must_not_be_stated_twice() -> None:
    added = "slaProperties:\n  - {property: retention, value: 2, unit: y}\ndescription:\n  usage: ' a \n\n  b'\n"
    usage = read_contract(added + write_contract(small())).policy.usage
    assert usage == Usage(intended_uses=("a", "b"), retention_days=730)
    text = write_contract(small()).replace("      privacy:", "      usage:\n        retention_days: 5\n      privacy:")
    assert read_contract(text).policy.usage == Usage(retention_days=5)
    with pytest.raises(ContractError, match="two places"):
        read_contract(added + text)


def test_what_a_person_writes_is_understood() -> None:
    text = (
        write_contract(small())
        .replace('epsilon: "1"', "epsilon: 0.5")
        .replace("lower: 0.0", "lower: 1969-01-01")
        .replace('["NO"', "[NO")
        .replace('apiVersion: "v3.1.0"', "apiVersion: v3.0.2")
    )
    contract = read_contract(text)
    assert contract.policy.privacy.epsilon == "0.5"
    assert contract.columns[0].domain == Categories(values=("NO", "1e5", "2013-01-01"))
    assert isinstance(contract.columns[1].domain, Range)
    assert contract.columns[1].domain.lower == -31_536_000


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("kind: DataContract", "kind: Other", "kind"),
        ('apiVersion: "v3.1.0"', "apiVersion: v2.2.2", "apiVersion"),
        ("logicalType: string", "logicalType: hunter2", "schema.0.properties.0.logicalType"),
        ("role: modelled", "role: hunter2", "schema.0.properties.0.role"),
        ("role: modelled", "rule: hunter2", "schema.0.properties.0.customProperties.perennial: unknown fields rule"),
        ("scope: s", "scope: Hunter2 No", "customProperties.perennial.privacy.scope"),
        ("kind: row", "kind: row\n          kind: hunter2", "names a key twice"),
        ("kind: row", "kind: &a row\n          column: *a", "aliases"),
        ("scope: s", "scope: !!python/name:os.system hunter2", "line"),
        ("scope: s", "scope: [hunter2", "line"),
        ("scope: s", "scope: " + "[" * 60 + "]" * 60, "nested too deeply"),
        ("scope: s", "scope: " + "9" * 5_000, "cannot be read"),
        ("upper: 1.0", "upper: hunter2", "neither a number nor an ISO date"),
        ("upper: 1.0", "upper: -1", "upper lies below lower"),
        ("schema:", "schema: []\nother:", "exactly one table"),
        (
            "property: perennial\n    value:\n      privacy",
            "property: some\n    value:\n      privacy",
            "the policy, is missing",
        ),
    ],
)
def test_a_fault_is_named_by_its_place_and_never_by_its_value(old: str, new: str, place: str) -> None:
    text = write_contract(small())
    assert old in text
    with pytest.raises(ContractError, match=place.replace(".", r"\.")) as caught:
        read_contract(text.replace(old, new, 1))
    assert "hunter2" not in str(caught.value).lower()


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda body: body.decode("latin-1")))
def test_any_text_is_refused_with_a_contract_error(text: str) -> None:
    with pytest.raises(ContractError):
        read_contract(text)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_contract_is_read_or_refused_and_never_crashes(data: st.DataObject) -> None:
    text = write_contract(small())
    at, length = data.draw(st.integers(0, len(text))), data.draw(st.integers(0, 10))
    damaged = text[:at] + data.draw(st.text(max_size=6)) + text[at + length :]
    with contextlib.suppress(ContractError):
        assert read_contract(damaged).names


def test_the_price_of_a_private_test_is_read_as_the_decimal_that_stands_there() -> None:
    private = small().model_copy(
        update={"policy": small().policy.model_copy(update={"privacy": Privacy(scope="s", timing="private")})}
    )
    text = write_contract(private)
    assert "trigger_epsilon" not in text
    read = read_contract(text.replace("timing: private", "timing: private\n        trigger_epsilon: 0.05"))
    assert read.policy.privacy.trigger_epsilon == "0.05"
    assert read_contract(write_contract(read)) == read
