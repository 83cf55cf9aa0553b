"""How the target follows from the other columns: a reference model that is a sum of table entries, and its errors.

Each code of each column has an integer weight; a row's weights add up to a log-odds (classes) or to a normal score
(numbers), in units of 1 / 4096. Integers make every way of computing it agree bit for bit, on every machine.

A shift of the columns alone changes a model's error rate too, where the model is less sure of the rows that became
more frequent. So the errors are compared with those that the reference had on rows of which the model was as sure:
what is left is a change of how the target follows from the columns (to first order; Moreno-Torres et al., Pattern
Recognition 45, 2012, tell concept from covariate shift).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from schemas.errors import ContractError
from stream_app.core.drift.coding.bins import Codes
from stream_app.core.drift.packing import pack, unpack

Narrow = np.ndarray[Any, np.dtype[np.int32]]

SCALE = 4096
"""Units in one unit of log-odds or normal score."""

STEPS = 16
"""Steps of sureness, each half a unit wide; what lies beyond the ends counts to the end."""

UNLABELLED = -(1 << 30)
"""Stands for the target of a row without one."""

EXPECTED_UNIT = 1 << 16
"""``Errors.expected`` counts in parts of one error."""

HEAVIEST = 1 << 20
MOST_COLUMNS, MOST_CLASSES = 40, 8
_CODES = 256
_SHIFT = 11
_LOWEST_SCORE = 4 * SCALE
_AT_ONCE = 1 << 13


class Errors(NamedTuple):
    """Integer counts of a block of rows; counts of disjoint rows add up.

    ``labelled`` rows have a known target, ``wrong`` of these the model misses, and ``expected`` is how many it would
    miss in the reference among rows of which it is as sure, in units of 1 / 65536 of a row.
    """

    labelled: int
    wrong: int
    expected: int

    @property
    def possible(self) -> bool:
        """Whether some block of rows can have these counts."""
        return 0 <= self.wrong <= self.labelled and 0 <= self.expected <= self.labelled * EXPECTED_UNIT


@dataclass(frozen=True)
class ConceptModel:
    """A model of column ``target`` from ``columns`` (places in the reference), and how often it errs there.

    ``weights`` (outputs, columns, 256) and ``base`` (outputs,) are one output for two classes (the log-odds of the
    second) or a number (its normal score), else one a class. ``truth`` (256,) is the class or the normal score of each
    code of the target. ``limit`` is the error from which on a number counts as missed; none for classes.
    ``expected`` (16,) errors a row by sureness. ``rate`` is the error rate of the reference, ``inflation`` by how much
    block scores vary more than independent rows' would, ``pool_rows`` the labelled rows of a block there, and
    ``blocks`` how many such blocks both were learnt from.
    """

    target: int
    columns: tuple[int, ...]
    weights: Narrow
    base: Narrow
    truth: Narrow
    limit: int | None
    expected: "np.ndarray[Any, np.dtype[np.int64]]"
    rate: float
    inflation: float
    pool_rows: int
    blocks: int

    def errors(self, codes: Codes) -> Errors:
        """Counts of (n_columns, n_rows) ``codes``; raises ``ContractError`` where columns are lacking."""
        if codes.ndim != 2 or codes.dtype != np.uint8 or len(codes) <= max(self.target, *self.columns):
            raise ContractError("the codes do not have the columns of the reference model")
        if self._compiled is not None:
            return Errors(*(int(number) for number in self._compiled(codes)))
        return self.errors_by_table(codes)

    def errors_by_table(self, codes: Codes) -> Errors:
        """The same counts without compiled code."""
        counted = np.zeros(3, dtype=np.int64)
        for start in range(0, codes.shape[1], _AT_ONCE):
            labelled, wrong, expected = self.judged(codes[:, start : start + _AT_ONCE])
            counted += np.asarray([labelled.sum(), wrong.sum(), expected.sum()], dtype=np.int64)
        return Errors(*(int(number) for number in counted))

    def judged(self, codes: Codes) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]":
        """(n_rows,) each: whether the target is known, whether it is missed, and ``expected``; 0 where not known."""
        truth = self.truth[codes[self.target]]
        labelled = truth != UNLABELLED
        wrong, step = self._missed(self._outputs(codes), truth)
        return labelled, wrong & labelled, np.where(labelled, self.expected[step], 0)

    def _outputs(self, codes: Codes) -> Narrow:
        found = np.repeat(self.base[:, None], codes.shape[1], axis=1)
        for place, column in enumerate(self.columns):
            for output in range(len(found)):
                found[output] += self.weights[output, place][codes[column]]
        return found

    def _missed(self, outputs: Narrow, truth: Narrow) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
        if self.limit is not None:
            step = (outputs[0] + _LOWEST_SCORE) >> _SHIFT
            return np.abs(truth - outputs[0]) > self.limit, np.clip(step, 0, STEPS - 1)
        if len(outputs) == 1:
            guess, sure = (outputs[0] > 0).astype(np.int32), np.abs(outputs[0])
        else:
            guess, best = outputs.argmax(axis=0), np.sort(outputs, axis=0)[-2:]
            sure = best[1] - best[0]
        return guess != truth, np.minimum(sure >> _SHIFT, STEPS - 1)

    @cached_property
    def _compiled(self) -> Callable[[Codes], tuple[int, int, int]] | None:
        if find_spec("numba") is None:
            return None
        from stream_app.core.drift.concept.concept_compiled import count_class_errors, count_errors, padded

        places = np.asarray(self.columns, dtype=np.int64)
        if len(self.base) > 1:
            wide, base = padded(self.weights, self.base)
            return lambda codes: count_class_errors(codes, self.target, places, wide, base, self.truth, self.expected)
        limit = -1 if self.limit is None else self.limit
        return lambda codes: count_errors(
            codes, self.target, places, self.weights, self.base, self.truth, limit, self.expected
        )

    def to_document(self) -> dict[str, Any]:
        """A JSON value that ``from_document`` reads back exactly."""
        arrays = {name: getattr(self, name) for name in ("weights", "base", "truth", "expected")}
        plain = {name: getattr(self, name) for name in ("target", "limit", "rate", "inflation", "pool_rows", "blocks")}
        return (
            plain
            | {"columns": list(self.columns)}
            | {name: pack(array.astype(np.int64)) for name, array in arrays.items()}
        )

    @classmethod
    def from_document(cls, document: Any) -> "ConceptModel":
        """The model that ``to_document`` wrote; raises ``ContractError`` on any other value."""
        try:
            packed = {name: unpack(document[name]) for name in ("weights", "base", "truth", "expected")}
            expected = packed.pop("expected")
            model = cls(
                target=_whole(document["target"]),
                columns=tuple(_whole(place) for place in document["columns"]),
                limit=None if document["limit"] is None else _whole(document["limit"]),
                rate=float(document["rate"]),
                inflation=float(document["inflation"]),
                pool_rows=_whole(document["pool_rows"]),
                blocks=_whole(document["blocks"]),
                expected=expected,
                **{name: _narrowed(array) for name, array in packed.items()},
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ContractError("not a reference model of the target") from None
        _check(model)
        return model


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 31:
        raise ValueError
    return value


def _narrowed(array: "np.ndarray[Any, Any]") -> Narrow:
    # Within these bounds no sum over 40 columns leaves 32 bits.
    if array.dtype != np.int64 or np.abs(array[array != UNLABELLED]).max(initial=0) > HEAVIEST:
        raise ValueError
    return array.astype(np.int32)


def _check(model: ConceptModel) -> None:
    outputs, width = len(model.base), len(model.columns)
    shapes = (model.weights.shape, model.base.shape, model.truth.shape, model.expected.shape)
    sound = (
        shapes == ((outputs, width, _CODES), (outputs,), (_CODES,), (STEPS,))
        and 1 <= outputs <= MOST_CLASSES
        and outputs != 2
        and 1 <= width <= MOST_COLUMNS
        and (model.limit is None or outputs == 1)
        and UNLABELLED not in model.weights
        and UNLABELLED not in model.base
        and model.expected.dtype == np.int64
        and bool(((model.expected >= 0) & (model.expected <= EXPECTED_UNIT)).all())
        and 0 < model.rate < 1
        and 0 < model.inflation < float("inf")
        and model.pool_rows >= 1
        and model.blocks >= 1
        and model.target not in model.columns
    )
    if not sound:
        raise ContractError("not a reference model of the target")
