"""Which model a command uses."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from molvae.cli.console import print_status
from molvae.errors import ModelError
from molvae.pretrained import BUNDLED, shipped
from molvae.storage.latest_run import RUNS, latest_run

if TYPE_CHECKING:
    from molvae.generator.molvae import MolVAE

__all__ = ["Choice", "choose_model", "is_number", "load_model", "named_by"]

_LARGEST = 10**15  # integers up to this number are exact as floats too


class Choice(NamedTuple):
    """The model that a command uses."""

    name: str
    """a folder, the id of a Hugging Face repository, ``medchem`` or ``moses``"""
    reason: str
    """where the name comes from"""


def choose_model(given: str | None, option: str = "--model") -> Choice:
    """The given model, else that of $MOLVAE_MODEL, else the newest finished run here, else the bundled one.

    Args:
        given: what the user named, if anything.
        option: the option or argument for it.

    Raises:
        ModelError: there is none.
    """
    if given:
        return Choice(given, option)
    if from_environment := os.environ.get("MOLVAE_MODEL"):
        return Choice(from_environment, "$MOLVAE_MODEL")
    newest = latest_run()
    if newest is not None:
        return Choice(str(newest), "the newest finished run")
    if shipped(BUNDLED) is not None:
        return Choice(BUNDLED, f"it comes with molvae; there is no finished run in {RUNS}/ here")
    raise ModelError(
        f"there is no finished run in {RUNS}/ here: train one (molvae train smiles.csv), or name one with {option}"
    )


@contextmanager
def named_by(choice: Choice) -> Iterator[None]:
    """Add to the message of a `ModelError` where the name of the model comes from."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{error} (the model was named by {choice.reason})") from None


def load_model(given: str | None, device: str, option: str = "--model") -> MolVAE:
    """Load the model of `choose_model`, and print which it is and how good it is.

    Raises:
        ModelError: there is none, or it cannot be read.
    """
    from molvae.generator.molvae import MolVAE
    from molvae.runtime.device import pick_device

    choice = choose_model(given, option)
    with named_by(choice):
        vae = MolVAE.from_pretrained(choice.name, device=pick_device(device))
    print_status(f"model: {choice.name} ({choice.reason}){_quality(vae.card)}")
    return vae


def _quality(card: dict[str, Any]) -> str:
    """What the card says about the training and the quality of a model; nothing where it says nothing."""
    molecules = card.get("molecules")
    facts = [f"trained on {molecules:,} molecules"] if isinstance(molecules, int) and is_number(molecules) else []
    figures = card.get("figures")
    tables = [figures, *figures.values()] if isinstance(figures, dict) else []
    for name, meaning in (("prior_valid", "of raw samples valid"), ("exact", "of held-out molecules reconstructed")):
        values = (table[name] for table in tables if isinstance(table, dict) and name in table)
        value = next((value for value in values if is_number(value) and math.isfinite(value)), None)
        facts += [] if value is None else [f"{100 * value:.1f} % {meaning}"]
    return "".join(f", {fact}" for fact in facts)


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a number that can be printed with digits."""
    return isinstance(value, float) or (type(value) is int and abs(value) < _LARGEST)
