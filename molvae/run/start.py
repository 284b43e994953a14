"""`train` and `resume`: from what a user gives to a session of training."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from molvae.config import SIZES, CleanConfig, Size, TrainConfig, default_size, default_training, read_toml
from molvae.corpus.cleaning import Corpus, allowed_elements, clean, clean_smiles
from molvae.corpus.reading import Table, open_table
from molvae.corpus.splitting import split_rows
from molvae.errors import ConfigError, InputError, ModelError
from molvae.generator import MolVAE
from molvae.run.folder import RUNS, SECTIONS, Start, is_finished, new_folder, read_start, write_start
from molvae.run.reporter import Reporter
from molvae.run.session import Session, check_tensorboard
from molvae.training import pick_device

__all__ = ["resume", "train"]


def train(
    source: str | Path | Sequence[str],
    output: str | Path | None = None,
    *,
    smiles_column: str | int | None = None,
    header: bool | None = None,
    size: Size | None = None,
    config: str | Path | None = None,
    model: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
    cleaning: dict[str, Any] | None = None,
    overwrite: bool = False,
    tensorboard: bool = False,
    reporter: Reporter | None = None,
) -> MolVAE:
    """Train a model on a file or a list of molecules.

    Settings come from, later ones first: `model`, `training`, `cleaning`; the file `config`; `size`; the defaults for
    the number of molecules.

    Args:
        source: a file (csv, tsv, smi, sdf, parquet, each also .gz; "-" is standard input), or a list of SMILES.
        output: the run folder; by default ``molvae-runs/<stem>-<time>``.
        smiles_column: name or number (from 1) of the column; found by name or content by default.
        header: whether the file has one; found by default.
        size: preset of the model; by the number of molecules by default.
        config: a TOML file with tables [model], [training], [cleaning].
        model: fields of `ModelConfig`.
        training: fields of `TrainConfig`.
        cleaning: fields of `CleanConfig`.
        overwrite: replace an existing run folder.
        tensorboard: write TensorBoard events too.
        reporter: hears what goes on.

    Raises:
        InputError: the file cannot be used, or the folder cannot be written.
        ConfigError: a setting is out of range.
    """
    said = reporter or Reporter()
    given = _settings(config, model=model, training=training, cleaning=cleaning)
    if size is not None and size not in SIZES:
        raise ConfigError(f"size must be one of {', '.join(SIZES)}, not {size!r}")
    if tensorboard:
        check_tensorboard()
    if hasattr(source, "columns"):
        raise InputError("a table is not read; give its column of SMILES, as in table['smiles']")
    what: Table | Sequence[str]
    if isinstance(source, (str, Path)):
        what = open_table(source, smiles_column=smiles_column, header=header)
        stem = Path(source).name.split(".")[0] if str(source) != "-" else "molecules"
    else:
        what, stem = source, "molecules"
    folder = Path(output) if output else RUNS / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    with new_folder(folder, overwrite=overwrite):
        clean_config = CleanConfig(**given["cleaning"])
        corpus = _clean(what, clean_config, folder / "rejected.csv", said)
        n = len(corpus)
        preset = size or default_size(n)
        model_config = SIZES[preset].replace(**given["model"])
        how = TrainConfig(**{**default_training(n), **given["training"]})
        parts = split_rows(corpus.smiles, how.split, valid=how.valid, test=how.test, seed=how.seed)
        write_start(folder, corpus, parts, {"model": model_config, "training": how, "cleaning": clean_config})
    return Session(folder, Start(corpus.smiles, parts, model_config, how), said, tensorboard=tensorboard).run(preset)


def resume(folder: str | Path, *, tensorboard: bool = False, reporter: Reporter | None = None) -> MolVAE:
    """Go on with a run that was stopped; on CPU it ends with the weights it would have had.

    Args:
        folder: the run folder.
        tensorboard: write TensorBoard events too.
        reporter: hears what goes on.

    Raises:
        ModelError: the folder is no run, is finished, or is damaged.
    """
    path = Path(folder)
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise ModelError(f"{path} {what}; a run folder is what 'molvae train' wrote")
    if is_finished(path):
        raise ModelError(f"the run in {path} is finished; there is nothing to resume")
    return Session(path, read_start(path), reporter or Reporter(), tensorboard=tensorboard).run("resumed")


def _settings(config: str | Path | None, **fields: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """All that the user set, by table; a bad setting is said here, before anything is written."""
    given = read_toml(Path(config), SECTIONS) if config else {name: {} for name in SECTIONS}
    for name, section in SECTIONS.items():
        given[name].update(fields[name] or {})
        section(**given[name])
    pick_device(TrainConfig(**given["training"]).device)
    allowed_elements(CleanConfig(**given["cleaning"]).elements)
    return given


def _clean(what: Table | Sequence[str], config: CleanConfig, rejected: Path, said: Reporter) -> Corpus:
    if isinstance(what, Table):
        said.table(what.describe())
        corpus = clean(what, config, rejected=rejected, on_progress=said.cleaning)
    else:
        corpus = clean_smiles(what, config, rejected=rejected, on_progress=said.cleaning)
    said.cleaned(corpus.counts, rejected)
    return corpus
