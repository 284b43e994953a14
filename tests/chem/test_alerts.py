"""Structural alerts."""

import pytest

from molvae.chem.alerts import CATALOGS, structural_alerts


def test_known_alerts_are_found_in_their_places():
    smiles = ["O=C1C=CC(=O)C=C1", "CCO", "no molecule", "", "CI"]
    assert structural_alerts(smiles, "PAINS") == [("quinone_A(370)",), (), (), (), ()]
    assert structural_alerts(smiles, "BRENK") == [("chinone_1",), (), (), (), ("alkyl_halide", "iodine")]


@pytest.mark.parametrize("catalog", CATALOGS)
def test_a_molecule_has_the_alerts_that_it_has_alone(catalog, canonical_smiles):
    together = structural_alerts(canonical_smiles, catalog)
    assert together == [structural_alerts([one], catalog)[0] for one in canonical_smiles]
    assert structural_alerts([], catalog) == []
