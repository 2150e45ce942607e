"""Can the network carry two numbers over 600 steps? The adding problem.

    python benchmarks/adding_problem.py --out docs/_tables/adding_problem.md

Each sequence is drawn once and never seen again: `GRURegressor.partial_fit` passes over one block
after another. After each block the MSE on a fixed monitoring set is recorded; training ends when
it reaches ``--stop-at`` or the sequences are used up. The result is the MSE on a third set that
nothing looked at before. Predicting 1 always has an MSE of 1/6; arXiv:1803.01271 (table 1) reports
5.3e-5 for a GRU of 70K weights at T = 600. With ``--checkpoint`` a stopped run goes on exactly
where it was.
"""

import argparse
import time
from pathlib import Path

import _results
import joblib
import numpy as np
from _data import make_adding_problem
from _runner import markdown_table

MONITOR, TEST, FIRST_BLOCK = 0, 1, 2  # second word of the seed: no set shares its numbers


def n_weights(n_units, n_features=2, n_poolings=1):
    """Weights of one GRU layer (one bias per gate and one more for n) and its linear output."""
    return 3 * n_units * (n_features + n_units) + 4 * n_units + n_poolings * n_units + 1


def draw(options, number, n_sequences):
    """Draw the set `number`: independent of every other set with the same `--seed`."""
    rng = np.random.default_rng([options.seed, number])
    return make_adding_problem(n_sequences, n_timesteps=options.n_timesteps, seed=rng)


def mean_squared_error(model, X, y):
    """MSE in the unit of the problem, in float64."""
    return float(np.mean((np.asarray(model.predict(X), dtype=np.float64) - y) ** 2))


def train(model, options):
    """Train block by block.

    Parameters
    ----------
    model : estimator with partial_fit
    options : argparse.Namespace

    Returns
    -------
    model : estimator
        The one given, or its continuation from the checkpoint.
    history : list of (int, float)
        Sequences seen and MSE on the monitoring set after each block.
    """
    history = []
    if options.checkpoint and options.checkpoint.exists():
        wanted, (model, history) = model, joblib.load(options.checkpoint)
        if repr(wanted.get_params()) != repr(model.get_params()):
            raise SystemExit(
                f"{options.checkpoint} belongs to other parameters; give another --checkpoint."
            )
        print(f"going on after {history[-1][0]:,} sequences")
    X_monitor, y_monitor = draw(options, MONITOR, 1000)
    start = time.perf_counter()
    while not history or (
        history[-1][1] > options.stop_at and history[-1][0] < options.max_sequences
    ):
        X, y = draw(options, FIRST_BLOCK + len(history), options.block)
        model.partial_fit(X, y)
        error = mean_squared_error(model, X_monitor, y_monitor)
        history.append((options.block * (len(history) + 1), error))
        if options.checkpoint:
            joblib.dump((model, history), options.checkpoint)
        print(f"{history[-1][0]:>9,} sequences, {time.perf_counter() - start:7.0f} s: "
              f"MSE {error:.2e}", flush=True)  # fmt: skip
    return model, history


def summarise(model, history, options):
    """Test the model; return what is worth keeping, of JSON types."""
    return {
        "n_timesteps": options.n_timesteps,
        "n_weights": n_weights(options.units, n_poolings=len(options.pooling)),
        "units": options.units,
        "pooling": options.pooling,
        "rate": options.rate,
        "batch_size": options.batch_size,
        "block": options.block,
        "seed": options.seed,
        "stop_at": options.stop_at,
        "test_mse": mean_squared_error(model, *draw(options, TEST, 5000)),
        "history": history,
    }


def write_report(record, out):
    """Write the table and the picture."""
    history, weights = record["history"], record["n_weights"]
    # One line where the error first falls below each power of ten, or half of one.
    levels = [0.1, 0.05, 0.02, 0.01, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4]
    rows = []
    for level in levels:
        seen = next((n for n, mse in history if mse <= level), None)
        if seen is not None:
            rows.append([f"{level:g}", f"{seen:,}"])
    text = [
        f"`GRURegressor` with {weights:,} weights ({record['units']} units, "
        f"pooling {', '.join(record['pooling'])}), `partial_fit` on blocks of "
        f"{record['block']:,} fresh sequences, `learning_rate_init={record['rate']:g}`, "
        f"`batch_size={record['batch_size']}`, seed {record['seed']}. After "
        f"{history[-1][0]:,} sequences the MSE on 5,000 unseen ones is "
        f"**{record['test_mse']:.2e}**. Training stopped "
        f"when the monitored MSE was at most {record['stop_at']:g}.",
        markdown_table(["monitored MSE at most", "sequences seen"], rows),
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n\n".join(text) + "\n", encoding="utf-8")
    _plot(record, out.with_suffix(".png"))
    print(f"test MSE {record['test_mse']:.3e} with {weights:,} weights")


def _plot(record, path):
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is missing: no picture.")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 3.5), layout="constrained")
    axis.semilogy(*zip(*record["history"], strict=True), ".-", label="GRURegressor")
    axis.axhline(1 / 6, color="0.5", linestyle="--", label="always predicting 1")
    axis.axhline(record["stop_at"], color="tab:green", linestyle=":", label="training stops")
    axis.set_xlabel("sequences seen")
    axis.set_ylabel("MSE")
    axis.set_title(f"Adding problem, T = {record['n_timesteps']}")
    axis.legend(frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv=None, make_estimator=None):
    """Run the benchmark; `make_estimator` replaces GRURegressor, for trials of the script."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    _results.add_arguments(parser)
    parser.add_argument("--n-timesteps", type=int, default=600)
    parser.add_argument("--units", type=int, default=150, help="150 units are 69,151 weights")
    parser.add_argument("--pooling", nargs="+", default=["last"])
    parser.add_argument("--rate", type=float, default=2e-3, help="learning_rate_init")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-grad-norm", type=float, default=1.0)
    parser.add_argument("--block", type=int, default=3200, help="sequences for each partial_fit")
    parser.add_argument("--max-sequences", type=int, default=640_000)
    parser.add_argument("--stop-at", type=float, default=1e-3, help="MSE at which to stop")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1, help="threads")
    parser.add_argument("--checkpoint", type=Path, help="joblib file to go on from")
    options = parser.parse_args(argv)
    path = _results.results_path(options)
    if options.report_only:
        write_report(_results.read(path), options.out)
        return
    if make_estimator is None:
        from skgru import GRURegressor as make_estimator
    model = make_estimator(
        hidden_layer_sizes=options.units,
        pooling=options.pooling[0] if len(options.pooling) == 1 else tuple(options.pooling),
        solver="adam",
        alpha=0.0,
        dropout=0.0,
        bidirectional=False,
        learning_rate="constant",
        learning_rate_init=options.rate,
        batch_size=options.batch_size,
        max_grad_norm=options.max_grad_norm,
        random_state=options.seed,
        n_jobs=options.jobs,
    )
    model, history = train(model, options)
    record = summarise(model, history, options)
    _results.write(path, record)
    write_report(record, options.out)


if __name__ == "__main__":
    main()
