"""The decoding loop: from latent points to tokens, one token at a time.

Finished rows leave the batch, and the loop ends when it is empty. Every molecule has its own random numbers, so its
tokens do not depend on the other molecules of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from molvae.chem.smiles_grammar import SmilesState
from molvae.config import Decoding
from molvae.model.decoder import Decoder
from molvae.model.grammar_constraint import GrammarConstraint

__all__ = ["generate"]


@torch.inference_mode()
def generate(
    decoder: Decoder,
    z: Tensor,
    decoding: Decoding,
    *,
    bos_id: int,
    eos_id: int,
    uniforms: Tensor | None = None,
    prefix: Tensor | None = None,
    states: Sequence[SmilesState] | None = None,
) -> Tensor:
    """Decode each latent point until its end token.

    Args:
        decoder: in evaluation mode.
        z: (B, D)
        decoding: temperature, top_p and max_length, L.
        bos_id: id of the start token.
        eos_id: id of the end token, which fills the rest of a row.
        uniforms: (B, L) in [0, 1), the random numbers of each molecule; needed unless temperature is 0.
        prefix: (B, P) ids that each row begins with, whatever the decoder thinks of them; from the first end token of a
            row on, the decoder goes on by itself.
        states: B empty strings of a grammar, where only tokens are wanted that it allows; behind a prefix of which no
            molecule can come all are. A row that comes to a point where none is allowed has start tokens from there on.

    Returns:
        (B, L + 1) int64 ids without the start token. A row without an end token was cut off; behind L other tokens it
        has one where that is the most likely, whatever the temperature.
    """
    B, L = len(z), decoding.max_length
    result = torch.full((B, L + 1), eos_id, device=z.device)
    rows = torch.arange(B, device=z.device)
    tokens = torch.full((B,), bos_id, device=z.device)
    reader = decoder.reader(z)
    constraint = None if states is None else GrammarConstraint(states, decoding, eos_id)
    for step in range(L + 1):
        logits = decoder.logits(reader.read(tokens))
        numbers = None if uniforms is None or step == L or decoding.temperature == 0.0 else uniforms[rows, step]
        drawn = logits.argmax(-1) if step == L else _draw(logits.float(), decoding, numbers)
        forced = None
        if prefix is not None and step < prefix.shape[1]:
            given = prefix[rows, step]
            forced = given != eos_id
            drawn = given.where(forced, drawn)
        going = drawn != eos_id
        if constraint is not None:
            drawn, stuck = constraint.apply(drawn, logits.float(), numbers, forced)
            result[rows[stuck], step:] = bos_id
            going = drawn != eos_id
            going[stuck] = False
        result[rows[going], step] = drawn[going]
        if not going.all():
            rows, drawn = rows[going], drawn[going]
            if not len(rows):
                break
            reader.keep(going)
            if constraint is not None:
                constraint.keep(going)
        tokens = drawn
    return result


def _draw(logits: Tensor, decoding: Decoding, uniforms: Tensor | None) -> Tensor:
    """One token for each row by inversion of the cumulative distribution.

    top_p: The Curious Case of Neural Text Degeneration (Holtzman et al., 2020), https://arxiv.org/abs/1904.09751
    """
    if decoding.temperature == 0.0:
        return logits.argmax(-1)
    if uniforms is None:
        raise ValueError("drawing at a temperature above 0 needs uniforms")
    probabilities, order = torch.softmax(logits / decoding.temperature, -1).sort(dim=-1, descending=True, stable=True)
    cumulative = probabilities.cumsum(-1)
    if decoding.top_p < 1.0:
        total = torch.where(cumulative >= decoding.top_p, cumulative, torch.inf).amin(-1)
        total = torch.minimum(total, cumulative[:, -1])  # rounding may leave the sum below top_p
    else:
        total = cumulative[:, -1]
    position = (cumulative <= (uniforms.to(total) * total)[:, None]).sum(-1, keepdim=True)
    return order.gather(-1, position.clamp(max=logits.shape[-1] - 1))[:, 0]
