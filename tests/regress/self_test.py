"""run_case.py itself: right expectations pass; a wrong value, a quantity that is not reported, a wrong exit code and an unknown case each fail."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import json
import subprocess

from run_case import SOURCE, Checks, compare, fresh_folder, need_solver

need_solver()
checks = Checks()
folder = fresh_folder()


def outcome(name, **changes):
    case = {"deck": "inputs/vsna/poisson_2d.deck", "np": 1, "options": ["-vsna_rank", "1"], "expected": {"rank": [1, 0], "ranks": [1, 0]}}
    case.update(changes)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"poisson": case}))
    return subprocess.run([sys.executable, "-B", str(SOURCE / "tests" / "run_case.py"), str(path)], capture_output=True, text=True)


p = outcome("right")
checks.that(p.returncode == 0 and "agrees" in p.stdout, f"right values pass: {p.stdout.strip()[-60:]}{p.stderr.strip()[-300:]}")
p = outcome("wrong", expected={"rank": [1, 0], "error_l2": [0.123, 1e-3]})
checks.that(p.returncode == 1 and "error_l2" in p.stdout and "0.123" in p.stdout, "a wrong value fails and is named")
p = outcome("absent", expected={"no_such_quantity": [1, 1e9]})
checks.that(p.returncode == 1 and "not reported" in p.stdout, "a quantity that is not reported fails")
p = outcome("exit", exit=3)
checks.that(p.returncode == 1 and "exit code 0" in p.stdout, "a wrong exit code fails")
p = outcome("refused", options=["-vsna_rank", "0"], expected={})
checks.that(p.returncode == 1 and "exit code 2" in p.stdout, "a refused deck fails")
p = subprocess.run([sys.executable, "-B", str(SOURCE / "tests" / "run_case.py"), str(folder / "right.json"), "nothing"], capture_output=True, text=True)
checks.that(p.returncode == 2 and "no case nothing" in p.stderr, "an unknown case fails")
checks.that(compare({"a": [1.0, 0.1]}, {"a": 1.2}) and not compare({"a": [1.0, 0.1]}, {"a": 1.05}), "tolerances are relative")
checks.that(bool(compare({"a": [1.0, 0.1]}, {"a": float("nan")})), "NaN never agrees")
checks.end()
