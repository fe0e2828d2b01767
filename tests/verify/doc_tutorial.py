"""The commands of doc/tutorial.md, README.md, doc/homogenisation.md and doc/khronos.md do what the documents show: every deck and command in them is run, every line of output quoted is looked for.

    ```yaml file=rod.deck        the block is written to that file
    ```console                   `$ command` is run by bash, the lines under it must appear in its output, in this order; `...` is not looked for
    ```console rtol=0.2 slow     numbers may differ by 20 % (default 2 %); not run in Debug builds
    any other block              is not run

A command must end with exit code 0, unless the last quoted line is that of `; echo "exit code $?"`. Whole numbers and words must be equal; times, memory and
standard errors are not compared. scripts/run stands for the launcher and this build's solver, without pictures; inputs and postproc are those of the source tree.
`doc_tutorial.py --print` shows the whole output of every command, to renew the documents.
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_case import DEBUG, LAUNCH_VARIABLES, LAUNCHER, SOLVER, SOURCE, TIMEOUT, Checks, fresh_folder, need_solver

FENCE = re.compile(r"^```(\w+)?(.*?)\n(.*?)^```$", re.M | re.S)
NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
VOLATILE = [(re.compile(r"(  t )\S+ s(  eta ).*$"), r"\1T\2T"), (re.compile(r"^(result (?:seconds\w*|memory\w*|points_per_second\w*)) .*$"), r"\1 N"),
            (re.compile(r" \+- \S+"), " +- N"), (re.compile(r"about \S+ MB per rank \(largest local band \S+ MB\)"), "about N MB")]
ATOL = 1e-9  # a number that is zero but for round-off

RUN = """#!/usr/bin/env bash
ranks=2 arguments=()
while [ $# -gt 0 ]; do
  case $1 in
  -n | -np) ranks=$2; shift ;;
  *) arguments+=("$1") ;;
  esac
  shift
done
case ${arguments[0]} in *.deck) arguments+=(-insitu_backend none) ;; esac
exec %s -np "$ranks" %s "${arguments[@]}"
"""


def same(quoted, line, rtol):
    """Whether an output line is the quoted one: equal but for spaces and, within rtol, numbers."""
    for pattern, mask in VOLATILE:
        quoted, line = pattern.sub(mask, quoted), pattern.sub(mask, line)
    if NUMBER.sub("#", quoted).split() != NUMBER.sub("#", line).split():
        return False
    for a, b in zip(NUMBER.findall(quoted), NUMBER.findall(line)):
        whole = re.fullmatch(r"[-+]?\d+", a) and re.fullmatch(r"[-+]?\d+", b)
        if a != b if whole else abs(float(a) - float(b)) > max(rtol * abs(float(a)), ATOL):
            return False
    return True


def self_test(checks):
    line = "als    9/140  rank 8  res 1.687e-01  drop 6.94e-03  t 0.1 s  eta 55 s"
    checks.that(same(line, line.replace("0.1 s", "7.2 s").replace("1.687", "1.690"), 0.02), "self test: other times and 0.2 % in a number are the same line")
    checks.that(not same(line, line.replace("1.687", "1.787"), 0.02), "self test: 6 % in a number is another line")
    checks.that(not same(line, line.replace("rank 8", "rank 9"), 0.5), "self test: a whole number must be equal")
    checks.that(not same(line, line.replace("res", "rse"), 0.5), "self test: a word must be equal")


def commands(block):
    """[(command, [quoted lines])] of one console block; a command goes on after a backslash."""
    out = []
    for line in block.replace("\\\n", "\n\\").splitlines():
        if line.startswith("$ "):
            out.append([line[2:], []])
        elif line.startswith("\\"):
            out[-1][0] += " " + line[1:].strip()
        elif line.strip() and line.strip() != "...":
            out[-1][1].append(line)
    return out


def follow(document, checks):
    folder = fresh_folder()
    for name in ("inputs", "postproc", "doc"):
        (folder / name).symlink_to(SOURCE / name)
    (folder / "scripts").mkdir()
    script = folder / "scripts" / "run"
    script.write_text(RUN % (shlex.join(LAUNCHER), shlex.quote(SOLVER)))
    script.chmod(0o755)
    (folder / "build").mkdir()
    (folder / "build" / "sna_solver").symlink_to(SOLVER)
    environment = {k: v for k, v in os.environ.items() if not LAUNCH_VARIABLES.match(k)}
    environment.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", PATH="/usr/bin:" + environment.get("PATH", ""), MPLBACKEND="Agg")
    count = 0
    for language, info, block in FENCE.findall(document.read_text()):
        options = dict(word.partition("=")[::2] for word in info.split())
        if "file" in options:
            (folder / options["file"]).write_text(block)
        if language != "console":
            continue
        count += len(list(commands(block)))
        if DEBUG and "slow" in options:
            continue
        for command, quoted in commands(block):
            done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  errors="replace", timeout=TIMEOUT)
            if "--print" in sys.argv[1:]:
                print(f"$ {command}\n{done.stdout}")
            lines, at, missing = done.stdout.splitlines(), 0, None
            for wanted in quoted:
                found = next((i for i in range(at, len(lines)) if same(wanted, lines[i], float(options.get("rtol", 0.02)))), None)
                if found is None:
                    missing = wanted
                    break
                at = found + 1
            checks.that(done.returncode == 0 and missing is None, f"{document.name}: {command}: exit {done.returncode}, {len(quoted)} quoted lines" + (f"; not there: {missing}" if missing else ""))
            if done.returncode or missing:
                print("".join(f"  | {line}\n" for line in lines[-40:]), end="")
    checks.that(count >= 2, f"{document.name}: {count} commands")


if __name__ == "__main__":
    need_solver()
    checks = Checks()
    self_test(checks)
    for name in [a for a in sys.argv[1:] if not a.startswith("-")] or ["doc/tutorial.md", "README.md", "doc/homogenisation.md", "doc/khronos.md"]:
        follow(SOURCE / name, checks)
    checks.end()
