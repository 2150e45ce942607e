"""save and load: whole files or none, and no damage goes unnoticed."""

import os
import stat
import subprocess
import sys

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skgru
from skgru import GRUClassifier, GRURegressor, GRUStepRegressor, SequenceScaler

from .estimators.problems import classes, ragged, table


def small_search():
    X, y = table(20)
    pipeline = make_pipeline(SequenceScaler(), GRURegressor(3, max_iter=1))
    return GridSearchCV(pipeline, {"gruregressor__alpha": [0.1]}, cv=2).fit(X, y), X


def small_models():
    X, y = ragged(20)
    for model in (GRURegressor(3, max_iter=1), GRUClassifier(3, max_iter=1, warm_start=True)):
        yield model.fit(X, y if isinstance(model, GRURegressor) else classes(y)), X
    yield GRUStepRegressor(3, max_iter=1).fit(X, [x[:, 0] for x in X]), X
    yield small_search()


def test_models_are_what_they_were(tmp_path):
    for model, X in small_models():
        path = tmp_path / "model.joblib"
        assert skgru.save(model, path) is None
        for found in (skgru.load(path), skgru.load(str(path)), joblib.load(path)):
            assert_array_equal(np.hstack(found.predict(X)), np.hstack(model.predict(X)))
        mapped = joblib.load(path, mmap_mode="r")
        assert_array_equal(np.hstack(mapped.predict(X)), np.hstack(model.predict(X)))
    assert os.listdir(tmp_path) == ["model.joblib"]


def test_a_model_and_the_state_of_a_stream(tmp_path):
    X, y = table(20)
    model = GRURegressor(3, max_iter=1).fit(X, y)
    stream = model.stream()
    stream.push([1.0])
    skgru.save((model, stream.get_state()), tmp_path / "today")
    loaded, state = skgru.load(tmp_path / "today")
    again = loaded.stream()
    again.set_state(state)
    assert again.push([2.0]) == stream.push([2.0])


@pytest.fixture
def saved(tmp_path):
    """The path and the bytes of a saved model."""
    path = tmp_path / "model.joblib"
    X, y = table(20)
    skgru.save(GRURegressor(3, max_iter=1).fit(X, y), path)
    return path, path.read_bytes()


def refuses(path, data):
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        skgru.load(path)
    message = str(caught.value)
    return str(path) in message and "damaged" in message


def test_every_single_byte_counts(saved):
    path, data = saved
    random_state = np.random.RandomState(0)
    for _ in range(1000):
        place = random_state.randint(len(data))
        changed = bytearray(data)
        changed[place] ^= random_state.randint(1, 256)
        assert refuses(path, changed), place
    path.write_bytes(data)
    skgru.load(path)


def test_truncated_and_extended_files(saved):
    path, data = saved
    for size in [*range(0, len(data), 7), len(data) - 1]:
        assert refuses(path, data[:size]), size
    assert refuses(path, data + b"\0")
    assert refuses(path, data + data)
    assert refuses(path, b"")


def test_what_joblib_wrote_is_left_to_joblib(tmp_path):
    path = tmp_path / "model.joblib"
    joblib.dump(GRURegressor(), path)
    with pytest.raises(ValueError, match="joblib.load reads"):
        skgru.load(path)


class Unwilling:
    """Ends a dump after some of it has been written."""

    def __init__(self, reason):
        self.before, self.reason = np.zeros(100_000), reason

    def __reduce__(self):
        if self.reason is os._exit:
            os._exit(9)
        raise self.reason


@pytest.mark.parametrize("reason", [RuntimeError("no"), KeyboardInterrupt()])
def test_a_save_that_fails_leaves_the_earlier_file(saved, reason):
    path, data = saved
    with pytest.raises(type(reason)):
        skgru.save([np.zeros(100_000), Unwilling(reason)], path)
    assert path.read_bytes() == data
    assert os.listdir(path.parent) == [path.name]


def test_a_full_disk_leaves_the_earlier_file(saved, monkeypatch):
    path, data = saved

    def fail(descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        skgru.save("another", path)
    assert path.read_bytes() == data
    assert os.listdir(path.parent) == [path.name]


def test_a_process_that_is_killed_leaves_the_earlier_file(saved):
    path, data = saved
    code = (
        "import os, sys, numpy as np, skgru\n"
        "from tests.test_save_and_load import Unwilling\n"
        "skgru.save([np.zeros(100_000), Unwilling(os._exit)], sys.argv[1])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], timeout=300)
    assert done.returncode == 9
    assert path.read_bytes() == data
    left = sorted(os.listdir(path.parent))
    assert len(left) == 2 and left[0].startswith(".skgru-")


@pytest.mark.skipif(os.name == "nt", reason="permissions are those of POSIX")
def test_permissions_are_those_of_an_ordinary_file(tmp_path):
    path = tmp_path / "model.joblib"
    before = os.umask(0o027)
    try:
        skgru.save("model", path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    skgru.save("another", path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert skgru.load(path) == "another"


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights there")
def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "model-1", tmp_path / "latest"
    link.symlink_to(target)
    for model in ("first", "second"):
        skgru.save(model, link)
        assert link.is_symlink()
        assert skgru.load(target) == model


def test_a_path_that_cannot_be_written(tmp_path):
    with pytest.raises(OSError, match="not an ordinary file"):
        skgru.save("model", tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder .*missing for model.joblib"):
        skgru.save("model", tmp_path / "missing" / "model.joblib")
    with pytest.raises(FileNotFoundError, match="missing"):
        skgru.load(tmp_path / "missing")
    assert os.listdir(tmp_path) == []
