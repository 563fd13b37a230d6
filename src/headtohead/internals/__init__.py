"""Private and internal API of libraries, one module each: what an upgrade may break, with a test by name for each use.

Hydra's is in ``hydra_io/internals.py``, where Hydra is known.
"""
