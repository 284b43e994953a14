"""The run folder: its files, how they are written and read.

molvae-runs/<stem>-<time>/
    config.json, tokenizer.json, model.safetensors, training_set.safetensors    the model
    config.toml         every setting, resolved
    molecules.csv.gz    the clean molecules, with the numeric columns of the file and the labels that RDKit computed
    rejected.csv        every dropped row: row, text, reason
    splits.json         the held-out molecules
    history.csv         figures of every epoch
    report.html         a report of all this with samples, for a browser
    checkpoint.safetensors    the state to resume from, while the run is not finished
    init.safetensors    the model that fine-tuning starts from, while the run is not finished
    request.json        the user's request, until training starts
"""

from __future__ import annotations

import gzip
import json
import tomllib
import zlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molvae.config import CleanConfig, ModelConfig, TrainConfig, read_toml, to_toml
from molvae.corpus.cleaning import Corpus
from molvae.corpus.labels import learned
from molvae.corpus.writing import frame_text
from molvae.errors import ModelError
from molvae.model import LabelScale
from molvae.pretrained.folder import MODEL_FILES
from molvae.storage.files import atomic, is_leftover, read_json, remove_leftovers, write_text
from molvae.storage.latest_run import CHECKPOINT
from molvae.storage.output_folder import BEGUN, FolderKind, forget_replaced
from molvae.storage.output_folder import new_folder as made_folder
from molvae.training import label_scale
from molvae.training.run.finetune_source import INIT_FILE, FinetuneSource, read_finetune_source
from molvae.training.run.request import REQUEST, SECTIONS, is_request

__all__ = [
    "Start",
    "began",
    "clear",
    "end",
    "is_ending",
    "new_folder",
    "read_history",
    "read_start",
    "write_settings",
    "write_start",
]

_BEGINNING = (BEGUN, "molecules.csv.gz", "splits.json")  # a run with these files needs nothing else to be resumed
_FILES = {
    *_BEGINNING,
    *MODEL_FILES,
    *("rejected.csv", "history.csv", "report.html", CHECKPOINT, INIT_FILE, REQUEST),
}


_LATER = {("model", "log")}  # settings that an unfinished run of an earlier version lacks


class Start(NamedTuple):
    """What training starts with."""

    smiles: list[str]
    """clean molecules"""
    parts: dict[str, NDArray[np.int64]]
    """positions of the molecules of the parts train, valid and test"""
    labels: NDArray[np.float64]
    """(N, P) labels for the property heads, log10 where they learn that; not finite if missing"""
    model: ModelConfig
    training: TrainConfig
    cleaning: CleanConfig
    origin: FinetuneSource | None
    """the model to fine-tune; None to train from scratch"""

    def scales(self) -> dict[str, LabelScale]:
        """Label scales of the training molecules, by property.

        Raises:
            ConfigError: a property has no labels, or they are all equal.
        """
        known = self.labels[self.parts["train"]]
        each = zip(self.model.heads, self.model.quantities, known.T, strict=True)
        return {name: label_scale(quantity, values) for name, quantity, values in each}


def _is_run(folder: Path) -> bool:
    """Whether a folder holds the settings and molecules of a training, or its request."""
    if not all((folder / name).is_file() for name in _BEGINNING):
        return is_request(folder)
    try:
        return tomllib.loads((folder / BEGUN).read_text(encoding="utf-8")).keys() == SECTIONS.keys()
    except (OSError, ValueError):
        return False


def _is_worthless(folder: Path) -> bool:
    """Whether a run found no molecules: it leaves only its request and its rejected rows."""
    names = {path.name for path in folder.iterdir() if not is_leftover(path.name, _FILES)}
    return names <= {"rejected.csv", REQUEST} and is_request(folder)


_KIND = FolderKind("training", _FILES, _is_run, _is_worthless, {"tensorboard": r"events\.out\.tfevents\..+"})


def began(folder: Path) -> bool:
    """Whether a folder holds a run whose molecules are clean, so it can be resumed without the input file."""
    return (folder / "config.toml").is_file()


def clear(folder: Path) -> None:
    """Remove the temporary files of a killed process, and the run that this one replaced."""
    remove_leftovers(folder, _FILES)
    forget_replaced(folder, _KIND)


def end(folder: Path) -> None:
    """Remove the files of an unfinished run; the checkpoint last, because a run without it is finished."""
    for name in (INIT_FILE, CHECKPOINT):
        (folder / name).unlink(missing_ok=True)


def is_ending(folder: Path) -> bool:
    """Whether a fine-tuning was killed in `end`: the model is written, and the model it started from is removed."""
    if (folder / INIT_FILE).exists() or not all((folder / name).is_file() for name in (CHECKPOINT, *MODEL_FILES)):
        return False
    config = read_json(folder / "config.json")
    card = config.get("card") if isinstance(config, dict) else None
    return isinstance(card, dict) and "memorization" in card  # written with the final weights


def new_folder(folder: Path, *, overwrite: bool) -> AbstractContextManager[bool]:
    """As `molvae.storage.output_folder.new_folder`, for a training."""
    return made_folder(folder, _KIND, overwrite=overwrite)


def write_start(folder: Path, start: Start, corpus: Corpus, labels: pd.DataFrame) -> None:
    """Write the files that `read_start` reads; config.toml comes last and marks them as complete."""
    computed = labels.drop(columns=list(corpus.properties), errors="ignore")
    table = pd.concat([pd.DataFrame({"smiles": corpus.smiles}), corpus.properties, computed], axis=1)
    with atomic(folder / "molecules.csv.gz") as temporary:
        # gzip.compress, not pandas: the same molecules are the same bytes, without name and time.
        temporary.write_bytes(gzip.compress(frame_text(table, header=True).encode(), compresslevel=3, mtime=0))
    split = {"split": start.training.split, "seed": start.training.seed}
    rows = {name: part.tolist() for name, part in start.parts.items() if name != "train"}
    sizes = {name: len(part) for name, part in start.parts.items()}
    of = "positions in molecules.csv.gz, from 0; all others are trained on"
    write_text(folder / "splits.json", json.dumps({**split, "sizes": sizes, "rows are": of, "rows": rows}) + "\n")
    write_settings(folder, start)
    (folder / REQUEST).unlink(missing_ok=True)


def write_settings(folder: Path, start: Start) -> None:
    """Write the settings of a run."""
    write_text(folder / "config.toml", to_toml({name: getattr(start, name) for name in SECTIONS}))


def read_start(folder: Path, *, finished: bool = False) -> Start:
    """What the training in a folder started with.

    Args:
        folder: the run folder.
        finished: read a finished run, which has no model to fine-tune any more. An earlier version may have written it
            with fewer settings.

    Raises:
        ModelError: the folder holds no run that started training, or is damaged.
    """
    lacking = ", ".join(name for name in _BEGINNING if not (folder / name).is_file())
    if lacking and finished:
        raise ModelError(f"{folder} holds no run: it lacks {lacking}; name a folder that molvae train made")
    if lacking:
        raise ModelError(f"{folder} holds no run that started training ({', '.join(_BEGINNING)}); start it again")
    given = read_toml(folder / "config.toml", SECTIONS)
    fields = ((name, key) for name in SECTIONS for key in SECTIONS[name].model_fields if (name, key) not in _LATER)
    missing = [f"[{name}] {key}" for name, key in fields if key not in given[name]]
    if missing and not finished:
        raise ModelError(f"{folder / 'config.toml'} is damaged: it lacks {', '.join(missing[:3])}")
    model, training = ModelConfig(**given["model"]), TrainConfig(**given["training"])
    try:
        smiles, labels = _read_molecules(folder / "molecules.csv.gz", model)
        rows = read_json(folder / "splits.json")["rows"]
        parts = {name: np.array(rows[name], dtype=np.int64) for name in ("valid", "test")}
        held = np.concatenate(list(parts.values()))
        parts["train"] = np.setdiff1d(np.arange(len(smiles)), held)
        if not len(parts["valid"]) or len(parts["train"]) + len(held) != len(smiles):
            raise ValueError(f"the positions do not fit {len(smiles)} molecules")
    except (OSError, EOFError, ValueError, KeyError, TypeError, IndexError, OverflowError, zlib.error) as error:
        raise ModelError(f"{folder} is damaged: molecules.csv.gz or splits.json cannot be read ({error})") from None
    origin = read_finetune_source(folder, model) if training.init_from and not finished else None
    return Start(smiles, parts, labels, model, training, CleanConfig(**given["cleaning"]), origin)


def _read_molecules(path: Path, model: ModelConfig) -> tuple[list[str], NDArray[np.float64]]:
    # As text first: the float parser of pandas may differ in the last bit.
    table = pd.read_csv(path, usecols=["smiles", *model.heads], dtype=str)
    values = table[list(model.heads)].to_numpy(dtype=object, na_value=np.nan).astype(np.float64)
    return table["smiles"].tolist(), learned(values, model)


def read_history(folder: Path, epochs: int) -> list[dict[str, Any]]:
    """The first `epochs` rows of history.csv."""
    path = folder / "history.csv"
    if not epochs or not path.is_file():
        return []
    try:
        table = pd.read_csv(path)
    except ValueError:  # a damaged file: the figures are lost, the training is not
        return []
    rows = table[table["epoch"] <= epochs] if "epoch" in table else table[:0]
    return [{str(key): row[key] for key in row} for row in rows.to_dict("records")]
