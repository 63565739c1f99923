"""A believable company, made through the public actions alone: the same from the same seed, relative to today.

A commercial insurance brokerage: 90 advisors in 8 teams, 52M of revenue a year. At the start of its 26 weeks of history
54 % of the advisors meet their weekly activity targets.
"""
