"""Speaks GraphQL: no SQL text, no business rule."""
