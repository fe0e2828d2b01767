"""Physical coordinates, on the plume solved in co-rotating ones: slices, samples with gradients and the error against numpy's evaluation in the laboratory frame;
the share of a box that maps outside the domain against its closed form; 3e-5 with 2,500 numbers; as many turns as one likes cost nothing."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv
import re

from run_case import DEBUG, Checks, run, shipped

import h5py
import numpy as np
from sna_file import SnaFile

NAMES = "x y z t omega kappa".split()
S, R0 = 0.12, 0.3
checks = Checks()
DECK = shipped("advection_diffusion_6d_corotating")
# The format of the paper, so that this test stands on its own: what the coordinates do does not depend on how p, q, z are solved.
CP = ["-vsna_format", "cp", "-vsna_rank", 8, "-error_points", 65536 if DEBUG else 1048576, "-output_slice_mid_frames", 3, "-output_slice_mid_n", 33]
done = run(DECK, args=CP)
if not checks.solved(done):
    checks.end()
rng = np.random.default_rng(3)


def directions(c):
    """The deck's map, written out again."""
    angle = c["omega"] * c["t"]
    return {**{n: c[n] for n in ("z", "t", "omega", "kappa")}, "p": c["x"] * np.cos(angle) + c["y"] * np.sin(angle), "q": c["y"] * np.cos(angle) - c["x"] * np.sin(angle)}


def exact(c):
    s2 = S**2 + 2 * c["kappa"] * c["t"]
    angle = c["omega"] * c["t"]
    return (S**2 / s2) ** 1.5 * np.exp(-((c["x"] - R0 * np.cos(angle)) ** 2 + (c["y"] - R0 * np.sin(angle)) ** 2 + c["z"] ** 2) / (2 * s2))


def lift(d, by=None):
    u = np.exp(-((d["p"] - R0) ** 2 + d["q"] ** 2 + d["z"] ** 2) / (2 * S**2))
    return u * {None: 1.0, "p": -(d["p"] - R0) / S**2, "q": -d["q"] / S**2, "z": -d["z"] / S**2, "t": 0.0, "omega": 0.0, "kappa": 0.0}[by]


with SnaFile(done.h5) as file:
    field, mid, results, frames = file.field, file.slices["mid"], file.results, len(file.slices["mid"].times)

    def solution(c, by=None):
        d = directions(c)
        return field.evaluate(d, {by: 1} if by else None) + lift(d, by)

    # ---- slices ----
    checks.that(mid.axes == ["x", "y"] and mid.over == "t" and re.sub(r"=[^,]*", "", mid.at) == "z, omega, kappa", f"the slice spans {mid.axes} over {mid.over} at {mid.at}")
    checks.that(np.isclose(mid.grid["x"][[0, -1]], [-0.7, 0.7], atol=1e-15).all(), "its axes have the range of `space`")
    worst = 0.0
    for step in range(frames):
        yy, xx = np.meshgrid(mid.grid["y"], mid.grid["x"], indexing="ij")
        c = {"x": xx, "y": yy, "z": 0 * xx, "t": mid.times[step] + 0 * xx, "omega": 2 * np.pi / 3 + 0 * xx, "kappa": 0.001 + 0 * xx}
        u, v = solution(c), exact(c)
        worst = max(worst, abs(mid.values("u", step) - u).max(), abs(mid.values("reference", step) - v).max(), abs(mid.values("error", step) - (u - v)).max())
    checks.below(worst, 1e-11, "slices of u, reference and error in the laboratory frame", done)

    # ---- the error, by importance sampling around the plume ----
    n = 200000
    c = {"t": rng.random(n), "omega": 2 * np.pi / 3 * rng.random(n), "kappa": 1e-3 + 9e-3 * rng.random(n)}
    width = np.sqrt(S**2 + 2 * c["kappa"] * c["t"])
    noise = rng.standard_normal((3, n))
    c["x"], c["y"], c["z"] = R0 * np.cos(c["omega"] * c["t"]) + width * noise[0], R0 * np.sin(c["omega"] * c["t"]) + width * noise[1], width * noise[2]
    w = (width**3 * np.exp((noise**2).sum(axis=0) / 2)) * (abs(c["x"]) <= 0.7) * (abs(c["y"]) <= 0.7) * (abs(c["z"]) <= 1)
    error = np.sqrt((w * (solution(c) - exact(c)) ** 2).sum() / (w * exact(c) ** 2).sum())
    checks.close(results["error_l2"], error, 0.05, "error in the laboratory frame, by numpy", done)
    checks.below(results["error_standard_error"], (0.05 if DEBUG else 0.02) * error, "its standard error", done)
    checks.that(results["outside_share"] == 0 and "maps outside" not in done.out, "no point of this box maps outside")

    # ---- samples with gradients, some of them outside ----
    lo, hi = np.array([-1, -1, -1, 0, 0, 1e-3]), np.array([1, 1, 1, 1, 2 * np.pi / 3, 1e-2])
    points = lo + (hi - lo) * rng.random((3000, 6))
    c = {n: points[:, i] for i, n in enumerate(NAMES)}
    d = directions(c)
    inside = (abs(d["p"]) <= 1) & (abs(d["q"]) <= 1)
    angle, du = c["omega"] * c["t"], {n: solution(c, n) for n in ("p", "q", "z", "t", "omega", "kappa")}
    turned = du["p"] * d["q"] - du["q"] * d["p"]
    wanted = {"u": solution(c), "du_dx": du["p"] * np.cos(angle) - du["q"] * np.sin(angle), "du_dy": du["p"] * np.sin(angle) + du["q"] * np.cos(angle), "du_dz": du["z"],
              "du_dt": du["t"] + c["omega"] * turned, "du_domega": du["omega"] + c["t"] * turned, "du_dkappa": du["kappa"]}
checks.that(100 < (~inside).sum() < 1500, f"{(~inside).sum()} of 3000 points map outside the domain")
order = [5, 1, 0, 3, 2, 4]
with open(done.cwd / "points.csv", "w") as f:
    f.write(",".join(NAMES[i] for i in order) + "\n")
    f.writelines(",".join(f"{p[i]:.17g}" for i in order) + "\n" for p in points)
with h5py.File(done.cwd / "points.h5", "w") as f:
    f["points"] = points
for source, deck, np_ranks in (("points.csv", "case.deck", 2), ("points.h5", None, 1)):
    q = run(None, np=np_ranks, cwd=done.cwd, args=[*([deck] if deck else []), *(CP if deck else []), "-restart", done.h5.relative_to(done.cwd), "-sample", source, "-sample_output", "values.csv"])
    title = f"{source} on {np_ranks} ranks, {'with' if deck else 'without'} the deck"
    if not checks.that(q.exit == 0, f"{title}: exit {q.exit}", q):
        continue
    rows = list(csv.reader(open(done.cwd / "values.csv")))
    checks.that(rows[0] == NAMES + ["u"] + [f"du_d{n}" for n in NAMES], f"{title}: columns {' '.join(rows[0])}", q)
    values = dict(zip(rows[0], np.array(rows[1:], dtype=float).T))
    checks.that(q.results["points_outside"] == (~inside).sum() and "lie outside the domain" in q.out, f"{title}: {q.results['points_outside']:.0f} points outside are counted", q)
    for name, value in wanted.items():
        checks.that(np.isnan(values[name][~inside]).all(), f"{title}: {name} is nan outside", q)
        scale = abs(value[inside]).max()
        checks.below(abs(values[name][inside] - value[inside]).max() / scale, 1e-10, f"{title}: {name}", q)

# ---- a box that the domain does not cover ----
nodes, weights = np.polynomial.legendre.leggauss(400)
angle = np.outer((nodes + 1) / 2, (nodes + 1) / 2 * 2 * np.pi / 3)
share = (np.outer(weights, weights) / 4 * (1 - 2 / (1 + abs(np.sin(angle)) + abs(np.cos(angle))))).sum()  # of a square and itself turned
wide = run(DECK, args=[*CP, "-coordinates_space_x", "-1,1", "-coordinates_space_y", "-1,1"])
if checks.solved(wide, "a square whose corners turn out of the domain"):
    checks.close(wide.results["outside_share"], share, 1e-2 if DEBUG else 1e-3, "the share that maps outside", wide)
    told = re.search(r"note: ([\d.]+) % of the physical box maps outside the model's domain", wide.out)
    checks.that(told and abs(float(told[1]) / (100 * share) - 1) < 1e-2, f"and the run says so: {told[0] if told else ''}", wide)
    checks.close(wide.results["error_l2"], error, 0.05, "the error is that of the smaller square: the plume is in both", wide)
    with SnaFile(wide.h5) as file:
        mid = file.slices["mid"]
        yy, xx = np.meshgrid(mid.grid["y"], mid.grid["x"], indexing="ij")
        d = directions({"x": xx, "y": yy, "z": 0, "t": 0.5, "omega": 2 * np.pi / 3, "kappa": 0.001})
        out = np.maximum(abs(d["p"]), abs(d["q"])) > 1
        same = [(np.isnan(mid.values(f, 1)) == out).all() and not np.isnan(mid.values(f, 0)).any() for f in ("u", "reference", "error")]
        checks.that(all(same) and out.any() and mid.times[1] == 0.5, f"slices are nan there and nowhere else ({out.sum()} of {out.size} points)", wide)

# ---- the deck as it is ----
tt = run(DECK, args=["-output_slice_mid_frames", 3])
if checks.solved(tt, "the deck as it is"):
    checks.below(tt.results["error_l2"], 3e-5, "error of the tensor train", tt)
    checks.below(tt.results["parameters"], 2500, "its numbers", tt)

# ---- ten turns instead of a third ----
turns = run(DECK, args=[*CP, "-dim_omega_domain", "0,20*pi"])
if checks.solved(turns, "omega up to 20 pi"):
    checks.close(turns.results["error_l2"], error, 0.1, "ten turns cost nothing in these coordinates", turns)

# ---- the same numbers on any number of ranks; coordinates may differ in a restart ----
one = run(DECK, np=1, args=CP)
if checks.solved(one, "one rank"):
    for name in ("error_l2", "error_standard_error", "outside_share"):
        checks.close(one.results[name] + 1, done.results[name] + 1, 1e-12, f"{name} on one rank and on two", one)
again = run(None, np=0, cwd=done.cwd, args=["case.deck", *CP, "-case", "again", "-restart", done.h5.relative_to(done.cwd), "-coordinates_space_x", "-0.5,0.5"])
if checks.solved(again, "a restart with another range"):
    checks.close(again.results["residual"], done.results["residual"], 1e-9, "which has nothing left to solve", again)
checks.end()
