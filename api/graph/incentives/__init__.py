"""Incentives in the graph."""
