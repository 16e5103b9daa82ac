"""Campaigns that try to break the pipeline: each tries seeded damage until a given time."""
