"""Names of people, places, groups and products in noisy text, most of them new.

    python benchmarks/tasks/wnut17.py DATA_FOLDER

WNUT 2017, emerging entities: 3,394 / 1,009 / 1,287 messages, six types, BIO tags; few entities of
the test part occur in the training part. The score is the F1 of whole entities. Parameters are
chosen on the validation part, which comes from other sources than the training part; training is on
the training part alone.

The table has three ways to turn the probabilities of the tags of a word into tags: the most
probable tag; the path with the largest product of probabilities among those that are valid, where
no "I-type" follows another type or "O"; and the same with, for each pair of neighbours, how much
more often the two tags follow each other in the training part than by chance, to a power chosen on
the validation part. The last two are what the
transitions of a conditional random field do in decoding, without training together with them.
"""

import argparse

import numpy as np
from _common import (
    Results,
    add_arguments,
    as_measured,
    as_text,
    network_params,
    over_seeds,
    search,
    timed_fit,
    write_table,
)
from _tagging import (
    AFFIXES,
    FLOORS,
    MostFrequentTag,
    as_columns,
    best_path,
    forbid_invalid,
    tag_transitions,
)
from _texts import read_tagged  # found by way of _common

from skgru import GRUStepClassifier
from skgru.metrics import entity_f1_score

PUBLISHED = "0.419 (UH-RiTUAL: CRF, pretrained vectors and lists of names)"
POWERS = (0.25, 0.5, 1.0)
FIRST = {"bidirectional": True, "min_frequency": 2, "batch_size": 32, "embedding_dim": 32}
STAGES = [
    [
        {**FIRST, "columns": columns, "dropout": 0.5, "max_iter": 8}
        for columns in (("word",), AFFIXES, ("lower", *AFFIXES[1:]))
    ],
    [{"dropout": rate} for rate in (0.3, 0.7)],
    [{"max_iter": 16}],
    [{"hidden_layer_sizes": 128}],
]


def measure(train, parts, choices, seed, jobs):
    """Fit, and score each part in all ways to decode."""
    ours, params = network_params(choices, ("columns",))
    X = as_columns(train.sentences, ours["columns"])
    model = GRUStepClassifier(**params, random_state=seed, n_jobs=jobs)
    found = {"seconds": timed_fit(model, X, train.tags)}
    for name, part in parts.items():
        probabilities = model.predict_proba(as_columns(part.sentences, ours["columns"]))
        for way, tags in decode(probabilities, train.tags, list(model.classes_)).items():
            found[f"{name} {way}"] = entity_f1_score(part.tags, tags)
    return found


def decode(probabilities, training_tags, classes):
    """Tags from probabilities: each by itself, a valid path, and with transitions."""
    transitions = tag_transitions(training_tags, classes)
    scores = [np.log(np.maximum(rows, 1e-12)) for rows in probabilities]
    ways = {"single": [[classes[i] for i in rows.argmax(axis=1)] for rows in probabilities]}
    for power in (0.0, *POWERS):
        weighted = forbid_invalid(power * transitions, classes)
        ways[f"path {power}"] = [best_path(rows, weighted, classes) for rows in scores]
    return ways


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add_arguments(parser, "wnut17")
    options = parser.parse_args(argv)
    train, validation, test = read_tagged(options.data_folder, "wnut17")
    results = Results(options.results)

    def on_validation(way):
        return lambda found: np.mean([one[f"validation {way}"] for one in found])

    chosen, found, n_tried = search(
        results,
        STAGES,
        lambda choices, seed: measure(
            train, {"validation": validation}, choices, seed, options.jobs
        ),
        on_validation("single"),
        seeds=1,
        part="validation",
    )
    power = max(POWERS, key=lambda power: on_validation(f"path {power}")(found))
    rows = []
    for longest, name in FLOORS:
        floor = results.measure(
            {"part": "test", "floor": longest},
            lambda longest=longest: {
                "f1": entity_f1_score(
                    test.tags,
                    MostFrequentTag(longest).fit(*train).predict(test.sentences),
                )
            },
        )
        rows.append([f"floor: {name}", f"{floor['f1']:.3f}", ""])
    rows.append(["published", PUBLISHED, ""])
    measured = [
        results.measure(
            {"part": "test", "choices": chosen, "seed": seed},
            lambda seed=seed: measure(train, {"test": test}, chosen, seed, options.jobs),
        )
        for seed in range(options.seeds)
    ]
    for way, name in (
        ("single", "each tag by itself"),
        ("path 0.0", "best valid path"),
        (f"path {power}", f"best valid path, transitions to the power {power}"),
    ):
        rows.append(
            [f"GRUStepClassifier, {name}", over_seeds(measured, f"test {way}"),
             over_seeds(measured, "seconds", 1)]
        )  # fmt: skip
    paragraphs = [
        f"F1 of the entities of {len(test.tags):,} messages; {as_measured(options)}.",
        f"Chosen on the validation part, with {on_validation('single')(found):.3f} there, among "
        f"{n_tried} candidates: {as_text(chosen)}.",
    ]
    write_table(options.out, paragraphs, ["model", "F1", "seconds"], rows)


if __name__ == "__main__":
    main()
