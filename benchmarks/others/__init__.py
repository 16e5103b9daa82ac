"""Other projects doing the same work: each started inside an environment of its own (``install.sh``)."""
