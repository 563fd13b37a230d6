"""transformers' loading, quiet, its errors in one sentence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from safetensors import SafetensorError

from headtohead.checkpoints.refusals import needs_code
from headtohead.errors import UserError, is_out_of_memory


@contextlib.contextmanager
def never_asking() -> Iterator[None]:
    """Keep transformers from asking on standard input whether to run a checkpoint's code: the configuration has said."""
    from transformers import dynamic_module_utils

    seconds = dynamic_module_utils.TIME_OUT_REMOTE_CODE
    dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0  # its own word for "refuse at once"
    try:
        yield
    finally:
        dynamic_module_utils.TIME_OUT_REMOTE_CODE = seconds


@contextlib.contextmanager
def loading_errors(name: str) -> Iterator[None]:
    """Turn what transformers raises while it loads into an error for people.

    Raises:
        UserError: it cannot load, memory runs out, or code would have to be run.
    """
    try:
        with never_asking():
            yield
    except UserError:
        raise
    except (OSError, ValueError, ImportError, KeyError, SafetensorError) as error:
        if "custom code" in str(error):
            raise UserError(needs_code(name)) from error
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"model={name} cannot be loaded: {first_line}") from error
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(
            f"out of memory loading model={name}: take a smaller model, lora=qlora, or a device that other processes "
            "leave free"
        ) from error
