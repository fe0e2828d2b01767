"""Tables that `model: khronos` cannot learn from: exit code 2, a message with the deck's line that names column, row and cure, nothing left behind."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import h5py
import numpy

from run_case import Checks, fresh_folder, run

checks = Checks()
DECK = """\
model: khronos
case: bad
data:
  file: table.csv
  targets: [y]
khronos:
  class: additive
  cells: 2
"""
random = numpy.random.default_rng(3)
DATA = [[f"{v:.4f}" for v in row] + [f"{row[0] + row[1] ** 2:.6f}"] for row in random.uniform(0.1, 1, size=(60, 2))]
ROWS = [row[:] for row in DATA]


def table(header="a,b,y", change=lambda rows: None, separator=","):
    rows = [row[:] for row in DATA]
    change(rows)
    return header + "\n" + "\n".join(separator.join(row) for row in rows) + "\n"


def attempt(text, options=(), deck=DECK, np=0):
    here = fresh_folder()
    (here / "table.csv").write_text(text)
    return run(deck, np=np, cwd=here, args=["-check", *options])


def refused(title, text, patterns, options=(), deck=DECK, np=0):
    checks.refused(attempt(text, options, deck, np), patterns, title)


def fine(title, text, pattern, options=(), np=0):
    done = attempt(text, options, np=np)
    import re
    checks.that(done.exit == 0 and re.search(pattern, done.out) and not done.files, title, done)


def put(column, values):
    """Entries of a column: the same for all, or {row: entry}, or a function of the row."""
    def change(rows):
        for i, row in enumerate(rows):
            if callable(values):
                row[column] = values(i)
            elif not isinstance(values, dict):
                row[column] = values
            elif i in values:
                row[column] = values[i]
    return change


def extra(values):
    def change(rows):
        for i, row in enumerate(rows):
            row.append(values(i))
    return change


fine("a table without a mistake", table(), r"60 rows: 42 for training, 0 for validation, 18 for the test", np=2)
fine("capitals do not matter", table("A,b,Y"), r"2 inputs, 1 output")
fine("an ignored column may hold anything", table("a,b,y,id", extra(lambda i: f"row {i}")), r"2 inputs", ["-data_ignore", "id"])

# Names
refused("no file", table(), r"case\.deck:4: nothing\.csv: |command line: -data_file: nothing\.csv: ", ["-data_file", "nothing.csv"])
refused("no targets", table(), r"case\.deck:3: which column is to be predicted\?.* a, b, y", deck=DECK.replace("  targets: [y]\n", ""))
refused("an unknown target", table("alpha,beta,yield"), r"case\.deck:5: `yields` is no column of table\.csv; did you mean `yield`", deck=DECK.replace("[y]", "[yields]"))
refused("a column like no other", table(), r"-data_inputs: `pressure` is no column of table\.csv, which are a, b, y|-data_inputs: `pressure` is no column", ["-data_inputs", "a,pressure"])
refused("the target is an input", table(), r"-data_inputs: `y` is a target already and cannot be an input as well", ["-data_inputs", "a,y"])
refused("an input is ignored", table(), r"-data_inputs: `a` is ignored already", ["-data_inputs", "a", "-data_ignore", "a"])
refused("an input twice", table(), r"-data_inputs: `a` is named twice", ["-data_inputs", "a,a"])
refused("nothing is left", table(), r"case\.deck:4: no column is left to be an input", ["-data_ignore", "a,b"])
refused("a name twice", table("a,a,y"), r"case\.deck:4: table\.csv:1: two columns are named `a`; rename one")
refused("a column without a name", table(",b,y"), r"case\.deck:4: table\.csv:1: column 1 has no name")
refused("another separator", table("a|b|y", separator="|"), r"case\.deck:4: table\.csv: only one column was found, `a\|b\|y`: columns are separated by commas, semicolons or tabs")
wide = ",".join(f"x{i}" for i in range(40)) + ",y\n" + "\n".join(",".join(f"{v:.3f}" for v in row) for row in random.uniform(size=(50, 41))) + "\n"
refused("40 inputs", wide, r"case\.deck:4: 40 columns would be inputs, and 32 is the limit: .*`data: inputs: \[\.\.\.\]`.*principal components")

# Entries
refused("a constant input", table(change=put(1, "3")), r"case\.deck:4: `b`: all 42 values are 3: nothing can be learned from a constant column")
refused("a constant target", table(change=put(2, "7.5")), r"case\.deck:4: `y`: all 42 values are 7\.5")
refused("a constant input on two ranks", table(change=put(0, "-1")), r"case\.deck:4: `a`: all 42 values are -1", np=2)
refused("one row", "a,b,y\n1,2,3\n", r"case\.deck:4: one row: nothing can be learned from it")
refused("no row", "a,b,y\n", r"case\.deck:4: table\.csv")
refused("a gap", table(change=put(1, {4: ""})), r"case\.deck:4: table\.csv: 1 entries are missing: line 6: `b` is missing; fill them in, or .*`data: missing: drop`", np=2)
refused("a NaN", table(change=put(1, {4: "nan"})), r"case\.deck:4: table\.csv: .*line 6")
refused("an infinite number", table(change=put(0, {9: "inf"})), r"case\.deck:4: table\.csv:11: column `a`: 'inf' is not a finite number")
fine("gaps are left out", table(change=put(1, {4: "", 5: "NA"})), r"2 rows with missing entries were left out", ["-data_missing", "drop"], np=2)
refused("gaps everywhere", table(change=put(1, "")), r"-data_missing: every one of the 60 rows misses something", ["-data_missing", "drop"])
refused("text among numbers", table(change=put(0, {20: "abc"})), r"case\.deck:4: table\.csv:22: column `a`: 'abc' is not a number, but 59 other entries are")
refused("words as an input", table(change=put(0, lambda i: ["red", "green"][i % 2])), r"case\.deck:4: `a` holds text, first `green` in row 2: inputs are numbers.*`data: ignore`", np=2)
refused("a row that is too short", table() + "1,2\n", r"case\.deck:4: table\.csv:62: 2 values, but the header names 3 columns")
refused("a logarithm of 0", table(change=put(0, {3: "0", 7: "-0.5"})), r"-data_scale: `a`: the smallest value is (0|-0\.5): a logarithm needs values above 0", ["-data_scale", "log"])
refused("a logarithm of a negative target", table(change=put(2, lambda i: str(i - 30))), r"-data_target_scale: `y`: the smallest value is .*: a logarithm", ["-data_target_scale", "log"])
refused("more parameters than rows", table(), r"case\.deck:6: 104 parameters cannot be learned from 42 training rows: 19 cells would do, or set `train: ridge` above 0", ["-khronos_cells", 50])
ITEM = DECK + "input:\n  - a: {domain: [0.2, 0.9]}\n"
refused("rows outside the domain", table(), r"case\.deck:10: \d+ of 60 rows lie outside \[0\.2, 0\.9\]: `a` goes from 0\.1\d* to 0\.9\d*", deck=ITEM, np=2)

# Classes
fine("classes", table(change=put(2, lambda i: ["yes", "no"][i % 2])), r"target y, 2 classes: no, yes")
fine("classes of numbers", table(change=put(2, lambda i: str(i % 3))), r"target y, 3 classes: 0, 1, 2", ["-khronos_task", "classification"])
refused("one class", table(change=put(2, "yes")), r"case\.deck:5: `y` is `yes` in all rows: classification needs at least two classes")
refused("one class in training", table("a,b,y,part", lambda rows: [row.__setitem__(2, "no" if i < 50 else "yes") or row.append("train" if i < 50 else "test") for i, row in enumerate(rows)]),
        r"case\.deck:5: `y` is `no` in all training rows", ["-data_split", "column", "-data_split_column", "part"])
refused("words for a regression", table(change=put(2, lambda i: ["yes", "no"][i % 2])), r"case\.deck:5: `y` holds text, first `no` in row 2: with `task: regression`", ["-khronos_task", "regression"])
refused("too many classes", table(change=put(2, lambda i: f"w{i}")), r"case\.deck:5: `y` holds text, first `w0` in row 1: classification knows at most 16 classes")
refused("too many numbers for classes", table(), r"-khronos_task: `y` has more than 16 different numbers", ["-khronos_task", "classification"], np=2)
refused("classes beside another target", table(change=put(2, lambda i: ["yes", "no"][i % 2])), r"-data_targets: `y` holds text.*classes need to be the only target", ["-data_targets", "y,b"])
refused("classes by ALS", table(change=put(2, lambda i: ["yes", "no"][i % 2])), r"-train_method: als minimises squares", ["-train_method", "als"])

# A column for the split
BY_COLUMN = ["-data_split", "column", "-data_split_column", "part"]
PARTS = ["train", "train", "test", "validation"]
fine("a column for the split", table("a,b,y,part", extra(lambda i: PARTS[i % 4])), r"30 for training, 15 for validation, 15 for the test", BY_COLUMN, np=2)
fine("numbers for the split", table("a,b,y,part", extra(lambda i: str(i % 3))), r"20 for training, 20 for validation, 20 for the test", BY_COLUMN)
refused("a word that is no part", table("a,b,y,part", extra(lambda i: (PARTS + ["valid"])[i % 5])), r"-data_split_column: `part` holds `valid`, which is no part", BY_COLUMN)
refused("a number that is no part", table("a,b,y,part", extra(lambda i: str(i % 4))), r"-data_split_column: `part` is none of 0 \(train\), 1 \(validation\), 2 \(test\) in row 4", BY_COLUMN, np=2)
refused("no rows for training", table("a,b,y,part", extra(lambda i: "test")), r"-data_split_column: 0 of 60 rows are for training", BY_COLUMN)
refused("the split without its column", table(), r"-data_split: `split: column` needs `split_column`", ["-data_split", "column"])
refused("the column without the split", table("a,b,y,part", extra(lambda i: "test")), r"-data_split_column: `split_column` has no effect without `split: column`", ["-data_split_column", "part"])
refused("the column beside a share", table("a,b,y,part", extra(lambda i: PARTS[i % 4])), r"-data_test: `test` has no place beside `split: column`", [*BY_COLUMN, "-data_test", 0.2])
refused("the target for the split", table(), r"-data_split_column: `y` is a target already and cannot be the split column", ["-data_split", "column", "-data_split_column", "y"])

# Signals
SIGNALS = "model: khronos\ncase: bad\ndata:\n  file: s.h5\n  signals: /signals\n  targets: [y]\nkhronos: {class: additive, cells: 1}\nsignal: {components: 3, keep: 16}\n"


def signals(title, patterns, change=lambda f: None, options=(), ok=False, np=0):
    here = fresh_folder()
    with h5py.File(here / "s.h5", "w") as f:
        f["signals"] = random.normal(size=(50, 32)) + 5 * random.normal(size=(50, 1)) * numpy.sin(numpy.arange(32))
        f["table"] = random.normal(size=(50, 2))
        f["table"].attrs["columns"] = "y,z"
        change(f)
    done = run(SIGNALS, np=np, cwd=here, args=["-check", *options])
    if ok:
        import re
        checks.that(done.exit == 0 and re.search(patterns, done.out), title, done)
    else:
        checks.refused(done, patterns, title)


def other(name, value):
    def change(f):
        del f[name]
        f[name] = value
    return change


def entry(i, j, value):
    def change(f):
        f["signals"][i, j] = value
    return change


signals("signals without a mistake", r"signals of 32 times -> 16 numbers \(wavelet daubechies\) -> 3 principal components", ok=True, np=2)
signals("as many components as hold the variance", r"-> [1-9] principal components", options=["-signal_components", 0, "-signal_variance", 0.6], ok=True)
signals("no such data set", r"-data_signals: .*/traces", options=["-data_signals", "/traces"])
signals("a name twice in HDF5", r"case\.deck:4: .*`y`", lambda f: f["table"].attrs.modify("columns", "y,y"))
signals("as many rows as signals", r"case\.deck:5: .*holds 40 signals, and the table of targets 50 rows", other("signals", random.normal(size=(40, 32))))
signals("three dimensions", r"case\.deck:5: .*has 3 dimensions", other("signals", numpy.zeros((50, 4, 8))))
signals("a gap in a signal", r"case\.deck:5: /signals: signal 8 has entries that are no numbers.*`data: missing: drop`", entry(7, 3, numpy.nan), np=2)
signals("a gap that is left out", r"1 rows with missing entries were left out", entry(7, 3, numpy.nan), ["-data_missing", "drop"], ok=True)
signals("signals that are all the same", r"-signal_components: all signals are the same|case\.deck:8: all signals are the same", other("signals", numpy.ones((50, 32))))
signals("inputs beside signals", r"-data_inputs: `inputs` has no place beside signals", options=["-data_inputs", "z"])
signals("more components than there are", r"-signal_components: 20 principal components of 35 signals that have only 16", options=["-signal_components", 20])
refused("signals in a CSV", table(), r"-data_signals: ", ["-data_signals", "/signals"])
checks.end()
