"""Faster barriers for Numba's simulator, in which a thread of the device is one of Python."""

import threading

import numpy as np


def use_fast_barriers():
    """The simulator asks every thread again and again whether it waits; a barrier wakes all."""
    from numba.cuda.simulator import kernel as simulator

    class Thread(simulator.BlockThread):
        def syncthreads(self):
            self._manager.barrier.wait()

    class Blocks(simulator.BlockManager):
        def run(self, grid_point, *arguments):
            self.barrier = threading.Barrier(int(np.prod(self._block_dim)))

            def target():
                try:
                    self._f(*arguments)
                except BaseException:
                    self.barrier.abort()
                    raise

            threads = [
                Thread(target, self, grid_point, point, self._debug)
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

    simulator.BlockManager = Blocks
