"""Where else does this detail occur? Maps at their pictures' own aspect ratios, matched window by window.

A picture is kept as the projected int8 positions of one layer's map (``tower``, ``kept``, ``building``,
``raw_maps``, ``projection``, ``index``). A boxed detail becomes templates of several sizes (``templates``,
``weights``), laid over every place of every map (``matching``); their scores are made comparable
(``calibration``), and the best place of a picture is its score and its box (``answers``). ``extracting`` and
``indexing`` are what the stages do; ``search`` asks with templates that are ready, ``details`` with pictures.

Imports ``base``, ``settings``, ``collection``, ``models``, ``maps``, ``extraction``, ``descriptors`` and
``measures``. Judges no ranking.
"""
