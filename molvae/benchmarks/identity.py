"""What a run was made with, as numbers, so that its figures are not taken for those of another."""

from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path

from molvae.pretrained.card import MODEL_FILES
from molvae.pretrained.hub import find_model

__all__ = ["checksum", "model_checksum"]

_BLOCK = 1 << 20


@lru_cache
def checksum(*files: Path) -> int:
    """CRC-32 of the bytes of files, one behind the other."""
    value = 0
    for path in files:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                value = zlib.crc32(block, value)
    return value


def model_checksum(model: str) -> int:
    """That of the tokenizer and the weights of a model, by the name that `MolVAE.from_pretrained` takes; 0 for none.

    That a file is missing is said when the model is loaded.
    """
    files = [find_model(model) / name for name in MODEL_FILES[1:3]] if model else []
    return checksum(*(one for one in files if one.is_file()))
