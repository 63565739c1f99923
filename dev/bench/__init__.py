"""Measurements anyone can repeat: `attain bench`."""
