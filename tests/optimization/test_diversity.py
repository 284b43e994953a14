"""At most so many of one scaffold; nothing else is changed."""

from collections import Counter

from molvae.chem import scaffold
from molvae.optimization.diversity import ScaffoldLimit, alike, diverse, leaders, unlike_first
from tests.conftest import SMILES


def test_a_limit_holds_and_takes_the_first_of_each_scaffold():
    for limit in (1, 2, 5):
        places = diverse(SMILES, len(SMILES), per_scaffold=limit)
        assert places == sorted(set(places))
        taken = Counter(scaffold(SMILES[place]) for place in places)
        there = Counter(map(scaffold, SMILES))
        assert taken == Counter({key: min(limit, number) for key, number in there.items()})
        for key in there:
            first = [place for place, one in enumerate(SMILES) if scaffold(one) == key][:limit]
            assert [place for place in places if scaffold(SMILES[place]) == key] == first


def test_without_a_limit_it_is_the_ranking_itself():
    assert diverse(SMILES, 7) == list(range(7))
    assert diverse(SMILES, 10_000) == list(range(len(SMILES)))
    assert diverse(SMILES, 0, per_scaffold=1) == [] and diverse([], 3, per_scaffold=1) == []


def test_a_limit_knows_what_was_chosen_before():
    limit = ScaffoldLimit(2, chosen=["Cc1ccccc1"])
    assert [limit.take(one) for one in ("Oc1ccccc1", "Nc1ccccc1", "C1CC1", "CCO", "CCN", "CCC")] == [
        *(True, False, True),
        *(True, True, False),
    ]


XYLIDINES = ["Cc1ccc(C)c(NC(=O)c2ccncc2)c1", "Cc1ccc(NC(=O)c2ccncc2)c(C)c1", "Cc1cccc(C)c1NC(=O)c1ccncc1"]


def test_positional_isomers_are_alike_and_other_molecules_are_not():
    smiles = [*XYLIDINES, "CC(C)Cc1ccc(C(C)C(=O)O)cc1", "CN1CCC(O)CC1"]
    for row in range(3):
        assert alike(smiles, row).tolist() == [True] * 3 + [False] * 2
    assert leaders(smiles) == [0, 3, 4] and leaders([]) == []


def test_copies_of_the_best_come_later_and_nothing_is_lost():
    ranking = [*XYLIDINES, "CC(C)Cc1ccc(C(C)C(=O)O)cc1", "CN1CCC(O)CC1"]
    assert unlike_first(ranking) == [0, 1, 3, 4, 2]  # 1, 2 x 2, 3 x 3, 4, 5
    order = unlike_first(SMILES)
    assert order[0] == 0 and sorted(order) == list(range(len(SMILES)))
