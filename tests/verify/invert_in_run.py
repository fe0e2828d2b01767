"""Inversion of learned models: in the run that trains and from its file, several targets, starts from the data, the truth beside the value, signals behind the
solutions, derivatives against differences of predictions; the same bytes on any number of ranks; the picture; a stopped run with `invert` in its deck goes on first."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv
import subprocess

from run_case import SOURCE, Checks, run, shipped

import h5py
import numpy as np

BOREHOLE = """---
model: khronos
case: bore
data: {function: borehole, samples: 3000, test: 0.3}
khronos: {class: cp, rank: 3, degree: 2, cells: 2}
invert: y=100
invert_starts: 100
"""
WALLS = """---
model: khronos
case: walls
data: {function: thermal_history, samples: 200, test: 0.2, targets: [ys, uts]}
signal: {length: 64, wavelet: haar, keep: 32, components: 4}
khronos: {class: cp, rank: 2, degree: 2, cells: 1}
train: {ridge: 1e-3}
invert: "ys=350:450, uts=700:800"
invert_prior: data
"""
INPUTS = "rw r tu hu tl hl l kw".split()
checks = Checks()


def read(path):
    """{column: values} of a CSV table."""
    rows = list(csv.reader(open(path)))
    return dict(zip(rows[0], np.array(rows[1:], dtype=float).reshape(-1, len(rows[0])).T))


def borehole(rw, r, tu, hu, tl, hl, l, kw):
    log = np.log(r / rw)
    return 2 * np.pi * tu * (hu - hl) / (log * (1 + 2 * l * tu / (log * rw**2 * kw) + tu / tl))


def picture(*args):
    return subprocess.run([sys.executable, "-B", str(SOURCE / "postproc" / "plot_inversion.py"), *map(str, args)], capture_output=True, text=True, timeout=120)


# ---- the run that trains also answers
bore = run(BOREHOLE, np=2, args=["-quiet"])
path = bore.cwd / "out/bore/bore_inverse.csv"
if not (checks.solved(bore) and checks.that(path.exists() and bore.h5 is not None, "results, then solutions beside them", bore)):
    checks.end()
table = read(path)
x = [table[name] for name in INPUTS]
names = [*INPUTS, "y", *[f"dy_d{name}" for name in INPUTS], "residual", "iterations", "true_y", "distance"]
checks.that(list(table) == names, f"columns {list(table)}")
checks.that(bore.results["solutions"] == 100 and bore.results["failures"] == 0 and bore.results["invert_seconds"] > 0, "100 solutions", bore)
checks.below(np.abs(table["y"] - 100).max(), 1e-6 * 400, "the model says 100 there (its range is below 400)")
checks.below(np.abs(table["true_y"] / borehole(*x) - 1).max(), 1e-12, "true_y is the borehole function, by the formula")
checks.close(np.sqrt(np.mean((table["true_y"] - table["y"]) ** 2)), bore.results["true_error_rms"], 1e-9, "true_error_rms", bore)
checks.below(bore.results["true_error_rms"], 3, "the truth is near 100 too (its deviation over the box is 45)", bore)
checks.close(table["distance"].mean(), bore.results["distance_mean"], 1e-9, "distance_mean", bore)

# ---- asked again, without training
asked = {}
for np_ranks in (1, 2, 3):
    done = run(None, np=np_ranks, cwd=bore.cwd, args=["-restart", "out/bore/bore.h5", "-invert", "y=100", "-invert_starts", 100, "-invert_output", "again.csv"])
    checks.that(done.exit == 0 and "train_seconds" not in done.results, f"{np_ranks} ranks: no training", done)
    asked[np_ranks] = (bore.cwd / "again.csv").read_bytes()
checks.that(len({path.read_bytes(), *asked.values()}) == 1, "the same bytes as from the run that trained, on 1, 2 and 3 ranks")
drawn = run(None, np=1, cwd=bore.cwd, args=["-restart", "out/bore/bore.h5", "-invert", "y=100", "-invert_starts", 100, "-invert_prior", "data", "-invert_output", "drawn.csv"])
checks.that(drawn.exit == 0 and drawn.results["distance_mean"] < bore.results["distance_mean"], f"starts from the data end nearer to them: {drawn.results.get('distance_mean')}", drawn)

(bore.cwd / "one.csv").write_text(",".join(INPUTS) + "\n" + ",".join(f"{table[name][0]:.17g}" for name in INPUTS) + "\n")
done = run(None, np=1, cwd=bore.cwd, args=["case.deck", "-restart", "out/bore/bore.h5", "-sample", "one.csv"])
checks.that(done.exit == 0 and "sampled 1 points" in done.out and "inverted" not in done.out, "what the command line asks comes before what the deck asks", done)
done = run(None, np=1, cwd=bore.cwd, args=["case.deck", "-restart", "out/bore/bore.h5", "-invert_output", "deck.csv"])
checks.that(done.exit == 0 and "train_seconds" not in done.results and (bore.cwd / "deck.csv").read_bytes() == path.read_bytes(), "the deck's question, from the file", done)

# ---- derivatives against central differences of predictions: second derivatives jump at knots, so the error is of order h
lo, hi = np.array([0.05, 100, 63070, 990, 63.1, 700, 1120, 9855]), np.array([0.15, 50000, 115600, 1110, 116, 820, 1680, 12045])
h = 1e-4 * (hi - lo)
points = np.clip(np.column_stack(x)[:20], lo + 2 * h, hi - 2 * h)
with open(bore.cwd / "near.csv", "w") as f:
    f.write(",".join(INPUTS) + "\n")
    for d in range(8):
        for sign in (1, -1):
            f.writelines(",".join(f"{v:.17g}" for v in p + sign * h * np.eye(8)[d]) + "\n" for p in points)
done = run(None, np=2, cwd=bore.cwd, args=["-restart", "out/bore/bore.h5", "-predict", "near.csv", "-predict_output", "said.csv"])
if checks.that(done.exit == 0, "predictions", done):
    said = read(bore.cwd / "said.csv")["y_predicted"].reshape(8, 2, -1)
    slopes = np.column_stack([table[f"dy_d{name}"] for name in INPUTS])[:20] * (hi - lo)
    differences = ((said[:, 0] - said[:, 1]) / (2 * h[:, None])).T * (hi - lo)
    inside = np.all(points == np.column_stack(x)[:20], axis=1)
    checks.that(inside.sum() >= 10, f"{inside.sum()} of 20 points are away from the bounds")
    checks.below(np.abs(slopes - differences)[inside].max(), 1e-4 * np.abs(slopes).max(), "derivatives against differences")

# ---- out of reach: the results stand, the answer is an error
refused = run(BOREHOLE, np=1, args=["-quiet", "-invert", "y=-500"])
checks.that(refused.exit == 2 and refused.h5 is not None and "y=-500 is out of reach: y lies between" in refused.err and "r2_test" in refused.results, "a target out of reach after training", refused)
checks.refused(run(BOREHOLE, np=1, args=["-invert", "y=100, flow=3"]), r"-invert: `flow` is no unknown of the solution; there is y", "a target that the model does not have")
checks.refused(run(BOREHOLE, np=1, args=["-invert", "", "-invert_prior", "data"]), r"invert_prior has no effect without invert", "a prior without a question")

# ---- two targets, signals behind the inputs
walls = run(WALLS, np=2, args=["-quiet"])
if checks.solved(walls, "signals"):
    with h5py.File(walls.cwd / "out/walls/walls_inverse.h5") as f:
        samples, signals = f["samples"][:], f["signals"][:]
        names = f["samples"].attrs["columns"].decode().split(",")
    with h5py.File(walls.h5) as f:
        mean, component = (f[f"model/pca/{name}"][:] for name in ("mean", "component"))
    columns = dict(zip(names, samples.T))
    checks.that(names[:6] == ["c1", "c2", "c3", "c4", "ys", "uts"] and names[-4:] == ["residual_ys", "residual_uts", "iterations", "distance"], f"columns {names}")
    checks.that(len(samples) == walls.results["solutions"] and signals.shape == (len(samples), 64), f"a signal for each of {len(samples)} solutions", walls)
    # Both are orthonormal transforms: a signal has the length of its 32 coefficients.
    coefficients = mean + samples[:, :4] @ component
    checks.below(np.abs(np.sum(signals**2, axis=1) / np.sum(coefficients**2, axis=1) - 1).max(), 1e-10, "the signals are those of the components")
    inside = (columns["ys"] > 350) & (columns["ys"] < 450)
    checks.that(np.all(columns["residual_ys"][inside] == 0), "inside an interval the residual is zero")
    checks.that(np.all((columns["uts"] > 699.9) & (columns["uts"] < 800.1)), "both targets hold at once")
    csv_run = run(WALLS, np=1, args=["-quiet", "-invert_output", "flat.csv"])
    flat = read(csv_run.cwd / "flat.csv") if csv_run.exit == 0 else {}
    checks.that(list(flat) == names and np.allclose(flat["ys"], columns["ys"], rtol=1e-6), "the same as CSV, without signals", csv_run)
    # ---- the picture
    for args in ([path], [walls.cwd / "out/walls/walls_inverse.h5"], [walls.cwd / "out/walls/walls_inverse.h5", "-k", "parallel", "-c", "ys", "-o", bore.cwd / "lines.png"]):
        p = picture(*args)
        drawn_file = pathlib.Path(args[-1]) if "-o" in args else args[0].with_suffix(".png")
        checks.that(p.returncode == 0 and drawn_file.stat().st_size > 10000, f"plot_inversion {p.stderr.strip()}")
for bad, message in ((bore.cwd / "missing.csv", "no such file"), (bore.cwd / "near.csv", "not a table that -invert wrote"), (bore.h5, "not a table that -invert wrote")):
    p = picture(bad)
    checks.that(p.returncode == 2 and message in p.stderr and p.stderr.count("\n") == 1, f"{bad.name}: {p.stderr.strip()[-70:]}")

# ---- `invert` in the deck of a run that is stopped: it goes on, then answers; asked for on the command line it answers from what there is
deck = shipped("heat_4d").replace("model: vsna\n", "model: vsna\ninvert: u=0.02\ninvert_starts: 8\n", 1)
stopped = run(deck, np=1, args=["-max_wall_time", 1e-6, "-vsna_rank", 3])
restart = stopped.restart
if checks.that(stopped.exit == 4 and restart is not None and "inverted" not in stopped.out, "a stopped run does not answer", stopped):
    restart = restart.relative_to(stopped.cwd)
    now = run(None, np=1, cwd=stopped.cwd, args=["case.deck", "-restart", restart, "-vsna_rank", 3, "-invert", "u=0.02", "-invert_output", "now.csv"])
    checks.that(now.exit == 0 and "inverted u=0.02" in now.out and "seconds" not in now.results and stopped.h5 is None, "asked on the command line: from the restart file", now)
    on = run(None, np=1, cwd=stopped.cwd, args=["case.deck", "-restart", restart, "-vsna_rank", 3])
    checks.that(on.exit == 0 and "inverted u=0.02" in on.out and "error_l2" in on.results and stopped.h5 is not None, "it goes on and answers", on)
checks.end()
