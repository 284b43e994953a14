"""Where a model is that was named: a folder here, one that comes with molvae, or the Hugging Face hub. No torch."""

from __future__ import annotations

from pathlib import Path

from molvae.errors import ModelError
from molvae.pretrained import SHIPPED, shipped
from molvae.pretrained.card import MODEL_FILES

__all__ = ["find_model", "full_name", "model_from_hub"]


def find_model(name: str | Path) -> Path:
    """The folder of a model.

    Args:
        name: ``medchem`` (also ``bundled``) or ``moses``, a folder, or the id of a Hugging Face repository such as
            ``someone/model``; a folder of such a name goes before the repository.

    Returns:
        A folder, which need not be there.

    Raises:
        ModelError: this installation has no bundled model, it cannot be looked for here, or it cannot be had from the
            hub.
    """
    if name in SHIPPED:
        folder = shipped(str(name))
        if folder is None:
            raise ModelError(f"this installation of molvae has no {name} model; a folder of that name is ./{name}")
        return folder
    if _is_repository(name):
        return model_from_hub(str(name))
    _is_here(name)
    return Path(name)


def full_name(name: str | Path) -> str:
    """A name under which `find_model` finds the same model from any working directory."""
    if name in SHIPPED:
        return SHIPPED[str(name)]
    return str(name) if _is_repository(name) else str(Path(name).absolute())


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


def _is_repository(name: str | Path) -> bool:
    looks_so = isinstance(name, str) and name.count("/") == 1 and not name.startswith((".", "/", "~"))
    return looks_so and not _is_here(name)


def _is_here(name: str | Path) -> bool:
    try:
        return Path(name).exists()
    except OSError as error:
        raise ModelError(f"{name} cannot be read: {error.strerror or error}") from error
