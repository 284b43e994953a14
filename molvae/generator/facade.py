"""`MolVAE`, the facade: SMILES on one side, arrays on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from molvae.config import check_seed
from molvae.errors import InputError
from molvae.generator.exploration.latent_map import LatentMap, choose_colors, latent_map, map_rows
from molvae.generator.exploration.mixing import mix
from molvae.generator.exploration.neighbors import neighbors
from molvae.generator.exploration.paths import interpolate
from molvae.generator.exploration.radius import calibrate, model_key, remembered_curve, suitable_radius
from molvae.generator.exploration.subsample import subsample
from molvae.generator.exploration.walk import Walk
from molvae.generator.prediction import check_heads, predicted_at
from molvae.generator.sampler import Sampler

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MolVAE"]


class MolVAE(Sampler):
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

    def interpolate(
        self,
        a: str,
        b: str,
        *,
        steps: int = 10,
        linear: bool = False,
        properties: Sequence[str] = (),
        seed: int = 0,
        batch_size: int = 512,
    ) -> Walk:
        """Distinct molecules on the way from a to b through latent space.

        The path is decoded at 128 points or more, and of its distinct molecules those are taken that are together
        nearest to even steps. Where it has too few, points beside it are tried, the nearest first, up to 0.3 of the
        norm away. The way from b to a is the way from a to b, backward.

        Args:
            a: a molecule, in any SMILES.
            b: another one.
            steps: molecules, both ends among them; from 2 to 1,000. Fewer where there are no more to be found.
            linear: the straight line instead of the great circle with its norm between those of the ends.
            properties: names of `molvae.chem.PROPERTIES`, more columns.
            seed: of the points beside the path.
            batch_size: points decoded at a time; does not change what is found.

        Returns:
            A walk whose table begins with a and ends with b, as given: ``smiles``; ``t``, the position from 0 to 1;
            ``similarity_a`` and ``similarity_b``, Tanimoto similarities (Morgan, radius 2) to the ends; ``off_path``,
            the distance from the path in units of the norm. Its notes tell whether the model reconstructs the ends.

        Raises:
            InputError: an end cannot be encoded, or both are the same molecule.
            ConfigError: steps out of range, or an unknown property.
        """
        check_seed(seed)
        return interpolate(
            self, a, b, steps=steps, linear=linear, properties=properties, seed=seed, batch_size=batch_size
        )

    def mix(
        self,
        smiles: Sequence[str],
        *,
        weights: Sequence[float] | None = None,
        n: int = 10,
        radius: float = 0.4,
        properties: Sequence[str] = (),
        seed: int = 0,
        batch_size: int = 512,
    ) -> Walk:
        """Molecules that combine parents: around the weighted mean of their posterior means on the sphere.

        Points are drawn around that mean at distances evenly from 0 to `radius`, until they have given four times n
        distinct molecules that are no parents; the n most balanced of these are taken.

        Args:
            smiles: two or more molecules.
            weights: one for each, from 0; only their ratios matter. All equal by default.
            n: how many.
            radius: the largest distance from the mean, in units of its norm; above 0, at most 1.
            properties: names of `molvae.chem.PROPERTIES`, more columns.
            seed: of the draws.
            batch_size: points decoded at a time; does not change what is found.

        Returns:
            A walk, the most balanced first: ``smiles``; ``balance``, the weighted geometric mean of the Tanimoto
            similarities to the parents, high only for what resembles all of them; ``similarity_1``, ``similarity_2``,
            ..., these similarities (Morgan, radius 2). Its ``shortfall`` tells why there are fewer than n.

        Raises:
            InputError: a molecule cannot be encoded, there are fewer than two, or one is there twice.
            ConfigError: weights of the wrong number, negative or all 0; n, radius or a property out of range.
        """
        check_seed(seed)
        return mix(
            self, smiles, weights=weights, n=n, radius=radius, properties=properties, seed=seed, batch_size=batch_size
        )

    def neighbors(
        self,
        smiles: str,
        *,
        n: int = 50,
        radius: float | None = None,
        keep: str | None = None,
        properties: Sequence[str] = (),
        seed: int = 0,
        batch_size: int = 512,
    ) -> Walk:
        """Distinct molecules around a lead.

        Points are drawn at straight-line distance `radius` times the norm from the lead's posterior mean, on the
        sphere of its norm, in all directions alike, and decoded greedily.

        Args:
            smiles: the lead, in any SMILES.
            n: how many.
            radius: above 0, at most 1, where point and lead are 60 degrees apart; None takes that of
                `calibrate_radius` at which similarity is half way from reconstruction to what is left at radius 1.
            keep: a SMARTS that each molecule must match, or ``scaffold`` for the Murcko scaffold of the lead.
            properties: names of `molvae.chem.PROPERTIES`, more columns.
            seed: of the draws.
            batch_size: points decoded at a time; does not change what is found.

        Returns:
            A walk without the lead, the nearest first: ``smiles``; ``distance``, from the molecule's own posterior
            mean to that of the lead, in units of the norm of the latter, NaN where a molecule has a token that the
            model does not know; ``similarity``, Tanimoto to the lead (Morgan, radius 2). Its ``shortfall`` tells why
            there are fewer than n, and which radius gives more.

        Raises:
            InputError: the lead cannot be encoded, or `keep` cannot be read or is not in the lead.
            ConfigError: n, radius or a property out of range.
            SamplingError: the radius is None, and the model cannot give the molecules to calibrate it with.
        """
        check_seed(seed)
        if radius is None:
            radius = suitable_radius(self.calibrate_radius(batch_size=batch_size))
        return neighbors(
            self, smiles, n=n, radius=radius, keep=keep, properties=properties, seed=seed, batch_size=batch_size
        )

    def calibrate_radius(self, smiles: Sequence[str] | None = None, *, batch_size: int = 512) -> pd.DataFrame:
        """How similar, how valid and how often changed molecules are by the distance from their latent points.

        Args:
            smiles: molecules to draw around; None takes 32 that the model samples, and keeps the result in the cache
                folder, so that each model is calibrated once.
            batch_size: points decoded at a time.

        Returns:
            A row for each radius from 0 to 1, as `molvae.generator.exploration.radius.calibrate` has it.

        Raises:
            InputError: a molecule cannot be encoded, or there is none.
            SamplingError: the model cannot sample that many.
        """
        if smiles is not None:
            return calibrate(self, smiles, batch_size=batch_size)
        key = model_key(self.model.state_dict(), self.tokenizer.to_json())
        return remembered_curve(key, lambda: calibrate(self, self._typical(batch_size), batch_size=batch_size))

    def _typical(self, batch_size: int) -> list[str]:
        """Molecules of the model's own, but for those whose tokens it does not know."""
        molecules = self.sample(32, seed=0, batch_size=batch_size)
        points = self.encode(molecules, batch_size=batch_size)
        return [one for one, point in zip(molecules, points, strict=True) if np.isfinite(point).all()]

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
        """Molecules in two dimensions, by where they are in the latent space.

        Args:
            smiles: N molecules, in any SMILES; what cannot be encoded is in the map's ``omitted``.
            columns: N values of each, to colour by and to look up: a dict, or a table; 20 at most are carried along.
            color_by: a name of `columns` or of `molvae.chem.PROPERTIES`, or several; the first colours figures.
            method: ``pca``, ``tsne`` or ``umap``, as in `molvae.generator.exploration.projection.project`.
            max_points: of more molecules so many are drawn, each with the same chance.
            seed: of the subsampling, t-SNE and UMAP; the same seed gives the same map on the same machine.
            batch_size: rows encoded at a time.
            workers: RDKit's processes; does not change the map.
            title: of figure and page.

        Returns:
            A map with a ``table`` (``row`` from 0, ``x``, ``y``, ``smiles``, columns), a ``figure()``, and a ``save``
            for html, png, svg and csv.

        Raises:
            InputError: there are no molecules, none can be encoded, or there is no such column or property.
            ConfigError: an unknown method, or one that needs a package that is not installed.
        """
        if isinstance(smiles, str):
            raise InputError("give a list of SMILES, not a single one")
        check_seed(seed)
        others = dict(columns.items()) if columns is not None else {}
        wanted = [color_by] if isinstance(color_by, str) else color_by
        colors = choose_colors(wanted, list(others), "the table")
        rows = map_rows(range(len(smiles)), smiles, others, color_by=colors)
        molecules = subsample([rows], max_points, seed=seed)
        return latent_map(
            self,
            molecules,
            color_by=colors,
            method=method,
            seed=seed,
            batch_size=batch_size,
            workers=workers,
            title=title,
        )

    def predict(self, smiles: Sequence[str], *, batch_size: int = 512) -> pd.DataFrame:
        """The properties of molecules that the model was trained on, from their posterior means.

        Args:
            smiles: molecules, in any SMILES; they are made canonical first.
            batch_size: rows encoded at a time.

        Returns:
            One row a molecule, one column a property, in the unit of its labels; NaN for what cannot be encoded.

        Raises:
            ModelError: the model was not trained on properties.
        """
        check_heads(self.model)
        return predicted_at(self.model, self.encode(smiles, batch_size=batch_size))
