"""Two threads that tell each other numbers."""

import threading
import time

import numpy as np

from skgru.kernels import cpu


def test_looks_as_often_as_it_was_told():
    flags = np.zeros(16, np.int64)
    assert not cpu.signal_and_spin(flags, 0, 5, 8, 1, 100)
    assert flags[0] == 5
    flags[8] = 2
    assert not cpu.signal_and_spin(flags, 0, 6, 8, 3, 100)
    assert cpu.signal_and_spin(flags, 0, 7, 8, 2, 1)
    assert not cpu.signal_and_spin(flags, 0, 8, 8, 2, 0)
    assert flags[0] == 8


def test_two_threads_count_together():
    # Each waits for the other's number, and for what was written before it.
    flags, payload, n = np.zeros(16, np.int64), np.zeros(1), 300
    found = []

    def other():
        for i in range(n):
            while not cpu.signal_and_spin(flags, 8, i, 0, i + 1, 1000):
                time.sleep(0)
            found.append(payload[0])
        cpu.signal_and_spin(flags, 8, n, 0, 0, 0)

    thread = threading.Thread(target=other)
    thread.start()
    for i in range(n):
        payload[0] = i
        while not cpu.signal_and_spin(flags, 0, i + 1, 8, i + 1, 1000):
            time.sleep(0)
    thread.join(timeout=10)
    assert found == list(range(n))
