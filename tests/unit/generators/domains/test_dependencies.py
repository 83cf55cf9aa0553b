"""Supports list what dependencies allow, joined where they share columns."""

import numpy as np
import pytest

from generators.domains.dependencies import supports
from generators.domains.grid import grid_of
from schemas.contract import Categories, Column, Contract, Dependency, Policy, Privacy, Scalar
from schemas.errors import ContractError


def contract(*dependencies: tuple[tuple[str, ...], str, list[tuple[Scalar, ...]]], size: int = 4) -> Contract:
    columns = tuple(
        Column(name=name, type="integer", domain=Categories(values=tuple(range(size)), confirmed=True))
        for name in "abcd"
    )
    declared = tuple(
        Dependency(determinants=left, dependent=right, table=tuple(rows)) for left, right, rows in dependencies
    )
    return Contract(
        dataset="test", columns=columns, policy=Policy(privacy=Privacy(scope="test"), dependencies=declared)
    )


def found(pinned: Contract) -> list[tuple[tuple[str, ...], tuple[str, ...], list[list[int]], list[list[int]]]]:
    grids = {column.name: grid_of(column) for column in pinned.modelled}
    return [
        (item.determinants, item.dependents, item.combinations.tolist(), item.consequences.tolist())
        for item in supports(pinned, grids)
    ]


def test_one_dependency() -> None:
    assert found(contract((("a", "b"), "c", [(0, 1, 2), (3, 0, 1)]))) == [
        (("a", "b"), ("c",), [[0, 1], [3, 0]], [[2], [1]])
    ]


def test_a_chain_rests_on_its_beginning() -> None:
    chain = contract((("a",), "b", [(0, 1), (1, 2)]), (("b",), "c", [(1, 3), (2, 0), (3, 3)]))
    assert found(chain) == [(("a",), ("b", "c"), [[0], [1]], [[1, 3], [2, 0]])]


def test_a_circle_keeps_one_column_free() -> None:
    circle = contract((("a",), "b", [(0, 1), (1, 0)]), (("b",), "a", [(1, 0), (0, 1)]))
    assert found(circle) == [(("a",), ("b",), [[0], [1]], [[1], [0]])]


def test_two_that_share_nothing_stay_apart_and_rows_outside_the_domains_do_not_count() -> None:
    two = contract((("a",), "b", [(0, 1), (99, 1)]), (("c",), "d", [(2, 2)]))
    assert found(two) == [(("a",), ("b",), [[0]], [[1]]), (("c",), ("d",), [[2]], [[2]])]


@pytest.mark.parametrize(
    "broken",
    [
        contract((("a",), "b", [(0, 1), (0, 2)])),
        contract((("a",), "b", [])),
        contract((("a",), "b", [(0, 99)])),
        contract((("a",), "b", [(0, 1)]), (("a",), "b", [(0, 2)])),
    ],
)
def test_contradictions_are_refused(broken: Contract) -> None:
    with pytest.raises(ContractError):
        found(broken)


def test_dependents_of_unlisted_or_incomplete_combinations_are_missing() -> None:
    pinned = contract((("a", "b"), "c", [(0, 1, 2), (3, 0, 1)]))
    support = supports(pinned, {column.name: grid_of(column) for column in pinned.modelled})[0]
    positions = np.array([[0, 1], [0, 0], [4, 1], [3, 0], [-1, 0]])
    assert support.dependents_of(positions).ravel().tolist() == [2, -1, -1, 1, -1]
