"""What was promised and how much of it is reached: quotas, attainment, pace."""
