"""The HTML report: a page, one of all clusters, and JPEG sheets of thumbnails beside them.

Everything drawn is inline SVG, so the page is sharp at any size and its bytes depend on the results alone.
The sections' modules (``numbers``, ``contact_sheets``, ``cluster_sheets``, ``prompt_sheets``) gather plain
dataclasses, ``known`` and ``wording`` the sentences, ``terms`` what names mean; ``page`` hands them to the
Jinja templates. Imports ``base``, ``settings``, ``collection``, ``maps``, ``measures``, ``naming``, ``grid``
and ``results``; computes no score.
"""
