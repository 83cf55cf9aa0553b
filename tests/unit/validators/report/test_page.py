"""The report: complete, self-contained, safe against hostile names, and without a real cell."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from schemas.contract import Categories, Column, Contract, Policy, Privacy
from schemas.finding import Finding
from schemas.table import conform
from tests.unit.validators.population import evidence
from validators.evaluate import judged
from validators.protocol import Evidence
from validators.report.marginals import FEW, REST, overlays
from validators.report.page import page
from validators.report.pictures import pictures
from validators.verdicts import hold

HOSTILE = "<script>alert('$x$')</script>"
SAMPLES = {"synthetic": 900, "train": 900, "holdout": 900}


def written(source: Evidence, findings: tuple[Finding, ...]) -> str:
    return page(source.contract, findings, pictures(source, findings), SAMPLES)


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_has_every_finding_and_picture_and_needs_nothing_from_outside() -> None:
    source = evidence((1_200, 1_200, 600, 1_200))
    found = judged(source)
    text = written(source, found.findings)
    assert found.verdict in text
    assert all(f"<b>{finding.metric}</b>" in text for finding in found.findings)
    titles = ("Each column by itself", "Columns together", "Distance to the nearest", "Who was in", "Models trained")
    assert all(title in text for title in titles)
    tags = Tags()
    tags.feed(text)
    assert {"script", "link", "img", "iframe"}.isdisjoint(tag for tag, _ in tags.seen)
    links = ("href", "src", "xlink:href")
    outward = [value for _, attrs in tags.seen for name, value in attrs.items() if name in links]
    assert all(value is not None and value.startswith(("#", "data:")) for value in outward)
    assert "url(http" not in text


def test_the_same_findings_make_the_same_page() -> None:
    source = evidence((600, 400, 200, 600))
    findings = (hold(source.contract, "coverage", "utility", 0.5),)
    assert written(source, findings) == written(source, findings)


def test_a_hostile_column_name_stays_text() -> None:
    contract = Contract(
        dataset="odd", columns=(Column(name=HOSTILE, type="string"), Column(name="n", type="number")),
        policy=Policy(privacy=Privacy(claim="empirical", scope="odd")),
    )  # fmt: skip
    frame = conform(pd.DataFrame({HOSTILE: ["a", "b"] * 50, "n": np.arange(100.0)}), contract).table
    source = Evidence(contract, frame, frame, frame, frame.iloc[:0], 0)
    finding = hold(contract, "coverage", "utility", 0.5, reason=HOSTILE, detail={"worst": {HOSTILE: 0.1}})
    text = written(source, (finding,))
    assert "<script" not in text
    assert "&lt;script" in text


def test_rare_categories_and_thin_bars_are_pooled_and_unlisted_names_are_not_told() -> None:
    source = evidence((600, 600, 200, 600))
    rare = source.holdout["plan"].astype(object).copy()
    rare.iloc[: FEW - 1] = "only-nine-people"
    changed = replace(source, holdout=source.holdout.assign(plan=rare))
    found = {overlay.name: overlay for overlay in overlays(changed)}
    assert found["plan"].labels == ("#1", "#2", "#3", REST, "missing")
    assert set(found["region"].labels) - {REST, "missing"} <= {"north", "south", "east", "west", "isles"}
    assert isinstance(changed.contract.column("region").domain, Categories)
    rows = len(changed.holdout)
    assert all(share == 0 or share * rows >= FEW - 1 for share in found["age"].real)
    text = written(changed, (hold(changed.contract, "coverage", "utility", 0.5),))
    assert "only-nine-people" not in text


def test_no_exact_real_number_stands_in_the_page() -> None:
    source = evidence((800, 800, 300, 800))
    odd = source.holdout.assign(income=source.holdout["income"].mask(source.holdout.index == 3, 987_654.321))
    text = written(replace(source, holdout=odd), (hold(source.contract, "coverage", "utility", 0.5),))
    assert "987654" not in re.sub(r"[ ,]", "", text)


@pytest.mark.parametrize("metric", ["neighbour_risk", "membership_accuracy", "tstr_ratio", "subgroup_gap"])
def test_a_finding_that_measured_nothing_has_no_picture(metric: str) -> None:
    source = evidence((300, 300, 100, 300))
    finding = Finding(metric=metric, gate="privacy", verdict="INSUFFICIENT")
    assert len(pictures(source, (finding,))) == 2


def test_empty_tables_make_a_page_without_overlays() -> None:
    source = evidence((300, 300, 100, 300))
    empty = replace(source, synthetic=source.synthetic.iloc[:0])
    assert pictures(empty, ()) == []
    assert "nothing measured" in written(empty, (Finding(metric="coverage", gate="utility", verdict="INVALID"),))
