"""The search, as ask and tell: latent space and graph edits propose, a surrogate chooses, the model is fine-tuned.

All random numbers of a round depend on the seed, the number of the round and the known scores. So the same seed gives
the same search, and a restored search continues exactly as it would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from molvae.chem import Standardized, canonical, quiet_rdkit, scaffold, standardize
from molvae.errors import InputError
from molvae.generator.molvae import MolVAE
from molvae.optimization.archive import Archive, best_first, validated
from molvae.optimization.constraints import Constraint, Keep, anchors_of
from molvae.optimization.diversity import ScaffoldLimit, diverse
from molvae.optimization.evolution import Breeder, rank_weights
from molvae.optimization.online_finetuning import OnlineModel
from molvae.optimization.operators import OperatorBandit, Operators
from molvae.optimization.proposal import Pool, Proposal
from molvae.optimization.proposals.latent import Drawn
from molvae.optimization.settings import SearchConfig
from molvae.optimization.surrogate import Surrogate
from molvae.optimization.surrogate.acquisition import Acquisition, calls_without_improvement, utilities_of
from molvae.optimization.tabu_regions import TabuRegions

__all__ = ["Optimizer", "standardized"]

Numbers = NDArray[np.float64]

_TRIES = 20  # pools in a row without anything new, before the search ends
_RARELY = 10  # the model is fine-tuned only when that share of all calls is new
_IGNORES_TABU = 0.25  # of the rounds
_SUCCESS = 100  # the proposal of an operator is a success if it is among so many best


class Optimizer:
    """Proposes molecules that are likely to have high scores, and learns from the scores.

    Args:
        vae: the model; a copy of it is fine-tuned during the search.
        constraints: what a molecule must fulfil to be proposed; they cost no calls.
        start: molecules to begin with, in any SMILES; of salts the largest part is taken. Those that the constraints
            allow are proposed first. If there are more than the first batches hold, the surrogate may choose the others
            later. Draws of the model fill the first batches.
        front: search for the front of several objectives, by their parts, rather than for high scores.
        seed: of every random choice.
        settings: how to search.
        surrogate: chooses among proposals; None takes one on molecules, which estimates the noise if there is some.

    Raises:
        InputError: a start molecule cannot be read.
        ConfigError: there is no such operator.
    """

    def __init__(
        self,
        vae: MolVAE,
        *,
        constraints: Sequence[Constraint] = (),
        start: Sequence[str] = (),
        front: bool = False,
        seed: int = 0,
        settings: SearchConfig | None = None,
        surrogate: Surrogate | None = None,
    ) -> None:
        self.settings = (SearchConfig() if settings is None else settings).for_budget()
        self.archive = Archive()
        self._constraints, self._seed, self._front = tuple(constraints), seed, front
        self._start = list(dict.fromkeys(standardized(start, stereo=self.settings.stereo)))
        self._anchors = anchors_of(constraints, stereo=self.settings.stereo)
        self._space = OnlineModel(vae, seed=seed, learning_rate=self.settings.follow_rate)
        core = next((one.smarts for one in constraints if isinstance(one, Keep)), None)
        self._operators = Operators(self._space, self.settings, core)
        self._bandit = OperatorBandit(self._operators.names)
        surrogate = surrogate or Surrogate(noise="auto" if self.settings.noisy else 1e-4)
        self._acquisition = Acquisition(surrogate, front=front)
        self._tabu = TabuRegions(0 if front else self.settings.patience)  # a front has no single best to leave
        self._asked: dict[str, None] = {}
        self._round = 0
        self._finetuned = 0

    @property
    def batch_size(self) -> int:
        """The recommended number of molecules to ask for: small while few scores are known."""
        known = len(self.archive)
        if known < self.settings.first:
            return self.settings.first - known
        return 5 if known < 500 else 10 if known < 2_000 else 25 if known < 5_000 else 50

    @property
    def drawn(self) -> Drawn:
        """How many strings the decoder has written so far, and how many are molecules."""
        return self._operators.latent.drawn

    def ask(self, n: int | None = None) -> list[Proposal]:
        """Molecules that should be scored next.

        Args:
            n: how many; None takes `batch_size`.

        Returns:
            At most n valid molecules inside the constraints that were never asked for nor scored before; none if
            nothing new is found any more. Until ``first`` of the settings are scored, no surrogate is used.
        """
        n = self.batch_size if n is None else n
        rng = np.random.default_rng((self._seed, self._round))
        self._round += 1
        batch = self._begin(n, rng) if len(self.archive) < self.settings.first else self._go_on(n, rng)
        self._asked.update(dict.fromkeys(one.smiles for one in batch))
        return batch

    def tell(
        self,
        proposals: Sequence[Proposal | str],
        scores: Sequence[float] | Numbers,
        parts: Sequence[Sequence[float]] | Numbers | None = None,
    ) -> None:
        """Learn the scores of molecules.

        Args:
            proposals: N, asked for or not, none of them scored before; a text is any SMILES of a molecule.
            scores: N, high is good; NaN, or another value that is not finite, means that there is no score.
            parts: (N, K), the scores by each of several objectives.

        Raises:
            InputError: there are not N of each; a molecule was scored before; a proposal that was not asked for is not
                a molecule in canonical SMILES; a text is not a SMILES; or the search is for a front, and there are
                fewer than two parts. Then nothing was learned.
        """
        told = [one if isinstance(one, Proposal) else self._told(one) for one in proposals]
        values, each = validated(told, scores, parts, self.archive, self._asked, front=self._front)
        for proposal, score, row in zip(told, values.tolist(), each.tolist(), strict=True):
            self.archive.add(proposal, score, row)
            self._asked.pop(proposal.smiles, None)
        best = self.archive.best()
        top = {self.archive.proposals[row].smiles for row in best[: min(_SUCCESS, max(1, len(best) // 10))]}
        for proposal in told:
            self._bandit.learn(proposal.operator, proposal.smiles in top)
        self._finetune(best)

    def _told(self, text: str) -> Proposal:
        with quiet_rdkit():
            smiles = canonical(text, stereo=self.settings.stereo)
        if smiles is None:
            raise InputError(f"{text!r} is not a valid SMILES, so it has no score")
        return Proposal(smiles, "told")

    def _finetune(self, best: NDArray[np.int64]) -> None:
        """Fine-tune the model on the best, when it is time."""
        every, calls = self.settings.follow_every, len(self.archive)
        due = max(every, calls // _RARELY)
        if not every or calls < self.settings.first or calls - self._finetuned < due or not len(best):
            return
        self._finetuned = calls
        smiles = self.archive.smiles
        elites = [smiles[row] for row in best[: self.settings.elites]]
        rng = np.random.default_rng((self._seed, self._round, 1))
        weights = rank_weights(len(elites), self.settings.rank_weight)
        self._space.finetune(elites, weights, steps=self.settings.follow_steps, rng=rng)

    def _begin(self, n: int, rng: np.random.Generator) -> list[Proposal]:
        """The first molecules: the given ones, then draws of the model and children of all these."""
        pool, size, known = self._pool(), self.settings.pool, self._operators.names
        pool.add(Proposal(one, "start") for one in self._start)
        for attempt in range(_TRIES):
            if len(pool) >= n:
                break
            there = [*self._start, *self.archive.smiles, *pool.smiles] or self._anchors
            operators = self._bandit.draw(known, size, rng) if there and attempt else ["latent draw"] * size
            parents = [there[row] for row in rng.integers(len(there), size=2 * size)] if there else [""] * (2 * size)
            pool.add(self._operators.make(operators, parents[:size], parents[size:], rng))
        given = [one for one in pool.proposals if one.operator == "start"][:n]
        limit = ScaffoldLimit(self.settings.per_scaffold or None, [one.smiles for one in given])
        made = (one for one in pool.proposals if one.operator != "start" and limit.take(one.smiles))
        return [*given, *islice(made, n - len(given))]

    def _go_on(self, n: int, rng: np.random.Generator) -> list[Proposal]:
        """The best of several generations by the surrogate, and a few chosen at random."""
        weights = self._acquisition.draw_weights(self.archive, rng)
        utilities = utilities_of(self.archive, weights)
        own_kinds = {"start", *self._operators.names}
        asked = np.array([one.operator in own_kinds for one in self.archive.proposals], dtype=np.bool_)
        outside, stagnation = self._tabu.update(self.archive.smiles, utilities, asked)
        if self._tabu.centers and rng.random() >= _IGNORES_TABU:
            pool = self._breed(n, outside, weights, stagnation, rng, [self._tabu], tries=1)
            if len(pool):
                return self._chosen(pool, n, rng)
        stagnation = calls_without_improvement(utilities, asked)
        return self._chosen(self._breed(n, utilities, weights, stagnation, rng), n, rng)

    def _breed(
        self,
        n: int,
        utilities: Numbers,
        weights: Numbers | None,
        stagnation: int,
        rng: np.random.Generator,
        rules: Sequence[Constraint] = (),
        tries: int = _TRIES,
    ) -> Pool:
        """A pool of at least n proposals, if so many are found, that further rules allow."""
        best, smiles = best_first(utilities, rng)[: self.settings.elites], self.archive.smiles
        elites = [smiles[row] for row in best] or smiles
        breeder = Breeder(self._operators, self._bandit, self.settings, rng)
        pool = self._pool(rules)
        pool.add(self._waiting(rng))
        if self.settings.surrogate:
            self._acquisition.fit(self.archive, weights, stagnation, rng)
        for _ in range(tries):
            if self.settings.surrogate:
                own = utilities[best] if len(best) else np.zeros(len(elites))
                breeder.breed(pool, elites, own, self._acquisition)
            else:
                pool.add(breeder.children_of(elites))
            if len(pool) >= n:
                break
        return pool

    def _waiting(self, rng: np.random.Generator) -> list[Proposal]:
        """Some of the start molecules that were not asked for yet."""
        known = self.archive
        left = [one for one in self._start if one not in known and one not in self._asked]
        return [Proposal(left[row], "start") for row in rng.permutation(len(left))[: self.settings.pool]]

    def _chosen(self, pool: Pool, n: int, rng: np.random.Generator) -> list[Proposal]:
        proposals, smiles, free, cap = pool.proposals, pool.smiles, self.settings.free, self.settings.per_scaffold
        if not self.settings.surrogate:
            order = rng.permutation(len(pool))
            return [proposals[order[at]] for at in diverse([smiles[row] for row in order], n, per_scaffold=cap or None)]
        keys = [scaffold(one) for one in smiles] if cap else None
        choice = self._acquisition.choose(smiles, n - int(rng.binomial(n, free)), rng, keys=keys, cap=cap or 1)
        chosen = choice.rows.tolist()
        limit = ScaffoldLimit(cap or None, [smiles[row] for row in chosen])
        others = rng.permutation(np.setdiff1d(np.arange(len(pool)), choice.rows)).tolist()
        chosen += islice((row for row in others if limit.take(smiles[row])), n - len(chosen))
        return [proposals[row]._replace(mean=float(choice.mean[row]), std=float(choice.std[row])) for row in chosen]

    def _pool(self, rules: Sequence[Constraint] = ()) -> Pool:
        return Pool((*self._constraints, *rules), lambda smiles: smiles in self.archive or smiles in self._asked)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All state that is not in the archive: tensors, and values for JSON."""
        tensors, space = self._space.state()
        own = {"round": self._round, "followed": self._finetuned, "asked": list(self._asked), "drawn": self.drawn}
        return tensors, {**own, "shares": self._bandit.counts, "space": space, "regions": self._tabu.state()}

    def restore(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Continue from the state of another; the archive must already be the same."""
        self._space.restore(tensors, metadata["space"])
        self._bandit.restore(metadata["shares"])
        self._tabu.restore(metadata["regions"])
        self._round, self._finetuned = metadata["round"], metadata["followed"]
        self._operators.latent.drawn = Drawn(*metadata["drawn"])
        self._asked = dict.fromkeys(metadata["asked"])


def standardized(smiles: Sequence[str], *, stereo: bool) -> list[str]:
    """The N start molecules of a search in the form in which it scores them.

    Raises:
        InputError: one of them cannot be read, or they are not a list.
    """
    if isinstance(smiles, str) or not all(isinstance(one, str) for one in smiles):
        raise InputError(f"the start molecules must be a list of SMILES, not {smiles!r:.80}")
    with quiet_rdkit():
        forms = [standardize(one, stereo=stereo, neutralize=False) for one in smiles]
    for text, form in zip(smiles, forms, strict=True):
        if not isinstance(form, Standardized):
            raise InputError(f"the start molecule {text!r} cannot be used: {form}")
    return [form.smiles for form in forms if isinstance(form, Standardized)]
