"""Ranking the database for every query and scoring the rankings.

Who is judged by what: ``protocols`` and ``class_task``. How pictures are ranked: ``ranking`` (whole
vectors) and ``regions_match`` (a picture's best region). What a ranking is worth: ``average_precision``,
``detection``. Running it: ``inputs``, ``query_runs``, ``layer``. What is kept: ``per_query``,
``neighbours``, ``boxes``, ``aggregate``.
"""
