"""The model that a run fine-tunes: which one it is, and how it is adapted to new tokens and properties.

The adapted model stays in the run folder until the run is finished, so a stopped run can be resumed even if the
original model is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from molvae.config import SIZES, ModelConfig
from molvae.corpus.tokenizer import SmilesTokenizer, scan
from molvae.errors import ConfigError, ModelError, pluralize
from molvae.generator.molvae import MolVAE
from molvae.model import LabelScale, SmilesVAE, expand_vocabulary, set_property_heads
from molvae.pretrained import BUNDLED, shipped
from molvae.storage.files import read_tensors, write_tensors
from molvae.training.run.request import Request

__all__ = [
    "INIT_FILE",
    "BaseModel",
    "FinetuneSource",
    "adapt_model",
    "default_base",
    "named_base",
    "read_finetune_source",
    "write_finetune_source",
]

INIT_FILE = "init.safetensors"
_FORMAT = "molvae-init/1"
_FEW = 50_000  # molecules; with fewer, fine-tuning is better than training from scratch


class BaseModel(NamedTuple):
    """A model to fine-tune."""

    name: str
    """as in `find_model`"""
    vae: MolVAE


def named_base(request: Request) -> BaseModel | None:
    """The model that the user named; None if there is none, or for training from scratch.

    Raises:
        ModelError: the model cannot be read.
        ConfigError: the settings ask for another shape than the model has.
    """
    name = request.given["training"].get("init_from")
    if not name:
        return None
    try:
        vae = MolVAE.from_pretrained(name)
    except ModelError as error:
        raise ModelError(f"{error} (this is the model to start from)") from None
    _check_shape(request, name, vae.config)
    return BaseModel(name, vae)


def default_base(request: Request, molecules: int) -> tuple[BaseModel | None, str | None]:
    """The default model to start from, and a message about it, if there is one."""
    if "init_from" in request.given["training"] or molecules >= _FEW or shipped(BUNDLED) is None:
        return None, None
    few = pluralize(molecules, "molecule")
    if request.size is not None or _shape(request.given["model"]):
        what = "a size" if request.size is not None else "the shape of a model"
        return None, f"{few}: training from scratch, because {what} was given; without it the run starts from {BUNDLED}"
    return BaseModel(BUNDLED, MolVAE.from_pretrained(BUNDLED)), (
        f"{few}: starting from the bundled model {BUNDLED} (--from-scratch trains a new one)"
    )


def _shape(model: dict[str, Any]) -> dict[str, Any]:
    """The settings of [model] that fine-tuning cannot change: all but dropout and the property heads."""
    return {name: value for name, value in model.items() if name not in ("dropout", "properties", "log", "head_hidden")}


def _check_shape(request: Request, name: str, config: ModelConfig) -> None:
    """Raise `ConfigError` if the settings ask for another shape than the model has."""
    preset = SIZES[request.size].model_dump() if request.size is not None else {}
    given = request.given["model"]
    heads = {"head_hidden": given["head_hidden"]} if config.heads and "head_hidden" in given else {}
    for field, value in {**_shape({**preset, **given}), **heads}.items():
        own = getattr(config, field)
        if value != own:
            asked = f"{field} {value}" if field in given else f"size {request.size} ({field} {value})"
            raise ConfigError(
                f"{asked} contradicts the model {name}, whose {field} is {own}: "
                "leave it out, or train from scratch (--from-scratch)"
            )


class FinetuneSource(NamedTuple):
    """The adapted model that fine-tuning starts from."""

    model: SmilesVAE
    """with a row for every token"""
    tokenizer: SmilesTokenizer
    """old tokens keep their ids, new tokens follow them"""
    new_tokens: dict[str, int]
    """number of molecules with each new token, the most frequent first"""


def adapt_model(
    vae: MolVAE, smiles: Sequence[str], scales: Mapping[str, LabelScale], *, config: ModelConfig, seed: int
) -> FinetuneSource:
    """Adapt a model to new tokens and properties.

    Args:
        vae: the model; not changed.
        smiles: the training molecules.
        scales: label scale of each property. The model keeps its heads for these and loses others.
        config: settings of the result.
        seed: of the initial values of new tokens and heads.
    """
    tokenizer = vae.tokenizer.grow(smiles)
    new = tokenizer.ids.keys() - vae.tokenizer.ids.keys()
    holders = Counter(token for one in smiles for token in new.intersection(scan(one))) if new else Counter[str]()
    counts = sorted(holders.items(), key=lambda item: (-item[1], item[0]))
    model = expand_vocabulary(vae.model, len(tokenizer), torch.Generator().manual_seed(seed), dropout=config.dropout)
    set_property_heads(model, scales, hidden=config.head_hidden, seed=seed, log=config.log)
    return FinetuneSource(model, tokenizer, dict(counts))


def write_finetune_source(folder: Path, source: FinetuneSource) -> None:
    """Write the file that `read_finetune_source` reads, atomically."""
    metadata = {"format": _FORMAT, "tokenizer": source.tokenizer.to_json(), "new_tokens": source.new_tokens}
    write_tensors(folder / INIT_FILE, source.model.state_dict(), metadata)


def read_finetune_source(folder: Path, config: ModelConfig) -> FinetuneSource:
    """The adapted model of a run folder.

    Raises:
        ModelError: the file is missing, damaged, or of another shape than `config`.
    """
    path = folder / INIT_FILE
    weights, metadata = read_tensors(path)
    if metadata.get("format") != _FORMAT:
        raise ModelError(f"{path} is not the start of a molvae run ({_FORMAT})")
    try:
        tokenizer = SmilesTokenizer.from_json(metadata["tokenizer"])
        with torch.device("meta"):
            model = SmilesVAE(config, len(tokenizer))
        model.load_state_dict(weights, assign=True)
        return FinetuneSource(model, tokenizer, {str(token): int(n) for token, n in metadata["new_tokens"].items()})
    except (ModelError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ModelError(f"{path} is damaged, or of another shape than config.toml; start the run again") from error
