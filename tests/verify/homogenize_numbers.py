"""timeout: 600
Homogenisation against closed forms and published numbers, through the program: the table of doc/verification.md.

    tests/verify/homogenize_numbers.py                     every row within its tolerance (a Debug build: the rows of small grids)
    tests/verify/homogenize_numbers.py --markdown          the table alone on the standard output, checks on the other
    tests/verify/homogenize_numbers.py --plot FILE.png     errors against resolution besides

The unit cell has the edge 1, moduli are E = 1, nu = 0.3 unless said. Two-dimensional problems are cells of two voxels along y."""
import contextlib
import math
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import DEBUG, SOURCE, Checks, run

checks = Checks()
rows = []  # case, source, reference, ours, difference
curves = {}  # picture: {label: [(n, error)]}
NORMAL = ("11", "22", "33")


# ---- Running ----
def deck(physics, shape, phases, **more):
    """`phases`: keys of value 0, of value 1; None: no such voxels. `more`: homogenize keys."""
    listed = "".join(f"  - phase{v}: {{value: {v}{', ' if text else ''}{text}}}\n" for v, text in enumerate(phases) if text is not None)
    keys = "".join(f"  {key}: {value}\n" for key, value in {"rtol": 1e-5, **more}.items() if key != "length")
    length = f"voxels: {{length: {more['length']}}}\n" if "length" in more else ""
    return f"---\nmodel: homogenize\ncase: c\nphysics: {physics}\nshape: {{{shape}}}\n{length}phase:\n{listed}homogenize:\n{keys}output: {{dir: out}}\n"


def solve(physics, shape, phases, np=2, **more):
    done = run(deck(physics, shape, phases, **more), np=np)
    if done.exit != 0 or done.results.get("converged") != 1:
        checks.that(False, f"{shape}: exit {done.exit}", done)
        checks.end()
    return done.results


def row(case, source, reference, ours, tolerance, absolute=False, quiet=False, bound=False):
    """|ours/reference - 1| <= tolerance, or |ours - reference|; a pair of tolerances is the interval of the difference; bound: a reference to stay below."""
    difference = ours - reference if absolute else ours / reference - 1
    low, high = tolerance if isinstance(tolerance, tuple) else (-tolerance, tolerance)
    checks.that(low <= difference <= high, f"{case}: {ours:.9g}, {source}: {reference:.9g}, off by {difference:+.2e}, allowed [{low:g}, {high:g}]")
    if not quiet:
        rows.append((case, source, reference, ours, "below" if bound else "" if absolute else shown(difference)))
    return difference


def shown(difference):
    return "< 1e-9" if abs(difference) < 1e-9 else f"{100 * difference:+.2g} %" if abs(difference) >= 1e-4 else f"{difference:+.1e}"


def worst(pairs):
    """The pair (reference, ours) that differs most: one row for many terms."""
    return max(pairs, key=lambda p: abs(p[1] - p[0]) / max(abs(q[0]) for q in pairs))


SOLID = "young: 1, poisson: 0.3"
FLOW = ("flow: fluid", "flow: solid")


def lame(young, poisson):
    return young * poisson / ((1 + poisson) * (1 - 2 * poisson)), young / (2 * (1 + poisson))


def matrix(results, name="C", n=6):
    C = np.zeros((n, n))
    for i in range(n):
        for j in range(i, n):
            C[i, j] = C[j, i] = results[f"{name}{i + 1}{j + 1}"]
    return C


# ---- Elasticity ----
def uniform_and_laminates():
    result = solve("elasticity", "kind: homogeneous, n: 8", (None, SOLID))
    lam, mu = lame(1, 0.3)
    row("A1 uniform cell, C11", "closed form", lam + 2 * mu, result["C11"], 1e-12)
    checks.that(result["iterations"] == 0, "A1 uniform cell: no iteration")

    layers, share = ((1, 0.35), (10, 0.2)), (0.75, 0.25)
    moduli = [lame(*m) for m in layers]
    M = 1 / sum(f / (a + 2 * b) for f, (a, b) in zip(share, moduli))
    L = sum(f * a / (a + 2 * b) for f, (a, b) in zip(share, moduli))
    across = sum(f * 4 * b * (a + b) / (a + 2 * b) for f, (a, b) in zip(share, moduli)) + M * L * L
    between = sum(f * 2 * a * b / (a + 2 * b) for f, (a, b) in zip(share, moduli)) + M * L * L
    parallel, series = sum(f * b for f, (_, b) in zip(share, moduli)), 1 / sum(f / b for f, (_, b) in zip(share, moduli))
    phases = [f"young: {e}, poisson: {n}, conductivity: {k}" for (e, n), k in zip(layers, (1, 20))]
    pairs, flow = [], []
    for axis in range(3):
        C = np.full((3, 3), between)
        C[axis, :] = C[:, axis] = L * M
        np.fill_diagonal(C, across)
        C[axis, axis] = M
        for symmetry in ("auto", "none"):
            result = solve("[elasticity, conductivity]", f"kind: laminate, n: [8, 8, 8], axis: {'xyz'[axis]}, fraction: 0.25", phases, rtol=1e-8, symmetry=symmetry)
            found = matrix(result)
            pairs += [(C[i, j], found[i, j]) for i in range(3) for j in range(3)]
            pairs += [(parallel if i == axis else series, found[3 + i, 3 + i]) for i in range(3)]
            flow += [(1 / (0.75 + 0.25 / 20) if i == axis else 0.75 + 0.25 * 20, result[f"sigma{i + 1}{i + 1}"]) for i in range(3)]
    row("A2 laminates along x, y, z: C, worst of 72 terms", "Backus 1962", *worst(pairs), 1e-10)
    row("A2 laminates along x, y, z: sigma, worst of 18 terms", "closed form", *worst(flow), 1e-10)
    result = solve("elasticity", "kind: laminate, n: 8, axis: y, fraction: 0.5", ("", SOLID), rtol=1e-8)
    row("A2 free plates, half solid: C11", "plane stress, E/(2(1-nu^2))", 0.5 / 0.91, result["C11"], 1e-10)
    row("A2 free plates: C22", "0", 0, result["C22"], 1e-12, absolute=True)


def exact_voxels():
    """Numbers of an independent code of the same elements: homogenisation.md, 5.4 of the design; the discretisation is unique."""
    source, last = "independent code of the same elements", math.inf
    frame = {8: (0.071376610, 0.005713869, 0.003687958), 16: (0.069675674, 0.005480022, 0.003120177), 32: (0.068831220, 0.005375541, 0.002907395)}
    for n, reference in frame.items():
        result = solve("elasticity", f"kind: frame, n: {n}, width: 0.25", ("", SOLID))
        for name, value in zip(("C11", "C12", "C44"), reference):
            row(f"A5 frame {n}^3, {name}", source, value, result[name], 1e-6)
        checks.that(result["C11"] < last, f"A5 frame: C11 falls with the voxel, {result['C11']:.6g}")
        last = result["C11"]
        if n == 16:
            row("A12 frame 16^3, largest of the terms that cubic symmetry makes 0, over C11", "0", 0,
                max(abs(matrix(result)[i, j]) for i in range(6) for j in range(3, 6) if i != j) / result["C11"], 1e-8, absolute=True)
            row("A12 frame 16^3, spread of C11 = C22 = C33, C44 = C55 = C66", "0", 0,
                max(np.ptp([result[c] for c in group]) / result[group[0]] for group in (("C11", "C22", "C33"), ("C44", "C55", "C66"), ("C12", "C13", "C23"))),
                1e-6, absolute=True)
            stiff = solve("elasticity", f"kind: frame, n: {n}, width: 0.25", ("", "young: 210e9, poisson: 0.3"), length=2e-3)
            row("A13 frame 16^3 of E = 210e9, cell of 2e-3: C11", "210e9 C11", 210e9 * result["C11"], stiff["C11"], 1e-10)
    for n, reference in {16: (0.749618002, 0.254652762, 0.204552535), 32: (0.745890385, 0.253703634, 0.204818447)}.items():
        result = solve("elasticity", f"kind: spheres, n: {n}, radius: 0.4", (SOLID, ""))
        for name, value in zip(("C11", "C12", "C44"), reference):
            row(f"A6 spherical void 0.4, {n}^3, {name}", source, value, result[name], 1e-6)


def bounds():
    K0, G0 = 1 / 1.2, 1 / 2.6
    C0 = matrix({f"C{i + 1}{j + 1}": (K0 - 2 * G0 / 3 if i != j and j < 3 else 0) + (0 if i != j else K0 + 4 * G0 / 3 if i < 3 else G0) for i in range(6) for j in range(i, 6)})
    for kind, f in (("gyroid", 0.25), ("gyroid", 0.5), ("schwarz_p", 0.5)):
        result = solve("elasticity", f"kind: {kind}, n: 16, fraction: {f}", ("", SOLID))
        f = result["fraction_phase1"]
        bulk, shear = 4 * K0 * G0 * f / (4 * G0 + 3 * K0 * (1 - f)), G0 * f / (1 + (1 - f) * 6 * (K0 + 2 * G0) / (9 * K0 + 8 * G0))
        C = matrix(result)
        # Hashin and Shtrikman hold in isotropic media; the bulk modulus of a cubic cell and its shear modulus averaged over directions obey them too
        row(f"A11 {kind} {100 * f:.0f} %, bulk modulus", "Hashin-Shtrikman bound", bulk, C[:3, :3].sum() / 9, (-1, 0), bound=True)
        row(f"A11 {kind} {100 * f:.0f} %, mean shear modulus", "Hashin-Shtrikman bound", shear, (C[0, 0] - C[0, 1]) / 5 + 0.6 * C[3, 3], (-1, 0), bound=True)
        row(f"A11 {kind} {100 * f:.0f} %, smallest eigenvalue of Voigt's bound - C", "positive", 0, np.linalg.eigvalsh(f * C0 - C).min(), (0, 1), absolute=True)
    n = 32
    result = solve("elasticity", f"kind: spheres, n: {n}, radius: 0.2", (SOLID, ""), cubic="true")
    c = result["fraction_phase1"]
    row(f"A17 dilute spherical voids, c = {c:.3f}, {n}^3: bulk modulus", "Eshelby 1957", K0 * (1 - c * (1 + 3 * K0 / (4 * G0))), (result["C11"] + 2 * result["C12"]) / 3, 0.01)


def laws():
    fine = solve("elasticity", "kind: spheres, n: 16, radius: 0.4", (SOLID, ""), rtol=1e-9)
    for rtol in (1e-2, 1e-3, 1e-4):
        result = solve("elasticity", "kind: spheres, n: 16, radius: 0.4", (SOLID, ""), rtol=rtol)
        error = max(abs(result[name] / fine[name] - 1) for name in ("C11", "C12", "C44"))
        row(f"A14 spherical void, error of C for rtol {rtol:.0e}, over rtol^2", "at most 3", 0, error / rtol**2, 3, absolute=True)
    phases = ("young: 0.1, conductivity: 10, flow: fluid", f"{SOLID}, conductivity: 1, flow: solid")
    shape = "kind: random, n: [5, 7, 12], fraction: 0.35, seed: 3"
    alone = solve("[elasticity, conductivity, permeability]", shape, phases, np=1, rtol=1e-8)
    for ranks in (2, 3):
        result = solve("[elasticity, conductivity, permeability]", shape, phases, np=ranks, rtol=1e-8)
        for name, first in (("C", "C11"), ("sigma", "sigma11"), ("k", "k11")):
            terms = [key for key in alone if key.startswith(name) and key[-1].isdigit()] if name != "k" else [f"k{i}{end}" for i in NORMAL for end in ("", "_wall", "_nowall")]
            spread = max(abs(result[key] - alone[key]) for key in terms) / alone[first]
            row(f"A15 random 5 x 7 x 12, {name} on {ranks} ranks and on 1", "0", 0, spread, 1e-10, absolute=True)
    phases = ("flow: fluid", f"{SOLID}, conductivity: 1, flow: solid")
    shape = "kind: schwarz_p, n: [12, 16, 20], fraction: 0.5"
    octant, whole = (solve("[elasticity, conductivity, permeability]", shape, phases, rtol=1e-8, symmetry=s) for s in ("octant", "none"))
    for name in ("C11", "C23", "C55", "sigma22", "k33_wall", "k11_nowall"):
        row(f"A16 octant and whole cell, Schwarz P, {name}", "whole cell", whole[name], octant[name], 1e-10)


# ---- Conductivity ----
def prisms():
    for k in (0.1, 10):
        exact, errors = math.sqrt((1 + 3 * k) / (3 + k)), []
        for n in (8, 16, 32) if DEBUG else (8, 16, 32, 64, 128):
            result = solve("conductivity", f"kind: prism, n: [{n}, 2, {n}], axis: y, width: 0.5", ("conductivity: 1", f"conductivity: {k}"))
            show = n in (32, 128)
            errors.append(row(f"A7 square prisms, contrast {k:g}, {n}^2", "Obnosov 1999", exact, result["sigma11"], (0, 0.004 if n >= 32 else 0.1), quiet=not show))
            checks.that(len(errors) < 2 or errors[-1] <= errors[-2] / 2, f"A7 contrast {k:g}: the error is halved at {n}")
            if k == 10:  # the other contrast has the same errors, by duality
                curves.setdefault("conduction in the plane, contrast 10", {}).setdefault("square prisms", []).append((n, errors[-1]))
        # at a corner the potential is r^a f(angle), tan^2(pi a/4) = (k+3)/(3k+1), k the larger of contrast and inverse, so that the energy's error falls as h^(2a)
        big = max(k, 1 / k)
        power = 8 / math.pi * math.atan(math.sqrt((big + 3) / (3 * big + 1)))
        row(f"A7 square prisms, contrast {k:g}, error at {n // 2}^2 over that at {n}^2", "2^(2a), a of the corner's singularity", 2**power, errors[-2] / errors[-1], 0.03)


def perrins(f, k):
    """Square array of cylinders: Perrins, McKenzie and McPhedran, Proc. R. Soc. A 369 (1979) 207; equal to Rayleigh's multipoles in 6 digits to f = 0.4, in 5 at 0.5."""
    T = (1 + k) / (1 - k)
    return 1 - 2 * f / (T + f - 0.305827 * f**4 * T / (T * T - 1.402958 * f**8) - 0.013362 * f**8 / T)


def cylinders():
    for k, values in {10: (0.1, 0.2, 0.3, 0.4, 0.5), 2: (0.3,), 50: (0.3,), 0: (0.3, 0.5)}.items():
        for f in values:
            phases, kind, before = ("conductivity: 1", f"conductivity: {k}" if k else ""), "insulating" if k == 0 else f"contrast {k}", None
            for n in (64,) if DEBUG else (32, 64, 128, 256) if f == 0.3 and k in (0, 10) else (128,):
                result = solve("conductivity", f"kind: cylinders, n: [{n}, 2, {n}], axis: y, radius: sqrt({f}/pi)", phases)
                row(f"A8 cylinders, f = {f}, {kind}, {n}^2", "Perrins et al. 1979", perrins(f, k), result["sigma11"], 0.01 if n >= 128 else 0.03, quiet=n != 128)
                # the image has not quite the fraction f; what is left at its own one is the error of the voxels
                error = abs(result["sigma11"] / perrins(result["fraction_phase1"], k) - 1)
                if before is not None:
                    checks.that(1.6 * error < before < 2.6 * error, f"A8 cylinders, f = {f}, {kind}: {before:.2e}, then {error:.2e} at {n}^2, at the image's own fraction")
                before = error
                if f == 0.3 and k in (0, 10):
                    curves.setdefault("conduction past cylinders, f = 0.3", {}).setdefault(kind, []).append((n, error))


def spheres_conduct():
    n = 32 if DEBUG else 64
    for k, values in {10: {0.1: 1.2433, 0.2: 1.5317, 0.3: 1.888, 0.4: 2.362}, 0: {0.1: 0.8571, 0.2: 0.7267, 0.3: 0.6057, 0.4: 0.490}}.items():
        for c, exact in values.items():
            result = solve("conductivity", f"kind: spheres, n: {n}, radius: (3*{c}/(4*pi))^(1/3)", ("conductivity: 1", f"conductivity: {k}" if k else ""), cubic="true")
            row(f"A8 spheres, simple cubic, c = {c}, {'insulating' if k == 0 else f'contrast {k}'}, {n}^3", "Sangani and Acrivos 1983", exact, result["sigma11"],
                0.04 if DEBUG else 0.02)
    n = 32
    result = solve("conductivity", f"kind: spheres, n: {n}, radius: 0.2", ("conductivity: 1", ""), cubic="true")
    c = result["fraction_phase1"]
    row(f"A17 dilute insulating spheres, c = {c:.3f}, {n}^3", "Maxwell 1873", 1 - 3 * c / (2 + c), result["sigma11"], 0.005)


def checkerboard():
    exact, values, points = math.sqrt(10), {}, []
    for n in (16, 32) if DEBUG else (16, 32, 64, 128):
        values[n] = solve("conductivity", f"kind: checkerboard, n: [{n}, 2, {n}], axis: y", ("conductivity: 1", "conductivity: 10"))["sigma11"]
        points.append((n, values[n] / exact - 1))
    curves["conduction in the plane, contrast 10"]["checkerboard"] = points
    n = max(values)
    error = row(f"A10 checkerboard, contrast 10, {n}^2", "Dykhne 1971, Keller 1964", exact, values[n], (0, 0.06 if DEBUG else 0.02))
    # as at the prisms' corners, tan^2(pi a/4) = 1/10
    power = 8 / math.pi * math.atan(math.sqrt(0.1))
    row(f"A10 checkerboard, error at {n // 2}^2 over that at {n}^2", "2^(2a), a of the corner's singularity", 2**power, (values[n // 2] / exact - 1) / error, 0.03)


# ---- Permeability ----
def channels():
    for n, w in ((16, 12),) if DEBUG else ((16, 12), (11, 5)):
        wall, open_ = [], []
        for axis in range(3):
            size = [6, 6, 6]
            size[axis] = n
            result = solve("permeability", f"kind: channel, n: {size}, axis: {'xyz'[axis]}, width: {w}/{n}", FLOW, rtol=1e-7, length=[s / n for s in size])
            for i in range(3):
                if i == axis:
                    row(f"A4 channel normal to {'xyz'[axis]}: k across", "0", 0, result[f"k{i + 1}{i + 1}"], 0, absolute=True, quiet=True)
                    continue
                wall.append(((w**3 + 2 * w) / (12 * n) / n**2, result[f"k{i + 1}{i + 1}_wall"]))
                open_.append((((w + 1) ** 3 - (w + 1)) / (12 * n) / n**2, result[f"k{i + 1}{i + 1}_nowall"]))
        row(f"A4 channel, {w} of {n} voxels, walls, x, y, z: k", "(w^3+2w)/(12n)", *worst(wall), 1e-10)
        row(f"A4 channel, {w} of {n} voxels, no walls: k", "((w+1)^3-(w+1))/(12n)", *worst(open_), 1e-10)


# Sangani and Acrivos, Int. J. Multiphase Flow 8 (1982) 343: drag of simple cubic arrays over Stokes's, powers of (c/(pi/6))^(1/3), to c = 0.32.
DRAG = (1, 1.418649, 2.012564, 2.331523, 2.564809, 2.584787, 2.873609, 3.340163, 3.536763, 3.504092, 3.253622, 2.689757, 2.037769, 1.809341, 1.877347, 1.534685,
        0.9034708, 0.2857896, -0.5512626, -1.278724, 1.013350, 5.492491, 4.615388, -0.5736023, -2.865924, -4.709215, -6.870076, 0.1455304, 12.51891, 9.742811,
        -5.566269)


def drag(c):
    chi = (c / (math.pi / 6)) ** (1 / 3)
    return sum(a * chi**s for s, a in enumerate(DRAG))


def bracket(case, source, reference, result, tolerance, quiet=False, name="k11"):
    checks.that(result[name + "_wall"] < reference < result[name + "_nowall"],
                f"{case}: {result[name + '_wall']:.6g} < {reference:.6g} < {result[name + '_nowall']:.6g}, with and without walls")
    return row(f"{case}, mean", source, reference, result[name], tolerance, quiet=quiet)


def spheres_flow():
    reference = 1 / (6 * math.pi * 0.4 * drag(4 / 3 * math.pi * 0.4**3))
    for n in (16, 32) if DEBUG else (8, 16, 32, 64):
        result = solve("permeability", f"kind: spheres, n: {n}, radius: 0.4", FLOW, cubic="true")
        if n == 32:
            row("A9 spheres 0.4, 32^3, walls", "prototype of the same scheme", 1.2379e-2, result["k11_wall"], 1e-4)
            row("A9 spheres 0.4, 32^3, no walls", "prototype of the same scheme", 1.4130e-2, result["k11_nowall"], 1e-4)
        bracket(f"A9 spheres 0.4, {n}^3", "Sangani and Acrivos 1982", reference, result, {64: 0.003, 32: 0.01}.get(n, 0.2), quiet=n < 32)
        c = result["fraction_phase1"]
        own = 1 / (6 * math.pi * (3 * c / (4 * math.pi)) ** (1 / 3) * drag(c))
        for label, key in (("half-voxel walls", "k11_wall"), ("none", "k11_nowall"), ("mean", "k11")):
            curves.setdefault("flow past spheres, R = 0.4", {}).setdefault(label, []).append((n, abs(result[key] / own - 1)))
    n, tolerance = (32, 0.03) if DEBUG else (64, 0.01)
    for c, zick in ((0.027, 2.008), (0.125, 4.292), (0.216, 7.442), (math.pi / 6, 42.1)):
        a = (3 * c / (4 * math.pi)) ** (1 / 3)
        result = solve("permeability", f"kind: spheres, n: {n}, radius: {a!r}", FLOW, cubic="true")
        case = f"A9 spheres, c = {c}, {n}^3" if c < 0.5 else f"A9 touching spheres, {n}^3"
        bracket(case, "Zick and Homsy 1982", 1 / (6 * math.pi * a * zick), result, tolerance)
    c = 0.004
    a = (3 * c / (4 * math.pi)) ** (1 / 3)
    K = 1 / (1 - 1.7601 * c ** (1 / 3) + c - 1.5593 * c * c)
    result = solve("permeability", f"kind: spheres, n: {n}, radius: {a!r}", FLOW, cubic="true")
    bracket(f"A17 dilute spheres, c = {c}, {n}^3", "Hasimoto 1959", 1 / (6 * math.pi * a * K), result, tolerance)


def ducts():
    # White, Viscous Fluid Flow, 3-48: a duct of side a, flow a^4 (1 - 192/pi^5 sum tanh(i pi/2)/i^5)/12 for unit pressure gradient and viscosity
    square = (1 - 192 / math.pi**5 * sum(math.tanh(i * math.pi / 2) / i**5 for i in range(1, 400, 2))) / 12
    assert abs(square - 0.0351442537) < 1e-10
    n = 128
    result = solve("permeability", f"kind: duct, n: [{n}, 2, {n}], axis: y, width: 0.5", FLOW)
    row(f"A18 square duct, a = 0.5, {n}^2, walls", "White, series", square * 0.5**4, result["k22_wall"], 0.002)
    checks.that(result["k11"] == result["k33"] == 0, "A18 duct: nothing flows across")
    result = solve("permeability", f"kind: tube, n: [{n}, 2, {n}], axis: y, radius: 0.4", FLOW)
    bracket(f"A18 tube, R = 0.4, {n}^2", "Poiseuille", math.pi * 0.4**4 / 8, result, 0.015, name="k22")
    for c, force in ((0.05, 15.56), (0.1, 24.83), (0.3, 102.90)):
        result = solve("permeability", f"kind: cylinders, n: [{n}, 2, {n}], axis: y, radius: sqrt({c}/pi)", FLOW)
        bracket(f"A9 cylinders across, c = {c}, {n}^2", "Sangani and Acrivos 1982", 1 / force, result, 0.01)


def random_flow():
    """Nearly every face of a random image has a wall beside it; walls only add to the drag."""
    result = solve("permeability", "kind: random, n: [5, 7, 12], fraction: 0.45, seed: 3", FLOW[::-1], np=1, rtol=1e-8)
    for i in NORMAL:
        wall, none = result[f"k{i}_wall"], result[f"k{i}_nowall"]
        checks.that(0 < wall < none, f"random 5 x 7 x 12, 45 % fluid: k{i} {wall:.4g} with walls < {none:.4g} without")


def scaled_flow():
    first = solve("permeability", "kind: gyroid, n: 16, fraction: 0.5", FLOW)
    metres = solve("permeability", "kind: gyroid, n: 16, fraction: 0.5", FLOW, length=2e-3)
    row("A13 gyroid, cell of 2e-3: k11", "4e-6 k11", 4e-6 * first["k11"], metres["k11"], 1e-12)


# ---- Output ----
def number(value):
    return "0" if value == 0 else f"{value:.7g}" if abs(value) >= 1e-4 else f"{value:.3e}"


def markdown():
    lines = ["| case | source | reference | ours | difference |", "|---|---|---|---|---|"]
    for case, source, reference, ours, difference in sorted(rows, key=lambda r: int(r[0].split()[0][1:])):
        lines.append(f"| {case} | {source} | {number(reference)} | {number(ours)} | {difference} |")
    return "\n".join(lines)


def plot(path):
    """Slopes between the two finest grids; that of a mean of two errors of opposite sign says nothing."""
    sys.path.insert(0, str(SOURCE / "postproc"))
    from sna_file import figure_style

    plt = figure_style()
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained", sharey=True)
    for axis, (title, lines) in zip(axes, curves.items()):
        ticks = set()
        for label, points in lines.items():
            n, error = np.array(points, dtype=float).T
            slope = np.log(error[-1] / error[-2]) / np.log(n[-1] / n[-2])
            axis.loglog(n, error, "o-", markersize=4, label=label if label == "mean" else f"{label}, slope {slope:.2f}")
            ticks |= set(n)
        axis.set(title=title, xlabel="voxels per edge")
        axis.set_xticks(sorted(ticks), [f"{m:.0f}" for m in sorted(ticks)])
        axis.minorticks_off()
        axis.legend(fontsize=8)
    axes[0].set_ylabel("relative error")
    figure.savefig(path)
    print(f"wrote {path}", file=sys.stderr)


def main(arguments):
    table = "--markdown" in arguments
    with contextlib.redirect_stdout(sys.stderr if table else sys.stdout):
        for part in (uniform_and_laminates, exact_voxels, bounds, laws, prisms, cylinders, spheres_conduct, checkerboard, channels, spheres_flow, ducts, random_flow,
                     scaled_flow):
            part()
        if not DEBUG:
            text = (SOURCE / "doc" / "verification.md").read_text()
            missing = [case for case, *_ in rows if f"| {case} |" not in text]
            checks.that(not missing, f"doc/verification.md has every row{': not ' + ', '.join(missing) if missing else ''}")
    if "--plot" in arguments:
        plot(arguments[arguments.index("--plot") + 1])
    if table:
        print(markdown())
        sys.exit(1 if checks.failed else 0)
    checks.end()


if __name__ == "__main__":
    main(sys.argv[1:])
