"""Throughput of training, sampling, cleaning and starting, against a textbook model, matrix products and bare RDKit.

Contenders take turns on the same machine, and medians are compared, because other programs may use the machine too.
"""

from __future__ import annotations

import copy
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import psutil
import torch
from rdkit import Chem

from molvae.benchmarks.textbook import TextbookVAE
from molvae.chem import map_chunks
from molvae.config import Decoding, ModelConfig, TrainConfig
from molvae.corpus.batching import TokenizedCorpus
from molvae.corpus.cleaning import clean
from molvae.corpus.reading import open_table
from molvae.corpus.tokenizer import SmilesTokenizer
from molvae.generator.molvae import MolVAE
from molvae.generator.sampling.draws import BLOCK
from molvae.model import SmilesVAE
from molvae.pretrained.folder import StoredModel
from molvae.runtime.device import pick_device, profits_from_bf16
from molvae.training import Health, Trainer

__all__ = ["Figure", "SamplingSpeed", "TrainingSpeed", "cleaning_speed", "rates", "starting_speed", "stream_speed"]

_MEAN_LENGTH = 36.0  # tokens of a MOSES molecule, with its end
_ROWS = 1_000  # SMILES that a worker parses at a time


class Figure(NamedTuple):
    """One measured number."""

    name: str
    value: float
    unit: str
    asked: str = ""
    """the target, if there is one"""


def rates(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median result of each contender, all measured once a round; the first round does not count."""
    measured: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, measure in contenders.items():
            value = measure()
            if number:
                measured[name].append(value)
    return {name: median(values) for name, values in measured.items()}


def seconds_of(function: Callable[[], object], device: torch.device) -> float:
    """Seconds of a call, including its work on the device."""
    wait_for(device)
    start = time.perf_counter()
    function()
    wait_for(device)
    return time.perf_counter() - start


def wait_for(device: torch.device) -> None:
    """Wait until the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def gemm_rate(device: torch.device, dtype: torch.dtype, size: int = 2048) -> float:
    """FLOP/s of a product of two square matrices: the current speed of the machine."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2.0 * size**3 / median(seconds_of(lambda: a @ b, device) for _ in range(5))


def resident() -> float:
    """Resident memory of this process in megabytes."""
    return float(psutil.Process().memory_info().rss) / 1e6


class _EnoughError(Exception):
    """Enough steps are done."""


@dataclass
class TrainingSpeed:
    """Measures training end to end, including data loading.

    Args:
        corpus: molecules to train on.
        model: the size.
        batch_size: molecules of a step.
        steps: of a measurement.
        rounds: measurements of each contender.
        device: as in `TrainConfig`.
        trained: a trained model of that size to start from; None uses new weights.
    """

    corpus: TokenizedCorpus
    model: ModelConfig
    batch_size: int
    steps: int
    rounds: int
    device: str = "auto"
    trained: SmilesVAE | None = None

    def __post_init__(self) -> None:
        self._device = pick_device(self.device)
        self._textbook = TextbookVAE(self.model, len(self.corpus.tokenizer), self.corpus.tokenizer.pad_id)
        self._textbook.to(self._device)
        self._optimizer = torch.optim.Adam(self._textbook.parameters(), lr=1e-3)
        self._rng = np.random.default_rng(0)
        self._memory: list[float] = []

    def run(self) -> list[Figure]:
        """Training with and without the coupled prior term, the textbook model and the GEMM rate."""
        precision = torch.bfloat16 if profits_from_bf16(self._device) else torch.float32
        torch.manual_seed(0)
        before = resident()
        measured = rates(
            {
                "gemm": lambda: gemm_rate(self._device, precision),
                "textbook": self._textbook_rate,
                "plain": lambda: self._own_rate(coupled=False, block_size=1),
                "coupled": lambda: self._own_rate(coupled=True, block_size=1),
            },
            self.rounds,
        )
        work, name = self._work(), "bf16" if precision == torch.bfloat16 else "fp32"
        return [
            Figure(f"GEMM of 2048, {name}", measured["gemm"] / 1e9, "GFLOP/s"),
            Figure("training, textbook", measured["textbook"], "molecules/s"),
            Figure("training, ELBO", measured["plain"], "molecules/s"),
            Figure("training, with the coupled term, no transport", measured["coupled"], "molecules/s"),
            Figure("training, ELBO, against the textbook", measured["plain"] / measured["textbook"], "x", ">= 4"),
            Figure("training, ELBO, work done", measured["plain"] * work / 1e9, "GFLOP/s"),
            Figure("training, ELBO, of the GEMM rate", 100 * measured["plain"] * work / measured["gemm"], "%", ">= 80"),
            Figure("training, textbook, of the GEMM rate", 100 * measured["textbook"] * work / measured["gemm"], "%"),
            Figure("training, memory before", before, "MB"),
            Figure("training, memory in the first round", max(self._memory[:2]), "MB"),
            Figure("training, memory in the last round", max(self._memory[-2:]), "MB"),
        ]

    def transport(self) -> list[Figure]:
        """The cost of matching by optimal transport, end to end, against matching at random.

        It needs trained weights: the posterior means of new weights differ in few directions, and matching them takes
        ten times as long.
        """
        size = TrainConfig().block_size
        measured = rates(
            {
                "random": lambda: self._own_rate(coupled=True, block_size=1),
                "matched": lambda: self._own_rate(coupled=True, block_size=size),
            },
            self.rounds,
        )
        cost = 100 * (measured["random"] / measured["matched"] - 1)
        return [
            Figure("transport, training without it", measured["random"], "molecules/s"),
            Figure(f"transport, training with it, blocks of {size:,}", measured["matched"], "molecules/s"),
            Figure("transport, cost of it", cost, "%", "< 5"),
        ]

    def _work(self) -> float:
        """FLOP of a molecule: multiplications and additions of forward and backward pass, without padding."""
        m, V = self.model, len(self.corpus.tokenizer)
        T = float(self.corpus.lengths.mean())
        encoder = 2 * 3 * m.encoder_hidden * (m.embedding_dim + m.encoder_hidden)
        deeper = 2 * 3 * m.encoder_hidden * 3 * m.encoder_hidden * (m.encoder_layers - 1)
        first = 3 * m.decoder_hidden * (m.embedding_dim + m.latent_dim + m.decoder_hidden)
        others = 3 * m.decoder_hidden * 2 * m.decoder_hidden * (m.decoder_layers - 1)
        return 3.0 * 2.0 * (T * (encoder + deeper) + (T - 1) * (first + others + m.decoder_hidden * V))

    def _textbook_rate(self) -> float:
        """Molecules per second in one step."""
        rows = self._rng.integers(len(self.corpus), size=self.batch_size)

        def step() -> None:
            tokens, lengths = self.corpus.batch(rows)
            order = lengths.argsort(descending=True)
            molecules = [tokens[i, : lengths[i]].to(self._device) for i in order]
            self._optimizer.zero_grad()
            torch.autograd.backward(self._textbook.loss(molecules, 0.1))
            torch.nn.utils.clip_grad_norm_(self._textbook.parameters(), 50.0)
            self._optimizer.step()

        return self.batch_size / seconds_of(step, self._device)

    def _own_rate(self, *, coupled: bool, block_size: int) -> float:
        """Molecules per second of the trainer, after its first pool."""
        pool = self.steps * self.batch_size
        # The first pool does not count: it waits for its transport, and its steps allocate the memory that later ones
        # reuse. The third pool is not reached: it would wait for a transport that had too little time.
        first, last = self.steps - 1, 2 * self.steps - 1
        config = TrainConfig(
            epochs=9,
            batch_size=self.batch_size,
            coupling_weight=float(coupled),
            coupling_start=0.0,
            pool_size=pool,
            block_size=min(block_size, pool),
            device=self.device,
        )
        rows = np.resize(self._rng.permutation(len(self.corpus)), pool)  # repeated, if there are too few
        model = copy.deepcopy(self.trained) or SmilesVAE(self.model, len(self.corpus.tokenizer))
        stamps: list[float] = []

        def on_step(_: object) -> None:
            stamps.append(time.perf_counter())
            if len(stamps) == last + 1:
                self._memory.append(resident())
                raise _EnoughError

        nothing = Health._make([0] * len(Health._fields))  # without the health check
        trainer = Trainer(model, self.corpus, rows, config, check=lambda _: nothing, on_step=on_step)
        with suppress(_EnoughError):
            trainer.run()
        return (last - first) * self.batch_size / (stamps[last] - stamps[first])


@dataclass
class SamplingSpeed:
    """Measures decoding to raw strings, by models whose weights give strings of a usual length.

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
        # Without trained weights: the end token has a probability that gives a mean length of 36 tokens.
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
    """Molecules per second from draw to canonical SMILES, with RDKit in worker processes; and memory over time."""
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


def cleaning_speed(file: Path, rounds: int) -> list[Figure]:
    """Rows per second of reading and cleaning a file, against the bare calls of RDKit on the same cores.

    Args:
        file: any file that `train` reads.
        rounds: measurements of each.
    """
    texts = list(chain.from_iterable(chunk.smiles for chunk in open_table(file).chunks()))

    def bare() -> float:
        start = time.perf_counter()
        chunks: Iterator[list[str]] = (texts[at : at + _ROWS] for at in range(0, len(texts), _ROWS))
        for _ in map_chunks(_parsed_and_written, chunks):
            pass
        return len(texts) / (time.perf_counter() - start)

    def cleaned() -> float:
        start = time.perf_counter()
        clean(open_table(file))
        return len(texts) / (time.perf_counter() - start)

    measured = rates({"bare": bare, "cleaned": cleaned}, rounds)
    return [
        Figure("cleaning, bare RDKit (MolFromSmiles, MolToSmiles)", measured["bare"], "rows/s"),
        Figure("cleaning", measured["cleaned"], "rows/s"),
        Figure("cleaning, of bare RDKit", 100 * measured["cleaned"] / measured["bare"], "%", ">= 80"),
    ]


def _parsed_and_written(smiles: list[str]) -> list[str]:
    molecules = (Chem.MolFromSmiles(one) for one in smiles)
    return [Chem.MolToSmiles(mol) if mol is not None else "" for mol in molecules]


def starting_speed(model: Path | None, rounds: int) -> list[Figure]:
    """Seconds from a cold start to the help, and to a hundred molecules; whole processes.

    Args:
        model: model to sample from; None measures the help only.
        rounds: measurements of each.
    """
    contenders: dict[str, Sequence[str]] = {
        "imports": ("-c", "import torch, rdkit.Chem"),
        "help": ("-m", "molvae", "--help"),
    }
    if model is not None:
        contenders["sample"] = ("-m", "molvae", "sample", "-n", "100", "--seed", "0", "--model", str(model))
    measured = rates({name: partial(_process_seconds, what) for name, what in contenders.items()}, rounds)
    figures = [
        Figure("starting, import torch, rdkit", measured["imports"], "s"),
        Figure("starting, molvae --help", measured["help"], "s", "< 0.5"),
    ]
    if model is not None:
        ratio = measured["sample"] / measured["imports"]
        figures += [
            Figure("starting, molvae sample --n 100", measured["sample"], "s"),
            Figure("starting, sample against the imports", ratio, "x", "< 1.5"),
        ]
    return figures


def _process_seconds(arguments: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start
