"""The tables of doc/deck.md are the program's own: what stands between the two markers equals `sna_solver -help markdown`.

    doc_deck.py            exit 1 with the difference
    doc_deck.py --write    brings doc/deck.md up to date
"""
import difflib
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import SOURCE, Checks, run

BEGIN, END = "<!-- begin: sna_solver -help markdown -->\n", "<!-- end: sna_solver -help markdown -->\n"
document = SOURCE / "doc" / "deck.md"
text = document.read_text()
checks = Checks()
if not checks.that(text.count(BEGIN) == 1 and text.count(END) == 1 and text.index(BEGIN) < text.index(END), "doc/deck.md has the two markers once each, in order"):
    checks.end()
head, rest = text.split(BEGIN)
tables, tail = rest.split(END)
done = run(args=["-help", "markdown"], np=0)
checks.solved(done, "-help markdown")
wanted = "\n" + done.out.rstrip("\n") + "\n\n"
keys = [line.split("`")[1] for line in done.out.splitlines() if line.startswith("| `")]
checks.that(len(keys) > 30 and "vsna_rank" in keys and "model" in keys, f"the program declares {len(keys)} keys")
checks.that(len(keys) == len(set(keys)), f"each key once {sorted(k for k in set(keys) if keys.count(k) > 1)}")
if "--write" in sys.argv[1:] and tables != wanted:
    document.write_text(head + BEGIN + wanted + END + tail)
    print("doc/deck.md is up to date now")
elif not checks.that(tables == wanted, "doc/deck.md holds the program's tables"):
    sys.stdout.writelines(difflib.unified_diff(tables.splitlines(True), wanted.splitlines(True), "doc/deck.md", "sna_solver -help markdown"))
    print("\nto renew it: SNA_SOLVER=build/sna_solver /usr/bin/python3 tests/verify/doc_deck.py --write")
# The prose too: every `group_key` it names is a key of the tables (`vsna_ksp_*`, `vsna_pc_*` and `vsna_tt_ksp_*` are PETSc's).
groups = {k.split("_")[0] for k in keys}
for word in sorted(set(re.findall(r"`([a-z]+_[a-z0-9_*]+)`", head))):
    if word.split("_")[0] in groups and not word.startswith(("vsna_ksp_", "vsna_pc_", "vsna_tt_ksp_")):
        known = any(k.startswith(word[:-1]) if word.endswith("_*") else re.fullmatch(k.replace("*", "[a-z0-9]+"), word) for k in keys)
        checks.that(known, f"the text's `{word}` is a key")
checks.end()
