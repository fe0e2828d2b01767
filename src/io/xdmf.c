// xdmf.c - the text that tells ParaView where slices and voxel grids lie in an HDF5 file: a temporal collection of uniform
// grids with values at the points, or one uniform grid with values in its cells.
//
// Every grid is a 3DCoRectMesh, missing axes having one point: both readers of ParaView 5.11 (XDMFReader and
// Xdmf3ReaderS) lay a 2DCoRectMesh into the y-z plane. Tensors are given component by component (SnaFileWriteComponents):
// XDMFReader alone knows HyperSlab, and a Tensor6 has its components in another order than Voigt's. Numbers go slowest axis first. The path of an HDF5 file must
// have a directory for the older reader, hence "./case.h5". Reference: XDMF model and format,
// https://www.xdmf.org/index.php/XDMF_Model_and_Format
#include "io_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void PutEscaped(FILE *out, const char text[])
{
  for (; *text; text++) {
    switch (*text) {
    case '&':
      (void)fputs("&amp;", out);
      break;
    case '<':
      (void)fputs("&lt;", out);
      break;
    case '>':
      (void)fputs("&gt;", out);
      break;
    case '"':
      (void)fputs("&quot;", out);
      break;
    default:
      (void)fputc(*text, out);
    }
  }
}

// How `h5_path`, seen from the working directory, is called in a file at `path`: readers take relative names from the
// place of the .xmf.
static void RelativeName(const char path[], const char h5_path[], char name[PETSC_MAX_PATH_LEN])
{
  const char  *here = strrchr(path, '/'), *there = strrchr(h5_path, '/');
  const size_t n = here ? (size_t)(here - path) : 0;
  char        *absolute;

  if (!there || (n == (size_t)(there - h5_path) && !strncmp(path, h5_path, n))) {
    (void)snprintf(name, PETSC_MAX_PATH_LEN, "./%s", there ? there + 1 : h5_path);
    return;
  }
  absolute = realpath(h5_path, NULL);
  (void)snprintf(name, PETSC_MAX_PATH_LEN, "%s", absolute ? absolute : h5_path);
  free(absolute);
}

static void PutNumbers(FILE *out, const char indent[], const double number[3])
{
  fprintf(out,
    "%s    <DataItem Dimensions=\"3\" NumberType=\"Float\" Precision=\"8\" Format=\"XML\">%.17g %.17g "
    "%.17g</DataItem>\n",
    indent, number[2], number[1], number[0]);
}

// `shape` counts the grid's points, slowest axis first.
static void PutMesh(FILE *out, const char indent[], const char shape[], const double origin[3], const double spacing[3])
{
  fprintf(out,
    "%s  <Topology TopologyType=\"3DCoRectMesh\" Dimensions=\"%s\"/>\n%s  <Geometry "
    "GeometryType=\"ORIGIN_DXDYDZ\">\n",
    indent, shape, indent);
  PutNumbers(out, indent, origin);
  PutNumbers(out, indent, spacing);
  fprintf(out, "%s  </Geometry>\n", indent);
}

typedef struct { // how the values of a kind of grid lie in the file
  const char *center, *shape;
  int         precision;
} Layout;

static void PutAttribute(FILE *out, const char indent[], const Layout *layout, const char field[], PetscInt ncomp,
  const char h5_name[], const char dataset[])
{
  fprintf(out, "%s  <Attribute Name=\"", indent);
  PutEscaped(out, field);
  fprintf(out,
    "\" AttributeType=\"%s\" Center=\"%s\">\n%s    <DataItem Dimensions=\"%s%s\" NumberType=\"Float\" "
    "Precision=\"%d\" Format=\"HDF\">",
    ncomp == 1 ? "Scalar" : "Vector", layout->center, indent, layout->shape, ncomp == 1 ? "" : " 3", layout->precision);
  PutEscaped(out, h5_name);
  fprintf(out, ":%s", dataset[0] == '/' ? "" : "/");
  PutEscaped(out, dataset);
  fprintf(out, "</DataItem>\n%s  </Attribute>\n", indent);
}

static void PutSlice(FILE *out, const char h5_name[], const char shape[], const double origin[3],
  const double spacing[3], const SnaXdmfStep *step)
{
  const char   indent[] = "      ";
  const Layout layout   = {"Node", shape, 8};

  fprintf(
    out, "%s<Grid Name=\"slice\" GridType=\"Uniform\">\n%s  <Time Value=\"%.17g\"/>\n", indent, indent, step->time);
  PutMesh(out, indent, shape, origin, spacing);
  for (int f = 0; f < step->nfield; f++)
    PutAttribute(out, indent, &layout, step->field[f], 1, h5_name, step->dataset[f]);
  fprintf(out, "%s</Grid>\n", indent);
}

// Writes what went into `out`, a memory stream on *text, and frees it.
static PetscErrorCode Publish(
  const char path[], FILE *out, char **text, const size_t *length, char message[SNA_MAX_MESSAGE])
{
  int fd, error;

  PetscFunctionBeginUser;
  PetscCheck(!fclose(out), PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for the text of %s", path);
  fd    = SnaPartOpen(path, message);
  error = fd >= 0 ? SnaWriteAll(fd, *text, *length) : 0;
  if (error) SnaMessageSet(message, "%s: cannot write: %s", path, strerror(error));
  SnaPartPublish(fd, path, message);
  free(*text);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaXdmfWrite(MPI_Comm comm, const char path[], const char h5_path[], int naxis, const char *const axis[],
  const PetscInt n[], const double lo[], const double hi[], PetscInt nstep, const SnaXdmfStep steps[],
  char message[SNA_MAX_MESSAGE])
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCheck(
    naxis >= 1 && naxis <= 3, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%s: a slice of %d axes", path, naxis);
  message[0] = 0;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) {
    char      name[PETSC_MAX_PATH_LEN], shape[80];
    double    origin[3] = {0, 0, 0}, spacing[3] = {1, 1, 1};
    long long points[3] = {1, 1, 1};
    char     *text      = NULL;
    size_t    length    = 0;
    FILE     *out       = open_memstream(&text, &length);

    PetscCheck(out, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for the text of %s", path);
    for (int a = 0; a < naxis; a++) {
      points[a] = (long long)n[a];
      origin[a] = lo[a];
      if (n[a] > 1) spacing[a] = (hi[a] - lo[a]) / (double)(n[a] - 1);
    }
    RelativeName(path, h5_path, name);
    (void)snprintf(shape, sizeof(shape), "%lld %lld %lld", points[2], points[1], points[0]);
    fprintf(out, "<?xml version=\"1.0\"?>\n<Xdmf Version=\"3.0\">\n  <Domain>\n    <Grid Name=\"slices\" "
                 "GridType=\"Collection\" CollectionType=\"Temporal\">\n");
    fprintf(out, "      <Information Name=\"axes\" Value=\"");
    for (int a = 0; a < naxis; a++) {
      if (a) (void)fputc(' ', out);
      PutEscaped(out, axis[a]);
    }
    fprintf(out, "\"/>\n");
    for (PetscInt s = 0; s < nstep; s++) PutSlice(out, name, shape, origin, spacing, &steps[s]);
    fprintf(out, "    </Grid>\n  </Domain>\n</Xdmf>\n");
    PetscCall(Publish(path, out, &text, &length, message));
  }
  PetscCall(SnaMessageBroadcast(comm, message));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaXdmfWriteGrid(MPI_Comm comm, const char path[], const char h5_path[], const PetscInt n[3],
  const double lo[3], const double hi[3], int nfield, const SnaXdmfField field[], char message[SNA_MAX_MESSAGE])
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  message[0] = 0;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) {
    char         name[PETSC_MAX_PATH_LEN], nodes[80], cells[80];
    double       spacing[3];
    const Layout layout = {"Cell", cells, 4};
    char        *text   = NULL;
    size_t       length = 0;
    FILE        *out    = open_memstream(&text, &length);

    PetscCheck(out, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for the text of %s", path);
    for (int a = 0; a < 3; a++) spacing[a] = (hi[a] - lo[a]) / (double)n[a];
    RelativeName(path, h5_path, name);
    (void)snprintf(
      nodes, sizeof(nodes), "%lld %lld %lld", (long long)n[2] + 1, (long long)n[1] + 1, (long long)n[0] + 1);
    (void)snprintf(cells, sizeof(cells), "%lld %lld %lld", (long long)n[2], (long long)n[1], (long long)n[0]);
    fprintf(out, "<?xml version=\"1.0\"?>\n<Xdmf Version=\"3.0\">\n  <Domain>\n    <Grid Name=\"voxels\" "
                 "GridType=\"Uniform\">\n");
    PutMesh(out, "    ", nodes, lo, spacing);
    for (int f = 0; f < nfield; f++) {
      PetscCheck(field[f].ncomp == 1 || field[f].ncomp == 3, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
        "%s: %" PetscInt_FMT " components", field[f].name, field[f].ncomp);
      PutAttribute(out, "    ", &layout, field[f].name, field[f].ncomp, name, field[f].dataset);
    }
    fprintf(out, "    </Grid>\n  </Domain>\n</Xdmf>\n");
    PetscCall(Publish(path, out, &text, &length, message));
  }
  PetscCall(SnaMessageBroadcast(comm, message));
  PetscFunctionReturn(0);
}
