"""What only the simulator needs: faster barriers, and no warnings of hashes that wrap around."""

import threading
import warnings

import numba
import numpy as np
import pytest

if not numba.config.ENABLE_CUDASIM:
    collect_ignore_glob = ["test_*.py"]  # test_simulator.py runs them in a process of their own
else:
    from numba.cuda.simulator import kernel as simulator

    class _Thread(simulator.BlockThread):
        def syncthreads(self):
            self._manager.barrier.wait()

    class _Blocks(simulator.BlockManager):
        """The simulator asks every thread again and again whether it waits; a barrier wakes all."""

        def run(self, grid_point, *arguments):
            self.barrier = threading.Barrier(int(np.prod(self._block_dim)))

            def target():
                try:
                    self._f(*arguments)
                except BaseException:
                    self.barrier.abort()
                    raise

            threads = [
                _Thread(target, self, grid_point, point, self._debug)
                for point in np.ndindex(*self._block_dim)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            errors = [thread.exception for thread in threads if thread.exception]
            errors.sort(key=lambda e: isinstance(e[0], threading.BrokenBarrierError))
            for error, traceback in errors:
                raise error.with_traceback(traceback)

    simulator.BlockManager = _Blocks


@pytest.fixture(autouse=True)
def _hashes_wrap_around():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "overflow encountered", RuntimeWarning)
        yield
