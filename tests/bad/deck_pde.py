"""Decks whose problem is wrong: directions, expressions, terms, conditions, slices. Each is refused with its line before anything is written."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run

GOOD = """---
model: vsna
case: pde
param:
  - s: 0.2
  - w: 2*s
dim:
  - x: {domain: [0, 1], degree: 3, cells: 4, bc: dirichlet}
  - y: {domain: [0, 1], degree: 3, cells: 4}
  - t: {domain: [0, 1], degree: 3, cells: 4, initial: true}
pde:
  unknown: u
  term:
    - rate: d(t)
    - difx: -s * d(x,2)
  source:
    - f: sin(pi*x) * y
  initial:
    - start: sin(pi*x) * y / w
  reference: sin(pi*x) * y + t
vsna: {rank: 2, als: {sweeps: 3, final_sweeps: 3}}
output:
  dir: out
  slice:
    - mid: {axes: [x, y], at: "t=0.5", n: [9, 9]}
"""
checks = Checks()
good = run(GOOD, np=1)
checks.that(good.exit in (0, 3), f"the deck that the others are made from: exit {good.exit}", good)


def refuse(title, old, new, patterns, at=None, args=()):
    if old not in GOOD:
        raise SystemExit(f"the test's own deck has no {old!r}")
    deck = GOOD.replace(old, new, 1)
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    part = at or (new.strip().splitlines() or [""])[0]
    lines = [i for i, line in enumerate(deck.splitlines(), 1) if part and part in line]
    if lines:
        patterns.append(rf"case\.deck:{lines[0]}: ")
    checks.refused(run(deck, np=0, args=args), patterns, title)


# ---- directions ----
X = "  - x: {domain: [0, 1], degree: 3, cells: 4, bc: dirichlet}"
for title, new, pattern in (
    ("reversed domain", "domain: [1, 0], degree: 3, cells: 4", r"domain"), ("empty domain", "domain: [1, 1], degree: 3, cells: 4", r"domain"),
    ("domain of one number", "domain: [1], degree: 3, cells: 4", r"domain"), ("domain of three numbers", "domain: [0, 1, 2], degree: 3, cells: 4", r"domain"),
    ("domain that is not a number", "domain: [0, one], degree: 3, cells: 4", r"one"), ("infinite domain", "domain: [0, 1/0], degree: 3, cells: 4", r"domain"),
    ("no domain", "degree: 3, cells: 4", r"domain"), ("zero cells", "domain: [0, 1], degree: 3, cells: 0", r"cells"),
    ("negative cells", "domain: [0, 1], degree: 3, cells: -4", r"cells"), ("cells without end", "domain: [0, 1], degree: 3, cells: 2000000000", r"cells"),
    ("degree 0", "domain: [0, 1], degree: 0, cells: 4", r"degree"), ("degree 6", "domain: [0, 1], degree: 6, cells: 4", r"degree"),
    ("unknown basis", "domain: [0, 1], basis: bspine, degree: 3, cells: 4", r"bspine"),
):
    refuse(title, "domain: [0, 1], degree: 3, cells: 4, bc: dirichlet", new + ", bc: dirichlet", pattern, at=new)
refuse("unknown condition", "bc: dirichlet", "bc: neuman", r"`neuman` is not known", at="bc: neuman")
refuse("three conditions", "bc: dirichlet", "bc: [none, none, none]", r"bc", at="[none, none, none]")
refuse("degree 1 for a second derivative", "degree: 3, cells: 4, bc", "degree: 1, cells: 4, bc", r"degree 2 or more", at="d(x,2)")
refuse("no function is left", "degree: 3, cells: 4, bc", "degree: 1, cells: 1, bc", r"cells|degree|function", at="degree: 1, cells: 1")
refuse("no directions", GOOD[GOOD.index("dim:") : GOOD.index("pde:")], "", r"dim")
refuse("an empty list of directions", GOOD[GOOD.index("dim:") : GOOD.index("pde:")], "dim: []\n", r"dim", at="dim: []")
many = "".join(f"  - a{i}: {{domain: [0, 1], degree: 2, cells: 2}}\n" for i in range(30))
refuse("33 directions", X, X + "\n" + many.rstrip(), r"32", at="nothing")
refuse("two directions of time", "cells: 4}\n  - t", "cells: 4, initial: true}\n  - t", r"second direction of time; `y` is one already", at="- t:")
refuse("a direction called like a function", "  - y:", "  - sin:", r"`sin` is a function", at="dim:")
refuse("a direction called like a constant", "  - y:", "  - w:", r"`w` is a direction and a constant", at="dim:")
refuse("a direction called d", "  - s: 0.2", "  - d: 0.2", r"`?d`?", at="- d: 0.2")
refuse("pi is taken", "  - s: 0.2", "  - pi: 3", r"pi", at="- pi: 3")

# ---- constants and expressions ----
refuse("constant of a later one", "  - s: 0.2\n  - w: 2*s", "  - w: 2*s\n  - s: 0.2", r"unknown name `s`", at="- w: 2*s")
refuse("constant that is not finite", "  - w: 2*s", "  - w: 0/0*s", r"finite|nan", at="w: 0/0*s")
refuse("undefined name", "sin(pi*x) * y\n  initial", "sin(pi*x) * yy\n  initial", [r"unknown name `yy`", r"did you mean `y`"], at="yy")
refuse("misspelt function", "sin(pi*x) * y\n  initial", "sni(pi*x) * y\n  initial", [r"unknown function `sni`", r"did you mean `sin`"], at="sni")
refuse("assignment", "sin(pi*x) * y\n  initial", "x=3\n  initial", r"`=`", at="x=3")
refuse("bare comma", "sin(pi*x) * y\n  initial", "\"x,y\"\n  initial", r"comma", at="x,y\"")
refuse("trailing text", "sin(pi*x) * y\n  initial", "sin(pi*x) y\n  initial", r"operator is missing", at="sin(pi*x) y")
refuse("unclosed parenthesis", "sin(pi*x) * y\n  initial", "sin(pi*x * y\n  initial", r"never closed", at="sin(pi*x * y")
refuse("two stars", "sin(pi*x) * y\n  initial", "x**2\n  initial", r"`\*\*`.*`\^`", at="x**2")
refuse("an empty source", "    - f: sin(pi*x) * y\n", "    - f:\n", r"f", at="- f:")
refuse("NaN in a coefficient", "-s * d(x,2)", "-sqrt(x-2) * d(x,2)", r"x is -?nan at x = ", at="sqrt(x-2)")
refuse("infinity in a source", "sin(pi*x) * y\n  initial", "y/0\n  initial", r"finite|inf|zero", at="y/0")
refuse("a weight that is not positive", "initial: true}", "initial: true, weight: t - 0.5}", r"weight.*positive", at="weight: t")
refuse("a weight in another direction", "initial: true}", "initial: true, weight: 1 + x}", r"weight", at="weight: 1 + x")
refuse("a reference that is not finite", "sin(pi*x) * y + t\nvsna", "log(x - 2)\nvsna", r"reference.*(finite|nan|NaN)", at="log(x - 2)")

# ---- separability ----
refuse("factor in two directions", "sin(pi*x) * y\n  initial", "sin(x*y)\n  initial", [r"`sin\(x\*y\)`", r"x and y"], at="sin(x*y)")
refuse("sum in two directions", "sin(pi*x) * y\n  initial", "3*(x + y)\n  initial", [r"`\(?x \+ y\)?`", r"x and y"], at="(x + y)")
refuse("a coefficient in two directions", "-s * d(x,2)", "-exp(x*t)*d(x,2)", [r"`exp\(x\*t\)`", r"x and t"], at="exp(x*t)")
refuse("power in two directions", "sin(pi*x) * y\n  initial", "x^y\n  initial", r"x and y", at="x^y")

# ---- terms ----
refuse("derivative in an unknown direction", "d(x,2)", "d(q,2)", r"unknown direction `q`", at="d(q,2)")
refuse("derivative of order 0", "d(x,2)", "d(x,0)", r"order", at="d(x,0)")
refuse("derivative of order 9", "d(x,2)", "d(x,9)", r"order|degree", at="d(x,9)")
refuse("derivative in a source", "sin(pi*x) * y\n  initial", "d(x) * y\n  initial", r"d\(", at="d(x) * y")
refuse("derivative in a denominator", "-s * d(x,2)", "-s / d(x,2)", r"d\(x,2\)|derivative", at="-s / d(x,2)")
refuse("no terms", "  term:\n    - rate: d(t)\n    - difx: -s * d(x,2)\n", "", r"term")
refuse("terms that vanish", "    - rate: d(t)\n    - difx: -s * d(x,2)\n", "    - rate: 0 * d(t)\n", r"every term of the operator is zero", at="  term:")
refuse("initial without a direction of time", ", initial: true", "", r"initial", at="nothing")
refuse("initial condition in time", "sin(pi*x) * y / w", "sin(pi*x) * t", r"t", at="sin(pi*x) * t")
refuse("a misspelt part of the pde", "  source:", "  sorce:", r"sorce", at="sorce:")

# ---- slices ----
S = "axes: [x, y], at: \"t=0.5\", n: [9, 9]"
refuse("slice with an unknown axis", S, "axes: [x, q], at: \"t=0.5\", n: [9, 9]", r"q", at="[x, q]")
refuse("slice with an axis twice", S, "axes: [x, x], at: \"y=0,t=0.5\", n: [9, 9]", r"x", at="[x, x]")
refuse("slice with an axis that is fixed too", S, "axes: [x, y], at: \"t=0.5, x=0\", n: [9, 9]", r"x", at="x=0")
refuse("slice outside the domain", S, "axes: [x, y], at: \"t=1.5\", n: [9, 9]", r"1\.5|domain|outside", at="t=1.5")
refuse("slice of no points", S, "axes: [x, y], at: \"t=0.5\", n: [0, 9]", r"n", at="[0, 9]")
refuse("slice with the wrong number of sizes", S, "axes: [x, y], at: \"t=0.5\", n: [9, 9, 9]", r"3 numbers of points for 2 axes", at="n: [9, 9, 9]")
refuse("slice over an unknown direction", S, "axes: [x, y], at: \"t=0.5\", n: [9, 9], over: q, frames: 3", r"q", at="over: q")
refuse("slice over an axis", S, "axes: [x, y], at: \"t=0.5\", n: [9, 9], over: x, frames: 3", r"over|x", at="over: x")
refuse("slice that is not name=value", S, "axes: [x, y], at: \"t is 1\", n: [9, 9]", r"name=value", at="t is 1")
refuse("slice with a wrong formula", S, "axes: [x, y], at: \"t=1/\", n: [9, 9]", r"t: column", at="t=1/")
refuse("frames without over", S, "axes: [x, y], frames: 5, n: [9, 9]", r"over", at="frames: 5")
refuse("slice of four axes", S, "axes: [x, y, t, x]", r"axes", at="[x, y, t, x]")
refuse("a slice of too many points", S, "axes: [x, y, t], n: [4096, 4096, 4096]", r"points|large|memory", at="4096")
refuse("a slice larger than memory", S, "axes: [x, y], at: \"t=0.5\", n: [2000000, 2000000]", r"n|large|memory", at="2000000")
refuse("a missing picture script", "output:", "insitu: {every: 5, script: none/such.py, backend: paraview}\noutput:", r"none/such\.py", at="script: none")
checks.end()
