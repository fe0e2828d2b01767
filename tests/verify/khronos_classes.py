# processors: 2
"""The classes of model: khronos hold what they say. A function inside a class is recovered to round-off on rows that training never saw, with the number of
parameters that the formulas give; outside, the best that the class can do is known: on a full grid R^2 of additive and quadratic models is the share of variance
of the single inputs and of the pairs (functional ANOVA, computed here with numpy), that of sums of products of two inputs the singular values (Eckart & Young).
Further: several targets with own and with shared products, activations, degree and cells per input, shares of the variance."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import itertools
import math
import re

from run_case import Checks, fresh_folder, run

import h5py
import numpy as np

checks = Checks()
rng = np.random.default_rng(5)


def write(path, x, y):
    """A table of inputs x and targets y, each {name: values}."""
    columns = {**x, **y}
    if path.suffix == ".csv":
        np.savetxt(path, np.transpose(list(columns.values())), "%.17g", ",", header=",".join(columns), comments="")
    else:
        with h5py.File(path, "w") as f:
            table = f.create_dataset("table", data=np.transpose(list(columns.values())))
            table.attrs["columns"] = ",".join(columns)


def learn(x, y, khronos, train="method: auto", data="test: 0.3", np_ranks=1, table="table.csv", domain=(0, 1), items={}):
    """A run that learns the targets y from the inputs x; `one_minus_r2` of the test rows by target, from the table of predictions."""
    cwd = fresh_folder()
    write(cwd / table, x, y)
    inputs = "".join(f"  - {name}: {{domain: [{domain[0]}, {domain[1]}]{items.get(name, '')}}}\n" for name in x)
    deck = f"""---
model: khronos
case: case
data: {{file: {table}, targets: [{', '.join(y)}], {data}}}
input:
{inputs}khronos: {{{khronos}}}
train: {{{train}}}
"""
    done = run(deck, np=np_ranks, cwd=cwd, args=["-quiet"])
    if not checks.solved(done, f"{khronos} ({train})"):
        checks.end()
    with h5py.File(done.h5) as f:
        test = f["test"][:] if "test" in f else None
    if test is not None:
        true, predicted = test[:, 1::2], test[:, 2::2]
        done.one_minus_r2 = np.square(true - predicted).sum(axis=0) / np.square(true - true.mean(axis=0)).sum(axis=0)
    return done


def recovered(done, bound, parameters, text):
    checks.below(done.one_minus_r2.max(), bound, f"{text}: 1-R^2 of {done.results['rows_test']:.0f} unseen rows", done)
    checks.that(done.results["parameters"] == parameters, f"{text}: {done.results['parameters']:.0f} parameters of {parameters}", done)


# ---- inside and outside of each class: splines of degree 2 hold all of these functions of one input
X = dict(zip("abcd", rng.random((4, 700))))
a, b, c, d = X.values()


def z(t):
    return 1 + t + 1j * t * t


ADDITIVE = 1 + 2 * a - 3 * b**2 + c**2 / 2 - d
QUADRATIC = ADDITIVE + a * b**2 - 2 * c * d + 3 * a**2 * d
PRODUCTS = (1 + a) * (2 - b * b) * (c + 0.5) * (1 + d * d) - 2 * (a * a + 0.2) * (1 + b) * (2 - c) * (1.5 - d)
# Re of a product of three complex factors is a tensor of real rank 3, of multilinear ranks 2 and of tensor train ranks 2 (complex numbers as matrices)
COMPLEX3 = (z(a) * z(b) * z(c)).real
COMPLEX4 = (z(a) * z(b) * z(c) * z(d)).real
X3 = {name: X[name] for name in "abc"}
ROUND_OFF = 1e-24

recovered(learn(X, {"y": ADDITIVE}, "class: additive, degree: 2, cells: 3"), ROUND_OFF, 4 * 5, "additive")
recovered(learn(X, {"y": ADDITIVE}, "class: quadratic, degree: 2, cells: 1, rank: 1"), ROUND_OFF, 4 * 3 + 6 * 2 * 3, "additive in quadratic")
recovered(learn(X, {"y": QUADRATIC}, "class: quadratic, degree: 2, cells: 1, rank: 2", np_ranks=2), ROUND_OFF, 4 * 3 + 6 * 2 * 2 * 3, "quadratic")
recovered(learn(X, {"y": PRODUCTS}, "class: cp, degree: 2, cells: 1, rank: 2", np_ranks=2), ROUND_OFF, 4 * 2 * 3, "cp")
recovered(learn(X, {"y": PRODUCTS}, "class: cp, degree: 2, cells: 2, rank: 3", table="table.h5"), ROUND_OFF, 4 * 3 * 4, "cp with more than it needs, HDF5")
recovered(learn(X3, {"y": COMPLEX3}, "class: cp, degree: 2, cells: 1, rank: 3"), ROUND_OFF, 3 * 3 * 3, "cp of rank 3")
recovered(learn(X3, {"y": COMPLEX3}, "class: tucker, degree: 2, cells: 1, rank: 2", "restarts: 4"), ROUND_OFF, 3 * 2 * 3 + 2**3, "tucker of rank 2")
recovered(learn(X, {"y": COMPLEX4}, "class: tucker, degree: 2, cells: 1, rank: 2"), ROUND_OFF, 4 * 2 * 3 + 2**4, "tucker of four inputs")
recovered(learn(X, {"y": COMPLEX4}, "class: tensor_train, degree: 2, cells: 1, rank: 2", np_ranks=2), ROUND_OFF, (2 + 4 + 4 + 2) * 3, "tensor train")
three = learn(X, {"y": QUADRATIC + 4 * a * b * c}, "class: cp, interaction: 3, rank: 2, degree: 2, cells: 1", data="test: 0.2")
recovered(three, ROUND_OFF, 4 * 3 + 6 * 2 * 2 * 3 + 4 * 2 * 3 * 3, "interactions of three")
outside = learn(X3, {"y": COMPLEX3}, "class: cp, degree: 2, cells: 1, rank: 2", train="restarts: 6")
checks.that(outside.one_minus_r2[0] > 1e-4, f"a tensor of rank 3 is not of rank 2: 1-R^2 {outside.one_minus_r2[0]:.2g}", outside)
outside = learn(X, {"y": QUADRATIC}, "class: additive, degree: 2, cells: 1")
checks.that(outside.one_minus_r2[0] > 1e-2, f"a quadratic function is not additive: 1-R^2 {outside.one_minus_r2[0]:.2g}", outside)
outside = learn(X, {"y": COMPLEX4}, "class: tensor_train, degree: 2, cells: 1, rank: 1")
checks.that(outside.one_minus_r2[0] > 0.1, f"a tensor train of rank 2 is not of rank 1: 1-R^2 {outside.one_minus_r2[0]:.2g}", outside)


# ---- a full grid, all rows in training: what a class leaves is known. Five values per input, splines of degree 4 with one cell: any function of them.
def anova(values):
    """{subset of axes: share of the variance} of a function on a full grid."""
    n, effect, total = values.ndim, {}, values.var()
    for size in range(n + 1):
        for subset in itertools.combinations(range(n), size):
            mean = values.mean(axis=tuple(axis for axis in range(n) if axis not in subset), keepdims=True)
            effect[subset] = mean - sum(effect[s] for k in range(size) for s in itertools.combinations(subset, k))
    return {subset: np.square(e).mean() / total for subset, e in effect.items() if subset}


def grid(values, n):
    return dict(zip("abcd", (g.ravel() for g in np.meshgrid(*[np.linspace(0, 1, values)] * n, indexing="ij"))))


G = grid(5, 3)
cube = (1 + G["a"]) ** 3 * (0.3 + G["b"] ** 2) * np.exp(G["c"]) + np.sin(3 * G["a"] * G["b"]) + G["c"] * G["a"]
share = anova(cube.reshape(5, 5, 5))
single, pairs = sum(share[s] for s in share if len(s) == 1), sum(share[s] for s in share if len(s) == 2)
checks.close(sum(share.values()), 1, 1e-14, "the shares on the grid are all of the variance")
ALL = "test: 0"
exact = "rtol: 1e-8, full_max_it: 1000"
done = learn(G, {"y": cube}, "class: additive, degree: 4, cells: 1", train=exact, data=ALL)
checks.close(done.results["r2_train"], single, 1e-11, "additive on the grid: R^2 is the share of the single inputs", done)
for axis, name in enumerate("abc"):
    checks.close(done.results[f"share_{name}"], share[(axis,)] / single, 1e-10, f"additive: share of {name} in the model's variance", done)
done = learn(G, {"y": cube}, "class: quadratic, degree: 4, cells: 1, rank: 4", train=exact + ", ridge: 1e-16", data=ALL)
checks.close(done.results["r2_train"], single + pairs, 1e-7, "quadratic on the grid: R^2 is the share of single inputs and pairs", done)
for i, j in itertools.combinations(range(3), 2):
    checks.close(done.results[f"share_{'abc'[i]}_{'abc'[j]}"], share[i, j] / (single + pairs), 1e-3, f"quadratic: share of {'abc'[i]} and {'abc'[j]}", done)
done = learn(G, {"y": cube}, "class: cp, degree: 4, cells: 1, rank: 6", train="restarts: 2", data=ALL)
checks.that(done.results["r2_train"] > max(single + pairs, 0.9999), f"cp goes beyond: 1-R^2 {1 - done.results['r2_train']:.2g}", done)

# Shares of a model that is exact: those of the function on the grid, singles as results and pairs as printed
product = (1 + G["a"]) * (0.5 + G["b"] ** 2) * (2 - G["c"])
share = anova(product.reshape(5, 5, 5))
for kind in ("cp", "tucker", "tensor_train"):
    done = learn(G, {"y": product}, f"class: {kind}, degree: 2, cells: 1, rank: 1", data=ALL)
    for axis, name in enumerate("abc"):
        checks.close(done.results[f"share_{name}"], share[(axis,)], 1e-10, f"{kind}: share of {name}", done)
    for i, j in itertools.combinations(range(3), 2):
        told = re.search(rf"\b{'abc'[i]} x {'abc'[j]} ([\d.]+) %", done.out)
        percent = 100 * share[i, j]
        checks.that((told and abs(float(told[1]) - percent) <= 0.051) or percent < 0.1, f"{kind}: {'abc'[i]} x {'abc'[j]} {percent:.2f} % is told", done)

# Two inputs, target as it is: no sum of r products is nearer than the truncated singular value decomposition, and all three classes contain it
G2 = grid(6, 2)
square = np.exp(G2["a"] * G2["b"]) + np.cos(2 * G2["a"] + 3 * G2["b"] ** 2)
s = np.square(np.linalg.svd(square.reshape(6, 6), compute_uv=False))
for kind, rank, np_ranks in (("cp", 1, 1), ("cp", 2, 2), ("tucker", 2, 1), ("tensor_train", 2, 1), ("tensor_train", 3, 1)):
    done = learn(G2, {"y": square}, f"class: {kind}, degree: 5, cells: 1, rank: {rank}", exact + ", ridge: 1e-16", ALL + ", target_scale: none", np_ranks)
    left = s[rank:].sum() / square.var() / square.size
    checks.close(1 - done.results["r2_train"], left, 1e-5, f"{kind} of rank {rank}: what the singular values leave", done)

# ---- Ishigami and Sobol' G: analytic indices (Saltelli et al., Global Sensitivity Analysis, 2008, 2.9 and 4.8; Sobol' & Levitan 1999)
V1, V2, V13 = (1 + 0.1 * math.pi**4 / 5) ** 2 / 2, 49 / 8, 0.01 * math.pi**8 * 8 / 225
V = V1 + V2 + V13
# What is left is e = 0.1 (x3^4 - pi^4/5) sin x1: the standard error of the mean of its square over n rows, by a midpoint rule
u = (np.arange(2000) + 0.5) / 1000 - 1
q = 0.1 * ((math.pi * u) ** 4 - math.pi**4 / 5)
fourth = np.mean(q**4) * 3 / 8
ISHIGAMI = f"---\nmodel: khronos\ncase: ishigami\ndata: {{function: ishigami, samples: 20000, test: 0.3}}\n"
done = run(ISHIGAMI + "khronos: {class: additive, degree: 3, cells: 12}\n", args=["-quiet"])
if checks.solved(done):
    error = math.sqrt((fourth - V13**2) / 6000) / V
    checks.that(abs(done.results["r2_test"] - (V1 + V2) / V) <= 4 * error, f"Ishigami, additive: R^2 {done.results['r2_test']:.4f}, {(V1 + V2) / V:.4f} +- {error:.4f}", done)
    checks.that(abs(done.results["share_x2"] - V2 / (V1 + V2)) < 0.01 and done.results["share_x3"] < 2e-3, f"Ishigami, additive: x2 {done.results['share_x2']:.4f}", done)
done = run(ISHIGAMI + "khronos: {class: quadratic, rank: 2, degree: 4, cells: 12}\n", args=["-quiet"])
if checks.solved(done):
    checks.below(1 - done.results["r2_test"], 1e-6, "Ishigami, quadratic: 1-R^2", done)
    for name, index in (("x1", V1 / V), ("x2", V2 / V), ("x3", 0), ("x1_x2", 0), ("x1_x3", V13 / V), ("x2_x3", 0)):
        value = done.results[f"share_{name}"]
        checks.that(abs(value - index) < 2e-3, f"Ishigami: share of {name} {value:.5f}, {index:.5f}", done)
done = run("---\nmodel: khronos\ncase: g\ndata: {function: sobol_g, dimension: 6, samples: 8000}\nkhronos: {class: cp, rank: 1, degree: 1, cells: 2}\ntrain: {full_max_it: 20}\n", args=["-quiet"])
if checks.solved(done):
    each = np.array([1 / 3 / (1 + i / 2) ** 2 for i in range(6)])
    with h5py.File(done.h5) as f:
        true, predicted = f["test"][:, 1], f["test"][:, 2]
    checks.below(np.square(true - predicted).sum() / np.square(true - true.mean()).sum(), ROUND_OFF, "Sobol' G is in the class of one product of kinks", done)
    checks.that(done.results["parameters"] == 18, "18 parameters", done)
    for i in range(6):
        checks.close(done.results[f"share_x{i + 1}"], each[i] / (np.prod(1 + each) - 1), 2e-2, f"Sobol' G: share of x{i + 1}", done)

# ---- several targets: own products each, or shared ones with learned weights
p = [(1 + a) * (2 - b * b) * (c + 0.5), (a * a + 0.2) * (1 + b) * (2 - c), (2 - a) * (0.1 + b) * (1 + c * c)]
Y = {"y1": 2 * p[0] - p[1], "y2": p[0] + 3 * p[1], "y3": -p[0] + p[1] / 2}
done = learn(X3, Y, "class: cp, degree: 2, cells: 1, rank: 2, weights: learned", data="test: 0.3, target_scale: none", np_ranks=2)
recovered(done, ROUND_OFF, 3 * 2 * 3 + 3 * 2, "three targets that share two products")
done = learn(X3, Y, "class: cp, degree: 2, cells: 1, rank: 2", "restarts: 3", np_ranks=2)
recovered(done, ROUND_OFF, 3 * 3 * 2 * 3, "three targets with products of their own")
for target in Y:
    checks.that(done.results[f"r2_test_{target}"] == 1, f"r2_test_{target}", done)
Y["y3"] = Y["y3"] + p[2]
done = learn(X3, Y, "class: cp, degree: 2, cells: 1, rank: 2, weights: learned", train="restarts: 3")
checks.that(done.one_minus_r2.max() > 1e-4, f"a third product is not in two shared ones: 1-R^2 {done.one_minus_r2.max():.2g}", done)
done = learn(X3, Y, "class: cp, degree: 2, cells: 1, rank: 3, weights: learned")
recovered(done, ROUND_OFF, 3 * 3 * 3 + 3 * 3, "three targets that share three products")

# ---- activations act on each product: the target as it is, since a scale would not pass through them
u = [0.3 + a - b * b, (0.5 + a) * (1.2 - b * b) * (c + 0.4), (1 - a) * (b + 0.2) * (c * c + 0.1)]
ACTIVATION = {"exp": np.exp, "tanh": np.tanh, "sigmoid": lambda t: 1 / (1 + np.exp(-t)), "softplus": lambda t: np.log1p(np.exp(t))}
for name, f in ACTIVATION.items():
    done = learn(X3, {"y": f(u[1])}, f"class: cp, rank: 1, degree: 2, cells: 1, activation: {name}", data="test: 0.3, target_scale: none")
    recovered(done, ROUND_OFF, 3 * 3, f"{name} of a product")
done = learn(X3, {"y": 2 * np.tanh(u[1]) - np.tanh(u[2]) / 2}, "class: cp, rank: 2, degree: 2, cells: 1, activation: tanh, weights: learned", train="restarts: 4")
recovered(done, ROUND_OFF, 2 * 3 * 3 + 2, "weighted tanh of two products")
done = learn(X3, {"y": np.exp(a - 2 * a * a) + np.exp(2 * b) + np.exp(c * c - 1)}, "class: additive, degree: 2, cells: 1, activation: exp", data="test: 0.3, target_scale: none")
recovered(done, ROUND_OFF, 3 * 3, "a sum of exponentials of one input each")
done = learn(X, {"y": np.exp(3 * ADDITIVE)}, "class: additive, degree: 2, cells: 1", data="test: 0.3, target_scale: log")
recovered(done, 1e-20, 4 * 3, "a log-additive function, target scale log")
checks.that("variance of ln y" in done.out, "shares are those of ln y", done)

# ---- degree and cells by input: each its own kind of function
y = a**5 - 2 * np.abs(b - 0.5) + np.where(c > 0.25, (c - 0.25) ** 3, 0) + 2 * d
own = {"a": ", degree: 5, cells: 1", "b": ", degree: 1, cells: 2", "c": ", degree: 3, cells: 4", "d": ", degree: 1, cells: 1"}
done = learn(X, {"y": y}, "class: additive", items=own)
recovered(done, ROUND_OFF, 6 + 3 + 7 + 2, "degree and cells by input")
for name in own:
    less = {**own, name: ", degree: 1, cells: 1"}
    if name != "d":
        done = learn(X, {"y": y}, "class: additive", items=less)
        checks.that(done.one_minus_r2[0] > 1e-4, f"a line for {name} is not enough: 1-R^2 {done.one_minus_r2[0]:.2g}", done)
checks.end()
