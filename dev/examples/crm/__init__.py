"""A CRM extract: its mapping, and a check of the numbers that come of it."""
