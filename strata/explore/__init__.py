"""The explorer: a page in the browser that looks at a finished run and asks it, for this machine alone.

Imports ``base``, ``collection``, ``library``, ``maps``, ``settings``, ``results`` and ``report``. Never
changes a run: what people mark while they look goes into a folder of its own.
"""
