"""Drift tracking beside its peers, and on real data: ``python -m tests.benchmarks.drift``."""
