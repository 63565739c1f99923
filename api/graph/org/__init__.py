"""Organisation, users, teams, reps, territories, keys."""

# Before any type: they show the domain's enums as these describe them.
from api.graph.org import enums as enums
