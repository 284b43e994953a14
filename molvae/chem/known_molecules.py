"""The molecules that a model knows, as hashes: as they are, without stereo, and by tautomer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem import rdMolHash

from molvae.chem.molecule_set import MoleculeSet, hash_smiles
from molvae.chem.molecules import canonical, parse
from molvae.chem.workers import batches, map_chunks
from molvae.errors import ConfigError

__all__ = ["FORMS", "Form", "KnownMolecules", "Novel", "forms_of", "hashed"]

Form = Literal["smiles", "flat", "tautomer"]
"""What of a molecule is compared: its canonical SMILES; the same without stereo; what all its tautomers share."""

FORMS: tuple[Form, ...] = ("smiles", "flat", "tautomer")

Novel = bool | Literal["tautomers"]
"""Which molecules are left out: none; known ones and their stereoisomers; also the tautomers of all these."""

_MOST_TAUTOMERS = 100_000  # molecules; of more, tautomers would take longer than the rest of reading a file
_AT_ONCE = 10_000  # molecules that are hashed in this process: more take longer than worker processes to start
_tautomer_hash = rdMolHash.HashFunction.HetAtomTautomerv2


def forms_of(novel: Novel) -> tuple[Form, ...]:
    """The forms to compare.

    Raises:
        ConfigError: `novel` is another value.
    """
    if novel not in (False, True, "tautomers"):
        raise ConfigError(f"novel must be True, False or 'tautomers', not {novel!r}")
    return FORMS if novel == "tautomers" else FORMS[:2] if novel else FORMS[:1]


def hashed(smiles: Sequence[str], forms: Sequence[Form]) -> NDArray[np.uint64]:
    """(F, N) the hashes of N canonical SMILES in F forms.

    Tautomers are those of RDKit's HetAtomTautomerv2: hydrogens move between heteroatoms, and between them and carbon.
    """
    return np.stack([hash_smiles([_text(one, form) for one in smiles]) for form in forms])


def _text(smiles: str, form: Form) -> str:
    if form == "smiles":
        return smiles
    is_flat = not any(mark in smiles for mark in "@/\\")
    flat = smiles if is_flat else canonical(smiles, stereo=False) or smiles
    if form == "flat":
        return flat
    mol = parse(flat)
    return flat if mol is None else str(rdMolHash.MolHash(mol, _tautomer_hash))


class KnownMolecules:
    """Molecules that a model knows.

    Args:
        sets: hashes by form. ``smiles`` holds the training molecules; the others hold every molecule of the file,
            also those held out, or are missing where nobody kept them.

    >>> known = KnownMolecules.from_smiles(["C[C@H](N)O"], held_out=["Oc1ccccn1"])
    >>> molecules = ["C[C@H](N)O", "CC(N)O", "C[C@@H](N)O", "Oc1ccccn1", "O=c1cccc[nH]1", "CCO"]
    >>> known.holds(molecules).tolist()
    [True, True, True, True, False, False]
    >>> known.holds(molecules, "tautomers").tolist()
    [True, True, True, True, True, False]
    """

    def __init__(self, sets: Mapping[Form, MoleculeSet]) -> None:
        self.sets = dict(sets)

    @classmethod
    def from_smiles(cls, training: Sequence[str], held_out: Sequence[str] | None = None) -> KnownMolecules:
        """From the canonical SMILES of the two parts of a file; of the training molecules alone without the other.

        Of more than 100,000 molecules, tautomers are not kept.
        """
        sets: dict[Form, MoleculeSet] = {"smiles": MoleculeSet.from_smiles(training)}
        if held_out is None:
            return cls(sets)
        file = [*training, *held_out]
        forms = FORMS[1:] if len(file) <= _MOST_TAUTOMERS else FORMS[1:2]
        everything = np.concatenate([*map_chunks(partial(hashed, forms=forms), batches(file, _AT_ONCE))], axis=1)
        return cls(sets | {form: MoleculeSet(row) for form, row in zip(forms, everything, strict=True)})

    def check(self, novel: Novel) -> None:
        """Raise `ConfigError` if the form to compare was not kept."""
        if missing := [form for form in forms_of(novel) if form == "tautomer" and form not in self.sets]:
            raise ConfigError(
                f"this model does not keep the {missing[0]}s of its molecules, as models of more than "
                f"{_MOST_TAUTOMERS:,} do not, so it cannot leave them out; leave out its molecules only (--novel)"
            )

    def holds(self, smiles: Sequence[str], novel: Novel = True) -> NDArray[np.bool_]:
        """(N,) whether each canonical SMILES is known in one of the forms of `novel`."""
        return self.has(hashed(smiles, forms_of(novel)))

    def has(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """(N,) as `holds`, from `hashed` molecules (F, N), of the first F forms."""
        result = np.zeros(hashes.shape[1], dtype=np.bool_)
        for form, row in zip(FORMS, hashes, strict=False):
            # The training set of an older model may be all there is; its flat molecules have the same hash.
            for each in {form, "smiles"} & self.sets.keys():
                result |= self.sets[each].holds(row)
        return result
