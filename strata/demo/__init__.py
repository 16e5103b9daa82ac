"""The drawn collection: paintings, recurring details with exact boxes, damaged files, all from one seed.

Imports ``base``. Nothing but ``datasets`` and ``training`` draws with it.
"""
