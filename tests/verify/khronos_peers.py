# timeout: 120
"""postproc/peers/tabular.py: on a few rows every model has its line, with numbers that can be; its test functions are the program's.
Skipped without scikit-learn and xgboost."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv
import importlib.util
import os
import shlex
import subprocess

import numpy

from run_case import LAUNCHER, SKIP, SOLVER, SOURCE, Checks, fresh_folder, need_solver, run

for module in ("sklearn", "xgboost"):
    if importlib.util.find_spec(module) is None:
        print(f"skipped: no Python module {module}")
        sys.exit(SKIP)
need_solver()
sys.path.insert(0, str(SOURCE / "postproc" / "peers"))
import tabular

checks = Checks()
folder = fresh_folder()
script = SOURCE / "postproc" / "peers" / "tabular.py"


def table(*arguments):
    environment = {**os.environ, "SNA_MPIEXEC": shlex.join(LAUNCHER)}
    done = subprocess.run([sys.executable, "-B", str(script), "--solver", SOLVER, "-o", str(folder / "peers"), *arguments], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=110)
    checks.that(done.returncode == 0, f"{' '.join(arguments)}: exit {done.returncode} {done.stderr[-1500:] if done.returncode else ''}")
    with open(folder / "peers.csv", newline="") as file:
        return {(row["data"], row["model"]): row for row in csv.DictReader(file)}


rows = table("borehole", "iris", "--samples", "600", "--seconds", "0.01", "--np", "1")  # one setting per model
models = ["random forest", "XGBoost", "MLP", "KHRONOS"]
expected = {(data, model) for data in ("borehole", "iris") for model in models} | {("borehole", "KHRONOS, paper's size")}
checks.that(set(rows) == expected, f"rows: {sorted(set(rows) ^ expected) or 'all'}")
for key, row in rows.items():
    score, parameters, seconds = (float(row[name]) for name in ("r2_test", "parameters", "seconds"))
    checks.that(0.3 < score <= 1 and parameters >= 6 and seconds >= 0, f"{', '.join(key)}: {score:.4f}, {parameters:.0f} parameters, {seconds:g} s")
checks.that(rows["borehole", "KHRONOS, paper's size"]["parameters"] == "240", "the paper's 240 parameters")
# Weights and biases of a perceptron 8 - 32 - 32 - 1.
checks.that(rows["borehole", "MLP"]["parameters"] == str(8 * 32 + 32 + 32 * 32 + 32 + 32 + 1), "parameters of a perceptron")
text = (folder / "peers.md").read_text().splitlines()
checks.that(len(text) == 2 + len(expected) and sum("**" in line for line in text) >= 2, "Markdown: a line per row, the best in bold")

# The functions are written twice, here and in C. A table of inversions holds the true values at its points.
for name, (function, ranges, *_) in tabular.FUNCTIONS.items():
    y = tabular.function_data(name, 500).y
    between = f"y={y.mean() - 0.2 * y.std()}:{y.mean() + 0.2 * y.std()}"
    done = run(f"---\nmodel: khronos\ncase: f\ndata: {{function: {name}, samples: 500}}\nkhronos: {{class: additive, rank: 1, degree: 2, cells: 1}}\n"
               f"invert: {between}\ninvert_starts: 8\n", np=1, args=["-quiet"])
    if checks.solved(done, name):
        with open(done.find("_inverse.csv"), newline="") as file:
            points = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
        x = numpy.array([list(p.values())[: len(ranges)] for p in points]).T
        true = numpy.array([p["true_y"] for p in points])
        checks.below(numpy.max(numpy.abs(function(*x) / true - 1)), 1e-11, f"{name}: the program's values and the script's at {len(points)} points")
        inside = all(lo - 1e-9 * abs(lo) <= v.min() and v.max() <= hi + 1e-9 * abs(hi) for v, (lo, hi) in zip(x, ranges))
        checks.that(inside, f"{name}: ranges")
checks.end()
