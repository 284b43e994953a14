"""Only tokens that a grammar allows, from the probabilities of those: a batch of strings while they are decoded.

A token is drawn as ever and tested; only where it is refused are others drawn, from the rest of the distribution. What
comes out is distributed like the probabilities of the allowed tokens, scaled up to one, and most steps cost one test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from molvae.chem.smiles_grammar import SmilesState
from molvae.config import Decoding

__all__ = ["GrammarConstraint"]

_MASK = (1 << 64) - 1


class GrammarConstraint:
    """The strings of a batch, row by row.

    Args:
        states: B, the empty strings; they change.
        decoding: temperature and top_p.
        end: the id of the end token.
    """

    def __init__(self, states: Sequence[SmilesState], decoding: Decoding, end: int) -> None:
        self._states, self._decoding, self._end = list(states), decoding, end

    def keep(self, going: Tensor) -> None:
        """Only some rows go on."""
        self._states = [state for state, goes in zip(self._states, going.tolist(), strict=True) if goes]

    def apply(
        self, drawn: Tensor, logits: Tensor, uniforms: Tensor | None, forced: Tensor | None
    ) -> tuple[Tensor, list[int]]:
        """Take each token; where the string gives its next one, that; and where it refuses the token, an allowed one.

        Args:
            drawn: (B,) a token for each row.
            logits: (B, V) that they were drawn from.
            uniforms: (B,) the random number that each was drawn with; None took the most likely.
            forced: (B,) whether a token stands, whatever it is.

        Returns:
            (B,) tokens, and the rows where no token is allowed.
        """
        given = [False] * len(drawn) if forced is None else forced.tolist()
        tokens = [
            token if state.forced is None else state.forced
            for state, token in zip(self._states, drawn.tolist(), strict=True)
        ]
        drawn, refused = torch.tensor(tokens, dtype=drawn.dtype, device=drawn.device), []
        for row, (state, token, stands) in enumerate(zip(self._states, tokens, given, strict=True)):
            if stands:
                state.advance(token)
            elif not state.accept(token):
                refused.append(row)
        if not refused:
            return drawn, []
        temperature = 1.0 if uniforms is None else self._decoding.temperature
        shares = torch.softmax(logits[refused].double() / temperature, -1).tolist()
        numbers = [None] * len(refused) if uniforms is None else uniforms[refused].tolist()
        lost = []
        for row, share, number in zip(refused, shares, numbers, strict=True):
            state = self._states[row]
            if tokens[row] == self._end:  # what would have ended goes on at random, and hardly ever ends by itself
                state.hurry()
            token = next((one for one in self._others(tokens[row], share, number) if state.accept(one)), None)
            if token is None:
                lost.append(row)
            else:
                drawn[row] = token
        return drawn, lost

    def _others(self, refused: int, share: list[float], number: float | None) -> Iterator[int]:
        """All tokens but the one that was drawn, as they are drawn without putting any back."""
        order = sorted(range(len(share)), key=lambda token: (-share[token], token))
        nucleus = 0
        if number is not None:
            total = 0.0
            while nucleus < len(order) and total < self._decoding.top_p and share[order[nucleus]] > 0.0:
                total += share[order[nucleus]]
                nucleus += 1
        left, rest = order[:nucleus], order[nucleus:]
        if refused in left:
            left.remove(refused)
        for attempt in range(len(left)):
            token = _drawn(left, share, _another(number or 0.0, attempt))
            left.remove(token)
            yield token
        yield from (token for token in rest if token != refused)


def _drawn(tokens: list[int], share: list[float], number: float) -> int:
    wanted = number * sum(share[token] for token in tokens)
    for token in tokens:
        wanted -= share[token]
        if wanted < 0.0:
            return token
    return tokens[-1]


def _another(number: float, attempt: int) -> float:
    """A random number in [0, 1) made of one and a count: splitmix64 of both.

    Fast Splittable Pseudorandom Number Generators (Steele et al., 2014), https://doi.org/10.1145/2660193.2660195
    """
    mixed = (int(number * (1 << 32)) * 0xD1342543DE82EF95 + (attempt + 1) * 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)
