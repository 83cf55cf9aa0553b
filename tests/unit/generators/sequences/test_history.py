"""What a row looks back on: recent marks, and an episode that lasts until a long pause."""

import numpy as np

from generators.sequences.history import History, ratios, spans

NOW = np.array([0, 0])


def test_nothing_happened_yet() -> None:
    history = History(2, attributes=1, measured=1, pause=100, minutes=1)
    assert [column.tolist() for column in history.features(np.array([0, 1]), NOW)] == [[0, 0]] * 6


def test_an_episode_goes_on_through_other_rows_and_ends_with_a_pause() -> None:
    history, at = History(1, attributes=1, measured=1, pause=100, minutes=1), np.array([0])
    for when, mark in ((10, True), (20, False), (60, True), (90, False)):
        history.note(at, np.array([when]), np.array([[1 + mark]]), np.array([[7 if mark else 9]]), np.array([mark]))
    last, odd, since, marks, marked, episode = (column[0] for column in history.features(at, np.array([100])))
    assert (last, odd, marks) == (1, 7, 2)
    assert (since, marked, episode) == tuple(spans(np.array([10.0, 40.0, 90.0])))
    assert history.features(at, np.array([161]))[-1][0] == 0
    history.note(at, np.array([200]), np.array([[2]]), np.array([[8]]), np.array([True]))
    assert history.features(at, np.array([210]))[-1][0] == spans(np.array([10.0]))[0]


def test_spans_and_ratios_keep_the_order() -> None:
    assert (np.diff(spans(2.0 ** np.arange(0, 20, 0.5))) > 0).all()
    assert (np.diff(ratios(np.array([10, 20, 40, 80]), np.full(4, 40))) > 0).all()
