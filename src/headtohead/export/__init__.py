"""Finished runs become models that transformers and peft load by themselves, proved in a fresh process.

The modules that load an export (``pooled``, ``replay``, ``gate``) import nothing of the rest of this project but ``quiet``.
PEFT is imported where it is needed: a TF-IDF run does not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headtohead.quiet import quiet_bitsandbytes

if TYPE_CHECKING:
    from headtohead.export.pooled_head import load_pooled as load_pooled

quiet_bitsandbytes()  # before PEFT imports it, here and in the gate's own process


def __getattr__(name: str) -> Any:
    if name == "load_pooled":
        from headtohead.export.pooled_head import load_pooled

        return load_pooled
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
