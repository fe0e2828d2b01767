"""What is delivered: a budget of parameters, a train as a sum of products, a sum of products as a train. Each keeps to its size, its estimate holds the true error, the file holds
the delivered format, and queries of the file give the values of the run's own slices, also from a checkpoint of a coarse stage."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv

import h5py
import numpy as np

from run_case import Checks, run, shipped

checks = Checks()
DECK = shipped("advection_diffusion_6d_tt")
BASE = ["-vsna_rtol", 1e-2, "-error_points", 65536, "-output_slice_mid_frames", 2, "-output_slice_mid_n", 9]
for name, n in zip("x y z t omega kappa".split(), (32, 32, 32, 12, 6, 4)):
    BASE += [f"-dim_{name}_cells", n]


def field_format(done):
    with h5py.File(done.h5) as f:
        value = f["field"].attrs["format"]
        return value.decode() if isinstance(value, bytes) else str(value)


def query(done, title, file=None):
    """Values of the slice at its last frame, asked of the file."""
    with h5py.File(done.h5) as f:
        group = f["slice/mid"]
        x, y = group["axis/x"][:], group["axis/y"][:]
        step = max((k for k in group if k != "axis"), key=int)
        values = group[step]["u"][:]
    (done.cwd / "p.csv").write_text("x,y,z,t,omega,kappa\n" + "".join(f"{a!r},{b!r},0,1,{2 * np.pi / 3!r},0.001\n" for b in map(float, y) for a in map(float, x)))
    asked = run(None, np=2, cwd=done.cwd, args=["-restart", file or done.h5, "-sample", "p.csv", "-sample_output", "v.csv"])
    if checks.solved(asked, f"{title}: query"):
        u = np.array([float(row["u"]) for row in csv.DictReader((done.cwd / "v.csv").open())]).reshape(values.shape)
        checks.below(float(abs(u - values).max()), 1e-14, f"{title}: query and slice differ")


plain = run(DECK, args=[*BASE, "-checkpoint_every", 1, "-checkpoint_seconds", 0])
if checks.solved(plain, "train"):
    checks.that(field_format(plain) == "tensor_train", "train: format in the file")
    query(plain, "train")

budget = run(DECK, args=[*BASE, "-vsna_parameters", 2000])
if checks.solved(budget, "budget"):
    r = budget.results
    checks.that(1500 <= r["parameters"] <= 2000, f"budget: {r['parameters']:.0f} parameters of 2000", budget)
    checks.that(plain.results["error_l2"] < r["error_l2"], f"budget: error {r['error_l2']:.2e} above {plain.results['error_l2']:.2e} of the whole train")
    checks.that(r["error_l2"] / 2 <= r["error_estimate"] <= 2 * r["error_l2"], f"budget: estimate {r['error_estimate']:.2e}")

products = run(DECK, args=[*BASE, "-vsna_convert", "cp", "-vsna_convert_rank", 16])
if checks.solved(products, "convert: cp"):
    r = products.results
    n = sum((35 - 2,) * 3) + (15 - 1) + 9 + 7
    checks.that(r["rank"] == 16 and r["parameters"] == 16 * n, f"convert: cp has {r['parameters']:.0f} parameters, 16 * {n}", products)
    checks.that(field_format(products) == "cp", "convert: cp is in the file")
    # Measured best CP of rank 16: 3.4e-2 (alternating least squares without the equation), the equation's 6e-2.
    checks.that(3e-2 <= r["error_l2"] <= 6e-2, f"convert: cp, error {r['error_l2']:.2e}", products)
    checks.that(r["error_l2"] / 1.5 <= r["error_estimate"] <= 1.5 * r["error_l2"], f"convert: cp, the estimate {r['error_estimate']:.2e} holds the conversion")
    query(products, "convert: cp")
    again = run(DECK, cwd=products.cwd, args=[*BASE, "-case", "again", "-restart", products.h5])
    if checks.solved(again, "a restart of the converted file delivers the train"):
        checks.close(again.results["error_l2"], plain.results["error_l2"], 1e-12, "  with its error", again)

# The other deck's format, one option away; its keys are no errors.
train = run(DECK, args=[*BASE, "-vsna_format", "cp", "-vsna_rank", 16, "-vsna_convert", "tensor_train"])
if checks.solved(train, "format: cp, convert: tensor_train"):
    checks.that(field_format(train) == "tensor_train" and train.texts.get("order"), f"  order {train.texts.get('order')}", train)
    cp = run(DECK, args=[*BASE, "-vsna_format", "cp", "-vsna_rank", 16])
    checks.solved(cp, "format: cp")
    checks.close(train.results["error_l2"], cp.results["error_l2"], 1e-2, "  the same error up to rtol = 1e-2", train)
    query(train, "format: cp, convert: tensor_train")

# A checkpoint of a coarse stage is a solution of its own.
part = run(DECK, args=[*BASE, "-vsna_tt_max_sweeps", 3])
checks.that(part.exit == 3 and "max_sweeps" in part.err, f"ended in the trial stage: exit {part.exit}", part)
with h5py.File(part.h5) as f:
    checks.that(int(f["field/x"].attrs["resolution"]) < 32, f"  its field has {int(f['field/x'].attrs['resolution'])} cells of 32 in x")
query(part, "coarse stage")
checks.end()
