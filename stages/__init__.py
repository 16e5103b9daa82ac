"""One short script a DVC stage: read params, call ``strata``, write outs. ``python -m stages.NAME``."""
