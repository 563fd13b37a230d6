"""Controlled comparisons of ways to turn a language model into a text classifier.

The folder list is the architecture: see ``docs/design.md``. Importing this package imports nothing heavy.
"""

__version__ = "0.1.0"
