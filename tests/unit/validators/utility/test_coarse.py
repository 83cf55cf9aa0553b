import numpy as np

from tests.unit.validators.population import evidence
from validators.utility.coarse import LEAST_ROWS, PAIRS, TRIPLES, coarse, coarse_codes, number_matrix, number_places
from validators.views import codebook


def test_coarse_codes_are_few_filled_and_unions_of_fine_ones() -> None:
    source = evidence()
    for level in (PAIRS, TRIPLES):
        found = coarse(source, level)
        rows = np.concatenate([coarse_codes(source, table, level) for table in (source.train, source.holdout)])
        for j, size in enumerate(found.sizes):
            counts = np.bincount(rows[:, j], minlength=size)
            assert size <= max(level.groups, level.categories) + 1
            assert counts.min() >= LEAST_ROWS * len(rows) / len(source.holdout)
        assert [len(each) for each in found.maps] == list(codebook(source).sizes)


def test_neighbouring_bins_stay_neighbours() -> None:
    source = evidence()
    for j in number_places(source):
        assert (np.diff(coarse(source, PAIRS).maps[j][1:]) >= 0).all()


def test_a_frequent_missing_cell_has_a_code_of_its_own() -> None:
    source = evidence()
    place = [column.name for column in source.contract.modelled].index("income")
    maps = coarse(source, PAIRS).maps
    assert maps[place][0] not in maps[place][1:]
    rare = [column.name for column in source.contract.modelled].index("age")
    assert maps[rare][0] in maps[rare][1:]


def test_numbers_and_times_stand_in_the_matrix() -> None:
    source = evidence()
    names = [source.contract.modelled[j].name for j in number_places(source)]
    assert names == ["age", "income", "since"]
    matrix = number_matrix(source, source.synthetic)
    np.testing.assert_array_equal(matrix[:, 0], source.synthetic["age"].to_numpy(dtype=float))
    assert np.isnan(matrix[:, 1]).sum() == source.synthetic["income"].isna().sum()
