"""The learners that every question about models is put to: gradient boosting, and a linear model."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from schemas.bins import Reals
from schemas.contract import Column
from validators.models.boosting import Boosted, classifier, regressor
from validators.models.design import design_matrix
from validators.models.linear import Logistic, Ridge, logistic, ridge
from validators.protocol import Evidence
from validators.utility.target import Target
from validators.views import tree_coder, tree_matrix

if TYPE_CHECKING:
    import pandas as pd


class Fitted(Protocol):
    """A model of one target."""

    def scores(self, rows: Reals) -> Reals:
        """(n, classes) probabilities, 0 for a class that was not there to learn, or (n, 1) predicted numbers."""


class Learner(Protocol):
    """One way to learn a target from rows."""

    def matrix(self, evidence: Evidence, table: "pd.DataFrame", columns: tuple[Column, ...]) -> Reals:
        """(n_rows, n_dimensions) float64 of ``table``, worked out once."""

    def fit(self, evidence: Evidence, rows: Reals, labels: Reals, found: Target, columns: tuple[Column, ...]) -> Fitted:
        """A model of ``labels``, none of them missing; constant where they are."""


@dataclass(frozen=True, slots=True)
class _Classes:
    """Probabilities spread over all classes of the target."""

    model: Boosted | Logistic | None
    present: Reals
    classes: int

    def scores(self, rows: Reals) -> Reals:
        spread = np.zeros((len(rows), self.classes))
        known = self.present.astype(np.int64)
        spread[:, known] = 1.0 if self.model is None else self.model.probabilities(rows)
        return spread


@dataclass(frozen=True, slots=True)
class _Number:
    model: Boosted | Ridge

    def scores(self, rows: Reals) -> Reals:
        return self.model.predictions(rows)[:, None]


class Boosting:
    """Histogram gradient boosting; missing numbers stay missing, categories are frequency ranks."""

    def matrix(self, evidence: Evidence, table: "pd.DataFrame", columns: tuple[Column, ...]) -> Reals:
        return tree_matrix(evidence, table, columns)

    def fit(self, evidence: Evidence, rows: Reals, labels: Reals, found: Target, columns: tuple[Column, ...]) -> Fitted:
        categorical = tree_coder(evidence, columns).categorical
        if found.task == "number":
            return _Number(regressor(rows, labels, categorical, evidence.seed))
        present = np.unique(labels)
        model = classifier(rows, labels, categorical, evidence.seed) if len(present) > 1 else None
        return _Classes(model, present, found.classes)


class Linear:
    """Logistic or ridge regression on one-hot categories and standardised, clipped numbers."""

    def matrix(self, evidence: Evidence, table: "pd.DataFrame", columns: tuple[Column, ...]) -> Reals:
        return design_matrix(evidence, table, columns)

    def fit(self, evidence: Evidence, rows: Reals, labels: Reals, found: Target, columns: tuple[Column, ...]) -> Fitted:
        if found.task == "number":
            return _Number(ridge(rows, labels))
        present = np.unique(labels)
        return _Classes(logistic(rows, labels) if len(present) > 1 else None, present, found.classes)


LEARNERS: Mapping[str, Learner] = MappingProxyType({"boosting": Boosting(), "linear": Linear()})
