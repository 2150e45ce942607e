"""Networks: layers composed from kernels, on packed shards of sequences."""

from ._feeds import make_feed
from ._gru_network import GRUNetwork
from ._inference import Predictor
from ._network import Network
from ._streaming import NetworkStream
from ._threads import resolve_n_threads, run_tasks
from ._workspace import Workspace

__all__ = [
    "GRUNetwork",
    "Network",
    "NetworkStream",
    "Predictor",
    "Workspace",
    "make_feed",
    "resolve_n_threads",
    "run_tasks",
]
