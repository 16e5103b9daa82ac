"""Ranking the database for every query, whole pictures or boxes, and scoring the rankings.

Who is judged by what: ``queries`` and ``class_queries``. How pictures are ranked: ``ranking`` (whole vectors),
``region_match`` (a picture's best region), ``search`` (only the nearest). What is kept: ``per_query``,
``neighbours``, ``boxes``, ``aggregate``. Running it: ``opening``, ``running``, ``evaluation``.
What else can be done to whole vectors: ``postprocessing`` (from ``knn``: ``expansion``, ``k_reciprocal``,
``diffusion``).

Imports ``base``, ``settings``, ``collection``, ``maps``, ``descriptors`` and ``measures``. Fits nothing.
"""
