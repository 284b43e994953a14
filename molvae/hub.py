"""Models of the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from molvae.errors import ModelError
from molvae.model_folder import MODEL_FILES

__all__ = ["model_from_hub"]


def model_from_hub(name: str) -> Path:
    """The folder to which the model ``name``, such as ``someone/model``, was downloaded.

    Raises:
        ModelError: it cannot be had.
    """
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=list(MODEL_FILES)))
    except Exception as error:  # the hub's many errors share no base class
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"{name} is no folder here, and cannot be had from the Hugging Face hub: {reason}") from error
