"""save and load: models in files that are replaced as a whole and carry a checksum."""

import hashlib
import os
import secrets
import shutil

import joblib

# A file is what `joblib.dump` writes, which ends where its pickle ends, so that `joblib.load` does
# not see what follows: this mark and the SHA-256 of all bytes before it. Files are not compressed,
# because joblib would try to decompress the trailer, too.
_MARK = b"skgru-sha256"
_TRAILER_SIZE = len(_MARK) + hashlib.sha256().digest_size


def save(model, path):
    """Save a model, replacing the file as a whole or not at all.

    The model is written to a temporary file in the same folder, which then takes the place of
    `path`. If the process is killed meanwhile or the disk is full, an earlier file at `path` stays
    as it was. (Only a process that is killed leaves its temporary file behind, whose name begins
    with ``.skgru-``.)

    Parameters
    ----------
    model : object
        An estimator of skgru, a Pipeline or search that contains one, or anything else that can be
        pickled, such as a tuple of a model and the state of a stream.
    path : str or os.PathLike
        The file. Its folder must exist.

    Raises
    ------
    OSError
        If the file cannot be written.
    PicklingError, TypeError, AttributeError
        If `model` contains something that cannot be pickled, such as a lambda.

    See Also
    --------
    load : Load the model.

    Notes
    -----
    The file is that of ``joblib.dump(model, path)``, followed by a checksum; ``joblib.load`` reads
    it too, without looking at the checksum. It is not compressed: the weights of a network hardly
    become smaller.

    Examples
    --------
    >>> import skgru
    >>> skgru.save(model, "model.joblib")  # doctest: +SKIP
    >>> model = skgru.load("model.joblib")  # doctest: +SKIP
    """
    path = os.path.realpath(path)  # a symbolic link stays one
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(f"{path} is not an ordinary file. Pass the path of a file to save to.")
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"There is no folder {folder} for {name}. Create it first.")
    temporary = os.path.join(folder, f".skgru-{secrets.token_hex(8)}.tmp")
    try:
        # Not by tempfile, whose files only their owner may read.
        with open(temporary, "x+b") as file:
            if os.path.exists(path):
                shutil.copymode(path, temporary)
            joblib.dump(model, file)
            file.write(_MARK + _digest(file, file.tell()))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def load(path):
    """Load a model that `save` has written, if the file is undamaged.

    .. warning::
        Loading a file executes whatever code its author has put into it, as with `pickle` and
        `joblib.load`, and the checksum is no protection against that. Load only files that you
        trust; for others use `skops <https://skops.readthedocs.io>`_.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    model : object
        What was saved. A model predicts the same as before, to the last bit on the same kind of
        processor.

    Raises
    ------
    ValueError
        If the file is truncated or damaged or was not written by `save`, or if a model in it was
        saved by a later version of skgru, or by one so early that it cannot be read any more.
    OSError
        If the file cannot be read.

    See Also
    --------
    save : Save a model.
    """
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END) - _TRAILER_SIZE
        file.seek(max(size, 0))
        trailer = file.read()
        if size < 0 or not trailer.startswith(_MARK):
            raise ValueError(
                f"{os.fspath(path)} does not end as a file of skgru.save does: it is truncated or "
                "damaged, or was written by something else (joblib.load reads what joblib.dump "
                "wrote)."
            )
        if trailer != _MARK + _digest(file, size):
            raise ValueError(
                f"{os.fspath(path)} is damaged: its contents do not match its checksum. Save the "
                "model again, or use a copy of the file."
            )
        file.seek(0)
        return joblib.load(file)


def _digest(file, size):
    """The SHA-256 of the first ``size`` bytes of a file, which is left behind them."""
    digest = hashlib.sha256()
    file.seek(0)
    while size > 0 and (block := file.read(min(size, 1 << 20))):
        digest.update(block)
        size -= len(block)
    return digest.digest()
