"""Image and text towers: weights found and checked, networks built, any layer tapped in one forward pass.

Imports ``base`` and ``settings``. Reads no picture and keeps no feature.
"""
