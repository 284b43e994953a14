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

from molvae.config import Decoding
from molvae.errors import InputError, ModelError
from molvae.files import finite, read_tensors, write_tensors, write_text
from molvae.model import SmilesVAE
from molvae.model_card import MODEL_FILES, MODEL_FORMAT, read_description
from molvae.molecule_set import MoleculeSet
from molvae.tokenizer import SmilesTokenizer

__all__ = ["MODEL_FILES", "StoredModel", "read_model", "write_model"]


@dataclass(frozen=True)
class StoredModel:
    """What a model folder holds."""

    model: SmilesVAE
    tokenizer: SmilesTokenizer
    training_set: MoleculeSet | None = None
    """hashes of the training molecules; None where the folder has none"""
    card: dict[str, Any] = field(default_factory=dict)
    """where the model comes from and how good it is, JSON-able"""

    @property
    def max_length(self) -> int:
        """Tokens that a molecule of the training could have, by the card; the default where it does not say."""
        length = self.card.get("max_length")
        return length if type(length) is int and length > 0 else Decoding().max_length


def write_model(folder: Path, stored: StoredModel, *, dtype: torch.dtype = torch.float32) -> None:
    """Write a model folder; each file is whole or not there.

    Args:
        folder: made if it is missing.
        stored: the model.
        dtype: of the weights in the file; they are read as float32 whatever it is. What is no weight is float32 there.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}") from error
    config = {"format": MODEL_FORMAT, "model": stored.model.config.model_dump(), "card": finite(stored.card)}
    write_text(folder / "config.json", json.dumps(config, indent=1, allow_nan=False) + "\n")
    write_text(folder / "tokenizer.json", stored.tokenizer.to_json() + "\n")
    if stored.training_set is not None:
        hashes = torch.from_numpy(stored.training_set.hashes.view(np.int64))
        write_tensors(folder / "training_set.safetensors", {"hashes": hashes})
    weights = stored.model.state_dict()
    for name, _ in stored.model.named_parameters():
        weights[name] = weights[name].to(dtype)
    write_tensors(folder / "model.safetensors", weights, {"format": MODEL_FORMAT})


def read_model(folder: Path) -> StoredModel:
    """Read a model folder, onto the CPU, in evaluation mode.

    Raises:
        ModelError: the folder is missing, incomplete, truncated, or not of molvae.
    """
    config, tokenizer, card = read_description(folder)
    model = SmilesVAE(config, len(tokenizer))
    weights, _ = read_tensors(folder / "model.safetensors")
    try:
        model.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        reason = str(error).split("\n")[1].strip()
        raise ModelError(
            f"{folder / 'model.safetensors'} does not fit config.json and tokenizer.json: {reason}"
        ) from None
    return StoredModel(model.eval(), tokenizer, _read_training_set(folder), card)


def _read_training_set(folder: Path) -> MoleculeSet | None:
    path = folder / "training_set.safetensors"
    if not path.exists():
        return None
    tensors, _ = read_tensors(path)
    return MoleculeSet(tensors["hashes"].numpy().view(np.uint64))
