"""timeout: 200
scripts/sweep on a small deck: cases that are finished are skipped, one that was stopped goes on to the numbers of a straight run, other options run again, what is not solved is listed and
decides the exit code; the table holds what the result files hold, as HDF5 and CSV. The batch script with Slurm's variables set by hand, and with Slurm where sinfo works."""
import csv
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import LAUNCH_VARIABLES, LAUNCHER, SOLVER, SOURCE, TIMEOUT, Checks, fresh_folder, need_solver

import h5py
from collect import read_runs
from sna_file import SnaFile

need_solver()
checks, folder = Checks(), fresh_folder()
DECK = str(SOURCE / "inputs" / "vsna" / "heat_4d.deck")
environment = {k: v for k, v in os.environ.items() if not LAUNCH_VARIABLES.match(k)}
environment.update({k: v for k, v in os.environ.items() if k == "SLURM_CONF"}, SNA_SOLVER=SOLVER, SNA_MPIEXEC=" ".join(LAUNCHER), SNA_ROOT=str(SOURCE), OPENBLAS_NUM_THREADS="1")


class Sweep:
    def __init__(self, *words, command=("scripts/sweep",), cwd=folder, **env):
        done = subprocess.run(["bash", str(SOURCE / command[0]), *command[1:], *map(str, words)], cwd=cwd, env={**environment, **env}, capture_output=True, text=True, timeout=TIMEOUT)
        self.exit, self.out, self.err = done.returncode, done.stdout, done.stderr

    def tail(self):
        return f"  exit {self.exit}\n{self.out}{self.err}"


def cases(text, name="cases.txt"):
    (folder / name).write_text(text)
    return name


def said(done, exit, *patterns, text):
    missing = [p for p in patterns if not re.search(p, done.out, re.M)]
    checks.that(done.exit == exit and not missing and "Traceback" not in done.err, f"{text}{': no ' + repr(missing) if missing else ''}", done)


# Four cases, one of which is stopped after its first sweep. All have 3 ranks of the ladder or less and some 100 parameters.
few = "-dim_x_cells 6 -dim_y_cells 6 -dim_t_cells 3"
text = f"""# a comment
{few}                     # the name is case_1
-case two {few} -vsna_rank 2

-case stopped {few} -max_wall_time 1e-9
-case "named" -dim_x_cells 8 -dim_y_cells "6" -dim_t_cells 3
"""
cases(text)
done = Sweep(DECK, "cases.txt", "--check")
said(done, 0, r"^sweep: 4 cases: 0 finished before, 0 to go on, 4 to run", "named +to run +-dim_x_cells 8", text="--check tells what would run")
checks.that(not (folder / "out").exists(), "and leaves no files")
done = Sweep(DECK, "cases.txt", "-n", 2)
said(done, 4, r"^\[4/4\] named .*error_l2", r"^  stopped \(line 5\): stopped; the same command goes on", "table of 3 of 4 cases", text="one case is stopped: exit 4")
out = folder / "out" / "cases"
files = [out / name / f"{name}.h5" for name in ("case_1", "two", "stopped", "named")]
checks.that([f.exists() for f in files] == [True, True, False, True], "results in folders by name")
before = {f: f.stat().st_mtime_ns for f in files if f.exists()}
cases(text.replace(" -max_wall_time 1e-9", ""))
done = Sweep(DECK, "cases.txt", "-n", 2)
said(done, 0, "3 finished before, 1 to go on, 0 to run", r"^\[4/4\] stopped", "table of 4 of 4", text="the stopped case goes on, the others are skipped")
checks.that(all(f.stat().st_mtime_ns == when for f, when in before.items()), "finished results are untouched")
checks.that(re.search(r"^sweep: .* -restart \S+stopped.restart.h5", (out / "stopped" / "stopped.screen").read_text(), re.M), "from its restart file")

# The table against the files, the CSV against the table, bit by bit; going on against the straight run.
runs = read_runs([out / "sweep.h5"])
checks.that([r.case for r in runs] == ["case_1", "two", "stopped", "named"], "rows in the order of the lines")
wrong = []
for run, path in zip(runs, files):
    with SnaFile(path) as f:
        wrong += [(run.case, "results")] if run.results != f.results else []
        wrong += [(run.case, k) for k, v in f.options.items() if k in run.options and run.options[k] != v]
        wrong += [(run.case, k) for k in ("dim_x_cells", "vsna_rank", "vsna_format", "pde_reference") if run.options.get(k) != f.options[k]]
checks.that(not wrong, f"the table holds the numbers and options of the files {wrong or ''}")
with open(out / "sweep.csv", newline="") as f:
    rows = list(csv.DictReader(f))
with h5py.File(out / "sweep.h5") as f:
    names, differ = list(f["result"]), list(f["option"])
    checks.that(differ == ["dim_x_cells", "vsna_rank"], f"columns of options: those that differ: {differ}")
    same = all(float(row[k]) == f["result"][k][i] for i, row in enumerate(rows) for k in names) and all(row[k] == f["option"][k].asstr()[i] for i, row in enumerate(rows) for k in differ)
checks.that(len(rows) == 4 and same and {"error_l2", "parameters", "seconds"} <= set(names), "CSV and HDF5 agree to the last bit")
timing = ("seconds", "seconds_setup", "memory_mb", "memory_start_mb")
first, third = ({k: v for k, v in runs[i].results.items() if k not in timing} for i in (0, 2))
checks.that(first == third, "going on ends with the numbers of a straight run")

# Other options run again; a file that is no result of these options is never taken for one.
cases(text.replace(" -max_wall_time 1e-9", "").replace("-vsna_rank 2", "-vsna_rank 3"))
done = Sweep(DECK, "cases.txt", "--collect")
said(done, 4, r"two: its result is of other options.*vsna_rank was 2 and is 3", "table of 3 of 4", r"two \(line 3\): did not run", text="--collect leaves out a result of other options")
done = Sweep(DECK, "cases.txt")
said(done, 0, "3 finished before, 0 to go on, 1 to run", text="the case with other options runs again")
with SnaFile(files[1]) as f:
    checks.that(f.results["rank"] == 3, "and replaces the result")

# Failures: not converged (a result, but exit 3) and one that fails in the run (no such restart file).
cases(f"{few}\n-case short {few} -vsna_als_max_sweeps 1\n", "weak.txt")
for again in ("", " again"):
    done = Sweep(DECK, "weak.txt", "-vsna_rank", 4, "-vsna_ladder", "1,4")
    said(done, 3, r"^  short \(line 2\): not converged \(exit 3\)", "table of 2 of 2", text=f"not converged: exit 3{again}")
cases(f"-case broken {few} -restart missing.h5\n-case short {few} -vsna_als_max_sweeps 1 -vsna_ladder 1,4\n-case good {few}\n", "broken.txt")
done = Sweep(DECK, "broken.txt", "-j", 2)
said(done, 1, r"^  broken \(line 1\): failed with exit 2: .*missing.h5", r"^  short", r"^\[./3\] good", "table of 2 of 3", text="a failed case is listed, the others run: exit 1")

# Ctrl-C: a case of 100000 sweeps stops after the one at hand with a restart file, the next one does not begin. Waits for signs, not for times.
cells = " ".join(f"-dim_{d}_cells 8" for d in "xyzt")
cases(f"-case long {cells} -vsna_rank 16 -vsna_als_rtol 0 -vsna_als_final_sweeps 100000\n-case next {cells}\n", "long.txt")
plume = str(SOURCE / "inputs" / "vsna" / "advection_diffusion_6d.deck")
process = subprocess.Popen([SOURCE / "scripts" / "sweep", plume, "long.txt", "-n", "2", "-j", "1"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
screen, end = folder / "out" / "long" / "long" / "long.screen", time.monotonic() + TIMEOUT
while time.monotonic() < end and process.poll() is None and not (screen.exists() and re.search(r"^als +\d", screen.read_text(errors="replace"), re.M)):
    time.sleep(0.05)
process.send_signal(signal.SIGINT)
try:
    printed = process.communicate(timeout=TIMEOUT)[0]
except subprocess.TimeoutExpired:
    os.killpg(process.pid, signal.SIGKILL)
    printed = "hangs " + (process.communicate()[0] or "")
checks.that(process.returncode == 4 and re.search(r"long \(line 1\): stopped; the same command goes on", printed) and re.search(r"next \(line 2\): did not run", printed), "Ctrl-C stops in order") or print(printed)
checks.that(screen.with_name("long.restart.h5").exists() and not (folder / "out" / "long" / "next").exists(), "with a restart file, and without the next case")

# The batch script, Slurm's variables by hand: one case or a chunk per task; exit 4 goes back into the queue (a stand-in for scontrol notes it), other codes do not.
stand_in = folder / "bin"
stand_in.mkdir()
(stand_in / "scontrol").write_text('#!/bin/sh\necho "$@" >>"$NOTES"\n')
(stand_in / "squeue").write_text("#!/bin/sh\nexit 1\n")
for tool in ("scontrol", "squeue"):
    (stand_in / tool).chmod(0o755)
notes = folder / "notes"
cases(f"{few}\n{few} -vsna_rank 2\n{few} -vsna_rank 3 -max_wall_time 1e-9\n", "array.txt")


def task(k, *words):
    return Sweep(DECK, "array.txt", *words, command=("scripts/slurm/sweep.sbatch",), SLURM_ARRAY_TASK_ID=str(k), SLURM_NTASKS="1", SLURM_JOB_ID="17",
                 NOTES=str(notes), PATH=f"{stand_in}:{environment['PATH']}", HYDRA_LAUNCHER="fork", HYDRA_RMK="user")


array = folder / "out" / "array"
done = task(2)
said(done, 0, r"^\[1/1\] case_2", text="task 2 runs case 2")
checks.that(sorted(p.name for p in array.iterdir()) == ["case_2"] and not notes.exists(), "and nothing else")
said(task(1, "--chunk", 2), 0, "1 finished before, 0 to go on, 1 to run", text="task 1 of chunks of 2: case 1, case 2 is skipped")
said(task(2, "--chunk", 2), 4, "back into the queue", text="task 2 of chunks of 2 is stopped")
checks.that(notes.exists() and notes.read_text() == "requeue 17\n", "and put back into the queue")
cases((folder / "array.txt").read_text().replace(" -max_wall_time 1e-9", ""), "array.txt")
said(task(3), 0, "1 to go on", text="it goes on")
said(Sweep(DECK, "array.txt", "--collect"), 0, "table of 3 of 3", text="--collect afterwards")
said(task(9), 0, "no case for task 9", text="a task too many is no error")

# Slurm itself.
try:
    there = subprocess.run(["sinfo", "-h"], capture_output=True, timeout=10, env=environment).returncode == 0
except (OSError, subprocess.TimeoutExpired):
    there = False
if there:
    job = ["sbatch", "--parsable", "--wait", "--array=1-3", "--time=5", "--ntasks=1", str(SOURCE / "scripts/slurm/sweep.sbatch"), DECK, "array.txt", "-o", "out/slurm"]
    try:
        code = subprocess.run(job, cwd=folder, env=environment, capture_output=True, text=True, timeout=90).returncode
        checks.that(code == 0, f"a job array of three: exit {code}")
        said(Sweep(DECK, "array.txt", "-o", "out/slurm", "--collect"), 0, "table of 3 of 3", text="collected")
    except subprocess.TimeoutExpired:
        print("skipped: Slurm did not run the job array within 90 s")
else:
    print("skipped: no Slurm here (sinfo); scripts/slurm/single_node starts one")
checks.end()
