"""The MOSES benchmark of a model: samples, exact reconstruction and health of the latent space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from molvae.benchmarks.flow_prior import fit_flow, mismatch
from molvae.chem import canonical, quiet_rdkit
from molvae.config import Decoding, TrainConfig
from molvae.corpus.datasets import find, find_optional
from molvae.corpus.reading import read_smiles
from molvae.errors import ConfigError, InputError
from molvae.generator.molvae import MolVAE
from molvae.metrics.evaluation import evaluate
from molvae.metrics.latent import aggregate_mismatch, mutual_information
from molvae.metrics.statistics import ProgressCallback, ignore_progress
from molvae.model import DiagonalGaussian
from molvae.model.latent_codec import Codec
from molvae.training import HealthCheck

__all__ = ["moses_rows"]

_FITTED = 105_000  # training molecules for a flow, 1 of 21 held out
_EPOCHS = 20
_BLOCK = 512


def moses_rows(
    vae: MolVAE,
    *,
    n: int = 30_000,
    test_molecules: int = 5_000,
    repair: bool = False,
    flow: bool = False,
    seed: int = 0,
    workers: int | None = None,
    watch: ProgressCallback = ignore_progress,
) -> dict[str, dict[str, float]]:
    """Figures by name, by row: ``molvae`` of raw draws, with its latent space; ``repaired`` and ``flow`` where asked.

    Args:
        vae: the model.
        n: number of raw draws; the protocol has 30,000.
        test_molecules: test molecules to reconstruct.
        repair: add a row for draws whose invalid strings were encoded and decoded again once.
        flow: add a row for draws from a flow fitted to posteriors of training molecules, instead of N(0, I).
        seed: of the draws and of the choice of test molecules.
        workers: RDKit processes; None uses all cores.
        watch: receives the progress.

    Raises:
        InputError: the data of MOSES have not been downloaded, or the model knows none of its molecules.
        ConfigError: a flow needs two latent dimensions.
    """
    if flow and vae.config.latent_dim < 2:
        raise ConfigError("a flow needs a latent space of two dimensions or more; this model's has one")
    scaffolds = find_optional("moses_test_scaffolds")
    train, test = read_smiles(find("moses_train")), read_smiles(find("moses_test"))
    held_out = read_smiles(scaffolds) if scaffolds else None

    def figures(drawn: Sequence[str]) -> dict[str, float]:
        return evaluate(
            drawn,
            train=train,
            test=test,
            test_scaffolds=held_out,
            device=vae.device,
            workers=workers,
            on_progress=watch,
        )

    rows = {"molvae": figures(_raw_samples(vae, n, seed=seed, repair=0, watch=watch))}
    if repair:
        rows["repaired"] = figures(_raw_samples(vae, n, seed=seed, repair=1, watch=watch))
    if flow:
        drawn, distance = _flow_samples(vae, n, train, seed=seed, watch=watch)
        rows["flow"] = figures(drawn) | {"KL(q(z), p(z)), at least": distance}
    watch("latent space", 0, test_molecules)
    rows["molvae"] |= _latent_figures(vae, test, n=test_molecules, seed=seed)
    return rows


def _raw_samples(
    vae: MolVAE,
    n: int,
    *,
    seed: int,
    repair: int,
    watch: ProgressCallback,
) -> list[str]:
    """n raw strings decoded from draws of N(0, I) at temperature 1."""
    texts: list[str] = []
    with vae.stream(n, Decoding(), seed=seed, raw=True, repair=repair) as stream:
        for block in stream:
            texts += block
            watch("sampling", len(texts), n)
    return texts


def _flow_samples(
    vae: MolVAE, n: int, train: Sequence[str], *, seed: int, watch: ProgressCallback
) -> tuple[list[str], float]:
    """n raw strings decoded from draws of a flow at temperature 1, and a bound on KL(q(z) || N(0, I))."""
    rng = np.random.default_rng(seed)
    chosen = [train[row] for row in rng.permutation(len(train))[:_FITTED]]
    mean, std = (each[np.isfinite(each).all(1)] for each in vae.posterior(chosen))
    posterior = DiagonalGaussian(torch.from_numpy(mean), 2.0 * torch.from_numpy(std).log())
    cut = len(mean) // 21
    if not cut:
        raise InputError("the model knows the tokens of hardly any training molecule")
    others, fitted = (DiagonalGaussian(*(part[rows] for part in posterior)) for rows in (slice(cut), slice(cut, None)))
    flow = fit_flow(fitted, epochs=_EPOCHS, seed=seed, watch=lambda done, steps: watch("flow", done, steps))
    found = mismatch(flow, others.rsample(torch.from_numpy(_normal(others.mean.shape, rng))))
    codec, texts = Codec(vae.model, vae.tokenizer), list[str]()
    decoding = Decoding().for_model(vae.max_length)
    while len(texts) < n:
        rows = min(_BLOCK, n - len(texts))
        with torch.inference_mode():
            z = flow(torch.from_numpy(_normal((rows, vae.config.latent_dim), rng))).numpy()
        texts += codec.decode(z, decoding, rng.random((rows, decoding.max_length), dtype=np.float32))
        watch("sampling of the flow", len(texts), n)
    return texts, found


def _normal(shape: Sequence[int], rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.standard_normal(tuple(shape), dtype=np.float32)


def _latent_figures(vae: MolVAE, test: Sequence[str], *, n: int, seed: int) -> dict[str, float]:
    """Reconstruction of test molecules, and fit of the prior; nats per molecule.

    Exact reconstruction is the share of all n molecules whose posterior mean, decoded greedily, gives the same
    canonical SMILES; a molecule with an unknown token counts as not reconstructed. The other figures are of the
    molecules that can be encoded. ``-log p(x), posterior`` is the negative ELBO and ``-log p(x), coupling`` the
    bound by coupled prior draws (`molvae.training.coupling`): the mean of -log p(x) is below both.
    """
    rng = np.random.default_rng(seed)
    chosen = [test[row] for row in rng.permutation(len(test))[:n]]
    with quiet_rdkit():
        molecules = [one for one in map(canonical, chosen) if one is not None]
    corpus, rows = Codec(vae.model, vae.tokenizer).tokenize(molecules)
    known = [molecules[row] for row in rows]
    if len(known) < 2:
        raise InputError("the model knows the tokens of fewer than two test molecules")
    config = TrainConfig(health_samples=len(known), seed=seed)
    training = vae.training_set
    is_training = training.intersection if training is not None else lambda _: set()
    check = HealthCheck(corpus, np.arange(len(known)), known, is_training, config, vae.max_length)
    health = check(vae.model)
    mean, std = (torch.from_numpy(each) for each in vae.posterior(known))
    posterior = DiagonalGaussian(mean, 2.0 * std.log())
    z = posterior.rsample(torch.from_numpy(rng.standard_normal(mean.shape, dtype=np.float32)))
    return {
        "exact reconstruction": health.exact * len(known) / len(molecules),
        "valid midpoints": health.midpoint_valid,
        "-log p(x|z)": health.reconstruction,
        "KL(q(z|x), p(z))": health.kl,
        "-log p(x), posterior": -health.elbo,
        "-log p(x), coupling": health.prior_bound,
        "active units": float(health.active_units),
        "I(x, z), at least": mutual_information(posterior, z),
        "KL(q(z), p(z)), at least": aggregate_mismatch(posterior),
        "reconstructed molecules": float(len(molecules)),
    }
