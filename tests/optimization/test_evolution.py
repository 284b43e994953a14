"""Parents, operators, pools and the archive."""

import numpy as np
import pytest

from molvae.optimization.archive import Archive, best_first
from molvae.optimization.evolution import parents_of, rank_weights
from molvae.optimization.operators import OperatorBandit
from molvae.optimization.proposal import Pool, Proposal


def test_rank_weights_fall_and_sum_to_one():
    for n in (1, 2, 1_000):
        weights = rank_weights(n, 0.01)
        assert weights.sum() == pytest.approx(1.0)
        assert (np.diff(weights) < 0).all()
    assert rank_weights(1_000, 0.01)[0] > 10 * rank_weights(1_000, 10.0)[0]


def test_better_parents_are_drawn_more_often():
    for n in (1, 3, 5_000):
        rows = parents_of(n, 20_000, 0.01, np.random.default_rng(0))
        assert rows.min() == 0 and rows.max() < n
        assert n == 1 or ((rows < n / 2).mean() > 0.6 and (rows >= n / 2).any())


def test_the_best_come_first_and_equal_ones_in_random_order():
    scores = np.array([0.5, np.nan, 0.9, 0.5, 0.5, 0.1])
    assert best_first(scores).tolist() == [2, 0, 3, 4, 5]
    orders = {tuple(best_first(scores, np.random.default_rng(seed)).tolist()) for seed in range(50)}
    assert len(orders) == 6
    assert {(one[0], one[-1]) for one in orders} == {(2, 5)}


def test_successful_operators_are_used_more_often_but_never_alone():
    bandit = OperatorBandit(["good", "bad"])
    rng = np.random.default_rng(0)
    for _ in range(200):
        bandit.learn("good", True)
        bandit.learn("bad", False)
    bandit.learn("start", True)  # not an operator
    assert 0.1 < bandit.draw(["good", "bad"], 10_000, rng).count("bad") / 10_000 < 0.25
    for _ in range(2_000):
        bandit.learn("good", False)
        bandit.learn("bad", True)
    assert bandit.draw(["good", "bad"], 10_000, rng).count("bad") > 7_000
    assert set(bandit.draw(["bad"], 10, rng)) == {"bad"}


def test_an_archive_keeps_the_order_of_calls_and_each_molecule_once():
    archive = Archive()
    for smiles, score in (("C", 0.1), ("CC", np.nan), ("CCC", 0.5), ("CCCC", 0.1)):
        archive.add(Proposal(smiles, "start"), score, (score, 1.0))
    assert archive.smiles == ["C", "CC", "CCC", "CCCC"] and archive.row("CCC") == 2
    assert archive.best().tolist() == [2, 0, 3] and archive.parts.shape == (4, 2)
    with pytest.raises(ValueError, match="scored before"):
        archive.add(Proposal("C", "mutation"), 1.0)


class Short:
    """A constraint that records its molecules."""

    name = "short"

    def __init__(self):
        self.asked = []

    def allows(self, smiles):
        self.asked += smiles
        return np.array([len(one) < 4 for one in smiles], dtype=bool)


def test_a_pool_takes_what_is_new_and_allowed_once():
    short = Short()
    pool = Pool([short], lambda smiles: smiles == "CN")
    given = [Proposal(one, "mutation", ("C",)) for one in ("CC", "CC", "CN", "CCCCC", "C.C", "CO")]
    assert pool.add(given) == ["CC", "CO"]
    assert pool.add(given) == []
    assert sorted(short.asked) == ["CC", "CCCCC", "CO"] and len(pool) == 2


def test_the_parents_of_a_proposal_are_molecules_that_were_scored():
    pool = Pool([], lambda _: False)
    pool.add([Proposal("CC", "mutation", ("C",)), Proposal("CO", "crossover", ("N", "O"))])
    pool.add([Proposal("CCO", "crossover", ("CC", "CO")), Proposal("CF", "mutation", ("F",))])
    parents = {one.smiles: one.parents for one in pool.proposals}
    assert parents["CCO"] == ("C", "N", "O") and parents["CF"] == ("F",)
