"""From score tables to what git keeps: small metrics, the headline, the gate that compares two runs.

Imports ``base``, ``settings`` and ``collection``. Computes no score.
"""
