"""Add tokens or property heads to a trained model, without changing what it does for the old ones."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from molvae.config import ModelConfig, join_names, split_names
from molvae.model.heads import LabelScale, PropertyHead
from molvae.model.vae import SmilesVAE

__all__ = ["expand_vocabulary", "set_property_heads"]

_TABLES = ("encoder.embedding.weight", "decoder.embedding.weight")
_OUTPUT_WEIGHT, _OUTPUT_BIAS = "decoder.to_logits.weight", "decoder.to_logits.bias"
_NOISE = 0.1  # of a new embedding, in standard deviations of the old ones
_RARITY = 100.0  # a new token is at least this much less likely than an average token


def expand_vocabulary(
    model: SmilesVAE, vocab_size: int, generator: torch.Generator, *, dropout: float | None = None
) -> SmilesVAE:
    """A copy of a model with new tokens, after the old ones.

    For old tokens the posterior and the logits do not change. The embedding of a new token is the mean embedding with a
    little noise, so that new tokens differ. In any state the probability of a new token is at most 1 / (100 V), with V
    old tokens: its logit is their mean logit minus log 100, and by Jensen's inequality the mean of V logits is at least
    log V below the logarithm of their partition function.

    Args:
        model: a model with V tokens; not changed.
        vocab_size: number of tokens of the copy, at least V.
        generator: random generator of the noise.
        dropout: of the copy; by default that of `model`.

    Returns:
        the copy, on the CPU, in training mode

    Raises:
        ValueError: `vocab_size` is below V.
    """
    new = vocab_size - model.vocab_size
    if new < 0:
        raise ValueError(f"a model of {model.vocab_size} tokens cannot shrink to {vocab_size}")
    weights = {name: value.detach().to("cpu", copy=True) for name, value in model.state_dict().items()}
    for name in _TABLES:
        weights[name] = _with_rows(weights[name], new, generator)
    weight, bias = weights[_OUTPUT_WEIGHT], weights[_OUTPUT_BIAS]
    weights[_OUTPUT_WEIGHT] = torch.cat([weight, weight.mean(0).expand(new, -1)])
    weights[_OUTPUT_BIAS] = torch.cat([bias, (bias.mean() - math.log(_RARITY)).expand(new)])
    config = model.config if dropout is None else model.config.replace(dropout=dropout)
    with torch.device("meta"):  # no initial weights: those above are assigned
        copy = SmilesVAE(config, vocab_size)
    copy.load_state_dict(weights, assign=True)
    return copy


def set_property_heads(
    model: SmilesVAE, scales: Mapping[str, LabelScale], *, hidden: int, seed: int, log: str = ""
) -> None:
    """Give a model exactly one head for each of some properties.

    An existing head keeps its predictions, in the unit of the property; a new one predicts the mean of its labels. A
    head that learned the property itself is not kept for its logarithm, nor the reverse.

    Args:
        model: changed in place.
        scales: label scales by property, in the order of the heads.
        hidden: hidden units of a new head; must be those of the existing heads if one is kept.
        seed: of the initial weights of new heads.
        log: properties whose log10 is learned, as in `ModelConfig`.
    """
    config = model.config.replace(properties=join_names(scales), head_hidden=hidden, log=log)
    old = {name: head for name, head in model.property_heads().items() if _learned_alike(name, model.config, config)}
    heads = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, scale in scales.items():
            if name in old:
                old[name].convert_to(scale)
            else:
                old[name] = PropertyHead(model.config.latent_dim, hidden)
                old[name].set_scale(scale)
            heads.append(old[name])
    model.heads = nn.ModuleList(heads)
    model.config = config


def _learned_alike(name: str, one: ModelConfig, other: ModelConfig) -> bool:
    return (name in split_names(one.log)) == (name in split_names(other.log))


def _with_rows(table: Tensor, new: int, generator: torch.Generator) -> Tensor:
    """(V, E) -> (V + new, E)."""
    noise = torch.randn(new, table.shape[1], generator=generator)
    return torch.cat([table, table.mean(0) + _NOISE * table.std(0) * noise])
