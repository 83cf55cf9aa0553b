"""Scores of sdmetrics: the two reports' overall scores, and new rows."""

from typing import Any

from runner import Tables, main


def score(tables: Tables, asked: dict[str, Any]) -> dict[str, float]:
    """Overall scores with the reports' defaults; a part that fails leaves its score out."""
    from sdmetrics.reports.single_table import DiagnosticReport, QualityReport

    train, synthetic = tables["train"], tables["synthetic"]
    described = metadata(train, asked)
    reports = {"quality": QualityReport(), "diagnostic": DiagnosticReport()}
    for report in reports.values():
        report.generate(train, synthetic, described, verbose=False)
    scores = {name: report.get_score() for name, report in reports.items()}
    return scores | privacy(tables, described)


def privacy(tables: Tables, described: dict[str, Any]) -> dict[str, float]:
    """New rows on 1,000 synthetic rows. Its DCR measure is left out: it takes two minutes on 4,000 rows."""
    import numpy as np
    from sdmetrics.single_table import NewRowSynthesis

    train, synthetic = tables["train"], tables["synthetic"]
    np.random.seed(1)
    rows = min(1_000, len(synthetic))
    return {"new_rows": NewRowSynthesis.compute(train, synthetic, metadata=described, synthetic_sample_size=rows)}


def metadata(train: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """Sdtypes as a careful user would state them: keys as ids, times as times, the rest by type."""
    kinds = {}
    for name in train.columns:
        if name in asked.get("keys", ()):
            kinds[name] = "id"
        elif train[name].dtype.kind == "M":
            kinds[name] = "datetime"
        else:
            kinds[name] = "categorical" if name in asked["categorical"] else "numerical"
    described: dict[str, Any] = {"columns": {name: {"sdtype": kind} for name, kind in kinds.items()}}
    if asked.get("keys"):
        described["primary_key"] = asked["keys"][0]
    return described


if __name__ == "__main__":
    main(score)
