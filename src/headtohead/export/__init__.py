"""Finished runs become models that transformers and peft load by themselves, proved in a fresh process.

The modules that load an export (``pooled``, ``replay``, ``gate``) import nothing of the rest of this project.
"""

import logging

# PEFT imports it, and it then warns of kernels that a processor could have had, at every export.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)

from headtohead.export.pooled import load_pooled as load_pooled  # noqa: E402  # imports PEFT
