"""Metrics under the names that alerts rest on."""

from stream_app.adapters.metrics import Metrics


def test_the_gauges_show_the_figures_of_a_live_stream() -> None:
    metrics = Metrics()
    metrics.live("flights", 0.125, 0.5)
    shown = metrics.registry.get_sample_value
    assert shown("perennial_live_missing_share", {"dataset": "flights"}) == 0.125
    assert shown("perennial_drift_score", {"dataset": "flights"}) == 0.5
