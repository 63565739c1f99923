"""Coaching rules and the action feed in the graph."""
