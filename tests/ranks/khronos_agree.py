"""Learning on 1 and 2 ranks (and 3, where it is not alternating least squares or folds) gives the same parameters to 1e-10 and the same figures, in every phase: hybrid (Adam, Levenberg-Marquardt on a subset and on all
rows), alternating least squares, several targets, folds."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import h5py
import numpy

from run_case import DEBUG, Checks, run

checks = Checks()
ROWS = 600 if DEBUG else 3000
CASES = {
    "hybrid": f"data: {{function: borehole, samples: {ROWS}, validation: 0.1}}\nkhronos: {{rank: 3}}\ntrain: {{lm_rows: 512, lm_max_it: 5, full_max_it: 2}}\n",
    "als": f"data: {{function: sobol_g, dimension: 4, samples: {ROWS}, noise: 0.1}}\nkhronos: {{rank: 2, cells: 4}}\ntrain: {{method: als, als_sweeps: 3}}\n",
    "folds": "data: {function: thermal_history, split: folds, folds: 3, targets: [ys, uts]}\nsignal: {components: 3}\nkhronos: {class: quadratic, rank: 1}\ntrain: {full_max_it: 4}\n",
}


def numbers(path):
    with h5py.File(path) as f:
        theta = numpy.concatenate([f[f"model/part_{p}/theta"][:] for p in range(int(f["model"].attrs["parts"]))])
        test = f["test"][:]
    return theta, test[numpy.argsort(test[:, 0])]


for name, text in CASES.items():
    first = None
    for ranks in (1, 2, 3) if name == "hybrid" else (1, 2):  # three on two cores are slow
        done = run(f"model: khronos\ncase: {name}\n{text}", np=ranks, args=["-quiet"])
        if not checks.solved(done, f"{name} on {ranks} ranks"):
            continue
        theta, test = numbers(done.h5)
        figures = {k: v for k, v in done.results.items() if k.startswith(("r2_", "rows_", "parameters", "share_"))}
        if first is None:
            first = theta, test, figures
            checks.that(len(figures) >= 5, f"{name}: {len(figures)} figures")
            continue
        checks.below(numpy.max(numpy.abs(theta - first[0])) / numpy.max(numpy.abs(first[0])), 1e-10, f"{name}: {len(theta)} parameters on {ranks} ranks", done)
        checks.that(test.shape == first[1].shape and (test[:, 0] == first[1][:, 0]).all(), f"{name}: the same {len(test)} test rows")
        checks.below(numpy.max(numpy.abs(test - first[1]) / numpy.abs(first[1]).max(axis=0)), 1e-9, f"{name}: predictions", done)
        checks.that(figures.keys() == first[2].keys(), f"{name}: the same figures on {ranks} ranks", done)
        checks.below(max(abs(figures[k] - first[2][k]) for k in first[2] if k in figures), 1e-9, f"{name}: figures on {ranks} ranks", done)
checks.end()
