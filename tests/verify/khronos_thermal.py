# processors: 2
"""The additive-manufacturing deck: R^2 of the folds in the range that doc/khronos.md reports, the modulus (noise by construction) is not learned, and 64
histories for a strength. Their strength is predicted once more by numpy alone, from the histories and what the result file says of the model: inverse steps of
the wavelet transform, principal components, splines, products. Two pictures by postproc/plot_thermal.py. The same from a table and signals in HDF5."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import subprocess

from run_case import SOURCE, Checks, run

import h5py
import numpy as np

checks = Checks()
DECK = (SOURCE / "inputs" / "khronos" / "thermal_history.deck").read_text()


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def wavelet(family, signal, keep):
    """Haar's two or Daubechies' four coefficients, periodic, pyramid from fine to coarse; coarse first (Press et al., Numerical Recipes, 13.10; GSL manual, 32)."""
    r = np.sqrt(3)
    h = {"haar": np.array([1, 1]) / np.sqrt(2), "daubechies": np.array([1 + r, 3 + r, 3 - r, 1 - r]) / (4 * np.sqrt(2))}[family]
    g = h[::-1] * np.resize([1, -1], len(h))
    low, out = np.array(signal, dtype=float), []
    while low.shape[1] > 1:
        n = low.shape[1]
        index = (np.arange(0, n, 2)[:, None] + np.arange(len(h))) % n
        out.append(low[:, index] @ g)
        low = low[:, index] @ h
    return np.hstack([low, *out[::-1]])[:, :keep]


def splines(t, degree, cells):
    """B-splines on [0,1], uniform cells, knots repeated at both ends, by Cox and de Boor: (rows, cells + degree)."""
    knot = np.clip(np.arange(-degree, cells + degree + 1) / cells, 0, 1)
    t = np.clip(t, 0, 1)
    value = np.zeros((len(t), 2 * degree + cells))
    value[np.arange(len(t)), degree + np.minimum((t * cells).astype(int), cells - 1)] = 1
    for k in range(1, degree + 1):
        m = value.shape[1] - 1
        width = knot[k : k + m + 1] - knot[: m + 1]
        share = np.divide(t[:, None] - knot[: m + 1], width, out=np.zeros((len(t), m + 1)), where=width > 0)
        fall = np.where(width > 0, 1 - share, 0)
        value = share[:, :-1] * value[:, :-1] + fall[:, 1:] * value[:, 1:]
    return value


def predict(path, signals, target):
    """The target behind `signals`, from the result file alone."""
    with h5py.File(path) as f:
        m = f["model"]
        part = m[f"part_{target}"]
        x = (wavelet(text(m.attrs["wavelet"]), signals, m["pca/component"].shape[1]) - m["pca/mean"][:]) @ m["pca/component"][:].T
        scale, y = m["input_scale"][:], m["target_scale"][target]
        rank, theta, at = int(part["rank"][0]), part["theta"][:], 0
        product = np.ones((len(x), rank))
        for d in range(x.shape[1]):
            b = splines((x[:, d] - scale[d, 1]) / scale[d, 2], int(part["degree"][d]), int(part["cells"][d]))
            w = theta[at : at + rank * b.shape[1]].reshape(rank, -1)
            at += w.size
            product *= b @ w.T
        return y[1] + y[2] * product.sum(axis=1), x


def inverse_of(path):
    with h5py.File(path) as f:
        return dict(zip(text(f["samples"].attrs["columns"]).split(","), f["samples"][:].T)), f["signals"][:]


# ---- training. Regressions from scikit-learn on the same components get 0.67 to 0.84 (yield) and 0.67 to 0.72 (ultimate strength) in folds, doc/khronos.md,
# section 9; no model gets more than the noise on the properties, 7 and 10 MPa, leaves. The modulus is noise.
done = run(DECK, args=["-quiet"])
if not checks.solved(done, "thermal_history.deck"):
    checks.end()
r2 = done.results
with h5py.File(done.h5) as f:
    known = dict(zip(text(f["table"].attrs["columns"]).split(","), f["table"][:].T))
    histories = f["signals"][:]
for k, (name, noise) in enumerate((("ys", 7), ("uts", 10))):
    ceiling = 1 - (noise / known[name].std()) ** 2
    checks.that(0.65 <= r2[f"r2_folds_{name}"] <= ceiling + 0.05, f"R^2 of the folds, {name}: {r2[f'r2_folds_{name}']:.3f}, the noise leaves {ceiling:.3f}", done)
    own = 1 - np.square(known[name] - predict(done.h5, histories, k)[0]).mean() / known[name].var()
    checks.close(own, r2[f"r2_train_{name}"], 1e-9, f"R^2 of {name}, all rows, by numpy from the histories and the model", done)
checks.that(r2["r2_folds_modulus"] < 0.2, f"R^2 of the folds, modulus: {r2['r2_folds_modulus']:.3f}", done)
checks.close(np.mean([r2[f"r2_folds_{t}"] for t in ("ys", "uts", "modulus")]), r2["r2_folds"], 1e-10, "r2_folds is the mean over targets", done)
with h5py.File(done.h5) as f:
    test = f["test"][:]
checks.that(np.array_equal(np.sort(test[:, 0]), np.arange(96)), "each history is in the test once", done)
ys = test[:, 1]
checks.that(r2["parameters"] == 3 * 6 * 3 * (2 + 1), f"{r2['parameters']:.0f} parameters: three targets, six components, three products, three splines", done)

# ---- inversion: 64 histories of 400 MPa
path = next(done.cwd.rglob("*_inverse.h5"), None)
if not checks.that(path is not None and r2["solutions"] == 64 and r2["failures"] == 0, "64 solutions", done):
    checks.end()
table, signals = inverse_of(path)
checks.that(signals.shape == (64, 256) and len(table["ys"]) == 64, f"signals {signals.shape}")
checks.below(np.abs(table["ys"] - 400).max(), 1e-5 * np.ptp(ys) * 10, "the model's strength at the solutions is the target, MPa", done)
again, components = predict(done.h5, signals, 0)
checks.below(np.abs(components - np.column_stack([table[f"c{k}"] for k in range(1, 7)])).max() / np.abs(components).max(), 1e-11, "histories lead back to their components")
checks.below(np.abs(again - table["ys"]).max(), 1e-7, "numpy predicts the same strength from the histories, MPa")
with h5py.File(done.h5) as f:
    box, mean, covariance, radius, scale = f["model/box"][:], f["model/mean"][:], f["model/covariance"][:], f["model"].attrs["radius"], f["model/input_scale"][:]
    component = f["model/pca/component"][:]
checks.below(np.abs(component @ component.T - np.eye(6)).max(), 1e-12, "principal components are orthonormal")
checks.that((components >= box[:, 0] - 1e-9).all() and (components <= box[:, 1] + 1e-9).all(), "solutions lie where training rows were")
checks.that(250 < signals.min() and signals.max() < 1700 and signals.std(axis=0).max() > 5, f"plausible and not all alike: {signals.min():.0f} to {signals.max():.0f} K")
t = (components - scale[:, 1]) / scale[:, 2] - mean
distance = np.sqrt(np.einsum("ij,jk,ik->i", t, np.linalg.inv(covariance), t)) / radius
checks.below(np.abs(distance - table["distance"]).max(), 1e-5, "distance: Mahalanobis, over the radius that holds 95 % of the rows")
checks.close(table["distance"].mean(), r2["distance_mean"], 1e-10, "distance_mean", done)
uts = np.median(predict(done.h5, signals, 1)[0])  # an ultimate strength that goes with 400 MPa
intervals = (("ys", 395, 405), ("uts", uts - 5, uts + 5))
two = run(None, cwd=done.cwd, args=["-restart", done.h5.relative_to(done.cwd), "-invert", ", ".join("%s=%.17g:%.17g" % i for i in intervals), "-invert_starts", "64",
                                    "-invert_prior", "data", "-invert_output", "both.h5"])
if checks.solved(two, "two properties at once, intervals"):
    table, signals = inverse_of(done.cwd / "both.h5")
    for k, (name, lo, hi) in enumerate(intervals):
        again = predict(done.h5, signals, k)[0]
        checks.that(len(again) == two.results["solutions"] > 32 and (again > lo - 1e-2).all() and (again < hi + 1e-2).all(), f"{len(again)} with {name} in {lo:.1f}..{hi:.1f}, by numpy", two)

# ---- pictures
peers = done.cwd / "peers.csv"
peers.write_text("data,model,r2_test,parameters,seconds\n" + "".join(f"thermal_history_{t},{m},{v},1000,0.1\n" for t in ("ys", "uts", "modulus") for m, v in (("XGBoost", 0.5), ("Random Forest", 0.6))))
drawn = subprocess.run(["/usr/bin/python3", str(SOURCE / "postproc" / "plot_thermal.py"), str(done.h5), str(path), str(done.cwd / "both.h5"), "-p", str(peers)],
                       cwd=done.cwd, capture_output=True, text=True, timeout=120)
pictures = [done.h5.with_name("thermal_history_inverse.png"), done.h5.with_name("thermal_history_r2.png")]
checks.that(drawn.returncode == 0 and all(p.is_file() and p.read_bytes()[:4] == b"\x89PNG" and p.stat().st_size > 10000 for p in pictures),
            f"two pictures: exit {drawn.returncode} {drawn.stderr[-300:]}")
checks.end()
