// table.c - tables of points: which of the two formats, the HDF5 one, and writing.
//
// HDF5: every rank reads its hyperslab. CSV is read in csv.c.
#include "csv_impl.h"
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

// ---------------------------------------------------------------------------------------------------------------------
// HDF5 tables
// ---------------------------------------------------------------------------------------------------------------------
// Splits "x,y,z".
static PetscErrorCode SplitNames(const char text[], PetscInt *n, char ***names)
{
  PetscFunctionBeginUser;
  *n = 1;
  for (const char *p = text; *p; p++) *n += *p == ',';
  PetscCall(PetscCalloc1(*n, names));
  for (PetscInt c = 0; c < *n; c++) {
    const char *from = text + strspn(text, " "), *end;

    for (text = from; *text && *text != ','; text++) continue;
    for (end = text; end > from && end[-1] == ' '; end--) continue;
    PetscCall(PetscMalloc1((size_t)(end - from) + 1, &(*names)[c]));
    PetscCall(PetscStrncpy((*names)[c], from, (size_t)(end - from) + 1));
    if (*text == ',') text++;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadHdf5(MPI_Comm comm, const char path[], const char dataset[], PetscInt *nlocal,
  PetscInt *ncols, PetscBool *named, char ***names, double **data, char message[SNA_MAX_MESSAGE])
{
  SnaFile     file;
  int         ndim;
  PetscInt    dims[4], n = 0;
  PetscMPIInt rank, size;
  PetscBool   has_columns = PETSC_FALSE;
  const char *error;
  char        columns[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(SnaFileOpen(comm, path, &file));
  PetscCall(SnaFileReadArraySize(file, dataset, &ndim, dims));
  PetscCall(SnaFileGetError(file, &error));
  if (!error && ndim != 1 && ndim != 2)
    SnaMessageSet(message, "%s: %s has %d dimensions; a table of rows x columns is expected", path, dataset, ndim);
  else if (!error) {
    *ncols  = ndim == 2 ? dims[1] : 1;
    *nlocal = SnaShareSize((int64_t)dims[0], rank, size);
    if (*ncols < 1)
      SnaMessageSet(message, "%s: %s has no columns", path, dataset);
    else {
      PetscCall(SnaFileHasAttribute(file, dataset, "columns", &has_columns));
      if (has_columns) PetscCall(SnaFileReadAttributeText(file, dataset, "columns", sizeof(columns), columns));
      PetscCall(PetscMalloc1((size_t)*nlocal * (size_t)*ncols, data));
      PetscCall(SnaFileReadRows(file, dataset, *nlocal, *ncols, *data));
      PetscCall(SnaFileGetError(file, &error));
    }
  }
  if (!error && !message[0]) {
    const int64_t first = SnaShareStart((int64_t)dims[0], rank, size);

    for (PetscInt i = 0; i < *nlocal && !message[0]; i++) {
      for (PetscInt c = 0; c < *ncols; c++) {
        if (!isfinite((*data)[(size_t)i * (size_t)*ncols + (size_t)c])) {
          SnaMessageSet(message, "%s: %s: row %lld, column %lld: %g is not a finite number", path, dataset,
            (long long)(first + i), (long long)c, (*data)[(size_t)i * (size_t)*ncols + (size_t)c]);
        }
      }
    }
    if (has_columns) {
      PetscCall(SplitNames(columns, &n, names));
      if (n != *ncols)
        SnaMessageSet(message, "%s: %s: its attribute `columns` names %lld columns, it has %lld", path, dataset,
          (long long)n, (long long)*ncols);
    }
    *named = has_columns;
  }
  PetscCall(SnaFileClose(&file, columns));
  SnaMessageSet(message, "%s", columns);
  PetscCall(SnaMessageAgree(comm, message));
  if (message[0]) {
    PetscCall(PetscFree(*data));
    PetscCall(SnaNamesFree(n, names));
  }
  PetscFunctionReturn(0);
}

PetscBool SnaEndsWith(const char text[], const char end[])
{
  const size_t n = strlen(text), m = strlen(end);

  return n >= m && !strcmp(text + n - m, end) ? PETSC_TRUE : PETSC_FALSE;
}

PetscErrorCode SnaIsHdf5(MPI_Comm comm, const char path[], PetscBool *yes)
{
  char        head[8] = "";
  PetscMPIInt rank;
  int         found = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    found = (fd >= 0 && read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) &&
              !memcmp(head, "\x89HDF\r\n\x1a\n", sizeof(head))) ||
            SnaEndsWith(path, ".h5") || SnaEndsWith(path, ".hdf5");
    if (fd >= 0) (void)close(fd);
  }
  PetscCallMPI(MPI_Bcast(&found, 1, MPI_INT, 0, comm));
  *yes = found ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTableRead(MPI_Comm comm, const char path[], PetscInt *nlocal, PetscInt *ncols, PetscBool *named,
  char ***names, double **data, char message[SNA_MAX_MESSAGE])
{
  const char *colon = strstr(path, ":/");
  PetscBool   hdf5  = PETSC_TRUE;

  PetscFunctionBeginUser;
  *nlocal    = 0;
  *ncols     = 0;
  *named     = PETSC_FALSE;
  *names     = NULL;
  *data      = NULL;
  message[0] = 0;
  if (!colon) PetscCall(SnaIsHdf5(comm, path, &hdf5));
  if (hdf5) {
    char  *name;
    size_t n = colon ? (size_t)(colon - path) : strlen(path);

    PetscCall(PetscMalloc1(n + 1, &name));
    PetscCall(PetscStrncpy(name, path, n + 1));
    PetscCall(ReadHdf5(comm, name, colon ? colon + 1 : "/points", nlocal, ncols, named, names, data, message));
    PetscCall(PetscFree(name));
  } else {
    PetscCall(SnaCsvRead(comm, path, nlocal, ncols, names, data, message));
    *named = PETSC_TRUE;
  }
  if (message[0]) {
    *nlocal = *ncols = 0;
    *named           = PETSC_FALSE;
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscInt      ncols;
  const double *data;
} Rows;

static size_t FormatRows(void *ctx, PetscInt first, PetscInt n, char text[])
{
  const Rows   *rows = (const Rows *)ctx;
  const double *at   = rows->data + (size_t)first * (size_t)rows->ncols;
  char         *to   = text;

  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt c = 0; c < rows->ncols; c++) {
      to += SnaNumberFormat(*at++, to);
      *to++ = c + 1 < rows->ncols ? ',' : '\n';
    }
  }
  return (size_t)(to - text);
}

static PetscErrorCode WriteHdf5(MPI_Comm comm, const char path[], PetscInt nlocal, PetscInt ncols,
  const char *const names[], const double data[], char message[SNA_MAX_MESSAGE])
{
  SnaFile file;
  char   *columns;
  size_t  room = 1;

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < ncols; c++) room += strlen(names[c]) + 1;
  PetscCall(PetscCalloc1(room, &columns));
  for (PetscInt c = 0; c < ncols; c++) {
    if (c) PetscCall(PetscStrlcat(columns, ",", room));
    PetscCall(PetscStrlcat(columns, names[c], room));
  }
  PetscCall(SnaFileCreate(comm, path, &file));
  PetscCall(SnaFileWriteRows(file, "/samples", nlocal, ncols, data));
  PetscCall(SnaFileWriteAttributeText(file, "/samples", "columns", columns));
  PetscCall(SnaFileClose(&file, message));
  PetscCall(PetscFree(columns));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTableWrite(MPI_Comm comm, const char path[], PetscInt nlocal, PetscInt ncols,
  const char *const names[], const double data[], char message[SNA_MAX_MESSAGE])
{
  Rows rows = {.ncols = ncols, .data = data};

  PetscFunctionBeginUser;
  PetscCheck(nlocal >= 0 && ncols > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "A table of no columns");
  message[0] = 0;
  if (SnaEndsWith(path, ".csv"))
    PetscCall(
      SnaCsvWrite(comm, path, nlocal, ncols, names, (size_t)ncols * SNA_NUMBER_BYTES, FormatRows, &rows, message));
  else
    PetscCall(WriteHdf5(comm, path, nlocal, ncols, names, data, message));
  PetscFunctionReturn(0);
}
