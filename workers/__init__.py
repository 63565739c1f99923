"""The domain's actions on a queue or a clock."""
