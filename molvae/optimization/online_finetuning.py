"""Online fine-tuning: a copy of the model that is trained on the best molecules during the search.

The copy proposes molecules near the elites, and learns what the original has never seen, including new tokens. Every
batch also has molecules that the original model has drawn (rehearsal), so that the copy does not forget SMILES.

Sources: Sample-Efficient Optimization in the Latent Space of Deep Generative Models via Weighted Retraining (Tripp et
al., 2020), https://arxiv.org/abs/2006.09191; Augmented Memory (Guo and Schwaller, 2023),
https://arxiv.org/abs/2305.16160
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from molvae.chem import canonical, quiet_rdkit
from molvae.config import Decoding
from molvae.corpus.batching import TokenizedCorpus
from molvae.corpus.tokenizer import SmilesTokenizer, scan
from molvae.errors import InputError, TokenError
from molvae.generator.exploration.decoration import Template
from molvae.generator.molvae import MolVAE
from molvae.model import SmilesVAE, expand_vocabulary
from molvae.model.latent_codec import Codec
from molvae.runtime.device import profits_from_bf16
from molvae.training.coupling import match
from molvae.training.objective import loss_terms

__all__ = ["OnlineModel"]

Array = NDArray[np.float32]

_BATCH = 64
_REHEARSED = 16  # of a batch
_REHEARSAL = 512  # molecules drawn by the original model
_BETA = 0.1
_CLIP = 1.0


class OnlineModel:
    """A copy of a model that encodes, decodes and can be trained.

    Args:
        vae: the original, which is not changed.
        seed: of the molecules for rehearsal.
        learning_rate: of AdamW.

    Attributes:
        atoms: unusual atoms of the training molecules of the original, as in `molvae.chem.is_plausible`.
    """

    def __init__(self, vae: MolVAE, *, seed: int, learning_rate: float) -> None:
        self._original, self._learning_rate = vae, learning_rate
        self.atoms = vae.atoms
        self._rehearsal = self._draw_rehearsal(seed)
        # Without dropout: its random numbers would be those of torch, not those of the search.
        self._take(expand_vocabulary(vae.model, len(vae.tokenizer), torch.Generator(), dropout=0.0), vae.tokenizer)

    def _take(self, model: SmilesVAE, tokenizer: SmilesTokenizer) -> None:
        self.model, self.tokenizer = model.to(self._original.device).eval(), tokenizer
        self.codec = Codec(self.model, tokenizer, max_length=self._original.max_length)
        self._optimizer = torch.optim.AdamW(self.model.parameters(), lr=self._learning_rate, betas=(0.9, 0.99))
        self._points: dict[str, Array] = {}

    @property
    def latent_dim(self) -> int:
        """D"""
        return self.model.config.latent_dim

    def encode(self, smiles: Sequence[str]) -> Array:
        """Posterior means (N, D); NaN for a molecule with an unknown token."""
        new = [one for one in dict.fromkeys(smiles) if one not in self._points]
        if new:
            self._points.update(zip(new, self.codec.posterior(new)[0], strict=True))
        return np.stack([self._points[one] for one in smiles]) if smiles else np.empty((0, self.latent_dim), np.float32)

    def decode(
        self,
        z: Array,
        *,
        temperature: float,
        rng: np.random.Generator,
        prefixes: Sequence[Sequence[str]] | None = None,
        constrained: bool = False,
    ) -> list[str]:
        """Strings decoded at points (N, D), valid SMILES or, unless constrained, not; each begins with its prefix."""
        decoding = Decoding(temperature=temperature, constrained=constrained).for_model(self.codec.max_length)
        uniforms = rng.random((len(z), decoding.max_length), dtype=np.float32)
        return self.codec.decode(z, decoding, uniforms, prefixes=prefixes)

    def decorate(
        self, z: Array, scaffolds: Sequence[str | None], *, temperature: float, rng: np.random.Generator
    ) -> list[str]:
        """Strings (N) that hold scaffolds with groups, decoded at points (N, D); empty where that is not possible.

        Args:
            z: points.
            scaffolds: N SMILES with attachment points, or None.
            temperature: of the decoder.
            rng: of the spellings and the draws.
        """
        decoding = Decoding(temperature=temperature).for_model(self.codec.max_length)
        uniforms = rng.random((len(z), decoding.max_length), dtype=np.float32)
        templates: dict[int, list[str]] = {}
        for row, one in enumerate(scaffolds):
            with suppress(InputError):
                if one is not None:
                    templates[row] = Template(one, self.tokenizer, rng, tried=1).spelling()
        rows = [row for row, tokens in templates.items() if len(tokens) < decoding.max_length]
        texts = self.codec.decorate(z[rows], decoding, uniforms[rows], [templates[row] for row in rows])
        written = dict(zip(rows, texts, strict=True))
        return [written.get(row, "") for row in range(len(scaffolds))]

    def knows(self, smiles: str) -> bool:
        """Whether all tokens of a string are in the vocabulary."""
        try:
            return self.tokenizer.ids.keys() >= set(scan(smiles))
        except TokenError:
            return False

    def finetune(
        self, elites: Sequence[str], weights: NDArray[np.float64], *, steps: int, rng: np.random.Generator
    ) -> None:
        """Train on molecules. If they have new tokens, the vocabulary grows first.

        Args:
            elites: N molecules in canonical SMILES.
            weights: (N,) in proportion to the chance to be drawn.
            steps: batches of 64, one quarter of each is rehearsal.
            rng: of the batches and of all noise.
        """
        self._learn_tokens(elites, rng)
        texts = [*elites, *self._rehearsal]
        corpus = TokenizedCorpus(texts, self.tokenizer)
        chance = weights / weights.sum()
        rehearsed = _REHEARSED if self._rehearsal else 0
        self.model.train()
        for _ in range(steps):
            rows = np.concatenate(
                [
                    rng.choice(len(elites), size=_BATCH - rehearsed, p=chance),
                    len(elites) + rng.integers(max(1, len(self._rehearsal)), size=rehearsed),
                ]
            )
            self._step(corpus, rows, rng)
        self.model.eval()
        self._points = {}

    def _step(self, corpus: TokenizedCorpus, rows: NDArray[np.int64], rng: np.random.Generator) -> None:
        device, shape = self._original.device, (len(rows), self.latent_dim)
        batch = corpus.batch(rows).to(device)
        noise, draws = (rng.standard_normal(shape, dtype=np.float32) for _ in range(2))
        with torch.autocast(device.type, torch.bfloat16, enabled=profits_from_bf16(device)):
            posterior = self.model.encoder(*batch)
            means = posterior.mean.detach().cpu().numpy()
            coupled = match(means, draws)
            output = self.model.scored(
                posterior,
                *batch,
                torch.from_numpy(noise).to(device),
                coupled=torch.from_numpy(coupled).to(device),
            )
        loss = loss_terms(output, 0.0).loss(_BETA, 1.0) * (len(rows) / float((batch.lengths - 1).sum()))
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), _CLIP)
        self._optimizer.step()

    def _learn_tokens(self, smiles: Sequence[str], rng: np.random.Generator) -> None:
        tokenizer = self.tokenizer.grow(smiles)
        if len(tokenizer) > len(self.tokenizer):
            generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
            self._take(expand_vocabulary(self.model, len(tokenizer), generator), tokenizer)

    def _draw_rehearsal(self, seed: int) -> list[str]:
        vae = self._original
        points = np.random.default_rng(seed).standard_normal((_REHEARSAL, vae.config.latent_dim), dtype=np.float32)
        with quiet_rdkit():
            found = [canonical(text) for text in vae.decode(points, temperature=1.0, seed=seed, constrained=False)]
        known = vae.tokenizer.ids.keys()
        return [one for one in found if one is not None and known >= set(scan(one))]

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The state for `restore`: tensors, and values for JSON."""
        state = self._optimizer.state_dict()["state"]
        tensors = {f"model/{name}": value.clone() for name, value in self.model.state_dict().items()}
        for index, moments in state.items():
            tensors |= {f"optimizer/{index}/{key}": value.clone() for key, value in moments.items()}
        # Points too: encoded in another batch after a resume, they could differ in the last bit.
        tensors["points"] = torch.from_numpy(self.encode(list(self._points)))
        return tensors, {"tokenizer": self.tokenizer.to_json(), "encoded": list(self._points)}

    def restore(self, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Continue from the state of another."""
        tokenizer = SmilesTokenizer.from_json(metadata["tokenizer"])
        model = SmilesVAE(self._original.config.replace(dropout=0.0), len(tokenizer))
        parts = {name.partition("/")[2]: value for name, value in tensors.items() if name.startswith("model/")}
        model.load_state_dict(parts)
        self._take(model, tokenizer)
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in tensors.items():
            if name.startswith("optimizer/"):
                _, index, key = name.split("/")
                state.setdefault(int(index), {})[key] = value
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": state})
        self._points = dict(zip(metadata["encoded"], tensors["points"].numpy(), strict=True))
