"""The model that a run starts from, grown by what is new to it, tokens and heads; kept in the run folder until the end.

A run that was stopped goes on from there, though the model it started from may be gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from molvae.config import ModelConfig
from molvae.corpus.tokenizer import SmilesTokenizer, scan
from molvae.errors import ModelError
from molvae.generator.molvae import MolVAE
from molvae.model import LabelScale, SmilesVAE, equip, grown
from molvae.storage.files import read_tensors, write_tensors

__all__ = ["ORIGIN", "Origin", "adapted", "read_origin", "write_origin"]

ORIGIN = "init.safetensors"
_FORMAT = "molvae-init/1"


class Origin(NamedTuple):
    """What fine-tuning begins with."""

    model: SmilesVAE
    """with a row for every token"""
    tokenizer: SmilesTokenizer
    """old ids keep their meaning, new tokens stand behind them"""
    new_tokens: dict[str, int]
    """how many molecules hold each new token, the most frequent one first"""


def adapted(
    vae: MolVAE, smiles: Sequence[str], scales: Mapping[str, LabelScale], *, config: ModelConfig, seed: int
) -> Origin:
    """A model made ready for molecules with tokens that are new to it, and for some properties.

    Args:
        vae: the model; left as it is.
        smiles: the molecules.
        scales: of the labels of each property. Heads that the model has for these are kept, others are not.
        config: of the result.
        seed: of the first values of what is new.
    """
    tokenizer = vae.tokenizer.grow(smiles)
    new = tokenizer.ids.keys() - vae.tokenizer.ids.keys()
    holders = Counter(token for one in smiles for token in new.intersection(scan(one))) if new else Counter[str]()
    counts = sorted(holders.items(), key=lambda item: (-item[1], item[0]))
    model = grown(vae.model, len(tokenizer), torch.Generator().manual_seed(seed), dropout=config.dropout)
    equip(model, scales, hidden=config.head_hidden, seed=seed)
    return Origin(model, tokenizer, dict(counts))


def write_origin(folder: Path, origin: Origin) -> None:
    """Write what `read_origin` reads, atomically."""
    metadata = {"format": _FORMAT, "tokenizer": origin.tokenizer.to_json(), "new_tokens": origin.new_tokens}
    write_tensors(folder / ORIGIN, origin.model.state_dict(), metadata)


def read_origin(folder: Path, config: ModelConfig) -> Origin:
    """What a run in a folder began with.

    Raises:
        ModelError: it is missing, damaged, or of another shape than `config` says.
    """
    path = folder / ORIGIN
    weights, metadata = read_tensors(path)
    if metadata.get("format") != _FORMAT:
        raise ModelError(f"{path} is not what a run of molvae starts from ({_FORMAT})")
    try:
        tokenizer = SmilesTokenizer.from_json(metadata["tokenizer"])
        with torch.device("meta"):
            model = SmilesVAE(config, len(tokenizer))
        model.load_state_dict(weights, assign=True)
        return Origin(model, tokenizer, {str(token): int(n) for token, n in metadata["new_tokens"].items()})
    except (ModelError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ModelError(f"{path} is damaged, or of another shape than config.toml says; start the run anew") from error
