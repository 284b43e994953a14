"""Search methods to compare with: CMA-ES, reinforcement learning, screening, and a surrogate on latent points."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molvae.chem import canonical, quiet_rdkit
from molvae.config import Decoding
from molvae.corpus.batching import TokenizedCorpus
from molvae.generator.molvae import MolVAE
from molvae.model.latent_codec import Codec
from molvae.optimization.archive import Archive
from molvae.optimization.proposal import Proposal
from molvae.optimization.surrogate import FeatureCache, Kernel, Surrogate

__all__ = ["LatentEvolution", "Reinforcement", "Screening", "latent_surrogate"]

_PATIENCE = 20  # batches without a new molecule before a search ends
_SCREENED = 100  # molecules of a batch of screening
_POPULATION, _STEP_SIZE = 64, 0.5  # of CMA-ES
_BATCH, _LEARNING_RATE = 64, 5e-4  # of reinforcement
_SIGMA = 500.0  # reinforcement: nats of a score of 1
_REPLAY, _REMEMBERED = 24, 100  # reinforcement: molecules replayed in a step, drawn from so many of the best
_SCALES = (2.0, 1.0, 4.0)  # length scales of latent points; draws of N(0, I) in 64 dimensions are .2, .06, .5 similar


class Baseline(ABC):
    """A search without a saved state: after an interruption it starts again.

    Args:
        name: name of the operator of its proposals.
        batch_size: molecules of a batch.
    """

    def __init__(self, name: str, batch_size: int) -> None:
        self.archive = Archive()
        self._name, self._batch_size = name, batch_size
        self._asked: set[str] = set()

    @property
    def batch_size(self) -> int:
        """Molecules of a batch."""
        return self._batch_size

    @abstractmethod
    def ask(self, n: int | None = None) -> list[Proposal]:
        """Up to n new molecules; none if there are no new ones."""

    def tell(
        self,
        proposals: Sequence[Proposal],
        scores: Sequence[float] | NDArray[np.float64],
        parts: Sequence[Sequence[float]] | NDArray[np.float64] | None = None,
    ) -> None:
        """Receive the scores of N molecules."""
        for row, (proposal, score) in enumerate(zip(proposals, scores, strict=True)):
            self.archive.add(proposal, score, () if parts is None else parts[row])

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Nothing."""
        return {}, {}

    def restore(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Nothing."""
        del tensors, metadata

    def _new(self, texts: Iterable[str | None], n: int) -> list[Proposal]:
        """The first n molecules among `texts` that were not asked for before."""
        found: list[Proposal] = []
        for text in texts:
            if text is not None and text not in self._asked:
                self._asked.add(text)
                found.append(Proposal(text, self._name))
                if len(found) == n:  # before the next text is taken from the iterator and lost
                    break
        return found


def _flat(texts: Iterable[str | None]) -> list[str | None]:
    """Canonical SMILES without stereochemistry; None for an invalid SMILES or one with several fragments."""
    with quiet_rdkit():
        molecules = [canonical(text, stereo=False) for text in texts]
    return [None if one is None or "." in one else one for one in molecules]


class LatentEvolution(Baseline):
    """CMA-ES in the latent space of a fixed model; an invalid point has the lowest score so far.

    Source: The CMA Evolution Strategy: A Tutorial (Hansen, 2016), https://arxiv.org/abs/1604.00772

    Args:
        vae: the model.
        seed: of every random choice.
    """

    def __init__(self, vae: MolVAE, seed: int) -> None:
        import cma  # an optional package

        super().__init__("latent CMA-ES", _POPULATION)
        self._vae = vae
        options = {"seed": seed + 1, "popsize": _POPULATION, "verbose": -9}  # cma takes a seed of 0 for the clock
        self._strategy = cma.CMAEvolutionStrategy(np.zeros(vae.config.latent_dim), _STEP_SIZE, options)
        self._points: list[NDArray[np.float64]] = []
        self._molecules: list[str | None] = []
        self._waiting: list[Proposal] = []

    def ask(self, n: int | None = None) -> list[Proposal]:
        """The new molecules of a population, or else of one of the next."""
        n = n or self.batch_size
        for _ in range(_PATIENCE):
            if self._waiting:
                break
            if self._points:
                self._learn()
            self._points = self._strategy.ask()
            self._molecules = _flat(self._vae.decode(np.array(self._points, dtype=np.float32), constrained=False))
            self._waiting = self._new(self._molecules, _POPULATION)
        batch, self._waiting = self._waiting[:n], self._waiting[n:]
        return batch

    def _learn(self) -> None:
        scores = self.archive.scores
        worst = float(np.nanmin(scores)) if len(scores) else 0.0
        values = [
            scores[self.archive.row(one)] if one is not None and one in self.archive else worst
            for one in self._molecules
        ]
        self._strategy.tell(self._points, (-np.nan_to_num(np.array(values), nan=worst)).tolist())


class Reinforcement(Baseline):
    """Train the decoder by reinforcement learning, as REINVENT does; each molecule keeps its draw of the prior.

    The agent learns log p(x|z) of the original model + sigma * score, on its last molecules and on the best so far.
    Sources: Molecular de-novo design through deep reinforcement learning (Olivecrona et al., 2017),
    https://arxiv.org/abs/1704.07555, with the settings of PMO, https://arxiv.org/abs/2206.12411

    Args:
        vae: the model.
        seed: of every random choice.
    """

    def __init__(self, vae: MolVAE, seed: int) -> None:
        super().__init__("reinforcement", _BATCH)
        self._vae, self._rng = vae, np.random.default_rng(seed)
        self._agent = copy.deepcopy(vae.model)
        self._codec = Codec(self._agent.eval(), vae.tokenizer, max_length=vae.max_length)
        self._optimizer = torch.optim.Adam(self._agent.decoder.parameters(), lr=_LEARNING_RATE)
        self._written: dict[str, tuple[str, NDArray[np.float32]]] = {}

    def ask(self, n: int | None = None) -> list[Proposal]:
        """The new molecules of a batch of the agent."""
        decoding = Decoding().for_model(self._codec.max_length)
        for _ in range(_PATIENCE):
            z = self._rng.standard_normal((_BATCH, self._vae.config.latent_dim), dtype=np.float32)
            uniforms = self._rng.random((_BATCH, decoding.max_length), dtype=np.float32)
            texts = self._codec.decode(z, decoding, uniforms)
            found = self._new(_flat(texts), n or self.batch_size)
            if found:
                molecules = zip(_flat(texts), texts, z, strict=True)
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
        """Receive the scores, and train the agent."""
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


class Screening(Baseline):
    """Random screening: molecules of a list in random order. Any search must beat it.

    Args:
        library: SMILES.
        seed: of their order.
    """

    def __init__(self, library: Sequence[str], seed: int) -> None:
        super().__init__("screening", _SCREENED)
        self._library, self._order = library, iter(np.random.default_rng(seed).permutation(len(library)).tolist())

    def ask(self, n: int | None = None) -> list[Proposal]:
        """The next n molecules."""
        return self._new((_flat([self._library[row]])[0] for row in self._order), n or self.batch_size)


def latent_surrogate(vae: MolVAE) -> Surrogate:
    """A Gaussian process on latent points, as in latent Bayesian optimization.

    A molecule that cannot be encoded has the mean of the prior. The kernel is rational quadratic, with the length scale
    of three under which the known scores are most likely.

    Args:
        vae: the model; the search does not fine-tune it.
    """
    views = {f"latent points / {scale:g}": partial(_points, vae, scale) for scale in _SCALES}
    kernels = [Kernel(name, {name: 1.0}) for name in views]
    return Surrogate(kernel=kernels, features=FeatureCache(more=views))


def _points(vae: MolVAE, scale: float, smiles: Sequence[str]) -> NDArray[Any]:
    return np.nan_to_num(vae.encode(smiles)) / scale
