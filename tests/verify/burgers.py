"""Inviscid Burgers, u_t + u u_x = 0 from sin(pi x), before its shock (at t = 1/pi): the shipped deck against the solution along characteristics, u = sin(pi s) at
x = s + t sin(pi s), which needs no root; close to the shock; the error against modes, held beside the tail of the exact sine series 2 J_k(k pi t)/(k pi t); both of TAO's
methods; ranks; a run that is cut short and taken up again; wrong options."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import numpy as np
from run_case import DEBUG, Checks, run, shipped

checks = Checks()


def bessel(k, z):
    """J_k(z) for arrays of orders and arguments below 500: the mean of cos(k tau - z sin tau) over [0, pi] (DLMF 10.9.2), midpoints of 2048 parts."""
    tau = (np.arange(2048) + 0.5) * np.pi / 2048
    return np.cos(np.outer(k, tau) - np.outer(z, np.sin(tau))).mean(axis=1)


DECK = shipped("burgers")
SMALL = ["-output_slice_plane_n", 9]
QUICK = [*SMALL, "-error_max", 0]

done = run(DECK, args=SMALL)
if not checks.solved(done, "the shipped deck"):
    checks.end()
print(f"      error_max {done.results['error_max']:.3e}, {done.results['parameters']:.0f} parameters, {done.results['seconds']:.3f} s")
checks.below(done.results["error_max"], 2e-3, "largest error up to t = 0.25")

# the same at points of characteristics
s, t = np.meshgrid(np.linspace(0, 1, 101), np.linspace(0, 0.25, 21))
points = np.column_stack([(s + t * np.sin(np.pi * s)).ravel(), t.ravel()])
np.savetxt(done.cwd / "points.csv", points, delimiter=",", header="x,t", comments="", fmt="%.17g")
sampled = run(DECK, np=1, cwd=done.cwd, args=["-restart", done.h5.relative_to(done.cwd), "-sample", "points.csv"])
table = np.genfromtxt(next(done.cwd.glob("points_u.csv")), delimiter=",", names=True)
error = np.abs(table["u"] - np.sin(np.pi * s).ravel()).max()
checks.that(error < 2e-3 and abs(error / done.results["error_max"] - 1) < 0.3, f"along characteristics {error:.3e}", sampled)

one = run(DECK, np=1, args=QUICK)
checks.that(one.results["residual"] == done.results["residual"] and one.results["iterations"] == done.results["iterations"], "the same residual on 1 and 2 ranks, to the last bit", one)
other = run(DECK, np=1, args=[*QUICK, "-vsna_newton_method", "lmvm"])
checks.close(other.results["residual"], done.results["residual"], 2e-3, "TAOLMVM ends at the residual of TAOBRGN", other)

# modes: at most a small multiple of what no sum of so many sines can have
for modes in (12, 24):
    k = np.arange(modes + 1, 400)
    x = np.linspace(0, 1, 401)
    tail = np.abs((2 * bessel(k, k * np.pi * 0.25) / (k * np.pi * 0.25)) @ np.sin(np.pi * np.outer(k, x))).max()
    coarse = run(DECK, np=1, args=[*SMALL, "-dim_x_modes", modes])
    checks.below(coarse.results["error_max"], 4 * tail, f"{modes} modes: error {coarse.results['error_max']:.2e} beside the tail {tail:.2e} of the series", coarse)

if not DEBUG:
    near = run(DECK, args=[*SMALL, "-param_end", 0.30, "-dim_x_modes", 80, "-dim_t_modes", 16, "-vsna_rank", 7])
    checks.that(near.exit == 0 and near.results["error_max"] < 0.02, f"up to t = 0.30: error_max {near.results.get('error_max'):.3e} in {near.results.get('seconds'):.2f} s", near)

# too few iterations: exit code 3, and the restart goes on to the same minimum
short = run(DECK, args=[*QUICK, "-vsna_newton_max_it", 5])
checks.that(short.exit == 3 and "raise vsna: newton_max_it" in short.err and short.h5 is not None, f"5 iterations per stage: exit {short.exit}", short)
more = run(DECK, cwd=short.cwd, args=[*QUICK, "-restart", short.h5.relative_to(short.cwd), "-case", "more"])
checks.that(more.exit == 0, f"taken up again: exit {more.exit}", more)
checks.close(more.results["residual"], done.results["residual"], 1e-3, "  the same minimum", more)
checks.that(more.results["iterations"] > short.results["iterations"], "  which counts on", more)
again = run(DECK, np=1, cwd=done.cwd, args=[*QUICK, "-restart", done.h5.relative_to(done.cwd), "-case", "again"])
checks.that(again.exit == 0 and again.results["iterations"] == done.results["iterations"], "a finished run stays finished", again)


def refused(title, options, patterns):
    checks.refused(run(DECK, np=1, args=options), patterns, title)


refused("the tensor train", ["-vsna_format", "tensor_train"], r"-vsna_format: nonlinear equations are solved in format cp")
refused("Galerkin", ["-pde_form", "galerkin"], r"-pde_form: form: galerkin is for linear problems")
refused("rank: auto", ["-vsna_rank", "auto"], r"-vsna_rank: rank: auto is for linear problems")
refused("an unknown method", ["-vsna_newton_method", "newton"], r"-vsna_newton_method: newton must be one of brgn, lmvm")
refused("TAO's own choice of method", ["-vsna_tao_type", "lmvm"], r"-vsna_tao_type: the method is chosen by vsna: newton_method")
refused("another regularisation", ["-vsna_tao_brgn_regularization_type", "l2prox"], r"`l2prox` leaves the scaling of the factors")
refused("an option that TAO does not have", ["-vsna_tao_brgn_weigth", 1], r"-vsna_tao_brgn_weigth: is not used by PETSc")
refused("a type that PETSc does not have", ["-vsna_tao_brgn_subsolver_tao_bnk_ksp_type", "cgg"], r"PETSc has no type `cgg`")
refused("more than fits", ["-vsna_rank", 2000], r"-vsna_rank: 120000 parameters and 576 weak equations .* GB")
refused("nothing that drives", ["-pde_initial_sine", "0*x"], r"nothing drives the solution")
checks.end()
