"""A file of measured molecules, as a command reads it."""

import numpy as np
import pytest

from molvae.cli.suggest import read_measurements


@pytest.mark.parametrize("twice", [True, False])
def test_duplicates_count_once_with_the_mean_of_their_values_and_that_is_said(tmp_path, capsys, twice):
    path = tmp_path / "series.csv"
    path.write_text("smiles,pIC50\nCCO,1\nCCN,7\nCCCl,\n" + "OCC,4\n" * twice)
    found = read_measurements(str(path), None, None)
    said = " ".join(capsys.readouterr().err.split())
    assert dict(zip(found.smiles, found.values.tolist(), strict=True)) == pytest.approx(
        {"CCO": 2.5 if twice else 1.0, "CCN": 7.0, "CCCl": np.nan}, nan_ok=True
    )
    low = "2.5" if twice else "1"
    assert f"2 molecules with pIC50, from {low} to 7" in said
    assert ("duplicates" in said.split("with pIC50")[1]) is twice
