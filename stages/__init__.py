"""One short script a DVC stage: read params, call ``strata``, write outs. Run as ``python -m stages.NAME``."""
