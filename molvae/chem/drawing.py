"""Draw molecules in a grid, as SVG or PNG."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, overload

from rdkit import Chem

from molvae.chem.molecules import parse, quiet_rdkit
from molvae.errors import ConfigError

__all__ = ["drawing_tools", "molecule_grid"]

_WIDTH, _HEIGHT = 250, 210  # pixels of a panel
_BOND = 24  # pixels of a bond, the same in all panels; large molecules are shrunk to fit
_PNG_SCALE = 2  # for a sharp picture on a slide
_REDUNDANT = re.compile(
    r" class='[^']*'|;fill-rule:evenodd(?=;stroke:#)|;stroke-linecap:butt|;stroke-linejoin:miter|;stroke-opacity:1(?=')"
)
_MAX_LEGEND = 34  # characters that fit under a panel
_MAX_PNG = 32_000  # pixels; the image library fails at 2**15


@overload
def molecule_grid(
    smiles: Sequence[str | None],
    *,
    columns: int = ...,
    legends: Sequence[str] | None = ...,
    format: Literal["svg"] = ...,
) -> str: ...
@overload
def molecule_grid(
    smiles: Sequence[str | None], *, columns: int = ..., legends: Sequence[str] | None = ..., format: Literal["png"]
) -> bytes: ...
@overload
def molecule_grid(
    smiles: Sequence[str | None], *, columns: int = ..., legends: Sequence[str] | None = ..., format: str
) -> str | bytes: ...
def molecule_grid(
    smiles: Sequence[str | None], *, columns: int = 5, legends: Sequence[str] | None = None, format: str = "svg"
) -> str | bytes:
    """Draw molecules in rows, with the same bond length in all panels; molecules too large for a panel are shrunk.

    An invalid SMILES is drawn as a question mark with the legend "not a molecule".

    Args:
        smiles: N texts; None leaves a panel empty.
        columns: panels per row; fewer molecules make a narrower picture.
        legends: N lines, one under each molecule, shortened to fit; None for no legends.
        format: "svg" or "png".

    Returns:
        The picture: text for SVG, bytes for PNG.

    Raises:
        ConfigError: no molecules, a wrong number of legends, less than one column, an unknown format, or a PNG of more
            than 32,000 pixels.
    """
    _check(smiles, columns, legends, format)
    with quiet_rdkit():
        mols = [parse(one) for one in smiles]
    texts = [_shortened(text) for text in legends] if legends is not None else [""] * len(mols)
    for panel, (one, mol) in enumerate(zip(smiles, mols, strict=True)):
        if mol is None:
            texts[panel], mols[panel] = ("not a molecule", _unknown()) if one is not None else ("", Chem.Mol())
    columns = min(columns, len(mols))
    rows = -(-len(mols) // columns)
    scale = _PNG_SCALE if format == "png" else 1
    width, height = scale * _WIDTH, scale * _HEIGHT
    if format == "png" and max(columns * width, rows * height) > _MAX_PNG:
        raise ConfigError(f"{len(mols)} molecules are too many for one PNG; draw fewer, or an SVG")
    tools = drawing_tools()
    canvas = tools.MolDraw2DSVG if format == "svg" else tools.MolDraw2DCairo
    drawing = canvas(columns * width, rows * height, width, height)
    _style(drawing.drawOptions(), scale)
    with quiet_rdkit():
        drawing.DrawMolecules(mols, legends=texts)
        drawing.FinishDrawing()
    picture: str | bytes = drawing.GetDrawingText()
    return _slim(picture) if isinstance(picture, str) else picture


def _slim(svg: str) -> str:
    """The same picture without classes and default values, a quarter smaller."""
    return _REDUNDANT.sub("", svg)


def _unknown() -> Chem.Mol:
    # A molecule without atoms would have no legend.
    mol = Chem.RWMol()
    mol.AddAtom(Chem.Atom(0))
    mol.GetAtomWithIdx(0).SetProp("atomLabel", "?")
    return mol.GetMol()


def _check(smiles: Sequence[str | None], columns: int, legends: Sequence[str] | None, format: str) -> None:
    if not len(smiles):
        raise ConfigError("there are no molecules to draw")
    if columns < 1:
        raise ConfigError(f"columns must be at least 1, not {columns}")
    if legends is not None and len(legends) != len(smiles):
        raise ConfigError(f"{len(legends)} legends do not fit {len(smiles)} molecules; give one for each")
    if format not in ("svg", "png"):
        raise ConfigError(f"a picture is 'svg' or 'png', not {format!r}")


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_LEGEND else text[: _MAX_LEGEND - 3] + "..."


def _style(options: Any, scale: int) -> None:
    options.fixedBondLength = scale * _BOND
    options.drawMolsSameScale = False  # otherwise one large molecule shrinks all
    options.bondLineWidth = 1.6 * scale
    options.padding = 0.08
    options.legendFontSize = 15 * scale
    options.legendFraction = 0.14
    options.minFontSize = 10 * scale


def drawing_tools() -> Any:
    """RDKit's drawing module, imported only when needed because servers often lack its system libraries.

    Raises:
        ConfigError: the module cannot be imported; the message names the missing library.
    """
    try:
        from rdkit.Chem.Draw import rdMolDraw2D
    except ImportError as error:
        raise ConfigError(
            f"RDKit cannot draw on this machine ({error}); on Debian or Ubuntu, run: apt install libxrender1 libxext6"
        ) from error
    return rdMolDraw2D
