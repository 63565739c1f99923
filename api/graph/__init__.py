"""The graph by area: types, query, mutation, subscription."""
