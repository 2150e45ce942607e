"""Tables and a picture of what the speed benchmark found."""

import numpy as np
from _runner import markdown_table
from _speed_cases import CASES, FIT_TARGET, PADDED_TARGET, TWO_THREADS_TARGET
from peers import NAMES

KINDS = ("training", "inference")
BUSY = 0.03  # share of the cores that other processes may use before a run is not to be trusted
_BY_NAME = {case.name: case for case in CASES}


# -- numbers ---------------------------------------------------------------------------------------


def median(row, kind, engine):
    """Median milliseconds, or None."""
    found = row[kind].get(engine)
    return None if found is None else found["quartiles"][1]


def ratio(row, kind, engine):
    """How many times our median, or None."""
    theirs = median(row, kind, engine)
    return None if theirs is None else theirs / median(row, kind, "skgru")


def fastest(row, kind):
    """Name and ratio of the fastest peer, or None."""
    found = [(ratio(row, kind, name), name) for name in NAMES if name in row[kind]]
    if not found:
        return None
    best, name = min(found)
    return name, best


def compared(row, kind):
    """Name and ratio of the peer that the target of this case is about, or None."""
    name = _BY_NAME[row["case"]].peer
    if not name:
        return fastest(row, kind)
    return (name, ratio(row, kind, name)) if name in row[kind] else None


def share(row, kind, setting):
    """Part of the sgemm limit that we reach; None in float64."""
    if _BY_NAME[row["case"]].dtype != "float32":
        return None
    flop = _BY_NAME[row["case"]].flop * (3 if kind == "training" else 1)
    gflops = flop / (1e6 * median(row, kind, "skgru"))
    return gflops / float(np.median(setting["limit"]))


def ceiling(row, kind, setting):
    """The fastest peer's time / that of the products alone at the sgemm limit, or None."""
    reached, best = share(row, kind, setting), compared(row, kind)
    return None if reached is None or best is None else best[1] / reached


# -- text ------------------------------------------------------------------------------------------


def _number(value, pattern="{:.2f}"):
    return "-" if value is None else pattern.format(value)


def _spread(values, unit=""):
    low, middle, high = values
    digits = 3 if middle < 0.1 else 2 if middle < 100 else 1
    return f"{middle:.{digits}f}{unit} ({low:.{digits}f} - {high:.{digits}f})"


def _threads(setting):
    return "one thread" if setting["threads"] == 1 else f"{setting['threads']} threads"


def progress(row, threads):
    """One line about a finished case."""
    parts = [f"[{threads}] {row['case']}:"]
    for kind in KINDS:
        times = " ".join(f"{name} {ratio(row, kind, name):.2f}" for name in row[kind])
        parts.append(f"{kind} {median(row, kind, 'skgru'):.3f} ms, times that: {times};")
    others = max(row["others"].values())
    if others > BUSY:
        parts.append(f"SOMETHING ELSE used {others:.0%} of the cores, do not trust this")
    return " ".join(parts)


def _main_table(setting, kind):
    rows = setting["rows"]
    others = [n for n in (*NAMES, "prototype") if any(n in row[kind] for row in rows)]
    header = ["batch, steps, inputs, hidden", "skgru, ms (quartiles)", *others]
    header += ["fastest peer", "target", "ceiling", "share of sgemm"]
    if kind == "training":
        header.append("target")
    lines = []
    for row in rows:
        case, best = _BY_NAME[row["case"]], fastest(row, kind)
        line = [row["case"], _spread(row[kind]["skgru"]["quartiles"])]
        line += [_number(ratio(row, kind, name)) for name in others]
        line.append("-" if best is None else f"{best[1]:.2f} ({best[0]})")
        about = f" ({case.peer})" if case.peer else ""
        target = getattr(case, kind)
        line.append("-" if target is None else f"{target:g}{about}")
        line.append(_number(ceiling(row, kind, setting)))
        line.append(_number(share(row, kind, setting), "{:.0%}"))
        if kind == "training":
            line.append(_number(case.share, "{:.0%}"))
        lines.append(line)
    return markdown_table(header, lines)


def _thread_table(setting):
    header = ["batch, steps, inputs, hidden"]
    header += [f"{kind}: one thread / {setting['threads']} threads" for kind in KINDS]
    header.append("target")
    lines = []
    for row in setting["rows"]:
        found = [_number(ratio(row, kind, "skgru, one thread")) for kind in KINDS]
        case = _BY_NAME[row["case"]]
        targeted = case.hidden >= 64 and case.batch > 1 and setting["threads"] == 2
        lines.append([row["case"], *found, f"{TWO_THREADS_TARGET:g}" if targeted else "-"])
    return markdown_table(header, lines)


def _shape_table(settings):
    """Hidden sizes that fit no vector, and long sequences."""
    header = ["batch, steps, inputs, hidden", "threads", "compared with", *KINDS, "target"]
    lines = []
    for setting in settings:
        for row in setting["rows"]:
            case, found = _BY_NAME[row["case"]], None
            if case.kind == "odd":
                found = [1 / ratio(row, kind, "skgru, padded") for kind in KINDS]
                label, target = "a size that fills its vectors", f"at most {PADDED_TARGET:g}"
            elif case.kind == "long":
                short = case.short()
                factor = short.steps / case.steps
                found = [factor / ratio(row, kind, "skgru, short") for kind in KINDS]
                label, target = f"{short.name}, per step", "1"
            if found:
                values = [f"{value:.2f}" for value in found]
                lines.append([row["case"], setting["threads"], label, *values, target])
    return markdown_table(header, lines)


def _fit_table(settings):
    header = ["threads", "skgru, s (quartiles)", "skorch, s (quartiles)", "skorch / skgru"]
    header += ["target", "final loss, skgru", "skorch"]
    lines = []
    for setting in settings:
        fit = setting["fit"]
        if fit is None:
            continue
        ours, theirs = (
            np.percentile(fit["seconds"][name], [25, 50, 75]) for name in ("skgru", "skorch")
        )
        target = f"{FIT_TARGET:g}" if setting["threads"] == 1 else "-"
        lines.append(
            [setting["threads"], _spread(ours), _spread(theirs), f"{theirs[1] / ours[1]:.1f}"]
            + [target, *(f"{fit['loss'][name]:.4f}" for name in ("skgru", "skorch"))]
        )
    return markdown_table(header, lines) if lines else "skorch is not installed."


def _compile_table(record):
    header = ["engine", "threads", "median, s", "most, s", "all cases, s"]
    lines = []
    for setting in record["settings"]:
        for name in ("skgru", *NAMES):
            found = [row["compile"][name] for row in setting["rows"] if name in row["compile"]]
            if found:
                values = [np.median(found), max(found), sum(found)]
                lines.append([name, setting["threads"], *(f"{value:.2f}" for value in values)])
    return markdown_table(header, lines)


def _notes(record):
    lines = [f"- {record['cpu']}, {record['n_cores']} cores; Python {record['python']}."]
    lines.append("- " + ", ".join(f"{k} {v}" for k, v in record["versions"].items()) + ".")
    absent = {n: r for setting in record["settings"] for n, r in setting["absent"].items()}
    lines += [f"- {name}: {reason}." for name, reason in absent.items()]
    reasons = {}
    for setting in record["settings"]:
        for row in setting["rows"]:
            for name, reason in row["left_out"].items():
                cases = reasons.setdefault((name, reason), [])
                if row["case"] not in cases:
                    cases.append(row["case"])
    for (name, reason), cases in reasons.items():
        where = "; ".join(cases) if len(cases) <= 3 else f"{len(cases)} cases"
        lines.append(f"- {name}, {where}: {reason}.")
    for setting in record["settings"]:
        most = max(max(row["others"].values()) for row in setting["rows"])
        text = f"other processes used at most {most:.0%} of its cores"
        if most > BUSY:
            text += ", **which is too much for these numbers to be trusted**"
        lines.append(f"- {_threads(setting).capitalize()}: {text}.")
    return "\n".join(lines)


def _text(record):
    settings = record["settings"]
    found = [
        "Numbers of peers are their median time / ours; above 1, ours is faster. *Fastest peer* "
        "leaves the prototype out; a target that names a peer is about that one. *Ceiling* is what "
        "an engine would reach beside that peer if it made the matrix products at the sgemm limit "
        "and everything else (activations, packing, calls) cost nothing."
    ]
    for setting in settings:
        limit = setting["limit"]
        found.append(
            f"Limit, {_threads(setting)}: a sgemm of 2048 x 2048 matrices reaches "
            f"{np.median(limit):.0f} GFLOP/s (median of {len(limit)} bests, "
            f"{min(limit):.0f} - {max(limit):.0f})."
        )
    for kind in KINDS:
        for setting in settings:
            title = "Training step" if kind == "training" else "Inference"
            found += [f"# {title}, {_threads(setting)}", _main_table(setting, kind)]
    several = [setting for setting in settings if setting["threads"] > 1]
    for setting in several:
        found += [f"# {setting['threads']} threads beside one", _thread_table(setting)]
    found += [
        "# Odd sizes and long sequences",
        "Our time / our time at the shape it is compared with.",
        _shape_table(settings),
        "# A whole fit",
        "1,000 sequences of 50 steps and 8 features, 32 units, batches of 32; Adam.",
        _fit_table(settings),
        "# Compilation",
        "From data to the first training step and inference of each case, imports excluded. Only "
        f"skgru keeps what it compiled on disk: {record['first_run'][0]:.1f} s for its first case "
        f"where nothing is there yet, {record['first_run'][1]:.1f} s in every later process.",
        _compile_table(record),
        "# What was measured with what",
        _notes(record),
    ]
    return "\n\n".join(found) + "\n"


# -- picture ---------------------------------------------------------------------------------------


def _plot(record, path):
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is missing: no picture.")
        return
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    settings = record["settings"]
    figure, axes = plt.subplots(
        len(settings), 1, squeeze=False, sharex=True, layout="constrained",
        figsize=(9, 1.4 + 2.6 * len(settings)),
    )  # fmt: skip
    for axis, setting in zip(axes[:, 0], settings, strict=True):
        _plot_setting(axis, setting)
    axes[0, 0].legend(ncols=3, loc="lower right", bbox_to_anchor=(1, 1), frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _plot_setting(axis, setting):
    rows, marked = setting["rows"], False
    for kind, offset, colour in (("training", -0.2, "tab:blue"), ("inference", 0.2, "tab:orange")):
        found = [compared(row, kind) for row in rows]
        heights = [np.nan if value is None else value[1] for value in found]
        axis.bar(np.arange(len(rows)) + offset, heights, 0.38, color=colour, label=kind)
        for i, row in enumerate(rows):
            target = getattr(_BY_NAME[row["case"]], kind)
            if target is not None:
                label = None if marked else "target"
                x = i + offset
                axis.plot([x - 0.19, x + 0.19], [target, target], color="0.1", lw=2, label=label)
                marked = True
    axis.axhline(1, color="0.5", lw=0.8)
    axis.set_yscale("log", base=2)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.grid(axis="y", alpha=0.3)
    names = [row["case"].replace(" ragged", "\nragged, beside torch") for row in rows]
    names = [name.replace(" two bi", "\ntwo bi").replace(" float64", "\nfloat64") for name in names]
    axis.set_xticks(range(len(rows)), names, rotation=35, ha="right", fontsize=8)
    axis.set_ylabel("fastest peer / skgru")
    axis.set_title(_threads(setting), loc="left")


def write(record, out):
    """Write the tables and the picture."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(_text(record), encoding="utf-8")
    _plot(record, out.with_suffix(".png"))
