"""What a run may say: typed parameters, data set and model files, and whether they go together.

Imports ``base``. Reads no file: whoever calls it hands over the mappings.
"""
