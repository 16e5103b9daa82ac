"""Ranking the database for every query and scoring the rankings.

``ranking`` orders pictures by similarity, exactly; ``regions_match`` scores a picture by its best region;
``protocols`` says which queries there are and which pictures are positive or junk for them;
``average_precision`` and ``detection`` hold the measures, ``per_query`` their table, ``aggregate`` the
metrics with intervals and chance; ``layer`` puts one layer's evaluation together.
"""
