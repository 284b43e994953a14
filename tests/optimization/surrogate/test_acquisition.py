"""Which molecules are learned from, and which are chosen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molvae.errors import ConfigError
from molvae.optimization.surrogate.acquisition import (
    calls_without_improvement,
    choose_batch,
    max_beta_after,
    shortlist,
)
from molvae.optimization.surrogate.training_data import training_rows

NOISE = 1e-4


def random_case(seed, m=30, outputs=1):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(m, 6))
    return rng.normal(size=(m, outputs)), factor @ factor.T / 6


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(1, 40), st.integers(1, 3))
def test_a_batch_is_distinct_and_repeatable(seed, n, outputs):
    mean, covariance = random_case(seed, outputs=outputs)
    first, second = (choose_batch(mean, covariance, n, np.random.default_rng(1), noise=NOISE) for _ in range(2))
    assert np.array_equal(first, second)
    assert len(set(first.tolist())) == len(first) == min(n, 30)


def test_each_of_a_batch_is_chosen_as_if_those_before_were_known():
    mean, covariance = random_case(4)
    rows = choose_batch(mean, covariance, 6, np.random.default_rng(2), noise=NOISE)
    betas = 10 ** np.random.default_rng(2).uniform(-2, 0, 6)
    for place in range(6):
        seen = rows[:place]
        gain = covariance[:, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)] + NOISE * np.eye(place))
        std = np.sqrt(np.maximum(np.diag(covariance - gain @ covariance[seen]), 0))
        bound = mean[:, 0] + betas[place] * std
        bound[seen] = -np.inf
        assert rows[place] == bound.argmax()


def test_where_all_is_expected_alike_each_group_has_its_turn():
    group = np.repeat(np.arange(5), 6)
    covariance = np.where(group[:, None] == group, 0.95, 0.1) + 0.05 * np.eye(30)
    rows = choose_batch(np.zeros((30, 1)), covariance, 5, np.random.default_rng(0), noise=NOISE)
    assert sorted(group[rows]) == [0, 1, 2, 3, 4]


def test_no_more_than_the_cap_share_a_key():
    mean, covariance = random_case(6)
    keys = [row % 4 for row in range(30)]
    for cap in (1, 2):
        rows = choose_batch(mean, covariance, 30, np.random.default_rng(0), noise=NOISE, keys=keys, cap=cap)
        assert sorted(keys[row] for row in rows) == sorted([0, 1, 2, 3] * cap)
    with pytest.raises(ConfigError, match="cap"):
        choose_batch(mean, covariance, 3, np.random.default_rng(0), noise=NOISE, cap=0)


def test_a_crowd_waits_until_nothing_else_is_left():
    mean, covariance = random_case(6)
    group = np.arange(30) % 3
    mean[group == 0] += 100.0
    rows = choose_batch(
        *(mean, covariance, 26, np.random.default_rng(0)),
        noise=NOISE,
        alike=lambda row: (group == group[row]) & (group != 2),
        crowd=3,
    )
    assert (group[rows[:3]] == 0).all() and len(set(rows)) == 26
    assert sorted(group[rows[:16]]) == [0] * 3 + [1] * 3 + [2] * 10  # those of group 2 are like no other
    assert (group[rows[16:23]] == 0).all()


def test_what_is_not_expected_anything_of_is_not_chosen():
    mean, covariance = random_case(7)
    mean[:25] = np.nan
    rows = choose_batch(mean, covariance, 10, np.random.default_rng(0), noise=NOISE)
    assert sorted(rows) == [25, 26, 27, 28, 29]


def test_all_places_of_a_front_have_their_turn_even_in_its_hollow():
    front = np.array([[1.0, 0.0], [0.4, 0.4], [0.0, 1.0], [0.3, 0.3]])
    rng = np.random.default_rng(0)
    first = [choose_batch(front, 1e-12 * np.eye(4), 1, rng, noise=NOISE)[0] for _ in range(40)]
    assert set(first) == {0, 1, 2}


def test_a_search_without_improvement_becomes_bolder():
    rising = np.arange(50.0)
    assert calls_without_improvement(rising) == 0
    equal = np.concatenate([rising, np.full(30, 39.0)])  # as good as the tenth best is no improvement
    assert calls_without_improvement(equal) == 30
    assert calls_without_improvement(np.concatenate([rising, np.full(30, np.nan), [41.0], np.zeros(5)])) == 5
    assert calls_without_improvement(np.array([])) == 0
    measured = np.concatenate([rising[::-1], np.full(500, 3.0)])
    assert calls_without_improvement(measured, np.arange(550) >= 540) == 10  # ten calls after 540 measured ones
    assert [max_beta_after(calls) for calls in (0, 200, 400)] == [1.0, 2.0, 3.0]
    assert max_beta_after(100_000) == max_beta_after(10**6)


def test_a_shortlist_has_what_may_be_the_best():
    mean, covariance = random_case(10, m=500, outputs=2)
    std = np.sqrt(np.diag(covariance))
    rows = shortlist(mean, std, 40)
    assert len(rows) <= 40 and (np.diff(rows) > 0).all()
    assert {(mean[:, output] + beta * std).argmax() for output in (0, 1) for beta in (0.01, 0.1, 1)} <= set(rows)
    assert np.array_equal(shortlist(mean, std, 500), np.arange(500))


@settings(deadline=None)
@given(st.lists(st.floats(0, 1) | st.just(np.nan), max_size=80), st.integers(1, 60))
def test_evidence_is_all_there_is_or_the_limit(scores, limit):
    rows = training_rows(np.array(scores), limit)
    assert len(rows) == min(len(scores), limit)
    assert (np.diff(rows) > 0).all()
    if len(scores) > limit and limit > 4:
        assert np.nanargmax([-1.0, *scores]) - 1 in [*rows, -1]


def test_evidence_has_the_best_the_newest_and_the_worst():
    scores = np.random.default_rng(0).permutation(1_000).astype(float)
    rows = training_rows(scores, 100)
    assert set(np.argsort(-scores)[:60]) <= set(rows) and set(range(990, 1_000)) <= set(rows)
    ranks = np.sort(scores[rows])
    assert ranks[0] < 50 and np.diff(ranks).max() < 100
