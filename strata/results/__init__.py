"""From score tables to what git keeps: layers compared, headline, flat metrics, the gate between two runs.

``comparison`` and ``grid`` read the tables; ``names`` and ``flat`` say what a number is called in
metrics/*.json. Imports ``base``, ``settings``, ``measures`` and ``grid``. Computes no score.
"""
