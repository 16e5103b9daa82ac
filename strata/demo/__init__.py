"""The built-in demo collection: paintings drawn by code, so that a first run needs no network."""
