"""Finished runs become models that transformers and peft load by themselves, proved in a fresh process.

The modules that load an export (``pooled``, ``replay``, ``gate``) import nothing of the rest of this project.
"""

from headtohead.export.pooled import load_pooled as load_pooled
