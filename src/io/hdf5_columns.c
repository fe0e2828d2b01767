// hdf5_columns.c - columns of a two-dimensional data set of numbers by name; each rank reads its rows in blocks and keeps the columns asked for.
//
// The names stand in the attribute `columns`: one text "a,b" (quotes as in CSV) or a list of texts, as h5py writes them. NaN is a missing entry. Not
// done: compound types (pandas, PyTables), texts.
#include "columns_impl.h"
#include "csv_impl.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)8 << 20)

typedef struct {
  SnaFile  file;
  char     dataset[PETSC_MAX_PATH_LEN];
  PetscInt nrows, ncols;
  char   **names;
} Table;

// ---------------------------------------------------------------------------------------------------------------------
// The data set
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  int  count;
  char first[PETSC_MAX_PATH_LEN - 1], list[400];
} Found;

static herr_t NoteTable(hid_t group, const char *name, const H5L_info_t *info, void *ctx)
{
  Found *found = (Found *)ctx;
  hid_t  object, space, type;

  if (info->type != H5L_TYPE_HARD) return 0;
  object = H5Oopen(group, name, H5P_DEFAULT);
  if (object >= 0 && H5Iget_type(object) == H5I_DATASET) {
    space = H5Dget_space(object);
    type  = H5Dget_type(object);
    if (H5Sget_simple_extent_ndims(space) == 2 &&
        (H5Tget_class(type) == H5T_FLOAT || H5Tget_class(type) == H5T_INTEGER)) {
      const size_t used = strlen(found->list);

      if (!found->count++) (void)snprintf(found->first, sizeof(found->first), "%s", name);
      (void)snprintf(found->list + used, sizeof(found->list) - used, "%s/%s", used ? ", " : "", name);
    }
    SnaHdf5Close(H5Tclose, type);
    SnaHdf5Close(H5Sclose, space);
  }
  SnaHdf5Close(H5Oclose, object);
  return 0;
}

// /table, else the only one of two dimensions. Rank 0.
static void FindDataset(SnaFile file, char dataset[PETSC_MAX_PATH_LEN])
{
  Found found = {0};

  if (SnaHdf5Exists(file->h5, "/table")) {
    (void)snprintf(dataset, PETSC_MAX_PATH_LEN, "/table");
    return;
  }
  if (H5Lvisit(file->h5, H5_INDEX_NAME, H5_ITER_INC, NoteTable, &found) < 0)
    SnaFileFail(file, "/", "cannot be listed");
  else if (!found.count)
    SnaMessageSet(file->message, "%s: holds no table: no data set of rows x columns of numbers", file->path);
  else if (found.count > 1)
    SnaMessageSet(file->message, "%s: holds %d tables: %s; say which, as in %s:/%s", file->path, found.count,
      found.list, file->path, found.first);
  else
    (void)snprintf(dataset, PETSC_MAX_PATH_LEN, "/%s", found.first);
}

// ---------------------------------------------------------------------------------------------------------------------
// The names
// ---------------------------------------------------------------------------------------------------------------------
// A list of texts as one line "a,b" with quotes, in new memory; NULL and the sticky error otherwise.
static PetscErrorCode ReadTexts(Table *t, hid_t attribute, hid_t type, char **line)
{
  const hid_t    space = H5Aget_space(attribute);
  const hssize_t n     = H5Sget_simple_extent_npoints(space);
  const char   **names;
  char         **found, *fixed;

  PetscFunctionBeginUser;
  *line = NULL;
  if (H5Sget_simple_extent_type(space) == H5S_SCALAR)
    PetscCall(SnaHdf5ReadText(attribute, PETSC_TRUE, type, line));
  else if (n > 0) {
    const htri_t variable = H5Tis_variable_str(type);
    const size_t bytes    = variable > 0 ? sizeof(char *) : H5Tget_size(type) + 1;
    hid_t        memory   = H5Tcopy(type);

    if (variable <= 0) {
      (void)H5Tset_size(memory, bytes);
      (void)H5Tset_strpad(memory, H5T_STR_NULLTERM);
    }
    PetscCall(PetscCalloc3((size_t)n, &found, (size_t)n, &names, variable > 0 ? 1 : (size_t)n * bytes, &fixed));
    if (H5Aread(attribute, memory, variable > 0 ? (void *)found : (void *)fixed) >= 0) {
      for (hssize_t c = 0; c < n; c++) names[c] = variable > 0 ? found[c] ? found[c] : "" : fixed + (size_t)c * bytes;
      PetscCall(SnaCsvJoinNames((PetscInt)n, names, line));
      if (variable > 0) (void)H5Dvlen_reclaim(memory, space, H5P_DEFAULT, found);
    }
    SnaHdf5Close(H5Tclose, memory);
    PetscCall(PetscFree3(found, names, fixed));
  }
  SnaHdf5Close(H5Sclose, space);
  if (!*line) SnaFileFail(t->file, t->dataset, "cannot read the attribute `columns`");
  PetscFunctionReturn(0);
}

// Rank 0: the attribute as one line, or c0,c1,...
static PetscErrorCode ReadLine(Table *t, char **line)
{
  hid_t attribute, type;

  PetscFunctionBeginUser;
  *line = NULL;
  if (H5Aexists_by_name(t->file->h5, t->dataset, "columns", H5P_DEFAULT) <= 0) {
    const size_t room = 14 * (size_t)t->ncols + 1;
    size_t       used = 0;

    PetscCall(PetscMalloc1(room, line));
    for (PetscInt c = 0; c < t->ncols; c++)
      used += (size_t)snprintf(*line + used, room - used, "%sc%lld", c ? "," : "", (long long)c);
    PetscFunctionReturn(0);
  }
  attribute = H5Aopen_by_name(t->file->h5, t->dataset, "columns", H5P_DEFAULT, H5P_DEFAULT);
  type      = H5Aget_type(attribute);
  if (H5Tget_class(type) != H5T_STRING)
    SnaMessageSet(t->file->message, "%s: %s: its attribute `columns` is not a text", t->file->path, t->dataset);
  else
    PetscCall(ReadTexts(t, attribute, type, line));
  SnaHdf5Close(H5Tclose, type);
  SnaHdf5Close(H5Aclose, attribute);
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadNames(Table *t)
{
  char     *line   = NULL;
  int64_t   length = 0;
  PetscBool go;
  SnaCsv    names = {.separator = ',', .fd = -1};

  PetscFunctionBeginUser;
  if (t->file->rank == 0) {
    PetscCall(ReadLine(t, &line));
    length = line ? (int64_t)strlen(line) : 0;
  }
  PetscCall(SnaFileShareOutcome(t->file, &go));
  if (go) {
    PetscCallMPI(MPI_Bcast(&length, 1, MPI_INT64_T, 0, t->file->comm));
    PetscCall(PetscRealloc((size_t)length + 2, &line));
    PetscCall(SnaBroadcastBytes(t->file->comm, (size_t)length, line));
    line[length]     = '\n'; // the end that a line of a file has
    line[length + 1] = 0;
    PetscCall(SnaCsvParseNames(&names, line, (size_t)length));
    if (names.message[0])
      PetscCall(SnaFileSetError(t->file, "%s: attribute `columns`: %s", t->dataset, names.message));
    else if (names.ncols != t->ncols)
      PetscCall(SnaFileSetError(t->file, "%s: its attribute `columns` names %lld columns, it has %lld", t->dataset,
        (long long)names.ncols, (long long)t->ncols));
    t->names = names.names;
    if (t->file->message[0]) PetscCall(SnaNamesFree(names.ncols, &t->names));
  }
  PetscCall(PetscFree(line));
  PetscFunctionReturn(0);
}

static PetscErrorCode OpenTable(MPI_Comm comm, const char path[], const char dataset[], Table *t)
{
  PetscInt  dims[4];
  int       ndim;
  PetscBool go;

  PetscFunctionBeginUser;
  *t = (Table){0};
  PetscCall(SnaFileOpen(comm, path, &t->file));
  if (dataset) PetscCall(PetscStrncpy(t->dataset, dataset, sizeof(t->dataset)));
  if (!dataset && t->file->rank == 0 && SnaFileAlive(t->file)) FindDataset(t->file, t->dataset);
  PetscCall(SnaFileShareOutcome(t->file, &go));
  PetscCallMPI(MPI_Bcast(t->dataset, sizeof(t->dataset), MPI_CHAR, 0, comm));
  PetscCall(SnaFileReadArraySize(t->file, t->dataset, &ndim, dims));
  if (t->file->message[0]) PetscFunctionReturn(0);
  t->nrows = dims[0];
  t->ncols = ndim == 2 ? dims[1] : 1;
  if (ndim != 1 && ndim != 2)
    PetscCall(
      SnaFileSetError(t->file, "%s has %d dimensions; a table of rows x columns is expected", t->dataset, ndim));
  else if (!t->nrows || !t->ncols)
    PetscCall(SnaFileSetError(t->file, "%s has no %s", t->dataset, t->ncols ? "rows" : "columns"));
  else
    PetscCall(ReadNames(t));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The rows
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode ReadRows(Table *t, const PetscInt source[], SnaTable *table, SnaMissing *missing)
{
  const size_t   row_bytes = (size_t)t->ncols * sizeof(double);
  const PetscInt nblock    = (PetscInt)PetscMax(1, PetscMin((size_t)table->nrows, BLOCK_BYTES / row_bytes));
  SnaFile        file      = t->file;
  double        *block;
  hsize_t        dims[4] = {1, 1, 1, 1};
  int            ndim;
  hid_t          set, memory, space;

  PetscFunctionBeginUser;
  if (file->h5 < 0) file->h5 = SnaHdf5Open(file->path, file->message);
  set = SnaFileOpenDataset(file, t->dataset, SNA_DATA_REAL, &ndim, dims);
  PetscCall(PetscMalloc1((size_t)nblock * (size_t)t->ncols, &block));
  for (PetscInt i0 = 0; i0 < table->nrows && !file->message[0]; i0 += nblock) {
    const PetscInt n        = PetscMin(nblock, table->nrows - i0);
    const hsize_t  start[2] = {(hsize_t)(table->first + i0), 0}, count[2] = {(hsize_t)n, (hsize_t)t->ncols};

    space  = H5Dget_space(set);
    memory = H5Screate_simple(ndim, count, NULL);
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
        H5Dread(set, H5T_NATIVE_DOUBLE, memory, space, H5P_DEFAULT, block) < 0)
      SnaFileFail(file, t->dataset, "cannot be read; the file is damaged");
    SnaHdf5Close(H5Sclose, memory);
    SnaHdf5Close(H5Sclose, space);
    for (PetscInt i = 0; i < n && !file->message[0]; i++) {
      for (PetscInt c = 0; c < table->ncols; c++) {
        const double value = block[(size_t)i * (size_t)t->ncols + (size_t)source[c]];

        table->value[(size_t)(i0 + i) * (size_t)table->ncols + (size_t)c] = value;
        if (isnan(value))
          SnaMissingAdd(missing, (int64_t)(table->first + i0 + i), c);
        else if (isinf(value))
          SnaMessageSet(file->message,
            "%s: %s: row %lld, column `%.60s`: %g is not a finite number; use NaN if it is not known", file->path,
            t->dataset, (long long)(table->first + i0 + i), table->name[c], value);
      }
    }
  }
  PetscCall(PetscFree(block));
  SnaHdf5Close(H5Dclose, set);
  PetscCall(SnaMessageAgree(file->comm, file->message));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaHdf5ReadColumns(MPI_Comm comm, const char path[], const char dataset[], PetscInt nwanted,
  const char *const wanted[], SnaTable *table, char message[SNA_MAX_MESSAGE])
{
  Table       t;
  SnaMissing  missing = {0};
  PetscInt   *source  = NULL;
  PetscMPIInt size;
  char        error[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(OpenTable(comm, path, dataset, &t));
  if (!t.file->message[0])
    PetscCall(SnaColumnsChoose(path, t.ncols, t.names, nwanted, wanted, table, &source, message));
  if (!t.file->message[0] && !message[0]) {
    table->nrows = SnaShareSize((int64_t)t.nrows, t.file->rank, size);
    table->first = (PetscInt64)SnaShareStart((int64_t)t.nrows, t.file->rank, size);
    table->total = (PetscInt64)t.nrows;
    PetscCall(PetscMalloc1((size_t)table->nrows * (size_t)table->ncols, &table->value));
    PetscCall(ReadRows(&t, source, table, &missing));
    PetscCall(SnaMissingTell(comm, &missing, 0, "row", table));
  }
  PetscCall(PetscFree(source));
  PetscCall(SnaNamesFree(t.ncols, &t.names));
  PetscCall(SnaFileClose(&t.file, error));
  SnaMessageSet(message, "%s", error);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaHdf5ReadNames(
  MPI_Comm comm, const char path[], const char dataset[], PetscInt *ncols, char ***names, char message[SNA_MAX_MESSAGE])
{
  Table t;

  PetscFunctionBeginUser;
  PetscCall(OpenTable(comm, path, dataset, &t));
  *names = t.names;
  *ncols = t.names ? t.ncols : 0;
  PetscCall(SnaFileClose(&t.file, message));
  PetscFunctionReturn(0);
}
