"""Runs a deck once per line of a file, and collects the results into one table. Started by scripts/sweep.

usage: scripts/sweep DECK CASES [-n RANKS] [-j JOBS] [-o DIR] [--check | --collect] [options of sna_solver for all cases]

  CASES      a text file; a line holds the options of one case, words as in the shell: -vsna_rank 64 -param_s "0.1 + 0.02". Empty lines and what
             follows a # do nothing. A case is called case_1, case_2, ... by its number, or by the -case NAME in its line
  -n RANKS   of each case (default 2)
  -j JOBS    cases at a time (default: processors / ranks); more of them share the machine, and `seconds` means little
  -o DIR     results: DIR/NAME/NAME.h5, table: DIR/sweep.h5 and DIR/sweep.csv (default: out/<name of CASES>)
  --check    only read all lines and say what would run
  --collect  only write the table, of the cases that are finished
  --task K, --chunk C, --wall SECONDS
             for batch jobs: cases (K-1)*C+1 to K*C alone (C = 1), which stop in time with restart files; no table

An option counts by where it stands: the deck, the command line of the sweep, the line of the case. Every line is checked before the first case runs.
The same command again goes on: a case with a result of the same options is skipped, one that was stopped goes on from its restart file, the others run.
Ctrl-C (SIGTERM, SIGUSR1) stops the running cases after their sweep, with restart files; a second one ends them at once.

Environment: SNA_SOLVER (a program; nothing is installed or built then), SNA_MPIEXEC (its launcher), SNA_LAUNCH (launcher with the number of ranks: "srun --mpi=pmi2").
Exit codes: 0 all cases are solved, 1 a case failed, 2 a bad line or usage, 3 a case is not converged, 4 stopped and restartable.
"""
import contextlib
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "postproc"))
try:
    from collect import read_run, telling, write_table
    from sna_file import SnaFileError, SnaFile, parse_effective
except ModuleNotFoundError as error:
    sys.exit(f"sweep: {sys.executable} has no {error.name}; install python3-h5py (it brings numpy)")

BEGIN = time.monotonic()
NOT_CONVERGED, STOPPED = 3, 4  # exit codes of sna_solver
OWN = ("-output_dir", "-check", "-force", "-quiet", "-sample", "-predict", "-invert")  # what a line of options may not say


class Usage(Exception):
    """Printed; exit code 2."""


def say(text):
    print(f"sweep: {text}", flush=True)


class Case:
    def __init__(self, number, line, words, folder):
        self.number, self.line, self.name = number, line, f"case_{number}"
        self.options, words = [], iter(words)
        for word in words:
            if word == "-case":
                self.name = next(words, "")
            else:
                self.options.append(word)
        self.folder = folder / self.name
        self.result, self.restart, self.screen = (self.folder / (self.name + ending) for ending in (".h5", ".restart.h5", ".screen"))
        self.effective = {}  # what the program makes of deck and options
        self.exit = None  # exit code; None: not run yet
        self.skipped = self.goes_on = False

    def same(self, path):
        """Whether the file at `path` was made by these options; differences as a text, "" where there are none."""
        try:
            with SnaFile(path) as file:
                theirs, ours = telling(file.options), telling(self.effective)
        except (SnaFileError, KeyError) as error:
            return str(error)
        keys = [k for k in {**ours, **theirs} if ours.get(k) != theirs.get(k)]
        return f"{keys[0]} was {theirs.get(keys[0], 'absent')} and is {ours.get(keys[0], 'absent')}" if keys else ""

    def last_exit(self):
        """The exit code with which the result was made."""
        found = re.findall(r"^sweep: exit (-?\d+)", self.screen.read_text(errors="replace"), re.M) if self.screen.exists() else []
        return int(found[-1]) if found and int(found[-1]) == NOT_CONVERGED else 0

    def complaint(self):
        """The last line that the program printed."""
        dull = ("sweep: ", "result ", "results: ", "error against ", "not converged;")
        lines = [line for line in self.screen.read_text(errors="replace").splitlines() if line.strip() and not line.startswith(dull)] if self.screen.exists() else []
        return lines[-1][:160] if lines else ""


# ---- Reading ----


def arguments_of(words):
    given = {"-n": "2", "-j": "", "-o": "", "--task": "", "--chunk": "1", "--wall": "0"}
    flags, plain, common, words = set(), [], [], list(words)
    while words:
        word = words.pop(0)
        if word in ("-h", "-help", "--help"):
            print(__doc__.partition("\n\n")[2].strip())
            sys.exit(0)
        word = {"-np": "-n", "-check": "--check"}.get(word, word)
        if word in given:
            given[word] = words.pop(0) if words else ""
            if word != "-o" and not re.fullmatch(r"[1-9]\d*", given[word]):
                raise Usage(f"{word} wants a number of 1 or more, not '{given[word]}'")
            if not given[word]:
                raise Usage("-o wants a folder")
        elif word in ("--check", "--collect"):
            flags.add(word)
        elif word.startswith("--"):
            raise Usage(f"unknown option {word} (scripts/sweep --help)")
        elif len(plain) == 2:
            common.append(word)
        elif word.startswith("-"):
            raise Usage(f"{word} stands before DECK and CASES; options of sna_solver stand behind them")
        else:
            plain.append(word)
    if len(plain) < 2:
        raise Usage("usage: scripts/sweep DECK CASES [options] (scripts/sweep --help)")
    own = [w for w in common if w in (*OWN, "-case")]
    if own:
        raise Usage(f"{own[0]} is not for a sweep (scripts/sweep --help)")
    return given, flags, plain, common


def read_cases(path, folder):
    """Cases of the file, and complaints as {text: numbers of lines}."""
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{path}: cannot be read ({error})") from None
    cases, complaints = [], {}
    for number, text in enumerate(lines, 1):
        try:
            words = shlex.split(text, comments=True)
        except ValueError as error:
            complaints.setdefault(f"cannot be read: {error}", []).append(number)
            continue
        if not words:
            continue
        case = Case(len(cases) + 1, number, words, folder)
        own = [w for w in words if w in OWN]
        if own or not words[0].startswith("-"):
            complaints.setdefault(f"{own[0]} is not for a sweep" if own else f"`{words[0]}` is no option", []).append(number)
        other = next((c for c in cases if c.name == case.name), None)
        if other:
            complaints.setdefault(f"`{case.name}` is the name of line {other.line} too", []).append(number)
        cases.append(case)
    if not cases and not complaints:
        raise Usage(f"{path}: holds no case")
    return cases, complaints


def ask(command):
    """Exit code and output of a short run of the program, which is no rank of a launcher above this script."""
    environment = {k: v for k, v in os.environ.items() if not re.match(r"(PMI|PMIX|OMPI|HYD|HYDI|MPI_LOCAL|MPICH_)", k)}
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, env=environment)
    return done.returncode, done.stdout, done.stderr


def check_cases(command_of, cases, complaints):
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        answers = list(pool.map(lambda case: ask([*command_of(case), "-check"]), cases))
    for case, (code, out, err) in zip(cases, answers):
        if code:
            text = "\n  ".join(line for line in err.splitlines() if line.strip()) or f"the program ends with exit code {code}"
            complaints.setdefault(text, []).append(case.line)
        case.effective = parse_effective(out.partition("effective deck:\n")[2])


def find_state(case):
    """Which of skipped, goes_on, or neither; says what was made by other options."""
    if case.result.exists():
        other = case.same(case.result)
        if not other:
            case.skipped, case.exit = True, case.last_exit()
            return
        say(f"{case.name}: its result is of other options and will be replaced ({other})")
    if case.restart.exists():
        other = case.same(case.restart)
        case.goes_on = not other
        if other:
            say(f"{case.name}: its restart file is of other options and is not used ({other})")


# ---- Running ----


class Stop:
    """Counts the signals that ask to stop."""

    def __init__(self):
        self.count = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, self._ask)

    def _ask(self, *_):
        self.count += 1


def seconds(value):
    return f"{value:.1f} s" if value < 100 else f"{value / 60:.0f} min" if value < 5940 else f"{value / 3600:.1f} h"


def run_cases(waiting, command_of, launch, jobs, wall, total):
    stop, told = Stop(), 0
    running, times = {}, []
    done = total - len(waiting)
    waiting = list(waiting)
    while waiting or running:
        left = wall - (time.monotonic() - BEGIN) if wall else 0
        if stop.count or (wall and left < 1):
            waiting.clear()
        while waiting and len(running) < jobs:
            case = waiting.pop(0)
            command = [*launch, *command_of(case)]
            if case.result.exists():
                command.append("-force")
            if case.goes_on:
                command += ["-restart", str(case.restart)]
            own = float(case.effective.get("max_wall_time", 0) or 0)
            if wall:
                command += ["-max_wall_time", f"{min(left, own) if own else left:.0f}"]
            case.folder.mkdir(parents=True, exist_ok=True)
            with open(case.screen, "a" if case.goes_on else "w") as screen:
                print(f"sweep: {shlex.join(command)}", file=screen, flush=True)
                # A session of its own: Ctrl-C reaches this script alone, which stops the cases in order.
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=screen, stderr=subprocess.STDOUT, start_new_session=True)
            running[process] = (case, time.monotonic())
        if stop.count > told:
            told = stop.count
            if told == 1:
                say("stopping; the running cases write restart files (again to end them at once)")
            for process in running:
                with contextlib.suppress(ProcessLookupError):
                    # mpiexec passes SIGUSR1 on to the ranks; SIGTERM would make MPICH's mpiexec lose the exit code.
                    process.send_signal(signal.SIGUSR1) if told == 1 else os.killpg(process.pid, signal.SIGKILL)
        for process in [p for p in running if p.poll() is not None]:
            case, start = running.pop(process)
            elapsed = time.monotonic() - start
            case.exit = finished_code(case, process.returncode, stop.count > 0)
            with open(case.screen, "a") as screen:
                print(f"sweep: exit {case.exit} after {seconds(elapsed)}", file=screen)
            times.append(elapsed)
            done += 1
            eta = seconds(sum(times) / len(times) * (len(waiting) + len(running)) / jobs)
            print(f"[{done:>{len(str(total))}}/{total}] {case.name:<16} {seconds(elapsed):>8}  {outcome(case)}  eta {eta}", flush=True)
        time.sleep(0.02)


def finished_code(case, code, stopping):
    """The program's exit code, unless the result says otherwise."""
    if code in (0, NOT_CONVERGED) and not (case.result.exists() and not case.same(case.result)):
        code = STOPPED if stopping else 1  # MPICH's mpiexec gives 0 when a SIGTERM ends it
    return STOPPED if stopping and code not in (0, NOT_CONVERGED) else code


def outcome(case):
    if case.exit == STOPPED:
        return "stopped"
    if case.exit not in (0, NOT_CONVERGED):
        return f"failed, exit {case.exit}"
    results = read_run(case.result).results
    shown = [f"{name} {results[name]:.2e}" if name.startswith("error") else f"{name} {results[name]:.0f}" for name in ("error_l2", "parameters") if name in results]
    return "  ".join(shown) + ("  not converged" if case.exit == NOT_CONVERGED else "")


def summary(cases):
    """Lists what is not solved; the exit code of the sweep."""
    worst = 0
    for case in cases:
        if case.exit == 0:
            continue
        if case.exit is None or case.exit == STOPPED:
            restart = case.restart.exists() and not case.same(case.restart)
            text, worst = "stopped; the same command goes on from its restart file" if restart else "did not run" if case.exit is None else "stopped", worst if worst == 1 else STOPPED
        elif case.exit == NOT_CONVERGED:
            text, worst = f"not converged (exit 3): {case.complaint()}", worst or NOT_CONVERGED
        else:
            text, worst = f"failed with exit {case.exit}: {case.complaint()} ({case.screen})", 1
        print(f"  {case.name} (line {case.line}): {text}")
    return worst


def collect(cases, folder):
    runs = [read_run(case.result) for case in cases if case.exit in (0, NOT_CONVERGED)]
    if not runs:
        say("no case is finished: no table")
        return
    write_table(runs, folder / "sweep")
    say(f"table of {len(runs)} of {len(cases)} cases: {folder}/sweep.h5, {folder}/sweep.csv")


def main():
    given, flags, (deck, path), common = arguments_of(sys.argv[1:])
    folder = pathlib.Path(given["-o"] or pathlib.Path("out") / pathlib.Path(path).stem)
    solver = os.environ.get("SNA_SOLVER", "build/sna_solver")
    if not os.access(solver, os.X_OK):
        raise Usage(f"no program at {solver}: build it with scripts/run, or set SNA_SOLVER")
    ranks = int(given["-n"])
    launch = shlex.split(os.environ.get("SNA_LAUNCH") or "") or [*shlex.split(os.environ.get("SNA_MPIEXEC") or "mpiexec"), "-n", str(ranks)]
    processors = len(os.sched_getaffinity(0))
    jobs = int(given["-j"] or max(1, processors // ranks))
    task, chunk, wall = (int(given[k] or 0) for k in ("--task", "--chunk", "--wall"))

    def command_of(case):
        # Pictures are for single runs, but a line may ask for them.
        return [solver, deck, "-insitu_backend", "none", *common, *case.options, "-output_dir", str(folder), "-case", case.name]

    cases, complaints = read_cases(path, folder)
    if task:
        cases = cases[(task - 1) * chunk : task * chunk]
        if not cases and not complaints:
            say(f"no case for task {task}")
            return 0
    if not complaints:
        check_cases(command_of, cases, complaints)
    if complaints:
        for text, lines in complaints.items():
            where = f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:10]))}{' ...' if len(lines) > 10 else ''}"
            print(f"sweep: {path}, {where}: {text}", file=sys.stderr)
        print("sweep: nothing was run", file=sys.stderr)
        return 2
    for case in cases:
        find_state(case)
    waiting = [case for case in cases if not case.skipped]
    if "--collect" in flags:
        collect(cases, folder)
        return summary(cases)
    say(f"{len(cases)} case{'s' if len(cases) > 1 else ''}: {len(cases) - len(waiting)} finished before, {sum(c.goes_on for c in waiting)} to go on, "
        f"{sum(not c.goes_on for c in waiting)} to run, {ranks} rank{'s' if ranks > 1 else ''} each, {jobs} at a time; {folder}")
    if "--check" in flags:
        for case in cases:
            print(f"  {case.name:<16} {'finished' if case.skipped else 'goes on ' if case.goes_on else 'to run  '}  {shlex.join(case.options)}")
        return 0
    if jobs > 1 and jobs * ranks > processors:
        say(f"{jobs} times {ranks} ranks share {processors} processors: times mean little")
    run_cases(waiting, command_of, launch, jobs, wall, len(cases))
    if not task:
        collect(cases, folder)
    return summary(cases)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # while the lines are checked
        sys.exit(STOPPED)
    except (Usage, SnaFileError, OSError) as error:
        print(f"sweep: {error}", file=sys.stderr)
        sys.exit(2)
