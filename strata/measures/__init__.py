"""What rankings, boxes and clusters are worth: average precision, chance, agreement with labels, and how sure.

Plain functions of arrays. ``groups`` says what is independent, ``intervals`` how sure a mean is, ``paired``
compares two systems, ``choice`` picks the best of many. Imports ``base``. Knows no file, no data set, no layer.
"""
