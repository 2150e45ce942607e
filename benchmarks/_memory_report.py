"""Tables and a picture of what the memory benchmark found."""

import numpy as np
from _runner import markdown_table

# Sequences from which on the pieces in which the scales are found have their full size.
FLAT_FROM = 16_000
AXES = ("sequences", "steps", "epochs")


# -- numbers ---------------------------------------------------------------------------------------


def growth(row):
    """Bytes by which the resident memory grew at its peak."""
    return row["peak"] - row["before"]["total"]


def bytes_per_sequence(rows):
    """Slope of the growth over the number of sequences, and the growth that does not depend on it.

    None where fewer than two sizes are large enough.
    """
    found = [(row["n"], growth(row)) for row in rows if row["n"] >= FLAT_FROM]
    if len(found) < 2:
        return None
    slope, constant = np.polyfit(*zip(*found, strict=True), 1)
    return float(slope), float(constant)


def size_of_X(row):
    return 4 * row["n"] * row["steps"] * 8


def size_of_gates(row):
    """Gates and states of all sequences, if they were kept."""
    return 4 * row["n"] * row["steps"] * 5 * row["units"]


def medians(cost, axis):
    """Values and median seconds."""
    values = np.array([float(value) for value in cost[axis]])
    return values, np.array([np.median(seconds) for seconds in cost[axis].values()])


def exponent(values, seconds):
    """p of seconds = c values^p, by least squares of the logarithms."""
    return float(np.polyfit(np.log(values), np.log(seconds), 1)[0])


def exponents(cost, axis):
    """Over all points, and over the larger half of them."""
    values, seconds = medians(cost, axis)
    half = len(values) // 2
    return exponent(values, seconds), exponent(values[half:], seconds[half:])


# -- text ------------------------------------------------------------------------------------------


def _mb(n_bytes, digits=0):
    return f"{n_bytes / 1e6:,.{digits}f}"


def _growth_table(rows):
    header = ["sequences", "X, MB", "before the fit, MB", "peak, MB", "beyond X, MB"]
    header += ["gates and states of all sequences would be, MB"]
    lines = [
        [f"{row['n']:,}", _mb(size_of_X(row), 1), _mb(row["before"]["total"]), _mb(row["peak"])]
        + [_mb(growth(row), 1), _mb(size_of_gates(row))]
        for row in rows
    ]
    return markdown_table(header, lines)


def _in_flight_table(rows):
    header = ["steps", "sequences", "n_jobs", "X, MB", "beyond X, MB"]
    lines = [
        [row["steps"], f"{row['n']:,}", row["jobs"], _mb(size_of_X(row)), _mb(growth(row), 1)]
        for row in rows
    ]
    return markdown_table(header, lines)


def _map_table(rows):
    header = ["pages of the file", "peak resident in all, MB", "anonymous, MB"]
    header += ["anonymous, growth in the fit, MB", "files (map and libraries), MB", "seconds"]
    lines = [
        ["handed back every millisecond" if row["release"] else "kept while there is room"]
        + [_mb(row["peak"]), _mb(row["highest"]["anonymous"])]
        + [_mb(row["highest"]["anonymous"] - row["before"]["anonymous"])]
        + [_mb(row["highest"]["mapped"]), f"{row['seconds']:.0f}"]
        for row in rows
    ]
    return markdown_table(header, lines)


def _cost_tables(cost):
    lines = []
    for axis in AXES:
        values, seconds = medians(cost, axis)
        points = ", ".join(f"{v:,.0f}: {s:.3g}" for v, s in zip(values, seconds, strict=True))
        lines.append([axis, *(f"{p:.2f}" for p in exponents(cost, axis)), points])
    header = ["varied", "exponent, all points", "exponent, larger half", "median seconds"]
    return markdown_table(header, lines)


def _growth_text(rows):
    found = bytes_per_sequence(rows)
    text = (
        f"{rows[0]['steps']} steps of 8 float32 features, {rows[0]['units']} units, batches of "
        f"{rows[0]['batch']}, {rows[0]['epochs']} epochs, one thread. Every fit ran in a process "
        "of its own; before it X, y and the compiled kernels were there already."
    )
    if found is not None:
        slope, constant = found
        text += (
            f" From {FLAT_FROM:,} sequences on the peak beyond X is {constant / 1e6:.1f} MB and "
            f"**{slope:.0f} bytes for each sequence** (a sequence of X has "
            f"{size_of_X(rows[0]) / rows[0]['n']:,.0f}): targets, weights, offsets and the order "
            "of an epoch. Fewer sequences do not fill the pieces in which scales are found."
        )
    return text


def _map_text(record):
    kept, released = record["map"]
    limit = record["map_limit"]
    anonymous = max(row["highest"]["anonymous"] for row in record["map"])
    verdict = "" if max(anonymous, released["peak"]) < limit else " **That is over the limit.**"
    return (
        f"X is a file of {size_of_X(kept) / 1e9:.1f} GB, {kept['n']:,} sequences of "
        f'{kept["steps"]} steps and 8 float32 features, opened with `np.load(..., mmap_mode="r")`'
        f"; {kept['units']} units, {kept['epochs']} epoch. The system limited the private memory "
        f"of the process to {limit / 1e9:g} GB (`RLIMIT_DATA`), and the fit ran to its end: its "
        f"own memory, interpreter and libraries included, is **{anonymous / 1e6:,.0f} MB**. Every "
        "page of the file is read, and counts as resident until the system wants it back: where "
        f"memory is plenty, tools show **{kept['peak'] / 1e6:,.0f} MB**. With these pages handed "
        "back during the fit, as a system short of memory would take them, the whole peak is "
        f"**{released['peak'] / 1e6:,.0f} MB**.{verdict}"
    )


def _text(record):
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    repeats = len(next(iter(record["cost"]["epochs"].values())))
    return "\n\n".join(
        [
            "1 MB is 10^6 bytes. Peaks are those of the resident memory of the whole process.",
            "# Memory and the number of sequences",
            _growth_text(record["growth"]),
            _growth_table(record["growth"]),
            "# Memory, steps and threads",
            "Gates and states are kept for the shards in flight, one for each thread, so memory "
            "grows with the length of sequences and the number of threads, not with the number of "
            "sequences. One epoch, `standardize=False`.",
            _in_flight_table(record["in_flight"]),
            "# A memory map larger than the memory used",
            _map_text(record),
            _map_table(record["map"]),
            "# Cost",
            f"Median of {repeats} fits, one thread, 32 units, batches of 32; 1,000 sequences of 50 "
            "steps and 8 features and 4 epochs where not varied. The exponent is the slope on "
            "logarithmic axes: 1 is proportional. Nothing is subtracted, so what a fit costs "
            "besides its epochs lowers it where there is little work.",
            _cost_tables(record["cost"]),
            f"{versions}; {record['n_cores']} cores.",
        ]
    )


# -- picture ---------------------------------------------------------------------------------------


def _plot(record, path):
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is missing: no picture.")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
    for axis, name in zip(axes.flat, AXES, strict=False):
        _plot_cost(axis, record["cost"], name)
    _plot_memory(axes[1, 1], record["growth"])
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _plot_cost(axis, cost, name):
    values, seconds = medians(cost, name)
    for value, found in zip(values, cost[name].values(), strict=True):
        axis.plot([value] * len(found), found, ".", color="0.7", zorder=1)
    axis.loglog(values, seconds, "o-", label=f"median, exponent {exponents(cost, name)[1]:.2f}")
    axis.loglog(values, seconds[-1] * values / values[-1], "--", color="0.4", label="proportional")
    axis.set_xscale("log", base=2)
    axis.set_xticks(values, [f"{value:,.0f}" for value in values])
    axis.set_xlabel(name)
    axis.set_ylabel("seconds of fit")
    axis.legend(frameon=False)


def _plot_memory(axis, rows):
    n = [row["n"] for row in rows]
    axis.loglog(n, [growth(row) / 1e6 for row in rows], "o-", label="peak of fit beyond X")
    axis.loglog(n, [size_of_X(row) / 1e6 for row in rows], "--", color="0.4", label="X")
    axis.loglog(
        n, [size_of_gates(row) / 1e6 for row in rows], ":", color="tab:red",
        label="gates and states, if all were kept",
    )  # fmt: skip
    axis.set_ylim(top=20 * axis.get_ylim()[1])  # room for the legend
    axis.set_xlabel("sequences")
    axis.set_ylabel("MB")
    axis.legend(frameon=False)


def write(record, out):
    """Write the tables and the picture."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(_text(record) + "\n", encoding="utf-8")
    _plot(record, out.with_suffix(".png"))
