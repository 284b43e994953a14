"""The cache of cleaned tables: the same result at once, or cleaned anew; never in the way."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from molvae.config import CleanConfig
from molvae.corpus import cache
from molvae.corpus.cache import clean_cached
from molvae.corpus.cleaning import Corpus, clean
from molvae.corpus.reading import open_table

TEXT = "smiles,y,ö\n" + "OCC,1,\nCCO,3,5\nC1CC,9,9\n,9,9\n[Na+].CC(=O)[O-],,\nC[C@H](N)O,1e300,2\n" * 3


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOLVAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_MIN_ROWS", 10)
    return tmp_path / "cache" / "cleaned"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "t.csv").write_text(TEXT)
    return tmp_path / "t.csv"


def cleaned(file: Path, config: CleanConfig | None = None, **options) -> tuple[Corpus, bool, bytes]:
    report = file.with_name("rejected.csv")
    report.unlink(missing_ok=True)
    corpus, found = clean_cached(open_table(file, **options), config, rejected=report, workers=1)
    return corpus, found, report.read_bytes()


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*")) if folder.exists() else []


def same(one: Corpus, other: Corpus) -> bool:
    pd.testing.assert_frame_equal(one.properties, other.properties)
    return one.smiles == other.smiles and one.counts == other.counts


def test_the_second_time_is_the_first(folder, file):
    plain = clean(open_table(file), rejected=file.with_name("plain.csv"), workers=1)
    corpus, found, report = cleaned(file)
    again, found_again, report_again = cleaned(file)
    assert (found, found_again) == (False, True)
    assert same(plain, corpus) and same(corpus, again)
    assert list(again.counts.rejected.items()) == list(corpus.counts.rejected.items())
    assert report == report_again == file.with_name("plain.csv").read_bytes()


def test_what_decides_on_the_result_decides_on_the_entry(folder, file, monkeypatch):
    cleaned(file)
    assert not cleaned(file, CleanConfig(stereo=False))[1]
    assert not cleaned(file, header=False)[1]
    smi = file.with_name("t.smi")
    smi.write_text(TEXT)
    assert not cleaned(smi)[1]
    copied = file.with_name("copy.csv")
    copied.write_text(TEXT)
    assert cleaned(copied)[1]
    file.write_text(TEXT + "CCCC,1,1\n")
    corpus, found, _ = cleaned(file)
    assert not found and "CCCC" in corpus.smiles
    monkeypatch.setattr("rdkit.__version__", "another")
    assert not cleaned(copied)[1]


def test_small_tables_and_pipes_and_off(folder, file, monkeypatch):
    monkeypatch.setenv("MOLVAE_CACHE", "off")
    cleaned(file)
    assert not cleaned(file)[1]
    monkeypatch.setenv("MOLVAE_CACHE", str(folder.parent))
    monkeypatch.setattr(cache, "_MIN_ROWS", 100)
    cleaned(file)
    assert not cleaned(file)[1] and not entries(folder)
    monkeypatch.setattr(cache, "_MIN_ROWS", 1)
    reading, writing = os.pipe()
    os.write(writing, TEXT.encode())
    os.close(writing)
    corpus, found = clean_cached(open_table(f"/dev/fd/{reading}"), rejected=file.with_name("r.csv"), workers=1)
    os.close(reading)
    assert corpus.counts.rows == 18 and not found and not entries(folder)


@pytest.mark.parametrize("damage", ["cut", "empty", "foreign", "flipped", "other key"])
def test_a_damaged_entry_is_cleaned_anew(folder, file, damage):
    corpus, _, report = cleaned(file)
    (entry,) = entries(folder)
    content = entry.read_bytes()
    if damage == "other key":
        cleaned(file, CleanConfig(stereo=False))
        other = next(one for one in entries(folder) if one != entry)
        entry.write_bytes(other.read_bytes())
    else:
        middle = len(content) - 9
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        entry.write_bytes({"cut": content[:-9], "empty": b"", "foreign": b"PK" * 99, "flipped": flipped}[damage])
    again, found, report_again = cleaned(file)
    assert not found and same(corpus, again) and report == report_again
    assert cleaned(file)[1]


@pytest.mark.parametrize("place", ["file", "unwritable", "full"])
def test_a_cache_that_cannot_be_used_ends_no_run(folder, file, monkeypatch, place):
    if place == "file":
        monkeypatch.setenv("MOLVAE_CACHE", str(file))
    elif place == "unwritable":
        monkeypatch.setenv("MOLVAE_CACHE", "/proc/nowhere")
    else:
        monkeypatch.setattr("safetensors.numpy.save", full)
    assert len(cleaned(file)[0]) == 3
    assert not cleaned(file)[1] and not entries(folder)


def full(*args, **options):
    raise OSError(28, "No space left on device")


def test_changes_and_interruptions_while_cleaning_leave_no_entry(folder, file):
    def change(rows: int) -> None:
        file.write_text(TEXT.replace("C[C@H]", "C[C@@H]"))

    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    report = file.with_name("r.csv")
    clean_cached(open_table(file), rejected=report, workers=1, on_progress=change)
    with pytest.raises(KeyboardInterrupt):
        clean_cached(open_table(file), rejected=report, workers=1, on_progress=interrupt)
    assert not entries(folder)


def test_runs_at_the_same_time(folder, file):
    def run(number):
        for _ in range(20):
            for entry in entries(folder):
                entry.unlink(missing_ok=True)
            corpus, _ = clean_cached(open_table(file), rejected=file.with_name(f"r{number}.csv"), workers=1)
            assert (corpus.counts.rows, corpus.counts.kept) == (18, 3)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(run, range(2)))


def test_the_most_recent_are_kept(folder, file, monkeypatch):
    monkeypatch.setattr(cache, "_MAX_ENTRIES", 3)
    for length in range(50, 55):
        cleaned(file, CleanConfig(max_length=length))
        if length >= 51:
            assert cleaned(file, CleanConfig(max_length=51))[1]  # used again and again, and so kept
        for age, entry in enumerate(sorted(entries(folder), key=lambda path: path.stat().st_mtime, reverse=True)):
            os.utime(entry, (time.time() - 10 * (age + 1),) * 2)
    assert len(entries(folder)) == 3
    old = folder / ".killed.safetensors"
    old.write_text("x")
    os.utime(old, (0, 0))
    cleaned(file, CleanConfig(max_length=99))
    assert len(entries(folder)) == 3 and not old.exists()
