"""Watching a running house: what it counts, whether it is ready, and who may look at that."""
