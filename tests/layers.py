"""Checks the include rules of doc/architecture: layers, one external library per folder, one header per folder.

usage: layers.py [tree]      prints one line per offence and exits 1; the checks are first tried on small wrong trees
"""
import pathlib
import re
import sys
import tempfile

# Which folders' headers (include/sna/<folder>.h) a folder of src may include besides its own.
LAYERS = {
    "base": set(),
    "io": {"base"},
    "sna": {"base", "io"},
    "solve": {"base", "io", "sna"},
    "tt": {"base", "io", "sna", "solve"},
    "fft": {"base"},
    "voxel": {"base", "io"},
    "homog": {"base", "io", "fft", "voxel"},
    "data": {"base", "io"},
    "learn": {"base", "io", "sna"},
    "net": {"base"},
    "insitu": {"base"},
    "models": {"base", "io", "sna", "solve", "tt", "fft", "voxel", "homog", "data", "learn", "net"},
    "app": {"base", "io", "sna", "solve", "tt", "fft", "voxel", "homog", "data", "learn", "net", "insitu", "models"},  # what main consists of
}
# Where the headers of an external library may be included (path prefixes below src); an empty tuple: nowhere.
EXTERNAL = [
    (r"petsc/private/.*", ()),
    (r"muParser.*", ()),
    (r"assert\.h", ()),
    (r"yaml\.h", ("base/",)),
    (r"hdf5.*\.h|H5.*\.h", ("io/",)),
    (r"fftw3.*\.h", ("fft/",)),
    (r"tiffio\.h|zlib\.h", ("voxel/",)),
    (r"cblas.*\.h|openblas.*\.h|lapacke?.*\.h|dnnl.*\.h|oneapi/.*", ("solve/", "net/")),
    (r"petscblaslapack\.h", ("solve/", "tt/", "net/", "sna/", "data/", "learn/")),
    (r"gsl/.*", ("data/",)),
    (r"vtk.*|Python\.h|catalyst.*|conduit.*", ("insitu/",)),
    (r"mujoco/.*", ("models/span/",)),
    (r"petsc\w*\.h|mpi\.h", ("",)),
]
# The C and C++ standard libraries and POSIX are free to all.
STANDARD = set("""ctype.h complex.h errno.h fenv.h float.h inttypes.h limits.h locale.h math.h setjmp.h signal.h stdarg.h
    stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h strings.h tgmath.h time.h dirent.h dlfcn.h fcntl.h glob.h
    libgen.h poll.h pthread.h pwd.h spawn.h unistd.h immintrin.h sys/file.h sys/mman.h sys/resource.h sys/select.h sys/socket.h
    sys/stat.h sys/statvfs.h sys/time.h sys/types.h sys/uio.h sys/un.h sys/utsname.h sys/wait.h sys/prctl.h execinfo.h""".split())
MAIN_LINES = 80
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)
BRAND = re.compile(r"^\s*#\s*(?:el)?if.*\b(OPEN_MPI|OMPI_\w+|MPICH\w*|MPI_VENDOR\w*)|\b(MPIX_\w+|MPID_\w+)", re.M)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def check_include(root, path, folder, inside, name):
    """The offence of `#include name` in a file of `folder` (None for main), or None; `inside` is the path below src."""
    own = re.fullmatch(r"sna/(\w+)\.h", name)
    if own:
        if own[1] not in LAYERS:
            return f"{name}: no such folder in src"
        if folder is not None and own[1] != folder and own[1] not in LAYERS[folder]:
            return f"{folder} may not include {name} (allowed: {', '.join(sorted(LAYERS[folder])) or 'nothing of ours'})"
        return None
    if name in ("sna_config.h",) or name in STANDARD:
        return None
    for pattern, places in EXTERNAL:
        if re.fullmatch(pattern, name):
            if folder is None or not any(inside.startswith(place) for place in places):
                if folder is None and places == ("",):
                    return None
                return f"{name} may be included {'only in src/' + ', src/'.join(places) if places else 'nowhere'}"
            return None
    if path.suffix == ".cxx" and re.fullmatch(r"[a-z_]+", name):
        return None
    # What remains is a private header, seen by the folder it lies in and by folders below that (a model sees src/models).
    local = (path.parent / name).resolve()
    if not local.is_file():
        return f"{name} is unknown: say in tests/layers.py where this library belongs"
    if local.parent == (root / "src").resolve() or local.parent not in [path.resolve().parent, *path.resolve().parent.parents]:
        return f"{name} is private to {local.parent.relative_to(root.resolve())}"
    return None


def check(root):
    """All offences of the tree, as lines `file:line: text`."""
    root = pathlib.Path(root)
    out = []
    source_files = [p for p in sorted(root.glob("src/**/*")) if p.suffix in (".c", ".h", ".cxx", ".cpp", ".cc", ".C", ".hpp")]
    headers = sorted(root.glob("include/**/*.h"))
    for path in source_files + headers:
        where = path.relative_to(root)
        text = path.read_text(encoding="utf-8")
        if where.parts[0] == "include":
            folder = path.stem
            inside = folder + "/"
            if where.parent.as_posix() != "include/sna" or folder not in LAYERS:
                out.append(f"{where}:1: a public header is include/sna/<folder>.h, one per folder of src")
                continue
        else:
            inside = where.relative_to("src").as_posix()
            folder = inside.split("/")[0] if "/" in inside else None
            if folder is None and inside != "main.c":
                out.append(f"{where}:1: only main.c stands in src itself")
            if folder is not None and folder not in LAYERS:
                out.append(f"{where}:1: {folder} is not one of the folders {', '.join(LAYERS)}")
                continue
            if path.suffix not in (".c", ".h") and inside != "insitu/sna_view.cxx":
                out.append(f"{where}:1: C only; src/insitu/sna_view.cxx is the one C++ file")
        for match in INCLUDE.finditer(text):
            offence = check_include(root, path, folder, inside, match[1])
            if offence:
                out.append(f"{where}:{line_of(text, match.start())}: {offence}")
        for match in BRAND.finditer(text):
            out.append(f"{where}:{line_of(text, match.start())}: no code may depend on the MPI's brand ({match[1] or match[2]})")
    for folder in LAYERS:
        if any(p.relative_to(root).parts[1] == folder for p in source_files) and not (root / f"include/sna/{folder}.h").is_file():
            out.append(f"src/{folder}: include/sna/{folder}.h is missing")
    main = root / "src/main.c"
    lines = len(main.read_text(encoding="utf-8").splitlines()) if main.is_file() else None
    if lines is None:
        out.append("src/main.c: missing")
    elif lines >= MAIN_LINES:
        out.append(f"src/main.c:{lines}: main is the table of contents, under {MAIN_LINES} lines")
    return out


def self_test():
    """Every rule must fire on a tree that breaks it, and stay silent on one that does not."""
    good = {
        "include/sna/base.h": "#include <petscsys.h>\n",
        "include/sna/sna.h": "#include <sna/base.h>\n",
        "src/main.c": "#include <sna/base.h>\n#include <sna/sna.h>\n#include <petscsys.h>\n",
        "src/base/a.c": '#include <sna/base.h>\n#include <yaml.h>\n#include "impl.h"\n#include <stdio.h>\n',
        "src/base/impl.h": "#include <sna_config.h>\n",
        "include/sna/models.h": "#include <sna/sna.h>\n",
        "src/models/impl.h": "\n",
        "src/models/vsna/a.c": '#include "../impl.h"\n',
        "src/sna/b.c": "#include <sna/sna.h>\n#include <petscblaslapack.h>\nif (getenv(\"OMPI_COMM_WORLD_SIZE\")) {}\n",
    }
    wrong = {
        "base may not include sna/sna.h": {"src/base/x.c": "\n#include <sna/sna.h>\n"},
        "sna may not include sna/solve.h": {"include/sna/sna.h": '#include "sna/solve.h"\n'},
        "hdf5.h may be included only in src/io/": {"src/base/x.c": "#include <hdf5.h>\n"},
        "yaml.h may be included only in src/base/": {"src/main.c": "#include <yaml.h>\n"},
        "fftw3-mpi.h may be included only in src/fft/": {"src/sna/x.c": "#  include <fftw3-mpi.h>\n"},
        "cblas.h may be included only in src/solve/, src/net/": {"src/sna/x.c": "#include <cblas.h>\n"},
        "petscblaslapack.h may be included only in": {"src/base/x.c": "#include <petscblaslapack.h>\n"},
        "vtkImageData.h may be included only in src/insitu/": {"src/base/x.c": "#include <vtkImageData.h>\n"},
        "petsc/private/petscimpl.h may be included nowhere": {"src/sna/x.c": "#include <petsc/private/petscimpl.h>\n"},
        "muParserDLL.h may be included nowhere": {"src/base/x.c": "#include <muParserDLL.h>\n"},
        "private to src/base": {"src/sna/x.c": '#include "../base/impl.h"\n'},
        "private to src/models/vsna": {"src/models/vsna/impl.h": "\n", "src/models/span/a.c": '#include "../vsna/impl.h"\n'},
        "other.h is unknown": {"src/sna/x.c": "#include <other.h>\n"},
        "one per folder of src": {"include/sna/extra.h": "\n"},
        "include/sna/io.h is missing": {"src/io/x.c": "\n"},
        "extra is not one of the folders": {"src/extra/x.c": "\n"},
        "the one C++ file": {"src/insitu/other.cxx": "\n", "include/sna/insitu.h": "\n"},
        "under 80 lines": {"src/main.c": "\n" * 80},
        "MPI's brand": {"src/sna/x.c": "#ifdef OPEN_MPI\n#endif\n"},
    }
    failures = []
    for expected, change in [(None, {}), *wrong.items()]:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in {**good, **change}.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            found = check(folder)
            if expected is None and found:
                failures.append(f"self test: a good tree was refused: {found}")
            elif expected is not None and not any(expected in line for line in found):
                failures.append(f"self test: not detected: {expected} (found {found})")
    return failures


if __name__ == "__main__":
    problems = self_test() + check(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent)
    print("\n".join(problems) or "layers: all include rules hold")
    sys.exit(1 if problems else 0)
