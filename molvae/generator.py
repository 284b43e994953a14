"""`MolVAE`, the facade: SMILES on one side, arrays on the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from molvae.chem import canonical, quiet_rdkit
from molvae.codec import Codec
from molvae.config import Decoding, ModelConfig
from molvae.errors import ConfigError, InputError
from molvae.hub import find_model
from molvae.model_folder import StoredModel, read_model, write_model
from molvae.pretrained import BUNDLED
from molvae.sampling.account import Samples
from molvae.sampling.draws import Draws
from molvae.sampling.repair import repairing
from molvae.sampling.stream import Order, Stream, open_stream, suitable_crew
from molvae.tokenizer import SmilesTokenizer

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MolVAE"]

Array = NDArray[np.float32]

_NO_SMILES = "?"


class MolVAE:
    """A trained model that reads and writes SMILES.

    Every method takes and returns batches, in the order given. Molecules that cannot be used are values: None where a
    SMILES is expected, NaN where numbers are.

    Args:
        stored: model, tokenizer, training set and card.
        device: a torch device.

    >>> vae = MolVAE.from_pretrained("molvae-runs/mine")  # doctest: +SKIP
    >>> vae.sample(2, seed=0)  # doctest: +SKIP
    ['CCOc1ccc(C(=O)NC2CC2)cc1', 'Cc1nc(N2CCOCC2)sc1C(N)=O']
    """

    def __init__(self, stored: StoredModel, *, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.model = stored.model.to(self.device).eval()
        self.tokenizer: SmilesTokenizer = stored.tokenizer
        self.training_set = stored.training_set
        self.card: dict[str, Any] = stored.card
        self._codec = Codec(self.model, self.tokenizer)

    @classmethod
    def from_pretrained(cls, model: str | Path = BUNDLED, *, device: str | torch.device = "cpu") -> MolVAE:
        """Load a model.

        Args:
            model: a model or run folder, the id of a Hugging Face repository such as ``name/model``, or ``bundled``
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

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        top_p: float = 1.0,
        max_length: int = 120,
        novel: bool = False,
        repair: int = 0,
        batch_size: int = 512,
    ) -> list[str]:
        """n valid, distinct, canonical SMILES decoded from draws of N(0, I).

        Args:
            n: how many.
            seed: the same seed gives the same molecules on the same machine and device; None draws a new one.
            temperature: of the decoder; 0 is greedy.
            top_p: nucleus of the decoder's distribution.
            max_length: tokens after which a molecule is cut off, and so invalid.
            novel: leave out training molecules.
            repair: how many times a string that is no molecule is encoded and decoded again, greedily.
            batch_size: rows decoded at a time; does not change what is drawn.

        Raises:
            SamplingError: the model cannot produce that many.
            ConfigError: a setting out of range, or `novel` for a model without a training set.
        """
        decoding = Decoding(temperature=temperature, top_p=top_p, max_length=max_length)
        return self.collect(n, decoding, seed=seed, novel=novel, repair=repair, batch_size=batch_size).smiles

    def collect(
        self,
        n: int,
        decoding: Decoding | None = None,
        *,
        seed: int | None = None,
        novel: bool = False,
        repair: int = 0,
        batch_size: int = 512,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> Samples:
        """As `sample`, with the account of what was thrown away; `on_progress` is told the number found so far."""
        with self.stream(n, decoding, seed=seed, novel=novel, repair=repair, batch_size=batch_size) as stream:
            smiles: list[str] = []
            for block in stream:
                smiles += block
                on_progress(len(smiles))
        return Samples(**vars(stream.account), smiles=smiles)

    def stream(
        self,
        n: int,
        decoding: Decoding | None = None,
        *,
        seed: int | None = None,
        novel: bool = False,
        properties: Sequence[str] = (),
        raw: bool = False,
        repair: int = 0,
        batch_size: int = 512,
        workers: int | None = None,
        distributed: bool = False,
    ) -> Stream:
        """The molecules of `sample`, as they come: for more than a list should hold.

        Memory grows by eight bytes a molecule, to know it again, and by no more. The next block is decoded while
        RDKit looks at the last, for large n in worker processes, which end with the stream. While it is open, torch
        uses one thread in each Python thread.

        Args:
            n, decoding, seed, novel, repair: as in `sample`; the molecules do not depend on the other arguments.
            properties: names of `molvae.chem.PROPERTIES`, to be computed on the way.
            raw: n raw strings instead, valid or not; excludes `novel` and `properties`.
            batch_size: rows decoded at a time.
            workers: processes of RDKit; 1 has it work in this process, None chooses by n and the cores.
            distributed: share the work among the processes of torchrun. Each must call this with the same arguments
                and a seed, and read the stream to its end; process 0 gets all molecules, the others none.

        Returns:
            An iterator of lists of SMILES; each has the attribute ``properties``, (k, P) float64. The stream's
            ``account`` tells what became of the draws. Close it, or use it in a `with`.

        Raises:
            SamplingError: while it is read: the model cannot produce that many.
            ConfigError: as in `sample`, or an unknown property, or fewer than one worker.
        """
        if novel and self.training_set is None:
            raise ConfigError("this model does not know its training molecules, so it cannot leave them out")
        order = Order(n, self.training_set if novel else None, tuple(properties), raw)
        crew = suitable_crew(order, on_cpu=self.device.type == "cpu", workers=workers)
        draws = self.draws(decoding or Decoding(), seed=seed, repair=repair, batch_size=batch_size)
        return open_stream(draws, order, crew, distributed=distributed)

    def draws(self, decoding: Decoding, *, seed: int | None = None, repair: int = 0, batch_size: int = 512) -> Draws:
        """Raw strings decoded from draws of N(0, I), valid or not: iterate for blocks, without end."""
        decode = repairing(self._codec.decode, lambda texts: self._codec.posterior(texts)[0], repair)
        return Draws(decode, self.config.latent_dim, decoding, seed=seed, batch_size=batch_size)

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
        seed: int | None = None,
        repair: int = 0,
        batch_size: int = 512,
    ) -> list[str | None]:
        """Canonical SMILES of latent points.

        Args:
            z: (N, D)
            temperature: 0 takes the most likely token each time.
            seed: of the draws at a temperature above 0.
            repair: as in `sample`.
            batch_size: rows decoded at a time.

        Returns:
            N; None where the decoded string is no molecule, or the point is not finite.

        Raises:
            InputError: z has another shape.
        """
        points = np.asarray(z, dtype=np.float32)
        if points.ndim != 2 or points.shape[1] != self.config.latent_dim:
            raise InputError(f"z must have the shape (N, {self.config.latent_dim}), not {points.shape}")
        decoding = Decoding(temperature=temperature)
        rng = np.random.default_rng(seed)
        result: list[str | None] = [None] * len(points)
        finite = np.flatnonzero(np.isfinite(points).all(1))
        uniforms = rng.random((len(points), decoding.max_length), dtype=np.float32) if temperature else None
        decode = repairing(self._codec.decode, lambda texts: self._codec.posterior(texts)[0], repair)
        for at in (finite[i : i + batch_size] for i in range(0, len(finite), batch_size)):
            texts = decode(points[at], decoding, None if uniforms is None else uniforms[at])
            with quiet_rdkit():
                for row, text in zip(at, texts, strict=True):
                    result[row] = canonical(text)
        return result

    def reconstruct(self, smiles: Sequence[str], *, batch_size: int = 512) -> list[str | None]:
        """Each molecule encoded to its posterior mean and decoded greedily, as canonical SMILES."""
        return self.decode(self.encode(smiles, batch_size=batch_size), batch_size=batch_size)

    def elbo(self, smiles: Sequence[str], *, draws: int = 1, seed: int = 0, batch_size: int = 512) -> pd.DataFrame:
        """The evidence lower bound on log p(x), by `draws` posterior draws; the lower, the stranger the molecule.

        Returns:
            One row a molecule, nats per molecule: ``reconstruction`` (-log p(x|z)), ``kl``, ``elbo`` (minus their
            sum); NaN for what cannot be encoded.

        Raises:
            ConfigError: `draws` below 1.
        """
        import pandas as pd

        if draws < 1:
            raise ConfigError(f"draws must be at least 1, not {draws}")
        noise = np.random.default_rng(seed).standard_normal((draws, len(smiles), self.config.latent_dim))
        figures = self._codec.elbo_terms(self._readable(smiles, strict=False), noise, batch_size=batch_size)
        table = pd.DataFrame(figures, columns=["reconstruction", "kl"])
        return table.assign(elbo=-table.sum(axis=1, skipna=False))

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
                raise InputError(f"molecule {row + 1} of {len(smiles)}: {error}") from None
        return [_NO_SMILES if molecule is None else molecule for molecule in molecules]

    def __repr__(self) -> str:
        parameters = sum(p.numel() for p in self.model.parameters())
        return f"MolVAE({parameters:,} parameters, latent_dim={self.config.latent_dim}, {len(self.tokenizer)} tokens)"
