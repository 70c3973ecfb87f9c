"""Benchmarks of the parts of the feed."""
