"""How fast decoding is, against a textbook loop, and with a trained model the whole way to molecules."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from molvae.benchmarks.textbook import TextbookVAE
from molvae.benchmarks.timing import Figure, rates, resident, seconds_of
from molvae.config import Decoding, ModelConfig
from molvae.corpus.tokenizer import SmilesTokenizer
from molvae.generator.molvae import MolVAE
from molvae.generator.sampling.draws import BLOCK
from molvae.model import SmilesVAE
from molvae.pretrained.folder import StoredModel
from molvae.runtime.device import pick_device

__all__ = ["SamplingSpeed", "stream_speed"]

_MEAN_LENGTH = 36.0  # tokens of a MOSES molecule, its end included


@dataclass
class SamplingSpeed:
    """Measures decoding to raw strings, of models of one size with weights that give strings of a usual length.

    Args:
        tokenizer: the vocabulary.
        model: the size.
        batch_size: rows decoded at a time.
        rounds: measurements of each contender.
        device: as in `TrainConfig`.
    """

    tokenizer: SmilesTokenizer
    model: ModelConfig
    batch_size: int
    rounds: int
    device: str = "auto"

    def __post_init__(self) -> None:
        self._device = pick_device(self.device)
        torch.manual_seed(0)
        self._textbook = TextbookVAE(self.model, len(self.tokenizer), self.tokenizer.pad_id).to(self._device)
        own = SmilesVAE(self.model, len(self.tokenizer))
        # An untrained decoder ends a string at a random step; this one does so after 36 steps in the mean.
        with torch.no_grad():
            own.decoder.to_logits.weight.zero_()
            own.decoder.to_logits.bias.zero_()
            own.decoder.to_logits.bias[self.tokenizer.eos_id] = torch.log(
                torch.tensor((len(self.tokenizer) - 1.0) / (_MEAN_LENGTH - 1.0))
            )
        self._own = MolVAE(StoredModel(own, self.tokenizer), device=self._device)

    def run(self) -> list[Figure]:
        """All figures."""
        measured = rates({"textbook": self._textbook_rate, "own": self._own_rate}, self.rounds)
        return [
            Figure("decoding, textbook (100 steps)", measured["textbook"], "strings/s"),
            Figure("decoding", measured["own"], "strings/s"),
            Figure("decoding, against the textbook", measured["own"] / measured["textbook"], "x", ">= 4.5"),
        ]

    def _textbook_rate(self) -> float:
        z = torch.randn(self.batch_size, self.model.latent_dim, device=self._device)
        took = seconds_of(lambda: self._textbook.sample(z, self.tokenizer.bos_id).tolist(), self._device)
        return self.batch_size / took

    def _own_rate(self) -> float:
        n = 4 * BLOCK

        def decode() -> None:
            with self._own.stream(n, Decoding(max_length=100), seed=0, raw=True, batch_size=self.batch_size) as stream:
                for _ in stream:
                    pass

        return n / seconds_of(decode, self._device)


def stream_speed(vae: MolVAE, n: int) -> list[Figure]:
    """Molecules a second from draw to canonical SMILES, with RDKit in processes of its own, and memory over time."""
    memory: list[float] = []
    start = time.perf_counter()
    with vae.stream(n, seed=0) as stream:
        for _ in stream:
            memory.append(resident())
    took, account = time.perf_counter() - start, stream.account
    return [
        Figure("sampling, valid and distinct", account.found / took, "molecules/s"),
        Figure("sampling, raw strings looked at", account.drawn / took, "strings/s"),
        Figure("sampling, decoding busy", 100 * account.decoding_busy, "%"),
        Figure("sampling, RDKit busy", 100 * account.screening_busy, "%"),
        Figure("sampling, memory at a third of the way", memory[len(memory) // 3], "MB"),
        Figure("sampling, memory at the end", memory[-1], "MB"),
    ]
