"""Which layer of a CLIP image tower, pooled how, best finds, groups and names pictures.

The library behind the stages: importable, typed, tested. It never reads ``params.yaml``, never prints and
never calls DVC; a stage hands it values and paths.
"""
