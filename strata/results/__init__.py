"""From score tables to what git keeps: layers compared, headline, flat metrics; two runs compared.

``comparison`` reads the tables; ``names`` and ``flat`` say what a number is called in metrics/*.json. Two
runs: ``gate`` by their metrics, ``paired_runs`` query against query. Other tools' files: ``trec``,
``exported``. Computes no score.

Imports ``base``, ``settings``, ``collection``, ``measures`` and ``retrieval``.
"""
