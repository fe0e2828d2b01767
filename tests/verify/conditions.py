"""Bases and boundary conditions in whole runs: -u_xx - u_yy + u = f with a parameter, every family against every condition it may have, in both forms;
exact solutions are eigenfunctions of the conditions, so the errors have the order of the splines, or are those of a spectral basis. Conditions that are not
zero come in by a lift."""
import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import DEBUG, Checks, run

checks = Checks()
# u on [0, 1] that satisfies the condition, and lambda in -u'' = lambda u
SOLUTION = {
    "dirichlet": ("sin(pi*{x})", math.pi**2),
    "[dirichlet, neumann]": ("sin(pi/2*{x})", math.pi**2 / 4),
    "neumann": ("cos(pi*{x})", math.pi**2),
    "periodic": ("cos(2*pi*{x})", 4 * math.pi**2),
    "robin, robin: tan(1/2)": ("cos({x} - 1/2)", 1.0),
    "[neumann, robin], robin: [0, tan(1)]": ("cos({x})", 1.0),
}


GRADED = "degree: 3, knots: [0, 0.06, 0.15, 0.27, 0.4, 0.55, 0.7, 0.84, 1], cells: {cells}"
FAMILIES = {
    "spline 2": lambda scale: f"degree: 2, cells: {8 * scale}",
    "spline 3": lambda scale: f"degree: 3, cells: {8 * scale}",
    "spline 4": lambda scale: f"degree: 4, cells: {6 * scale}",
    "spline 5": lambda scale: f"degree: 5, cells: {6 * scale}",
    "graded": lambda scale: GRADED.format(cells=8 * scale),
    "fourier": lambda scale: "basis: fourier, modes: 9",
    "legendre": lambda scale: "basis: legendre, modes: 14",
    "chebyshev": lambda scale: "basis: chebyshev, modes: 14",
}
ORDER = {"spline 2": 3, "spline 3": 4, "spline 4": 5, "spline 5": 6, "graded": 4}
# Pairs, so that families and conditions mix: every family meets every condition it may have in x or y.
CASES = [
    ("spline 2", "dirichlet", "legendre", "[dirichlet, neumann]"),
    ("spline 3", "robin, robin: tan(1/2)", "fourier", "dirichlet"),
    ("spline 3", "periodic", "fourier", "periodic"),
    ("spline 4", "neumann", "chebyshev", "robin, robin: tan(1/2)"),
    ("spline 5", "[neumann, robin], robin: [0, tan(1)]", "fourier", "neumann"),
    ("graded", "[dirichlet, neumann]", "legendre", "periodic"),
    ("graded", "robin, robin: tan(1/2)", "fourier", "[dirichlet, neumann]"),
    ("spline 3", "[dirichlet, neumann]", "chebyshev", "neumann"),
    ("legendre", "[neumann, robin], robin: [0, tan(1)]", "chebyshev", "dirichlet"),
]


def solve(form, fx, cx, fy, cy, scale):
    (ux, lx), (uy, ly) = SOLUTION[cx], SOLUTION[cy]
    u = f"k * {ux.format(x='x')} * {uy.format(x='y')}"
    deck = f"""---
model: vsna
case: conditions
dim:
  - x: {{domain: [0, 1], {FAMILIES[fx](scale)}, bc: {cx}}}
  - y: {{domain: [0, 1], {FAMILIES[fy](scale)}, bc: {cy}}}
  - k: {{domain: [1, 2], basis: legendre, modes: 3}}
pde:
  form: {form}
  term:
    - a: -d(x,2)
    - b: -d(y,2)
    - c: 1
  source:
    - f: {lx + ly + 1!r} * {u}
  reference: {u}
vsna: {{rank: 2, als: {{rtol: 1e-12}}}}
error: {{method: grid}}
"""
    return run(deck, np=1)


for form in ("least_squares", "galerkin"):
    for fx, cx, fy, cy in CASES[::2] if DEBUG else CASES:
        title = f"{form}: {fx}, {cx} by {fy}, {cy}"
        coarse = solve(form, fx, cx, fy, cy, 1)
        if not checks.solved(coarse, title):
            continue
        error = coarse.results["error_l2"]
        if fx not in ORDER:
            checks.that(error < 1e-8, f"{title}: spectral, error {error:.1e}", coarse)
            continue
        fine = solve(form, fx, cx, fy, cy, 2)
        checks.solved(fine, f"{title}, twice the cells")
        order = math.log2(error / fine.results["error_l2"])
        # Least squares of a second-order equation with splines of degree 2: h^2, not h^3.
        expected = 2 if form == "least_squares" and fx == "spline 2" else ORDER[fx]
        checks.that(error < 2e-2 and order > expected - 0.5, f"{title}: error {error:.1e}, order {order:.2f} of {expected}", fine)

# A lift brings in values and slopes: u = 1 + 3x + cos(x - 1/2) cos(pi y)/2 with u(0, y) and the slope at x = 1 of the lift's first part
LIFT = """---
model: vsna
case: lift
dim:
  - x: {{domain: [0, 1], degree: 4, cells: 8, bc: {cx}}}
  - y: {{domain: [0, 1], basis: fourier, modes: 5, bc: neumann}}
pde:
  form: {form}
  term:
    - a: -d(x)( (1 + x) * d(x) )
    - b: -d(y,2)
    - c: 1
  lift:
    - edge: {lift}
  source:
    - f1: {f1}
    - f2: {f2}
  reference: {u}
vsna: {{rank: 3, als: {{rtol: 1e-12}}}}
"""
for form in ("least_squares", "galerkin"):
    # u = 1 + 3x + sin(pi x/2) cos(pi y): -((1+x) u')' = -3 + (pi^2/4 (1+x) sin(pi x/2) - pi/2 cos(pi x/2)) cos(pi y)
    done = run(LIFT.format(form=form, cx="[dirichlet, neumann]", lift="1 + 3*x", f1="3*x - 2",
                           f2="((pi^2/4*(1+x) + pi^2 + 1)*sin(pi/2*x) - pi/2*cos(pi/2*x)) * cos(pi*y)", u="1 + 3*x + sin(pi/2*x)*cos(pi*y)"), np=1)
    checks.solved(done, f"{form}: values and slopes from a lift")
    checks.that(done.results["error_l2"] < 1e-5, f"{form}: value 1 at x = 0, slope 3 at x = 1: error {done.results['error_l2']:.1e}", done)
    # du/dn + u: at 0 -3 + 1 = -2, at 1 3 + 4 = 7; cos(x - 1/2) has du/dn + tan(1/2) u = 0 and needs that coefficient
    done = run(LIFT.format(form=form, cx="robin, robin: tan(1/2)", lift="1 + 3*x", f1="3*x - 2",
                           f2="(((1+x) + pi^2 + 1)*cos(x-1/2) + sin(x-1/2)) * cos(pi*y)", u="1 + 3*x + cos(x-1/2)*cos(pi*y)"), np=2)
    checks.solved(done, f"{form}: robin data from a lift")
    checks.that(done.results["error_l2"] < 1e-5, f"{form}: du/dn + robin u of the lift: error {done.results['error_l2']:.1e}", done)

# A beam that is clamped at one end: u'''' = 24 with u = u' = 0 at 0 and (natural) u'' = u''' = 0 at 1: u = x^4 - 4x^3 + 6x^2, in the space of degree 4
done = run("""---
model: vsna
case: beam
dim:
  - x: {domain: [0, 1], degree: 4, cells: 4, bc: [clamped, none]}
  - k: {domain: [1, 2], basis: legendre, modes: 2}
pde:
  form: galerkin
  term:
    - bending: d(x,4)
  source:
    - load: 24 * k
  reference: k * (x^4 - 4*x^3 + 6*x^2)
vsna: {rank: 1, als: {rtol: 1e-12}}
""", np=1)
checks.solved(done, "a clamped beam, Galerkin")
checks.that(done.results["error_l2"] < 1e-9, f"a clamped beam is in the space: error {done.results['error_l2']:.1e}", done)

# The wave equation: value and rate at the start, both kept exactly
done = run("""---
model: vsna
case: string
dim:
  - x: {domain: [0, 1], basis: fourier, modes: 3, bc: dirichlet}
  - t: {domain: [0, 1], degree: 5, cells: 12, initial: true}
pde:
  term:
    - inertia: d(t,2)
    - tension: -d(x,2)
  initial:
    - pluck: sin(pi*x)
  rate:
    - strike: 2*pi * sin(2*pi*x)
  reference: sin(pi*x)*cos(pi*t) + sin(2*pi*x)*sin(2*pi*t)
vsna: {rank: 3, als: {rtol: 1e-12}}
""", np=1)
checks.solved(done, "a string")
checks.that(done.results["error_l2"] < 1e-4, f"a string: error {done.results['error_l2']:.1e}", done)
checks.end()
