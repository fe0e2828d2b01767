"""Pictures from a 2-rank run with the real sna_view: drawn, right in colour, robust to a killed viewer.   timeout: 400

The driver is the unit test's program (tests/unit/test_view.c, --drive): it sends frames of a Gaussian that moves around the middle.
"""
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

DRIVER = pathlib.Path(os.environ.get("SNA_BUILD_DIR", "build"), "tests", "test_view")
VIEW = os.environ.get("SNA_VIEW") or ""
SOURCE = pathlib.Path(os.environ.get("SNA_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])
LAUNCHER = shlex.split(os.environ.get("SNA_MPIEXEC") or "mpiexec.mpich")

if not VIEW or not os.access(VIEW, os.X_OK):
    print("skipped: no sna_view (environment variable SNA_VIEW)")
    sys.exit(77)
try:
    import matplotlib.image
    import numpy
except ImportError:
    print("skipped: numpy and matplotlib are needed to look at the pictures")
    sys.exit(77)
if not os.access(DRIVER, os.X_OK):
    sys.exit(f"the driver {DRIVER} is missing (environment variable SNA_BUILD_DIR)")

failures = 0
folder = pathlib.Path(tempfile.mkdtemp(prefix="sna-insitu-"))


def check(good, text, more=""):
    global failures
    failures += not good
    print(("ok      " if good else "FAILED  ") + text + ("" if good else f"\n{more}"), flush=True)


def start(name, deck="insitu: {every: 1}", naxis=2, points=65, frames=4, pause=50):
    (folder / f"{name}.deck").write_text(f"case: {name}\n{deck}\n")
    words = [*LAUNCHER, "-np", "2", DRIVER, "--drive", f"{name}.deck", name, naxis, points, frames, pause]
    return subprocess.Popen([str(w) for w in words], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    try:
        out, err = process.communicate(timeout=180)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += "\ntimed out"
    return process.returncode, out, err


def viewers(name):
    """Processes of sna_view that draw into the folder `name` of ours."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                here = (entry / "cwd").resolve() == folder
            except OSError:
                continue
            if here and words[0].decode().endswith("sna_view") and name.encode() in words:
                found.append(int(entry.name))
    return found


def picture(path):
    return matplotlib.image.imread(path)[:, :, :3]


def near(image, colour):
    return numpy.abs(image - numpy.array(colour)).max(axis=2) < 0.08


# Two axes: the picture shows the Gaussian where it is.
code, out, err = finish(start("plane"))
files = sorted(p.name for p in (folder / "plane").glob("*.png"))
check(code == 0 and not err, f"two ranks, four frames: exit {code}", out + err)
check(files == [f"mid_{n:06d}.png" for n in range(4)], f"pictures {files}", out + err)
check("in situ: 4 pictures in plane" in out, "the closing line", out)
check("IOCatalystConduit" not in (folder / "plane" / "view.log").read_text(), "no noise in view.log")
if files:
    first, last = picture(folder / "plane" / files[0]), picture(folder / "plane" / files[-1])
    check(first.shape == (720, 1280, 3), f"size {first.shape}")
    check(near(first, (1, 1, 1)).mean() > 0.4, "white paper")
    check(len(numpy.unique((first * 255).astype(int).reshape(-1, 3), axis=0)) > 200, "many colours")
    yellow, violet = near(first, (0.99, 0.91, 0.14)), near(first, (0.27, 0.0, 0.33))  # the ends of viridis
    check(violet.mean() > 0.1, "the low values are violet")
    # Where the grid is, x in [-1,1] and y in [-1,2]: long runs of violet, unlike in the colour bar. Then the yellow peak inside it.
    columns, rows = numpy.where(violet.sum(axis=0) > 100)[0], numpy.where(violet.sum(axis=1) > 100)[0]
    left, right, top, bottom = columns.min(), columns.max(), rows.min(), rows.max()
    rows, columns = numpy.where(yellow & (numpy.arange(1280)[None, :] <= right))
    x, y = -1 + 2 * (columns.mean() - left) / (right - left), 2 - 3 * (rows.mean() - top) / (bottom - top)
    check(abs(x - 0.4) < 0.03 and abs(y) < 0.03, f"the peak is drawn at ({x:.2f}, {y:.2f}), expected (0.40, 0.00)")
    check(not numpy.allclose(first, last), "the last picture is another one")
    check(near(first[:60], (0.1, 0.1, 0.1)).sum() > 100, "there is a title")

# One and three axes, another size.
for naxis, points in ((1, 129), (3, 17)):
    name = f"axes{naxis}"
    code, out, err = finish(start(name, "insitu: {every: 2, size: [640, 480]}", naxis, points, 3))
    files = sorted(p.name for p in (folder / name).glob("*.png"))
    check(code == 0 and not err and files == ["mid_000000.png", "mid_000002.png"], f"{naxis} axes: exit {code}, {files}", out + err)
    for file in files:
        image = picture(folder / name / file)
        check(image.shape == (480, 640, 3) and len(numpy.unique((image * 255).astype(int).reshape(-1, 3), axis=0)) > 20, f"{naxis} axes: {file} has colours")

# A viewer that is killed in the middle: the run goes on, one line says so, nothing is left behind.
run = start("killed", frames=60, pause=100)
deadline = time.time() + 100
while time.time() < deadline and not viewers("killed"):
    time.sleep(0.05)
found = viewers("killed")
check(len(found) == 1, f"one viewer: {found}")
time.sleep(0.5)
for pid in found:
    os.kill(pid, signal.SIGKILL)
code, out, err = finish(run)
lines = err.strip().splitlines()
check(code == 0, f"viewer killed: exit {code}", out + err)
check(len(lines) == 1 and re.fullmatch(r"in situ: sna_view ended \(signal 9, see killed/view\.log\): the run goes on without pictures", lines[0]), f"viewer killed: {lines}", err)
check(not viewers("killed"), "viewer killed: none is left")

# A script with an error, a missing script.
(folder / "wrong.py").write_text("import nothing_of_that_name\n")
code, out, err = finish(start("wrong", "insitu: {every: 1, script: wrong.py}"))
check(code == 0 and err.splitlines() == ["in situ: the script wrong.py failed (see wrong/view.log): the run goes on without pictures"], f"script with an error: exit {code}", out + err)
check("nothing_of_that_name" in (folder / "wrong" / "view.log").read_text(), "view.log holds Python's message")
code, out, err = finish(start("missing", "insitu: {every: 1, script: none.py}"))
check(code == 2 and "missing.deck:2: " in err and "none.py" in err and not (folder / "missing").exists(), f"missing script: exit {code}", out + err)

# No Xvfb and no display.
bare = {k: v for k, v in os.environ.items() if k != "DISPLAY"}
done = subprocess.run([VIEW, "--self-test", folder / "bare"], env={**bare, "PATH": "/nonexistent"}, capture_output=True, text=True, timeout=60)
check(done.returncode == 1 and "install Xvfb" in done.stderr, f"no display: exit {done.returncode}", done.stderr)

# Afterwards: the same script on a slice set, laid out as SnaXdmfWrite does it.
pvpython = shutil.which("pvpython")
try:
    import h5py
except ImportError:
    pvpython = None
if not pvpython:
    print("(no pvpython or h5py: the script was not tried on an .xmf)")
else:
    case = folder / "after"
    case.mkdir()
    x, y = numpy.meshgrid(numpy.linspace(-1, 1, 33), numpy.linspace(0, 1, 17))
    text = '<?xml version="1.0"?>\n<Xdmf Version="3.0"><Domain><Grid Name="slices" GridType="Collection" CollectionType="Temporal">\n<Information Name="axes" Value="r theta"/>\n'
    with h5py.File(case / "after.h5", "w") as file:
        for step, t in enumerate((0.0, 0.5)):
            file[f"slice/{step}/u"] = numpy.exp(-(x - t) ** 2 - y**2)[None]
            text += f'<Grid Name="g" GridType="Uniform"><Time Value="{t}"/><Topology TopologyType="3DCoRectMesh" Dimensions="1 17 33"/>'
            text += '<Geometry GeometryType="ORIGIN_DXDYDZ"><DataItem Dimensions="3" NumberType="Float" Precision="8" Format="XML">0 0 -1</DataItem>'
            text += f'<DataItem Dimensions="3" NumberType="Float" Precision="8" Format="XML">1 {1 / 16} {2 / 32}</DataItem></Geometry>'
            text += f'<Attribute Name="u" AttributeType="Scalar" Center="Node"><DataItem Dimensions="1 17 33" NumberType="Float" Precision="8" Format="HDF">./after.h5:/slice/{step}/u</DataItem></Attribute></Grid>\n'
    (case / "mid.xmf").write_text(text + "</Grid></Domain></Xdmf>\n")
    # without -noreset the server starts anew when the first of several connections closes, and the next one may find it away
    xvfb = ["xvfb-run", "-a", "-s", "-screen 0 1280x1024x24 -noreset"] if shutil.which("xvfb-run") and "DISPLAY" not in os.environ else []
    done = subprocess.run([*xvfb, pvpython, SOURCE / "postproc" / "insitu" / "slices.py", case / "mid.xmf", "--size", "640x480"], cwd=folder, capture_output=True, text=True, timeout=180)
    files = sorted(p.name for p in case.glob("*.png"))
    check(done.returncode == 0 and files == ["mid_000000.png", "mid_000001.png"], f"afterwards: exit {done.returncode}, {files}", done.stdout + done.stderr)

if failures:
    print(f"{failures} failed; files are in {folder}")
else:
    shutil.rmtree(folder)
sys.exit(1 if failures else 0)
