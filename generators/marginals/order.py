"""The order in which columns are sampled: the target, then along a maximum spanning tree of mutual information."""

from generators.marginals.tables import PairTable


def sampling_order(columns: int, target: int | None, tables: list[PairTable]) -> list[int]:
    """All columns, each after the one it shares most with among those before it (Prim's algorithm); post-processing."""
    information: dict[tuple[int, int], float] = {}
    total = [0.0] * columns
    for table in tables:
        information[table.left, table.right] = information[table.right, table.left] = table.information
        total[table.left] += max(table.information, 0.0)
        total[table.right] += max(table.information, 0.0)
    start = target if target is not None else max(range(columns), key=lambda column: (total[column], -column))
    order = [start]
    left = [column for column in range(columns) if column != start]
    while left:
        nearest = max(
            left, key=lambda column: (max(information.get((known, column), -1.0) for known in order), -column)
        )
        order.append(nearest)
        left.remove(nearest)
    return order
