"""From pixels to maps and what is kept of them.

Where things lie: ``views``, ``geometry``, ``masks``, ``rmac_regions``. What is kept as pictures stream by:
``map_statistics``. How it lies on disk: ``store`` (finished work), ``features``, ``stored_layers`` (a run).

Imports ``base``, ``settings`` and ``collection``. Runs no network.
"""
