"""Where else does this detail occur? Maps at their pictures' own aspect ratios, matched window by window.

A picture is kept as the projected int8 positions of one layer's map (``tower``, ``projection``, ``kept``,
``index``, ``building``). A boxed detail becomes templates of several sizes (``templates``), laid over every
place of every map (``matching``); their scores are made comparable (``calibration``), and the best place of a
picture is its score and its box (``answers``). ``search`` is the one function that asks.

Imports ``base``, ``models``, ``maps``, ``descriptors`` and ``measures``. Judges no ranking.
"""
