"""The description of a model folder, read without its weights and without torch."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from molvae.config import ModelConfig
from molvae.corpus.tokenizer import SmilesTokenizer
from molvae.errors import ModelError, MolVAEError
from molvae.storage.files import read_json
from molvae.storage.latest_run import CHECKPOINT

__all__ = ["MODEL_FILES", "MODEL_FORMAT", "Description", "Summary", "read_card", "read_description"]

MODEL_FILES = ("config.json", "tokenizer.json", "model.safetensors", "training_set.safetensors")
MODEL_FORMAT = "molvae-model/1"

_MOST_JSON = 1 << 22  # bytes; a vocabulary of a thousand tokens has 20,000

_MEASURED = ("figures", "memorization")
_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


class Description(NamedTuple):
    """A model without its weights."""

    config: ModelConfig
    tokenizer: SmilesTokenizer
    card: dict[str, Any]
    """origin and figures of the model; untrusted, if somebody else wrote it"""


class Summary(NamedTuple):
    """The description and the size of a model folder."""

    folder: Path
    description: Description
    parameters: int
    """number of weights"""
    dtypes: tuple[str, ...]
    """their dtypes, the most frequent first"""
    size: int
    """size of the files, bytes"""
    training_hashes: int | None
    """number of hashes of training molecules; None if the model has none"""
    finished: bool
    """whether the training is finished"""


def read_description(folder: Path) -> Description:
    """The settings, the vocabulary and the card of a model folder.

    Raises:
        ModelError: the folder is missing, incomplete, damaged, or not a molvae model.
    """
    if not folder.is_dir():
        what = "is a file, not a model folder" if folder.exists() else "does not exist"
        raise ModelError(f"{folder} {what}")
    try:
        missing = [name for name in MODEL_FILES[:3] if not (folder / name).is_file()]
    except OSError as error:  # a folder without access
        raise ModelError(f"{folder} cannot be read: {error.strerror or error}") from None
    if missing:
        raise ModelError(f"{folder} is no model of molvae: it has no {', no '.join(missing)}")
    try:
        data = read_json(folder / "config.json", most=_MOST_JSON)
        if not isinstance(data, dict) or data.get("format") != MODEL_FORMAT:
            raise ModelError(f"{folder / 'config.json'} is not of a model of molvae (format {MODEL_FORMAT!r})")
        return _description(folder, data)
    except RecursionError:
        raise ModelError(f"{folder} is damaged: its JSON is nested too deeply") from None


def read_card(folder: Path) -> Summary:
    """Describe a model without loading it.

    Raises:
        ModelError: as `read_description`, and for truncated weights.
    """
    description = read_description(folder)
    weights, known = folder / MODEL_FILES[2], folder / MODEL_FILES[3]
    numbers = _numbers(weights)
    return Summary(
        folder=folder,
        description=description,
        parameters=numbers.total(),
        dtypes=tuple(name for name, _ in numbers.most_common()),
        size=sum((folder / name).stat().st_size for name in MODEL_FILES if (folder / name).is_file()),
        training_hashes=_numbers(known, only="hashes").total() if known.exists() else None,
        finished=not (folder / CHECKPOINT).exists(),
    )


def _description(folder: Path, data: dict[str, Any]) -> Description:
    try:
        tokenizer = SmilesTokenizer.from_json(json.dumps(read_json(folder / "tokenizer.json", most=_MOST_JSON)))
        config = ModelConfig(**data["model"])
    except (MolVAEError, OSError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ModelError(f"{folder} is damaged: {error}") from None
    card = data.get("card") or {}
    if not isinstance(card, dict):
        return Description(config, tokenizer, {"card": card})
    return Description(config, tokenizer, card | {key: _figures(card[key]) for key in _MEASURED if key in card})


def _figures(value: Any) -> Any:
    """Restore NaN, which JSON stores as null."""
    if isinstance(value, dict):
        return {key: _figures(one) for key, one in value.items()}
    return math.nan if value is None else value


def _numbers(path: Path, *, only: str = "") -> Counter[str]:
    """Count the numbers of each dtype in a safetensors file, or in one of its tensors; check its length."""
    from safetensors import SafetensorError, safe_open

    counts: Counter[str] = Counter()
    try:
        with safe_open(path, framework="np") as file:
            for name in {only} & {*file.keys()} if only else file.keys():
                tensor = file.get_slice(name)
                dtype = tensor.get_dtype()
                counts[_DTYPES.get(dtype, dtype.lower())] += math.prod(tensor.get_shape())
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is truncated or no safetensors file ({error})") from None
    return counts
