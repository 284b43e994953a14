"""The search, as ask and tell: the latent space and graph edits propose, a surrogate decides, the model follows.

All that a round draws depends on the seed, the number of the round and what was told: the same seed gives the same
search, and one that is restored goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from molvae.chem import Standardized, quiet_rdkit, scaffold, standardize
from molvae.errors import InputError
from molvae.generator.molvae import MolVAE
from molvae.optimization.archive import Archive
from molvae.optimization.constraints import Constraint, Keep, anchors_of
from molvae.optimization.diversity import ScaffoldLimit, diverse
from molvae.optimization.evolution import Makers, breed
from molvae.optimization.guidance import Guide, idle_calls, merits_of
from molvae.optimization.online_finetuning import MovingModel
from molvae.optimization.operators import Workshop
from molvae.optimization.pool import Pool
from molvae.optimization.proposal import Proposal
from molvae.optimization.proposals.latent import Drawn
from molvae.optimization.selection import rank_weights, ranked
from molvae.optimization.settings import SearchConfig
from molvae.optimization.shares import Shares
from molvae.optimization.surrogate import Surrogate
from molvae.optimization.tabu_regions import Regions
from molvae.optimization.validation import checked

__all__ = ["Optimizer"]

Numbers = NDArray[np.float64]

_TRIES = 20  # pools in a row without anything new, before the search is at its end
_RARELY = 10  # the model is trained anew only when that share of all calls is new to it
_LOOKS_BACK = 0.25  # of the rounds are held as if no region were left
_SUCCESS = 100  # a call is one where its molecule is among so many best


class _View(NamedTuple):
    """The archive as a round sees it."""

    merits: Numbers
    """(N,); NaN for what is not looked at"""
    weights: Numbers | None
    """of several objectives"""
    idle: int
    """calls without anything better"""


class Optimizer:
    """Proposes molecules that are likely to score high, and learns from what they score.

    Args:
        vae: its latent space; a copy of it follows the search.
        constraints: what a molecule must fulfil to be proposed; they cost no calls.
        start: molecules to begin with, in any SMILES, of salts the largest part. They are proposed first, where the
            constraints allow them, and the others stay among what the surrogate chooses from. Without any, and beside
            them, the model's own draws are the beginning.
        front: look for the front of several objectives, by their parts, rather than for high scores.
        seed: of every random choice.
        settings: how to search.
        surrogate: what chooses among proposals; None takes one on molecules, which looks for noise where there is some.

    Raises:
        InputError: a molecule to begin with is none.
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
        self._start = list(dict.fromkeys(_standard(start, stereo=self.settings.stereo)))
        self._anchors = anchors_of(constraints, stereo=self.settings.stereo)
        self._space = MovingModel(vae, seed=seed, learning_rate=self.settings.follow_rate)
        self._workshop = Workshop(self._space, self.settings, _core(constraints))
        self._shares = Shares(self._workshop.operators)
        self._guide = Guide(surrogate or Surrogate(noise="auto" if self.settings.noisy else 1e-4), front=front)
        self._regions = Regions(0 if front else self.settings.patience)  # a front has no single best to leave
        self._asked: dict[str, None] = {}
        self._round = 0
        self._followed = 0

    @property
    def batch_size(self) -> int:
        """Molecules that it is wise to ask for at a time: few while each call teaches much."""
        known = len(self.archive)
        if known < self.settings.first:
            return self.settings.first - known
        return 5 if known < 500 else 10 if known < 2_000 else 25 if known < 5_000 else 50

    @property
    def drawn(self) -> Drawn:
        """What the decoder has written so far."""
        return self._workshop.drawn

    def ask(self, n: int | None = None) -> list[Proposal]:
        """Molecules that should be scored next.

        Args:
            n: how many; None takes `batch_size`.

        Returns:
            At most n that were never asked nor told before, valid and inside the constraints; none where nothing new
            can be found any more. What is asked for before ``first`` of the settings are told is without a surrogate.
        """
        n = self.batch_size if n is None else n
        rng = np.random.default_rng((self._seed, self._round))
        self._round += 1
        batch = self._begin(n, rng) if len(self.archive) < self.settings.first else self._go_on(n, rng)
        self._asked.update(dict.fromkeys(one.smiles for one in batch))
        return batch

    def tell(
        self,
        proposals: Sequence[Proposal],
        scores: Sequence[float] | Numbers,
        parts: Sequence[Sequence[float]] | Numbers | None = None,
    ) -> None:
        """Learn what molecules scored.

        Args:
            proposals: N, asked for or not (measured ones, say), none of them told before.
            scores: N, the more the better; NaN, or what is not finite, where there is none.
            parts: (N, K), the scores by each of several objectives.

        Raises:
            InputError: there are not N of them all, a molecule is told twice, or one that was not asked for is none or
                not written canonically; or a front is looked for, and there are not two parts. Nothing was learned
                then.
        """
        values, each = checked(proposals, scores, parts, self.archive, self._asked, front=self._front)
        for proposal, score, row in zip(proposals, values.tolist(), each.tolist(), strict=True):
            self.archive.add(proposal, score, row)
            self._asked.pop(proposal.smiles, None)
        best = self.archive.best()
        top = {self.archive.proposals[row].smiles for row in best[: min(_SUCCESS, max(1, len(best) // 10))]}
        for proposal in proposals:
            self._shares.learn(proposal.operator, proposal.smiles in top)
        self._follow(best)

    def _follow(self, best: NDArray[np.int64]) -> None:
        """Train the model on the best, when it is time."""
        every, calls = self.settings.follow_every, len(self.archive)
        due = max(every, calls // _RARELY)
        if not every or calls < self.settings.first or calls - self._followed < due or not len(best):
            return
        self._followed = calls
        smiles = self.archive.smiles
        elites = [smiles[row] for row in best[: self.settings.elites]]
        rng = np.random.default_rng((self._seed, self._round, 1))
        weights = rank_weights(len(elites), self.settings.rank_weight)
        self._space.follow(elites, weights, steps=self.settings.follow_steps, rng=rng)

    def _begin(self, n: int, rng: np.random.Generator) -> list[Proposal]:
        """What to start with: the molecules given, then draws of the model and children of what there is."""
        pool, size, known = self._pool(), self.settings.pool, self._workshop.operators
        pool.add(Proposal(one, "start") for one in self._start)
        for attempt in range(_TRIES):
            if len(pool) >= n:
                break
            there = [*self._start, *self.archive.smiles, *pool.smiles] or self._anchors
            operators = self._shares.draw(known, size, rng) if there and attempt else ["latent draw"] * size
            parents = [there[row] for row in rng.integers(len(there), size=2 * size)] if there else [""] * (2 * size)
            pool.add(self._workshop.make(operators, parents[:size], parents[size:], rng))
        given = [one for one in pool.proposals if one.operator == "start"][:n]
        limit = ScaffoldLimit(self.settings.per_scaffold or None, [one.smiles for one in given])
        made = (one for one in pool.proposals if one.operator != "start" and limit.take(one.smiles))
        return [*given, *islice(made, n - len(given))]

    def _go_on(self, n: int, rng: np.random.Generator) -> list[Proposal]:
        """The best of several generations as the surrogate sees them, and a few that it has no say in."""
        weights = self._guide.direction(self.archive, rng)
        merits = merits_of(self.archive, weights)
        own_kinds = {"start", *self._workshop.operators}
        asked = np.array([one.operator in own_kinds for one in self.archive.proposals], dtype=np.bool_)
        own, idle = self._regions.look(self.archive.smiles, merits, asked)
        if self._regions.centers and rng.random() >= _LOOKS_BACK:
            view = _View(own, weights, idle)
            pool = self._bred(view, n, rng, [self._regions], tries=1)
            if len(pool):
                return self._chosen(pool, n, rng)
        return self._chosen(self._bred(_View(merits, weights, idle_calls(merits, asked)), n, rng), n, rng)

    def _bred(
        self, view: _View, n: int, rng: np.random.Generator, rules: Sequence[Constraint] = (), tries: int = _TRIES
    ) -> Pool:
        """At least n proposals, where so many are found, which the surrogate and further rules allow."""
        best, smiles = ranked(view.merits, rng)[: self.settings.elites], self.archive.smiles
        elites = [smiles[row] for row in best] or smiles
        makers = Makers(self._workshop, self._shares, self.settings, rng)
        pool = self._pool(rules)
        pool.add(self._waiting(rng))
        if self.settings.surrogate:
            self._guide.look(self.archive, view.weights, view.idle, rng)
        for _ in range(tries):
            if self.settings.surrogate:
                worth = view.merits[best] if len(best) else np.zeros(len(elites))
                breed(pool, elites, worth, self._guide.promise, makers)
            else:
                pool.add(makers.children_of(elites, self._workshop.operators))
            if len(pool) >= n:
                break
        return pool

    def _waiting(self, rng: np.random.Generator) -> list[Proposal]:
        """Some of the molecules to start with that were not asked for yet."""
        known = self.archive
        left = [one for one in self._start if one not in known and one not in self._asked]
        return [Proposal(left[row], "start") for row in rng.permutation(len(left))[: self.settings.pool]]

    def _chosen(self, pool: Pool, n: int, rng: np.random.Generator) -> list[Proposal]:
        proposals, smiles, free, cap = pool.proposals, pool.smiles, self.settings.free, self.settings.per_scaffold
        if not self.settings.surrogate:
            order = rng.permutation(len(pool))
            return [proposals[order[at]] for at in diverse([smiles[row] for row in order], n, per_scaffold=cap or None)]
        keys = [scaffold(one) for one in smiles] if cap else None
        choice = self._guide.choose(smiles, n - int(rng.binomial(n, free)), rng, keys=keys, cap=cap or 1)
        chosen = choice.rows.tolist()
        limit = ScaffoldLimit(cap or None, [smiles[row] for row in chosen])
        others = rng.permutation(np.setdiff1d(np.arange(len(pool)), choice.rows)).tolist()
        chosen += islice((row for row in others if limit.take(smiles[row])), n - len(chosen))
        return [proposals[row]._replace(mean=float(choice.mean[row]), std=float(choice.std[row])) for row in chosen]

    def _pool(self, rules: Sequence[Constraint] = ()) -> Pool:
        return Pool((*self._constraints, *rules), lambda smiles: smiles in self.archive or smiles in self._asked)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that is not in the archive: tensors, and what JSON can hold."""
        tensors, space = self._space.state()
        own = {"round": self._round, "followed": self._followed, "asked": list(self._asked), "drawn": self.drawn}
        return tensors, {**own, "shares": self._shares.counts, "space": space, "regions": self._regions.state()}

    def restore(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Go on where another was, once the archive is what its archive was."""
        self._space.restore(tensors, metadata["space"])
        self._shares.restore(metadata["shares"])
        self._regions.restore(metadata["regions"])
        self._round, self._followed = metadata["round"], metadata["followed"]
        self._workshop.drawn = Drawn(*metadata["drawn"])
        self._asked = dict.fromkeys(metadata["asked"])


def _core(constraints: Sequence[Constraint]) -> str | None:
    """What graph edits are to leave as it is."""
    return next((one.smarts for one in constraints if type(one) is Keep), None)


def _standard(smiles: Sequence[str], *, stereo: bool) -> list[str]:
    if isinstance(smiles, str) or not all(isinstance(one, str) for one in smiles):
        raise InputError(f"molecules to start with are a list of SMILES, not {smiles!r:.80}")
    with quiet_rdkit():
        forms = [standardize(one, stereo=stereo, neutralize=False) for one in smiles]
    for text, form in zip(smiles, forms, strict=True):
        if not isinstance(form, Standardized):
            raise InputError(f"{text!r}, a molecule to start with, cannot be taken: {form}")
    return [form.smiles for form in forms if isinstance(form, Standardized)]
