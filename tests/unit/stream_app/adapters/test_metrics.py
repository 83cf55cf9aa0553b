"""Metrics under the names that alerts rest on."""

from typing import get_type_hints

from stream_app.adapters.metrics import DECLARED, Metrics


def test_the_gauges_show_the_figures_of_a_live_stream() -> None:
    metrics = Metrics()
    metrics.live("flights", 0.125, 0.5)
    shown = metrics.registry.get_sample_value
    assert shown("perennial_live_missing_share", {"dataset": "flights"}) == 0.125
    assert shown("perennial_drift_score", {"dataset": "flights"}) == 0.5


def test_what_is_declared_is_what_the_stations_can_write() -> None:
    kinds = {name: kind.__name__.lower() for name, kind in get_type_hints(Metrics).items()}
    assert kinds == {name: declared.kind for name, declared in DECLARED.items()}
