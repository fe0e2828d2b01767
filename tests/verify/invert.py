"""Inversion: -restart FILE -invert u=VALUE gives points of the level set: on it when sampled again, inside the box, distinct, the same on 1, 2 and 3 ranks;
the sphere of a function known in closed form, the plume that is zero nearly everywhere, targets that are out of reach."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv

from run_case import DEBUG, Checks, run, shipped

import h5py
import numpy as np

# The projection of a polynomial on splines that hold it: u is known at every point.
SPHERE = """---
model: vsna
case: sphere
dim:
  - x: {domain: [-1, 1], degree: 3, cells: 4}
  - y: {domain: [-1, 1], degree: 3, cells: 4}
  - z: {domain: [-1, 1], degree: 3, cells: 4}
pde:
  unknown: u
  term:
    - one: "1"
  source:
    - a: x^2
    - b: y^2
    - c: z^2
  reference: x^2 + y^2 + z^2
vsna:
  rank: 3
  als: {rtol: 1e-14, max_sweeps: 3000, final_sweeps: 3000}
"""
MAPPED = """---
model: vsna
case: mapped
coordinates:
  space:
    - x: [-0.8, 0.8]
    - y: [-0.8, 0.8]
  map:
    - p: x + y
    - q: x - y
dim:
  - p: {domain: [-1, 1], degree: 3, cells: 4}
  - q: {domain: [-1, 1], degree: 3, cells: 4}
pde:
  unknown: u
  term:
    - one: "1"
  source:
    - a: p^2
    - b: 2*q^2
  reference: (x+y)^2 + 2*(x-y)^2
vsna:
  rank: 2
  als: {rtol: 1e-14, max_sweeps: 1000, final_sweeps: 1000}
"""
checks = Checks()


def read(path):
    """{column: values} of a table."""
    if str(path).endswith(".csv"):
        rows = list(csv.reader(open(path)))
        names, values = rows[0], np.array(rows[1:], dtype=float).reshape(-1, len(rows[0]))
    else:
        with h5py.File(path) as f:
            columns, values = f["samples"].attrs["columns"], f["samples"][:]
            names = (columns.decode() if isinstance(columns, bytes) else str(columns)).split(",")
    return {name: values[:, i] for i, name in enumerate(names)}


def invert(solved, target, *args, np_ranks=1, output="inverse.csv"):
    """The run and its table, which is removed."""
    done = run(None, np=np_ranks, cwd=solved.cwd, args=["-restart", solved.h5.relative_to(solved.cwd), "-invert", target, "-invert_output", output, *args])
    path = solved.cwd / output
    table = read(path) if path.exists() else None
    data = path.read_bytes() if path.exists() else b""
    path.unlink(missing_ok=True)
    checks.that(done.exit == 0 and table is not None, f"{target} {' '.join(map(str, args))}: exit {done.exit}", done)
    return done, table or {}, data


def sample(solved, points, names):
    """u and its gradient at the rows of `points`."""
    with open(solved.cwd / "points.csv", "w") as f:
        f.write(",".join(names) + "\n" + "".join(",".join(f"{v:.17g}" for v in row) + "\n" for row in points))
    done = run(None, np=2, cwd=solved.cwd, args=["-restart", solved.h5.relative_to(solved.cwd), "-sample", "points.csv", "-sample_output", "values.csv"])
    checks.that(done.exit == 0, f"{len(points)} points sampled: exit {done.exit}", done)
    return read(solved.cwd / "values.csv")


def nearest(points):
    """Mean distance to the nearest other row."""
    distance = np.linalg.norm(points[:, None, :] - points[None, :, :], axis=2)
    np.fill_diagonal(distance, np.inf)
    return distance.min(axis=1).mean()


# ---- a sphere: |x| = 1/2 is u = 1/4
sphere = run(SPHERE, np=2, args=["-quiet"])
if not checks.that(sphere.exit in (0, 3) and sphere.results["error_l2"] < 1e-4, f"the sphere: error {sphere.results.get('error_l2')}", sphere):
    checks.end()
accuracy = 3e-4  # of u from the solve, in the largest norm
done, table, data = invert(sphere, "u=1/4", "-invert_starts", 500)
points = np.column_stack([table[n] for n in "xyz"])
checks.that(list(table) == "x y z u du_dx du_dy du_dz residual iterations true_u".split(), f"columns {list(table)}")
checks.below(np.abs(table["true_u"] - np.square(points).sum(axis=1)).max(), 1e-15, "true_u is the deck's reference")
checks.close(np.sqrt(np.mean((table["true_u"] - table["u"]) ** 2)), done.results["true_error_rms"], 1e-9, "true_error_rms", done)
checks.that(len(points) == 500 == done.results["solutions"] and done.results["failures"] == 0, "every start leads to a solution of its own", done)
checks.below(np.abs(np.linalg.norm(points, axis=1) - 0.5).max(), accuracy, "the points lie on the sphere")
checks.below(np.abs(table["u"] - 0.25).max(), 1e-6 * 3.01, "u is the target to rtol times its range, which is 3")
checks.below(np.abs(table["residual"] - (table["u"] - 0.25)).max(), 1e-17, "residual = u - target")
checks.close(np.abs(table["residual"]).max(), done.results["max_residual"], 1e-11, "max_residual", done)
checks.close(table["iterations"].mean(), done.results["mean_iterations"], 1e-11, "mean_iterations", done)
checks.below(done.results["mean_iterations"], 6, "Newton converges fast", done)
checks.close(nearest((points + 1) / 2), done.results["nearest_neighbour"], 1e-9, "nearest_neighbour, in widths of the box", done)
# Points uniform on a sphere of radius 1/2: mean 0 with standard error 1/2/sqrt(3*500) = 0.013, mean nearest distance about 1/2*sqrt(4/500) = 0.045 before scaling
checks.below(np.linalg.norm(points.mean(axis=0)), 0.08, "they surround the centre")
checks.that(done.results["nearest_neighbour"] > 0.5 * 0.045 / 2, f"they spread over the sphere: {done.results['nearest_neighbour']:.3g}", done)
for np_ranks in (2, 3):
    _, _, other = invert(sphere, "u=1/4", "-invert_starts", 500, np_ranks=np_ranks)
    checks.that(other == data, f"{np_ranks} ranks write the same bytes")
_, other, _ = invert(sphere, "u=1/4", "-invert_starts", 500, np_ranks=2, output="inverse.h5")
checks.that(other and all(np.array_equal(other[n], table[n]) for n in table), "HDF5 holds the same numbers")
back = sample(sphere, points, "xyz")
for name in ("u", "du_dx", "du_dy", "du_dz"):
    checks.below(np.abs(back[name] - table[name]).max(), 1e-13, f"{name} of the table, sampled again")
h = 1e-4
moved = np.concatenate([points + sign * h * np.eye(3)[d] for d in range(3) for sign in (1, -1)])
values = sample(sphere, moved, "xyz")["u"].reshape(3, 2, -1)
for d, name in enumerate(("du_dx", "du_dy", "du_dz")):  # a cubic spline's third derivative is small here
    checks.below(np.abs((values[d, 0] - values[d, 1]) / (2 * h) - table[name]).max(), 1e-5, f"{name} against central differences")

done, table, _ = invert(sphere, "u=1/4:0.3", "-invert_starts", 500)
checks.that(np.all((table["u"] >= 0.25 - 3.1e-6) & (table["u"] <= 0.3 + 3.1e-6)), "an interval of targets holds every value")
inside = (table["u"] > 0.2501) & (table["u"] < 0.2999)
checks.that(np.all(table["residual"][inside] == 0) and 0 < inside.sum() < 400, f"{inside.sum()} of 500 lie inside it, the others at its ends")
# The plane x = 0.3 cuts the sphere; the points of the cap x >= 0.3 keep to it, on its rim too.
done, table, _ = invert(sphere, "u=1/4", "-invert_at", "x=0.3:1, y=-0.2:0.4", "-invert_starts", 200)
checks.that(table["x"].min() >= 0.3 and table["y"].min() >= -0.2 and table["y"].max() <= 0.4, "bounds hold exactly")
checks.below(np.abs(np.sqrt(table["x"] ** 2 + table["y"] ** 2 + table["z"] ** 2) - 0.5).max(), accuracy, "on the sphere within bounds")
checks.that(np.any(table["x"] == 0.3) or np.any(table["y"] == -0.2), "some solutions lie on a bound")
done, table, _ = invert(sphere, "u=1/4", "-invert_at", "x=0.4:0.45, z=0, y=0:1")
checks.that(np.all(table["z"] == 0) and table["x"].max() <= 0.45 and done.results["failures"] == 0, "a fixed input stays, a thin box is no obstacle", done)
# The target is met in the corners alone, where Newton's step leads out of the box unless it gives up the directions whose bounds hold.
done, table, _ = invert(sphere, "u=1/4", "-invert_at", "x=-0.25:0.25, y=-0.25:0.25, z=0:0.36")
checks.that(done.results["failures"] == 0 and done.results["mean_iterations"] < 8, f"corners: {done.results['mean_iterations']:.2g} iterations", done)
# One free input: two solutions, however many starts.
done, table, _ = invert(sphere, "u=1/4", "-invert_at", "x=0, y=0", "-invert_starts", 1000)
checks.that(sorted(round(z, 3) for z in table["z"]) == [-0.5, 0.5], f"one free input has the solutions {table['z']}", done)
checks.that(done.results["duplicates"] == 998 and done.results["solutions"] == 2, "the others were found again", done)
for starts in (64, 2000):
    refused = run(None, np=2, cwd=sphere.cwd, args=["-restart", sphere.h5.relative_to(sphere.cwd), "-invert", "u=5", "-invert_starts", starts])
    checks.refused(refused, [r"u=5 is out of reach", r"between 0\.0\d+ and (3|3\.00\d*|2\.999\d*) "], f"a target out of reach from {starts} starts, the range told")
refused = run(None, np=1, cwd=sphere.cwd, args=["-restart", sphere.h5.relative_to(sphere.cwd), "-invert", "u=0.25", "-invert_at", "x=0.6:1"])
checks.refused(refused, [r"out of reach", r"between 0\.36", r"-invert_at"], "a box without the target")

# ---- every format of the field, by the same command
train = run(SPHERE, np=2, args=["-quiet", "-vsna_format", "tensor_train"])
if checks.that(train.exit in (0, 3) and train.results["error_l2"] < 1e-4, f"a tensor train: error {train.results.get('error_l2')}", train):
    done, table, data = invert(train, "u=1/4", "-invert_at", "x=0:1")
    points = np.column_stack([table[n] for n in "xyz"])
    checks.that(len(points) == 64 and points[:, 0].min() >= 0, "a tensor train: 64 solutions in the box", done)
    checks.below(np.abs(np.linalg.norm(points, axis=1) - 0.5).max(), accuracy, "a tensor train: on the sphere")
    checks.that(invert(train, "u=1/4", "-invert_at", "x=0:1", np_ranks=3)[2] == data, "a tensor train: 3 ranks write the same bytes")

# ---- physical coordinates: the box reaches out of the model's domain, |x + y| <= 1 and |x - y| <= 1
mapped = run(MAPPED, np=1, args=["-quiet"])
if checks.that(mapped.exit in (0, 3) and mapped.results["error_l2"] < 1e-4, f"mapped: error {mapped.results.get('error_l2')}", mapped):
    done, table, data = invert(mapped, "u=1.5")
    x, y = table["x"], table["y"]
    checks.that(list(table)[:5] == ["x", "y", "u", "du_dx", "du_dy"] and len(x) == 64, f"mapped: columns {list(table)}", done)
    checks.below(np.abs((x + y) ** 2 + 2 * (x - y) ** 2 - 1.5).max(), 1e-3, "mapped: the points lie on the ellipse")
    checks.below(np.abs(2 * (x + y) + 4 * (x - y) - table["du_dx"]).max(), 1e-2, "mapped: du/dx")
    checks.below(max(np.abs(x + y).max(), np.abs(x - y).max()), 1 + 1e-12, "mapped: they lie in the model's domain")
    checks.that(invert(mapped, "u=1.5", np_ranks=2)[2] == data, "mapped: 2 ranks write the same bytes")
    refused = run(None, np=2, cwd=mapped.cwd, args=["-restart", mapped.h5.relative_to(mapped.cwd), "-invert", "u=1.5", "-invert_at", "x=0.7:0.8, y=0.7:0.8"])
    checks.refused(refused, r"lies in the model's domain", "mapped: a box outside the model's domain")

# ---- the smallest deck, its default output
poisson = run(shipped("poisson_2d"), np=1, args=["-quiet"])
if checks.solved(poisson):
    for args in (["-restart", poisson.h5.relative_to(poisson.cwd)], ["case.deck", "-restart", poisson.h5.relative_to(poisson.cwd)]):
        done = run(None, np=2, cwd=poisson.cwd, args=[*args, "-invert", "u=0.5"])
        path = poisson.h5.with_name("poisson_2d_inverse.csv")
        checks.that(done.exit == 0 and path.exists() and not any("als " in line for line in done.out.splitlines()), f"{args[0]}: writes {path.name} beside the file", done)
        table = read(path)
        checks.below(np.abs(np.sin(np.pi * table["x"]) * np.sin(np.pi * table["y"]) - 0.5).max(), 1e-3, "sin(pi x) sin(pi y) is 0.5 there")
        path.unlink()

# ---- the plume: zero nearly everywhere
plume = run(shipped("advection_diffusion_6d"), args=["-vsna_rank", 8 if DEBUG else 16, "-output_slice_mid_frames", 2, "-quiet"])
if not checks.solved(plume):
    checks.end()
names = "x y z t omega kappa".split()
lo, hi = np.array([-1, -1, -1, 0, 0, 1e-3]), np.array([1, 1, 1, 1, 2 * np.pi / 3, 1e-2])
for target, args in ((0.2, []), (0.5, ["-invert_at", "z=0, omega=pi/6:pi/3"]), (0.97, [])):
    done, table, data = invert(plume, f"u={target}", "-invert_starts", 100, *args)
    solutions, failures = done.results["solutions"], done.results["failures"]
    checks.that(solutions + failures + done.results["duplicates"] == 100 and failures <= (0 if target < 0.9 else 30), f"u={target}: {solutions:g} solutions, {failures:g} failures", done)
    points = np.column_stack([table[n] for n in names])
    checks.that(np.all((points >= lo) & (points <= hi)), f"u={target}: inside the domain")
    if args:
        checks.that(np.all(table["z"] == 0) and table["omega"].min() >= np.pi / 6 and table["omega"].max() <= np.pi / 3, "z is fixed, omega inside its bounds")
    back = sample(plume, points, names)
    checks.below(np.abs(back["u"] - target).max(), 2e-6, f"u={target}: sampled again")
    checks.below(max(np.abs(back[f"du_d{n}"] - table[f"du_d{n}"]).max() for n in names), 1e-9, f"u={target}: its gradient too")
    for np_ranks in (2, 3):
        _, _, other = invert(plume, f"u={target}", "-invert_starts", 100, *args, np_ranks=np_ranks)
        checks.that(other == data, f"u={target}: {np_ranks} ranks write the same bytes")
print(f"      {done.results}")
checks.end()
