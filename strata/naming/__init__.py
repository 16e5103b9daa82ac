"""Naming pictures: by text alone (zero-shot, captions), and by a linear probe on their descriptors.

Imports ``base``, ``settings``, ``collection``, ``models``, ``maps``, ``descriptors`` and ``measures``.
"""
