"""draft, generate, evaluate, backtest on a small file: the libraries without a broker, and their exit codes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from generators.registry import installed
from schemas.odcs import read_contract
from tests.unit.stream_app.cli.conftest import Perennial


def shoppers(rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    age = random.integers(18, 80, rows)
    spent = np.round(random.exponential(20 + age / 4, rows), 1).clip(1, 80)
    weight = np.round(random.normal(70, 12, rows), 1).clip(45, 95)
    city = random.choice(["Bonn", "Oslo", "Rome"], rows, p=[0.5 - shift, 0.3, 0.2 + shift])
    buys = (random.random(rows) < 0.2 + 0.5 * (city == "Rome")).astype(int)
    return pd.DataFrame({"age": age, "weight": weight, "spent": spent, "city": city, "buys": buys})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, seed, shift in (("real", 1, 0.0), ("holdout", 2, 0.0), ("fresh", 3, 0.0), ("moved", 4, 0.4)):
        shoppers(4_000, seed, shift).to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def _drafted(perennial: Perennial, folder: Path, *more: str) -> Path:
    out = folder / "contract.yaml"
    said = perennial(
        "contract",
        "draft",
        folder / "real.csv",
        "--dataset",
        "shoppers",
        "--target",
        "buys",
        "--subgroup",
        "city",
        "--epsilon",
        "3",
        "--out",
        out,
        "--json",
        *more,
    )
    assert said.code == 0
    assert said.document["columns"] == 5
    return out


def test_a_draft_says_which_domains_nobody_confirmed(perennial: Perennial, folder: Path) -> None:
    said = perennial(
        "contract", "draft", folder / "real.csv", "--dataset", "shoppers", "--out", folder / "c.yaml", "--json"
    )
    assert said.document["unconfirmed"] == ["age", "weight", "spent", "city", "buys"]
    assert "--public-domains" in said.err
    contract = read_contract((folder / "c.yaml").read_text(encoding="utf-8"))
    assert contract.unconfirmed == ("age", "weight", "spent", "city", "buys")


def test_unconfirmed_domains_refuse_a_formal_claim(perennial: Perennial, folder: Path) -> None:
    contract = _drafted(perennial, folder)
    said = perennial("generate", "--data", folder / "real.csv", "--contract", contract, "--out", folder / "s.parquet")
    assert said.code == 2
    assert "confirmed: true" in said.err
    assert not (folder / "s.parquet").exists()


def _generated(perennial: Perennial, folder: Path, contract: Path, name: str, *more: str) -> Path:
    out = folder / name
    said = perennial(
        "generate",
        "--data",
        folder / "real.csv",
        "--contract",
        contract,
        "--rows",
        "3000",
        "--seed",
        "7",
        "--out",
        out,
        "--json",
        *more,
    )
    assert said.code == 0, said.err
    told = said.document
    assert (told["rows"], told["family"], told["out"]) == (3000, "dp-marginals", str(out))
    assert 0 < float(told["epsilon"]) <= 3
    assert told["mechanisms"]
    return out


def test_the_same_seed_repeats_the_table(perennial: Perennial, folder: Path) -> None:
    contract = _drafted(perennial, folder, "--public-domains")
    one, two = (_generated(perennial, folder, contract, name) for name in ("one.parquet", "two.parquet"))
    pd.testing.assert_frame_equal(pd.read_parquet(one), pd.read_parquet(two))
    assert list(pd.read_parquet(one).columns) == ["age", "weight", "spent", "city", "buys"]


def test_a_share_can_be_asked_for(perennial: Perennial, folder: Path) -> None:
    contract = _drafted(perennial, folder, "--public-domains")
    table = pd.read_parquet(_generated(perennial, folder, contract, "half.parquet", "--where", "buys=1:50%"))
    assert abs(table["buys"].astype(int).mean() - 0.5) < 0.01


def _evaluate(
    perennial: Perennial, folder: Path, contract: Path, synthetic: Path, *more: str | Path
) -> tuple[int, dict[str, str], str]:
    said = perennial(
        "evaluate",
        "--real",
        folder / "real.csv",
        "--holdout",
        folder / "holdout.csv",
        "--synthetic",
        synthetic,
        "--contract",
        contract,
        "--json",
        *more,
    )
    found = said.document
    assert {"metric", "value", "interval", "limit", "verdict"} <= set().union(*found["findings"])
    return said.code, {finding["metric"]: finding["verdict"] for finding in found["findings"]}, found["verdict"]


def test_evaluate_passes_fresh_rows_and_refuses_copies_on_a_page_that_opens_offline(
    perennial: Perennial, folder: Path
) -> None:
    contract = _drafted(perennial, folder, "--public-domains")
    code, verdicts, verdict = _evaluate(perennial, folder, contract, folder / "fresh.csv")
    assert (code, verdict) == (0, "PASS"), verdicts
    report = folder / "report.html"
    code, verdicts, verdict = _evaluate(perennial, folder, contract, folder / "real.csv", "--report", report)
    assert (code, verdict) == (1, "FAIL")
    assert verdicts["copied_rows"] == "FAIL"
    text = report.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "copied_rows" in text
    assert "src=" not in text


def test_evaluate_reads_what_generate_wrote(perennial: Perennial, folder: Path) -> None:
    contract = _drafted(perennial, folder, "--public-domains")
    code, verdicts, verdict = _evaluate(
        perennial, folder, contract, _generated(perennial, folder, contract, "s.parquet")
    )
    assert verdicts["schema_violations"] == "PASS"
    assert verdicts["copied_rows"] == "PASS"
    assert (code == 0) == (verdict == "PASS")


def test_a_related_table_without_a_name_is_an_error_before_anything_is_measured(
    perennial: Perennial, folder: Path
) -> None:
    contract = _drafted(perennial, folder)
    tables = ("--real", folder / "real.csv", "--holdout", folder / "holdout.csv", "--synthetic", folder / "real.csv")
    said = perennial("evaluate", *tables, "--contract", contract, "--related", folder / "real.csv")
    assert said.code == 2
    assert "name=FILE" in said.err


def test_a_backtest_tells_drift_line_by_line_and_keeps_quiet_without(perennial: Perennial, folder: Path) -> None:
    contract = _drafted(perennial, folder, "--public-domains")
    common = ("drift", "backtest", "--reference", folder / "real.csv", "--contract", contract, "--json", "--stream")
    quiet = perennial(*common, folder / "fresh.csv")
    assert (quiet.code, quiet.out) == (0, "")
    pd.concat([shoppers(2_000, 5), shoppers(4_000, 6, shift=0.4)]).to_csv(folder / "stream.csv", index=False)
    found = perennial(*common, folder / "stream.csv").documents
    assert found
    assert {"row", "since_row", "kind", "columns", "effect"} <= set(found[0])
    assert found[0]["row"] > 2_000
    assert any("city" in sign["columns"] for sign in found)


def test_a_kept_model_is_sampled_again_in_any_format(perennial: Perennial, folder: Path) -> None:
    contract = _drafted(perennial, folder, "--public-domains")
    first = perennial(
        *("generate", "--data", folder / "real.csv", "--contract", contract, "--out", folder / "s.csv"),
        *("--rows", "500", "--seed", "4", "--keep-model", folder / "m.bin", "--json"),
    )
    assert (first.code, first.document["rows"]) == (0, 500)
    sample = ("sample", folder / "m.bin", "--contract", contract, "--rows", "500")
    again = perennial(*sample, "--seed", "4", "--out", folder / "again.csv", "--json")
    assert again.code == 0
    assert (folder / "again.csv").read_bytes() == (folder / "s.csv").read_bytes()
    assert again.document["epsilon"] == first.document["epsilon"] is not None
    more = perennial(*sample, "--where", "buys=1:50%", "--out", folder / "half.jsonl.gz", "--json")
    assert more.code == 0
    assert int((pd.read_json(folder / "half.jsonl.gz", lines=True)["buys"] == 1).sum()) == 250
    refused = perennial(*sample, "--out", folder / "x.xlsx", "--json")
    assert refused.code == 2
    assert "name it" in refused.document["error"]


def _empirical(contract: Path) -> Path:
    """The file with a claim that promises nothing."""
    written = contract.read_text(encoding="utf-8")
    assert "claim: formal" in written
    contract.write_text(written.replace("claim: formal", "claim: empirical"), encoding="utf-8")
    return contract


@pytest.mark.skipif(not installed("simulation"), reason="needs the extra simulation")
def test_rules_need_a_contract_and_no_rows(perennial: Perennial, folder: Path) -> None:
    contract, out = _empirical(_drafted(perennial, folder)), folder / "invented.csv"
    asked = ("generate", "--family", "rules", "--contract", contract, "--out", out, "--seed", "1")
    assert "--rows" in perennial(*asked).err
    said = perennial(*asked, "--rows", "150", "--json")
    assert said.code == 0
    assert (said.document["rows"], said.document["epsilon"]) == (150, None)
    assert len(pd.read_csv(out)) == 150
    said = perennial("generate", "--contract", contract, "--out", out, "--rows", "150")
    assert (said.code, "--data" in said.err) == (2, True)


def test_a_bake_off_names_the_closest_family_and_is_refused_under_a_formal_claim(
    perennial: Perennial, folder: Path
) -> None:
    contract = _drafted(perennial, folder, "--public-domains")
    asked = ("contract", "bakeoff", "--data", folder / "real.csv", "--contract", contract, "--rows", "1000")
    named = ("--family", "trees", "--family", "dp-marginals")
    refused = perennial(*asked, *named, "--json")
    assert (refused.code, "nobody pays" in refused.document["error"]) == (2, True)
    _empirical(contract)
    said = perennial(*asked, *named, "--json")
    assert said.code == 0
    told = said.document["families"]
    assert {row["family"]: row["verdict"] for row in told} == {"trees": "tasted", "dp-marginals": "tasted"}
    assert told[0]["distance"] <= told[1]["distance"]
    assert "tasting trees" in said.err
    text = perennial(*asked, "--family", "trees")
    assert text.out.split() == ["family", "verdict", "distance", "seconds", "reason", *text.out.split()[5:]]
    failed = perennial(*asked, "--family", "par")
    assert (failed.code, "failed" in failed.out) == (1, True)
