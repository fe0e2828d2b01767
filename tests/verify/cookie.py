"""The cookie problem at a reduced size: the error against the program's own direct solves falls with the rank, in both formats, and kinks stand in the knots."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import math

from run_case import DEBUG, Checks, run

checks = Checks()

# One direction in closed form: a = 1 left of 1/2 and b = 1 + 3 p right of it, -(a u')' = 1, u(0) = u(1) = 0. The flux is s - x with
# s = (b + 3) / (4 (b + 1)), so u is a quadratic on each side with a kink, which quadratic splines with a double knot hold exactly.
LAYERS = """---
model: vsna
case: layers
dim:
  - x: {domain: [0, 1], degree: 2, knots: [0, 0.25, 0.5, 0.5, 0.75, 1], bc: dirichlet}
  - p: {domain: [0, 1], basis: legendre, modes: 14}
pde:
  form: galerkin
  term:
    - matrix: -d(x)( d(x) )
    - layer: -d(x)( 3 * p * (x > 0.5) * d(x) )
  source:
    - load: 1
  reference: "x < 0.5 ? (4+3*p)/(4*(2+3*p))*x - x^2/2 : ((4+3*p)/(4*(2+3*p))*(x-1) - (x^2-1)/2)/(1+3*p)"
vsna: {rank: 4, als: {rtol: 1e-12}}
output: {dir: out}
"""
layers = run(LAYERS, np=2)
checks.solved(layers, "layers in one direction")
# u is analytic in p up to the pole of 1/b at p = -1/3: an ellipse with rho = 3, 3^-14 = 2e-7. Three functions of x (1, and 1/b times two), so rank 4 is enough.
checks.below(layers.results["error_l2"], 2e-6, "knots on the kink: the error of the parameter's modes alone", layers)
checks.close(layers.results["continuity"], 4, 1e-12, "gamma: the largest coefficient, 1 + 3 p")
checks.close(layers.results["coercivity"], 1, 1e-12, "alpha")
smooth = run(LAYERS.replace("0.5, 0.5", "0.5"), np=2)
checks.that(smooth.results["error_l2"] > 1e3 * layers.results["error_l2"], "a simple knot does not hold the kink", smooth)
direct = run(LAYERS + "error: {method: direct, samples: 8}\n", np=2)
checks.solved(direct, "layers against direct solves")
checks.below(direct.results["error_l2"], 2e-6, "direct solves agree", direct)

# Three inclusions in the square.
INCLUSIONS = [("(x > 0.2 && x < 0.4)", "(y > 0.2 && y < 0.4)"), ("(x > 0.6 && x < 0.8)", "(y > 0.2 && y < 0.4)"), ("(x > 0.2 && x < 0.4)", "(y > 0.6 && y < 0.8)")]
KNOTS = "[0, 0.2, 0.2, 0.4, 0.4, 0.6, 0.6, 0.8, 0.8, 1]"
COOKIE = f"---\nmodel: vsna\ncase: cookie\ndim:\n  - x: {{domain: [0, 1], degree: 2, knots: {KNOTS}, bc: dirichlet}}\n  - y: {{domain: [0, 1], degree: 2, knots: {KNOTS}, bc: dirichlet}}\n"
COOKIE += "".join(f"  - p{k}: {{domain: [0, 1], basis: legendre, modes: 8}}\n" for k in range(3))
COOKIE += "pde:\n  form: galerkin\n  term:\n    - x: -d(x)( d(x) )\n    - y: -d(y)( d(y) )\n"
COOKIE += "".join(f"    - {d}{k}: -d({d})( 3 * p{k} * {cx} * {cy} * d({d}) )\n" for k, (cx, cy) in enumerate(INCLUSIONS) for d in "xy")
COOKIE += "  source:\n    - load: 1\nvsna: {rank: 16, rtol: 1e-4, als: {final_sweeps: 30}}\nerror: {method: direct, samples: 8}\noutput: {dir: out}\n"

errors = []
for rank in (2, 8, 24):
    done = run(COOKIE, np=2, args=["-vsna_rank", rank])
    if not checks.solved(done, f"rank {rank}"):
        checks.end()
    errors.append(done.results["error_l2"])
    r = done.results
    checks.that(r["norm_v"] <= r["stability_bound"], f"stability: {r['norm_v']:.4f} <= {r['stability_bound']:.4f}", done)
    checks.that(r["quasi_optimality_measured"] >= 1, f"no better than the best in a linear space: {r['quasi_optimality_measured']:.6f}", done)
    checks.close(r["quasi_optimality"], 2, 1e-12, "sqrt(gamma / alpha), coefficients 1 to 4")
print("      errors against rank 2, 8, 24:", *(f"{e:.2e}" for e in errors))
checks.that(errors[0] > 3 * errors[1] > 9 * errors[2], "each step of the rank gains a factor of 3 at least", done)
# The limit on the same splines is the truncation in the three parameters, 3^-8 = 1.5e-4 each times a constant below 1.
checks.below(errors[2], 1e-3, "rank 24", done)
checks.that(r["direct_unknowns"] == 9 * 9, "unknowns: 5 cells + 2 + 4 repeated knots - 2 per direction", done)
checks.that(r["energy_defect"] < 1e-3, "a(u,u) = l(u) nearly", done)

alone = run(COOKIE, np=1, args=["-vsna_rank", 8]).results
two = run(COOKIE, np=2, args=["-vsna_rank", 8]).results
different = [n for n in alone if not n.startswith(("seconds", "memory", "ranks", "direct_seconds")) and alone[n] != two[n]]
checks.that(not different, f"1 and 2 ranks agree to the last bit {different}")

refined = run(COOKIE, np=2, args=["-vsna_rank", 24, "-error_refine", 4])
checks.solved(refined, "direct solves on a quarter of the cells")
# Singularities at the inclusions' corners: the splines' own error, far above that of the rank.
checks.that(refined.results["error_energy"] > 3 * r["error_energy"], "refined direct solves see the error of the splines", refined)

train = run(COOKIE, np=2, args=["-vsna_format", "tensor_train", *(() if not DEBUG else ("-vsna_rtol", 1e-3))])
checks.that(train.exit in (0, 3) and "PETSC ERROR" not in train.err, f"tensor train: exit {train.exit}", train)
checks.below(train.results["error_l2"], 1e-3 if not DEBUG else 1e-2, "tensor train", train)
checks.close(train.results["energy"], r["energy"], 1e-4, "both formats: the same energy")
checks.that(math.isclose(train.results["coercivity"], 1) and math.isclose(train.results["continuity"], 4), "the same constants", train)
checks.end()
