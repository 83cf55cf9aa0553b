"""The formally private marginal generator."""

from generators.private_marginals.family import FAMILY

__all__ = ["FAMILY"]
