"""Incentives: plans, what they pay for the credits of a period, and every step of how."""
