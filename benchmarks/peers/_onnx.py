"""ONNX Runtime and OpenVINO: inference of one ONNX graph, float32 only."""

import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from . import Unsupported


def _gates(array, hidden):
    """(3 * hidden, ...) in the order z, r, n, as ONNX has it."""
    return np.concatenate([array[hidden : 2 * hidden], array[:hidden], array[2 * hidden :]])


def make_model(problem):
    """The case as a serialised ONNX model: "x", time-major, to "final" of each direction."""
    case = problem.case
    if case.dtype != "float32":
        raise Unsupported("float32 only")
    n, directions, ragged = case.hidden, case.n_directions, case.kind == "ragged"
    nodes, arrays, x = [], {}, "x"
    for layer in range(case.n_layers):
        both = problem.weights[layer * directions : (layer + 1) * directions]
        names = [f"W{layer}", f"R{layer}", f"B{layer}"]
        arrays[names[0]] = np.stack([_gates(weights.W.T, n) for weights in both])
        arrays[names[1]] = np.stack([_gates(weights.U.T, n) for weights in both])
        arrays[names[2]] = np.stack(
            [np.concatenate([_gates(weights.b_i, n), _gates(weights.b_h, n)]) for weights in both]
        )
        top = layer == case.n_layers - 1
        nodes.append(
            helper.make_node(
                "GRU",
                [x, *names, *(["lengths"] if ragged else [])],
                ["", "final"] if top else [f"states{layer}"],
                hidden_size=n,
                linear_before_reset=1,
                direction="bidirectional" if directions == 2 else "forward",
            )
        )
        if not top:
            # (steps, directions, batch, hidden) to (steps, batch, directions * hidden)
            arrays["shape"] = np.array([0, 0, directions * n])
            x = f"x{layer + 1}"
            nodes += [
                helper.make_node(
                    "Transpose", [f"states{layer}"], [f"turned{layer}"], perm=[0, 2, 1, 3]
                ),
                helper.make_node("Reshape", [f"turned{layer}", "shape"], [x]),
            ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [case.steps, case.batch, case.inputs])
    ]
    if ragged:
        inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, [case.batch]))
    outputs = [
        helper.make_tensor_value_info("final", TensorProto.FLOAT, [directions, case.batch, n])
    ]
    initializers = [
        numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items()
    ]
    graph = helper.make_graph(nodes, "gru", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()


def _inputs(problem):
    found = {"x": problem.time_major()}
    if problem.case.kind == "ragged":
        found["lengths"] = problem.lengths.astype(np.int32)
    return found


class OnnxRuntime:
    """An `InferenceSession`; binding buffers beforehand gains nothing over a plain run."""

    kinds = ("inference",)

    def __init__(self, problem, threads):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            make_model(problem), options, providers=["CPUExecutionProvider"]
        )
        self.inputs, self.last = _inputs(problem), None

    def run(self, train):
        (self.last,) = self.session.run(None, self.inputs)

    def final(self):
        return np.concatenate(list(self.last), axis=1)


class OpenVino:
    """A compiled model for lowest latency, on shared buffers, without lower precision."""

    kinds = ("inference",)

    def __init__(self, problem, threads):
        # Its usage statistics fork a process to send them, in the middle of the measurement; where
        # their package is missing, as this makes it look, openvino does without.
        sys.modules.setdefault("openvino_telemetry", None)
        import openvino

        core = openvino.Core()
        model = core.compile_model(
            core.read_model(make_model(problem)),
            "CPU",
            {
                "INFERENCE_NUM_THREADS": threads,
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_PRECISION_HINT": "f32",
                # Pinning would move the threads of the other engines as well.
                "ENABLE_CPU_PINNING": False,
            },
        )
        self.request = model.create_infer_request()
        self.inputs = _inputs(problem)  # the request refers to this memory
        for name, array in self.inputs.items():
            self.request.set_tensor(name, openvino.Tensor(array, shared_memory=True))

    def run(self, train):
        self.request.infer()

    def final(self):
        return np.concatenate(list(self.request.get_output_tensor().data), axis=1)
