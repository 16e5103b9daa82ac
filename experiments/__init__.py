"""The 2021 study's own experiments as named runs of this pipeline: ``python -m experiments.study``."""
