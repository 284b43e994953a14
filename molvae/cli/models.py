"""Which model a command takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from molvae.cli.common import say
from molvae.errors import ModelError
from molvae.pretrained import BUNDLED, shipped
from molvae.storage.latest_run import RUNS, latest_run

if TYPE_CHECKING:
    from molvae.generator.molvae import MolVAE

__all__ = ["Choice", "choose_model", "load_model", "naming"]


class Choice(NamedTuple):
    """The model that a command takes."""

    name: str
    """a folder, the id of a Hugging Face repository, or ``bundled``"""
    why: str
    """what named it"""


def choose_model(given: str | None, given_by: str = "--model") -> Choice:
    """The model that was given, else that of $MOLVAE_MODEL, else the newest finished run here, else the bundled one.

    Args:
        given: what the user named, if anything.
        given_by: the option or argument for it.

    Raises:
        ModelError: there is none.
    """
    if given:
        return Choice(given, given_by)
    if from_environment := os.environ.get("MOLVAE_MODEL"):
        return Choice(from_environment, "$MOLVAE_MODEL")
    newest = latest_run()
    if newest is not None:
        return Choice(str(newest), "the newest finished run")
    if shipped(BUNDLED) is not None:
        return Choice(BUNDLED, f"it comes with molvae; there is no finished run in {RUNS}/ here")
    raise ModelError(
        f"there is no finished run in {RUNS}/ here: train one (molvae train smiles.csv), or name one with {given_by}"
    )


@contextmanager
def naming(choice: Choice) -> Iterator[None]:
    """Let what is wrong with a model be told with what named it."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{error} (the model was named by {choice.why})") from None


def load_model(given: str | None, device: str, given_by: str = "--model") -> MolVAE:
    """The model of ``--model``, else of $MOLVAE_MODEL, the newest finished run here, or the bundled one; says which.

    Raises:
        ModelError: there is none, or it cannot be read.
    """
    from molvae.generator.molvae import MolVAE
    from molvae.runtime.device import pick_device

    choice = choose_model(given, given_by)
    with naming(choice):
        vae = MolVAE.from_pretrained(choice.name, device=pick_device(device))
    molecules = vae.card.get("molecules")
    trained_on = f", trained on {molecules:,} molecules" if isinstance(molecules, int) else ""
    say(f"model: {choice.name} ({choice.why}){trained_on}")
    return vae
