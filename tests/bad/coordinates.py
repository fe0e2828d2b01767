"""Decks whose `coordinates:` are wrong, and slices, references and tables that do not fit them. Each is refused with its line before anything is written."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run

GOOD = """---
model: vsna
case: turned
param:
  - s: 0.5
coordinates:
  space:
    - x: [-0.7, 0.7]
    - y: [-0.7, 0.7]
  map:
    - p: x*cos(t) + y*sin(t)
    - q: y*cos(t) - x*sin(t)
dim:
  - p: {domain: [-1, 1], degree: 3, cells: 4, bc: dirichlet}
  - q: {domain: [-1, 1], degree: 3, cells: 4, bc: dirichlet}
  - t: {domain: [0, 1], degree: 3, cells: 2, initial: true}
pde:
  unknown: u
  term:
    - rate: d(t)
    - difp: -s * d(p,2)
  initial:
    - start: cos(pi*p/2) * cos(pi*q/2)
  reference: cos(x) * y + t
vsna: {rank: 2, als: {sweeps: 3, final_sweeps: 3}}
error: {points: 2048}
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


# ---- space ----
refuse("empty range", "- y: [-0.7, 0.7]", "- y: [0.7, 0.7]", r"range \[0\.7, 0\.7\] is empty or reversed: the lower end comes first")
refuse("range of one number", "- y: [-0.7, 0.7]", "- y: 0.7", r"two numbers, \[lo, hi\]")
refuse("range of three numbers", "- y: [-0.7, 0.7]", "- y: [0, 1, 2]", r"3 entries")
refuse("no range", "- y: [-0.7, 0.7]", "- y:", r"coordinates: space: y")
refuse("range that is no number", "- y: [-0.7, 0.7]", "- y: [-r, r]", r"unknown name `r`")
refuse("a coordinate called like a direction", "- x: [-0.7, 0.7]", "- t: [-0.7, 0.7]", [r"`t` is a direction of dim", r"choose another name here, or leave it out"])
refuse("a coordinate called like its own direction", "- x: [-0.7, 0.7]", "- p: [-0.7, 0.7]", r"`p` is a direction of dim")
refuse("a coordinate called like a constant", "- x: [-0.7, 0.7]", "- s: [-0.7, 0.7]", r"`s` is a constant of param as well; rename one")
refuse("a coordinate called like a function", "- x: [-0.7, 0.7]", "- sin: [-0.7, 0.7]", r"`sin` is a function")
refuse("a coordinate that no map uses", "    - y: [-0.7, 0.7]\n", "    - y: [-0.7, 0.7]\n    - w: [0, 1]\n", [r"no map uses `w`", r"coordinates: map"], at="- w:")
refuse("space without maps", "  map:\n    - p: x*cos(t) + y*sin(t)\n    - q: y*cos(t) - x*sin(t)\n", "", [r"no map uses `x`", r"no map uses `y`"], at="- x:")
many = "".join(f"    - a{i}: [0, 1]\n" for i in range(30))
refuse("33 coordinates", "    - x: [-0.7, 0.7]\n", many + "    - x: [-0.7, 0.7]\n", r"33 physical coordinates.*32 is the limit", at="  space:")

# ---- map ----
refuse("maps without space", "  space:\n    - x: [-0.7, 0.7]\n    - y: [-0.7, 0.7]\n", "", [r"unknown name `x`; the physical coordinates are t \(those of `coordinates: space:`"], at="- p: x")
refuse("map of an unknown direction", "- p: x*cos(t)", "- pp: x*cos(t)", [r"`pp` is no direction of dim; did you mean `p`\?"])
refuse("map of a physical coordinate", "- p: x*cos(t)", "- x: x*cos(t)", r"`x` is no direction of dim")
refuse("map twice", "- q: y*cos(t)", "- p: y*cos(t)", r"`?p`?", at="- p: y*cos(t)")
refuse("map without expression", "- q: y*cos(t) - x*sin(t)", "- q:", r"coordinates: map: q")
refuse("map of a mapped direction", "- q: y*cos(t) - x*sin(t)", "- q: y - p", [r"`p` is a direction with a map; write this in the physical coordinates, which are x, y, t"])
refuse("map of itself", "- q: y*cos(t) - x*sin(t)", "- q: q", r"`q` is a direction with a map")
refuse("unknown name", "- q: y*cos(t) - x*sin(t)", "- q: y*cos(tt)", [r"unknown name `tt`", r"the physical coordinates are x, y, t"])
refuse("wrong formula", "- q: y*cos(t) - x*sin(t)", "- q: y*", r"column")
refuse("a map that leads out of the domain", "- q: y*cos(t) - x*sin(t)", "- q: y + x + 5", [r"none of 1024 points of the physical box maps into the model's domain", r"compare the ranges"], at="  map:")
refuse("misspelt key", "  space:", "  spaces:", r"unknown key `coordinates: spaces`; did you mean `space`", at="spaces:")

# ---- what uses them ----
refuse("reference in a direction that has a map", "cos(x) * y + t", "cos(p) * y + t", [r"`p` is a direction with a map", r"x, y, t"], at="cos(p) * y")
refuse("reference that is not finite", "cos(x) * y + t", "log(x - 2)", r"the reference is -?nan at x = .*, y = .*, t = ", at="log(x - 2)")
refuse("slice in a direction that has a map", "axes: [x, y]", "axes: [p, y]", r"`p` is no physical coordinate", at="[p, y]")
refuse("slice at a direction that has a map", "t=0.5", "t=0.5, q=0", r"`q` is no physical coordinate", at="q=0")
refuse("slice outside the range", "axes: [x, y], at: \"t=0.5\", n: [9, 9]", "axes: [x, t], at: \"y=0.8\", n: [9, 9]", r"y = 0\.8 is outside its range \[-0\.7, 0\.7\]", at="y=0.8")
for method in ("grid", "separable"):
    refuse(f"error by {method}", "error: {points: 2048}", f"error: {{points: 2048, method: {method}}}", rf"`{method}` integrates over the directions.*use qmc or auto", at="method:")
(good.cwd / "points.csv").write_text("p,q,t\n0,0,0\n")
query = run(None, np=0, cwd=good.cwd, args=["-restart", good.h5.relative_to(good.cwd), "-sample", "points.csv"])
checks.refused(query, r"points\.csv: no column for coordinate `x` \(3 columns, 3 coordinates\)", "a table of directions")
checks.end()
