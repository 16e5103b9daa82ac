"""What ``import strata`` offers beside ``evaluate``: models tapped, maps pooled, runs read and searched.

Puts the rooms together for people who work in Python. Imports ``base``, ``settings``, ``collection``,
``models``, ``maps``, ``extraction``, ``descriptors``, ``dense``, ``retrieval`` and ``naming``; only
``explore`` imports it. Never changes a run.
"""
