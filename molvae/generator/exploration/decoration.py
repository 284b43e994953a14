"""Molecules that hold a scaffold, with groups that the decoder writes at its attachment points.

The scaffold is given as a random spelling, in which each attachment point ends a branch or the string. The decoder is
made to write its tokens, and chooses those of the groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from rdkit import Chem

from molvae.chem import canonical, parse, quiet_rdkit, tanimoto
from molvae.config import Decoding, check_batch_size, check_seed
from molvae.corpus.tokenizer import SmilesTokenizer, scan
from molvae.errors import ConfigError, InputError, pluralize
from molvae.generator.exploration.space import Points, Space, around, only_plausible
from molvae.generator.exploration.walk import Collected, Walk, check_properties, collect, make_walk
from molvae.model.latent_codec import Codec

__all__ = ["Template", "decorate"]

_CHOICE = 4  # candidates for each molecule near a lead
_RADIUS = 0.5  # the greatest distance from the lead, in units of its norm
_SPELLINGS = 64


class WritingSpace(Space, Protocol):
    """A latent space whose decoder follows templates."""

    codec: Codec
    tokenizer: SmilesTokenizer


def decorate(
    space: WritingSpace,
    scaffold: str,
    *,
    n: int = 100,
    near: str | None = None,
    temperature: float = 1.0,
    properties: Sequence[str] = (),
    seed: int = 0,
    batch_size: int = 512,
) -> Walk:
    """Distinct molecules that hold a scaffold and have groups at its attachment points, and nowhere else.

    Args:
        space: the model.
        scaffold: SMILES with a dummy atom at each attachment point, as ``c1ccc([*:1])nc1``.
        n: number of molecules.
        near: a lead, as any SMILES: the groups are decoded around its latent point until there are four times n
            molecules, and the n most similar to the lead are taken. None decodes them at draws of N(0, I).
        temperature: of the decoder; 0 is greedy.
        properties: names of `molvae.chem.PROPERTIES`, added as columns.
        seed: of the spellings, the points and the draws.
        batch_size: points decoded at a time; does not change the result.

    Returns:
        A walk in the order of the draws; near a lead without it, the most similar molecule first, and ``similarity``,
        Tanimoto to the lead (Morgan, radius 2). Its ``shortfall`` explains fewer than n.

    Raises:
        InputError: the scaffold is no SMILES, has no attachment point, is too long, or has tokens that the model does
            not know; or `near` cannot be encoded.
        ConfigError: `n`, `temperature`, `seed` or `batch_size` is out of range, or a property is unknown.

    >>> from molvae import MolVAE  # doctest: +SKIP
    >>> MolVAE.from_pretrained().decorate("O=C(Nc1ccc([*:1])cc1)c1ccnc([*:2])c1", n=3).smiles  # doctest: +SKIP
    """
    check_seed(seed)
    check_batch_size(batch_size)
    check_properties(properties)
    if n < 1:
        raise ConfigError(f"n must be at least 1, not {n}")
    decoding = Decoding(temperature=temperature).for_model(space.codec.max_length)
    rng = np.random.default_rng(seed)
    template = Template(scaffold, space.tokenizer, rng)
    if len(template.spelling()) > decoding.max_length:
        raise InputError(f"the scaffold has more than the {decoding.max_length} tokens that molecules can have")
    center = None if near is None else space.encode([near], strict=True)
    lead = None if near is None else str(canonical(near))
    latent_dim = space.encode([]).shape[1]

    def points(k: int) -> Points:
        if center is None:
            return rng.standard_normal((k, latent_dim), dtype=np.float32)
        return around(np.repeat(center, k, axis=0), _RADIUS * rng.random(k), rng)

    def make(k: int) -> list[str | None]:
        z, uniforms = points(k), rng.random((k, decoding.max_length), dtype=np.float32)
        templates = [template.spelling() for _ in range(k)]
        texts: list[str] = []
        for at in range(0, k, batch_size):
            rows = slice(at, at + batch_size)
            texts += space.codec.decorate(z[rows], decoding, uniforms[rows], templates[rows])
        with quiet_rdkit():
            return only_plausible(space, [canonical(text) for text in texts], [str(canonical(scaffold))])

    pool, exclude = (n, ()) if lead is None else (_CHOICE * n, (lead,))
    found = collect(make, pool, exclude=exclude, accept=template.is_held)
    smiles, numbers, legends = found.smiles, {}, [""] * len(found.smiles)
    drawn = [(str(canonical(scaffold)), "scaffold")]
    if lead is not None:
        similarity = tanimoto(smiles, [lead])[:, 0]
        order = np.argsort(-similarity, kind="stable")[:n]
        smiles, numbers = [smiles[row] for row in order], {"similarity": similarity[order]}
        legends = [f"similarity {one:.2f}" for one in similarity[order].tolist()]
        drawn.append((lead, "lead"))
    return make_walk(
        smiles,
        numbers,
        properties=properties,
        notes=[_account(found, len(smiles))],
        shortfall=_shortfall(found, len(smiles), n),
        drawn=[*drawn, *zip(smiles, legends, strict=True)],
    )


class Template:
    """A scaffold: its spellings, and whether a molecule holds it.

    Args:
        smiles: the scaffold, with dummy atoms.
        tokenizer: of the model.
        rng: chooses spellings.
        tried: spellings tried before the scaffold counts as one that the model cannot write.

    Raises:
        InputError: as `decorate`.
    """

    def __init__(
        self, smiles: str, tokenizer: SmilesTokenizer, rng: np.random.Generator, *, tried: int = _SPELLINGS
    ) -> None:
        with quiet_rdkit():
            mol = parse(smiles)
        if mol is None:
            raise InputError(f"the scaffold {smiles!r} is no valid SMILES")
        points = [atom for atom in mol.GetAtoms() if not atom.GetAtomicNum()]
        if not points:
            raise InputError(f"the scaffold {smiles} has no attachment point; write each as [*:1], [*:2], ...")
        for atom in points:
            atom.SetAtomMapNum(0)
            atom.SetIsotope(0)
            bonds = [bond.GetBondType() for bond in atom.GetBonds()]
            if bonds != [Chem.BondType.SINGLE] or not atom.GetNeighbors()[0].GetAtomicNum():
                raise InputError(f"each attachment point of {smiles} must have one single bond, to an atom")
        if len(Chem.GetMolFrags(mol)) > 1:
            raise InputError(f"the scaffold {smiles} is more than one molecule")
        self._mol, self._rng, self._known = mol, rng, tokenizer.ids.keys() | {"*"}
        self._roots = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum()]
        self._query = _query(mol)
        spellings = [self._spelled() for _ in range(tried)]
        if not any(map(self._is_known, spellings)):
            unknown = sorted(set(spellings[0]) - self._known)
            raise InputError(f"the model does not know the token {unknown[0]!r} of the scaffold {smiles}")

    def spelling(self) -> list[str]:
        """Tokens of a random spelling, with '*' where a branch or the string ends."""
        while True:
            tokens = self._spelled()
            if self._is_known(tokens):
                return tokens

    def is_held(self, smiles: str) -> bool:
        """Whether a molecule holds the scaffold, with groups at all its attachment points and nowhere else."""
        mol = parse(smiles)
        return mol is not None and bool(mol.HasSubstructMatch(self._query, useChirality=True))

    def _spelled(self) -> list[str]:
        # A dummy atom is never the first, so that what stands there is written behind the atom that it is bound to.
        root = int(self._rng.choice(self._roots))
        others = [int(at) for at in self._rng.permutation(self._mol.GetNumAtoms()) if at != root]
        mol = Chem.RenumberAtoms(self._mol, [root, *others])
        return scan(Chem.MolToSmiles(mol, canonical=False, rootedAtAtom=0).replace("[*]", "*"))

    def _is_known(self, tokens: Sequence[str]) -> bool:
        return self._known >= set(tokens)


def _query(mol: Chem.Mol) -> Chem.Mol:
    """A pattern whose atoms have as many neighbors as in the scaffold, and any atom for a dummy."""
    settings: Any = Chem.AdjustQueryParameters.NoAdjustments()
    settings.makeDummiesQueries = True
    settings.adjustDegree = True
    settings.adjustDegreeFlags = Chem.AdjustQueryWhichFlags.ADJUST_IGNOREDUMMIES
    return Chem.AdjustQueryProperties(mol, settings)


def _account(found: Collected, chosen: int) -> str:
    pool, draws = pluralize(len(found.smiles), "distinct molecule"), pluralize(found.drawn, "draw")
    lost = f", {found.refused} without the scaffold left out" if found.refused else ""
    return f"{chosen} of {pool} from {draws}: {found.validity:.0%} valid{lost}"


def _shortfall(found: Collected, chosen: int, n: int) -> str | None:
    if chosen == n:
        return None
    asked, draws = pluralize(n, "molecule"), pluralize(found.drawn, "draw")
    return f"only {chosen} of {asked} in {draws}; a higher temperature, or a smaller scaffold, gives more"
