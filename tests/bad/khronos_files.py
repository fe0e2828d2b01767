"""Files of trained models that are not what is asked for: another version of the format, truncated, without a model, damaged numbers, other inputs or targets. A
question (-sample) and a restart are refused with exit code 2 and a message that names the file; nothing is left behind."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import h5py
import numpy

from run_case import Checks, fresh_folder, run

checks = Checks()
random = numpy.random.default_rng(1)
TABLE = "a,b,c,y\n" + "\n".join(",".join(f"{v:.6f}" for v in (*row, row[0] + row[1] * row[2])) for row in random.uniform(size=(200, 3))) + "\n"
DECK = "model: khronos\ncase: m\ndata: {file: table.csv, targets: [y]}\nkhronos: {rank: 2}\n"
folder = fresh_folder()
(folder / "table.csv").write_text(TABLE)
base = run(DECK, cwd=folder, args=["-quiet"])
if not checks.solved(base, "trains"):
    checks.end()
good = base.h5.read_bytes()
POINTS = "a,b,c\n0.5,0.5,0.5\n"


def question(title, content, patterns, exit=2):
    """-sample without a deck."""
    here = fresh_folder()
    (here / "m.h5").write_bytes(content)
    (here / "p.csv").write_text(POINTS)
    done = run(np=1, cwd=here, args=["-restart", "m.h5", "-sample", "p.csv"])
    if exit:
        checks.refused(done, patterns, f"question: {title}")
    else:
        checks.solved(done, f"question: {title}")


def restart(title, content, patterns, deck=DECK, table=TABLE, exit=2):
    here = fresh_folder()
    (here / "m.h5").write_bytes(content)
    (here / "table.csv").write_text(table)
    done = run(deck, np=1, cwd=here, args=["-restart", "m.h5"])
    if exit:
        checks.refused(done, patterns, f"restart: {title}")
    else:
        checks.solved(done, f"restart: {title}")


def edited(change):
    path = fresh_folder() / "e.h5"
    path.write_bytes(good)
    with h5py.File(path, "r+") as f:
        change(f)
    return path.read_bytes()


def both(title, content, patterns):
    question(title, content, patterns)
    restart(title, content, patterns)


def replace(f, name, value):
    attributes = dict(f[name].attrs)
    del f[name]
    f[name] = value
    f[name].attrs.update(attributes)


def version(f):
    f["model"].attrs["version"] = 2.0


def nan(f):
    theta = f["model/part_0/theta"][:]
    theta[3] = numpy.nan
    replace(f, "model/part_0/theta", theta)


def shorter(f):
    replace(f, "model/part_0/theta", f["model/part_0/theta"][:-1])


def scale(f):
    table = f["model/input_scale"][:]
    table[1, 2] = 0
    replace(f, "model/input_scale", table)


def inputs(f):
    f["model"].move("input_scale", "x")
    f["model/input_scale"] = f["model/x"][:2]


def no_model(f):
    del f["model"]


def no_part(f):
    del f["model/part_0"]


def degree(f):
    replace(f, "model/part_0/degree", numpy.array([2, 9, 2]))


question("the good file", good, [], exit=0)
both("version 2", edited(version), [r"m\.h5.*version 2.*version 1"])
both("truncated", good[: len(good) // 2], r"m\.h5")
restart("no model", edited(no_model), r"m\.h5.*no trained model")
question("no model", edited(no_model), r"m\.h5")
question("no function", edited(no_part), r"m\.h5.*part_0")
question("NaN among the parameters", edited(nan), r"m\.h5.*theta.*entry 3")
question("a parameter too few", edited(shorter), r"m\.h5.*theta")
question("a scale of width 0", edited(scale), r"m\.h5.*input_scale.*row 2")
question("scales of two inputs", edited(inputs), r"m\.h5.*input_scale")
question("degree 9", edited(degree), r"m\.h5.*degree 9")
restart("another target", good, r"`data_targets` is \[?y\]? there", deck=DECK.replace("[y]", "[c]"))
restart("columns of the table renamed", good, r"m\.h5.*input 2 is `b` there and `e` here", table=TABLE.replace("a,b,c,y", "a,e,c,y"))
lines = TABLE.splitlines()
more = "\n".join([lines[0] + ",d"] + [f"{line},{i % 7}" for i, line in enumerate(lines[1:])]) + "\n"
restart("a column more", good, r"m\.h5.*3 inputs there and 4 here", table=more)
checks.end()
