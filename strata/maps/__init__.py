"""From pixels to maps and what is kept of them: views, geometry, regions, pooling on the device, the store.

Imports ``base``, ``settings`` and ``collection``. Runs no network.
"""
