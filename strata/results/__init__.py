"""From score tables to what git keeps: layers compared, headline, flat metrics; two runs compared.

``comparison`` and ``grid`` read the tables; ``names`` and ``flat`` say what a number is called. Two
runs: ``gate`` by their metrics, ``paired_runs`` query against query. Other tools' files: ``trec``,
``exported``. Computes no score.

Imports ``base``, ``settings``, ``collection``, ``measures``, ``retrieval`` and ``grid``.
"""
