"""A training that is stopped and continued gives the bits of one that was not: a signal in the middle of Adam and of Levenberg-Marquardt, wall-time stops after
single steps (also of folds with several targets), a restart on another number of ranks; a finished model is not trained again, and can be exported later."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import os
import signal

import h5py
import numpy

from run_case import DEBUG, Checks, run, start

checks = Checks()
ROWS = 2500 if DEBUG else 6000
CASES = {
    # what to wait for before the signal, how often
    "long": (f"data: {{function: borehole, samples: {ROWS}, validation: 0.1}}\nkhronos: {{rank: 6, degree: 3}}\ntrain: {{restarts: 2, adam_visits: 50000, lm_rows: 1024, lm_max_it: 10, full_max_it: 2, rtol: 0, patience: 1000}}\n",
             [(r"^adam ", 5), (r"^subset ", 3)]),
}


def numbers(path):
    with h5py.File(path) as f:
        found = {f"theta {p}": f[f"model/part_{p}/theta"][:] for p in range(int(f["model"].attrs["parts"]))}
        found.update({name: f[f"history/{name}"][:] for name in f["history"] if name != "seconds"})
        found["test"] = f["test"][:][numpy.argsort(f["test"][:, 0])]
        if "fold" in f:
            found["fold"] = f["fold"][:]
    return found


def compare(title, done, straight):
    if not checks.solved(done, title):
        return
    mine, theirs = numbers(done.h5), numbers(straight.h5)
    differ = [name for name in theirs if name not in mine or not numpy.array_equal(mine[name], theirs[name], equal_nan=True)]
    checks.that(not differ, f"{title}: the bits of the straight run{', but for ' + ', '.join(differ) if differ else ''}", done)
    same = {k: v for k, v in straight.results.items() if k.startswith(("r2_", "share_", "parameters"))}
    checks.that(all(abs(done.results.get(k, 9e9) - v) <= 1e-12 for k, v in same.items()), f"{title}: {len(same)} figures", done)


for name, (text, stops) in CASES.items():
    deck = f"model: khronos\ncase: {name}\n{text}"
    straight = run(deck)
    if not checks.solved(straight, f"{name}: straight run"):
        continue
    for pattern, count in stops:
        title = f"{name}: stopped at {pattern}"
        for _ in range(3):  # a run that was over before the signal proves nothing
            stopped = start(deck)
            reached = stopped.wait_for(pattern, count=count)
            for pid in stopped.pids():
                os.kill(pid, signal.SIGTERM)
            stopped.wait()
            if stopped.exit != 0:
                break
        if not checks.that(reached and stopped.exit == 4 and stopped.restart is not None, f"{title}: exit {stopped.exit}", stopped):
            continue
        more = run(deck, np=1 if pattern.startswith("^subset") else 2, cwd=stopped.cwd, args=["-restart", stopped.restart.relative_to(stopped.cwd)])
        compare(title, more, straight)
        steps = len([line for line in more.out.splitlines() if "loss" in line])
        checks.that(steps < len(numbers(straight.h5)["loss"]), f"{title}: {steps} steps after the restart, not all again")

# one step at a time: the wall time is over when the first step is
STEPS = {
    "folds": (2, "data: {function: thermal_history, samples: 100, split: folds, folds: 3, targets: [ys, uts]}\nsignal: {components: 4}\n"
                 "khronos: {rank: 2}\ntrain: {method: lm, full_max_it: 2, rtol: 0}\n"),
    "steps": (1, "data: {function: ishigami, samples: 600}\nkhronos: {rank: 3, cells: 4}\ntrain: {adam_visits: 1200, lm_max_it: 4, full_max_it: 4, rtol: 0}\nexport: {json: true}\n"),
}
for name, (np, text) in STEPS.items():
    deck = f"model: khronos\ncase: {name}\n{text}"
    straight = run(deck, np=np)
    checks.solved(straight, f"{name}: straight run")
    total = len(numbers(straight.h5)["loss"])
    folder, args = None, []
    for step in range(2 * total):
        done = run(deck, np=np, cwd=folder, args=["-max_wall_time", "1e-6", "-quiet", *args])
        folder, args = done.cwd, ["-restart", f"out/{name}/{name}.restart.h5"]
        if done.exit != 4:
            break
    checks.that(step == total - 1, f"{name}: {step + 1} runs of one step each of {total}", done)
    compare(name, done, straight)

model = straight.cwd / "out/steps/steps_model.json"
text = model.read_text()
model.unlink()
again = run(deck, np=1, cwd=straight.cwd, args=["-force", "-restart", straight.h5.relative_to(straight.cwd)])
compare("a finished model", again, straight)
checks.that("loss" not in again.out, "a finished model is not trained again", again)
checks.that(model.is_file() and model.read_text() == text, "and exported as before", again)
checks.end()
