"""processors: 1 timeout: 60
postproc/plot_frontier.py on made-up runs: errors that are powers of the number of parameters give their exponents, the envelope is what no run beats, and files
without an error are refused in one line."""
import itertools
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import subprocess

import h5py
from run_case import SOURCE, Checks, fresh_folder

from plot_frontier import envelope, slope

checks, folder = Checks(), fresh_folder()


def script(*args):
    return subprocess.run([sys.executable, "-B", str(SOURCE / "postproc" / "plot_frontier.py"), *map(str, args)], capture_output=True, text=True, timeout=60, cwd=folder)


def made_up(name, effective, **results):
    with h5py.File(folder / name, "w") as f:
        f["run/effective"] = effective
        f.create_group("result")
        for key, value in results.items():
            f["result"][key] = value
    return folder / name


def picture(name):
    path = folder / name
    return path.exists() and path.stat().st_size > 5000 and path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


# Three points on no line, by hand: logs (base 10) x = 1, 2, 3, y = 0, -1, -4: slope = sum((x-2) y) / 2 = -2.
checks.that(slope([7, 7], [1, 2]) != slope([7, 7], [1, 2]), "no slope (nan) where the parameters are equal")
checks.close(slope([10, 100, 1000], [1, 0.1, 1e-4]), -2, 1e-12, "slope of three points")
rng = random.Random(3)
points = [(rng.randint(1, 30), rng.randint(1, 30) / 10) for _ in range(60)]
beaten = {a for a, b in itertools.product(points, points) if a != b and b[0] <= a[0] and b[1] <= a[1]}
checks.that(envelope(points) == sorted(set(points) - beaten), f"envelope of 60 points: {len(envelope(points))} that none beats")

cp = [made_up(f"cp{r}.h5", "vsna_format: cp  # default\nvsna_convert: none  # default\n", parameters=155 * r, rank=r, error_l2=50 * (155 * r) ** -1.5) for r in (8, 16, 64)]
tt = [made_up(f"tt{n}.h5", "vsna_format: tensor_train\nvsna_rtol: 1e-4\nvsna_convert: none  # default\n", parameters=n, rank=30, error_l2=1e5 * n**-2.25) for n in (2000, 9000, 40000)]
mixed = [made_up("mixed.h5", "vsna_format: tensor_train\nvsna_convert: cp\n", parameters=63232, rank=256, error_l2=4e-4)]
p = script(*cp, *tt, *mixed, "-o", "all.png")
checks.that(p.returncode == 0 and picture("all.png"), f"a picture {p.stderr.strip()}")
for line in ("CP, slope -1.50: 3 runs, 1240 .. 9920 parameters", "tensor train, slope -2.25: 3 runs", "CP from tensor train: 1 run,"):
    checks.that(line in p.stdout, f"prints: {line}") or print(p.stdout)
p = script(cp[0])
checks.that(p.returncode == 0 and picture("frontier.png"), f"one run is no error {p.stderr.strip()}")
p = script("-h")
checks.that(p.returncode == 0 and "usage:" in p.stdout and "scripts/run" in p.stdout, "-h shows how to make the data")

(folder / "text.h5").write_text("not an HDF5 file\n")
with h5py.File(folder / "foreign.h5", "w") as f:
    f["a"] = [1, 2]
unknown = made_up("unknown.h5", "vsna_format: cp\n", parameters=100, rank=1)
exact = made_up("exact.h5", "vsna_format: cp\n", parameters=100, rank=1, error_l2=0.0)
for bad, message in ((folder / "missing.h5", "no such file"), (folder / "text.h5", "not a readable HDF5"), (folder / "foreign.h5", "not one of sna_solver"), (folder, "folder"),
                     (unknown, "no reference"), (exact, "logarithmic")):
    p = script(cp[0], bad, "-o", "bad.png")
    checks.that(p.returncode == 2 and message in p.stderr and p.stderr.count("\n") == 1 and not (folder / "bad.png").exists(), f"{bad.name}: {p.stderr.strip()[-80:]}")
p = script(cp[0], "-o", "nowhere/a.png")
checks.that(p.returncode == 2 and p.stderr.count("\n") == 1, f"no folder for the picture: {p.stderr.strip()[-80:]}")
p = script(cp[0], "-o", "a.xyz")
checks.that(p.returncode == 2 and p.stderr.count("\n") == 1, f"unknown kind of picture: {p.stderr.strip()[-80:]}")
checks.end()
