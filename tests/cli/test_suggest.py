"""``molvae suggest`` as a shell runs it, and the file of measured molecules that it reads."""

import numpy as np
import pytest

from molvae.cli.suggest import read_measurements
from molvae.optimization.run import measured
from tests.cli.shell import assert_error, molvae, rows
from tests.optimization.stand_in import MOLECULES


def suggest(*arguments):
    return molvae("suggest", *arguments, "--model", "x", "-n", 5)


def write(path, header, values):
    """A csv file of the first molecules, with a value each."""
    lines = [f"{one},{value}" for one, value in zip(MOLECULES, values, strict=False)]
    path.write_text("\n".join([header, *lines, ""]))


def test_measured_molecules_give_suggestions(quick):
    write(quick / "series.csv", "smiles,pIC50,dose", [f"{place},{place % 3}" for place in range(20)])
    done = suggest("series.csv", "--column", "pIC50", "--keep", "C", "-o", "out")
    assert done.exit_code == 0, done.stderr
    found = rows(done.stdout)
    assert len(found) == 5 and {"smiles", "predicted", "std", "nearest", "nearest_measured"} <= set(found[0])
    assert not {row["smiles"] for row in found} & set(MOLECULES[:20])
    assert {path.name for path in (quick / "out").iterdir()} == set(measured.SUGGESTIONS.files)
    few = molvae("suggest", "series.csv", "--column", "dose", "-n", 500, "--minimize", "--model", "x", "-o", "few")
    assert few.exit_code == 1 and "inside the constraints" in few.stderr
    assert (quick / "few" / "suggestions.csv").exists()
    for column in (["--column", "IC50"], []):
        assert_error(suggest("series.csv", *column, "-o", "bad"), "'pIC50', 'dose'")
    assert_error(suggest("no.csv"), "no.csv")
    assert suggest("series.csv", "--budget", 5).exit_code == suggest("series.csv", "qed").exit_code == 2


def test_bounds_are_left_out_and_rows_are_chosen(quick):
    cells = [f"{place},{'>' if place % 4 == 0 else '='},{'IC50' if place < 16 else 'hours'}" for place in range(20)]
    write(quick / "series.csv", "smiles,value,relation,Standard Type", cells)
    done = suggest("series.csv", "--column", "value", "-o", "all")
    message = " ".join(done.stderr.split())
    assert "value: Standard Type IC50 (16), hours (4); relation = (15), > (5); 5 values with a relation" in message
    assert "value mixes several values of Standard Type; choose rows, such as --where" in message
    assert "15 molecules with value" in message
    chosen = suggest("series.csv", "--column", "value", "--where", "`Standard Type` == 'IC50'", "-o", "chosen")
    message = " ".join(chosen.stderr.split())
    assert chosen.exit_code == 0 and "--where chooses 16 of 20 rows" in message and "mixes" not in message
    assert "12 molecules with value" in message
    assert_error(
        suggest("series.csv", "--where", "type == 1"), "there is no column 'type'; the columns are smiles, value"
    )


def test_optimize_measured_is_suggest(quick):
    write(quick / "series.csv", "smiles,pIC50", range(20))
    new = suggest("series.csv", "--window", "mw", 50, 300, "--minimize", "-o", "new")
    for place, option in enumerate((["--measured", "series.csv"], ["--measured=series.csv"])):
        old = molvae(
            "optimize", "--minimize", "--window", "mw", 50, 300, *option, "--model", "x", "-n", 5, "-o", f"old{place}"
        )
        assert (old.exit_code, old.stdout) == (0, new.stdout) and "molvae suggest FILE" in old.stderr
    assert molvae("optimize", "qed", "--measured", "series.csv").exit_code == 2


def test_suggestions_are_not_replaced_by_none(quick):
    write(quick / "series.csv", "smiles,pIC50", range(20))
    asked = ["series.csv", "-o", "out", "--overwrite"]
    assert suggest(*asked).exit_code == 0
    before = (quick / "out" / "suggestions.csv").read_bytes()
    assert_error(suggest(*asked, "--keep", "[U]"), "only 0 molecules of 5")
    assert (quick / "out" / "suggestions.csv").read_bytes() == before
    assert suggest(*asked, "--keep", "[U]", "-o", "new").exit_code == 1 and not (quick / "new").exists()


def test_cells_without_a_number_are_counted(quick):
    cells = [*(f"{10 ** (place / 4):.3f},{place}" for place in range(20)), ">10000,", ">10000,", "n.d.,", ","]
    write(quick / "messy.csv", "smiles,IC50 [nM],no", cells)
    done = suggest("messy.csv", "--column", "IC50 [nM]", "--minimize", "-o", "out")
    message = " ".join(done.stderr.split())
    assert done.exit_code == 0, done.stderr
    assert "3 cells of IC50 [nM]" in message and "'>10000' (2), 'n.d.' (1)" in message
    assert "4.8 powers of ten" in message and "five-fold cross-validation: R2" in message
    assert not [row for row in rows(done.stdout) if len(row["std"]) > 12]
    for column, fact in ((["--column", "ic50"], "did you mean 'IC50 [nM]'?"), ([], "--column")):
        assert_error(suggest("messy.csv", *column, "-o", "bad"), fact, "'IC50 [nM]', 'no'")


def test_logarithms(quick):
    write(quick / "nm.csv", "smiles,nM", [*(10.0 ** (place / 4) for place in range(20)), 0])
    done = suggest("nm.csv", "--log", "--minimize", "-o", "out")
    message = " ".join(done.stderr.split())
    assert done.exit_code == 0 and "powers of ten" not in message, done.stderr
    assert "1 molecule with a value of 0 or below" in message
    table = [(row["nearest"], float(row["nearest_measured"])) for row in rows(done.stdout)]
    assert table == [(one, pytest.approx(MOLECULES.index(one) / 4, abs=1e-5)) for one, _ in table]
    write(quick / "below.csv", "smiles,x", [-1] * 9)
    assert_error(suggest("below.csv", "--log", "-o", "bad"), "x has no value above 0")


def test_values_that_cannot_be_predicted_give_a_warning(quick):
    write(quick / "noise.csv", "smiles,activity", [7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4, 5, 2, 3, 5, 3, 6])
    assert "activity can hardly be predicted" in " ".join(suggest("noise.csv", "-o", "out").stderr.split())


def test_duplicates_count_once_with_the_mean_of_their_values(tmp_path, capsys):
    path = tmp_path / "series.csv"
    for twice in (True, False):
        path.write_text("smiles,pIC50\nCCO,1\nCCN,7\nCCCl,\n" + "OCC,4\n" * twice)
        found = read_measurements(str(path), None, None)
        message = " ".join(capsys.readouterr().err.split())
        mean = 2.5 if twice else 1.0
        assert dict(zip(found.smiles, found.values.tolist(), strict=True)) == pytest.approx(
            {"CCO": mean, "CCN": 7.0, "CCCl": np.nan}, nan_ok=True
        )
        assert f"2 molecules with pIC50, from {mean:g} to 7" in message
        assert ("duplicates" in message.split("with pIC50")[1]) is twice
