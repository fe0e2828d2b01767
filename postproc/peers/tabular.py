#!/usr/bin/python3
"""Random forests, gradient boosting and multilayer perceptrons beside the separable model, on the same rows: R^2, parameters, seconds of training.

    postproc/peers/tabular.py                          everything, 15 to 30 minutes on two cores
    postproc/peers/tabular.py borehole diabetes        some data
    postproc/peers/tabular.py --samples 2000 --seconds 5    a rough look

Writes OUTPUT.csv (columns data, model, r2_test, parameters, seconds, setting, measure) and OUTPUT.md, default out/peers/peers.

Data        borehole and sobol_g (20 inputs, 10 % noise) with 100,000 rows, otl_circuit, wing_weight, piston, ishigami and friedman1 (10 inputs, noise of
            deviation 1) with 20,000; the tables that come with scikit-learn: diabetes and linnerud (regression), iris, wine, breast_cancer and digits
            (classification: the accuracy stands in the place of R^2); the thermal histories of `data: function: thermal_history`, one property at a time.
Split       functions: 60 % training, 10 % validation, 30 % test. Tables: five folds (thermal histories: six); a fifth of the rows outside the fold is for
            validation; R^2 is the mean over the folds, or of all rows together where a fold would have less than ten.
Settings    of growing size are tried for every model until the list ends or --seconds are over; the best by the validation rows is kept, and only then the
            test rows are looked at. Tables: the kept setting is trained again with the validation rows. A `+` behind the setting: the largest one that there
            was time for is the best by a margin, or its training was cut short; more may be better.
Inputs      the same for all models; digits: the 64 pixels for the peers and 16 principal components for the separable model, which takes at most 32 inputs.
            Histories: six principal components of the training rows, and for "MLP, raw signal" the 256 temperatures (788,481 parameters: the size of a
            small convolutional network, but no such network).
            "KHRONOS, paper's size": no search, 240 (borehole) and 1,560 (sobol_g) parameters.
Parameters  trees: two numbers per inner node and one per leaf; perceptrons: weights and biases.
Seconds     of training the kept setting (mean over folds), on --np cores (the program on tables: one); data are in memory (the program: result train_seconds).
"""
import argparse
import csv
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import warnings

import h5py
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "postproc"))
from sna_file import SnaFileError, main_guard  # noqa: E402

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait by spinning stand still on a busy machine; before the modules load OpenMP
try:
    import xgboost
    from sklearn import datasets
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from threadpoolctl import threadpool_limits
except ImportError as missing:
    sys.exit(f"tabular.py: {missing}; apt-get install python3-sklearn python3-xgboost")

# ---- Test functions: inputs with their ranges, values at x (columns). Definitions: doc/khronos.md. ----


def borehole(rw, r, tu, hu, tl, hl, l, kw):
    log = np.log(r / rw)
    return 2 * np.pi * tu * (hu - hl) / (log * (1 + 2 * l * tu / (log * rw**2 * kw) + tu / tl))


def sobol_g(*x):
    return np.prod([(np.abs(4 * x - 2) + i / 2) / (1 + i / 2) for i, x in enumerate(x)], axis=0)


def otl_circuit(rb1, rb2, rf, rc1, rc2, beta):
    b = beta * (rc2 + 9)
    return ((12 * rb2 / (rb1 + rb2) + 0.74) * b + 11.35 * rf + 0.74 * rf * b / rc1) / (b + rf)


def wing_weight(sw, wfw, a, lamcaps, q, lam, tc, nz, wdg, wp):
    c = np.cos(np.radians(lamcaps))
    return 0.036 * sw**0.758 * wfw**0.0035 * (a / c**2) ** 0.6 * q**0.006 * lam**0.04 * (100 * tc / c) ** -0.3 * (nz * wdg) ** 0.49 + sw * wp


def piston(m, s, v0, k, p0, ta, t0):
    gas = p0 * v0 / t0 * ta
    a = p0 * s + 19.62 * m - k * v0 / s
    v = s / (2 * k) * (np.sqrt(a**2 + 4 * k * gas) - a)
    return 2 * np.pi * np.sqrt(m / (k + s**2 * gas / v**2))


def ishigami(x1, x2, x3):
    return np.sin(x1) * (1 + 0.1 * x3**4) + 7 * np.sin(x2) ** 2


def friedman1(x1, x2, x3, x4, x5, *_):
    return 10 * np.sin(np.pi * x1 * x2) + 20 * (x3 - 0.5) ** 2 + 10 * x4 + 5 * x5


UNIT, TURN = (0, 1), (-np.pi, np.pi)
FUNCTIONS = {  # function, ranges, rows, deviation of the noise, that as a share of the deviation of y
    "borehole": (borehole, [(0.05, 0.15), (100, 50000), (63070, 115600), (990, 1110), (63.1, 116), (700, 820), (1120, 1680), (9855, 12045)], 100000, 0, 0),
    "sobol_g": (sobol_g, [UNIT] * 20, 100000, 0, 0.1),
    "otl_circuit": (otl_circuit, [(50, 150), (25, 70), (0.5, 3), (1.2, 2.5), (0.25, 1.2), (50, 300)], 20000, 0, 0),
    "wing_weight": (wing_weight, [(150, 200), (220, 300), (6, 10), (-10, 10), (16, 45), (0.5, 1), (0.08, 0.18), (2.5, 6), (1700, 2500), (0.025, 0.08)], 20000, 0, 0),
    "piston": (piston, [(30, 60), (0.005, 0.020), (0.002, 0.010), (1000, 5000), (90000, 110000), (290, 296), (340, 360)], 20000, 0, 0),
    "ishigami": (ishigami, [TURN] * 3, 20000, 0, 0),
    "friedman1": (friedman1, [UNIT] * 10, 20000, 1, 0),
}
TABLES = {  # folds, principal components for the separable model
    "diabetes": (5, 0), "linnerud": (5, 0), "iris": (5, 0), "wine": (5, 0), "breast_cancer": (5, 0), "digits": (5, 16)}
HISTORIES = ["thermal_history_ys", "thermal_history_uts", "thermal_history_modulus"]
COMPONENTS = 6  # of the histories, as in inputs/khronos/thermal_history.deck


class Data:
    """Rows x, y (a column per target; numbers of classes), parts [(training, validation, test rows)], and components: {model: how many, 0: x itself}."""

    def __init__(self, name, seed, x, y, folds=0, classes=False, components=None):
        self.name, self.x, self.y, self.classes, self.folds = name, np.asarray(x, float), np.asarray(y, float).reshape(len(x), -1), classes, folds
        self.components = components or {}
        order, n = np.random.RandomState(seed).permutation(len(x)), len(x)
        if not folds:
            cuts = [n - round(0.4 * n), n - round(0.3 * n)]
            self.parts = [tuple(np.split(order, cuts))]
            return
        self.parts = []
        for f in range(folds):
            rest = np.concatenate([order[g::folds] for g in range(folds) if g != f])
            rest = rest[np.random.RandomState(1000 * seed + f + 1).permutation(len(rest))]
            validation = max(1, round(0.2 * len(rest)))
            self.parts.append((rest[validation:], rest[:validation], order[f::folds]))

    def inputs(self, model, train):
        count = self.components.get(model.name, self.components.get("", 0))
        if not count:
            return self.x
        mean = self.x[train].mean(axis=0)
        _, _, directions = np.linalg.svd(self.x[train] - mean, full_matrices=False)
        return (self.x - mean) @ directions[:count].T

    def score(self, rows, predicted):
        """Accuracy, or the mean of the targets' R^2."""
        y = self.y[rows]
        if self.classes:
            return float(np.mean(predicted == y))
        return float(np.mean(1 - np.sum((predicted - y) ** 2, axis=0) / np.sum((y - y.mean(axis=0)) ** 2, axis=0)))

    def score_folds(self, predicted):
        """Of predictions for the test rows of every fold."""
        tests = [test for _, _, test in self.parts]
        if min(map(len, tests)) < 10:
            return self.score(np.concatenate(tests), np.concatenate(predicted))
        return float(np.mean([self.score(*pair) for pair in zip(tests, predicted)]))


def function_data(name, rows, seed=0):
    function, ranges, own, noise, share = FUNCTIONS[name]
    n, random = rows or own, np.random.RandomState(seed)
    t = (np.array([random.permutation(n) for _ in ranges]) + random.random_sample((len(ranges), n))) / n  # Latin hypercube
    x = np.array([lo + (hi - lo) * c for c, (lo, hi) in zip(t, ranges)])
    y = function(*x)
    return Data(name, seed, x.T, y + (noise + share * y.std()) * random.standard_normal(n))


def table_data(name, seed):
    folds, components = TABLES[name]
    given = {"scaled": False} if name == "diabetes" else {}
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True, **given)
    return Data(name, seed, x, y, folds, classes=name not in ("diabetes", "linnerud"), components={Separable.name: components})


def histories(path, separable, seed):
    """{property: values}, signals: of a file with /table and /signals, or of the program's generator."""
    path = path or separable.make_histories(seed)
    with h5py.File(path, "r") as file:
        if "table" not in file or "signals" not in file or "columns" not in file["table"].attrs:
            raise SnaFileError(f"{path}: no data sets /table (with the attribute columns) and /signals")
        columns = file["table"].attrs["columns"]
        columns = (columns.decode() if isinstance(columns, bytes) else str(columns)).split(",")
        return dict(zip(columns, file["table"][:].T)), file["signals"][:]


# ---- Models: settings in order of size, fit(setting, data, x, train, ask, seconds) -> (predictions for the rows ask, parameters, seconds of training) ----


class Forest:
    name = "random forest"

    def __init__(self, cores):
        self.cores = cores

    def settings(self, data):
        return [(trees, leaf) for trees in (5, 15, 50, 150) for leaf in ((1,) if not data.folds else (1, 4))]

    def tell(self, setting):
        return f"{setting[0]} trees, leaves of {setting[1]} or more"

    def fit(self, setting, data, x, train, ask, seconds):
        kind = RandomForestClassifier if data.classes else RandomForestRegressor
        model = kind(n_estimators=setting[0], min_samples_leaf=setting[1], n_jobs=self.cores, random_state=0)
        start = time.perf_counter()
        model.fit(x[train], data.y[train].squeeze() if data.y.shape[1] == 1 else data.y[train])
        took = time.perf_counter() - start
        leaves = [int(np.sum(tree.tree_.children_left == -1)) for tree in model.estimators_]
        return model.predict(x[ask]), sum(3 * n - 2 for n in leaves), took


class Boosting:
    name = "XGBoost"

    def __init__(self, cores):
        self.cores = cores

    def settings(self, data):
        if data.folds:
            return [(20, 2, 0.3), (50, 3, 0.1), (100, 2, 0.1), (200, 3, 0.05), (200, 5, 0.1), (500, 3, 0.03)]
        return [(100, 6, 0.3), (400, 6, 0.1), (1000, 4, 0.1), (1000, 6, 0.1), (3000, 4, 0.1), (3000, 5, 0.05)]

    def tell(self, setting):
        return "{} trees of depth {}, rate {}".format(*setting)

    def fit(self, setting, data, x, train, ask, seconds):
        kind = xgboost.XGBClassifier if data.classes else xgboost.XGBRegressor
        model = kind(n_estimators=setting[0], max_depth=setting[1], learning_rate=setting[2], tree_method="hist", n_jobs=self.cores, random_state=0)
        y = data.y[train].squeeze(axis=1) if data.y.shape[1] == 1 else data.y[train]
        start = time.perf_counter()
        model.fit(x[train], y.astype(int) if data.classes else y)
        took = time.perf_counter() - start
        leaves = [text.count("leaf=") for text in model.get_booster().get_dump()]
        return model.predict(x[ask]), sum(3 * n - 2 for n in leaves), took


class Perceptron:
    name = "MLP"
    rates = ((3e-3, 0.4), (1e-3, 0.2), (3e-4, 0.2), (1e-4, 0.2))  # Adam's steps, share of the epochs

    def __init__(self):
        self.short = set()  # settings whose epochs the time cut

    def settings(self, data):
        if data.folds:
            return [(hidden, "tanh", decay) for hidden in ((16,), (32, 32), (64, 64)) for decay in (1, 1e-2)] + [((128, 128), "relu", 1e-2)]
        return [((32, 32), "tanh", 1e-6), ((64, 64), "tanh", 1e-6), ((64, 64), "relu", 1e-6), ((64, 64, 64), "tanh", 1e-6), ((128, 128, 128), "relu", 1e-6)]

    def tell(self, setting):
        return f"{' x '.join(map(str, setting[0]))} {setting[1]}, decay {setting[2]:g}"

    def fit(self, setting, data, x, train, ask, seconds):
        hidden, activation, decay = setting
        start = time.perf_counter()
        mean, deviation = x[train].mean(axis=0), x[train].std(axis=0)
        t = (x - mean) / np.where(deviation > 0, deviation, 1)
        shift, width = (0, 1) if data.classes else (data.y[train].mean(axis=0), data.y[train].std(axis=0))
        y = (data.y[train] - shift) / width
        y = y.squeeze(axis=1) if y.shape[1] == 1 else y
        batch = int(np.clip(len(train) // 20, 16, 256))
        kind = MLPClassifier if data.classes else MLPRegressor
        model = kind(hidden, activation=activation, alpha=decay, batch_size=batch, warm_start=True, max_iter=1, tol=0, n_iter_no_change=10**6, random_state=0,
                     learning_rate_init=self.rates[0][0])
        model.fit(t[train], y)
        epoch = time.perf_counter() - start
        epochs = int(np.clip(4000 * batch / len(train), 60, 400))
        if seconds / epoch < epochs:
            epochs = max(4, int(seconds / epoch))
            self.short.add(setting)
        for rate, share in self.rates:
            model.set_params(learning_rate_init=rate, max_iter=max(1, round(share * epochs)))
            model.fit(t[train], y)
        took = time.perf_counter() - start
        parameters = sum(a.size for a in model.coefs_ + model.intercepts_)
        return model.predict(t[ask]).reshape(len(ask), -1) * width + shift, parameters, took


class RawPerceptron(Perceptron):
    name = "MLP, raw signal"

    def settings(self, data):
        return [((1024, 512), "relu", 1e-2)]


class Separable:
    name = "KHRONOS"

    def __init__(self, solver, ranks, folder):
        self.solver, self.ranks, self.folder = pathlib.Path(solver).resolve(), ranks, folder
        if not os.access(self.solver, os.X_OK):
            raise SnaFileError(f"{self.solver}: no such program; scripts/run builds it, --solver names another")
        cache = self.solver.parent / "CMakeCache.txt"
        found = re.search(r"^MPIEXEC_EXECUTABLE:\w+=(\S+)$", cache.read_text(), re.M) if cache.is_file() else None
        self.launcher = shlex.split(os.environ.get("SNA_MPIEXEC") or (found.group(1) if found else "mpiexec.mpich"))

    def settings(self, data):
        """(class, rank, degree, cells, ridge)"""
        if data.folds:
            pairs = [("quadratic", 1, 2, 1, 1e-2)] if data.components.get(self.name, data.x.shape[1]) <= 10 else []
            return [("additive", 1, 1, 1, 1e-3), ("additive", 1, 1, 1, 1e-2), ("cp", 1, 1, 1, 1e-3), ("additive", 1, 2, 1, 1e-2), ("additive", 1, 2, 2, 1e-3),
                    ("additive", 1, 2, 2, 1e-2), ("additive", 1, 2, 3, 1e-4), *pairs, ("cp", 2, 2, 1, 1e-3), ("cp", 2, 2, 1, 1e-2)]
        return [("cp", 1, 1, 2, 0), ("cp", 1, 2, 12, 0), ("cp", 3, 2, 1, 0), ("cp", 6, 2, 3, 0), ("additive", 1, 3, 8, 0), ("cp", 6, 3, 6, 0), ("cp", 10, 3, 3, 0),
                ("quadratic", 2, 3, 4, 0), ("tensor_train", 5, 3, 4, 0), ("cp", 16, 3, 4, 0), ("quadratic", 3, 3, 12, 0)]

    def tell(self, setting):
        return "{}, rank {}, degree {}, {} cells".format(*setting) + (f", ridge {setting[4]:g}" if setting[4] else "")

    def run(self, deck, seconds, ranks):
        """The result file of a deck; None: not in time, or an error, which is told."""
        path = self.folder / "peer.deck"
        path.write_text("---\nmodel: khronos\ncase: peer\n" + deck)
        command = [*self.launcher, "-np", str(ranks), str(self.solver), str(path), "-output_dir", str(self.folder), "-force", "-quiet"]
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                   start_new_session=True)
        try:
            said, _ = process.communicate(timeout=max(60, seconds))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return None
        if process.returncode:
            if "cannot be learned from" in said:  # more parameters than rows
                return None
            print(f"exit {process.returncode} of {shlex.join(command)}:\n{deck}{said[-2000:]}", file=sys.stderr)
            return None
        return self.folder / "peer" / "peer.h5"

    def make_histories(self, seed):
        path = self.run(f"data: {{function: thermal_history, samples: 96, seed: {seed}}}\nkhronos: {{rank: 1, degree: 1, cells: 1}}\n", 60, 1)
        if not path:
            raise SnaFileError("no thermal histories")
        return path

    def fit(self, setting, data, x, train, ask, seconds):
        used, part = np.concatenate([train, ask]), np.repeat([0.0, 2.0], [len(train), len(ask)])
        inputs, targets = [f"x{d + 1}" for d in range(x.shape[1])], [f"y{o + 1}" for o in range(data.y.shape[1])]
        varies = [d for d in range(x.shape[1]) if np.ptp(x[train, d]) > 0]  # the program refuses constant columns
        with h5py.File(self.folder / "rows.h5", "w") as file:
            file["table"] = np.column_stack([x[used], data.y[used], part])
            file["table"].attrs["columns"] = ",".join([*inputs, *targets, "part"])
        result = self.run(
            f"data: {{file: {self.folder / 'rows.h5'}, inputs: [{', '.join(inputs[d] for d in varies)}], targets: [{', '.join(targets)}], split: column, split_column: part}}\n"
            f"khronos: {{class: {setting[0]}, rank: {setting[1]}, degree: {setting[2]}, cells: {setting[3]}, task: {'classification' if data.classes else 'regression'}}}\n"
            f"train: {{ridge: {setting[4]:g}}}\n", seconds, 1 if data.folds else self.ranks)
        if not result:
            return None
        with h5py.File(result, "r") as file:
            table = file["test"][:]
            figures = {name: float(np.ravel(file["result"][name][()])[0]) for name in ("parameters", "train_seconds")}
        predicted = np.empty((len(ask), len(targets)))
        predicted[table[:, 0].astype(int) - len(train)] = table[:, 2::2]
        return predicted, figures["parameters"], figures["train_seconds"]


class SeparableOfPaper(Separable):
    name = "KHRONOS, paper's size"
    shapes = {"borehole": ("cp", 6, 2, 3, 0), "sobol_g": ("cp", 1, 2, 76, 0)}  # 240 and 1,560 parameters

    def settings(self, data):
        return [self.shapes[data.name]]


# ---- The comparison ----


def train_all(model, setting, data, final, seconds):
    """(score, score of the test rows, parameters, seconds) of a setting. Final: with the validation rows, and the score is that of the test rows."""
    answers = []
    for train, validation, test in data.parts:
        x = data.inputs(model, train)
        if not data.folds:  # one training serves both
            rows, ask = train, np.concatenate([validation, test])
        else:
            rows, ask = (np.concatenate([train, validation]), test) if final else (train, validation)
            x = data.inputs(model, rows)
        answer = model.fit(setting, data, x, rows, ask, seconds / len(data.parts))
        if answer is None:
            return None
        answers.append((answer[0].reshape(len(ask), -1), *answer[1:]))
    parameters, took = (np.mean([a[i] for a in answers]) for i in (1, 2))
    if not data.folds:
        (_, validation, test), predicted = data.parts[0], answers[0][0]
        return data.score(validation, predicted[: len(validation)]), data.score(test, predicted[len(validation) :]), parameters, took
    predicted = [a[0] for a in answers]
    if final:
        score = data.score_folds(predicted)
    else:  # all validation rows of all folds together: single ones can be few
        score = data.score(np.concatenate([v for _, v, _ in data.parts]), np.concatenate(predicted))
    return score, score, parameters, took


def compare(model, data, seconds):
    """A row of the table."""
    start, settings = time.monotonic(), model.settings(data)
    measure = "accuracy" if data.classes else "R2"
    alone = len(settings) == 1  # nothing to choose
    tried, last = [], 0
    for setting in settings:
        left = seconds - (time.monotonic() - start)
        if tried and left < 2 * last:  # a larger one takes longer
            break
        begin = time.monotonic()
        found = train_all(model, setting, data, alone, left if alone else left / 2)
        last = time.monotonic() - begin
        if found:
            tried.append((setting, *found))
    if not tried:
        return {"data": data.name, "model": model.name, "r2_test": np.nan, "parameters": np.nan, "seconds": np.nan, "setting": "no setting ended in time",
                "measure": measure}
    best = max(tried, key=lambda t: t[1])
    setting, validated, score, parameters, took = best
    largest = max(tried, key=lambda t: t[3])
    others = max((t[1] for t in tried if t is not largest), default=1)
    rising = best is largest and (1 - validated) < 0.98 * (1 - others)
    rising = rising or setting in getattr(model, "short", ())
    if data.folds and not alone:
        final = train_all(model, setting, data, True, max(last, seconds - (time.monotonic() - start)))
        if final:
            score, _, parameters, took = final
    return {"data": data.name, "model": model.name, "r2_test": score, "parameters": round(parameters), "seconds": took,
            "setting": model.tell(setting) + (" +" if rising else ""), "measure": measure}


def digits_of(score):
    """As many digits of R^2 as tell two good ones apart."""
    places = 3 if not score < 1 else min(9, max(3, int(np.ceil(-np.log10(1 - score))) + 1))
    return f"{score:.{places}f}"


def write(stem, rows):
    stem.parent.mkdir(parents=True, exist_ok=True)
    columns = ["data", "model", "r2_test", "parameters", "seconds", "setting", "measure"]
    with open(stem.with_suffix(".csv"), "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        for row in rows:
            table.writerow({**row, "r2_test": f"{row['r2_test']:.10g}", "seconds": f"{row['seconds']:.3g}"})
    lines = ["| data | model | test R^2 | parameters | seconds | setting |", "|---|---|---|---|---|---|"]
    for row in rows:
        top = max((r["r2_test"] for r in rows if r["data"] == row["data"] and np.isfinite(r["r2_test"])), default=None)
        told = digits_of(row["r2_test"]) + (" (accuracy)" if row["measure"] == "accuracy" else "")
        told = f"**{told}**" if row["r2_test"] == top else told
        lines.append(f"| {row['data']} | {row['model']} | {told} | {row['parameters']:,} | {row['seconds']:.3g} | {row['setting']} |")
    stem.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    known = [*FUNCTIONS, *TABLES, *HISTORIES]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="*", help=f"default: all of {', '.join(known)}")
    parser.add_argument("--samples", type=int, default=0, help="rows of every function (default: 100,000 or 20,000)")
    parser.add_argument("--seconds", type=float, default=60, help="for all settings of one model on one set of data (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="of points, noise, histories and splits (default 0)")
    parser.add_argument("--np", type=int, default=min(2, os.cpu_count() or 1), help="MPI ranks of the program and threads of the others (default 2)")
    parser.add_argument("--solver", default=os.environ.get("SNA_SOLVER") or ROOT / "build" / "sna_solver", help="the program (default: the one that scripts/run builds)")
    parser.add_argument("--thermal", help="FILE.h5 with measured histories: /signals and /table (ys, uts, modulus); default: synthetic ones")
    parser.add_argument("-o", "--output", type=pathlib.Path, default=pathlib.Path("out/peers/peers"), help="OUTPUT.csv and OUTPUT.md (default out/peers/peers)")
    arguments = parser.parse_args()
    chosen = arguments.data or known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        parser.error(f"no data {', '.join(unknown)}; known are {', '.join(known)}")
    if arguments.samples and arguments.samples < 50 or arguments.np < 1 or arguments.seed < 0 or arguments.seconds <= 0:
        parser.error("--samples: 50 at least; --np: 1 at least; --seed: 0 at least; --seconds: above 0")
    warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")  # epochs that end before convergence: they are meant to

    rows, done, start, measured = [], 0, time.monotonic(), None
    with tempfile.TemporaryDirectory(prefix="sna-peers-") as folder, threadpool_limits(arguments.np):
        separable = Separable(arguments.solver, arguments.np, pathlib.Path(folder))
        paper = SeparableOfPaper(arguments.solver, arguments.np, pathlib.Path(folder))
        weight = {name: 0.2 + (arguments.samples or FUNCTIONS[name][2]) / 60000 if name in FUNCTIONS else 0.2 for name in chosen}  # expected shares of the time
        total = sum(weight.values())
        for name in chosen:
            if name in FUNCTIONS:
                data = function_data(name, arguments.samples, arguments.seed)
            elif name in TABLES:
                data = table_data(name, arguments.seed)
            else:
                measured = measured or histories(arguments.thermal, separable, arguments.seed)
                target = name.removeprefix("thermal_history_")
                if target not in measured[0]:
                    raise SnaFileError(f"{arguments.thermal}: no column {target}")
                data = Data(name, arguments.seed, measured[1], measured[0][target], 6, components={"": COMPONENTS, RawPerceptron.name: 0})
            running = [Forest(arguments.np), Boosting(arguments.np), Perceptron(), *[RawPerceptron()] * (name in HISTORIES), separable, *[paper] * (name in paper.shapes)]
            for model in running:
                row = compare(model, data, arguments.seconds)
                rows.append(row)
                done += weight[name] / len(running)
                passed = time.monotonic() - start
                print(f"{name:24} {model.name:16} {digits_of(row['r2_test']):>10}  {row['parameters']:>10,} parameters  {row['seconds']:.3g} s  {row['setting']}"
                      f"   t {passed:.0f} s  eta {passed / done * (total - done):.0f} s", file=sys.stderr, flush=True)
            write(arguments.output, rows)
    print(f"wrote {arguments.output.with_suffix('.md')} and {arguments.output.with_suffix('.csv')}")


if __name__ == "__main__":
    main_guard(main)
