"""Build the data files of `skgru.datasets` from the public copies they come from.

    python benchmarks/make_datasets.py DATA [--output FOLDER]

DATA is a folder with the subfolders `ucr/JapaneseVowels`, `pendigits` and `nab`, as named in
`skgru/datasets/data/README.md`. Everything is stored as integers, losslessly.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

OUTPUT = Path(__file__).parents[1] / "skgru" / "datasets" / "data"


def main():
    """Write one compressed file for each data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder with the public copies")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="default: into the package")
    args = parser.parse_args()
    for name, read in READERS.items():
        arrays = read(args.data)
        path = args.output / f"{name}.npz"
        np.savez_compressed(path, **arrays)
        shapes = ", ".join(f"{key} {array.shape}" for key, array in arrays.items())
        print(f"{path} ({path.stat().st_size / 1024:.0f} KiB): {shapes}")


def read_japanese_vowels(data):
    """Read the .ts files; the six decimals become millionths."""
    arrays = {}
    for subset in ("train", "test"):
        path = data / "ucr" / "JapaneseVowels" / f"JapaneseVowels_{subset.upper()}.ts"
        sequences, target = [], []
        for line in path.read_text().splitlines():
            if not line.strip() or line[0] in "#@":
                continue
            # One block of comma-separated values for each feature, then the label.
            *features, label = line.split(":")
            sequences.append(np.array([feature.split(",") for feature in features], float).T)
            target.append(int(label))
        values = np.concatenate(sequences)
        millionths = np.rint(values * 1e6).astype(np.int32)
        if not np.array_equal(millionths / 1e6, values):
            raise ValueError(f"{path} has values of more than six decimals.")
        arrays[f"millionths_{subset}"] = millionths
        arrays[f"lengths_{subset}"] = np.array([len(x) for x in sequences], dtype=np.uint8)
        arrays[f"target_{subset}"] = np.array(target, dtype=np.uint8)
    return arrays


def read_pendigits(data):
    """Read the two tables; their first line is a list of the classes."""
    arrays = {}
    for subset, suffix in (("train", "tra"), ("test", "tes")):
        path = data / "pendigits" / f"pendigits.{suffix}"
        table = np.loadtxt(path, dtype=np.uint8, delimiter=",", skiprows=1)
        arrays[f"strokes_{subset}"] = table[:, :-1].reshape(-1, 8, 2)
        arrays[f"target_{subset}"] = table[:, -1]
    return arrays


def read_nyc_taxi(data):
    """Read the series; its time stamps are regular, so the first one is enough."""
    path = data / "nab" / "data" / "realKnownCause" / "nyc_taxi.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    timestamps = np.array([row["timestamp"] for row in rows], dtype="datetime64[m]")
    if (np.diff(timestamps) != np.timedelta64(30, "m")).any():
        raise ValueError(f"{path} has a gap.")
    # NumPy 2 refuses a number that does not fit.
    passengers = np.array([int(row["value"]) for row in rows], dtype=np.uint16)
    return {"start": timestamps[0], "passengers": passengers}


READERS = {
    "japanese_vowels": read_japanese_vowels,
    "pendigits": read_pendigits,
    "nyc_taxi": read_nyc_taxi,
}


if __name__ == "__main__":
    main()
