"""What ``import strata`` offers beside ``evaluate``: models tapped, maps pooled, runs read and searched.

Puts the rooms together for people who work in Python. Imports any room but ``report``; no room imports it.
Never changes a run.
"""
