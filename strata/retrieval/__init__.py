"""Ranking the database for every query, whole pictures or boxes, and scoring the rankings.

Who is judged by what: ``queries`` and ``class_queries``, both of a finished run: ``questions``. How a query
is matched: ``similarity`` (whole vectors), ``region_matching`` (its box with every picture's regions),
``dense_matching`` (with every window of its map), ``matching`` (all by one interface), ``search`` (only the
nearest). What a ranking is worth: ``ranking``, ``judging``, ``per_query_measures``, ``detection``,
``aggregate``. What is shown: ``topk``; what others score: ``whole_rankings``; what is there twice:
``duplicates``. Running it: ``layer_vectors``, ``query_blocks``, ``evaluation``. What else can be done to
whole vectors: ``postprocessing`` (from ``knn``: ``expansion``, ``k_reciprocal``, ``diffusion``).

Imports ``base``, ``settings``, ``collection``, ``maps``, ``descriptors``, ``measures`` and ``dense``. Fits
nothing.
"""
