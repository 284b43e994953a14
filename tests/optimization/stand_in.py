"""A search that proposes molecules of a list, in an order that depends on the seed and on all it was told."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from molvae.chem import canonical
from molvae.optimization.archive import Archive
from molvae.optimization.constraints import allowed
from molvae.optimization.proposal import Proposal

CHAINS = [
    str(canonical(f"{head}{'C' * length}{tail}"))
    for length in range(1, 9)
    for head in ("O", "N", "Cl", "c1ccccc1")
    for tail in ("O", "C#N", "F", "C(=O)O", "c1ccncc1")
]
MOLECULES = list(dict.fromkeys(CHAINS))
"""160 small molecules, canonical and distinct."""


NO_VAE = SimpleNamespace(model=SimpleNamespace(state_dict=dict), tokenizer=SimpleNamespace(to_json=str))
"""A model that no search with the stand-in looks at."""


class StandIn:
    """As `molvae.optimization.optimizer.Optimizer`, but for what it thinks of molecules."""

    def __init__(self, vae=None, *, constraints=(), start=(), front=False, seed=0, settings=None, molecules=MOLECULES):
        self.archive = Archive()
        self.told = torch.zeros(2, dtype=torch.float64)
        self.rounds = 0
        begin = [str(canonical(one)) for one in start]
        self._left = list(dict.fromkeys([*begin, *molecules]))
        self._left = [one for one, fine in zip(self._left, allowed(constraints, self._left), strict=True) if fine]
        self._seed = seed

    @property
    def batch_size(self):
        return 7

    def ask(self, n=None):
        n = self.batch_size if n is None else n
        rng = np.random.default_rng((self._seed, self.rounds, int(1e6 * abs(float(self.told.sum())))))
        self.rounds += 1
        unseen = [one for one in self._left if one not in self.archive]
        chosen = rng.permutation(len(unseen))[:n]
        best = [self.archive.smiles[row] for row in self.archive.best()[:2]]
        mean = float(self.told[0])
        return [Proposal(unseen[row], "pick", tuple(best), mean, 1 / 3) for row in chosen]

    def tell(self, proposals, scores, parts=None):
        for row, (proposal, score) in enumerate(zip(proposals, scores, strict=True)):
            self.archive.add(proposal, score, () if parts is None else parts[row])
            self.told += torch.tensor([0.0 if score != score else float(score) / 7, 1.0], dtype=torch.float64)

    def state(self):
        return {"told": self.told}, {"rounds": self.rounds}

    def restore(self, tensors, metadata):
        assert metadata["rounds"] and float(tensors["told"][1]) == len(self.archive)
        self.told, self.rounds = tensors["told"].clone(), metadata["rounds"]
