"""`perennial drift`: recorded streams tried, drift told and drawn, events of detectors outside sent."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from schemas import drift as policy
from schemas.events.sources import DriftDetected, ShareMoved
from schemas.odcs import read_contract, write_contract
from schemas.topics import TOPICS
from stream_app.adapters.embedded_broker import EmbeddedBroker
from stream_app.adapters.publisher import Publisher
from stream_app.adapters.reader import read_topic
from stream_app.cli import drifts
from tests.events import drift
from tests.unit.stream_app.cli.conftest import Perennial
from tests.unit.stream_app.cli.test_libraries import shoppers

VECTORS = Path(__file__).parents[3] / "vectors"
SHARES = (ShareMoved(label="0", before=0.8, after=0.6), ShareMoved(label="1", before=0.2, after=0.4))
SAID = "the share of category '1' of late rose from 20 % to 40 %"


@pytest.fixture
def files(perennial: Perennial, tmp_path: Path) -> tuple[str | Path, ...]:
    real, stream, contract = (tmp_path / name for name in ("real.csv", "stream.csv", "contract.yaml"))
    shoppers(4_000, 1).to_csv(real, index=False)
    pd.concat([shoppers(2_000, 5), shoppers(4_000, 6, shift=0.4)]).to_csv(stream, index=False)
    assert perennial("contract", "draft", real, "--dataset", "shoppers", "--out", contract).code == 0
    return ("drift", "backtest", "--reference", real, "--stream", stream, "--contract", contract, "--json")


@pytest.mark.parametrize("detector", ["cusum", "page_hinkley", "adwin"])
def test_each_detector_can_be_tried(perennial: Perennial, files: tuple[str | Path, ...], detector: str) -> None:
    found = perennial(*files, "--detector", detector).documents
    assert found[0]["row"] > 2_000
    assert "city" in found[0]["columns"]
    assert (found[0]["threshold"] == 1) == (detector != "cusum")


def test_the_contract_decides_where_the_command_line_is_silent(
    perennial: Perennial, files: tuple[str | Path, ...]
) -> None:
    contract = Path(files[files.index("--contract") + 1])
    agreed = read_contract(contract.read_text(encoding="utf-8"))
    watched = agreed.policy.model_copy(update={"drift": policy.DriftPolicy(detector="page_hinkley")})
    contract.write_text(write_contract(agreed.model_copy(update={"policy": watched})), encoding="utf-8")
    assert perennial(*files).documents[0]["threshold"] == 1
    assert perennial(*files, "--detector", "cusum").documents[0]["threshold"] != 1


def test_events_say_onset_severity_and_a_sentence(perennial: Perennial, files: tuple[str | Path, ...]) -> None:
    found = perennial(*files).documents[0]
    assert found["onset"] in ("abrupt", "gradual")
    assert found["severity_word"] in ("low", "medium", "high")
    assert found["columns"][0] in found["said"]
    text = perennial(*files[:-1])
    assert found["said"] in text.out


def test_fewer_alarms_ask_for_a_higher_threshold(perennial: Perennial, files: tuple[str | Path, ...]) -> None:
    often, seldom = (perennial(*files, "--alarms-per-million", rate).documents[0] for rate in ("100", "0.001"))
    assert seldom["threshold"] > often["threshold"]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--detector", "kswin"),
        ("--season", "century"),
        ("--alarms-per-million", "0"),
        ("--alarms-per-million", "nan"),
        ("--plot", "stream.png"),
    ],
    ids=" ".join,
)
def test_what_there_is_not_is_an_error(
    perennial: Perennial, files: tuple[str | Path, ...], wrong: tuple[str, ...]
) -> None:
    said = perennial(*files, *wrong)
    assert said.code == 2
    assert said.err.strip()


def test_a_stream_is_drawn_with_its_drift_and_without(
    perennial: Perennial, files: tuple[str | Path, ...], tmp_path: Path
) -> None:
    picture = tmp_path / "stream.svg"
    assert perennial(*files, "--plot", picture).code == 0
    with_drift = picture.read_text(encoding="utf-8")
    assert "share of city" in with_drift
    stream = Path(files[files.index("--stream") + 1])
    shoppers(2_000, 5).to_csv(stream, index=False)
    assert perennial(*files, "--plot", picture).out == ""
    assert "share of " in picture.read_text(encoding="utf-8") != with_drift


def test_columns_that_change_and_a_target_that_follows_otherwise_are_told_and_drawn(
    perennial: Perennial, tmp_path: Path
) -> None:
    # Seeds 1 and 2. From row 6,000 on the target is the opposite of its only reason; from 3,000 on a column is new.
    real, stream, contract, picture = (tmp_path / name for name in ("real.csv", "stream.csv", "c.yaml", "p.svg"))
    reasons(8_000, 1).to_csv(real, index=False)
    reasons(12_000, 2, turn=6_000).assign(new=[None] * 3_000 + [1] * 9_000).to_csv(stream, index=False)
    assert perennial("contract", "draft", real, "--dataset", "r", "--target", "y", "--out", contract).code == 0
    command = ("drift", "backtest", "--reference", real, "--stream", stream, "--contract", contract)
    found = perennial(*command, "--label-delay", "2000", "--json", "--plot", picture).documents
    assert [(each["row"], each["columns"]) for each in found if each["kind"] == "schema"] == [(4_000, ["new"])]
    (concept,) = [each for each in found if each["kind"] == "concept"]
    assert (concept["row"] > 8_000, concept["columns"], concept["effect_unit"]) == (True, ["y"], "error_rate")
    text = perennial(*command, "--label-delay", "2000").out
    assert "the columns changed: new; since row 4000" in text
    assert concept["said"] in text
    drawn = picture.read_text(encoding="utf-8")
    assert "errors in y, %" in drawn
    assert "columns changed: new" in drawn


def test_labels_cannot_be_late_where_there_are_none(perennial: Perennial, files: tuple[str | Path, ...]) -> None:
    said = perennial(*files, "--label-delay", "10")
    assert (said.code, "names no target" in said.err) == (2, True)


def reasons(rows: int, seed: int, turn: int | None = None) -> pd.DataFrame:
    """``y`` mostly follows from ``x``, and from ``turn`` on mostly from its opposite."""
    random = np.random.default_rng(seed)
    x, right = random.random(rows) < 0.5, random.random(rows) < 0.9
    right ^= np.arange(rows) >= (rows if turn is None else turn)
    words = np.array(["no", "yes"], dtype=object)
    return pd.DataFrame({"x": words[x.astype(int)], "a": random.random(rows), "y": words[(x ^ ~right).astype(int)]})


def test_choices_are_those_of_the_contract() -> None:
    assert get_args(drifts.Detector) == get_args(policy.Detector)
    assert get_args(drifts.Season) == get_args(policy.Season)


@pytest.fixture(scope="module")
def bootstrap() -> Iterator[str]:
    """One broker for all: each test has a dataset of its own."""
    with EmbeddedBroker({topic.name: 1 for topic in TOPICS}) as broker:
        yield broker.bootstrap


def tell(bootstrap: str, *events: DriftDetected) -> None:
    with Publisher(bootstrap, "/test") as publisher:
        for event in events:
            publisher.send("source.drift", event)
        publisher.flush()


def told_of(bootstrap: str, dataset: str) -> list[DriftDetected]:
    events = [message.event() for message in read_topic(bootstrap, "source.drift")]
    return [event for event in events if isinstance(event, DriftDetected) and event.dataset == dataset]


def test_a_drift_is_shown_with_its_marginal_and_drawn(perennial: Perennial, bootstrap: str, tmp_path: Path) -> None:
    first = drift(5_000, dataset="shown", said=SAID, shares=SHARES)
    tell(bootstrap, first, drift(9_000, dataset="shown", kind="schema", window=None))
    words = ("drift", "show", "latest", "--dataset", "shown", "--bootstrap", bootstrap)
    said = perennial("drift", "show", first.event_id, "--bootstrap", bootstrap, "--plot", tmp_path / "moved.svg")
    assert said.code == 0
    assert SAID in said.out
    assert "+20.00%" in said.out
    assert "share of rows" in (tmp_path / "moved.svg").read_text(encoding="utf-8")
    latest = perennial(*words, "--json").document
    assert (latest["kind"], latest["shares"]) == ("schema", [])
    none = perennial(*words, "--plot", tmp_path / "none.svg")
    assert (none.code, "carries no marginal" in none.err) == (2, True)
    assert perennial("drift", "show", "latest", "--dataset", "none", "--bootstrap", bootstrap).code == 2


def test_watching_tells_what_stands_and_what_comes(perennial: Perennial, bootstrap: str) -> None:
    tell(bootstrap, drift(5_000, dataset="watched", said=SAID))
    timer = threading.Timer(0.6, tell, (bootstrap, drift(9_000, dataset="watched")))
    timer.start()
    said = perennial("drift", "status", "watched", "--watch", "--seconds", "2.5", "--bootstrap", bootstrap, "--json")
    timer.join()
    assert said.code == 0
    assert [each["row"] for each in said.documents] == [5_000, 9_000]
    assert said.documents[0]["said"] == SAID
    assert said.documents[0]["at"].startswith(time.strftime("%Y-", time.gmtime()))
    other = perennial("drift", "status", "none", "--watch", "--seconds", "0", "--bootstrap", bootstrap)
    assert (other.code, other.out) == (0, "")


def test_control_c_ends_watching_without_an_error(
    perennial: Perennial, bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(bootstrap, drift(5_000, dataset="interrupted", said=SAID))

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(drifts.time, "sleep", interrupt)
    said = perennial("drift", "status", "interrupted", "--watch", "--bootstrap", bootstrap)
    assert (said.code, SAID in said.out) == (0, True)


def test_a_report_of_evidently_is_published_once_however_often_it_is_sent(perennial: Perennial, bootstrap: str) -> None:
    report = VECTORS / "evidently-0.7.23-p-values.json"
    words = (
        "drift",
        "publish",
        "--evidently",
        report,
        "--dataset",
        "reported",
        "--row",
        "700",
        "--bootstrap",
        bootstrap,
    )
    first, again = (perennial(*words, "--json").document for _ in range(2))
    assert first == again
    event, repeat = told_of(bootstrap, "reported")
    assert event == repeat
    assert (event.event_id, event.kind, event.row) == (first["event_id"], "external", 700)
    (shown,) = perennial("drift", "status", "reported", "--bootstrap", bootstrap, "--json").document
    assert shown["detector"] == "evidently"


def test_nothing_is_sent_where_nothing_drifted_or_the_event_is_not_allowed(
    perennial: Perennial, bootstrap: str, tmp_path: Path
) -> None:
    quiet = json.loads((VECTORS / "evidently-0.7.23-distances.json").read_text(encoding="utf-8"))
    quiet["metrics"][0]["value"], quiet["metrics"][1]["value"] = {"count": 0.0, "share": 0.0}, 0.01
    (tmp_path / "quiet.json").write_text(json.dumps(quiet), encoding="utf-8")
    ours = drift(5_000, dataset="judged", kind="external", detector="perennial-drift-2").document()
    (tmp_path / "ours.json").write_text(json.dumps(ours), encoding="utf-8")
    theirs = drift(5_000, dataset="judged", kind="external", detector="theirs").document()
    (tmp_path / "theirs.json").write_text(json.dumps(theirs), encoding="utf-8")
    report, broker = ("--evidently", tmp_path / "quiet.json"), ("--bootstrap", bootstrap)
    assert perennial("drift", "publish", *report, "--dataset", "judged", *broker).code == 1
    assert perennial("drift", "publish", *report, *broker).code == 2
    assert perennial("drift", "publish", *broker).code == 2
    assert "name of its own" in perennial("drift", "publish", "--event", tmp_path / "ours.json", *broker).err
    another = perennial("drift", "publish", "--event", tmp_path / "theirs.json", "--dataset", "ships", *broker)
    assert another.code == 2
    assert not told_of(bootstrap, "judged")
    assert perennial("drift", "publish", "--event", tmp_path / "theirs.json", *broker).code == 0
    assert len(told_of(bootstrap, "judged")) == 1
