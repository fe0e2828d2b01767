"""Predictions: -restart FILE -predict TABLE writes the unknown behind all columns of a table, with words and gaps as they were; rows outside get the values
of the nearest point of the box. The same bytes on 1, 2 and 3 ranks; CSV, tabs and HDF5; what is wrong with a table is told with its line or column."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import csv
import math

from run_case import Checks, run

import h5py
import numpy as np

# The projection of a polynomial on splines that hold it: u is known at every point.
SQUARE = """---
model: vsna
case: square
dim:
  - x: {domain: [-1, 1], degree: 3, cells: 4}
  - y: {domain: [-1, 2], degree: 3, cells: 4}
pde:
  unknown: u
  term:
    - one: "1"
  source:
    - a: x^2
    - b: 2*y^2
  reference: x^2 + 2*y^2
vsna:
  rank: 2
  als: {rtol: 1e-14, max_sweeps: 1000, final_sweeps: 1000}
"""
MAPPED = """---
model: vsna
case: mapped
coordinates:
  space:
    - x: [-1, 1]
    - y: [-1, 1]
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
  reference: (x+y)^2
vsna:
  rank: 1
  als: {rtol: 1e-14, max_sweeps: 1000, final_sweeps: 1000}
"""
checks = Checks()
done = run(SQUARE)
if not checks.solved(done):
    checks.end()
cwd, solution = done.cwd, done.h5.relative_to(done.cwd)


def predict(table, np_ranks=2, *args, of=None):
    return run(None, np=np_ranks, cwd=of.cwd if of else cwd, args=["-restart", of.h5.relative_to(of.cwd) if of else solution, "-predict", table, *args])


def read(path):
    rows = list(csv.reader(open(path)))
    return rows[0], rows[1:]


rng = np.random.default_rng(3)
n = 3000
x, y = rng.uniform(-1.2, 1.2, n), rng.uniform(-1.5, 2.5, n)
words = ["red", "green, light", 'a "b"']
missing = set(range(7, n, 100))
header = ["Y", "id", "x", "deep, m"]
rows = [[repr(y[i]), words[i % 3], "" if i in missing else repr(x[i]), str(i / 8)] for i in range(n)]
with open(cwd / "table.csv", "w", newline="") as f:
    csv.writer(f).writerows([header] + rows)
expected = np.clip(x, -1, 1) ** 2 + 2 * np.clip(y, -1, 2) ** 2
outside = [abs(y[i] - 0.5) > 1.5 or (i not in missing and abs(x[i]) > 1) for i in range(n)]

first = None
for ranks in (1, 2, 3):
    q = predict("table.csv", ranks)
    path = cwd / "table_predicted.csv"
    if not checks.that(q.exit == 0 and path.exists(), f"{ranks} ranks: exit {q.exit}", q):
        continue
    head, found = read(path)
    checks.that(head == header + ["u_predicted", "outside"] and len(found) == n, f"{ranks} ranks: columns {head}, {len(found)} rows", q)
    same = all(float(f[0]) == y[i] and f[1] == words[i % 3] and (f[2] == "nan" if i in missing else float(f[2]) == x[i]) and f[3] == (str(i / 8).removesuffix(".0")) for i, f in enumerate(found))
    checks.that(same, f"{ranks} ranks: the table's own columns come through", q)
    error = max(abs(float(f[4]) - expected[i]) for i, f in enumerate(found) if i not in missing)
    checks.below(error, 1e-9, f"{ranks} ranks: values, clamped outside", q)
    checks.that(all(math.isnan(float(found[i][4])) for i in missing), f"{ranks} ranks: missing inputs give nan", q)
    checks.that([f[5] == "1" for f in found] == outside, f"{ranks} ranks: marks of rows outside", q)
    r = q.results
    checks.that((r.get("rows"), r.get("rows_outside"), r.get("rows_missing")) == (n, sum(outside), len(missing)) and r.get("predict_rows_per_second_per_rank", 0) > 0, f"{ranks} ranks: results {r}", q)
    data = path.read_bytes()
    checks.that(first in (None, data), f"{ranks} ranks: the same bytes", q)
    first = data
    path.unlink()

# tabs and a name without ending; HDF5 stays HDF5
(cwd / "tabs.txt").write_text("y\tx\n0.5\t0.25\n")
q = predict("tabs.txt")
checks.that(q.exit == 0 and (cwd / "tabs_predicted.csv").exists() and read(cwd / "tabs_predicted.csv")[0] == ["y", "x", "u_predicted", "outside"], "tabs", q)
names = ["x", "i, j", "y"]  # one text as in CSV, or the lists of texts that h5py makes
for form, attribute in (("text", 'x,"i, j",y'), ("list", names), ("fixed", np.array(names, dtype="S"))):
    with h5py.File(cwd / "t.h5", "w") as f:
        f["in/points"] = np.column_stack([x, np.arange(n), y])
        f["in/points"].attrs["columns"] = attribute
    q = predict("t.h5:/in/points" if form == "text" else "t.h5", 2)
    if checks.that(q.exit == 0 and (cwd / "t_predicted.h5").exists(), f"HDF5, {form}", q):
        with h5py.File(cwd / "t_predicted.h5") as f:
            columns = f["table"].attrs["columns"]
            checks.that((columns.decode() if isinstance(columns, bytes) else columns) == 'x,"i, j",y,u_predicted,outside', f"HDF5, {form}: columns {columns}")
            checks.that((f["table"][:, 1] == np.arange(n)).all(), f"HDF5, {form}: its own columns")
            checks.below(np.abs(f["table"][:, 3] - expected).max(), 1e-9, f"HDF5, {form}: values")

# a map may lead out of the domain inside the box of the physical coordinates
mapped = run(MAPPED)
if checks.solved(mapped):
    (mapped.cwd / "p.csv").write_text("x,y\n0.25,0.5\n0.9,0.9\n3,-0.0\n")
    q = predict("p.csv", 2, "-predict_output", "sub/o.csv", of=mapped)
    if checks.that(q.exit == 0 and (mapped.cwd / "sub/o.csv").exists(), "mapped", q):
        found = [[float(v) for v in row] for row in read(mapped.cwd / "sub/o.csv")[1]]
        checks.below(abs(found[0][2] - 0.75**2), 1e-9, "mapped: a value")
        checks.that(found[0][3] == 0 and found[1][3] == found[2][3] == 1 and math.isnan(found[1][2]) and abs(found[2][2] - 1) < 1e-9, f"mapped: outside {found}")

for name, text, words, args in (
    ("lacks.csv", "x,yy\n1,2\n", "lacks.csv: has no column `y`; it has x, yy", ()),
    ("words.csv", "x,y\n1,north\n", "column `y` holds words, such as north, and numbers are needed", ()),
    ("twice.csv", "x,y,u_predicted\n1,2,3\n", "has a column `u_predicted` already", ()),
    ("itself.csv", "x,y\n1,2\n", "the predictions would replace the table", ("-predict_output", "itself.csv")),
    ("length.csv", "x,y\n1,2\n1,2,3\n", "length.csv:3: 3 values", ()),
):
    (cwd / name).write_text(text)
    q = predict(name, 2, *args)
    checks.that(q.exit == 2 and words in q.err, f"{name}: exit {q.exit}, {q.err.strip()}", q)
q = predict("none.csv")
checks.that(q.exit == 2 and "none.csv: cannot open the file" in q.err, "a table that is not there", q)

checks.end()
