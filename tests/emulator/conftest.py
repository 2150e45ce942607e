"""The emulator's own tests need it in their process."""

from tests.device.conftest import pytest_pycollect_makemodule  # noqa: F401


def pytest_itemcollected(item):
    item.add_marker("emulator")
