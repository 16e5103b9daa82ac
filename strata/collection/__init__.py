"""What a data set becomes: five tables, a picture's header, a folder's listing, what was left out and why.

Imports ``base`` and ``settings``. Decodes no pixel.
"""
