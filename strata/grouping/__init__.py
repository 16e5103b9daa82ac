"""KMeans of the database, up to millions of pictures.

Imports ``base``. Scores nothing: ``measures`` does.
"""
