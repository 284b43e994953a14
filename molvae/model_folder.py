"""A model as a folder: ``config.json``, ``tokenizer.json``, ``model.safetensors``, ``training_set.safetensors``.

Nothing is pickled, so a folder that someone sent can be loaded without running what they wrote.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from molvae.config import ModelConfig
from molvae.errors import InputError, ModelError, MolVAEError
from molvae.files import read_json, read_tensors, write_tensors, write_text
from molvae.model import SmilesVAE
from molvae.molecule_set import MoleculeSet
from molvae.tokenizer import SmilesTokenizer

__all__ = ["MODEL_FILES", "StoredModel", "read_model", "write_model"]

MODEL_FILES = ("config.json", "tokenizer.json", "model.safetensors", "training_set.safetensors")
_FORMAT = "molvae-model/1"


@dataclass(frozen=True)
class StoredModel:
    """What a model folder holds."""

    model: SmilesVAE
    tokenizer: SmilesTokenizer
    training_set: MoleculeSet | None = None
    """hashes of the training molecules; None where the folder has none"""
    card: dict[str, Any] = field(default_factory=dict)
    """where the model comes from and how good it is, JSON-able"""


def write_model(folder: Path, stored: StoredModel) -> None:
    """Write a model folder; each file is whole or not there.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}") from error
    config = {"format": _FORMAT, "model": stored.model.config.model_dump(), "card": stored.card}
    write_text(folder / "config.json", json.dumps(config, indent=1) + "\n")
    write_text(folder / "tokenizer.json", stored.tokenizer.to_json() + "\n")
    if stored.training_set is not None:
        hashes = torch.from_numpy(stored.training_set.hashes.view(np.int64))
        write_tensors(folder / "training_set.safetensors", {"hashes": hashes})
    write_tensors(folder / "model.safetensors", stored.model.state_dict(), {"format": _FORMAT})


def read_model(folder: Path) -> StoredModel:
    """Read a model folder, onto the CPU, in evaluation mode.

    Raises:
        ModelError: the folder is missing, incomplete, truncated, or not of molvae.
    """
    if not folder.is_dir():
        what = "is a file, not a model folder" if folder.exists() else "does not exist"
        raise ModelError(f"{folder} {what}")
    missing = [name for name in MODEL_FILES[:3] if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"{folder} is no model of molvae: it has no {', no '.join(missing)}")
    data = read_json(folder / "config.json")
    if not isinstance(data, dict) or data.get("format") != _FORMAT:
        raise ModelError(f"{folder / 'config.json'} is not of a model of molvae (format {_FORMAT!r})")
    try:
        tokenizer = SmilesTokenizer.from_json((folder / "tokenizer.json").read_text(encoding="utf-8"))
        config = ModelConfig(**data["model"])
    except (MolVAEError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ModelError(f"{folder} is damaged: {error}") from None
    model = SmilesVAE(config, len(tokenizer))
    weights, _ = read_tensors(folder / "model.safetensors")
    try:
        model.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        reason = str(error).split("\n")[1].strip()
        raise ModelError(
            f"{folder / 'model.safetensors'} does not fit config.json and tokenizer.json: {reason}"
        ) from None
    return StoredModel(model.eval(), tokenizer, _read_training_set(folder), data.get("card", {}))


def _read_training_set(folder: Path) -> MoleculeSet | None:
    path = folder / "training_set.safetensors"
    if not path.exists():
        return None
    tensors, _ = read_tensors(path)
    return MoleculeSet(tensors["hashes"].numpy().view(np.uint64))
