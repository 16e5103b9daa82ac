"""What rankings, boxes and clusters are worth, and how sure that is.

Numbers: ``average_precision``, ``cluster_scores``, ``chance``. How sure: ``groups`` (what is independent),
``intervals`` (of a mean), ``paired`` (two systems), ``choice`` (the best of many). ``evaluate`` scores
anybody's ranking with them. Plain functions of arrays. Imports ``base``. Knows no file and no layer.
"""
