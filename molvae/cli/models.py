"""Which model a command takes."""

from __future__ import annotations

import os

from molvae.cli.common import say
from molvae.errors import ModelError
from molvae.generator import MolVAE
from molvae.latest_run import RUNS, latest_run
from molvae.machine.device import pick_device

__all__ = ["load_model"]


def load_model(given: str | None, device: str) -> MolVAE:
    """The model of ``--model``, else of $MOLVAE_MODEL, else the newest finished run here; says which.

    Raises:
        ModelError: there is none, or it cannot be read.
    """
    name, why = _choose(given)
    try:
        vae = MolVAE.from_pretrained(name, device=pick_device(device))
    except ModelError as error:
        raise ModelError(f"{error} (the model was named by {why})") from None
    trained_on = f", trained on {vae.card['molecules']:,} molecules" if "molecules" in vae.card else ""
    say(f"model: {name} ({why}){trained_on}")
    return vae


def _choose(given: str | None) -> tuple[str, str]:
    if given:
        return given, "--model"
    if from_environment := os.environ.get("MOLVAE_MODEL"):
        return from_environment, "$MOLVAE_MODEL"
    newest = latest_run()
    if newest is None:
        raise ModelError(
            f"there is no finished run in {RUNS}/ here: train one (molvae train smiles.csv), or name one with --model"
        )
    return str(newest), "the newest finished run"
