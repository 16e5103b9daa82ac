"""Files from the network: mirrors, resumed transfers, checks, archives unpacked, single pictures.

Imports ``base`` and ``settings``. Knows no data set by name, and trusts nothing that it fetches.
"""
