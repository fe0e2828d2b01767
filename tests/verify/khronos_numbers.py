# processors: 2
"""Figures of model: khronos that are promised or follow from mathematics: the borehole function with 240 parameters from six starts, the Sobol' G function at the
ceiling that its noise sets, functions of the literature, methods of training that reach one optimum of a convex problem, folds, splits by a column, early
stopping, classes (iris, and odds that are known), scales, rows with gaps. Timings decide nothing here."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv
import importlib.util

from run_case import DEBUG, SOURCE, Checks, fresh_folder, run

import h5py
import numpy as np

checks = Checks()
rng = np.random.default_rng(11)


def learn(text, table=None, np_ranks=1, args=()):
    """A run of the deck `text`; table: ([names], rows) for table.csv."""
    cwd = fresh_folder()
    if table:
        with open(cwd / "table.csv", "w", newline="") as f:
            csv.writer(f).writerows([table[0], *table[1]])
    done = run(f"---\nmodel: khronos\ncase: case\n{text}", np=np_ranks, cwd=cwd, args=["-quiet", *args])
    if not checks.solved(done, text.replace("\n", " ")):
        checks.end()
    return done


def test_rows(done):
    """Numbers of the test rows, targets and predictions of the first target, by row."""
    with h5py.File(done.h5) as f:
        test = f["test"][:]
    return test[np.argsort(test[:, 0], kind="stable")][:, :3].T


def rows_of(*columns):
    return [[v if isinstance(v, str) else repr(float(v)) for v in row] for row in zip(*columns)]


# ---- borehole, 240 parameters: 1-R^2 <= 1e-6 from six starts with six sets of data (issue: six of six seeds)
BOREHOLE = (SOURCE / "inputs" / "khronos" / "borehole.deck").read_text().split("---\n", 1)[1]
for seed in range(1, 3 if DEBUG else 7):
    samples = 10000 if DEBUG else 100000 if seed == 1 else 14000
    done = run(f"---\n{BOREHOLE}", args=["-quiet", "-train_seed", seed, "-data_seed", seed, "-data_samples", samples])
    if checks.solved(done, f"borehole, {samples} rows, seed {seed}"):
        checks.below(1 - done.results["r2_test"], 1e-6, f"borehole, seed {seed}: 1-R^2 with {done.results['parameters']:.0f} parameters", done)
        checks.that(done.results["parameters"] == 240 and done.results["rows_test"] == 0.3 * samples, "240 parameters, 30 % of the rows in the test", done)

# ---- Sobol' G with noise of 0.1 standard deviations. The best prediction is the function itself: its R^2 on the noisy test rows is the ceiling, near 1/1.01. The same
# seed without noise gives the same points and the same split, so the test table of that run is the truth.
if not DEBUG:
    for samples, khronos, parameters, margin in ((100000, "rank: 1, degree: 2, cells: 76", 1560, 5e-4), (20000, "rank: 1, degree: 1, cells: 2", 60, 1e-4)):
        data = f"data: {{function: sobol_g, samples: {samples}, test: 0.3, seed: 3, noise: "
        clean = learn(data + "0}\nkhronos: {rank: 1, degree: 1, cells: 2}\ntrain: {method: als, als_sweeps: 1}\n")
        noisy = learn(data + f"0.1}}\nkhronos: {{{khronos}}}\n", np_ranks=2)
        (row, true, _), (same, target, predicted) = test_rows(clean), test_rows(noisy)
        variance = np.square(target - target.mean()).sum()
        ceiling = 1 - np.square(target - true).sum() / variance
        error = 4 * np.std((target - true) ** 2 - ceiling * (target - target.mean()) ** 2) / np.sqrt(len(row)) / target.var()
        checks.that(np.array_equal(row, same), "noise changes neither points nor split")
        checks.that(abs(ceiling - 1 / 1.01) < max(error, 6e-4), f"the ceiling of these rows, {ceiling:.5f}, is near 1/1.01 = {1 / 1.01:.5f}")
        checks.close(np.std(target - true) / true.std(), 0.1, 0.03, "the noise is 0.1 standard deviations")
        checks.that(noisy.results["parameters"] == parameters, f"{parameters} parameters", noisy)
        checks.below(ceiling - noisy.results["r2_test"], margin, f"Sobol' G, {parameters} parameters: below the ceiling of {ceiling:.5f}", noisy)
        checks.close(1 - np.square(target - predicted).sum() / variance, noisy.results["r2_test"], 1e-10, "r2_test is that of the table of predictions", noisy)

# ---- further functions: bounds are two to seven times the 1-R^2 measured when this was written, with these sizes
if not DEBUG:
    for function, khronos, bound in (
        ("otl_circuit", "rank: 6, degree: 2, cells: 3", 2e-5),
        ("wing_weight", "rank: 6, degree: 2, cells: 2", 1e-5),
        ("piston", "rank: 6, degree: 2, cells: 3", 2e-3),
        ("friedman1", "rank: 6, degree: 2, cells: 4", 3e-5),
        ("ishigami", "rank: 3, degree: 4, cells: 8", 3e-5),
    ):
        done = learn(f"data: {{function: {function}, samples: 5000}}\nkhronos: {{{khronos}}}\n")
        checks.below(1 - done.results["r2_test"], bound, f"{function}: 1-R^2", done)
    # Noise of 0.2 standard deviations, about Friedman's own. Without noise the same test rows are the truth. N rows determine P parameters of a linear model with an error of
    # P 0.2^2 / N of the variance on average; twice that is allowed here.
    data = "data: {function: friedman1, samples: 10000, noise: "
    clean = learn(data + "0}\nkhronos: {rank: 1, degree: 1, cells: 1}\ntrain: {method: als, als_sweeps: 1}\n")
    noisy = learn(data + "0.2}\nkhronos: {rank: 6, degree: 2, cells: 4}\n")
    true, predicted = test_rows(clean)[1], test_rows(noisy)[2]
    limit = noisy.results["parameters"] * 0.04 / noisy.results["rows_train"]
    checks.below(np.square(true - predicted).sum() / np.square(true - true.mean()).sum(), 2 * limit, "friedman1 with noise, against the function without: 1-R^2", noisy)

# ---- one optimum: an additive model is linear in its parameters, and numpy's least squares on piecewise polynomials says what the best one leaves
n, degree, cells = 1500, 2, 3
x = rng.random((2, n))
y = np.sin(5 * x[0]) + np.exp(2 * x[1]) * (1 + 0.2 * x[0]) + 0.3 * rng.standard_normal(n)
basis = np.column_stack([t**k for t in x for k in range(1, degree + 1)] + [np.maximum(t - k / cells, 0) ** degree for t in x for k in range(1, cells)] + [np.ones(n)])
best = 1 - np.square(y - basis @ np.linalg.lstsq(basis, y, rcond=None)[0]).sum() / np.square(y - y.mean()).sum()
LINEAR = "data: {file: table.csv, targets: [y], test: 0}\ninput:\n  - a: {domain: [0, 1]}\n  - b: {domain: [0, 1]}\nkhronos: {class: additive, degree: 2, cells: 3}\n"
for method, tolerance in (("lm", 1e-10), ("hybrid", 1e-10), ("als, als_sweeps: 200, rtol: 1e-8", 1e-8), ("lbfgs, lbfgs_max_it: 2000", 1e-6), ("adam", 5e-3)):
    done = learn(LINEAR + f"train: {{method: {method}}}\n", (["a", "b", "y"], rows_of(*x, y)))
    checks.that(abs(done.results["r2_train"] - best) <= tolerance, f"{method}: R^2 {done.results['r2_train']:.12f}, the best is {best:.12f} ({tolerance:g})", done)
    checks.that(done.results["r2_train"] <= best + 1e-11, f"{method}: not better than the best", done)

# ---- splits: folds, a column of words or numbers
table = (["a", "b", "part", "y"], rows_of(*x, ["train", "validation", "test", "train", "train"] * (n // 5), y))
numbers = (table[0], [[*row[:2], {"train": "0", "validation": "1", "test": "2"}[row[2]], row[3]] for row in table[1]])
plain = (["a", "b", "y"], rows_of(*x, y))
KHRONOS = "khronos: {rank: 2, degree: 2, cells: 2}\n"
done = learn(f"data: {{file: table.csv, targets: [y], split: folds, folds: 4}}\n{KHRONOS}", plain)
folds = [done.results[f"r2_fold_{k}"] for k in range(1, 5)]
row, true, predicted = test_rows(done)
checks.that(np.array_equal(row, np.arange(n)) and np.abs(true - y).max() < 1e-13, "folds: every row is in the test once", done)
checks.close(done.results["r2_folds"], np.mean(folds), 1e-10, "folds: mean", done)
checks.close(done.results["r2_folds_deviation"], np.std(folds, ddof=1), 1e-8, "folds: standard deviation", done)
checks.close(1 - np.square(true - predicted).sum() / np.square(true - true.mean()).sum(), np.mean(folds), 5e-3, "folds: R^2 of all predictions together", done)
checks.that(len(set(folds)) == 4 and done.results["rows_train"] == n, "folds: each its own figure; the model that is kept has seen all rows", done)
column = [learn(f"data: {{file: table.csv, targets: [y], split: column, split_column: part}}\n{KHRONOS}", t) for t in (table, numbers)]
for done in column:
    checks.that(np.array_equal(test_rows(done)[0], np.arange(2, n, 5)), "split by a column: the test rows are those of the column", done)
    checks.that([done.results[f"rows_{p}"] for p in ("train", "validation", "test")] == [n * 3 / 5, n / 5, n / 5], "split by a column: rows", done)
checks.that(column[0].results["r2_test"] == column[1].results["r2_test"], "words and numbers say the same")

# ---- early stopping: 96 parameters for 90 noisy rows. Without validation rows training goes on to where it fits the noise.
few = 240
t = rng.random((3, few))
noisy = np.sin(3 * t[0]) * (1 + t[1]) + 0.4 * rng.standard_normal(few)
part = ["train"] * 90 + ["validation"] * 50 + ["test"] * 100
MANY = "input:\n  - a: {domain: [0, 1]}\n  - b: {domain: [0, 1]}\n  - c: {domain: [0, 1]}\nkhronos: {rank: 4, degree: 2, cells: 6}\ntrain: {ridge: 1e-12, lm_max_it: 40, full_max_it: 40, patience: "
results = {}
for patience in (2, 100000):
    deck = f"data: {{file: table.csv, targets: [y], split: column, split_column: part}}\n{MANY}{patience}}}\n"
    done = learn(deck, (["a", "b", "c", "part", "y"], rows_of(*t, part, noisy)))
    with h5py.File(done.h5) as f:
        results[patience] = (len(f["history/loss"]), f["history/validation"][:], done)
keep = [row for row, p in zip(rows_of(*t, part, noisy), part) if p != "validation"]
free = learn(f"data: {{file: table.csv, targets: [y], split: column, split_column: part}}\n{MANY.replace(', patience: ', '')}}}\n", (["a", "b", "c", "part", "y"], keep))
steps, validation, done = results[2]
checks.that(steps < results[100000][0], f"patience of 2 stops after {steps} steps, without patience after {results[100000][0]}", done)
checks.that(steps - 1 - np.nanargmin(validation) <= 2, f"the best of {steps} steps was {np.nanargmin(validation) + 1}", done)
checks.that(done.results["r2_train"] < free.results["r2_train"] and done.results["r2_test"] > free.results["r2_test"] + 0.05,
            f"early stopping: train {done.results['r2_train']:.3f}, test {done.results['r2_test']:.3f}; without: {free.results['r2_train']:.3f}, {free.results['r2_test']:.3f}", done)
best = results[100000][2].results["r2_validation"]
checks.that(best >= done.results["r2_validation"] - 1e-12, "the parameters of the smallest validation loss are kept", done)

# ---- classes: iris; two classes whose odds are known
spec = importlib.util.find_spec("sklearn")
iris = pathlib.Path(spec.origin).parent / "datasets" / "data" / "iris.csv" if spec and spec.origin else None
if iris and iris.is_file():
    lines = list(csv.reader(open(iris)))
    flowers = [[*row[:4], lines[0][2 + int(row[4])]] for row in lines[1:]]
else:  # three normal clouds as far from each other
    centre = np.array([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])
    flowers = [[*map(repr, (centre[k] + 0.4 * rng.standard_normal(4)).tolist()), f"kind {k}"] for k in range(3) for _ in range(50)]
IRIS = "data: {file: table.csv, targets: [species], split: folds, folds: 5}\nkhronos: {class: additive, degree: 1, cells: 1}\ntrain: {ridge: 1e-3}\n"
done = learn(IRIS, (["sepal length", "sepal width", "petal length", "petal width", "species"], flowers))
checks.that(done.results["accuracy_folds"] >= 0.93, f"iris: accuracy {done.results['accuracy_folds']:.3f} over 5 folds", done)
row, true, predicted = test_rows(done)
checks.close(np.mean(true == predicted), done.results["accuracy_folds"], 1e-12, "iris: accuracy is that of the table (30 rows in each fold)", done)
checks.that(np.bincount(true.astype(int)).tolist() == [50, 50, 50], "iris: three classes of 50", done)
n = 6000
u = rng.random((2, n))
odds = 4 * u[0] - 6 * (u[1] - 0.5) ** 2 - 1.5
p = 1 / (1 + np.exp(-odds))
yes = rng.random(n) < p
done = learn("data: {file: table.csv, targets: [answer], test: 0.5}\nkhronos: {class: additive, degree: 2, cells: 1}\n",
             (["a", "b", "answer"], rows_of(*u, np.where(yes, "yes", "no").astype(object))))
rows = test_rows(done)[0].astype(int)
truth = -np.mean(np.log(np.where(yes, p, 1 - p)[rows]))
# Five free numbers (differences of the two classes' functions): the log loss is above that of the truth by 5/(2 N) on average, N = 3000
checks.that(-2e-3 < done.results["log_loss_test"] - truth < 5e-3, f"known odds: log loss {done.results['log_loss_test']:.4f}, of the truth {truth:.4f}", done)
checks.close(done.results["accuracy_test"], np.mean((p > 0.5) == yes, where=np.isin(np.arange(n), rows)), 0.02, "known odds: accuracy as of the truth", done)

# ---- scales of inputs and targets, rows with gaps
x = np.exp(rng.uniform(0, 7, 400))
v = rng.standard_normal(400)
lo, hi = max(v.mean() - 3 * v.std(), v.min()), min(v.mean() + 3 * v.std(), v.max())
y = 3 + np.log(x) ** 2 - np.clip(v, lo, hi)  # inputs beyond the scale count as at its end
DATA = "data: {file: table.csv, targets: [y], test: 0, "
scaled = {}
for kind in ("linear", "log"):
    done = learn(f"{DATA}}}\ninput:\n  - x: {{scale: {kind}}}\n  - v: {{scale: standard}}\nkhronos: {{class: additive, degree: 2, cells: 1}}\n", (["x", "v", "y"], rows_of(x, v, y)))
    scaled[kind] = 1 - done.results["r2_train"]
    with h5py.File(done.h5) as f:
        names, scale = f["model/input_scale"].attrs["columns"], f["model/input_scale"][:]
    shift, width = (np.log(x).min(), np.ptp(np.log(x))) if kind == "log" else (x.min(), np.ptp(x))
    checks.that(names in (b"log,shift,width,lo,hi", "log,shift,width,lo,hi") and np.allclose(scale[0, 1:3], [shift, width], rtol=1e-12), f"{kind}: shift and width", done)
    checks.that(np.allclose(scale[1, 1:3], [lo, hi - lo], rtol=1e-11), "standard: three deviations on both sides, cut to the range", done)
checks.that(scaled["linear"] > 1e-2, f"ln x on a linear scale: 1-R^2 {scaled['linear']:.2g}")
checks.that(((v < lo) | (v > hi)).any() and scaled["log"] < 1e-11, f"ln x on a log scale: 1-R^2 {scaled['log']:.2g}")
done = learn(DATA.replace("test: 0, ", "test: 0.3, ") + "scale: log}\ninput:\n  - x: {domain: [1, 1100]}\nkhronos: {class: cp, rank: 1, degree: 1, cells: 1}\n", (["x", "y"], rows_of(x, 5 - np.log(x) / 3)))
checks.below(1 - done.results["r2_test"], 1e-11, "a line in ln x", done)
for kind in ("none", "standard", "deviation", "auto"):
    done = learn(DATA + f"target_scale: {kind}}}\nkhronos: {{class: additive, degree: 2, cells: 1}}\n", (["v", "y"], rows_of(v, 7 + 2 * v - v * v)))
    checks.below(1 - done.results["r2_train"], 1e-11, f"target scale {kind}: 1-R^2 of a parabola", done)
gaps = [[str(i), repr(a), "" if i % 7 == 3 else repr(b), "NaN" if i % 50 == 4 else repr(c)] for i, (a, b, c) in enumerate(zip(x.tolist(), v.tolist(), y.tolist()))]
whole = [row for row in gaps if "" not in row and "NaN" not in row]
DROP = "data: {file: table.csv, targets: [y], ignore: [id], missing: drop, test: 0.25}\ninput:\n  - x: {scale: log}\nkhronos: {class: additive, degree: 2, cells: 1}\n"
both = [learn(DROP, (["id", "x", "v", "y"], rows)) for rows in (gaps, whole)]
for done in both:
    checks.that(done.results["rows_train"] + done.results["rows_test"] == len(whole), f"rows with gaps: {len(whole)} of {len(gaps)} are left", done)
checks.that(both[0].results["r2_train"] == both[1].results["r2_train"], "rows with gaps: as if they had not been there")
checks.end()
