"""A release has the rows asked for although k and l suppressed some, where the generator draws others that fit."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from generators.sampling.releasing import Releasing, released
from schemas.contract import Contract
from schemas.errors import InsufficientEvidence
from schemas.generation import Anonymity, Balance, Generation, Quota, Share
from schemas.relations import Sequence
from schemas.table import conform
from tests.unit.generators.sampling.invented import Invented, contract

KNOWN = ("sex", "race", "member")
SUPPRESS = Anonymity(k=25, l=2, method="suppress")


def asked(balance: Balance | None = None, k: int = 25, unique: bool = False, **policy: object) -> Contract:
    generation = Generation(anonymity=SUPPRESS.model_copy(update={"k": k}), balance=balance)
    named: dict[str, object] = {"quasi_identifiers": KNOWN, "sensitive": ("spent",)} | policy
    return contract(generation, unique=unique, **named)


def smallest(table: pd.DataFrame) -> tuple[int, int]:
    groups = table.astype(object).where(table.notna(), "missing").groupby(list(KNOWN))
    return int(groups.size().min()), int(groups["spent"].nunique().min())


def test_suppressed_rows_are_replaced_and_counted() -> None:
    pinned = asked()
    table, report = released(Invented(pinned), pinned, 2_000, 1)
    assert len(table) == 2_000
    assert report is not None
    assert report.anonymity is not None
    told = report.anonymity
    assert told.suppressed == told.replaced > 50
    assert report.drawn > 2_000
    assert smallest(table) == (told.smallest_k, told.smallest_l)
    assert told.smallest_k >= 25
    assert conform(table, pinned).violations == ()


def test_the_same_seed_gives_the_same_rows() -> None:
    pinned = asked()
    first, again, other = (released(Invented(pinned), pinned, 800, seed)[0] for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


@pytest.mark.parametrize("part", [None, 700])
def test_shares_stay_as_they_were_wished(part: int | None) -> None:
    """Without replacing, more of the rare rows are lost: fraud and the smaller sex have fewer rows in a class."""
    quotas = (Quota(column="sex", shares=(("f", 0.3), ("m", 0.7))),)
    pinned = asked(Balance(shares=(Share(column="fraud", value=1, share=0.2),), quotas=quotas))
    releasing = Releasing(Invented(pinned), pinned, 2_000, 3, part=part)
    table = pd.concat(releasing.parts(), ignore_index=True)
    report = releasing.report()
    assert report is not None
    assert report.anonymity is not None
    assert report.anonymity.replaced == report.anonymity.suppressed > 0
    assert len(table) == report.rows == 2_000
    assert int((table["fraud"] == 1).sum()) == 400
    assert int((table["sex"] == "f").sum()) == 600
    assert [share.after for share in report.shares] == pytest.approx([share.wished for share in report.shares])
    assert smallest(table)[0] >= 25


def test_a_run_s_share_stays_exact() -> None:
    pinned = asked()
    table, report = released(Invented(pinned), pinned, 1_000, 4, {"fraud": (1, 0.1)})
    assert len(table) == 1_000
    assert int((table["fraud"] == 1).sum()) == 100
    assert report is not None
    assert report.shares[0].after == 0.1


def test_unique_columns_stay_unique() -> None:
    shared = Balance(shares=(Share(column="fraud", value=1, share=0.1),))
    for part, balance in ((None, shared), (500, None), (500, shared)):
        pinned = asked(balance, unique=True)
        releasing = Releasing(Invented(pinned), pinned, 1_500, 5, part=part)
        table = pd.concat(releasing.parts(), ignore_index=True)
        assert len(table) == 1_500
        assert table["number"].is_unique


def test_rows_of_a_sequence_stay_in_order_of_time() -> None:
    pinned = asked(sequence=Sequence(entity="spent", time="day"))
    table, _ = released(Invented(pinned), pinned, 1_000, 6)
    assert len(table) == 1_000
    assert table["day"].is_monotonic_increasing


@dataclass(frozen=True, slots=True)
class Strange(Invented):
    """Draws a table of which half can be kept, and afterwards nothing that fits; counts what it is asked for."""

    asked: list[int] = field(default_factory=list)

    def sample(self, rows: int, seed: int, where: object = None) -> pd.DataFrame:
        self.asked.append(rows)
        table = Invented.sample(self, rows, seed)
        odd = np.arange(rows) % 2 == 1 if len(self.asked) == 1 else np.ones(rows, dtype=bool)
        common = {"sex": "m", "race": "a", "member": True}
        age = np.where(odd, 90 + np.arange(rows) % 9, 40) if rows < 20 else np.where(odd, np.arange(rows) % 100, 40)
        return conform(table.assign(**common, age=age).assign(sex=np.where(odd, "f", "m")), self.contract).table


def test_what_cannot_be_replaced_stays_out_after_a_bounded_number_of_draws() -> None:
    pinned = asked(k=50, quasi_identifiers=(*KNOWN, "age"))
    model = Strange(pinned)
    table, report = released(model, pinned, 1_000, 7)
    assert len(table) == 500
    assert report is not None
    assert report.anonymity is not None
    assert (report.anonymity.suppressed, report.anonymity.replaced) == (500, 0)
    assert len(model.asked) == 2
    assert report.drawn == sum(model.asked) < 5_000


def test_nothing_is_drawn_again_where_no_row_is_left() -> None:
    pinned = asked(k=1_000)
    with pytest.raises(InsufficientEvidence):
        released(Invented(pinned), pinned, 500, 1)
