"""Every layer with every pooling, treatment and match in one run, and which of these cells to choose.

``cells`` (what a cell is, which there are), ``asking`` (the pictures and queries it is judged by),
``describing`` (a cell's vectors), ``answering`` (what they are worth), ``running`` (all cells of all layers),
``choosing`` (the best one, honestly), ``files`` (the tables).

Imports ``base``, ``settings``, ``collection``, ``maps``, ``descriptors``, ``measures``, ``grouping``,
``retrieval`` and ``naming``. Runs no network.
"""
