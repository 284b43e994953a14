"""A training in a run folder: it writes the model and the history after each epoch, and finishes the folder."""

from __future__ import annotations

import copy
import time
from dataclasses import asdict
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from molvae._version import __version__
from molvae.chem.known_molecules import KnownMolecules
from molvae.chem.molecule_set import MoleculeSet
from molvae.chem.plausibility import RADICAL, unusual_atoms
from molvae.config import SIZES, ModelConfig
from molvae.corpus.batching import TokenizedCorpus
from molvae.corpus.tokenizer import SmilesTokenizer
from molvae.corpus.writing import frame_text
from molvae.errors import ConfigError, pluralize
from molvae.generator.molvae import MolVAE
from molvae.model import SmilesVAE
from molvae.pretrained.folder import StoredModel, write_model
from molvae.runtime.distributed import broadcast, is_main, on_main
from molvae.storage.files import write_text
from molvae.storage.latest_run import CHECKPOINT
from molvae.training import Epoch, HeadCheck, HealthCheck, Labels, SmilesRandomization, Trainer
from molvae.training.run.console_reporter import Reporter
from molvae.training.run.finetune_source import read_finetune_source
from molvae.training.run.folder import Start, end, read_history, write_settings
from molvae.training.run.memorization import Memorization, memorization

__all__ = ["Runner", "check_tensorboard"]

_FEW_STEPS = 2_000  # about the steps that the medium size needs before it uses its latent space
_FEW_MOLECULES = 300
_READOUT = 1_000  # draws of each model on which memorization is measured


class Runner:
    """Trains in a run folder, from its checkpoint if there is one.

    Args:
        folder: the run folder.
        start: molecules, parts and settings.
        reporter: receives the events of the run.
        tensorboard: also write TensorBoard events.
        minutes: end a run of schedule "stable" in this time, while its learning rate decays to zero; None: as planned.

    Raises:
        ConfigError: `minutes` are given, and the run has another schedule.
    """

    def __init__(
        self, folder: Path, start: Start, reporter: Reporter, *, tensorboard: bool, minutes: float | None = None
    ) -> None:
        self._folder, self._start, self._reporter = folder, start, reporter
        self._events = _event_writer(folder) if tensorboard and is_main() else None
        self._training = [start.smiles[row] for row in start.parts["train"]]
        self._training_set = MoleculeSet.from_smiles(self._training)
        if start.origin is not None:
            self._tokenizer, self._model = start.origin.tokenizer, start.origin.model
        else:
            self._tokenizer = SmilesTokenizer.from_smiles(start.smiles)
            with torch.random.fork_rng():
                torch.manual_seed(start.training.seed)
                self._model = SmilesVAE(start.model, len(self._tokenizer))
            for head, scale in zip(self._model.property_heads().values(), start.scales().values(), strict=True):
                head.set_scale(scale)
        reporter.started(folder)  # before the speed is measured, so that an interruption says how to resume
        self._settle_steps(minutes)
        self._trainer = self._make_trainer(self._model)
        self._history = read_history(folder, self._trainer.epochs_done)
        self._warned = False

    def run(self) -> MolVAE:
        """Train, from the start or the checkpoint, and finish the folder."""
        parts = self._start.parts
        parameters = sum(p.numel() for p in self._model.parameters())
        self._reporter.plan(
            f"{self._name()} model, {parameters / 1e6:.2f}M parameters, {len(self._tokenizer)} tokens; "
            f"{pluralize(len(parts['train']), 'molecule')} to train on, {len(parts['valid']):,} held out; "
            f"{self._length()} on {self._trainer.where}"
        )
        if len(parts["train"]) < _FEW_MOLECULES and self._start.origin is None:
            self._reporter.plan(
                f"{pluralize(len(parts['train']), 'molecule')} are few for training from scratch: expect invalid "
                "or memorized samples and noisy figures; some thousands are better"
            )
        if self._trainer.steps_done:
            self._reporter.plan(f"resuming at step {self._trainer.steps_done:,} of {self._trainer.plan.steps:,}")
        vae = MolVAE(self._stored(self._trainer.run()))
        on_main(lambda: self._finish(vae))
        self._reporter.done(self._folder, self._trainer.best_epoch)
        return vae

    def _finish(self, vae: MolVAE) -> None:
        if self._start.origin is not None:
            measured = self._memorization(vae)
            vae.card["memorization"] = asdict(measured)
            self._reporter.memorized(measured)
        vae.save_pretrained(self._folder)
        end(self._folder)

    def _memorization(self, vae: MolVAE) -> Memorization:
        start = read_finetune_source(self._folder, self._start.model)  # the source in memory has been trained
        config, smiles = self._start.training, self._start.smiles
        return memorization(
            vae,
            MolVAE(StoredModel(start.model, start.tokenizer), device=vae.device),
            self._training,
            [smiles[row] for row in self._start.parts["valid"]],
            seed=config.seed,
            samples=_READOUT,
        )

    # Of a million molecules these two take a minute, so they are computed when the model is first written.

    @cached_property
    def _atoms(self) -> list[str]:
        """The unusual atoms of the training molecules."""
        return sorted(frozenset[str]().union(*map(unusual_atoms, self._training)) - {RADICAL})

    @cached_property
    def _known(self) -> KnownMolecules:
        """All molecules of the file."""
        parts = self._start.parts
        held_out = [self._start.smiles[row] for name in ("valid", "test") for row in parts[name]]
        return KnownMolecules.from_smiles(self._training, held_out)

    def _name(self) -> str:
        """The preset size of the model, or custom."""
        bare = self._start.model.replace(properties="", log="", head_hidden=ModelConfig().head_hidden)
        return next((name for name, preset in SIZES.items() if preset == bare), "custom")

    def _length(self) -> str:
        """The length of the training, as text."""
        config = self._start.training
        epochs = pluralize(self._trainer.plan.epochs, "epoch")
        if not config.steps:
            return epochs
        within = f", for {config.minutes:g} minutes" if config.minutes else ""
        return f"{pluralize(config.steps, 'step')} ({epochs}){within}"

    def _settle_steps(self, to_end: float | None) -> None:
        """Measure the speed, turn minutes into steps, and save these, so that a resumed run keeps its plan."""
        config, started = self._start.training, time.monotonic()
        minutes = to_end or config.minutes
        if not minutes or (config.steps and not to_end):
            return
        if to_end and config.schedule != "stable":
            raise ConfigError(
                f"this run has the schedule {config.schedule!r}, whose end is fixed: only a run with --schedule stable "
                "can end earlier; leave --minutes out"
            )
        self._reporter.plan(f"measuring how many steps take {minutes:g} minutes ...")
        rehearsal = self._make_trainer(copy.deepcopy(self._model))
        done, pace = rehearsal.steps_done, rehearsal.rehearse(60.0 * minutes)
        left = broadcast(60.0 * minutes - (time.monotonic() - started))
        steps, between = pace.fit(left, rehearsal.plan.steps_per_epoch)
        changes: dict[str, Any] = {"decay": steps / (done + steps)} if to_end else {}
        config = config.replace(steps=done + steps, check_epochs=max(between, config.check_epochs), **changes)
        self._start = self._start._replace(training=config)
        on_main(lambda: write_settings(self._folder, self._start))

    def _make_trainer(self, model: SmilesVAE) -> Trainer:
        config, smiles, parts = self._start.training, self._start.smiles, self._start.parts
        corpus = TokenizedCorpus(smiles, self._tokenizer)
        held = np.random.default_rng(config.seed).permutation(parts["valid"])
        check = HealthCheck(
            corpus,
            held,
            [smiles[row] for row in held],
            self._training_set.intersection,
            config,
            self._start.cleaning.max_length,
        )
        scales = [head.scale for head in model.property_heads().values()]
        labels = Labels(self._start.labels, scales, parts["train"]) if scales else None
        return Trainer(
            model,
            corpus,
            parts["train"],
            config,
            check=check,
            labels=labels,
            check_heads=None if labels is None else HeadCheck(corpus, parts["valid"], labels),
            randomize=SmilesRandomization(smiles, self._tokenizer, self._start.cleaning.max_length),
            checkpoint=self._folder / CHECKPOINT,
            on_step=self._reporter.step,
            on_epoch=self._on_epoch,
            on_interrupt=self._reporter.stopping,
        )

    def _on_epoch(self, epoch: Epoch, average: SmilesVAE) -> None:
        if not is_main():
            return
        flat = epoch.flat()
        self._history.append(flat)
        write_text(self._folder / "history.csv", frame_text(pd.DataFrame(self._history), header=True, digits=6))
        if epoch.best:
            write_model(self._folder, self._stored(average))
        if self._events is not None:
            for name, value in flat.items():
                self._events.add_scalar(name, float(value), epoch.epoch)
        self._reporter.epoch(epoch, self._trainer.plan.epochs, self._warning(epoch))

    def _warning(self, epoch: Epoch) -> str | None:
        """A warning about the latent space, once and at the end; None if it is healthy, or it is too early to say."""
        config = self._start.training
        epochs = self._trainer.plan.epochs
        last, not_early = epoch.epoch == epochs, 3 * epoch.epoch >= epochs
        warning = epoch.health.warning(config, self._start.model.latent_dim)
        if warning is None or not (last or (not_early and not self._warned)):
            return None
        self._warned = True
        steps = self._trainer.plan.steps
        return warning + (f" {pluralize(steps, 'step')} may be too few: raise epochs." if steps < _FEW_STEPS else "")

    def _best(self) -> dict[str, Any]:
        """The row of the history of the best epoch; empty if the history was lost."""
        return next((row for row in reversed(self._history) if row["best"]), {})

    def _stored(self, model: SmilesVAE) -> StoredModel:
        card = {
            "molvae": __version__,
            "date": time.strftime("%Y-%m-%d"),
            "molecules": len(self._start.parts["train"]),
            "max_length": self._start.cleaning.max_length,
            "trained on": self._trainer.where,
            "training": self._start.training.model_dump(),
            "unusual atoms": self._atoms,
            **self._heads(model),
            **self._lineage(),
            "figures": {key: float(value) for key, value in self._best().items()},
        }
        return StoredModel(model, self._tokenizer, self._known, card)

    def _heads(self, model: SmilesVAE) -> dict[str, Any]:
        """The entry of the card for the property heads, if there are any."""
        known = np.isfinite(self._start.labels[self._start.parts["train"]]).sum(0).tolist()
        heads = {
            name: {"labels": n, **head.scale._asdict()}
            for name, head, n in zip(model.config.quantities, model.property_heads().values(), known, strict=True)
        }
        return {"heads": heads} if heads else {}

    def _lineage(self) -> dict[str, Any]:
        """The entry of the card for the model that was fine-tuned, if there is one."""
        origin = self._start.origin
        if origin is None:
            return {}
        return {"fine_tuned_from": self._start.training.init_from, "new_tokens": origin.new_tokens}


def check_tensorboard() -> None:
    """Raise `ConfigError` if TensorBoard is not installed."""
    if find_spec("tensorboard") is None:
        raise ConfigError('TensorBoard is not installed: pip install "molvae[tensorboard]"')


def _event_writer(folder: Path) -> Any:
    check_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder / "tensorboard"))
