"""Chemistry with RDKit and without torch: molecules, their standard form, properties, pictures, worker processes."""

from molvae.chem.drawing import molecule_grid
from molvae.chem.molecules import LONGEST_SMILES, canonical, parse, quiet_rdkit, scaffold
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
    "map_chunks",
    "molecule_grid",
    "parse",
    "property_table",
    "quiet_rdkit",
    "scaffold",
    "standardize",
    "usable_cores",
]
