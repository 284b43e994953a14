"""Tables for the tests of the reader."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from rdkit import Chem

from molvae.corpus.reading import Table, open_table

MOLECULES = ["CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "CN1CCC[C@H]1c1cccnc1", "OCC(O)CO"]
NAMES = ["ethanol", "benzene", "aspirin, pure", "nicotine", "glycerol"]
LOGP = ["-0.0014", "1.69", "1.31", "1.85", "-1.67"]


def written(tmp_path: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: str | Path, **options: Any) -> tuple[Table, list[str], list[int], dict[str, list[float]]]:
    table = open_table(path, **options)
    chunks = list(table.chunks())
    smiles = [text for chunk in chunks for text in chunk.smiles]
    rows = [row for chunk in chunks for row in chunk.rows]
    numbers = {name: [x for chunk in chunks for x in chunk.numbers[name]] for name in table.numeric_columns}
    return table, smiles, rows, numbers


def as_text(delimiter: str = ",", head: tuple[str, ...] | None = ("Name", "SMILES", "logP"), end: str = "\n") -> str:
    file = io.StringIO()
    rows = ([head] if head else []) + list(zip(NAMES, MOLECULES, LOGP, strict=True))
    csv.writer(file, delimiter=delimiter, lineterminator=end).writerows(rows)
    return file.getvalue()


def record(smiles: str, name: str = "", **fields: object) -> str:
    mol = Chem.MolFromSmiles(smiles)
    mol.SetProp("_Name", name)
    return str(Chem.MolToMolBlock(mol)) + "".join(f"> <{key}>\n{value}\n\n" for key, value in fields.items()) + "$$$$\n"
