"""A model as a folder: ``config.json``, ``tokenizer.json``, ``model.safetensors``, ``training_set.safetensors``.

Nothing is pickled, so loading a folder from somebody else runs no code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from molvae.chem.known_molecules import Form, KnownMolecules
from molvae.chem.molecule_set import MoleculeSet
from molvae.chem.plausibility import LONE_CHARGE, unusual_tokens
from molvae.config import LONGEST_MOLECULE, Decoding
from molvae.corpus.tokenizer import SmilesTokenizer
from molvae.errors import InputError, ModelError
from molvae.model import SmilesVAE
from molvae.pretrained.card import MODEL_FILES, MODEL_FORMAT, read_description
from molvae.storage.files import finite, read_tensors, tensor_shapes, write_tensors, write_text

__all__ = ["MODEL_FILES", "StoredModel", "read_model", "write_model"]

_TENSORS: dict[Form, str] = {"smiles": "hashes", "flat": "flat", "tautomer": "tautomers"}
"""The names of the hashes in ``training_set.safetensors``."""


@dataclass(frozen=True)
class StoredModel:
    """The content of a model folder."""

    model: SmilesVAE
    tokenizer: SmilesTokenizer
    known: KnownMolecules | None = None
    """hashes of the training molecules, and of all molecules of the file; None if the folder has none"""
    card: dict[str, Any] = field(default_factory=dict)
    """origin and figures of the model, JSON-able"""

    @property
    def max_length(self) -> int:
        """The largest number of tokens of a training molecule, from the card, or the default."""
        length = self.card.get("max_length")
        return length if type(length) is int and 0 < length <= LONGEST_MOLECULE else Decoding().max_length

    @property
    def atoms(self) -> frozenset[str]:
        """The unusual atoms (`molvae.chem.plausibility`) of the training molecules, from the card.

        The card of an older model lacks them; then every atom of the vocabulary is allowed, with any charge.
        """
        atoms = self.card.get("unusual atoms")
        if isinstance(atoms, list) and all(isinstance(one, str) for one in atoms):
            return frozenset(atoms)
        return frozenset(unusual_tokens(self.tokenizer.tokens) | {LONE_CHARGE})


def write_model(folder: Path, stored: StoredModel, *, dtype: torch.dtype = torch.float32) -> None:
    """Write a model folder; each file is written completely or not at all.

    Args:
        folder: created if it does not exist.
        stored: the model.
        dtype: of the weights in the file; reading gives float32 in any case. Buffers stay float32.

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
    if stored.known is not None:
        sets = stored.known.sets.items()
        hashes = {_TENSORS[form]: torch.from_numpy(each.hashes.view(np.int64)) for form, each in sets}
        write_tensors(folder / "training_set.safetensors", hashes)
    weights = stored.model.state_dict()
    for name, _ in stored.model.named_parameters():
        weights[name] = weights[name].to(dtype)
    write_tensors(folder / "model.safetensors", weights, {"format": MODEL_FORMAT})


def read_model(folder: Path) -> StoredModel:
    """Read a model folder, onto the CPU, in evaluation mode.

    Raises:
        ModelError: the folder is missing, incomplete, truncated, or not a molvae model.
    """
    config, tokenizer, card = read_description(folder)
    path = folder / "model.safetensors"
    with torch.device("meta"):  # needs no memory, whatever the size in config.json
        claimed = {name: tuple(one.shape) for name, one in SmilesVAE(config, len(tokenizer)).state_dict().items()}
    there = tensor_shapes(path)
    bad = next((name for name in sorted(claimed.keys() | there.keys()) if claimed.get(name) != there.get(name)), None)
    if bad is not None:
        raise ModelError(
            f"{path} does not fit config.json and tokenizer.json: {bad} is {_shape(there.get(bad))}, not "
            f"{_shape(claimed.get(bad))}"
        )
    model = SmilesVAE(config, len(tokenizer))
    weights, _ = read_tensors(path)
    try:
        model.load_state_dict({name: value.float() for name, value in weights.items()})
    except RuntimeError as error:
        raise ModelError(f"{path} cannot be loaded: {error}") from None
    bad = next((name for name, value in model.state_dict().items() if not bool(value.isfinite().all())), None)
    if bad is not None:
        raise ModelError(f"{path} is damaged, or its training diverged: {bad} holds NaN or infinite weights")
    return StoredModel(model.eval(), tokenizer, _read_known(folder), card)


def _read_known(folder: Path) -> KnownMolecules | None:
    path = folder / "training_set.safetensors"
    if not path.exists():
        return None
    tensors, _ = read_tensors(path)
    there: dict[Form, torch.Tensor] = {form: tensors[name] for form, name in _TENSORS.items() if name in tensors}
    if "smiles" not in there or any(one.dtype != torch.int64 or one.ndim != 1 for one in there.values()):
        raise ModelError(f"{path} is damaged: it holds no hashes of 64 bits")
    return KnownMolecules({form: MoleculeSet(one.numpy().view(np.uint64)) for form, one in there.items()})


def _shape(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else " x ".join(map(str, shape)) or "one number"
