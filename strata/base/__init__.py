"""The ground: errors of one line, atomic files, hashes and what is remembered, locks, progress, threads.

Imports nothing of this project. Knows nothing of pictures, models or parameters.
"""
