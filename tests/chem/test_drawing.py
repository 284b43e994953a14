"""Grids of molecules."""

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from molvae.chem import molecule_grid
from molvae.errors import ConfigError

SVG = "{http://www.w3.org/2000/svg}"


def test_svg_is_well_formed_and_as_wide_as_its_columns():
    one = ET.fromstring(molecule_grid(["CCO"]).encode())
    six = ET.fromstring(molecule_grid(["CCO"] * 6, columns=4).encode())
    assert one.tag == f"{SVG}svg"
    width, height = (int(one.get(side, "").removesuffix("px")) for side in ("width", "height"))
    assert [int(six.get(side, "").removesuffix("px")) for side in ("width", "height")] == [4 * width, 2 * height]


def test_png_is_png():
    picture = molecule_grid(["CCO", "c1ccccc1"], legends=["a", "b"], format="png")
    assert picture.startswith(b"\x89PNG\r\n")
    assert len(picture) > 1000


def test_legends_and_broken_molecules_are_drawn(capfd):
    plain, legend = molecule_grid(["CCO", "CC"]), molecule_grid(["CCO", "CC"], legends=["QED 0.41", "x" * 500])
    assert len(legend) > len(plain)
    assert len(molecule_grid(["C1CC"])) > len(molecule_grid(["C"]))
    assert capfd.readouterr().err == ""


def test_a_panel_can_be_left_empty():
    assert "not a molecule" not in str(molecule_grid(["C", None, "CC"]))
    with_gap, without = (ET.fromstring(molecule_grid(some).encode()) for some in (["CCO", None], ["CCO", "CCO"]))
    assert with_gap.get("width") == without.get("width")
    assert len(list(with_gap.iter())) < len(list(without.iter()))


def test_errors():
    cases = [
        ({"smiles": []}, "no molecules"),
        ({"smiles": ["C"], "columns": 0}, "columns must be at least 1"),
        ({"smiles": ["C"], "legends": []}, "0 legends do not fit 1 molecules"),
        ({"smiles": ["C"], "format": "gif"}, "'svg' or 'png', not 'gif'"),
        ({"smiles": ["C"] * 1000, "columns": 1, "format": "png"}, "too many for one PNG"),
    ]
    for options, message in cases:
        with pytest.raises(ConfigError, match=message):
            molecule_grid(**options)


def test_only_drawing_needs_what_a_server_may_lack():
    """Without the libraries of RDKit's drawing molecules are sampled and measured, and a picture is one sentence."""
    program = (
        "import sys\n"
        "sys.modules['rdkit.Chem.Draw'] = None\n"  # as if it could not be imported
        "import molvae.cli, molvae.training.run, molvae.optimization, molvae.training.report\n"
        "import molvae.visualization.pages.map\n"
        "from molvae import MolVAE, ConfigError\n"
        "from molvae.chem import molecule_grid, property_table\n"
        "property_table(['CCO'], ['qed'])\n"
        "try:\n"
        "    molecule_grid(['CCO'])\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "RDKit cannot draw on this machine" in done.stdout and "apt install libxrender1" in done.stdout
