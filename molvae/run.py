"""A run: a file of molecules becomes a folder with a model, and everything that tells how it came about.

molvae-runs/<stem>-<time>/
    config.json, tokenizer.json, model.safetensors, training_set.safetensors    the model
    config.toml         every setting, resolved
    molecules.csv.gz    the clean molecules, with the numeric columns of the file
    rejected.csv        every row that was dropped: row, text, reason
    splits.json         which of the molecules were held out
    history.csv         the figures of every epoch
    checkpoint.safetensors    the state to resume from, while the run is not finished
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from molvae._version import __version__
from molvae.config import (
    SIZES,
    CleanConfig,
    ModelConfig,
    Settings,
    Size,
    TrainConfig,
    default_size,
    default_training,
    read_toml,
    to_toml,
)
from molvae.corpus.batching import TokenizedCorpus
from molvae.corpus.cleaning import Corpus, clean, clean_smiles
from molvae.corpus.reading import open_table
from molvae.corpus.splitting import split_rows
from molvae.errors import ConfigError, InputError, ModelError
from molvae.files import atomic, read_json, write_text
from molvae.generator import MolVAE
from molvae.model import SmilesVAE
from molvae.model_folder import StoredModel, write_model
from molvae.molecule_set import MoleculeSet
from molvae.reporter import Reporter
from molvae.tokenizer import SmilesTokenizer
from molvae.training import Epoch, HealthCheck, Trainer, pick_device

__all__ = ["RUNS", "is_finished", "resume", "train"]

RUNS = Path("molvae-runs")
"""Where runs go that were given no folder."""

_CHECKPOINT = "checkpoint.safetensors"
_SECTIONS: dict[str, type[Settings]] = {"model": ModelConfig, "training": TrainConfig, "cleaning": CleanConfig}


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
    given = read_toml(Path(config), _SECTIONS) if config else {name: {} for name in _SECTIONS}
    for name, fields in (("model", model), ("training", training), ("cleaning", cleaning)):
        given[name].update(fields or {})
    for name, section in _SECTIONS.items():
        section(**given[name])  # a bad setting is said before anything is written
    pick_device(TrainConfig(**given["training"]).device)
    stem = Path(source).name.split(".")[0] if isinstance(source, (str, Path)) and str(source) != "-" else "molecules"
    folder = Path(output) if output else RUNS / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    table = open_table(source, smiles_column=smiles_column, header=header) if isinstance(source, (str, Path)) else None
    _make_folder(folder, overwrite=overwrite)
    clean_config, rejected = CleanConfig(**given["cleaning"]), folder / "rejected.csv"
    if table is not None:
        said.table(table.describe())
        corpus = clean(table, clean_config, rejected=rejected, on_progress=said.cleaning)
    else:
        corpus = clean_smiles(source, clean_config, rejected=rejected, on_progress=said.cleaning)  # type: ignore[arg-type]
    said.cleaned(corpus.counts, rejected)
    n = len(corpus)
    preset = size or default_size(n)
    model_config = SIZES[preset].replace(**given["model"])
    train_config = TrainConfig(**{**default_training(n), **given["training"]})
    parts = split_rows(
        corpus.smiles, train_config.split, valid=train_config.valid, test=train_config.test, seed=train_config.seed
    )
    _write_start(folder, corpus, parts, {"model": model_config, "training": train_config, "cleaning": clean_config})
    return _Run(folder, corpus.smiles, parts, model_config, train_config, said, tensorboard).go(preset)


def resume(folder: str | Path, *, tensorboard: bool = False, reporter: Reporter | None = None) -> MolVAE:
    """Go on with a run that was stopped; on CPU it ends with the weights it would have had.

    Args:
        folder: the run folder.
        tensorboard: write TensorBoard events too.
        reporter: hears what goes on.

    Raises:
        ModelError: the folder is no run, or is damaged.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ModelError(f"{path} does not exist; a run folder is what 'molvae train' wrote")
    if is_finished(path):
        raise ModelError(f"the run in {path} is finished; there is nothing to resume")
    needed = ("config.toml", "molecules.csv.gz", "splits.json")
    if any(not (path / name).is_file() for name in needed):
        raise ModelError(f"{path} holds no run that began to train ({', '.join(needed)}); start it anew")
    given = read_toml(path / "config.toml", _SECTIONS)
    try:
        smiles = pd.read_csv(path / "molecules.csv.gz", usecols=["smiles"], dtype=str)["smiles"].tolist()
        rows = {name: np.array(part, dtype=np.int64) for name, part in read_json(path / "splits.json")["rows"].items()}
        held = np.concatenate([rows["valid"], rows["test"]])
        rows["train"] = np.setdiff1d(np.arange(len(smiles)), held)
    except (OSError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{path} is damaged: molecules.csv.gz or splits.json cannot be read ({error})") from None
    run = _Run(
        path,
        smiles,
        rows,
        ModelConfig(**given["model"]),
        TrainConfig(**given["training"]),
        reporter or Reporter(),
        tensorboard,
    )
    return run.go("resumed")


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a model and no training that could be resumed."""
    return (folder / "model.safetensors").is_file() and not (folder / _CHECKPOINT).exists()


def _make_folder(folder: Path, *, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; the run folder needs another name")
    if folder.exists() and any(folder.iterdir()):
        if not overwrite:
            raise InputError(f"{folder} exists; name another folder, resume it, or overwrite it")
        if not ((folder / "config.toml").exists() or (folder / "rejected.csv").exists()):
            raise InputError(f"{folder} holds other files than a run's, and is not overwritten")
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be made: {error.strerror}") from error


def _write_start(
    folder: Path, corpus: Corpus, parts: dict[str, NDArray[np.int64]], settings: dict[str, Settings]
) -> None:
    """Write what a resumed run reads: molecules, split, settings; config.toml last, as the sign that all are there."""
    table = pd.concat([pd.DataFrame({"smiles": corpus.smiles}), corpus.properties], axis=1)
    with atomic(folder / "molecules.csv.gz") as temporary:
        table.to_csv(temporary, index=False, compression={"method": "gzip", "compresslevel": 3, "mtime": 0})
    training = settings["training"].model_dump()
    split = {key: training[key] for key in ("split", "seed")}
    rows = {name: part.tolist() for name, part in parts.items() if name != "train"}
    sizes = {name: len(part) for name, part in parts.items()}
    of = "positions in molecules.csv.gz, from 0; all others are trained on"
    write_text(folder / "splits.json", json.dumps({**split, "sizes": sizes, "rows are": of, "rows": rows}) + "\n")
    write_text(folder / "config.toml", to_toml(settings))


@dataclass
class _Run:
    """A run folder, ready to train."""

    folder: Path
    smiles: Sequence[str]
    parts: dict[str, NDArray[np.int64]]
    model_config: ModelConfig
    config: TrainConfig
    said: Reporter
    tensorboard: bool

    def go(self, preset: str) -> MolVAE:
        """Train, or train on, and finish the folder."""
        self.said.started(self.folder)
        self._tokenizer = SmilesTokenizer.from_smiles(self.smiles)
        corpus = TokenizedCorpus(self.smiles, self._tokenizer)
        train_smiles = [self.smiles[row] for row in self.parts["train"]]
        self._training_set = MoleculeSet.from_smiles(train_smiles)
        held = np.random.default_rng(self.config.seed).permutation(self.parts["valid"])[: self.config.health_samples]
        check = HealthCheck(
            corpus, held, [self.smiles[row] for row in held], self._training_set.intersection, self.config
        )
        with torch.random.fork_rng():
            torch.manual_seed(self.config.seed)
            model = SmilesVAE(self.model_config, len(self._tokenizer))
        self._history: list[dict[str, Any]] = []
        self._best: Epoch | None = None
        self._events = _event_writer(self.folder) if self.tensorboard else None
        trainer = Trainer(
            model,
            corpus,
            self.parts["train"],
            self.config,
            check=check,
            checkpoint=self.folder / _CHECKPOINT,
            on_step=self.said.step,
            on_epoch=self._on_epoch,
        )
        self._history = self._read_history(trainer.epochs_done)
        parameters = sum(p.numel() for p in model.parameters())
        self.said.plan(
            f"{preset} model, {parameters / 1e6:.2f}M parameters, {len(self._tokenizer)} tokens; "
            f"{len(train_smiles):,} molecules to train on, {len(self.parts['valid']):,} held out; "
            f"{self.config.epochs} epochs on {trainer.where}"
        )
        vae = MolVAE(self._stored(trainer.run()))
        vae.save_pretrained(self.folder)
        (self.folder / _CHECKPOINT).unlink(missing_ok=True)
        self.said.done(self.folder, self._best)
        return vae

    def _on_epoch(self, epoch: Epoch, average: SmilesVAE) -> None:
        flat = epoch.flat()
        self._history.append(flat)
        with atomic(self.folder / "history.csv") as temporary:
            pd.DataFrame(self._history).to_csv(temporary, index=False, float_format="%.6g")
        if epoch.best:
            self._best = epoch
            write_model(self.folder, self._stored(average))
        if self._events is not None:
            for name, value in flat.items():
                self._events.add_scalar(name, float(value), epoch.epoch)
        # Before a third of the training even a sound model may not have learnt to use its latent yet.
        grown = 3 * epoch.epoch >= self.config.epochs
        complaint = epoch.health.complaint(self.config, self.model_config.latent_dim) if grown else None
        self.said.epoch(epoch, self.config.epochs, complaint)

    def _read_history(self, epochs: int) -> list[dict[str, Any]]:
        path = self.folder / "history.csv"
        if not epochs or not path.exists():
            return []
        table = pd.read_csv(path)
        return [dict(row) for row in table[table["epoch"] <= epochs].to_dict("records")]

    def _stored(self, model: SmilesVAE) -> StoredModel:
        best = [row for row in self._history if row["best"]]
        card = {
            "molvae": __version__,
            "date": time.strftime("%Y-%m-%d"),
            "molecules": len(self.parts["train"]),
            "training": self.config.model_dump(),
            "figures": {key: float(value) for key, value in best[-1].items()} if best else {},
        }
        return StoredModel(model, self._tokenizer, self._training_set, card)


def _event_writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ConfigError('TensorBoard is not installed: pip install "molvae[tensorboard]"') from None
    return SummaryWriter(str(folder / "tensorboard"))  # type: ignore[no-untyped-call]
