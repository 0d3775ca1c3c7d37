"""Older file shapes, and the environment's two models: read into the catalogue's own entries, and written as models.json."""
