"""The disk: an output folder that cannot be written is refused before the solve with exit code 2; a disk that fills up at the end is a message that names the file and exit code 1,
no half-written result stays, and an older result is intact."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import os
import resource
import subprocess

from run_case import SKIP, Checks, files_below, fresh_folder, run, shipped

checks = Checks()
DECK = shipped("poisson_2d")
folder = fresh_folder()
(folder / "blocked").write_text("a file where the folder should be\n")
checks.refused(run(DECK, np=2, cwd=folder, args=["-output_dir", "blocked"]), r"blocked", "a file in place of the output folder")
checks.refused(run(DECK, np=2, args=["-output_dir", "/proc/sna"]), r"/proc/sna", "an output folder that cannot be made")
(folder / "out").mkdir()
(folder / "out" / "poisson_2d").write_text("a file where the case should be\n")
checks.refused(run(DECK, np=2, cwd=folder), r"poisson_2d", "a file in place of the case's folder")
if os.geteuid() != 0:
    closed = fresh_folder()
    (closed / "out").mkdir()
    (closed / "out").chmod(0o555)
    checks.refused(run(DECK, np=2, cwd=closed), r"out", "a read-only output folder")
    (closed / "out").chmod(0o755)

# A limit on the size of files stands for the full disk: writes fail beyond it. It is above what MPI needs for its shared memory, so the result is made larger.
SIZE = 64_000_000
LARGE = ["-output_slice_plane_n", "2049,2049"]


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (SIZE, SIZE))


for np in (0, 2):
    full = run(DECK, np=np, args=LARGE, preexec=small_files)
    said = full.out + full.err
    checks.that(full.exit == 1, f"full disk, {np or 1} ranks: exit {full.exit}", full)
    checks.that("poisson_2d" in said and ("File too large" in said or "space" in said or "full" in said) and "PETSC ERROR" not in said, "the message names the file and the reason", full)
    checks.that(not [f for f in full.files if f.endswith((".part", ".lock", "poisson_2d.h5"))], f"no half-written file stays: {full.files}", full)
old = run(DECK, np=1)
before = old.h5.read_bytes()
again = run(DECK, np=1, cwd=old.cwd, args=["-force", *LARGE], preexec=small_files)
checks.that(again.exit == 1 and old.h5.read_bytes() == before, f"an older result survives a full disk: exit {again.exit}", again)

# A real small file system, where the test may mount one.
mount = fresh_folder()
if os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)], capture_output=True).returncode == 0:
    try:
        full = run(DECK, np=2, args=["-output_dir", mount])
        said = full.out + full.err
        checks.that(full.exit == 1 and "PETSC ERROR" not in said and "poisson_2d" in said, f"a full tmpfs: exit {full.exit}", full)
        left = [f for f in files_below(mount) if f.endswith((".part", ".lock", "poisson_2d.h5"))]
        checks.that(not left, f"no half-written file stays on it: {left}", full)
    finally:
        subprocess.run(["umount", str(mount)], check=False)
else:
    print("      (may not mount a tmpfs here)")
checks.end()
