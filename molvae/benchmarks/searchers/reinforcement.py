"""The decoder as an agent that is rewarded for what it writes, after REINVENT."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from molvae.benchmarks.searchers.base import Baseline, flat
from molvae.config import Decoding
from molvae.corpus.batching import TokenizedCorpus
from molvae.generator.molvae import MolVAE
from molvae.model.latent_codec import Codec
from molvae.optimization.proposal import Proposal

__all__ = ["Reinforcement"]

_BATCH = 64
_SIGMA = 500.0  # nats that a score of 1 is worth
_REPLAY, _REMEMBERED = 24, 100
_RATE = 5e-4
_PATIENCE = 20  # batches without a new molecule, before it gives up


class Reinforcement(Baseline):
    """Each molecule is written from a prior draw, which is kept with it; the encoder has no part in it.

    The agent is moved towards log p(x|z) of the model as it came + sigma * score, on what it has just written and on
    the best so far. Sources: Molecular de-novo design through deep reinforcement learning (Olivecrona et al., 2017),
    https://arxiv.org/abs/1704.07555, with the settings that PMO gives it, https://arxiv.org/abs/2206.12411

    Args:
        vae: the model.
        seed: of every random choice.
    """

    def __init__(self, vae: MolVAE, seed: int) -> None:
        super().__init__("reinforcement", _BATCH)
        self._vae, self._rng = vae, np.random.default_rng(seed)
        self._agent = copy.deepcopy(vae.model)
        self._codec = Codec(self._agent.eval(), vae.tokenizer, max_length=vae.max_length)
        self._optimizer = torch.optim.Adam(self._agent.decoder.parameters(), lr=_RATE)
        self._written: dict[str, tuple[str, NDArray[np.float32]]] = {}

    def ask(self, n: int | None = None) -> list[Proposal]:
        """What is new of a batch that the agent writes."""
        decoding = Decoding().for_model(self._codec.max_length)
        for _ in range(_PATIENCE):
            z = self._rng.standard_normal((_BATCH, self._vae.config.latent_dim), dtype=np.float32)
            uniforms = self._rng.random((_BATCH, decoding.max_length), dtype=np.float32)
            texts = self._codec.decode(z, decoding, uniforms)
            found = self._new(flat(texts), n or self.batch_size)
            if found:
                molecules = zip(flat(texts), texts, z, strict=True)
                places = {one: (text, point) for one, text, point in molecules if one is not None}
                self._written.update({one.smiles: places[one.smiles] for one in found})
                return found
        return []

    def tell(
        self,
        proposals: Sequence[Proposal],
        scores: Sequence[float] | NDArray[np.float64],
        parts: Sequence[Sequence[float]] | NDArray[np.float64] | None = None,
    ) -> None:
        """Take in the scores, and move the agent."""
        super().tell(proposals, scores, parts)
        smiles, values = self.archive.smiles, np.nan_to_num(self.archive.scores)
        best = self.archive.best()[:_REMEMBERED]
        replayed = self._rng.permutation(best)[:_REPLAY].tolist()
        rows = [*range(len(smiles) - len(proposals), len(smiles)), *replayed]
        texts, points = zip(*(self._written[smiles[row]] for row in rows), strict=True)
        self._learn(texts, np.stack(points), values[rows].astype(np.float32))

    def _learn(self, texts: Sequence[str], points: NDArray[np.float32], scores: NDArray[np.float32]) -> None:
        device = self._vae.device
        tokens, lengths = TokenizedCorpus(texts, self._vae.tokenizer).batch(range(len(texts))).to(device)
        z = torch.from_numpy(points).to(device)
        with torch.no_grad():
            wanted = -self._vae.model.nll(tokens, lengths, z) + _SIGMA * torch.from_numpy(scores).to(device)
        loss = (wanted + self._agent.nll(tokens, lengths, z)).square().mean()
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
