"""The machine code of kernels on disk, where damage or a full disk costs a compilation, not a fit.

Numba decides what is kept, for which types and processor, and in which folder. Its own files are
not checked when they are read, and it raises what goes wrong with them: a truncated file ends every
fit until somebody deletes it. Here each compiled kernel is one file that begins with a checksum,
and whatever is not the expected code is compiled again and overwritten. There is no index that two
processes could write at once.
"""

import functools
import hashlib
import os
import pickle
import uuid
from pathlib import Path

import numba
from numba.core.caching import FunctionCache, NullCache
from numba.core.serialize import dumps

from skgru._warnings import warn

from .._compilation import tell_of_compilation
from ._aside import wait_for

_DIGEST_BYTES = hashlib.sha256().digest_size

# Process-wide: one warning is enough, although every kernel meets the same full disk.
_state = {"has_warned": False}


class KernelCache(FunctionCache):
    """Compiled versions of one kernel, for different types, in a folder.

    Parameters
    ----------
    function : callable
        The kernel in Python.

    Raises
    ------
    RuntimeError
        If Numba finds no folder to write to.
    """

    def __init__(self, function):
        super().__init__(function)
        self._cache_file = _Files(
            os.path.join(self._cache_path, self._impl.filename_base),
            (numba.__version__, self._impl.locator.get_source_stamp(), _digest_of_sources()),
        )

    def load_overload(self, sig, target_context):
        """Return the compiled kernel for these types, or None if it has to be compiled."""
        found = self._load(sig, target_context)
        if found is None:
            tell_of_compilation(self.cache_path)
            for _ in wait_for(self._py_func.__name__, sig):
                found = self._load(sig, target_context)
                if found is not None:
                    break
        return found

    def _load(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            return None

    def lacks(self, sig, target_context):
        """Whether there is no file for these types; one that is there may be damaged."""
        key = self._index_key(sig, target_context.codegen())
        return not self._cache_file.exists(key)

    def save_overload(self, sig, data):
        """Keep a compiled kernel, if that is possible."""
        try:
            super().save_overload(sig, data)
        except Exception as error:
            if not _state["has_warned"]:
                _state["has_warned"] = True
                warn(
                    f"Compiled kernels cannot be kept in {self.cache_path} ({error}), so every "
                    "process will compile them again. Make room there, or set NUMBA_CACHE_DIR to "
                    "another folder."
                )


class MemoryCache(NullCache):
    """The cache where no folder can be written: every process compiles."""

    def load_overload(self, sig, target_context):
        """Return None: there is nothing to load."""
        tell_of_compilation(None)

    def lacks(self, sig, target_context):
        """Return False: another process could not leave anything here."""
        return False


class _Files:
    """What Numba's caches take for their files: one file for every key.

    A file holds a checksum, of who wrote it and for which key as well as of its contents, and then
    the contents. If it is stale or damaged, or belongs to another key, the checksum differs.

    Parameters
    ----------
    prefix : str
        How the paths of the files begin.
    stamp : tuple
        What the compiled code depends on besides the key.
    """

    def __init__(self, prefix, stamp):
        self._prefix, self._stamp = prefix, stamp

    def load(self, key):
        """Return what was saved, or None."""
        path, identity = self._place(key)
        try:
            with open(path, "rb") as file:
                digest, data = file.read(_DIGEST_BYTES), file.read()
        except FileNotFoundError:
            return None
        return pickle.loads(data) if digest == _digest(identity, data) else None

    def exists(self, key):
        """Whether there is a file for a key."""
        return os.path.exists(self._place(key)[0])

    def save(self, key, data):
        """Write the file of a key as a whole, or raise an OSError and leave what was there."""
        path, identity = self._place(key)
        data = dumps(data)
        unfinished = f"{path}.tmp.{uuid.uuid4().hex[:16]}"  # another process may write the same
        try:
            with open(unfinished, "wb") as file:
                file.write(_digest(identity, data))
                file.write(data)
            os.replace(unfinished, path)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise

    def flush(self):
        """Delete all files of this kernel."""
        path = Path(self._prefix)
        for file in path.parent.glob(f"{path.name}.*.nbc"):
            file.unlink(missing_ok=True)

    def _place(self, key):
        """The path for a key, and bytes that tell it from other keys, stamps and versions."""
        name = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return f"{self._prefix}.{name}.nbc", repr((self._stamp, key)).encode()


def _digest(identity, data):
    digest = hashlib.sha256(identity)
    digest.update(data)
    return digest.digest()


@functools.cache
def _digest_of_sources():
    """A digest of the files of all kernels, since they are compiled into one another.

    Numba stamps compiled code with the file of the function itself alone.
    """
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), *here.parent.glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()
