// table.c - tables of points: which of the two formats, the HDF5 one, and writing.
//
// HDF5: every rank reads its hyperslab. CSV is read in csv.c; here it is written, each rank formatting its rows and
// writing them at their place in the file.
#include "io_impl.h"
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define WRITE_BYTES  ((PetscInt)64 << 20) // of text held at a time
#define NUMBER_BYTES 25                   // "-1.2345678901234567e-308" and a comma

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

static PetscBool EndsWith(const char text[], const char end[])
{
  const size_t n = strlen(text), m = strlen(end);

  return n >= m && !strcmp(text + n - m, end) ? PETSC_TRUE : PETSC_FALSE;
}

// By content first, then by name: a missing or broken .h5 file must be reported as such.
static PetscErrorCode IsHdf5(MPI_Comm comm, const char path[], PetscBool *yes)
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
            EndsWith(path, ".h5") || EndsWith(path, ".hdf5");
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
  if (!colon) PetscCall(IsHdf5(comm, path, &hdf5));
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
static size_t FormatRows(PetscInt n, PetscInt ncols, const double data[], char text[])
{
  char *to = text;

  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt c = 0; c < ncols; c++) {
      to += SnaNumberFormat(data[(size_t)i * (size_t)ncols + (size_t)c], to);
      *to++ = c + 1 < ncols ? ',' : '\n';
    }
  }
  return (size_t)(to - text);
}

static PetscErrorCode FormatHeader(PetscInt ncols, const char *const names[], char **text, size_t *length)
{
  size_t room = 1;
  char  *to;

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < ncols; c++) room += 2 * strlen(names[c]) + 3;
  PetscCall(PetscMalloc1(room, text));
  to = *text;
  for (PetscInt c = 0; c < ncols; c++) {
    const PetscBool quote = names[c][strcspn(names[c], ",\" \t")] ? PETSC_TRUE : PETSC_FALSE;

    if (quote) *to++ = '"';
    for (const char *p = names[c]; *p; p++) {
      if (*p == '"') *to++ = '"';
      *to++ = *p;
    }
    if (quote) *to++ = '"';
    *to++ = c + 1 < ncols ? ',' : '\n';
  }
  *length = (size_t)(to - *text);
  PetscFunctionReturn(0);
}

// The place of a rank's text follows from the sizes of those before it. A text that is too long to be held is formatted
// once for its size and again for writing.
static PetscErrorCode WriteCsv(MPI_Comm comm, const char path[], PetscInt nlocal, PetscInt ncols,
  const char *const names[], const double data[], char message[SNA_MAX_MESSAGE])
{
  const PetscInt nblock = PetscMax(1, PetscMin(nlocal, WRITE_BYTES / (NUMBER_BYTES * ncols)));
  char          *text, *header;
  size_t         header_length = 0;
  int64_t        bytes = 0, offset = 0;
  int            fd = -1;
  PetscMPIInt    rank;
  MPI_File       part;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  if (rank == 0) fd = SnaPartOpen(path, message);
  PetscCall(SnaPartOpenAll(comm, path, &part, message));
  PetscCall(FormatHeader(ncols, names, &header, &header_length));
  PetscCall(PetscMalloc1((size_t)nblock * (size_t)ncols * NUMBER_BYTES + 32, &text));
  for (PetscInt i = 0; i < nlocal && !message[0]; i += nblock)
    bytes += (int64_t)FormatRows(PetscMin(nblock, nlocal - i), ncols, data + (size_t)i * (size_t)ncols, text);
  PetscCallMPI(MPI_Exscan(&bytes, &offset, 1, MPI_INT64_T, MPI_SUM, comm));
  if (rank == 0) {
    offset = 0;
    PetscCall(SnaPartWriteAt(part, path, 0, header_length, header, message));
  }
  offset += (int64_t)header_length;
  for (PetscInt i = 0; i < nlocal && !message[0]; i += nblock) {
    const size_t length = nlocal <= nblock
                            ? (size_t)bytes
                            : FormatRows(PetscMin(nblock, nlocal - i), ncols, data + (size_t)i * (size_t)ncols, text);

    PetscCall(SnaPartWriteAt(part, path, (MPI_Offset)offset, length, text, message));
    offset += (int64_t)length;
  }
  PetscCall(SnaPartCloseAll(comm, path, &part, message));
  if (rank == 0) SnaPartPublish(fd, path, message);
  PetscCall(SnaMessageBroadcast(comm, message));
  PetscCall(PetscFree(text));
  PetscCall(PetscFree(header));
  PetscFunctionReturn(0);
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
  PetscFunctionBeginUser;
  PetscCheck(nlocal >= 0 && ncols > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "A table of no columns");
  message[0] = 0;
  if (EndsWith(path, ".csv"))
    PetscCall(WriteCsv(comm, path, nlocal, ncols, names, data, message));
  else
    PetscCall(WriteHdf5(comm, path, nlocal, ncols, names, data, message));
  PetscFunctionReturn(0);
}
