"""One pass over the pictures: plan, look up, compute what is missing, assemble. Start at ``run``.

Imports ``base``, ``settings``, ``collection``, ``models`` and ``maps``. Pools nothing into descriptors.
"""
