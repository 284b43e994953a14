"""The twenty tasks of PMO that need RDKit alone.

PMO, a benchmark of molecular optimization (Gao et al., 2022), https://arxiv.org/abs/2206.12411, takes them from
GuacaMol (Brown et al., 2019), https://doi.org/10.1021/acs.jcim.8b00839. Their definition here is that of TDC since the
end of August 2022. Before, isomer scores ignored hydrogens and counted atoms in the text of the SMILES, and the
similarity of sitagliptin_mpo had no Gaussian. Four tasks gave lower scores for that reason; the table of the paper is
older than the fix. The other three tasks of PMO (drd2, gsk3b, jnk3) are pickled classifiers.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from rdkit import Chem

from molvae.chem.fingerprints import similarity
from molvae.optimization.objectives.composing import arithmetic_mean, geometric_mean
from molvae.optimization.objectives.desirability import Above, Below, Gaussian, Ramp
from molvae.optimization.objectives.quantities import quantity
from molvae.optimization.objectives.structure import has_pattern
from molvae.optimization.objectives.tasks.registry import task

__all__ = ["TARGETS", "isomer_score"]

_GUACAMOL = "GuacaMol (Brown et al., 2019), https://doi.org/10.1021/acs.jcim.8b00839"
_QED = "Bickerton et al. (2012), https://doi.org/10.1038/nchem.1243"

TARGETS: Mapping[str, str] = MappingProxyType(
    {
        "albuterol": "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1",
        "amlodipine": r"Clc1ccccc1C2C(=C(/N/C(=C2/C(=O)OCC)COCCN)C)\C(=O)OC",
        "camphor": "CC1(C)C2CCC1(C)C(=O)C2",
        "celecoxib": "CC1=CC=C(C=C1)C1=CC(=NN1C1=CC=C(C=C1)S(N)(=O)=O)C(F)(F)F",
        "fexofenadine": "CC(C)(C(=O)O)c1ccc(cc1)C(O)CCCN2CCC(CC2)C(O)(c3ccccc3)c4ccccc4",
        "hop": "CCCOc1cc2ncnc(Nc3ccc4ncsc4c3)c2cc1S(=O)(=O)C(C)(C)C",
        "menthol": "CC(C)C1CCC(C)CC1O",
        "mestranol": "COc1ccc2[C@H]3CC[C@@]4(C)[C@@H](CC[C@@]4(O)C#C)[C@@H]3CCc2c1",
        "osimertinib": "COc1cc(N(C)CCN(C)C)c(NC(=O)C=C)cc1Nc2nccc(n2)c3cn(C)c4ccccc34",
        "perindopril": "O=C(OCC)C(NC(C(=O)N1C(C(=O)O)CC2CCCCC12)C)CCC",
        "ranolazine": "COc1ccccc1OCC(O)CN2CCN(CC(=O)Nc3c(C)cccc3C)CC2",
        "sildenafil": "CCCC1=NN(C2=C1N=C(NC2=O)C3=C(C=CC(=C3)S(=O)(=O)N4CCN(CC4)C)OCC)C",
        "sitagliptin": "Fc1cc(c(F)cc1F)CC(N)CC(=O)N3Cc2nnc(n2CC3)C(F)(F)F",
        "tadalafil": "O=C1N(CC(N2C1CC3=C(C2C4=CC5=C(OCO5)C=C4)NC6=C3C=CC=C6)=O)C",
        "thiothixene": "CN(C)S(=O)(=O)c1ccc2Sc3ccccc3C(=CCCN4CCN(C)CC4)c2c1",
        "troglitazone": "Cc1c(C)c2OC(C)(COc3ccc(CC4SC(=O)NC4=O)cc3)CCc2c(C)c1O",
        "zaleplon": "O=C(C)N(CC)C1=CC=CC(C2=CC=NC3=C(C=NN23)C#N)=C1",
    }
)
"""The molecules that the tasks refer to."""

_SULFONE = "CS([#6])(=O)=O"
_BENZOTHIAZOLE = "[#7]-c1ccc2ncsc2c1"
_QUINAZOLINE = "[#7]-c1n[c;h1]nc2[c;h1]c(-[#8])[c;h0][c;h1]c12"
_DECORATION = "[#6]-[#6]-[#6]-[#8]-[#6]~[#6]~[#6]~[#6]~[#6]-[#7]-c1ccc2ncsc2c1"
_BIPHENYL = "CN(C=O)Cc1ccc(c2ccccc2)cc1"

_ELEMENT = re.compile(r"([A-Z][a-z]?)(\d*)")
_task = functools.partial(task, source=_GUACAMOL)


def isomer_score(mol: Chem.Mol, formula: str) -> float:
    """1 for an isomer: the geometric mean of Gaussians on the count of each element, and on all atoms.

    The widths are 1 for an element and 2 for all atoms; hydrogens count. Source: GuacaMol (Brown et al., 2019),
    https://doi.org/10.1021/acs.jcim.8b00839

    Args:
        mol: the molecule.
        formula: such as ``C7H8N2O2``.
    """
    found = Counter(atom.GetSymbol() for atom in Chem.AddHs(mol).GetAtoms())
    wanted = {element: int(n or 1) for element, n in _ELEMENT.findall(formula)}
    scores = [Gaussian(n, 1.0)(found[element]) for element, n in wanted.items()]
    scores.append(Gaussian(sum(wanted.values()), 2.0)(found.total()))
    return float(geometric_mean(scores))


def _like(mol: Chem.Mol, target: str, fingerprint: str = "ECFP4") -> float:
    return similarity(mol, TARGETS[target], fingerprint)


@functools.cache
def _of_sitagliptin(name: str) -> float:
    return quantity(Chem.MolFromSmiles(TARGETS["sitagliptin"]), name)


def _as_sitagliptin(mol: Chem.Mol, name: str, sigma: float) -> float:
    return float(Gaussian(_of_sitagliptin(name), sigma)(quantity(mol, name)))


@_task("similar to albuterol (FCFP4, 0.75 is enough)")
def albuterol_similarity(mol: Chem.Mol) -> float:
    return float(Ramp(0, 0.75)(_like(mol, "albuterol", "FCFP4")))


@_task("similar to amlodipine, with three rings")
def amlodipine_mpo(mol: Chem.Mol) -> float:
    return float(geometric_mean([_like(mol, "amlodipine"), Gaussian(3, 0.5)(quantity(mol, "rings"))]))


@_task("find celecoxib (ECFP4)")
def celecoxib_rediscovery(mol: Chem.Mol) -> float:
    return _like(mol, "celecoxib")


@_task("keep a scaffold and the pharmacophores, lose two decorations")
def deco_hop(mol: Chem.Mol) -> float:
    like = Ramp(0, 0.85)(_like(mol, "hop", "PHCO"))
    parts = [like, not has_pattern(mol, _SULFONE), not has_pattern(mol, _BENZOTHIAZOLE), has_pattern(mol, _QUINAZOLINE)]
    return float(arithmetic_mean(parts))


@_task("similar to fexofenadine, more polar and less greasy")
def fexofenadine_mpo(mol: Chem.Mol) -> float:
    like = Ramp(0, 0.8)(_like(mol, "fexofenadine", "AP"))
    return float(geometric_mean([like, Above(90, 10)(quantity(mol, "tpsa")), Below(4, 1)(quantity(mol, "logp"))]))


@_task("an isomer of C7H8N2O2")
def isomers_c7h8n2o2(mol: Chem.Mol) -> float:
    return isomer_score(mol, "C7H8N2O2")


@_task("an isomer of C9H10N2O2PF2Cl")
def isomers_c9h10n2o2pf2cl(mol: Chem.Mol) -> float:
    return isomer_score(mol, "C9H10N2O2PF2Cl")


@_task("between camphor and menthol (ECFP4)")
def median1(mol: Chem.Mol) -> float:
    return float(geometric_mean([_like(mol, "camphor"), _like(mol, "menthol")]))


@_task("between tadalafil and sildenafil (ECFP6)")
def median2(mol: Chem.Mol) -> float:
    return float(geometric_mean([_like(mol, "tadalafil", "ECFP6"), _like(mol, "sildenafil", "ECFP6")]))


@_task("similar to mestranol (atom pairs, 0.75 is enough)")
def mestranol_similarity(mol: Chem.Mol) -> float:
    return float(Ramp(0, 0.75)(_like(mol, "mestranol", "AP")))


@_task("similar to osimertinib but not too similar, more polar and less greasy")
def osimertinib_mpo(mol: Chem.Mol) -> float:
    like = Ramp(0, 0.8)(_like(mol, "osimertinib", "FCFP4"))
    unlike = Below(0.85, 0.1)(_like(mol, "osimertinib", "ECFP6"))
    polar, lean = Above(100, 10)(quantity(mol, "tpsa")), Below(1, 1)(quantity(mol, "logp"))
    return float(geometric_mean([like, unlike, polar, lean]))


@_task("similar to perindopril, with two aromatic rings")
def perindopril_mpo(mol: Chem.Mol) -> float:
    rings = Gaussian(2, 0.5)(quantity(mol, "aromatic_rings"))
    return float(geometric_mean([_like(mol, "perindopril"), rings]))


@task("drug-likeness", _QED)
def qed(mol: Chem.Mol) -> float:
    return quantity(mol, "qed")


@_task("similar to ranolazine, greasy, polar, with one fluorine")
def ranolazine_mpo(mol: Chem.Mol) -> float:
    like = Ramp(0, 0.7)(_like(mol, "ranolazine", "AP"))
    polar, greasy = Above(95, 20)(quantity(mol, "tpsa")), Above(7, 1)(quantity(mol, "logp"))
    fluorine = Gaussian(1, 1)(sum(atom.GetAtomicNum() == 9 for atom in mol.GetAtoms()))
    return float(geometric_mean([like, polar, greasy, fluorine]))


@_task("lose a scaffold, keep its decoration and the pharmacophores")
def scaffold_hop(mol: Chem.Mol) -> float:
    like = Ramp(0, 0.75)(_like(mol, "hop", "PHCO"))
    return float(arithmetic_mean([like, has_pattern(mol, _DECORATION), not has_pattern(mol, _QUINAZOLINE)]))


@_task("the formula, logP and polar surface of sitagliptin, but unlike it")
def sitagliptin_mpo(mol: Chem.Mol) -> float:
    unlike = Gaussian(0, 0.1)(_like(mol, "sitagliptin"))
    alike = [_as_sitagliptin(mol, "logp", 0.2), _as_sitagliptin(mol, "tpsa", 5)]
    return float(geometric_mean([unlike, *alike, isomer_score(mol, "C16H15F6N5O")]))


@_task("find thiothixene (ECFP4)")
def thiothixene_rediscovery(mol: Chem.Mol) -> float:
    return _like(mol, "thiothixene")


@_task("find troglitazone (ECFP4)")
def troglitazone_rediscovery(mol: Chem.Mol) -> float:
    return _like(mol, "troglitazone")


@_task("a motif of valsartan with logP, polar surface and complexity of sitagliptin; 0 without the motif")
def valsartan_smarts(mol: Chem.Mol) -> float:
    if not has_pattern(mol, _BIPHENYL):
        return 0.0
    alike = [_as_sitagliptin(mol, name, sigma) for name, sigma in (("logp", 0.2), ("tpsa", 5), ("bertz", 30))]
    return float(geometric_mean([1.0, *alike]))


@_task("similar to zaleplon, with the formula C19H17N3O2")
def zaleplon_mpo(mol: Chem.Mol) -> float:
    return float(geometric_mean([_like(mol, "zaleplon"), isomer_score(mol, "C19H17N3O2")]))
