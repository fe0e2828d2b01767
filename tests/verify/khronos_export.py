"""Exported models: <case>_model.c compiled with cc, <case>_model.json evaluated by numpy, and the program's own predictions give the same numbers
to 1e-10, for every class, activation, kind of scale, several targets with shared and with own products, and a classification. The C file alone has no symbol
that is not in the mathematical library and is clean at -Wall -Wextra -pedantic."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import ctypes
import json
import shutil
import subprocess

import h5py
import numpy

from run_case import DEBUG, SKIP, Checks, fresh_folder, run

CC = shutil.which("cc") or shutil.which("gcc")
if not CC:
    print("skipped: no cc")
    sys.exit(SKIP)
checks = Checks()
ROWS = 400
folder = fresh_folder()
random = numpy.random.default_rng(3)
x = random.uniform([1, -2, 0.1], [5, 3, 10], (ROWS, 3))
y = x[:, 0] * numpy.exp(0.3 * x[:, 1]) + numpy.sqrt(x[:, 2]) + 1
z = numpy.sin(x[:, 0]) - 0.2 * x[:, 1] * x[:, 2]
word = numpy.where(z < -0.8, "low", numpy.where(z < 0.3, 'mid, "quoted"', "high"))
with open(folder / "table.csv", "w") as f:
    print("a,Size b,c,y,z", file=f)
    for row in numpy.column_stack([x, y, z]):
        print(",".join(repr(float(v)) for v in row), file=f)
with open(folder / "words.csv", "w") as f:
    print("a,Size b,c,kind", file=f)
    for row, w in zip(x, word):
        print(",".join(repr(float(v)) for v in row) + ',"' + w.replace('"', '""') + '"', file=f)


def splines(t, degree, cells):
    """All B-splines at points t in [0,1], clamped knots (de Boor's recurrence on the whole row)."""
    knots = numpy.r_[[0.0] * degree, numpy.linspace(0, 1, cells + 1), [1.0] * degree]
    t = t[:, None]
    b = ((t >= knots[:-1]) & (t < knots[1:])).astype(float)
    b[t[:, 0] >= 1, degree + cells - 1] = 1
    for p in range(1, degree + 1):
        with numpy.errstate(invalid="ignore", divide="ignore"):
            left = numpy.nan_to_num((t - knots[: -p - 1]) / (knots[p:-1] - knots[: -p - 1]), nan=0, posinf=0, neginf=0)
            right = numpy.nan_to_num((knots[p + 1 :] - t) / (knots[p + 1 :] - knots[1:-p]), nan=0, posinf=0, neginf=0)
        b = left * b[:, :-1] + right * b[:, 1:]
    return b


ACTIVATION = {"identity": lambda v: v, "tanh": numpy.tanh, "exp": numpy.exp, "softplus": lambda v: numpy.logaddexp(0, v), "sigmoid": lambda v: 1 / (1 + numpy.exp(-v))}


def evaluate(model, points):
    """The JSON file as a function: documented in doc/khronos.md."""
    basis = []
    for d, i in enumerate(model["inputs"]):
        t = ((numpy.log(points[:, d]) if i["log"] else points[:, d]) - i["shift"]) / i["width"]
        basis.append(splines(numpy.clip(t, 0, 1), i["degree"], i["cells"]))
    values = []
    for part in model["parts"]:
        theta = iter(part["theta"])
        take = lambda n: numpy.array([next(theta) for _ in range(n)])
        n, nout = len(points), part["outputs"]
        if part["kind"] == "products":
            u = {(d, m): basis[d] @ take(basis[d].shape[1]) for d in range(len(basis)) for m, of in enumerate(part["modes"]) if d in of}
            atom = [ACTIVATION[part["activation"]](numpy.prod([u[d, m] for d in of], axis=0)) for m, of in enumerate(part["modes"])]
            weight = take(nout * len(atom)).reshape(nout, -1) if part["learned_weights"] else numpy.equal.outer(range(nout), part["owner"]).astype(float)
            values += list(weight @ atom)
        elif part["kind"] == "tucker":
            r = part["rank"]
            u = [numpy.array([b @ take(b.shape[1]) for _ in range(r)]) for b in basis]
            core = take(nout * r ** len(basis)).reshape(nout, 1, -1)
            out = numpy.broadcast_to(core, (nout, n, core.size // nout))
            for of in u:
                out = numpy.einsum("jn,onjk->onk", of, out.reshape(nout, n, r, -1))
            values += list(out[:, :, 0])
        else:
            r, row = part["ranks"], None
            for d, b in enumerate(basis):
                matrix = numpy.array([[b @ take(b.shape[1]) for _ in range(r[d + 1])] for _ in range(r[d])])
                row = matrix if row is None else numpy.einsum("oan,abn->obn", row, matrix)
            values += list(row[:, 0])
        if next(theta, None) is not None:
            raise SystemExit("FAILED: parameters are left over")
    if model["task"] == "classification":
        e = numpy.exp(numpy.array(values) - numpy.max(values, axis=0))
        return (e / e.sum(axis=0)).T
    scaled = [t["shift"] + t["width"] * v for t, v in zip(model["targets"], values)]
    return numpy.array([numpy.exp(v) if t["log"] else v for t, v in zip(model["targets"], scaled)]).T


def compiled(path, name, inputs, outputs):
    library = fresh_folder() / "model.so"
    cc = subprocess.run([CC, "-std=c99", "-O1", "-Wall", "-Wextra", "-pedantic", "-Werror", "-shared", "-fPIC", path, "-o", library, "-lm"], capture_output=True, text=True)
    if not checks.that(cc.returncode == 0, f"{name}: compiles without warnings{': ' + cc.stderr[:600] if cc.returncode else ''}"):
        return None
    function = getattr(ctypes.CDLL(str(library)), f"{name}_predict")
    function.restype = None

    def predict(points):
        out = numpy.empty((len(points), outputs))
        for i, row in enumerate(numpy.ascontiguousarray(points)):
            function((ctypes.c_double * inputs)(*row), out[i].ctypes.data_as(ctypes.POINTER(ctypes.c_double)))
        return out

    return predict


DECK = """model: khronos
case: {name}
data: {{file: {file}, inputs: [a, "Size b", c], targets: [{targets}], test: 0.3{data}}}
input:
  - sizeb: {{column: "Size b", degree: 3, cells: 2}}
  - c: {{scale: log, cells: 4}}
khronos: {{{khronos}}}
train: {{method: {method}}}
export: {{c: true, json: true}}
"""
CASES = [
    ("cp", "table.csv", "y", "class: cp, rank: 2", "auto", ""),
    ("cp_2", "table.csv", "y", "class: cp, rank: 2, interaction: 2", "auto", ", target_scale: log"),
    ("additive.7", "table.csv", "z", "class: additive, degree: 1", "auto", ", target_scale: standard"),
    ("quadratic", "table.csv", "z", "class: quadratic, rank: 2", "auto", ", scale: standard"),
    ("tanh", "table.csv", "z, y", "class: cp, rank: 3, activation: tanh, weights: learned", "adam", ""),
    ("exp", "table.csv", "y", "class: cp, rank: 2, activation: exp", "adam", ""),
    ("softplus", "table.csv", "y, z", "class: cp, rank: 2, activation: softplus", "adam", ", target_scale: none"),
    ("sigmoid", "table.csv", "z", "class: quadratic, rank: 1, activation: sigmoid, weights: learned", "adam", ""),
    ("tucker", "table.csv", "y, z", "class: tucker, rank: 2, degree: 1", "adam", ""),
    ("2train", "table.csv", "z", "class: tensor_train, rank: 3", "auto", ""),
    ("classes", "words.csv", "kind", "class: cp, rank: 2", "adam", ""),
    ("classes_train", "words.csv", "kind", "class: tensor_train, rank: 2", "adam", ""),
]
for case, file, targets, khronos, method, data in CASES[:: 2 if DEBUG else 1]:
    done = run(DECK.format(name=case, file=file, targets=targets, khronos=khronos, method=method, data=data), np=0, cwd=folder, args=["-quiet", "-train_adam_visits", 4000])
    base = folder / "out" / case / case
    if not checks.solved(done, case):
        continue
    name = ("_" if case[0].isdigit() else "") + case.replace(".", "_")
    model = json.loads(pathlib.Path(f"{base}_model.json").read_text())
    with h5py.File(f"{base}.h5") as f:
        test = f["test"][:]
        columns = f["test"].attrs["columns"].split(",") if isinstance(f["test"].attrs["columns"], str) else f["test"].attrs["columns"].decode().split(",")
    outputs = len(model["classes"]) or len(model["targets"])
    checks.that(sum(len(p["theta"]) for p in model["parts"]) == done.results["parameters"], f"{case}: {done.results['parameters']:.0f} parameters in the JSON file")
    checks.that([t["name"] for t in model["targets"]] == targets.split(", ") and [i["name"] for i in model["inputs"]][0] == "a", f"{case}: names of inputs and targets")
    points = x[test[:, 0].astype(int)]
    by_json = evaluate(model, points)
    if "quadratic" in case or "additive" in case:
        checks.that("share_Size_b" in done.results, f"{case}: shares of the variance, each name one word", done)
    if model["classes"]:
        checks.that(model["classes"] == sorted(set(word)), f"{case}: classes {model['classes']}")
        checks.that((by_json.argmax(axis=1) == test[:, 2]).all(), f"{case}: the JSON file's class is the one in /test for {len(test)} rows")
        checks.that((numpy.array(model["classes"])[test[:, 1].astype(int)] == word[test[:, 0].astype(int)]).all(), f"{case}: /test has the right classes")
        checks.close(done.results["accuracy_test"], numpy.mean(test[:, 1] == test[:, 2]), 1e-12, f"{case}: accuracy")
        own = by_json[numpy.arange(len(test)), test[:, 1].astype(int)]
        checks.close(done.results["log_loss_test"], -numpy.mean(numpy.log(own)), 1e-10, f"{case}: log loss")
        truth = numpy.equal.outer(test[:, 1], range(outputs)).astype(float)
        checks.close(done.results["r2_test"], 1 - ((by_json - truth) ** 2).sum() / ((truth - truth.mean(axis=0)) ** 2).sum(), 1e-10, f"{case}: R2")
    else:
        predicted, truth = test[:, 2::2], test[:, 1::2]
        scale = numpy.abs(truth).max(axis=0)
        expected = numpy.column_stack([{"y": y, "z": z}[t][test[:, 0].astype(int)] for t in targets.split(", ")])
        checks.below(numpy.max(numpy.abs(truth - expected) / scale), 1e-14, f"{case}: /test has the rows of the table")
        checks.below(numpy.max(numpy.abs(by_json - predicted) / scale), 1e-10, f"{case}: JSON file against the program")
        r2 = 1 - ((predicted - truth) ** 2).sum(axis=0) / ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
        checks.below(abs(done.results["r2_test"] - r2.mean()), 1e-12, f"{case}: R2 {r2.mean():.6f}")
        if outputs > 1:
            checks.below(max(abs(done.results[f"r2_test_{t}"] - v) for t, v in zip(targets.split(", "), r2)), 1e-12, f"{case}: R2 of each target")
    if case in ("cp", "cp_2", "exp", "classes"):  # values and derivatives as the program answers them, against differences
        grid = random.uniform([1.1, -1.9, 0.2], [4.9, 2.9, 9.8], (40, 3))
        numpy.savetxt(folder / "grid.csv", grid, delimiter=",", header="a,Size b,c", comments="")
        asked = run(np=0, cwd=folder, args=["-restart", f"{base}.h5", "-sample", "grid.csv", "-sample_output", "asked.csv"])
        if checks.solved(asked, f"{case}: -sample"):
            value = numpy.loadtxt(folder / "asked.csv", delimiter=",", skiprows=1)
            checks.below(numpy.max(numpy.abs(value[:, 3] - evaluate(model, grid)[:, 0])), 1e-10, f"{case}: values of -sample")
            for d in range(3):
                step = numpy.zeros(3)
                step[d] = 1e-6 * numpy.ptp(grid[:, d])
                slope = (evaluate(model, grid + step)[:, 0] - evaluate(model, grid - step)[:, 0]) / (2 * step[d])
                checks.below(numpy.max(numpy.abs(value[:, 4 + d] - slope)) / numpy.max(numpy.abs(slope)), 1e-5, f"{case}: derivative {d}")
    by_c = compiled(f"{base}_model.c", name, 3, outputs)
    if by_c:
        more = numpy.vstack([points, random.uniform([-1, -5, 0.01], [8, 6, 20], (200, 3))])  # outside the data too
        reference = evaluate(model, more)
        difference = numpy.max(numpy.abs(by_c(more) - reference) / numpy.maximum(1, numpy.abs(reference).max(axis=0)))
        checks.below(difference, 1e-10, f"{case}: C file against the JSON file at {len(more)} points")
checks.end()
