"""Attempts to break the pipeline: every try ends in the same bytes or one clear line (``make torture``)."""
