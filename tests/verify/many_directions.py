"""Problems of 7, 12 and 20 directions with names of the user's own: sum_i (-d_i^2 + 1) u = f with u = prod sin(pi x_i), and a decay with 19 parameters.
The error is that of the splines: per direction e1, together at most about directions * e1."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import DEBUG, Checks, run

NAMES = "x y zeta a b2 velocity temperature e d1 q omega0 phi mass load k1 k2 k3 k4 n0 last".split()


def poisson(n, cells):
    names = NAMES[:n]
    lines = ["---", "model: vsna", f"case: poisson{n}", "dim:"]
    lines += [f"  - {v}: {{domain: [0, 1], degree: 3, cells: {cells}, bc: dirichlet}}" for v in names]
    lines += ["pde:", "  unknown: u", "  term:"]
    lines += [f"    - lap{i}: -d({v},2)" for i, v in enumerate(names)]
    lines += ["    - keep: 1", "  source:", f"    - f: (1 + {n}*pi^2) * " + " * ".join(f"sin(pi*{v})" for v in names)]
    lines += ["  reference: " + " * ".join(f"sin(pi*{v})" for v in names), "vsna: {rank: 1, als: {rtol: 1e-10, final_sweeps: 40}}"]
    return "\n".join(lines) + "\n"


def decay(n):
    """u_t + u = 0 with n-1 parameters in the initial condition: u = exp(-t) prod p_i^2."""
    names = NAMES[:n]
    lines = ["---", "model: vsna", f"case: decay{n}", "dim:", "  - time: {domain: [0, 1], degree: 3, cells: 6, initial: true}"]
    lines += [f"  - {v}: {{domain: [0.5, 1], degree: 2, cells: 2}}" for v in names[1:]]
    lines += ["pde:", "  unknown: u", "  term:", "    - rate: d(time)", "    - loss: 1", "  initial:", "    - start: " + " * ".join(f"{v}^2" for v in names[1:])]
    lines += ["  reference: exp(-time) * " + " * ".join(f"{v}^2" for v in names[1:]), "vsna: {rank: 1, als: {rtol: 1e-10}}"]
    return "\n".join(lines) + "\n"


checks = Checks()
for n in (7,) if DEBUG else (7, 12, 20):
    done = run(poisson(n, 8))
    if checks.solved(done, f"{n} directions"):
        # best cubic spline of sin(pi x) on 8 cells: (pi/8)^4 * 9.1e-4 = 2.2e-5
        checks.below(done.results["error_l2"], 2.2e-5 * n * 3, f"{n} directions: error", done)
done = run(decay(20))
if checks.solved(done, "20 directions, 19 of them parameters"):
    checks.below(done.results["error_l2"], 1e-5, "error", done)
checks.end()
