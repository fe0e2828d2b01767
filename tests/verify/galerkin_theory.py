"""form: galerkin: energies, constants and bounds where they are known in closed form, direct solves against closed forms, and what is refused."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import math

from run_case import Checks, run

checks = Checks()

HEAD = "---\nmodel: vsna\ncase: theory\noutput: {dir: out}\n"
SOLVER = "vsna: {rank: 4, als: {rtol: 1e-12}}\n"

# -(u_xx + u_yy) = f on [0,1]^2, u = sin(pi x) sin(pi y): a(u,u) = int |grad u|^2 = pi^2 / 2, K = 1, f = 2 pi^2 u is the first eigenfunction, so that the
# stability bound ||u||_V <= ||f|| / sqrt(2 pi^2) = pi / sqrt(2) holds with equality.
POISSON = HEAD + SOLVER + """dim:
  - x: {domain: [0, 1], degree: 3, cells: 8, bc: dirichlet}
  - y: {domain: [0, 1], degree: 3, cells: 8, bc: dirichlet}
pde:
  form: galerkin
  term:
    - x: -d(x,2)
    - y: -d(y)( d(y) )
  source:
    - load: 2*pi^2 * sin(pi*x) * sin(pi*y)
  reference: sin(pi*x) * sin(pi*y)
"""
for ranks in (1, 2):
    done = run(POISSON, np=ranks)
    if not checks.solved(done, f"Poisson on {ranks} ranks"):
        checks.end()
    r = done.results
    # Galerkin: ||u||_a^2 - ||u_h||_a^2 = ||u - u_h||_a^2, so the energy misses by the square of the energy error.
    checks.close(r["energy"] / (math.pi**2 / 2), 1 - r["error_energy"] ** 2, 1e-9, "energy of u_h by Galerkin orthogonality")
    checks.below(r["energy_defect"], 1e-11, "a(u,u) = l(u) at the stationary point")
    checks.close(r["coercivity"], 1, 1e-13, "alpha")
    checks.close(r["continuity"], 1, 1e-13, "gamma")
    checks.close(r["quasi_optimality"], 1, 1e-13, "sqrt(gamma / alpha)")
    checks.close(r["stability_bound"], math.pi / math.sqrt(2), 1e-10, "stability bound, known constant of the box")
    checks.that(r["norm_v"] <= r["stability_bound"] and r["norm_v"] > 0.999 * r["stability_bound"], "holds, and is sharp for the first eigenfunction", done)
    # Cubic splines: energy error (pi h)^3 C, C = sqrt(|B_6| / 6!) = 5.7e-3 (Bernoulli number B_6 = 1/42) for one mode on a uniform grid.
    bound = (math.pi / 8) ** 3 * math.sqrt(1 / 42 / 720)
    checks.that(0.5 * bound < r["error_energy"] < 2 * bound, f"energy error {r['error_energy']:.3e} of cubic splines, about {bound:.3e}", done)
    if ranks == 1:
        first = r
same = [n for n in first if not n.startswith(("seconds", "memory", "ranks")) and first[n] != r[n]]
checks.that(not same, f"1 and 2 ranks agree to the last bit {same}")

# -d(x)( k d(x) u ) = 1: u = x(1-x)/(2k), a quadratic in x and 1/k in k. Over k in [1,3]: energy ln(3)/12, ||u||_V^2 = (1 - 1/3)/12, bound sqrt(2)/pi.
DIFFUSION = HEAD + SOLVER + """dim:
  - x: {domain: [0, 1], degree: 3, cells: 6, bc: dirichlet}
  - k: {domain: [1, 3], basis: legendre, modes: 12}
pde:
  form: galerkin
  term:
    - diffusion: -d(x)( k * d(x) )
  source:
    - load: 1
  reference: x*(1-x)/(2*k)
"""
done = run(DIFFUSION, np=2)
checks.solved(done, "diffusion with a parameter")
r = done.results
# Legendre series of 1/k converges like rho^-n with rho = 2 + sqrt(3): rho^-12 = 1.4e-7.
checks.below(r["error_energy"], 2e-7, "energy error: splines exact, the parameter's modes converge geometrically", done)
checks.close(r["energy"], math.log(3) / 12, 1e-12, "energy")
checks.close(r["norm_v"], math.sqrt((1 - 1 / 3) / 12), 1e-9, "norm of V")
checks.close(r["coercivity"], 1, 1e-13, "alpha = min k")
checks.close(r["continuity"], 3, 1e-13, "gamma = max k")
checks.close(r["quasi_optimality"], math.sqrt(3), 1e-13, "sqrt(gamma / alpha)")
checks.close(r["stability_bound"], math.sqrt(2) / math.pi, 1e-12, "stability bound")
checks.that(r["local_defect"] < 1e-6 and abs(r["quasi_optimality_measured"] - 1) < 0.1, "stationary in every direction", done)

# The same against direct solves, which are exact here (u is a quadratic in x): the error is that of the closed form.
DIRECT = "error: {method: direct, samples: 8}\n"
for form, extra in (("galerkin", ""), ("least_squares", "")):
    text = DIFFUSION.replace("form: galerkin", f"form: {form}") + DIRECT
    results = []
    for ranks, refine in ((1, 1), (2, 1), (2, 2)):
        done = run(text, np=ranks, args=["-error_refine", refine])
        checks.solved(done, f"{form} against direct solves, {ranks} ranks, refine {refine}")
        results.append(done.results)
        checks.below(done.results["error_l2"], 1e-6, "relative L2 error over the samples", done)
        checks.that(done.results["direct_unknowns"] == 6 * refine + 1, "unknowns: cells + degree - 2", done)
    checks.that(results[0]["error_l2"] == results[1]["error_l2"] and results[0]["error_l2_max"] == results[1]["error_l2_max"],
                "1 and 2 ranks: the same bits")
# Two operator terms meet in both orders in the normal equations. In k both minimise the same residual at every k, but for the truncated modes.
two = DIFFUSION.replace("form: galerkin", "form: least_squares").replace("    - diffusion", "    - reaction: 20\n    - diffusion").replace("  reference: x*(1-x)/(2*k)\n", "")
done = run(two + DIRECT, np=2)
checks.solved(done, "normal equations of two terms")
checks.below(done.results["error_l2"], 1e-5, "separable and direct least squares agree", done)

# One mode in k: the best constant. u(x,k) = g(x) c against g(x)/k: Galerkin gives c = int k c = int 1 -> c = 2/4 = 1/2 at every k, so the relative error at k
# is |k/2 - 1|, at most 1/2 (k = 1, 3), and over the domain sqrt(int (1/2 - 1/k)^2 / int k^-2) = sqrt((7/6 - ln 3) / (2/3)).
done = run(DIFFUSION + DIRECT, np=2, args=["-dim_k_modes", 1, "-error_samples", 4096])
checks.solved(done, "one mode in k")
checks.close(done.results["error_l2"], math.sqrt((7 / 6 - math.log(3)) / (2 / 3)), 2e-3, "known error, found at the samples", done)
checks.close(done.results["error_l2_max"], 0.5, 1e-2, "known largest error", done)
# Energies: a(e,e) at k = k (1/2 - 1/k)^2 / 12, a(u,u) = 1/(12 k): int k/4 - 1 + 1/k = 1 - 2 + ln 3.
checks.close(done.results["error_energy"], math.sqrt((math.log(3) - 1) / math.log(3)), 2e-3, "known energy error", done)

# A lift takes part in the norms: u = 1 + x + x(1-x)/(2k), one mode as before; ||u||^2 = int (1+x)^2 + 2 (1+x) x(1-x)/(2k) + (x(1-x)/(2k))^2.
lifted = DIFFUSION.replace("  source:", "  lift:\n    - line: 1 + x\n  source:").replace("  reference: x*(1-x)/(2*k)", "  reference: 1 + x + x*(1-x)/(2*k)")
done = run(lifted + DIRECT, np=2, args=["-dim_k_modes", 1, "-error_samples", 4096])
if checks.solved(done, "with a lift"):
    # -d(x)( k d(x) (1 + x) ) = 0: the field is the one of before.
    error2 = (7 / 6 - math.log(3)) / 120  # int (x(1-x)/2)^2 dx = 1/120, int (1/2 - 1/k)^2 dk = 1/2 - ln 3 + 2/3
    norm2 = 2 * 7 / 3 + math.log(3) * (1 / 6 + 1 / 12) + (2 / 3) / 120  # int (1+x) x(1-x) = 1/6 + 1/12
    checks.close(done.results["error_l2"], math.sqrt(error2 / norm2), 5e-3, "known error relative to lift and field", done)

# 2-D Poisson with a scale: u = sin(pi x) sin(pi y) / k; direct solves on refined splines see the splines' error, on the deck's they do not.
scaled = POISSON.replace("  - y: {", "  - k: {domain: [1, 2], basis: legendre, modes: 14}\n  - y: {").replace("-d(x,2)", "-k * d(x,2)").replace("-d(y)( d(y) )", "-d(y)( k * d(y) )")
scaled = scaled.replace("  reference: sin(pi*x) * sin(pi*y)", "")
coarse = run(scaled + DIRECT, np=2).results
fine = run(scaled + DIRECT, np=2, args=["-error_refine", 4]).results
checks.below(coarse["error_l2"], 1e-7, "on the deck's splines the direct solves are the solution")
checks.close(fine["error_energy"], first["error_energy"], 0.02, "on refined splines they see the energy error of the splines")
checks.close(fine["error_l2"], first["error_l2"], 0.02, "and the L2 error of the splines")

# Not coercive, and said so: the coefficient changes sign; constants are in the kernel.
done = run(DIFFUSION.replace("-d(x)( k * d(x) )", "-d(x)( k * (1 - 1.5 * (x > 0.5)) * d(x) )"), np=1, args=["-vsna_als_max_sweeps", 3])
checks.that("not coercive (a coefficient is not positive)" in done.out and done.exit == 3, "a coefficient that changes sign gives no guarantee", done)
checks.that(-1.5 <= done.results["coercivity"] < -1.49, "smallest coefficient: 3 * (1 - 1.5)", done)
done = run(DIFFUSION.replace("bc: dirichlet", "bc: neumann"), np=1, args=["-vsna_als_max_sweeps", 3])
checks.that("no condition at any end excludes constants" in done.out and "stability_bound" not in done.results, "pure Neumann conditions give no guarantee", done)
reaction = DIFFUSION.replace("bc: dirichlet", "bc: neumann").replace("    - diffusion", "    - reaction: 2\n    - diffusion").replace("reference: x*(1-x)/(2*k)", "reference: 1/2")
done = run(reaction, np=2)
if checks.solved(done, "reaction and diffusion, natural ends"):  # u = 1/2: energy 2 * 1/4 * 2 = 1, ||u||_V^2 = 1/2, bound ||1|| / alpha = sqrt(2)
    checks.close(done.results["energy"], 1, 1e-9, "energy")
    checks.close(done.results["coercivity"], 1, 1e-13, "alpha = min(k, 2)")
    checks.close(done.results["continuity"], 3, 1e-13, "gamma = max(k, 2)")
    checks.close(done.results["norm_v"], math.sqrt(0.5), 1e-9, "norm of V")
    checks.close(done.results["stability_bound"], math.sqrt(2), 1e-12, "stability bound")

# Refused
checks.refused(run(DIFFUSION.replace("    - diffusion", "    - wind: d(x)\n    - diffusion"), np=1), "advection", "advection with form: galerkin")
checks.refused(run(POISSON + DIRECT, np=1), "there is none", "direct solves without a parameter")
checks.refused(run(DIFFUSION + DIRECT, np=1, args=["-dim_x_cells", 99999, "-error_refine", 8]), "8e\\+05 unknowns", "too large a direct solve")
checks.refused(run(DIFFUSION + DIRECT, np=1, args=["-vsna_direct_pc_type", "nonsense"]), "no type `nonsense`", "a direct solver that PETSc does not have")
done = run(DIFFUSION + DIRECT, np=2, args=["-vsna_direct_ksp_type", "cg", "-vsna_direct_pc_type", "none", "-vsna_direct_ksp_max_it", 1])
checks.that("the direct solver failed at 8 of the samples" in done.out and "error_l2" not in done.results, "an iterative solver that does not converge is told", done)
checks.end()
