"""From stored maps and regions to one vector a picture: pooling, centring, whitening, PCA, vector files.

Imports ``base``, ``settings`` and ``maps``. Needs no network: a change here decodes no picture.
"""
