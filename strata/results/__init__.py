"""From score tables to what git keeps: layers compared, headline, flat metrics, the gate between two runs.

``comparison`` reads the tables; ``names`` and ``flat`` say what a number is called in metrics/*.json.
Imports ``base``, ``settings`` and ``measures``. Computes no score.
"""
