"""Where else does this detail occur? The maps of a collection at their own aspect ratios, matched window by window.

A picture is kept as the projected int8 positions of one layer's map (``index``); a boxed detail becomes templates
of several sizes (``templates``), laid over every place of every map (``matching``); their scores are made
comparable (``calibration``) and the best place of a picture is its score and its box (``search``).

Imports ``base``, ``settings``, ``collection``, ``models``, ``maps``, ``descriptors`` and ``measures``. Knows no
stage and judges no ranking.
"""
