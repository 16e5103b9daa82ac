"""What rankings, boxes and clusters are worth: average precision, chance, intervals, agreement with labels.

Plain functions of arrays. Imports ``base``. Knows no file, no data set and no layer.
"""
