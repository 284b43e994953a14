"""Chemistry with RDKit, without torch: SMILES, standard form, properties, fingerprints, drawing, worker processes."""

from molvae.chem.drawing import molecule_grid
from molvae.chem.fingerprints import nearest_similarity, paired_tanimoto, tanimoto
from molvae.chem.molecules import LONGEST_SMILES, canonical, parse, quiet_rdkit, random_spelling, scaffold
from molvae.chem.plausibility import is_plausible
from molvae.chem.properties import PROPERTIES, Property, property_table
from molvae.chem.standard import Reason, Rejection, Standardized, standardize
from molvae.chem.workers import map_chunks, usable_cores

__all__ = [
    "LONGEST_SMILES",
    "PROPERTIES",
    "Property",
    "Reason",
    "Rejection",
    "Standardized",
    "canonical",
    "is_plausible",
    "map_chunks",
    "molecule_grid",
    "nearest_similarity",
    "paired_tanimoto",
    "parse",
    "property_table",
    "quiet_rdkit",
    "random_spelling",
    "scaffold",
    "standardize",
    "tanimoto",
    "usable_cores",
]
