"""KPIs, templates and scorecards in the graph."""
