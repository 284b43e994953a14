"""``molvae interpolate``, ``mix`` and ``neighbors`` as a shell runs them."""

import pytest

from molvae.chem import PROPERTIES, canonical
from molvae.generator.exploration import radius as radii
from tests.cli.shell import assert_error, molvae, rows, works
from tests.generator.exploration.atlas import Atlas

A, B, C = "CC(=O)Nc1ccc(O)cc1", "Clc1ccccc1", "CCOC(C)=O"


@pytest.fixture
def atlas(canonical_smiles, monkeypatch):
    """The model of every command is an atlas."""
    space = Atlas(canonical_smiles, holes=False)
    monkeypatch.setattr("molvae.cli.models.load_model", lambda *_: space)
    monkeypatch.setattr(radii, "RADII", (0.0, 0.5, 1.0))
    return space


def test_interpolate_prints_the_path_and_draws_it(atlas, tmp_path):
    done = works("interpolate", A, B, "--steps", 5, "--grid", tmp_path / "path.svg")
    table = rows(done.stdout)
    assert (table[0]["smiles"], table[-1]["smiles"]) == (canonical(A), canonical(B)) and len(table) <= 5
    assert list(table[0]) == ["smiles", "t", "similarity_a", "similarity_b", "off_path"]
    assert "a is " in done.stderr and "b is " in done.stderr and "distinct molecule" in done.stderr
    assert "<svg" in (tmp_path / "path.svg").read_text()


def test_mix_writes_a_file_with_properties(atlas, tmp_path):
    path, picture = tmp_path / "mix.csv", tmp_path / "mix.png"
    done = works(
        "mix", A, B, C, "--weights", "2,1,1", "-n", 3, "--radius", 1, "--properties", "-o", path, "--grid", picture
    )
    assert done.stdout == ""
    columns = ["smiles", "balance", "similarity_1", "similarity_2", "similarity_3", *PROPERTIES]
    assert list(rows(path.read_text())[0]) == columns and len(rows(path.read_text())) == 3
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_neighbors_finds_a_radius_of_its_own(atlas):
    done = works("neighbors", A, "-n", 3)
    assert len(rows(done.stdout)) == 3
    assert "at radius " in done.stderr
    assert molvae("neighbors", A, "-n", 3, "-o", "-").stdout == done.stdout


def test_too_few_neighbors_are_written_before_the_error(atlas, tmp_path):
    done = molvae("neighbors", A, "-n", 3, "--radius", 1e-6, "-o", tmp_path / "few.csv")
    assert done.exit_code == 1 and "error: only " in done.stderr
    assert (tmp_path / "few.csv").read_text().startswith("smiles,distance,similarity\n")


@pytest.mark.parametrize("lead", [[], [A]])
def test_calibrate(atlas, tmp_path, lead):
    done = works("neighbors", *lead, "--calibrate", "--plot", tmp_path / "curve.svg")
    assert [float(row["radius"]) for row in rows(done.stdout)] == [0.0, 0.5, 1.0]
    assert list(rows(done.stdout)[0]) == ["radius", "similarity", "valid", "changed"]
    assert "<svg" in (tmp_path / "curve.svg").read_text()
    written = molvae("neighbors", *lead, "--calibrate", "-o", tmp_path / "curve.csv")
    assert written.stdout == "" and (tmp_path / "curve.csv").read_text() == done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["interpolate", A, "C1C"], "'C1C'"),
        (["mix", A, B, "--weights", "1,x"], "'1,x'"),
        (["neighbors"], "--calibrate"),
        (["neighbors", A, "--plot", "x.svg"], "--plot"),
        (["neighbors", "--calibrate", "--keep", "scaffold"], "--calibrate"),
        (["neighbors", "--calibrate", "--plot", "x.jpg"], ".svg, .png"),
    ],
)
def test_bad_input_ends_in_a_sentence(tiny_run, monkeypatch, arguments, message):
    monkeypatch.setenv("MOLVAE_MODEL", str(tiny_run))
    assert_error(molvae(*arguments), message)


def test_a_walk_decodes_as_the_switch_says(atlas, monkeypatch):
    """All of its points; but a calibration measures the validity, and so decodes freely."""
    asked, decode = [], atlas.decode
    monkeypatch.setattr(atlas, "decode", lambda z, **given: asked.append(given["constrained"]) or decode(z, **given))
    for command in (("interpolate", A, B), ("mix", A, B), ("neighbors", A, "--radius", 0.5)):
        for flag, constrained in (("--constrained", True), ("--free", False), (None, True)):
            asked.clear()
            molvae(*command, *([flag] if flag else []))
            assert set(asked) == {constrained}
    asked.clear()
    assert molvae("neighbors", "--calibrate").exit_code == 0 and set(asked) == {False}


def test_decorate_prints_molecules_and_says_what_is_wrong_with_a_scaffold(tiny_run, tmp_path):
    given = ("--model", tiny_run, "-n", 4)
    done = molvae("decorate", "Cc1ccc([*:1])cc1", *given)
    assert done.exit_code == 0 and len(set(done.stdout.split())) == 4, done.stderr
    assert all(canonical(one) == one for one in done.stdout.split())
    path = tmp_path / "near.csv"
    done = molvae("decorate", "Cc1ccc([*:1])cc1", *given, "--near", A, "--properties", "-o", path)
    assert done.exit_code == 0 and list(rows(path.read_text())[0]) == ["smiles", "similarity", *PROPERTIES]
    assert_error(molvae("decorate", "Cc1ccccc1", *given), "has no attachment point")
    assert_error(molvae("decorate", "Cc1ccc([*:1])", *given), "is no valid SMILES")
    assert_error(molvae("decorate", "[U][*:1]", *given), "does not know the token '[U]'")
