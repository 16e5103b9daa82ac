"""The HTML report: one page, a style sheet inside it, and a few JPEG sheets of thumbnails beside it.

Everything drawn is inline SVG, so the page is sharp at any size and its bytes depend on the results alone.
The sections' modules (``numbers``, ``contact_sheets``, ``cluster_sheets``, ``prompt_sheets``) gather plain
dataclasses, ``page`` hands them to the Jinja templates. Imports ``base``, ``settings``, ``collection``,
``measures``, ``naming``, ``grid`` and ``results``; computes no score.
"""
