"""The other engines of the speed benchmark: one class each, all with the same few methods.

A peer is built from a `Problem` and a number of threads, and brings the data into the layout that
it likes best: that is not timed. Its attribute ``kinds`` says what it can do ("training",
"inference"), ``run(train)`` is what is timed, and ``final()`` and ``gradients()`` return what the
last run found, as in `_engine.Engine`. The constructor raises `Unsupported` where a peer cannot do
a case.
"""

import importlib
import importlib.util

# Name in the tables: module here, class, packages it needs.
_PEERS = {
    "torch": ("_torch", "Torch", ("torch",)),
    "torch.compile": ("_torch", "TorchCompiled", ("torch",)),
    "JAX": ("_jax", "Jax", ("jax",)),
    "Keras": ("_keras", "Keras", ("keras", "jax")),
    "ONNX Runtime": ("_onnx", "OnnxRuntime", ("onnx", "onnxruntime")),
    "OpenVINO": ("_onnx", "OpenVino", ("onnx", "openvino")),
}
NAMES = tuple(_PEERS)


class Unsupported(Exception):
    """A peer cannot do a case; the message says why."""


def missing(name):
    """Packages that a peer needs and that are not installed."""
    packages = _PEERS[name][2]
    return [package for package in packages if importlib.util.find_spec(package) is None]


def load(name):
    """Import the class of a peer."""
    module, attribute, _ = _PEERS[name]
    return getattr(importlib.import_module(f"peers.{module}"), attribute)
