// xdmf.c - the text that tells ParaView where slices lie in an HDF5 file: a temporal collection of uniform grids.
//
// Every grid is a 3DCoRectMesh, missing axes having one point: both readers of ParaView 5.11 (XDMFReader and
// Xdmf3ReaderS) lay a 2DCoRectMesh into the y-z plane. Numbers go slowest axis first. The path of an HDF5 file must
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

static void PutGrid(FILE *out, const char h5_name[], const char shape[], const double origin[3],
  const double spacing[3], const SnaXdmfStep *step)
{
  fprintf(out, "      <Grid Name=\"slice\" GridType=\"Uniform\">\n        <Time Value=\"%.17g\"/>\n", step->time);
  fprintf(out,
    "        <Topology TopologyType=\"3DCoRectMesh\" Dimensions=\"%s\"/>\n        <Geometry "
    "GeometryType=\"ORIGIN_DXDYDZ\">\n",
    shape);
  fprintf(out,
    "          <DataItem Dimensions=\"3\" NumberType=\"Float\" Precision=\"8\" Format=\"XML\">%.17g %.17g "
    "%.17g</DataItem>\n",
    origin[2], origin[1], origin[0]);
  fprintf(out,
    "          <DataItem Dimensions=\"3\" NumberType=\"Float\" Precision=\"8\" Format=\"XML\">%.17g %.17g "
    "%.17g</DataItem>\n",
    spacing[2], spacing[1], spacing[0]);
  fprintf(out, "        </Geometry>\n");
  for (int f = 0; f < step->nfield; f++) {
    fprintf(out, "        <Attribute Name=\"");
    PutEscaped(out, step->field[f]);
    fprintf(out,
      "\" AttributeType=\"Scalar\" Center=\"Node\">\n          <DataItem Dimensions=\"%s\" NumberType=\"Float\" "
      "Precision=\"8\" Format=\"HDF\">",
      shape);
    PutEscaped(out, h5_name);
    fprintf(out, ":%s", step->dataset[f][0] == '/' ? "" : "/");
    PutEscaped(out, step->dataset[f]);
    fprintf(out, "</DataItem>\n        </Attribute>\n");
  }
  fprintf(out, "      </Grid>\n");
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
    int       fd, error;

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
    for (PetscInt s = 0; s < nstep; s++) PutGrid(out, name, shape, origin, spacing, &steps[s]);
    fprintf(out, "    </Grid>\n  </Domain>\n</Xdmf>\n");
    PetscCheck(!fclose(out), PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for the text of %s", path);
    fd    = SnaPartOpen(path, message);
    error = fd >= 0 ? SnaWriteAll(fd, text, length) : 0;
    if (error) SnaMessageSet(message, "%s: cannot write: %s", path, strerror(error));
    SnaPartPublish(fd, path, message);
    free(text);
  }
  PetscCall(SnaMessageBroadcast(comm, message));
  PetscFunctionReturn(0);
}
