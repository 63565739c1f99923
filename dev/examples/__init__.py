"""Input of others, and what Attain makes of it."""
