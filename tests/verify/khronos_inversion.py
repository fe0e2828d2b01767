# processors: 2
"""Which inputs give this output, asked of learned models and of a solved PDE with the same command: the shipped deck's solutions are predicted once more by -predict and
checked with the true function; two targets that together have a known answer; intervals; inputs that are held; starts from the data; the distance to the data
recomputed from the rows of the table; what failed is counted."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv

from run_case import SOURCE, Checks, fresh_folder, run, shipped

import numpy as np

checks = Checks()
rng = np.random.default_rng(4)


def read(path):
    """{column: numbers} of a CSV file."""
    rows = list(csv.reader(open(path)))
    return dict(zip(rows[0], np.array(rows[1:], dtype=float).T))


def invert(solved, target, *args, np_ranks=2):
    done = run(None, np=np_ranks, cwd=solved.cwd, args=["-restart", solved.h5.relative_to(solved.cwd), "-invert", target, "-invert_output", "again.csv", "-force", *args])
    if not checks.solved(done, f"{target} {' '.join(map(str, args))}"):
        checks.end()
    return done, read(solved.cwd / "again.csv")


def borehole(t):
    log = np.log(t["r"] / t["rw"])
    return 2 * np.pi * t["tu"] * (t["hu"] - t["hl"]) / (log * (1 + 2 * t["l"] * t["tu"] / (log * t["rw"] ** 2 * t["kw"]) + t["tu"] / t["tl"]))


def inside(t, box):
    return all(((t[name] >= lo - 1e-12 * abs(lo)) & (t[name] <= hi + 1e-12 * abs(hi))).all() for name, (lo, hi) in box.items())


# ---- the shipped deck: 1,000 boreholes of 100 m^3 a year
BOX = {"rw": (0.05, 0.15), "r": (100, 50000), "tu": (63070, 115600), "hu": (990, 1110), "tl": (63.1, 116), "hl": (700, 820), "l": (1120, 1680), "kw": (9855, 12045)}
DEVIATION = 45.6  # of the function over the box, m^3 a year
bore = run((SOURCE / "inputs" / "khronos" / "inversion.deck").read_text(), args=["-quiet", "-data_samples", 8000])
if not checks.solved(bore, "inversion.deck"):
    checks.end()
table = read(next(bore.cwd.rglob("*_inverse.csv")))
checks.that(bore.results["solutions"] == 1000 == len(table["y"]) and bore.results["failures"] == bore.results["duplicates"] == 0, "1,000 solutions of 1,000 starts", bore)
checks.below(np.abs(table["y"] - 100).max(), 1e-5 * DEVIATION * 8, "the model's value at the solutions, in m^3 a year from the target", bore)
truth = borehole(table)
checks.below(np.abs(table["true_y"] - truth).max(), 1e-11 * 100, "true_y is the borehole formula")
checks.close(np.sqrt(np.mean((truth - table["y"]) ** 2)), bore.results["true_error_rms"], 1e-7, "true_error_rms", bore)
error = np.sqrt(1 - bore.results["r2_test"]) * DEVIATION
checks.below(bore.results["true_error_rms"], 3 * error, "the truth at the solutions: root mean square error, against three times that of the test rows", bore)
checks.below(np.abs(truth - 100).max(), 0.02 * DEVIATION, "the truth at the solutions: largest error")
checks.that(inside(table, BOX), "solutions lie in the box")
unit = np.column_stack([(table[n] - lo) / (hi - lo) for n, (lo, hi) in BOX.items()])
gap = np.linalg.norm(unit[:, None] - unit[None], axis=2) + 10 * np.eye(len(unit))
checks.that(gap.min() > 1e-3, f"no two solutions alike: the nearest are {gap.min():.2g} widths of the box apart")
checks.close(gap.min(axis=1).mean(), bore.results["nearest_neighbour"], 1e-7, "nearest_neighbour", bore)
path = next(bore.cwd.rglob("*_inverse.csv"))
done = run(None, cwd=bore.cwd, args=["-restart", bore.h5.relative_to(bore.cwd), "-predict", path.relative_to(bore.cwd), "-predict_output", "predicted.csv"])
if checks.solved(done, "-predict of the table of solutions"):
    rows = list(csv.reader(open(bore.cwd / "predicted.csv")))
    last = np.array([row[len(table) :] for row in rows[1:]], dtype=float)
    checks.that(len(rows) == 1001 and rows[0][: len(table)] == list(table), f"columns of the table, then {rows[0][len(table) :]}")
    checks.below(np.abs(last[:, 0] - table["y"]).max(), 1e-4, "-predict says the same value (its sums are in single precision)")
    checks.below(np.abs(last[:, 0] - 100).max(), 1e-3 * DEVIATION, "-predict says the target")
checks.that(bore.results["distance_mean"] < 1.2, f"starts from the data stay near them: mean distance {bore.results['distance_mean']:.3f}", bore)
held = {"rw": 0.1, "kw": 11000}
done, table = invert(bore, "y=60:70", "-invert_at", "rw=0.1, kw=11000, l=1200:1400", "-invert_starts", 300, "-invert_prior", "none")
checks.that(all((table[name] == value).all() for name, value in held.items()), "inputs that are held keep their value", done)
checks.that(inside(table, {**BOX, "l": (1200, 1400)}), "the others stay in their box", done)
truth = borehole(table)
checks.that(len(truth) + done.results["failures"] + done.results["duplicates"] == 300 and len(truth) > 250, f"{len(truth)} solutions and {done.results['failures']:.0f} failures of 300", done)
checks.that((truth > 60 - 0.02 * DEVIATION).all() and (truth < 70 + 0.02 * DEVIATION).all() and np.ptp(truth) > 5, f"truth between {truth.min():.2f} and {truth.max():.2f}", done)

# ---- two targets with one answer: y1 = a + 2 b and y2 = a b, a polynomial that the splines hold; y1 = 2, y2 = 3/8 at (1/2, 3/4) and (3/2, 1/4), the second of which is outside
n = 800
a, b, c = rng.random((3, n))
part = np.where(rng.random(n) < 0.75, "train", "test")
with open((folder := fresh_folder()) / "two.csv", "w", newline="") as f:
    csv.writer(f).writerows([["a", "b", "c", "part", "y1", "y2"], *zip(*[[repr(v) for v in w] if w.dtype.kind == "f" else w for w in (a, b, c, part, a + 2 * b, a * b)])])
TWO = """---
model: khronos
case: two
data: {file: two.csv, targets: [y1, y2], split: column, split_column: part}
input:
  - a: {domain: [0, 1]}
  - b: {domain: [0, 1]}
  - c: {domain: [0, 1]}
khronos: {class: cp, rank: 2, degree: 1, cells: 1}
train: {restarts: 2, rtol: 1e-6}
"""
two = run(TWO, cwd=folder, args=["-quiet"])
if not checks.solved(two, "a table of two targets"):
    checks.end()
checks.below(1 - two.results["r2_test"], 1e-9, "two polynomials are learned", two)
done, table = invert(two, "y1=2, y2=3/8", "-invert_starts", 64, "-invert_rtol", 1e-9)
checks.that(len(table["a"]) >= 30 and done.results["solutions"] == len(table["a"]), f"{len(table['a'])} solutions of both targets", done)
checks.below(max(np.abs(table["a"] - 0.5).max(), np.abs(table["b"] - 0.75).max()), 1e-4, "two targets, two equations: the one point in the box", done)
checks.that(np.ptp(table["c"]) > 0.5, "the third input is free", done)
done, table = invert(two, "y1=1.5:1.6, y2=0.2:0.25", "-invert_starts", 200)
y1, y2 = table["a"] + 2 * table["b"], table["a"] * table["b"]
checks.that(len(y1) > 100 and (np.abs(y1 - 1.55) < 0.0501).all() and (np.abs(y2 - 0.225) < 0.0251).all(), f"{len(y1)} points in two intervals, by the formulas", done)
done = run(None, cwd=folder, args=["-restart", two.h5.relative_to(folder), "-invert", "y1=0.2, y2=0.9", "-invert_output", "no.csv"])
checks.refused(done, r"y1=0\.2, y2=0\.9", "two values that exclude each other")

# ---- distance to the data: Mahalanobis' of the training rows (scaled inputs; here the domain is [0,1]), 1 at the radius that holds 95 % of them
done, table = invert(two, "y1=1:2.5", "-invert_starts", 200, "-invert_prior", "none")
train = np.column_stack([a, b, c])[part == "train"]
inverse = np.linalg.inv(np.cov(train.T, bias=True))


def far(t):
    return np.sqrt(np.einsum("ij,jk,ik->i", t - train.mean(axis=0), inverse, t - train.mean(axis=0)))


radius = np.quantile(far(train), 0.95)
own = far(np.column_stack([table[n] for n in "abc"])) / radius
checks.below(np.abs(own / table["distance"] - 1).max(), 1e-2, "distance, recomputed from the table (the quantile of 600 rows is known to one row)")
checks.below(np.std(own / table["distance"]), 1e-5, "distance, but for the common radius")
checks.close(table["distance"].mean(), done.results["distance_mean"], 1e-7, "distance_mean", done)

# ---- starts from the data: inputs that vary together in the table do so in the answers
n = 1000
p = np.clip(0.5 + 0.15 * rng.standard_normal(n), 0, 1)
q = np.clip(p + 0.05 * rng.standard_normal(n), 0, 1)
r = rng.random(n)
np.savetxt(folder / "prior.csv", np.column_stack([p, q, r, p + q + r]), "%.17g", ",", header="p,q,r,y", comments="")
prior = run("---\nmodel: khronos\ncase: prior\ndata: {file: prior.csv, targets: [y], test: 0.2}\nkhronos: {class: additive, degree: 1, cells: 1}\n", cwd=folder, args=["-quiet", "-force"])
if checks.solved(prior):
    prior_h5 = next(folder.rglob("prior.h5"))
    mean = {}
    for kind in ("none", "data"):
        done = run(None, cwd=folder, args=["-restart", prior_h5.relative_to(folder), "-invert", "y=1.6", "-invert_starts", 400, "-invert_prior", kind, "-invert_output", f"{kind}.csv"])
        if checks.solved(done, f"prior {kind}"):
            table = read(folder / f"{kind}.csv")
            checks.below(np.abs(table["p"] + table["q"] + table["r"] - 1.6).max(), 1e-4, f"prior {kind}: the plane p + q + r = 1.6")
            mean[kind] = done.results["distance_mean"], np.std(table["p"] - table["q"])
    checks.that(mean["data"][0] < 0.8 * mean["none"][0], f"distance {mean['data'][0]:.2f} with the prior, {mean['none'][0]:.2f} without")
    checks.that(mean["data"][1] < 0.1 < mean["none"][1], f"p - q varies by {mean['data'][1]:.3f} with the prior (0.05 in the data), {mean['none'][1]:.3f} without")

# ---- a solved PDE, inverted for its parameter with the same command: heat_4d's reference is known in closed form
heat = run(shipped("heat_4d"), args=["-quiet", "-vsna_rank", 2])
if checks.that(heat.exit in (0, 3) and heat.h5 is not None, "heat_4d", heat):
    done, table = invert(heat, "u=0.3", "-invert_at", "t=0.1:0.5", "-invert_starts", 100)
    checks.that(len(table["kappa"]) > 60 and np.ptp(table["kappa"]) > 0.1, f"{len(table['kappa'])} values of the conductivity", done)
    checks.below(np.abs(table["u"] - 0.3).max(), 1e-5, "heat: u at the solutions", done)
    checks.below(np.abs(table["true_u"] - 0.3).max(), 1e-3, "heat: the exact solution there", done)
    np.savetxt(heat.cwd / "points.csv", np.column_stack([table[n] for n in ("x", "y", "t", "kappa")]), "%.17g", ",", header="x,y,t,kappa", comments="")
    done = run(None, cwd=heat.cwd, args=["-restart", heat.h5.relative_to(heat.cwd), "-predict", "points.csv", "-predict_output", "predicted.csv"])
    if checks.solved(done, "-predict of a solved PDE"):
        checks.below(np.abs(read(heat.cwd / "predicted.csv")["u_predicted"] - 0.3).max(), 1e-5, "heat: -predict says the target")
checks.end()
