"""The formally private marginal generator."""

from generators.marginals.family import FAMILY

__all__ = ["FAMILY"]
