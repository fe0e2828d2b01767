"""processors: 1 timeout: 200
postproc/plot_frontier.py on made-up runs: errors that are powers of the number of parameters give their exponents, as frontiers and isolines, from results and from tables; the envelope is what no run beats;
finite elements against projections computed another way; files without an error are refused in one line. plot_manifold.py against the closed form."""
import itertools
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import subprocess

import h5py
from run_case import SOURCE, Checks, fresh_folder, run

import numpy as np
from sna_file import SnaFile
from plot_frontier import envelope, fem_parameters, isoline_slope, reference_of, slope, spline_errors

checks, folder = Checks(), fresh_folder()


def script(*args, name="plot_frontier.py"):
    return subprocess.run([sys.executable, "-B", str(SOURCE / "postproc" / name), *map(str, args)], capture_output=True, text=True, timeout=60, cwd=folder)


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

checks.close(isoline_slope([(10, 1e-2, ""), (20, 1e-2 / 16, ""), (40, 1.4e-2 / 64, ""), (80, 1.0e-2 / 64, ""), (160, 1.5e-2 / 64, "")]), slope([10, 20, 40], [64, 4, 1.4]), 1e-12, "an isoline's slope ends where it is saturated")

# Three isolines whose last two points are saturated: C * parameters^-4 until the floor 50 n^-1.5, which the frontier follows.
cp = []
for r in (8, 16, 64):
    n = 155 * r
    for i, (size, error) in enumerate(((n / 4, 256 * 50 * n**-1.5), (n / 2, 16 * 50 * n**-1.5), (n, 50 * n**-1.5), (2 * n, 50 * n**-1.5))):
        cp.append(made_up(f"cp{r}_{i}.h5", "vsna_format: cp  # default\nvsna_convert: none  # default\n", parameters=size, rank=r, error_l2=error))
ends = cp[2::4]
tt = [made_up(f"tt{n}.h5", f"vsna_format: tensor_train\nvsna_rtol: {1 / n}\nvsna_convert: none  # default\n", parameters=n, rank=30, error_l2=1e5 * n**-2.25) for n in (2000, 9000, 40000)]
mixed = [made_up(f"mixed{n}.h5", "vsna_format: tensor_train\nvsna_convert: cp\ndim_x_degree: 5\n", parameters=n, rank=n / 300, error_l2=1e5 * n**-1.75) for n in (70000, 80000)]
p = script(*cp, "-o", "cp.png", "--below", 10)
for r in (8, 16, 64):
    checks.that(f"slope isoline cp R={r} -4.00: 4 runs" in p.stdout, f"isoline of rank {r}") or print(p.stdout)
p = script(*ends, *tt, *mixed, "-o", "all.png")
checks.that(p.returncode == 0 and picture("all.png"), f"a picture {p.stderr.strip()}")
for line in ("slope cp_direct -1.50: 3 runs, 1240 .. 9920 parameters", "slope tensor_train -2.25: 3 runs", "slope cp_from_tensor_train_degree_5 -1.75: 2 runs", "slope cp "):
    checks.that(line in p.stdout, f"prints: {line}") or print(p.stdout)
p = script(*ends, "-o", "fitted.png", "--below", 1e-4)
checks.that("slope cp nan: 1 run," in p.stdout, "--below leaves out what is less accurate") or print(p.stdout)
done = subprocess.run([sys.executable, "-B", str(SOURCE / "postproc" / "collect.py"), *map(str, ends + tt), "-o", "table"], cwd=folder, capture_output=True, text=True)
q, p = script(*ends, *tt), script("table.h5")
checks.that(done.returncode == 0 and p.returncode == 0 and p.stdout == q.stdout, f"the table of collect.py gives the same slopes as the files {done.stderr}{p.stderr}")

# Finite elements: u = cos(pi x) exp(y) has, in x alone, the projection error of cos(pi x) on splines, whatever y is.
effective = {"dim": "[x, y]", "dim_x_domain": '["-1", 1]', "dim_y_domain": "[0, a]", "param": "[a]", "param_a": "2", "dim_x_bc": "[dirichlet]", "pde_reference": "cos(pi*x/2) * exp(y)"}
directions, exact = reference_of(effective)
checks.that([(d.lo, d.hi, d.dropped) for d in directions] == [(-1, 1, 2), (0, 2, 0)], "domains and conditions of the deck")
splines = spline_errors(directions, exact, np.random.default_rng(5))
order = np.polyfit(np.log(splines["x"][0][8:16]), np.log(splines["x"][1][8:16]), 1)[0]
checks.close(order, -4, 0.03, "cubic splines converge with order 4")
x = np.linspace(-1, 1, 4001)
powers = np.polynomial.legendre.legvander(x, 3) @ np.linalg.lstsq(np.polynomial.legendre.legvander(x, 3), np.exp(x), rcond=None)[0]
checks.close(splines["y"][1][0], np.linalg.norm(powers - np.exp(x)) / np.linalg.norm(np.exp(x)), 0.01, "one cell of cubics is the best polynomial of degree 3")
error = float(np.hypot(*[np.interp(16, splines[d][0], splines[d][1]) for d in "xy"]))
size = fem_parameters(error, directions, splines)
cells = [float(np.exp(np.interp(-np.log(error / 2**0.5), -np.log(splines[d][1][:20]), np.log(splines[d][0][:20])))) for d in "xy"]
checks.close(size, (cells[0] + 1) * (cells[1] + 3), 1e-6, "size of the tensor product with an even share of the error per direction")
p = script(cp[0])
checks.that(p.returncode == 0 and picture("frontier.png"), f"one run is no error {p.stderr.strip()}")
p = script("-h")
checks.that(p.returncode == 0 and "usage:" in p.stdout and "scripts/sweep" in p.stdout, "-h shows how to make the data")

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

# The manifold of a crude plume: the largest error that is printed is that of the field against the closed form, over the same pictures.
done = run(SOURCE / "inputs" / "vsna" / "advection_diffusion_6d.deck", np=1, args=["-insitu_backend", "none", "-vsna_rank", 4, *(f"-dim_{d}_cells={n}".split("=")[i] for d, n in zip("xyzt", "8884") for i in (0, 1))])
checks.solved(done, "a crude plume")
p = script(done.h5, "--over", "t=0.5,1", "--columns", "omega=0,2*pi/3", "--rows", "kappa=2", "--at", "z=0.1", "-n", 21, "-o", "manifold.png", name="plot_manifold.py")
checks.that(p.returncode == 0 and picture("manifold.png"), f"plot_manifold {p.stderr.strip()}")
with SnaFile(done.h5) as f:
    x, y, t, w, k = (a.ravel() for a in np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-1, 1, 21), [0.5, 1], [0, 2 * np.pi / 3], [1e-3, 1e-2]))
    start = np.exp(-((x - 0.3) ** 2 + y**2 + 0.1**2) / (2 * 0.12**2))
    u = start + f.field.evaluate({"x": x, "y": y, "z": 0.1 + 0 * x, "t": t, "omega": w, "kappa": k})
v = 0.12**2 + 2 * k * t
exact = (0.12**2 / v) ** 1.5 * np.exp(-((x - 0.3 * np.cos(w * t)) ** 2 + (y - 0.3 * np.sin(w * t)) ** 2 + 0.1**2) / (2 * v))
printed = p.stdout.split()
checks.close(float(printed[2]), abs(u - exact).max(), 1e-3, "largest error of the pictures")
checks.that(printed[4:6] == ["8", "pictures"], "two instants, two columns, two rows")
for words, message in ((["--columns", "omga=3"], "directions: x, y"), (["--rows", "kappa=1"], ""), (["--rows", "kappa=0.5"], "lies between"), (["--plane", "x"], "wants two"), (["--over", "omega=2"], "different"), (["-n", 1], "2..2000")):
    p = script(done.h5, *words, "-n", 5, name="plot_manifold.py") if words[0] != "-n" else script(done.h5, *words, name="plot_manifold.py")
    checks.that((p.returncode == 2 and message in p.stderr and p.stderr.count("\n") == 1) if message else p.returncode == 0, f"plot_manifold {' '.join(map(str, words))}: {p.stderr.strip()[-70:]}")
p = script(cp[0], name="plot_manifold.py")
checks.that(p.returncode == 2 and p.stderr.count("\n") == 1, f"a file without a field: {p.stderr.strip()[-60:]}")
checks.end()
