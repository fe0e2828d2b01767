"""Bases, conditions and forms that do not go together: each is refused with its line, the reason and the cure."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import Checks, run

checks = Checks()
DECK = """---
model: vsna
case: bases
dim:
  - x: {{domain: [0, 1], {x}}}
  - k: {{domain: [1, 2], basis: legendre, modes: 4{k}}}
pde:
  unknown: {unknown}
  {form}
  term:
    - a: {term}
  {more}
  source:
    - f: 1
vsna: {{{vsna}}}
"""


def refuse(title, pattern, x="cells: 8, bc: dirichlet", k="", unknown="u", form="form: least_squares", term="-d(x,2)", more="", vsna="rank: 2"):
    checks.refused(run(DECK.format(x=x, k=k, unknown=unknown, form=form, term=term, more=more, vsna=vsna), np=0), pattern, title)


good = run(DECK.format(x="cells: 8, bc: dirichlet", k="", unknown="u", form="form: galerkin", term="-d(x,2)", more="", vsna="rank: 2"), np=1)
checks.that(good.exit == 0, "the deck that the others are made from", good)
GALERKIN = "form: galerkin"
refuse("a family that is not there", r"case\.deck:5: .*fourrier", x="basis: fourrier, modes: 4, bc: dirichlet")
refuse("cells of a modal basis", r"case\.deck:5: .*modes, not cells", x="basis: fourier, cells: 8, bc: dirichlet")
refuse("a degree of a modal basis", r"case\.deck:5: .*no degree", x="basis: legendre, degree: 3, bc: dirichlet")
refuse("modes of splines", r"case\.deck:5: .*cells, not modes", x="modes: 8, bc: dirichlet")
refuse("knots of a modal basis", r"case\.deck:5: .*no knots", x="basis: chebyshev, modes: 8, knots: [0, 1], bc: dirichlet")
refuse("fourier without conditions", r"case\.deck:5: .*(periodic|dirichlet)", x="basis: fourier, modes: 8")
refuse("fourier with robin", r"case\.deck:5: .*(fourier|Fourier)", x="basis: fourier, modes: 8, bc: robin, robin: 1")
refuse("periodic at one end", r"case\.deck:5: .*periodic", x="cells: 8, bc: [periodic, dirichlet]")
refuse("knots that decrease", r"case\.deck:5: .*", x="knots: [0, 0.5, 0.4, 1], bc: dirichlet")
refuse("knots of another domain", r"case\.deck:5: .*", x="knots: [0, 0.5, 2], bc: dirichlet")
refuse("a knot repeated too often", r"case\.deck:5: .*", x="knots: [0, 0.5, 0.5, 0.5, 0.5, 0.5, 1], bc: dirichlet")
refuse("no function is left", r"case\.deck:5: .*", x="degree: 2, cells: 1, bc: clamped")
refuse("robin without its number", r"case\.deck:5: .*coefficient", x="cells: 8, bc: [dirichlet, robin]")
refuse("robin's number without robin", r"case\.deck:5: .*no end has bc: robin", x="cells: 8, bc: dirichlet, robin: 2")
refuse("the unknown is a direction", r"case\.deck:8: .*`x` is a direction", unknown="x")
refuse("the unknown is a function", r"case\.deck:8: .*`sin`", unknown="sin")
refuse("galerkin and advection", r"case\.deck:11: .*first derivative", form=GALERKIN, term="d(x)")
refuse("galerkin and a coefficient outside", r"case\.deck:11: .*conservative|case\.deck:11: .*-d\(x\)\( a\(x\)", form=GALERKIN, term="-(1+x)*d(x,2)")
refuse("galerkin and time", r"case\.deck:9: .*direction of time", form=GALERKIN, k=", initial: true")
refuse("galerkin and a weight", r"case\.deck:6: .*residual norm", form=GALERKIN, k=", weight: k")
refuse("galerkin and a nonlinear term", r"case\.deck:9: .*linear problems", form=GALERKIN, term="u^2")
refuse("galerkin without symmetry", r"case\.deck:9: .*symmetric", form=GALERKIN, term="-d(x)( d(k) )")
refuse("not a form", r"case\.deck:9: .*petrov", form="form: petrov")
refuse("a rate in an equation of first order", r"case\.deck:\d+: .*d\(k,2\)", k=", initial: true", term="d(k)", more="rate:\n    - v: 1")
refuse("a rate without time", r"case\.deck:\d+: .*initial: true", more="rate:\n    - v: 1")
refuse("third order in time", r"case\.deck:6: .*order 3", k=", initial: true", term="d(k,3)")
refuse("degree for a conservative term", r"case\.deck:11: .*degree 2 or more", x="degree: 1, cells: 8, bc: dirichlet", term="-d(x)( x * d(x) )")
refuse("nonlinear in a tensor train", r"case\.deck:\d+: .*format cp", term="u^2", vsna="format: tensor_train")
refuse("a rank that is no number", r"case\.deck:\d+: .*whole number", vsna="rank: many")
refuse("rank 0", r"case\.deck:\d+: .*whole number", vsna="rank: 0")
refuse("rank 3000", r"case\.deck:\d+: .*whole number", vsna="rank: 3000")
checks.end()
