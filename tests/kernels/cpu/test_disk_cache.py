"""Compiled kernels on disk: whatever happens to the files, a kernel runs and computes the same."""

import os
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from numba import config

from skgru.kernels import listen_to_compilation
from skgru.kernels.cpu import _disk_cache
from skgru.kernels.cpu._disk_cache import _Files
from skgru.kernels.cpu._jit import kernel


def double(x, y):
    for i in range(x.shape[0]):
        y[i] = 2 * x[i]


@pytest.fixture(autouse=True)
def has_not_warned(monkeypatch):
    monkeypatch.setitem(_disk_cache._state, "has_warned", False)


def run(dtype="float32"):
    """Call the kernel as a new process would; return its cache, and how often it was compiled."""
    compiled = kernel(double)
    x, y = np.arange(3, dtype=dtype), np.zeros(3, dtype)
    compiled(x, y)
    assert y.tolist() == [0, 2, 4]
    return compiled._cache, sum(compiled.stats.cache_misses.values())


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A folder that holds the kernel for float32 and float64, and the names of both files."""
    folder = tmp_path_factory.mktemp("filled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "CACHE_DIR", str(folder))
        assert run("float32")[1] == 1
        (first,) = folder.rglob("*.nbc")
        assert run("float64")[1] == 1
    (second,) = set(folder.rglob("*.nbc")) - {first}
    return folder, first.relative_to(folder), second.relative_to(folder)


@pytest.fixture
def files(filled, tmp_path, monkeypatch):
    """A copy of that folder, in use: the file for float32, and the one for float64."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    folder, *names = filled
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    assert run()[1] == 0
    return [tmp_path / name for name in names]


def flip(place):
    def damage(file, other):
        data = bytearray(file.read_bytes())
        data[int(place * (len(data) - 1))] ^= 16
        file.write_bytes(data)

    return damage


def write(change):
    return lambda file, other: file.write_bytes(change(file.read_bytes()))


DAMAGE = {
    "empty": write(lambda data: b""),
    "one byte": write(lambda data: data[:1]),
    "only the checksum": write(lambda data: data[:32]),
    "half": write(lambda data: data[: len(data) // 2]),
    "without the last byte": write(lambda data: data[:-1]),
    "with bytes after the end": write(lambda data: data + b"\0" * 512),
    "zeros": write(lambda data: bytes(len(data))),
    "a hole": write(lambda data: data[:512] + bytes(512) + data[1024:]),
    "text": write(lambda data: b"<html>" * 100),
    "without the checksum": write(lambda data: data[32:]),
    "the first bit": flip(0),
    "a bit of the machine code": flip(0.5),
    "a bit near the end": flip(0.99),
    "the last bit": flip(1),
    "the code for other types": lambda file, other: shutil.copy(other, file),
    "no file": lambda file, other: file.unlink(),
    "no folder": lambda file, other: shutil.rmtree(file.parent),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_is_compiled_again_and_replaced(files, damage):
    damage(*files)
    assert run()[1] == 1
    assert run()[1] == 0


def test_no_bit_of_a_file_can_change_unnoticed(tmp_path):
    store = _Files(str(tmp_path / "kernel"), ("stamp",))
    store.save("key", ["some", {"data": b"\0" * 40}])
    assert store.load("key") == ["some", {"data": b"\0" * 40}]
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    for i in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[i // 8] ^= 1 << i % 8
        path.write_bytes(damaged)
        assert store.load("key") is None
    for length in range(len(data)):
        path.write_bytes(data[:length])
        assert store.load("key") is None


def test_code_of_other_sources_or_another_key_is_not_loaded(tmp_path):
    _Files(str(tmp_path / "kernel"), ("old",)).save("key", "code")
    new = _Files(str(tmp_path / "kernel"), ("new",))
    assert new.load("key") is None
    new.save("key", "new code")
    new.save("other", "other code")
    assert (new.load("key"), new.load("other")) == ("new code", "other code")
    assert len(list(tmp_path.iterdir())) == 2  # the old code was replaced
    new.flush()
    assert not list(tmp_path.iterdir())


def test_contents_that_numba_cannot_use(files, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_Files, "load", lambda self, key: "what only this version of Numba writes")
        assert run()[1] == 1
    assert run()[1] == 0


def check_that_it_warns_once(folder):
    with pytest.warns(UserWarning, match="cannot be kept in .*NUMBA_CACHE_DIR") as caught:
        cache, n_compiled = run("float32")
    assert n_compiled == 1
    assert cache.cache_path in str(caught[0].message) and str(folder) in cache.cache_path
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run("float64")[1] == 1


@pytest.fixture
def full(tmp_path):
    """No file can become larger than a few bytes, as on a disk that is full."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    yield tmp_path
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_costs_a_warning(full, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(full))
    check_that_it_warns_once(full)
    assert not [path for path in full.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_written_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    folder = Path(kernel(double)._cache.cache_path)
    makedirs = os.makedirs

    def refuse(path, *args, **kwargs):
        # Permissions would not stop a test that runs as root.
        if folder == Path(path) and not folder.is_dir():
            raise PermissionError(13, "Permission denied", path)
        makedirs(path, *args, **kwargs)

    first, second = kernel(double), kernel(double)
    shutil.rmtree(folder)
    monkeypatch.setattr(os, "makedirs", refuse)
    x = np.ones(1)
    with pytest.warns(UserWarning, match=f"cannot be kept in {folder} .*Permission denied"):
        first(x, x)
    second(x, x)
    assert x.tolist() == [4]


def test_a_file_in_the_place_of_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    compiled = kernel(double)
    folder = Path(compiled._cache.cache_path)
    shutil.rmtree(folder)
    folder.touch()
    x = np.ones(1)
    with pytest.warns(UserWarning, match="cannot be kept in"):
        compiled(x, x)
    assert x.tolist() == [2]


def test_listeners_hear_of_compilations_alone(files):
    folders = []
    with listen_to_compilation(folders.append):
        run()
        assert folders == []
        files[0].unlink()
        run()
        run()
    assert folders == [str(files[0].parent)]
    files[0].unlink()
    run()
    assert len(folders) == 1
