"""What rankings, boxes and clusters are worth: average precision, chance, intervals, agreement with labels.

Plain functions of arrays; ``evaluate`` scores anybody's ranking with them. Imports ``base``. Knows no
file, no data set and no layer.
"""
