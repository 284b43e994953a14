"""Parents, shares and pools."""

import numpy as np
import pytest

from molvae.optimization.archive import Archive
from molvae.optimization.guidance import boldness_after, idle_calls
from molvae.optimization.pool import Pool
from molvae.optimization.proposal import Proposal
from molvae.optimization.selection import parents_of, rank_weights, ranked
from molvae.optimization.shares import Shares


def test_rank_weights_fall_and_sum_to_one():
    for n in (1, 2, 1_000):
        weights = rank_weights(n, 0.01)
        assert weights.sum() == pytest.approx(1.0)
        assert (np.diff(weights) < 0).all()
    assert rank_weights(1_000, 0.01)[0] > 10 * rank_weights(1_000, 10.0)[0]


@pytest.mark.parametrize("n", [1, 3, 5_000])
def test_parents_are_there_and_better_ones_are_drawn_more_often(n):
    rows = parents_of(n, 20_000, 0.01, np.random.default_rng(0))
    assert rows.min() == 0
    assert rows.max() < n
    if n > 1:
        assert (rows < n / 2).mean() > 0.6
        assert (rows >= n / 2).any()


def test_the_best_come_first_and_equal_ones_in_turns():
    merits = np.array([0.5, np.nan, 0.9, 0.5, 0.5, 0.1])
    assert ranked(merits).tolist() == [2, 0, 3, 4, 5]
    orders = {tuple(ranked(merits, np.random.default_rng(seed)).tolist()) for seed in range(50)}
    assert len(orders) == 6
    assert {(one[0], one[-1]) for one in orders} == {(2, 5)}


def test_shares_go_to_what_succeeds_but_never_all():
    shares = Shares(["good", "bad"])
    rng = np.random.default_rng(0)
    for _ in range(200):
        shares.learn("good", True)
        shares.learn("bad", False)
    shares.learn("start", True)  # not one of these
    drawn = shares.draw(["good", "bad"], 10_000, rng)
    assert 0.1 < drawn.count("bad") / 10_000 < 0.25
    for _ in range(2_000):
        shares.learn("good", False)
        shares.learn("bad", True)
    assert shares.draw(["good", "bad"], 10_000, rng).count("bad") > 7_000
    assert set(shares.draw(["bad"], 10, rng)) == {"bad"}


def test_an_archive_keeps_the_order_of_calls_and_each_molecule_once():
    archive = Archive()
    for smiles, score in (("C", 0.1), ("CC", np.nan), ("CCC", 0.5), ("CCCC", 0.1)):
        archive.add(Proposal(smiles, "start"), score, (score, 1.0))
    assert archive.smiles == ["C", "CC", "CCC", "CCCC"]
    assert archive.best().tolist() == [2, 0, 3]
    assert archive.parts.shape == (4, 2)
    assert archive.row("CCC") == 2
    with pytest.raises(ValueError, match="scored before"):
        archive.add(Proposal("C", "mutation"), 1.0)


class Short:
    """A constraint that counts what it is asked."""

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
    assert sorted(short.asked) == ["CC", "CCCCC", "CO"]
    assert len(pool) == 2


def test_the_parents_of_a_proposal_are_molecules_that_were_scored():
    pool = Pool([], lambda _: False)
    pool.add([Proposal("CC", "mutation", ("C",)), Proposal("CO", "crossover", ("N", "O"))])
    pool.add([Proposal("CCO", "crossover", ("CC", "CO")), Proposal("CF", "mutation", ("F",))])
    parents = {one.smiles: one.parents for one in pool.proposals}
    assert parents["CCO"] == ("C", "N", "O")
    assert parents["CF"] == ("F",)


def test_a_search_without_success_becomes_bolder():
    rising = np.arange(50.0)
    assert idle_calls(rising) == 0
    assert idle_calls(np.concatenate([rising, np.full(30, 39.0)])) == 30  # as good as the tenth best is no better
    assert idle_calls(np.concatenate([rising, np.full(30, np.nan), [41.0], np.zeros(5)])) == 5
    assert idle_calls(np.array([])) == 0
    told = np.concatenate([rising[::-1], np.full(500, 3.0)])
    assert idle_calls(told, np.arange(550) >= 540) == 10  # 540 were told, ten were asked for since
    steps = [boldness_after(idle) for idle in (0, 200, 400, 100_000)]
    assert steps[:3] == [1.0, 2.0, 3.0]
    assert steps[3] == boldness_after(10**6)
