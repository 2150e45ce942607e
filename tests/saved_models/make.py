"""Small fitted models, saved by this version of skgru for the tests of all later ones.

``python tests/saved_models/make.py`` writes a folder that is named after the version of skgru, or
as the first argument says; to a folder that exists it adds the models that it lacks.  With
``PYTHONPATH`` set to a checkout of an earlier commit, it writes models of that commit.
"""

import platform
import sys
from pathlib import Path

import joblib
import numba
import numpy as np

import skgru
from skgru.kernels.cpu import _host

FOLDER = Path(__file__).resolve().parent
LENGTHS = (6, 1, 4, 2, 5)


def numeric_platform():
    """What the bits of a prediction depend on, besides the model and the code."""
    unit = f"{8 * _host.VECTOR_BYTES} bits, fma {_host.HAS_FMA}"
    versions = f"numpy {np.__version__}, numba {numba.__version__}"
    return f"{platform.machine()}, {unit}, {versions}"


def layouts(X):
    """X, an array of shape (n_sequences, 6, 2), in each layout."""
    lengths = np.resize(LENGTHS, len(X))
    ragged = [x[:n] for x, n in zip(X, lengths, strict=True)]
    return {
        "2d": X[:, :, 0],
        "3d": X,
        "ragged": ragged,
        "words": [np.where(x[:, 0] > 0, "up", "down").tolist() for x in ragged],
        "columns": [np.column_stack([x, x[:, 0] > 0]) for x in ragged],
        "gaps": [np.where(x > 1, np.nan, x) for x in ragged],
    }


def predictions(model, layout, X):
    """The predictions of a model, or of a transformer and a model, as one array."""
    X = layouts(X)[layout]
    if isinstance(model, list):
        transformer, model = model
        X = transformer.transform(X)
    found = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
    is_ragged = isinstance(found, list) or found.dtype == object
    return np.concatenate(list(found)) if is_ragged else found


def fitted_models(X):
    """Models of different kinds, by a name that begins with the layout of their X."""
    options = {"max_iter": 3, "random_state": 0}
    inputs, y = layouts(X), 2 * X[:, 0, 0] + 5
    classes, labels = np.where(y > 5, "up", "down"), (X[:, :3, 0] > 0).astype(int)
    regressor, classifier = skgru.GRURegressor, skgru.GRUClassifier
    scaler = skgru.SequenceScaler()
    scaled = scaler.fit_transform(inputs["2d"])
    found = {
        "ragged-classes": classifier(3, **options).fit(inputs["ragged"], classes),
        "3d-targets": regressor(3, **options).fit(inputs["3d"], X[:, 0]),
        "3d-quantiles": regressor(3, loss="quantile", quantile=[0.1, 0.9], **options).fit(X, y),
        "3d-labels": classifier(3, **options).fit(X, labels),
        "3d-resumes": regressor(
            (3, 2), bidirectional=True, pooling=("attention", "last"), warm_start=True, **options
        ).fit(X, y),
        "2d-scaled": [scaler, classifier(3, dtype="float64", **options).fit(scaled, classes)],
    }
    if hasattr(skgru, "GRUStepRegressor"):
        steps = [x[:, 0].cumsum() for x in inputs["ragged"]]
        step_classes = [(y > 0).astype(int) for y in steps]
        found["ragged-steps"] = skgru.GRUStepRegressor(3, **options).fit(inputs["ragged"], steps)
        found["ragged-step-classes"] = skgru.GRUStepClassifier(3, **options).fit(
            inputs["ragged"], step_classes
        )
    if hasattr(skgru, "SequenceImputer"):
        found["words-classes"] = classifier(3, embedding_dim=2, **options).fit(
            inputs["words"], classes
        )
        found["columns-own-scale"] = classifier(
            3, categorical_features=[2], standardize="sequence", **options
        ).fit(inputs["columns"], classes)
        # The parts of a Pipeline: scikit-learn warns of one that another version of it has saved.
        imputer = skgru.SequenceImputer(add_indicator=True).fit(inputs["gaps"])
        filled = imputer.transform(inputs["gaps"])
        found["gaps-imputed"] = [imputer, classifier(3, **options).fit(filled, classes)]
    return found


def main(folder):
    folder.mkdir(exist_ok=True)
    expected = {}
    if (folder / "expected.npz").exists():
        if (folder / "platform.txt").read_text().strip() != numeric_platform():
            sys.exit(f"{folder} was written where predictions may round differently.")
        expected = dict(np.load(folder / "expected.npz"))
    random_state = np.random.RandomState(0)
    models = fitted_models(random_state.normal(size=(40, 6, 2)))
    X = random_state.normal(size=(5, 6, 2))
    save = getattr(skgru, "save", joblib.dump)
    expected["X"] = X
    for name, model in models.items():
        if name in expected:
            continue
        save(model, folder / f"{name}.joblib")
        expected[name] = predictions(model, name.split("-")[0], X)
    np.savez(folder / "expected.npz", **expected)
    (folder / "platform.txt").write_text(numeric_platform() + "\n")


if __name__ == "__main__":
    main(FOLDER / (sys.argv[1] if len(sys.argv) > 1 else skgru.__version__))
