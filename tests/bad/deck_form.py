"""Decks that are wrong in form: each is refused with file:line and the cure, exit code 2, and leaves nothing behind."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import os
from pathlib import Path

from run_case import SOLVER, Checks, fresh_folder, run

GOOD = """---
model: vsna
case: form
param:
  - s: 0.2
dim:
  - x: {domain: [0, 1], degree: 3, cells: 4, bc: dirichlet}
  - y: {domain: [0, 1], degree: 3, cells: 4, bc: dirichlet}
pde:
  unknown: u
  term:
    - lapx: -d(x,2)
    - lapy: -d(y,2)
  source:
    - f: sin(pi*x) * sin(pi*y) / s
vsna:
  rank: 2
  als: {sweeps: 3}
output:
  dir: out
"""
checks = Checks()
good = run(GOOD, np=1)
checks.solved(good, "the deck that the others are made from")


def line_of(text, part):
    return next(i for i, line in enumerate(text.splitlines(), 1) if part in line)


def refuse(title, old, new, patterns, at=None, np=0, **kwargs):
    """GOOD with `old` replaced by `new`; the message must name the line of `at` (a part of that line)."""
    if old not in GOOD:
        raise SystemExit(f"the test's own deck has no {old!r}")
    deck = GOOD.replace(old, new, 1)
    patterns = [patterns] if isinstance(patterns, str) else list(patterns)
    if at:
        patterns.append(rf"case\.deck:{line_of(deck, at)}: ")
    checks.refused(run(deck, np=np, **kwargs), patterns, title)


# ---- files ----
checks.refused(run(Path("missing.deck"), np=0), r"missing\.deck: there is no such file", "missing deck")
checks.refused(run(Path("missing.deck"), np=2), r"missing\.deck: there is no such file", "missing deck on 2 ranks")
checks.refused(run(None, np=0), r"deck", "no deck at all")
checks.refused(run("", np=0), r"case\.deck.*(empty|model)", "empty deck")
checks.refused(run("# only a comment\n", np=0), r"case\.deck.*(empty|model)", "deck of comments")
checks.refused(run("---\n", np=0), r"case\.deck.*(empty|model)", "deck of a document mark")
folder = fresh_folder()
(folder / "folder.deck").mkdir()
checks.refused(run(Path("folder.deck"), np=0, cwd=folder), r"folder\.deck: is a directory", "a folder as deck")
# Root reads every file, so the unreadable one is something no one can read: a file of /proc that refuses.
checks.refused(run(Path("/proc/self/mem"), np=0), r"/proc/self/mem: (cannot be read|.*binary|.*empty)", "unreadable deck")
(folder / "closed.deck").write_text(GOOD)
(folder / "closed.deck").chmod(0)
if os.geteuid() != 0:
    checks.refused(run(Path("closed.deck"), np=0, cwd=folder), r"closed\.deck: cannot be read", "deck without permission")
(folder / "binary.deck").write_bytes(open(SOLVER, "rb").read(200000))
checks.refused(run(Path("binary.deck"), np=0, cwd=folder), r"binary\.deck: is not a text file", "binary deck")
(folder / "latin.deck").write_bytes(GOOD.replace("case: form", "case: form # gr\xf6\xdfe").encode("latin-1"))
checks.refused(run(Path("latin.deck"), np=0, cwd=folder), r"latin\.deck:3:.*UTF-8", "deck in another encoding")
(folder / "huge.deck").write_text(GOOD + "# " + "x" * 30_000_000 + "\n")
checks.refused(run(Path("huge.deck"), np=0, cwd=folder), r"huge\.deck: is too large", "huge deck")
checks.refused(run(Path("two.deck"), np=0, args=["three.deck"]), r"two\.deck|three\.deck", "two decks")

# ---- YAML ----
refuse("tab", "  dir: out", "\tdir: out", r"[Tt]ab", at="\tdir")
refuse("duplicate key", "  rank: 2", "  rank: 2\n  rank: 3", r"duplicate key `vsna: rank`.*line 17", at="rank: 3")
refuse("duplicate section", "output:", "vsna: {restarts: 1}\noutput:", r"duplicate key `vsna`", at="vsna: {restarts")
refuse("duplicate direction", "  - y: {", "  - x: {domain: [0, 2]}\n  - y: {", r"duplicate.*x", at="[0, 2]")
refuse("case clash", "  rank: 2", "  rank: 2\n  Rank: 3", r"`Rank` and `vsna: rank` on line 17 differ only in case", at="Rank: 3")
refuse("upper case", "  rank: 2", "  RANK: 2", r"write `rank` instead of `RANK`", at="RANK")
refuse("unclosed bracket", "[0, 1], degree: 3, cells: 4, bc: dirichlet}\n  - y", "[0, 1, degree: 3, cells: 4, bc: dirichlet}\n  - y", r"case\.deck:\d+: YAML")
refuse("bad indentation", "  dir: out", "   dir: out\n  slice: 3", r"case\.deck:\d+: YAML")
refuse("two-key list item", "  - s: 0.2", "  - s: 0.2\n    q: 3", r"second key `q`", at="q: 3")
refuse("nested list", "domain: [0, 1], degree: 3, cells: 4, bc: dirichlet}\n  - y", "domain: [[0, 1]], degree: 3, cells: 4, bc: dirichlet}\n  - y", r"list inside a list", at="[[0")
refuse("anchor", "rank: 2", "rank: &r 2", r"anchor", at="&r")
refuse("tag", "rank: 2", "rank: !!int 2", r"tag", at="!!int")
refuse("second document", "output:", "---\noutput:", r"document", at=None)
refuse("a list where a value belongs", "rank: 2", "rank: [2, 3]", r"rank", at="[2, 3]")
refuse("a section where a value belongs", "rank: 2", "rank: {a: 2}", r"rank", at="{a: 2}")
refuse("a value where a section belongs", "  als: {sweeps: 3}", "  als: 3", r"als", at="als: 3")
refuse("underscore in a listed name", "  - lapx:", "  - lap_x:", r"`lap_x`.*not a name", at="lap_x")
checks.refused(run(GOOD.replace("vsna:\n", "vsna:\n" + "".join(f"  key{i}: 1\n" for i in range(700))), np=0), r"too many", "too many keys")

# ---- keys ----
refuse("misspelt key", "  rank: 2", "  rnak: 2", [r"rnak", r"did you mean `.*rank`"], at="rnak")
refuse("misspelt section", "output:", "outptu:", [r"outptu", r"did you mean `output"], at="  dir: out")
refuse("unknown key", "  rank: 2", "  rank: 2\n  colour: red", r"colour", at="colour")
refuse("key of another place", "  rank: 2", "  rank: 2\n  cells: 4", r"cells", at="  cells: 4")
refuse("unknown key of a direction", "bc: dirichlet}\n  - y", "bc: dirichlet, widht: 3}\n  - y", r"widht", at="widht")
refuse("misspelt PETSc key", "  rank: 2", "  rank: 2\n  ksp: {typ: cg}", r"ksp.*typ", at="typ: cg")
refuse("unknown key on the command line", "---", "---", [r"command line: .*vsna_rnak", r"did you mean"], args=["-vsna_rnak", 3])
refuse("key without a direction", "---", "---", r"command line: .*dim_q_cells", args=["-dim_q_cells", 3])
refuse("several errors at once", "  rank: 2\n  als: {sweeps: 3}", "  rnak: 2\n  als: {sweps: 3}", [r"rnak", r"sweps"], at="sweps")
refuse("several errors on 2 ranks, each once", "  rank: 2\n  als: {sweeps: 3}", "  rnak: 2\n  als: {sweps: 3}", [r"rnak", r"sweps"], np=2)
refuse("unknown model", "model: vsna", "model: vsn", [r"vsn", r"vsna"], at="model: vsn")
refuse("no model", "model: vsna\n", "", r"model")
refuse("no case", "case: form\n", "", r"case")
refuse("case with a path", "case: form", "case: ../form", r"case", at="../form")

# ---- values ----
for key, value, pattern in (("rank: 2", "rank: 0", r"rank.*0"), ("rank: 2", "rank: -1", r"rank"), ("rank: 2", "rank: 2.5", r"rank"), ("rank: 2", "rank: two", r"rank"), ("rank: 2", "rank:", r"rank"), ("rank: 2", "rank: 99999999999999", r"rank"),
                            ("rank: 2", "format: ttt", r"format.*cp"), ("rank: 2", "restarts: 0", r"restarts"), ("sweeps: 3", "sweeps: -3", r"sweeps"), ("sweeps: 3", "rtol: -1", r"rtol"),
                            ("sweeps: 3", "tikhonov: nan", r"tikhonov"), ("sweeps: 3", "tikhonov: -1", r"tikhonov"), ("sweeps: 3", "linesearch: perhaps", r"linesearch"), ("sweeps: 3", "max_sweeps: 0", r"max_sweeps"),
                            ("rank: 2", "ladder: [8, 4]", r"ladder"), ("rank: 2", "ladder: [0, 4]", r"ladder")):
    refuse(f"{value}", key, value, pattern, at=value if value != "rank:" else None)
refuse("a string as number on the command line", "---", "---", r"command line: .*vsna_rank", args=["-vsna_rank", "many"])

errors = run(GOOD.replace("rank: 2", "rnak: 2").replace("{sweeps: 3}", "{sweps: 3}"), np=2)
lines = [line for line in errors.err.splitlines() if line.startswith("case.deck:")]
checks.that(len(lines) == 2 and len(set(lines)) == 2, f"one line per error, once, whatever the number of ranks: {len(lines)} lines", errors)
checks.end()
