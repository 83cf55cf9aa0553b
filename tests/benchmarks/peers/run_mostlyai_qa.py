"""Scores of mostlyai-qa's model report: accuracy, similarity, distances. Works offline: its embedder comes with it."""

from pathlib import Path
from typing import Any

from runner import Tables, main


def score(tables: Tables, asked: dict[str, Any]) -> dict[str, float]:
    """The report on all rows, on one core where asked; the page goes to the current folder."""
    from joblib import parallel_config
    from mostlyai import qa

    qa.set_random_state(1)
    tables = {name: table.drop(columns=asked.get("keys", []), errors="ignore") for name, table in tables.items()}
    with parallel_config(n_jobs=1 if asked["one_core"] else -1):
        _, metrics = qa.report(
            syn_tgt_data=tables["synthetic"],
            trn_tgt_data=tables["train"],
            hol_tgt_data=tables["holdout"],
            tgt_context_key=asked.get("sequence"),
            report_path=Path("report.html"),
        )
    if metrics is None:
        raise SystemExit("the report ended early: too few rows")
    accuracy, similarity, distances = metrics.accuracy, metrics.similarity, metrics.distances
    return {
        "accuracy": accuracy.overall,
        "univariate": accuracy.univariate,
        "bivariate": accuracy.bivariate,
        "trivariate": accuracy.trivariate,
        "cosine": similarity.cosine_similarity_training_synthetic,
        "discriminator_auc": similarity.discriminator_auc_training_synthetic,
        "identical_share": distances.ims_training,
        "dcr_share": distances.dcr_share,
    }


if __name__ == "__main__":
    main(score)
