"""``molvae info`` as a shell runs it, with cards of any content."""

import io
import json
import math
import os
import shutil
import subprocess
import sys

import pytest

from molvae import MolVAE
from molvae.cli.models import Choice
from molvae.pretrained.card import read_card
from molvae.storage.files import finite
from tests.cli.shell import assert_error, molvae

ESCAPES = "\x1b[31mred\x1b[0m\x07 \u202egnp.exe \ud800\nnext"


def info(*arguments, **options):
    return molvae("info", *arguments, **options)


@pytest.fixture
def model(tiny_run, tmp_path):
    """A copy of a model folder, to be changed."""
    return shutil.copytree(tiny_run, tmp_path / "model")


def with_card(folder, card):
    """The folder with another card."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "card": card}))
    return folder


def values(text):
    """Label and rest of each line."""
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line]
    return {line[0]: line[1] for line in lines if len(line) == 2}


def test_the_lines(tiny_run):
    result = info(tiny_run)
    assert (result.exit_code, result.stderr) == (0, "")
    vae = MolVAE.from_pretrained(tiny_run)
    shown, figures = values(result.stdout), vae.card["figures"]
    assert shown["model"] == f"{tiny_run} (the argument MODEL)"
    assert shown["parameters"] == f"{sum(one.numel() for one in vae.model.parameters()):,} in float32"
    assert shown["vocabulary"].startswith(f"{len(vae.tokenizer)} tokens: # (")
    assert shown["latent_dim"].split() == ["8", "number", "of", "latent", "dimensions"]
    assert shown["molecules"].split()[0] == str(vae.card["molecules"])
    assert shown["epochs"].startswith("2 ") and shown["pool_size"].startswith("100 ") and "free_bits" not in shown
    assert shown["reconstruction"].startswith(f"{figures['reconstruction']:.2f} nats  ")
    assert shown["exact"].startswith(f"{100 * figures['exact']:.1f} %  ")
    assert "best" not in shown and "state" not in shown


def test_json_has_everything(tiny_run):
    result = info(tiny_run, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    shown, vae = json.loads(result.stdout), MolVAE.from_pretrained(tiny_run)
    assert shown["tokens"] == list(vae.tokenizer) and shown["model"] == vae.config.model_dump()
    assert shown["parameters"] == sum(one.numel() for one in vae.model.parameters())
    assert shown["card"] == json.loads(json.dumps(finite(vae.card))) and shown["dtypes"] == ["float32"]
    assert shown["training_hashes"] == len(vae.training_set) and shown["finished"] is True
    files = ("config.json", "tokenizer.json", "model.safetensors", "training_set.safetensors")
    assert shown["bytes"] == sum((tiny_run / name).stat().st_size for name in files)


def test_no_torch(tiny_run):
    script = (
        "import sys; from molvae.cli import app\n"
        "try: app(['info', sys.argv[1]])\n"
        "finally: assert not {'torch', 'rdkit', 'pandas', 'huggingface_hub'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script, tiny_run], capture_output=True, text=True, env=os.environ)
    assert result.returncode == 0, result.stderr


def test_a_run_that_is_not_finished(model):
    (model / "checkpoint.safetensors").touch()
    (model / "training_set.safetensors").unlink()
    text = info(model).stdout
    assert "--resume" in values(text)["state"] and "\ntraining set            is not kept\n" in text
    assert json.loads(info(model, "--json").stdout)["training_hashes"] is None


def test_a_card_of_somebody_else(model):
    card = {
        "author": ESCAPES, ESCAPES: 1, "note": "x" * 10_000, "list": list(range(100_000)), "huge": 10**4000,
        "nested": {"deep": {"deeper": {"key": [1, {"a": 1}, None, True]}}, "empty": {}, "none": []},
        "many": {f"key {i}": i for i in range(1000)},
        "training": {"epochs": "a few", "beta": None, "trick": {"on": True}},
        "figures": {"exact": math.nan, "kl": "good", "prior_valid": 10**400, "mine": 0.123456789, "test": {"kl": 12.5}},
    }  # fmt: skip
    result = info(with_card(model, card))
    assert result.exit_code == 0, result.output
    text = result.stdout
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert len(text) < 20_000 and max(map(len, text.splitlines())) < 1000
    for part in (r"\x1b[31mred\x1b[0m\x07 \u202egnp.exe \ud800\nnext", "(10,000 characters)", "(100,000 items)"):
        assert part in text
    for part in ("1, (1 item), none, yes", "and 940 more", "a few", "not measured", "0.123457", "12.50 nats"):
        assert part in text
    shown = json.loads(info(model, "--json").stdout, parse_constant=pytest.fail)["card"]
    assert shown["figures"]["exact"] is None and shown["author"] == ESCAPES and shown["list"] == card["list"]


def test_a_card_that_is_no_mapping(model):
    for card, part in ((["a", "b"], "a, b"), (None, "shape"), ({"molecules": "x", "figures": []}, "x")):
        result = info(with_card(model, card))
        assert result.exit_code == 0 and part in result.stdout
        assert molvae("sample", "--n", "1", "--raw", "--model", model).exit_code == 0


def test_half_precision(model):
    import torch

    from molvae.pretrained.folder import read_model, write_model

    write_model(model, read_model(model), dtype=torch.float16)
    assert "in float16" in info(model).stdout


def test_a_table_on_a_terminal(model, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    with_card(model, {"author": "[bold]x[/bold]" + ESCAPES})
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout", Terminal())
    sys.modules["molvae.cli.info"]._print_lines(Choice("mine", "why"), read_card(model))
    text = sys.stdout.getvalue()
    assert r"[bold]x[/bold]\x1b[31mred" in text and "\x07" not in text and "\x1b[31m" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_damage_is_one_message(model):
    for name, content, part in (
        ("config.json", b"{", "JSON"),
        ("config.json", b"[]", "config.json"),
        ("config.json", b'{"format": "molvae-model/1"}', "damaged"),
        ("tokenizer.json", b"[" * 100_000, "nested too deeply"),
        ("tokenizer.json", b"\xff\xfe", "damaged"),
        ("training_set.safetensors", b"half", "truncated"),
        ("model.safetensors", (model / "model.safetensors").read_bytes()[:-100], "truncated"),
    ):
        whole = (model / name).read_bytes()
        (model / name).write_bytes(content)
        result = info(model, *(["--json"] if part == "damaged" else []))
        assert_error(result, part, "the argument MODEL")
        assert result.stderr.count("\n") == 1
        (model / name).write_bytes(whole)
