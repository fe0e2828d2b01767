"""Homogenisation that is stopped (SIGTERM, SIGUSR1: exit code 4) goes on with -restart to the numbers of an uninterrupted run, and nothing that was finished is solved
again: the loads of a cell, the rows of a batch, the cells of a data set. After kill -9 there is no result, and the checkpoint holds whole rows."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import contextlib
import csv
import os
import re
import signal

import h5py
import numpy as np
from run_case import DEBUG, SOURCE, Checks, fresh_folder, run, start

CELL = f"""---
model: homogenize
case: c
physics: [elasticity, conductivity]
shape: {{kind: gyroid, n: {16 if DEBUG else 48}, fraction: 0.4}}
phase:
  - pore: {{value: 0, flow: fluid}}
  - solid: {{value: 1, young: 1, poisson: 0.3, conductivity: 1, flow: solid}}
output: {{dir: out}}
"""
OPTIONS = ["-fft_effort", "estimate"]
checks = Checks()


def loads(path):
    """{(stage, physics, variant, load): row} of a result or restart file."""
    with h5py.File(path) as f:
        return {tuple(row[:4].astype(int)): row for row in f["homogenize/loads"][:]} if "homogenize/loads" in f else {}


def tensors(path):
    with h5py.File(path) as f:
        return {name: (f[f"homogenize/{name}"][:], float(f[f"homogenize/{name}"].attrs["error"])) for name in ("C", "sigma")}


def terminate(running, sign=signal.SIGTERM):
    for pid in running.pids():
        with contextlib.suppress(ProcessLookupError):  # the launcher ends the other ranks of one that was killed
            os.kill(pid, sign)
    return running.wait()


def stopped_well(stopped, title):
    ok = checks.that(stopped.exit == 4 and stopped.restart is not None, f"{title}: exit {stopped.exit}, restart file {stopped.restart and stopped.restart.name}", stopped)
    checks.that("-restart" in stopped.out + stopped.err, "  says how to go on", stopped)
    left = [name for name in stopped.files if re.search(r"\.(part|lock|csv|xmf)$", name) or name.endswith("/c.h5")]
    checks.that(not left, f"  nothing else is there {left}")
    return ok


# ---- The loads of a cell ----
straight = run(CELL, np=1, args=OPTIONS)
if not checks.solved(straight, "a cell, uninterrupted"):
    checks.end()
whole = tensors(straight.h5)
checks.that(len(loads(straight.h5)) == 9, "  9 loads in its file")


def goes_on(stopped, title, ranks):
    """-restart of a stopped cell; the file is read before, since the run takes it away."""
    finished = loads(stopped.restart)
    checks.that(0 < len(finished) < 9, f"  {len(finished)} of 9 loads are finished")
    more = run(CELL, np=ranks, cwd=stopped.cwd, args=[*OPTIONS, "-restart", stopped.restart.relative_to(stopped.cwd)])
    if not checks.solved(more, f"{title}: goes on"):
        return
    rows = loads(more.h5)
    # iterations, residual, error, converged, breakdown, seconds and the term on the diagonal; terms with later loads become more accurate
    kept = [key in rows and np.array_equal(rows[key][[*range(10), 10 + key[3]]], row[[*range(10), 10 + key[3]]]) for key, row in finished.items()]
    checks.that(len(rows) == 9 and all(kept), "  the finished loads stand as they were, seconds and all")
    names = [("elasticity" if physics == 0 else "conductivity", ("11", "22", "33", "23", "13", "12")[load] if physics == 0 else str(load + 1)) for _, physics, _, load in finished]
    told = set(re.findall(r"^(\w+) .*load (\d+) ", more.out, re.M))
    checks.that(told and not told & set(names), f"  only others are solved: {sorted(told)}", more)
    for name, (tensor, error) in tensors(more.h5).items():
        checks.below(abs(tensor - whole[name][0]).max() / abs(tensor).max(), 2 * max(error, whole[name][1]), f"  {name} off the uninterrupted run, against the printed errors")


for title, sign, count in (("SIGTERM", signal.SIGTERM, 2), ("SIGUSR1", signal.SIGUSR1, 4)) if not DEBUG else (("SIGTERM", signal.SIGTERM, 2),):
    stopped = start(CELL, args=OPTIONS)
    checks.that(stopped.wait_for(rf"^elasticity +{count}/"), f"{title} in load {count}")
    if stopped_well(terminate(stopped, sign), title):
        goes_on(stopped, title, 1 if sign == signal.SIGTERM else 2)

killed = start(CELL, args=[*OPTIONS, "-checkpoint_every", 1])
killed.wait_for(r"^elasticity +3/")
terminate(killed, signal.SIGKILL)
checks.that(killed.exit not in (0, 2, 3, 4) and killed.h5 is None and killed.restart is not None, f"kill -9: exit {killed.exit}, a checkpoint and no result: {killed.files}", killed)
if killed.restart:
    goes_on(killed, "kill -9", 1)

# ---- The rows of a batch ----
folder = fresh_folder()
count = 12 if DEBUG else 40
with h5py.File(folder / "cells.h5", "w") as f:
    f["phase"] = (np.random.default_rng(6).random((count, 15, 16, 17)) < 0.5).astype(np.uint8)
BATCH = re.sub(r"shape: .*", f'voxels: {{file: "{folder}/cells.h5:/phase"}}\nbatch: {{cells: all}}', CELL).replace("value: 0,", "value: 0, young: 0.05, conductivity: 0.05,")


def table(done):
    return list(csv.DictReader(done.find(".csv").open()))


def rows_of(path):
    with h5py.File(path) as f:
        return f["cells"][:]


def same_batch(stopped, title, ranks):
    """-restart of a batch: the table of the uninterrupted run, and the rows of its restart files with their seconds."""
    files = [path for path in stopped.restart.parent.iterdir() if re.search(r"\.restart\.(\d+\.)?h5$", path.name)]
    finished = np.concatenate([rows_of(path) for path in files])
    checks.that(0 < len(finished) < count, f"  {len(finished)} of {count} rows in {len(files)} restart files")
    checks.that(np.isfinite(finished).all() and len(set(finished[:, 0])) == len(finished), "  whole rows, none twice")
    more = run(BATCH, np=ranks, cwd=stopped.cwd, args=[*OPTIONS, "-restart", stopped.restart.relative_to(stopped.cwd)])
    if not checks.solved(more, f"{title}: goes on"):
        return
    rows = rows_of(more.h5)
    checks.that(len(rows) == count and all((rows[int(row[0])] == row).all() for row in finished), "  the finished rows stand as they were, seconds and all")
    mine = table(more)
    checks.that([{**row, "seconds": 0} for row in mine] == [{**row, "seconds": 0} for row in reference], "  the table of the uninterrupted run to all digits, seconds apart")
    left = [name for name in stopped.files if re.search(r"\.(part|lock)$", name)]
    checks.that(not left, f"  nothing half-written is left {left}")


done = run(BATCH, np=2, args=OPTIONS)
if checks.solved(done, f"a batch of {count}, uninterrupted"):
    reference = table(done)
    checks.that(len(reference) == count, f"  {len(reference)} rows")
    stopped = start(BATCH, args=OPTIONS)
    checks.that(stopped.wait_for(r"^cell "), "  a progress line")
    if stopped_well(terminate(stopped), "SIGTERM"):
        same_batch(stopped, "SIGTERM", 1)
    killed = start(BATCH, args=[*OPTIONS, "-checkpoint_every", 1])
    while killed.restart is None and killed.process.poll() is None:
        killed.wait_for(r"^cell ", timeout=0.05)
    terminate(killed, signal.SIGKILL)
    checks.that(killed.exit not in (0, 2, 3, 4) and killed.h5 is None and killed.find(".csv") is None, f"kill -9: exit {killed.exit}, no result: {killed.files}", killed)
    if checks.that(killed.restart is not None, "  a checkpoint", killed):
        same_batch(killed, "kill -9", 2)

# ---- The cells of a data set ----
MICRO = (SOURCE / "inputs" / "microstructure" / "cells.deck").read_text()
count = 24 if DEBUG else 120
MORE = [*OPTIONS, "-generator_n", 16, "-generator_cells", count, "-generator_fraction", "0.3,0.6"]


def data_set(path):
    with h5py.File(path) as f:
        return {name: item[()] for name, item in f["cells"].items()}


done = run(MICRO, args=MORE)
if checks.solved(done, f"{count} cells with labels, uninterrupted"):
    wanted = data_set(done.h5)
    stopped = start(MICRO, args=MORE)
    checks.that(stopped.wait_for(r"^cells "), "  a progress line")
    if stopped_well(terminate(stopped), "SIGTERM"):
        finished = int((data_set(stopped.restart)["state"] == 1).sum())
        checks.that(0 < finished < count, f"  {finished} of {count} cells are finished")
        more = run(MICRO, np=1, cwd=stopped.cwd, args=[*MORE, "-restart", stopped.restart.relative_to(stopped.cwd)])
        if checks.solved(more, "SIGTERM: goes on"):
            mine = data_set(more.h5)
            checks.that(mine.keys() == wanted.keys() and len(mine) >= 5 and all(np.array_equal(mine[k], wanted[k], equal_nan=True) for k in wanted if wanted[k].dtype.kind == "f") and
                        all((mine[k] == wanted[k]).all() for k in wanted if wanted[k].dtype.kind != "f"), f"  the data set of the uninterrupted run to all bits: {' '.join(mine)}")
            told = [int(n) for n in re.findall(r"^cells +(\d+)/", more.out, re.M)]
            checks.that(told and min(told) > finished, f"  counts on from {finished}: {told}")
checks.end()
