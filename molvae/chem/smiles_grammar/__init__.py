"""Which token may come next, so that a SMILES written token by token can still become a molecule that RDKit accepts.

`grammar.py` is the grammar of a vocabulary, `symbols.py` what each token does, `state.py` one SMILES while it is
written, `template.py` one of which a part is given, `valences.py` the bonds that an atom can have, `matching.py` the
double bonds of aromatic systems, and `completion.py` the shortest end of a SMILES.
"""

from molvae.chem.smiles_grammar.grammar import Grammar
from molvae.chem.smiles_grammar.state import SmilesState

__all__ = ["Grammar", "SmilesState"]
