"""Each drift once, and what the planner made of it, told from the facts that the planner really published."""

from typing import Any

import pytest

from schemas.errors import InputError
from stream_app.catalogue.drift_words import line_of, lines_of
from stream_app.catalogue.drifts import Drift, drifts, find_drift, sentence_of
from stream_app.catalogue.report import report
from stream_app.catalogue.view import Catalogue
from tests.events import command, contract, drift, profile
from tests.simulator import Simulator


def told(*events: Any, **regeneration: Any) -> Catalogue:
    """The view of everything that the stations say when these events come to a contract and a profile."""
    agreed = contract(**regeneration)
    simulator, view = Simulator(), Catalogue()
    for event in (
        command("apply_contract", role="owner", contract=agreed.document()),
        profile(digest=agreed.digest()),
        *events,
    ):
        simulator.tell(event)
        simulator.settle()
    for partitions in simulator.broker.topics.values():
        for entry in (entry for partition in partitions for entry in partition):
            view.add(entry.event)
    return view


def only(view: Catalogue) -> Drift:
    (found,) = drifts(view)
    return found


def test_a_drift_that_is_acted_on_names_its_run_and_how_far_it_came() -> None:
    view = told(drift(5_000))
    found = only(view)
    assert found.answer.made == "run"
    assert found.answer.run_id in {dossier.request.run_id for _, dossier in view.dossiers.values()}
    assert found.answer.run_id is not None
    assert found.document()["planner"]["run"] == found.answer.run_id
    assert found.sealed is not None


def test_the_report_of_a_release_says_the_drift_that_started_its_run() -> None:
    view = told(drift(5_000, said="the mean of late rose by 0.40 standard deviations"))
    started = {dossier.request.run_id: dossier for _, dossier in view.dossiers.values()}
    by_drift = started.pop(str(only(view).answer.run_id))
    sentence = sentence_of(view, "flights", by_drift.request.run_id)
    assert "That is: the mean of late rose by 0.40 standard deviations." in report(by_drift, None, sentence)
    (by_snapshot,) = started.values()
    assert sentence_of(view, "flights", by_snapshot.request.run_id) is None
    assert "That is" not in report(by_snapshot, None, None)


def test_seen_and_sealed_are_one_drift_and_the_sealed_one_decides() -> None:
    seen, sealed = drift(5_000, window=None), drift(5_000)
    found = only(told(seen))
    assert found.answer.made == "dismissed"
    assert found.answer.reason is not None
    assert "its sealed window will decide" in found.answer.reason
    assert found.document()["window"] is False
    both = only(told(seen, sealed))
    assert both.answer.made == "run"
    assert both.ids == (seen.event_id, sealed.event_id)


def test_the_second_of_two_says_why_it_was_dismissed() -> None:
    first, second = drifts(told(drift(5_000), drift(5_050)))
    assert first.answer.made == "run"
    assert second.answer.made == "dismissed"
    assert "the same change" in str(second.answer)


def test_a_cool_down_defers_and_what_is_overtaken_meanwhile_is_dismissed() -> None:
    first, second = drifts(told(drift(5_000), drift(9_000), cool_down_seconds=3_600))
    assert first.answer.made == "dismissed"
    assert "overtaken" in str(first.answer)
    assert second.answer.made == "deferred"
    assert "cool-down" in str(second.answer)


def test_what_no_planner_has_heard_of_is_undecided() -> None:
    view = Catalogue()
    view.add(drift(5_000))
    assert str(only(view).answer) == "undecided"


def test_words_name_kind_severity_effect_rows_and_the_sentence() -> None:
    view = Catalogue()
    view.add(drift(5_000, said="the share of category '1' of late rose from 20 % to 40 %", severity=0.6))
    text = lines_of(only(view))
    for part in ("marginal", "high (0.60)", "rose from 20 %", "row 5000", "since row 4900", "+0.2 total variation"):
        assert part in text
    assert "window of 400 rows sealed" in text
    assert "\n" not in line_of(only(view))


def test_a_drift_is_found_by_either_id_or_as_the_latest() -> None:
    seen, sealed, later = drift(5_000, window=None), drift(5_000), drift(9_000)
    view = Catalogue()
    for at, event in enumerate((seen, sealed, later)):
        view.add(event)
        view.seen_at[event.event_id] = at
    assert find_drift(view, seen.event_id).latest == find_drift(view, sealed.event_id).latest == sealed
    assert find_drift(view, "latest").latest == later
    with pytest.raises(InputError, match=later.event_id):
        find_drift(view, "nothing")
    with pytest.raises(InputError, match="no drift was found yet"):
        find_drift(Catalogue(), "latest")


def test_no_sender_can_steer_a_terminal_or_stop_the_list() -> None:
    view = Catalogue()
    event = drift(5_000, said="fine\x1b[2J\nforged: line", columns=("late\r",), detector="their\x07s")
    view.add(event)
    view.seen_at[event.event_id] = 10**18
    found = only(view)
    assert found.document()["at"] == str(10**18)
    text = lines_of(found) + line_of(found)
    assert len(lines_of(found).splitlines()) == 5
    assert all(each.isprintable() or each == "\n" for each in text)
