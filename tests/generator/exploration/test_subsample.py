"""Some rows of many: each as likely as the other, and chunks change nothing."""

import numpy as np
import pandas as pd
import pytest

from molvae import ConfigError
from molvae.generator.exploration.projection import subsample

ROWS = pd.DataFrame({"row": range(1000), "text": [f"t{row}" for row in range(1000)]})


def chunks(size):
    return (ROWS.iloc[start : start + size] for start in range(0, len(ROWS), size))


@pytest.mark.parametrize("size", [1, 10, 999])
def test_chunks_change_nothing(size):
    whole = subsample([ROWS], size, seed=4)
    for length in (7, 100, 5000):
        other = subsample(chunks(length), size, seed=4)
        assert other.rows.equals(whole.rows) and other.total == whole.total == 1000
    assert len(whole.rows) == whole.rows["row"].nunique() == size
    assert whole.rows["row"].is_monotonic_increasing and list(whole.rows.index) == list(range(size))
    assert (whole.rows["text"] == "t" + whole.rows["row"].astype(str)).all()
    assert size == 999 or not subsample([ROWS], size, seed=5).rows.equals(whole.rows)


@pytest.mark.parametrize("size", [1000, 1001])
def test_what_fits_is_kept(size):
    assert subsample(chunks(64), size).rows.equals(ROWS)


def test_every_row_has_the_same_chance():
    counts = np.zeros(20)
    for seed in range(400):
        counts[subsample([ROWS.iloc[:20]], 5, seed=seed).rows["row"]] += 1
    assert counts.sum() == 2000 and abs(counts - 100).max() < 5 * np.sqrt(75)


def test_none_of_none_and_a_bad_size():
    empty = subsample([ROWS.iloc[:0]], 5)
    assert len(empty.rows) == empty.total == 0 and list(empty.rows.columns) == ["row", "text"]
    with pytest.raises(ConfigError, match="max_points must be at least 1, not 0"):
        subsample([ROWS], 0)
