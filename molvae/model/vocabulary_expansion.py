"""A model for more tokens, or other properties: what it was for the old ones it stays."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from molvae.config import join_names
from molvae.model.heads import LabelScale, PropertyHead
from molvae.model.vae import SmilesVAE

__all__ = ["equip", "grown"]

_TABLES = ("encoder.embedding.weight", "decoder.embedding.weight")
_OUTPUT_WEIGHT, _OUTPUT_BIAS = "decoder.to_logits.weight", "decoder.to_logits.bias"
_NOISE = 0.1  # of a new embedding, in standard deviations of the old ones
_RARITY = 100.0  # how many times less likely a new token is than a token on average, at most


def grown(model: SmilesVAE, vocab_size: int, generator: torch.Generator, *, dropout: float | None = None) -> SmilesVAE:
    """A copy of a model with rows for more tokens, behind those it has.

    For old tokens the posterior and the logits are those of `model`. A new token is read as an average one, up to a
    little noise that tells it from its like; it is predicted, from any state, with a probability of at most
    1 / (100 V), V being the number of old tokens: its logit is the mean of theirs, less log 100, and the mean of V
    logits is below the logarithm of their partition function by log V or more (Jensen).

    Args:
        model: of V tokens; left as it is.
        vocab_size: tokens of the copy, V or more.
        generator: of the noise.
        dropout: of the copy; that of `model` by default.

    Returns:
        the copy, on the CPU, in training mode

    Raises:
        ValueError: `vocab_size` below V.
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
    with torch.device("meta"):  # no first weights are drawn: those above take their place
        copy = SmilesVAE(config, vocab_size)
    copy.load_state_dict(weights, assign=True)
    return copy


def equip(model: SmilesVAE, scales: Mapping[str, LabelScale], *, hidden: int, seed: int) -> None:
    """Give a model a head for each of some properties, and no other.

    A head that it has is kept with what it predicts; a new one begins at the mean of its labels.

    Args:
        model: changed in place.
        scales: of the labels, by the names of the properties, in the order of the heads.
        hidden: units of a new head; where one is kept, what it has.
        seed: of the first weights of new heads.
    """
    old = model.property_heads()
    heads = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name, scale in scales.items():
            if name in old:
                old[name].convert_to(scale)
            else:
                old[name] = PropertyHead(model.config.latent_dim, hidden)
                old[name].measure_by(scale)
            heads.append(old[name])
    model.heads = nn.ModuleList(heads)
    model.config = model.config.replace(properties=join_names(scales), head_hidden=hidden)


def _with_rows(table: Tensor, new: int, generator: torch.Generator) -> Tensor:
    """(V, E) -> (V + new, E)."""
    noise = torch.randn(new, table.shape[1], generator=generator)
    return torch.cat([table, table.mean(0) + _NOISE * table.std(0) * noise])
