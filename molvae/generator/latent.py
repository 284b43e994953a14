"""A model between SMILES and latent points: load, save, encode, decode, score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from molvae.chem import Standardized, canonical, quiet_rdkit, standardize
from molvae.config import Decoding, ModelConfig, check_batch_size, check_seed
from molvae.corpus.tokenizer import SmilesTokenizer, scan
from molvae.errors import ConfigError, InputError, TokenError
from molvae.generator.exploration.fidelity import fidelity_table
from molvae.generator.sampling.draws import Decode
from molvae.generator.sampling.repair import repairing
from molvae.metrics.likelihood import score_table
from molvae.model.latent_codec import CUT_OFF, Codec
from molvae.pretrained import BUNDLED
from molvae.pretrained.folder import StoredModel, read_model, write_model
from molvae.pretrained.hub import find_model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LatentModel"]

Array = NDArray[np.float32]

_NO_SMILES = "?"


class LatentModel:
    """The part of `MolVAE` that maps SMILES to latent points and back."""

    def __init__(self, stored: StoredModel, *, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.model = stored.model.to(self.device).eval()
        self.tokenizer: SmilesTokenizer = stored.tokenizer
        self.training_set = stored.training_set
        self.card: dict[str, Any] = stored.card
        self.max_length = stored.max_length
        self._codec = Codec(self.model, self.tokenizer, max_length=self.max_length)

    @classmethod
    def from_pretrained(cls, model: str | Path = BUNDLED, *, device: str | torch.device = "cpu") -> Self:
        """Load a model.

        Args:
            model: a model or run folder, the id of a Hugging Face repository such as ``name/model``, or ``medchem``
                for the model that comes with the package.
            device: a torch device.

        Raises:
            ModelError: it is missing, truncated or not of molvae.
        """
        return cls(read_model(find_model(model)), device=device)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model as a folder that `from_pretrained` reads."""
        write_model(Path(folder), StoredModel(self.model, self.tokenizer, self.training_set, self.card))

    @property
    def config(self) -> ModelConfig:
        """Size and shape of the model."""
        return self.model.config

    def encode(self, smiles: Sequence[str], *, strict: bool = False, batch_size: int = 512) -> Array:
        """Posterior means.

        Args:
            smiles: molecules, in any SMILES; they are made canonical first.
            strict: raise for a molecule that cannot be encoded instead of giving NaN.
            batch_size: rows encoded at a time.

        Returns:
            (N, D) float32; a row of NaN for what is no molecule or has a token that the model does not know.

        Raises:
            InputError: only if strict, for the first molecule that cannot be encoded.
        """
        return self.posterior(smiles, strict=strict, batch_size=batch_size)[0]

    def posterior(self, smiles: Sequence[str], *, strict: bool = False, batch_size: int = 512) -> tuple[Array, Array]:
        """Mean and standard deviation of q(z|x), each (N, D) as in `encode`."""
        return self._codec.posterior(self._readable(smiles, strict=strict), batch_size=batch_size)

    def decode(
        self,
        z: NDArray[np.floating[Any]],
        *,
        temperature: float = 0.0,
        seed: int | np.random.Generator | None = None,
        repair: int = 0,
        batch_size: int = 512,
    ) -> list[str | None]:
        """Canonical SMILES of latent points.

        Args:
            z: (N, D)
            temperature: 0 takes the most likely token each time.
            seed: of the draws at a temperature above 0; a generator goes on where it is, so that points decoded in
                pieces give what they give at once.
            repair: as in `sample`.
            batch_size: rows decoded at a time.

        Returns:
            N; None where the decoded string is no molecule, has more tokens than training molecules could have, or the
            point is not finite.

        Raises:
            InputError: z has another shape.
            ConfigError: a setting out of range.
        """
        check_batch_size(batch_size)
        check_seed(seed)
        points = np.asarray(z, dtype=np.float32)
        if points.ndim != 2 or points.shape[1] != self.config.latent_dim:
            raise InputError(f"z must have the shape (N, {self.config.latent_dim}), not {points.shape}")
        decoding = Decoding(temperature=temperature).for_model(self.max_length)
        rng = np.random.default_rng(seed)
        result: list[str | None] = [None] * len(points)
        finite = np.flatnonzero(np.isfinite(points).all(1))
        uniforms = rng.random((len(points), decoding.max_length), dtype=np.float32) if temperature else None
        decode = self._decoder(repair)
        for at in (finite[i : i + batch_size] for i in range(0, len(finite), batch_size)):
            texts = decode(points[at], decoding, None if uniforms is None else uniforms[at])
            with quiet_rdkit():
                for row, text in zip(at, texts, strict=True):
                    result[row] = canonical(text)
        return result

    def reconstruct(self, smiles: Sequence[str], *, batch_size: int = 512) -> list[str | None]:
        """Each molecule encoded to its posterior mean and decoded greedily, as canonical SMILES."""
        return self.decode(self.encode(smiles, batch_size=batch_size), batch_size=batch_size)

    def fidelity(self, smiles: Sequence[str], *, batch_size: int = 512) -> pd.DataFrame:
        """How faithfully molecules come back from their posterior means, decoded greedily.

        Args:
            smiles: molecules, in any SMILES; they are made canonical first.
            batch_size: rows at a time.

        Returns:
            One row a molecule, as `molvae.generator.exploration.fidelity.fidelity_table` describes: ``reconstruction``,
            ``exact``, ``tanimoto``, ``tokens``, ``token_accuracy``.
        """
        texts = self._readable(smiles, strict=False)
        molecules = [None if text == _NO_SMILES else text for text in texts]
        back = self.decode(self._codec.posterior(texts, batch_size=batch_size)[0], batch_size=batch_size)
        return fidelity_table(molecules, back, self._codec.token_hits(texts, batch_size=batch_size))

    def refusal(self, smiles: str) -> str | None:
        """Why a molecule cannot be encoded, in a few words; None where it can be."""
        with quiet_rdkit():
            molecule = canonical(smiles)
            if molecule is None:
                form = standardize(smiles) if smiles else "no SMILES"
                return str(form) if not isinstance(form, Standardized) else "RDKit cannot write it"
        try:
            unknown = [token for token in scan(molecule) if token not in self.tokenizer.ids]
        except TokenError as error:
            return error.reason
        return f"the model does not know the token {unknown[0]!r}" if unknown else None

    def elbo(self, smiles: Sequence[str], *, draws: int = 1, seed: int = 0, batch_size: int = 512) -> pd.DataFrame:
        """The evidence lower bound on log p(x), by `draws` posterior draws; the lower, the stranger the molecule.

        Returns:
            One row a molecule, nats per molecule: ``reconstruction`` (-log p(x|z)), ``kl``, ``elbo`` (minus their
            sum); NaN for what cannot be encoded.

        Raises:
            ConfigError: `draws` below 1.
        """
        return self.score(smiles, draws=draws, seed=seed, batch_size=batch_size)[["reconstruction", "kl", "elbo"]]

    def score(
        self, smiles: Sequence[str], *, draws: int = 1, importance: int = 0, seed: int = 0, batch_size: int = 512
    ) -> pd.DataFrame:
        """How likely the model finds each molecule: bounds on log p(x) and their parts.

        A molecule's figures depend on it and the seed alone, not on the molecules beside it.

        Args:
            smiles: molecules, in any SMILES; they are made canonical first.
            draws: of the posterior; the reconstruction is their mean.
            importance: K above 0 adds the importance-weighted bound by K draws, which are used for the reconstruction,
                too, where they are more than `draws`.
            seed: of the draws.
            batch_size: rows at a time.

        Returns:
            One row a molecule, as `molvae.metrics.likelihood.score_table` describes: ``reconstruction``, ``kl``,
            ``elbo``, ``tokens``, ``per_token``, and ``bound`` where asked for; NaN for what cannot be encoded.

        Raises:
            ConfigError: `draws` below 1, or `importance` or `seed` below 0.
        """
        if draws < 1:
            raise ConfigError(f"draws must be at least 1, not {draws}")
        if importance < 0:
            raise ConfigError(f"importance must be at least 0, not {importance}")
        texts = self._readable(smiles, strict=False)
        terms = self._codec.elbo_terms(texts, draws=max(draws, importance), seed=seed, batch_size=batch_size)
        return score_table(terms, importance)

    def _decoder(self, repair: int) -> Decode:
        """Points to strings, as they come or repaired."""
        return repairing(self._codec.decode, self._means_of_broken, repair)

    def _means_of_broken(self, texts: list[str]) -> Array:
        return self._codec.posterior([text.removesuffix(CUT_OFF) for text in texts])[0]

    def _readable(self, smiles: Sequence[str], *, strict: bool) -> list[str]:
        """Canonical SMILES; what is no molecule as a text that no vocabulary covers."""
        if isinstance(smiles, str):
            raise InputError("give a list of SMILES, not a single one")
        with quiet_rdkit():
            molecules = [canonical(text) for text in smiles]
        for row, molecule in enumerate(molecules if strict else []):
            try:
                if molecule is None:
                    raise InputError(f"{smiles[row]!r} is no valid SMILES")
                self.tokenizer.encode(molecule)
            except InputError as error:
                hint = self._hint(molecule) if molecule is not None else ""
                raise InputError(f"molecule {row + 1} of {len(smiles)}: {error}{hint}") from None
        return [_NO_SMILES if molecule is None else molecule for molecule in molecules]

    def _hint(self, molecule: str) -> str:
        """What to give for a molecule with an unknown token, where its standard form without stereo has none."""
        with quiet_rdkit():
            form = standardize(molecule, stereo=False)
        if not isinstance(form, Standardized) or not set(scan(form.smiles)) <= self.tokenizer.ids.keys():
            return ""
        return f"\nwithout stereochemistry, salts and charges it can be read: {form.smiles}"

    def __repr__(self) -> str:
        name, parameters = type(self).__name__, sum(p.numel() for p in self.model.parameters())
        return f"{name}({parameters:,} parameters, latent_dim={self.config.latent_dim}, {len(self.tokenizer)} tokens)"
