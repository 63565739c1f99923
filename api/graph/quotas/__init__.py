"""Quotas, plans, attainment and leaderboards in the graph."""
