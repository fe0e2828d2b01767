"""A tensor train that is stopped in each of its stages (SIGTERM, exit code 4) and continued ends with the figures of an uninterrupted run: to all digits on as many ranks,
to 1e-9 on another number. A finished run continued is the same."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import os
import re
import signal

import h5py
import numpy as np

from run_case import DEBUG, Checks, run, shipped, start

checks = Checks()
DECK = shipped("advection_diffusion_6d_tt")
BASE = ["-vsna_rtol", 1e-2, "-error_points", 65536, "-output_slice_mid_frames", 2, "-output_slice_mid_n", 9, "-checkpoint_seconds", 0]
for name, n in zip("x y z t omega kappa".split(), (32, 32, 32, 12, 6, 4)):
    BASE += [f"-dim_{name}_cells", n]
SAME = ("error_l2", "residual", "objective", "error_estimate", "parameters", "sweeps")


def figures(done):
    """The printed lines, digits and all."""
    return [line for line in done.out.splitlines() if re.match(rf"result ({'|'.join(SAME)}|ranks_tt|order) ", line)]


def field(path):
    with h5py.File(path) as f:
        arrays = {}
        f["field"].visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
        return arrays


straight = run(DECK, args=BASE)
if not checks.solved(straight, "straight run"):
    checks.end()
stages = re.findall(r"^tt +\d+ +(\w+)", straight.out, re.M)
checks.that(set(stages) == {"trial", "growth", "polish"}, f"half sweeps: {stages}")
whole = field(straight.h5)
# Every half sweep writes its checkpoint; a copy of each stage's first and of the last trial sweep is continued.
wanted = sorted({stages.index(stage) + 1 for stage in ("trial", "growth", "polish")} | {stages.index("growth")})
for sweep in wanted:
    title = f"stopped after half sweep {sweep} ({stages[sweep - 1]})"
    part = run(DECK, args=[*BASE, "-vsna_tt_max_sweeps", sweep])
    if not checks.that(part.exit == 3 and part.h5 is not None, f"{title}: exit {part.exit}", part):
        continue
    file = part.h5
    more = run(DECK, cwd=part.cwd, args=[*BASE, "-case", "more", "-restart", file])
    if checks.solved(more, title):
        checks.that(figures(more) == figures(straight), f"{title}: the same figures to all digits", more)
        mine = field(more.cwd / "out/more/more.h5")
        checks.that(mine.keys() == whole.keys() and all(np.array_equal(mine[k], whole[k]) for k in whole), f"{title}: the same bits in {len(whole)} arrays of the field")
    if sweep == wanted[-1]:
        more = run(DECK, np=1, cwd=part.cwd, args=[*BASE, "-case", "one", "-restart", file])
        if checks.solved(more, f"{title}, on 1 rank"):
            checks.close(more.results["error_l2"], straight.results["error_l2"], 1e-9, f"{title}, on 1 rank: error", more)

# The shipped deck runs long enough to be hit by a signal; in a Debug build the coarse one does.
LONG = BASE if DEBUG else ["-output_slice_mid_frames", 2, "-error_points", 65536]
straight = straight if DEBUG else run(DECK, args=LONG)
stopped = start(DECK, args=LONG)
reached = stopped.wait_for(r"^tt ", count=3)
for pid in stopped.pids():
    os.kill(pid, signal.SIGTERM)
stopped.wait()
if checks.that(reached and stopped.exit == 4 and stopped.restart is not None, f"SIGTERM: exit {stopped.exit}, restart file {stopped.restart and stopped.restart.name}", stopped):
    more = run(DECK, cwd=stopped.cwd, args=[*LONG, "-restart", stopped.restart])
    checks.that(more.exit == straight.exit and figures(more) == figures(straight), f"SIGTERM: continued, exit {more.exit}, the same figures to all digits", more)
    first = re.search(r"^tt +(\d+)", more.out, re.M)
    checks.that(first and int(first[1]) > 3, f"SIGTERM: goes on at half sweep {first and first[1]}")

again = run(DECK, cwd=straight.cwd, args=[*LONG, "-case", "again", "-restart", straight.h5])
checks.that(again.exit == straight.exit and figures(again) == figures(straight), f"a finished run continued: exit {again.exit}, the same figures", again)
checks.end()
