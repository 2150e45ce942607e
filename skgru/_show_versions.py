"""show_versions: what a bug report has to say about a machine."""

import importlib.metadata
import platform
import sys

_PACKAGES = (
    "skgru", "numpy", "scipy", "scikit-learn", "joblib", "numba", "llvmlite", "numba-cuda",
    "pandas", "polars",
)  # fmt: skip


def show_versions():
    """Print versions of Python and of packages, and what kernels are compiled for.

    Like `sklearn.show_versions`, it prints what helps to understand a bug report: the versions of
    skgru and of the packages that it uses, the CPU and its vectors, the GPU if there is one, and
    the folder in which compiled kernels are kept.

    Examples
    --------
    >>> import skgru
    >>> skgru.show_versions()  # doctest: +SKIP
    """
    import skgru
    from skgru.kernels import describe_devices

    versions = {name: _version(name) for name in _PACKAGES} | {"skgru": skgru.__version__}
    system = {
        "python": " ".join(sys.version.split()),
        "executable": sys.executable,
        "machine": platform.platform(),
    }
    for title, facts in (
        ("System", system), ("Packages", versions), ("Kernels", describe_devices()),
    ):  # fmt: skip
        print(f"\n{title}:")
        for name, value in facts.items():
            print(f"{name:>12}: {value}")


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
