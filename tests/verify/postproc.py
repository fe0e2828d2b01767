"""The scripts of postproc/: pictures from a run, the same error as the solver's, and one clear line with exit code 2 for a missing, foreign or incomplete file."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import subprocess

from run_case import SOURCE, Checks, run, shipped

import h5py


def script(name, *args):
    return subprocess.run([sys.executable, "-B", str(SOURCE / "postproc" / name), *map(str, args)], capture_output=True, text=True, timeout=300)


checks = Checks()
done = run(shipped("heat_4d"), args=["-vsna_rank", 2])
flat = run(shipped("poisson_2d"), args=["-vsna_rank", 2])
if not (checks.solved(done) and checks.solved(flat)):
    checks.end()


def picture(path):
    return path.exists() and path.stat().st_size > 5000 and path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


folder = done.h5.parent
p = script("plot_history.py", done.h5)
checks.that(p.returncode == 0 and picture(folder / "heat_4d_history.png"), f"plot_history {p.stderr.strip()}")
p = script("plot_history.py", done.h5, flat.h5, "-o", folder / "both.png")
checks.that(p.returncode == 0 and picture(folder / "both.png"), f"plot_history of two runs {p.stderr.strip()}")
p = script("plot_slices.py", done.h5)
checks.that(p.returncode == 0 and picture(folder / "heat_4d_plate.png") and picture(folder / "heat_4d_cooling.png"), f"plot_slices {p.stderr.strip()}")
p = script("plot_slices.py", flat.h5, "-s", "plane", "-f", "u,error", "-o", folder / "plane.png")
checks.that(p.returncode == 0 and picture(folder / "plane.png"), f"plot_slices with choices {p.stderr.strip()}")
p = script("compare_reference.py", done.h5, "-n", 20000)
checks.that(p.returncode == 0 and picture(folder / "heat_4d_reference.png"), f"compare_reference {p.stderr.strip()}")
words = dict(line.split()[:2] for line in p.stdout.splitlines() if line and line.split()[0].startswith(("relative", "standard")))
error, spread = float(words["relative_l2_error"]), float(words["standard_error"])
checks.below(abs(error - done.results["error_l2"]), 5 * spread, "compare_reference finds the solver's error")
# Against a wrong formula the error is what the formula is off: u against 2u is 50 %.
p = script("compare_reference.py", done.h5, "-n", 20000, "--no-plot", "-r", "2 * kappa * sin(pi*x) * sin(pi*y) * exp(-t)")
checks.close(float(p.stdout.split()[1]), 0.5, 1e-4, "compare_reference with another formula")
p = script("compare_reference.py", done.h5, "--no-plot", "-r", "kapa + __import__('os').getpid()")
checks.that(p.returncode == 2 and "unknown name" in p.stderr and "Traceback" not in p.stderr, f"an unknown name is refused: {p.stderr.strip()}")

with h5py.File(folder / "foreign.h5", "w") as f:
    f["a"] = [1, 2]
(folder / "text.h5").write_text("not an HDF5 file\n")
for name in ("plot_history.py", "plot_slices.py", "compare_reference.py"):
    p = script(name, "-h")
    checks.that(p.returncode == 0 and "usage:" in p.stdout, f"{name} -h")
    for bad, message in ((folder / "missing.h5", "no such file"), (folder / "foreign.h5", "not one of sna_solver"), (folder / "text.h5", "not a readable HDF5"), (folder, "folder")):
        p = script(name, bad)
        checks.that(p.returncode == 2 and message in p.stderr and "Traceback" not in p.stderr and p.stderr.count("\n") == 1, f"{name} {bad.name}: {p.stderr.strip()[-90:]}")
p = script("plot_slices.py", done.h5, "-s", "nothing")
checks.that(p.returncode == 2 and "plate" in p.stderr, f"a missing slice names the others: {p.stderr.strip()[-60:]}")
checks.end()
