"""Runs the solver for the tests: a module with run(), start() and Checks, and a command that compares results with expected ones.

    tests/run_case.py EXPECTED.json [CASE ...]      exit 0: all agree, 1: a value or exit code differs, 77: no solver

EXPECTED.json: {case: {"deck": path below the source tree, "np": 2, "options": [...], "exit": 0, "expected": {quantity: [value, rtol]}}}
"{source}" in an option stands for the source tree.
An rtol of 0 asks for equality; a quantity that the run does not report is a mismatch.

Environment: SNA_SOLVER (program), SNA_VIEW, SNA_MPIEXEC (launcher with its flags), SNA_SOURCE_DIR, SNA_BUILD_TYPE. Every run has a
fresh folder, removed at exit; SNA_KEEP=1 keeps it. A run that hangs is ended and is a failure.
"""
import atexit
import json
import math
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(os.environ.get("SNA_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[1])
SOLVER = os.environ.get("SNA_SOLVER") or str(SOURCE / "build" / "sna_solver")
VIEW = os.environ.get("SNA_VIEW") or ""
LAUNCHER = shlex.split(os.environ.get("SNA_MPIEXEC") or "mpiexec.mpich")
DEBUG = os.environ.get("SNA_BUILD_TYPE", "Release") == "Debug"  # sanitizers: 10 to 20 times slower
SKIP = 77
TIMEOUT = 900 if DEBUG else 300
# Variables by which launchers talk to their ranks. A test that itself runs below a launcher must not pass them on.
LAUNCH_VARIABLES = re.compile(r"^(PMI|PMIX|OMPI|HYD|HYDI|MPI_LOCAL|MPICH_|SLURM)")

sys.path.insert(0, str(SOURCE / "postproc"))
sys.dont_write_bytecode = True


def need_solver():
    """Ends the test as skipped where there is no solver."""
    if not os.access(SOLVER, os.X_OK):
        print(f"skipped: no solver at {SOLVER}")
        sys.exit(SKIP)


def fresh_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sna-test-"))
    if os.environ.get("SNA_KEEP"):
        print(f"keeps {folder}")
    else:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def files_below(folder):
    """Every file and folder below `folder`, as relative paths."""
    return sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*"))


def shipped(name):
    """The text of a deck in inputs/vsna."""
    return (SOURCE / "inputs" / "vsna" / f"{name}.deck").read_text()


class Run:
    """One run of the solver, finished after wait(): exit, out, err, seconds, results, files (new below cwd), h5, restart."""

    def __init__(self, deck=None, np=2, args=(), cwd=None, env=None, preexec=None, deck_name="case.deck", pictures=False):
        self.cwd = pathlib.Path(cwd) if cwd else fresh_folder()
        self.exit = None
        command = [] if np == 0 else [*LAUNCHER, "-np", str(np)]
        command.append(SOLVER)
        if isinstance(deck, str):
            (self.cwd / deck_name).write_text(deck)
            command.append(deck_name)
            if "insitu:" in deck and not pictures:
                args = [*args, "-insitu_backend", "none"]
        elif deck is not None:  # a path
            command.append(str(deck))
        command += [str(a) for a in args]
        environment = {k: v for k, v in os.environ.items() if not LAUNCH_VARIABLES.match(k)}
        environment.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", **(env or {}))
        self.before = set(files_below(self.cwd))
        self.command = command
        self.log = fresh_folder()
        self.start = time.monotonic()
        with open(self.log / "out", "wb") as out, open(self.log / "err", "wb") as err:
            self.process = subprocess.Popen(command, cwd=self.cwd, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                            preexec_fn=preexec, start_new_session=True)

    @property
    def out(self):
        return (self.log / "out").read_text(errors="replace")

    @property
    def err(self):
        return (self.log / "err").read_text(errors="replace")

    def wait(self, timeout=TIMEOUT):
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
            raise SystemExit(f"FAILED: hangs for {timeout} s: {shlex.join(self.command)}\n{self.out[-2000:]}\n{self.err[-2000:]}")
        self.exit = code
        self.seconds = time.monotonic() - self.start
        return self

    def wait_for(self, pattern, timeout=TIMEOUT, count=1):
        """Until `pattern` stands `count` times in the output; False when the run ends before."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if len(re.findall(pattern, self.out, re.M)) >= count:
                return True
            if self.process.poll() is not None:
                return len(re.findall(pattern, self.out, re.M)) >= count
            time.sleep(0.02)
        return False

    def pids(self, name=None):
        """Process ids below the launcher whose program is the solver (or `name`), lowest first."""
        wanted = os.path.realpath(name or SOLVER)
        parent, program = {}, {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parent[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                    program[int(entry.name)] = os.readlink(entry / "exe")
                except OSError:
                    pass
        found = []
        for pid in parent:
            up = pid
            while up in parent and up != self.process.pid:
                up = parent[up]
            if up == self.process.pid and program.get(pid) == wanted:
                found.append(pid)
        return sorted(found)

    @property
    def results(self):
        """{name: number}; results that are texts ("y,x,t") are in `texts`."""
        return {name: float(value) for name, value in re.findall(r"^result (\S+) ([-+]?(?:\d[-+.\de]*|inf|nan))$", self.out, re.M)}

    @property
    def texts(self):
        return dict(re.findall(r"^result (order|ranks_tt) (\S+)$", self.out, re.M))

    @property
    def files(self):
        return [name for name in files_below(self.cwd) if name not in self.before and name != "case.deck"]

    def find(self, ending):
        """The one file below cwd with this ending, or None."""
        found = [name for name in files_below(self.cwd) if name.endswith(ending)]
        return self.cwd / found[0] if len(found) == 1 else None

    @property
    def h5(self):
        """The result <dir>/<case>/<case>.h5, or None."""
        found = [path for path in self.cwd.rglob("*.h5") if path.parent.name == path.stem]
        return found[0] if len(found) == 1 else None

    @property
    def restart(self):
        return self.find(".restart.h5")

    def tail(self, lines=25):
        text = f"  command: {shlex.join(self.command)}\n  exit {self.exit}\n"
        for name, stream in (("out", self.out), ("err", self.err)):
            for line in stream.splitlines()[-lines:]:
                text += f"  {name}| {line}\n"
        return text


def start(*args, **kwargs):
    need_solver()
    return Run(*args, **kwargs)


def run(*args, timeout=TIMEOUT, **kwargs):
    return start(*args, **kwargs).wait(timeout)


class Checks:
    """Collects checks, prints each, and ends the test: exit 0 when all hold (and there was one), 1 otherwise."""

    def __init__(self):
        self.count = self.failed = 0

    def that(self, condition, text, run=None):
        self.count += 1
        print(f"{'ok  ' if condition else 'FAIL'}  {text}", flush=True)
        if not condition:
            self.failed += 1
            if run is not None:
                print(run.tail(), flush=True)
        return bool(condition)

    def close(self, value, expected, rtol, text, run=None):
        ok = math.isfinite(value) and abs(value - expected) <= rtol * abs(expected)
        return self.that(ok, f"{text}: {value:.12g}, expected {expected:.12g} to {rtol:g}", run)

    def below(self, value, bound, text, run=None):
        return self.that(math.isfinite(value) and value <= bound, f"{text}: {value:.4g} <= {bound:.4g}", run)

    def solved(self, run, text="solves"):
        trace = re.search(r"PETSC ERROR|AddressSanitizer|runtime error:", run.out + run.err)
        return self.that(run.exit == 0 and not trace, f"{text}: exit {run.exit}, no trace", run)

    def refused(self, run, patterns, text, exit=2, leaves=(), allow=()):
        """A user error: exact exit code, each pattern in stderr or stdout, no trace, nothing left behind."""
        said = run.out + run.err
        missing = [p for p in ([patterns] if isinstance(patterns, str) else patterns) if not re.search(p, said)]
        trace = re.search(r"PETSC ERROR|Sanitizer|runtime error:|Segmentation|core dumped|Traceback", said)
        left = [f for f in run.files if f not in leaves]
        problems = [f"exit {run.exit} instead of {exit}"] if run.exit != exit else []
        problems += [f"no message like /{p}/" for p in missing]
        problems += [f"a trace: {trace.group(0)}"] if trace else []
        problems += [f"left behind: {left}"] if left else []
        return self.that(not problems, f"{text}{': ' + '; '.join(problems) if problems else ''}", run)

    def end(self):
        print(f"{self.count} checks, {self.failed} failed")
        sys.exit(0 if self.count and not self.failed else 1)


def compare(expected, results):
    """Mismatches between {quantity: [value, rtol]} and a run's results, as lines of text."""
    lines = []
    for name, (value, rtol) in expected.items():
        if name not in results:
            lines.append(f"{name}: not reported")
        elif not math.isfinite(results[name]) or abs(results[name] - value) > rtol * abs(value):
            lines.append(f"{name}: {results[name]:.12g} instead of {value:.12g} (relative tolerance {rtol:g})")
    return lines


def main(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    cases = json.loads(pathlib.Path(arguments[0]).read_text())
    unknown = [name for name in arguments[1:] if name not in cases]
    if unknown:
        print(f"{arguments[0]}: no case {', '.join(unknown)}", file=sys.stderr)
        return 2
    mismatches = 0
    for name in arguments[1:] or cases:
        case = cases[name]
        if DEBUG and case.get("release_only"):
            continue
        done = run((SOURCE / case["deck"]).read_text(), np=case.get("np", 2),
                   args=[option.replace("{source}", str(SOURCE)) for option in case.get("options", [])])
        lines = compare(case["expected"], done.results)
        if done.exit != case.get("exit", 0):
            lines.append(f"exit code {done.exit} instead of {case.get('exit', 0)}")
        for line in lines:
            print(f"{name}: {line}")
        if lines:
            print(done.tail())
        else:
            print(f"{name}: agrees ({done.seconds:.1f} s)")
        mismatches += bool(lines)
    return 1 if mismatches else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
