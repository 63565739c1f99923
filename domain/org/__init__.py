"""Who sells: organisation, calendar, users, teams, reps, territories."""
