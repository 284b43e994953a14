"""Named properties of molecules, for one molecule or as a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from rdkit import Chem
from rdkit.Chem import QED, rdMolDescriptors

from molvae.chem.molecules import parse
from molvae.chem.workers import batches, map_chunks
from molvae.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PROPERTIES", "Property", "property_table"]

_SMALL_TABLE = 2_000  # fewer molecules take less time than starting a worker
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Property:
    """A named number that can be computed for every molecule.

    Attributes:
        name: the name in `PROPERTIES` and in column headers.
        unit: "" if the number has none.
        description: one line.
        function: computes the value of a molecule.
    """

    name: str
    unit: str
    description: str
    function: Callable[[Chem.Mol], float]

    def __call__(self, mol: Chem.Mol | None) -> float:
        """Compute the value; NaN for None, and if RDKit cannot compute it."""
        if mol is None:
            return math.nan
        try:
            return float(self.function(mol))
        except (ArithmeticError, RuntimeError, ValueError):
            return math.nan


def _sa(mol: Chem.Mol) -> float:
    # Imported here because the import takes half a second: it reads a table of a million fragments.
    from rdkit.Contrib.SA_Score import sascorer

    return float(sascorer.calculateScore(mol))


_ALL = (
    Property(
        "qed", "", "drug-likeness from 0 to 1 (Bickerton et al., 2012, https://doi.org/10.1038/nchem.1243)", QED.qed
    ),
    Property(
        "logp",
        "",
        "octanol-water partition coefficient (Crippen; Wildman & Crippen, 1999, https://doi.org/10.1021/ci990307l)",
        lambda mol: rdMolDescriptors.CalcCrippenDescriptors(mol)[0],
    ),
    Property(
        "sa",
        "",
        "synthetic accessibility from 1, easy, to 10 (Ertl & Schuffenhauer, 2009, "
        "https://doi.org/10.1186/1758-2946-1-8)",
        _sa,
    ),
    Property("mw", "Da", "average molecular weight", rdMolDescriptors._CalcMolWt),
    Property("tpsa", "Å²", "topological polar surface area", rdMolDescriptors.CalcTPSA),
    Property("hbd", "", "hydrogen-bond donors", rdMolDescriptors.CalcNumHBD),
    Property("hba", "", "hydrogen-bond acceptors", rdMolDescriptors.CalcNumHBA),
    Property("rotatable_bonds", "", "rotatable bonds (strict definition)", rdMolDescriptors.CalcNumRotatableBonds),
    Property("rings", "", "number of rings (smallest set of smallest rings)", rdMolDescriptors.CalcNumRings),
    Property("heavy_atoms", "", "atoms other than hydrogen", Chem.Mol.GetNumHeavyAtoms),
    Property("fsp3", "", "share of sp3 carbons, from 0 to 1", rdMolDescriptors.CalcFractionCSP3),
    Property("charge", "e", "formal charge", Chem.GetFormalCharge),
)

PROPERTIES: Mapping[str, Property] = MappingProxyType({one.name: one for one in _ALL})
"""All properties by name, in the default order of table columns."""


def property_table(
    smiles: Sequence[str], names: Sequence[str] | None = None, *, workers: int | None = None
) -> pd.DataFrame:
    """Compute properties of many molecules.

    Rows keep the order of the molecules, repeated ones included. The values do not depend on the number of workers.

    Args:
        smiles: N texts; one that is not a molecule has NaN in all columns.
        names: columns from `PROPERTIES`; None takes all.
        workers: number of processes; None takes all usable cores for thousands of molecules, and one for fewer.

    Returns:
        N rows of float64, one column per name, index 0 to N - 1; units as in `PROPERTIES`.

    Raises:
        ConfigError: a name is unknown.

    >>> property_table(["CCO", "no molecule"], ["heavy_atoms", "rings"])
       heavy_atoms  rings
    0          3.0    0.0
    1          NaN    NaN
    """
    import pandas as pd

    columns = list(dict.fromkeys(PROPERTIES if names is None else names))
    for name in columns:
        if name not in PROPERTIES:
            raise ConfigError(f"no property is named {name!r}; there are {', '.join(PROPERTIES)}")
    if workers is None and len(smiles) < _SMALL_TABLE:
        workers = 1
    chunks = batches(smiles, _CHUNK)
    rows = [row for part in map_chunks(partial(_rows, columns), chunks, workers=workers) for row in part]
    return pd.DataFrame(rows, columns=columns, dtype="float64")


def _rows(names: list[str], smiles: list[str]) -> list[list[float]]:
    wanted = [PROPERTIES[name] for name in names]
    return [[one(mol) for one in wanted] for mol in map(parse, smiles)]
