"""What to do about it: coaching rules and action items."""
