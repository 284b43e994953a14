"""`MolVAE`: SMILES on one side, arrays of latent points on the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from molvae.chem import Standardized, canonical, quiet_rdkit, standardize
from molvae.chem.known_molecules import Novel
from molvae.chem.molecule_set import MoleculeSet
from molvae.config import Decoding, ModelConfig, check_batch_size, check_seed
from molvae.corpus.tokenizer import SmilesTokenizer, scan
from molvae.errors import ConfigError, InputError, TokenError
from molvae.generator.exploration import decoration, mixing, paths
from molvae.generator.exploration import neighbors as neighborhood
from molvae.generator.exploration.fidelity import fidelity_table
from molvae.generator.exploration.latent_map import LatentMap, choose_colors, latent_map, map_rows
from molvae.generator.exploration.projection import subsample
from molvae.generator.exploration.radius import calibrate, model_key, remembered_curve
from molvae.generator.exploration.space import known_to
from molvae.generator.sampling.draws import Decode, Draws, with_repair
from molvae.generator.sampling.screening import Samples
from molvae.generator.sampling.stream import SampleRequest, Stream, choose_resources, open_stream
from molvae.metrics.likelihood import score_table
from molvae.model.heads import check_heads
from molvae.model.latent_codec import CUT_OFF, Codec
from molvae.pretrained import BUNDLED
from molvae.pretrained.folder import StoredModel, read_model, write_model
from molvae.pretrained.hub import find_model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MolVAE"]

Array = NDArray[np.float32]

_NO_SMILES = "?"  # stands for an invalid SMILES: no vocabulary covers it


class MolVAE:
    """A trained model that reads and writes SMILES.

    Every method takes and returns batches and keeps their order. An unusable molecule gives a value, not an error: None
    instead of a SMILES, NaN instead of numbers.

    Args:
        stored: model, tokenizer, known molecules and card.
        device: a torch device.

    >>> vae = MolVAE.from_pretrained()  # doctest: +SKIP
    >>> len(vae.sample(2, seed=0))  # doctest: +SKIP
    2
    >>> z = vae.encode(["CC(=O)Nc1ccc(O)cc1", "no molecule"])  # doctest: +SKIP
    >>> vae.decode(z)  # doctest: +SKIP
    ['CC(=O)Nc1ccc(O)cc1', None]
    """

    def __init__(self, stored: StoredModel, *, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)
        self.model = stored.model.to(self.device).eval()
        self.tokenizer: SmilesTokenizer = stored.tokenizer
        self.known = stored.known
        self.card: dict[str, Any] = stored.card
        self.max_length, self.atoms = stored.max_length, stored.atoms
        self.codec = Codec(self.model, self.tokenizer, max_length=self.max_length)

    @classmethod
    def from_pretrained(cls, model: str | Path = BUNDLED, *, device: str | torch.device = "cpu") -> Self:
        """Load a model.

        Args:
            model: a model folder or run folder, the id of a Hugging Face repository such as ``name/model``, or the
                name of a model that comes with the package: ``medchem`` or ``moses``.
            device: a torch device.

        Raises:
            ModelError: the model is missing, truncated or not a molvae model.
        """
        return cls(read_model(find_model(model)), device=device)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the model as a folder that `from_pretrained` reads."""
        write_model(Path(folder), StoredModel(self.model, self.tokenizer, self.known, self.card))

    @property
    def training_set(self) -> MoleculeSet | None:
        """Hashes of the training molecules; None if the model does not keep them."""
        return None if self.known is None else self.known.sets["smiles"]

    @property
    def config(self) -> ModelConfig:
        """Size and shape of the model."""
        return self.model.config

    # Encoding and decoding

    def encode(self, smiles: Sequence[str], *, strict: bool = False, batch_size: int = 512) -> Array:
        """Posterior means.

        Args:
            smiles: N molecules, as any SMILES; they are made canonical first.
            strict: raise an error for a molecule that cannot be encoded, instead of returning NaN.
            batch_size: rows encoded at a time.

        Returns:
            (N, D) float32; a row of NaN for an invalid SMILES or one with a token that the model does not know.

        Raises:
            InputError: only if strict, for the first molecule that cannot be encoded.
        """
        return self.posterior(smiles, strict=strict, batch_size=batch_size)[0]

    def posterior(self, smiles: Sequence[str], *, strict: bool = False, batch_size: int = 512) -> tuple[Array, Array]:
        """Mean and standard deviation of q(z|x), each (N, D) as in `encode`."""
        return self.codec.posterior(self._canonical(smiles, strict=strict), batch_size=batch_size)

    def decode(
        self,
        z: NDArray[np.floating[Any]],
        *,
        temperature: float = 0.0,
        seed: int | np.random.Generator | None = None,
        constrained: bool = True,
        repair: int = 0,
        batch_size: int = 512,
    ) -> list[str | None]:
        """Canonical SMILES of latent points.

        A point is given once and cannot be drawn again, so the decoder is constrained by default: it writes only what
        can become a valid molecule. A molecule that it writes freely is the same when it is constrained.

        Args:
            z: (N, D)
            temperature: 0 takes the most likely token each time.
            seed: of the draws at a temperature above 0. A generator continues from its state, so decoding the points
                in pieces gives the same molecules as decoding them at once.
            constrained: whether the decoder writes only valid molecules, which is False to measure what it writes.
            repair: as in `sample`.
            batch_size: rows decoded at a time.

        Returns:
            N; None where the point is not finite, and where the decoded string is not a molecule or is longer than
            training molecules could be, which hardly ever happens if constrained.

        Raises:
            InputError: z has another shape.
            ConfigError: a setting is out of range.
        """
        check_batch_size(batch_size)
        check_seed(seed)
        points = np.asarray(z, dtype=np.float32)
        if points.ndim != 2 or points.shape[1] != self.config.latent_dim:
            raise InputError(f"z must have the shape (N, {self.config.latent_dim}), not {points.shape}")
        decoding = Decoding(temperature=temperature, constrained=constrained).for_model(self.max_length)
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

    def reconstruct(
        self, smiles: Sequence[str], *, constrained: bool = True, batch_size: int = 512
    ) -> list[str | None]:
        """Encode each molecule to its posterior mean and decode that greedily, as `decode`, to canonical SMILES."""
        points = self.encode(smiles, batch_size=batch_size)
        return self.decode(points, constrained=constrained, batch_size=batch_size)

    def fidelity(self, smiles: Sequence[str], *, constrained: bool = True, batch_size: int = 512) -> pd.DataFrame:
        """Compare molecules with their reconstructions from the posterior mean, decoded greedily.

        Returns:
            One row a molecule, as `molvae.generator.exploration.fidelity.fidelity_table` describes: ``reconstruction``,
            ``exact``, ``tanimoto``, ``tokens``, ``token_accuracy``.
        """
        texts = self._canonical(smiles, strict=False)
        molecules = [None if text == _NO_SMILES else text for text in texts]
        points = self.codec.posterior(texts, batch_size=batch_size)[0]
        back = self.decode(points, constrained=constrained, batch_size=batch_size)
        return fidelity_table(molecules, back, self.codec.token_hits(texts, batch_size=batch_size))

    def refusal(self, smiles: str) -> str | None:
        """Why a molecule cannot be encoded, in a few words; None if it can be encoded."""
        with quiet_rdkit():
            molecule = canonical(smiles)
            if molecule is None:
                form = standardize(smiles) if smiles else "no SMILES"
                return str(form) if not isinstance(form, Standardized) else "RDKit cannot write it"
        try:
            unknown = self.tokenizer.unknown(scan(molecule))
        except TokenError as error:
            return error.reason
        if unknown is None:
            return None
        element = self.tokenizer.unknown_element(unknown)
        return f"the model does not know {f'the element {element}' if element else f'the token {unknown!r}'}"

    # Likelihood and properties

    def elbo(self, smiles: Sequence[str], *, draws: int = 1, seed: int = 0, batch_size: int = 512) -> pd.DataFrame:
        """The evidence lower bound (ELBO) on log p(x). The lower it is, the less typical the molecule.

        Args:
            smiles, draws, seed, batch_size: as in `score`.

        Returns:
            One row a molecule, nats per molecule: ``reconstruction`` (-log p(x|z)), ``kl``, ``elbo`` (minus their
            sum); NaN for a molecule that cannot be encoded.

        Raises:
            ConfigError: `draws` is below 1.
        """
        return self.score(smiles, draws=draws, seed=seed, batch_size=batch_size)[["reconstruction", "kl", "elbo"]]

    def score(
        self, smiles: Sequence[str], *, draws: int = 1, importance: int = 0, seed: int = 0, batch_size: int = 512
    ) -> pd.DataFrame:
        """How likely the model finds each molecule: bounds on log p(x) and their parts.

        The figures of a molecule depend on it and the seed alone, not on the other molecules.

        Args:
            smiles: molecules, as any SMILES; they are made canonical first.
            draws: draws of the posterior; the reconstruction is their mean.
            importance: K above 0 adds the importance-weighted bound by K draws. The reconstruction uses these draws
                too, if they are more than `draws`.
            seed: of the draws.
            batch_size: rows at a time.

        Returns:
            One row a molecule, as `molvae.metrics.likelihood.score_table` describes: ``reconstruction``, ``kl``,
            ``elbo``, ``tokens``, ``per_token``, and ``bound`` if K is above 0; NaN for a molecule that cannot be
            encoded.

        Raises:
            ConfigError: `draws` is below 1, or `importance` or `seed` is below 0.
        """
        if draws < 1:
            raise ConfigError(f"draws must be at least 1, not {draws}")
        if importance < 0:
            raise ConfigError(f"importance must be at least 0, not {importance}")
        texts = self._canonical(smiles, strict=False)
        terms = self.codec.elbo_terms(texts, draws=max(draws, importance), seed=seed, batch_size=batch_size)
        return score_table(terms, importance)

    @torch.inference_mode()
    def predict(self, smiles: Sequence[str], *, batch_size: int = 512) -> pd.DataFrame:
        """Predict the properties that the model was trained on, from the posterior means.

        Args:
            smiles: molecules, as any SMILES; they are made canonical first.
            batch_size: rows encoded at a time.

        Returns:
            One row a molecule and one float64 column a property, in the unit of its labels; NaN for a molecule that
            cannot be encoded.

        Raises:
            ModelError: the model was not trained on properties.
        """
        import pandas as pd

        check_heads(self.model.config)
        z = self.encode(smiles, batch_size=batch_size)
        finite = np.isfinite(z).all(1)
        points = torch.from_numpy(z[finite]).to(self.device)
        table = pd.DataFrame(np.nan, columns=list(self.config.heads), index=range(len(z)))
        for (name, head), quantity in zip(self.model.property_heads().items(), self.config.quantities, strict=True):
            mean, std = head.scale
            values = mean + std * head(points).double().cpu().numpy()
            table.loc[finite, name] = values if quantity == name else 10.0**values
        return table

    # Sampling

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        top_p: float = 1.0,
        max_length: int | None = None,
        constrained: bool = False,
        novel: Novel = False,
        repair: int = 0,
        batch_size: int = 512,
    ) -> list[str]:
        """n valid, distinct, canonical SMILES, decoded from draws of N(0, I).

        An invalid string is drawn again, which is cheap and leaves the distribution of the model as it is. So the
        decoder is free by default: molecules that only the constraint makes valid are less drug-like and harder to
        synthesize.

        Args:
            n: number of molecules.
            seed: the same seed gives the same molecules on the same machine and device; None uses a new seed.
            temperature: of the decoder; 0 is greedy.
            top_p: nucleus sampling: draw among the most likely tokens that together have this probability.
            max_length: a string with more tokens is cut off, and so invalid; None uses the limit of the training
                molecules.
            constrained: whether the decoder writes only valid molecules.
            novel: leave out molecules of the training file and their stereoisomers; ``"tautomers"``: and tautomers.
            repair: number of times that an invalid string is encoded and decoded again, greedily.
            batch_size: rows decoded at a time; does not change the molecules.

        Raises:
            SamplingError: the model cannot produce n molecules.
            ConfigError: a setting is out of range, or `novel` is set for a model that does not keep its molecules.
        """
        length = {} if max_length is None else {"max_length": max_length}
        decoding = Decoding(temperature=temperature, top_p=top_p, constrained=constrained, **length)
        return self.collect(n, decoding, seed=seed, novel=novel, repair=repair, batch_size=batch_size).smiles

    def collect(
        self,
        n: int,
        decoding: Decoding | None = None,
        *,
        seed: int | None = None,
        novel: Novel = False,
        repair: int = 0,
        batch_size: int = 512,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> Samples:
        """As `sample`, with the counts of discarded draws; `on_progress` receives the number of molecules so far."""
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
        novel: Novel = False,
        properties: Sequence[str] = (),
        raw: bool = False,
        repair: int = 0,
        batch_size: int = 512,
        workers: int | None = None,
        distributed: bool = False,
    ) -> Stream:
        """The molecules of `sample`, block by block, for more molecules than a list should hold.

        Memory grows by eight bytes a molecule, to recognize repeats. The next block is decoded while RDKit checks the
        last one, for large n in worker processes, which end with the stream. While the stream is open, torch uses one
        thread in each Python thread.

        Args:
            n, decoding, seed, novel, repair: as in `sample`; the other arguments do not change the molecules.
            properties: names of `molvae.chem.PROPERTIES` to compute for each molecule.
            raw: give n raw strings instead, valid or not, with "..." after a string that was cut off; excludes `novel`
                and `properties`.
            batch_size: rows decoded at a time.
            workers: RDKit processes; 1 runs RDKit in this process, None chooses by n and the number of cores.
            distributed: share the work among the processes of torchrun. Each must call this with the same arguments
                and a seed, and read the stream to its end; process 0 receives all molecules, the others none.

        Returns:
            An iterator of lists of SMILES; each has the attribute ``properties``, (k, P) float64. The stream's
            ``account`` counts what became of the draws. Close the stream, or use it in a `with`.

        Raises:
            SamplingError: while reading: the model cannot produce n molecules.
            ConfigError: as in `sample`, or for an unknown property, or fewer than one worker.
        """
        request = SampleRequest(n, known_to(self, novel), novel, tuple(properties), raw, self.atoms)
        resources = choose_resources(request, on_cpu=self.device.type == "cpu", workers=workers)
        draws = self.draws(decoding or Decoding(), seed=seed, repair=repair, batch_size=batch_size)
        return open_stream(draws, request, resources, distributed=distributed)

    def draws(self, decoding: Decoding, *, seed: int | None = None, repair: int = 0, batch_size: int = 512) -> Draws:
        """Raw strings decoded from draws of N(0, I), valid or not: iterate for blocks, without end."""
        decoding = decoding.for_model(self.max_length)
        return Draws(self._decoder(repair), self.config.latent_dim, decoding, seed=seed, batch_size=batch_size)

    # Exploration

    interpolate, mix, neighbors = paths.interpolate, mixing.mix, neighborhood.neighbors
    decorate = decoration.decorate

    def calibrate_radius(self, smiles: Sequence[str] | None = None, *, batch_size: int = 512) -> pd.DataFrame:
        """Similarity, validity and change of decoded molecules by the distance from the latent point of a molecule.

        Args:
            smiles: molecules to draw around; None samples 32 from the model and keeps the result in the cache folder,
                so that each model is calibrated once.
            batch_size: points decoded at a time.

        Returns:
            A row for each radius from 0 to 1, as `molvae.generator.exploration.radius.calibrate` describes.

        Raises:
            InputError: a molecule cannot be encoded, or there is none.
            SamplingError: the model cannot sample 32 molecules.
        """
        if smiles is not None:
            return calibrate(self, smiles, batch_size=batch_size)

        def compute() -> pd.DataFrame:
            molecules = self.sample(32, seed=0, batch_size=batch_size)
            points = self.encode(molecules, batch_size=batch_size)
            typical = [one for one, point in zip(molecules, points, strict=True) if np.isfinite(point).all()]
            return calibrate(self, typical, batch_size=batch_size)

        return remembered_curve(model_key(self.model.state_dict(), self.tokenizer.to_json()), compute)

    def map(
        self,
        smiles: Sequence[str],
        *,
        columns: Mapping[str, Sequence[Any]] | None = None,
        color_by: str | Sequence[str] = (),
        method: str = "pca",
        max_points: int = 20_000,
        seed: int = 0,
        batch_size: int = 512,
        workers: int | None = None,
        title: str = "Latent map",
    ) -> LatentMap:
        """Project molecules from the latent space to two dimensions.

        Args:
            smiles: N molecules, as any SMILES; those that cannot be encoded are in the map's ``omitted``.
            columns: N values of each, for colours and for the page: a dict, or a table; the map keeps at most 20.
            color_by: a name of `columns` or of `molvae.chem.PROPERTIES`, or several; figures use the first.
            method: ``pca``, ``tsne`` or ``umap``, as in `molvae.generator.exploration.projection.project`.
            max_points: of more molecules, the map shows a random sample of this size.
            seed: of the sample, t-SNE and UMAP; the same seed gives the same map on the same machine.
            batch_size: rows encoded at a time.
            workers: RDKit processes; does not change the map.
            title: of figure and page.

        Returns:
            A map with a ``table`` (``row`` from 0, ``x``, ``y``, ``smiles``, columns), a ``figure()``, and a ``save``
            for html, png, svg and csv.

        Raises:
            InputError: there are no molecules, none can be encoded, or there is no such column or property.
            ConfigError: the method is unknown, or needs a package that is not installed.
        """
        if isinstance(smiles, str):
            raise InputError("give a list of SMILES, not a single one")
        check_seed(seed)
        others = dict(columns.items()) if columns is not None else {}
        wanted = [color_by] if isinstance(color_by, str) else color_by
        colors = choose_colors(wanted, list(others), "the table")
        molecules = subsample([map_rows(range(len(smiles)), smiles, others, color_by=colors)], max_points, seed=seed)
        settings: dict[str, Any] = {"method": method, "seed": seed, "batch_size": batch_size, "workers": workers}
        return latent_map(self, molecules, color_by=colors, title=title, **settings)

    def _decoder(self, repair: int) -> Decode:
        def encode(invalid: list[str]) -> Array:
            return self.codec.posterior([text.removesuffix(CUT_OFF) for text in invalid])[0]

        return with_repair(self.codec.decode, encode, repair)

    def _canonical(self, smiles: Sequence[str], *, strict: bool) -> list[str]:
        """Canonical SMILES; `_NO_SMILES` for an invalid one."""
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
        """Suggest the standard form without stereochemistry, if the model knows all its tokens."""
        with quiet_rdkit():
            form = standardize(molecule, stereo=False)
        if not isinstance(form, Standardized) or not set(scan(form.smiles)) <= self.tokenizer.ids.keys():
            return ""
        return f"\nwithout stereochemistry, salts and charges it can be read: {form.smiles}"

    def __repr__(self) -> str:
        name, parameters = type(self).__name__, sum(p.numel() for p in self.model.parameters())
        return f"{name}({parameters:,} parameters, latent_dim={self.config.latent_dim}, {len(self.tokenizer)} tokens)"
