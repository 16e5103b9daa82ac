"""The HTML report: one page, a style sheet inside it, and a few JPEG sheets of thumbnails beside it.

Everything drawn is inline SVG, so the page is sharp at any size and its bytes depend on the results alone. A
section gathers plain dataclasses (``charts``, ``tables``, ``neighbours``, ``groups``, ``words``), ``page`` hands
them to the Jinja templates.
"""
