// table_columns.c - tables of data: the calls of SnaTable. Which file, which of its columns, and writing.
//
// csv_columns.c and hdf5_columns.c read. Numbers are written with as few digits as give the same double back; what is missing is written as nan.
#include "columns_impl.h"
#include "csv_impl.h"
#include <math.h>
#include <string.h>
#include <strings.h>

// ---------------------------------------------------------------------------------------------------------------------
// Which columns
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaColumnFind(const char path[], PetscInt ncols, const char *const names[], const char name[],
  PetscInt *column, char message[SNA_MAX_MESSAGE])
{
  const char *nearest;
  PetscInt    exact = -1, blind = -1, other = -1;

  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < ncols && exact < 0; c++) {
    if (!strcmp(names[c], name)) exact = c;
  }
  for (PetscInt c = 0; c < ncols && exact < 0; c++) {
    if (strcasecmp(names[c], name)) continue;
    if (blind < 0)
      blind = c;
    else
      other = c;
  }
  *column = exact >= 0 ? exact : other < 0 ? blind : -1;
  if (*column >= 0) PetscFunctionReturn(0);
  if (other >= 0) {
    SnaMessageSet(message, "%s: `%.60s` may be the column `%.60s` or `%.60s`; write it as there", path, name,
      names[blind], names[other]);
    PetscFunctionReturn(0);
  }
  nearest = SnaNearestName(name, (int)ncols, names);
  if (nearest)
    SnaMessageSet(message, "%s: has no column `%.60s`; did you mean `%.60s`?", path, name, nearest);
  else {
    char list[400] = "";

    for (PetscInt c = 0; c < ncols; c++) {
      if (strlen(list) + strlen(names[c]) + 8 > sizeof(list)) {
        PetscCall(PetscStrlcat(list, ", ...", sizeof(list)));
        break;
      }
      if (c) PetscCall(PetscStrlcat(list, ", ", sizeof(list)));
      PetscCall(PetscStrlcat(list, names[c], sizeof(list)));
    }
    SnaMessageSet(message, "%s: has no column `%.60s`; it has %s", path, name, list);
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaColumnsChoose(const char path[], PetscInt nnames, char *const names[], PetscInt nwanted,
  const char *const wanted[], SnaTable *table, PetscInt **source, char message[SNA_MAX_MESSAGE])
{
  const PetscInt n = wanted ? nwanted : nnames;
  PetscInt      *taken; // by which column of the table, -1: by none

  PetscFunctionBeginUser;
  PetscCheck(n > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "No column is wanted");
  PetscCall(PetscMalloc1(n, source));
  PetscCall(PetscMalloc1(nnames, &taken));
  for (PetscInt c = 0; c < nnames; c++) taken[c] = -1;
  for (PetscInt t = 0; t < n && !message[0]; t++) {
    PetscInt *c = &(*source)[t];

    *c = t;
    if (wanted) PetscCall(SnaColumnFind(path, nnames, (const char *const *)names, wanted[t], c, message));
    if (message[0]) break;
    if (taken[*c] >= 0)
      SnaMessageSet(message, "%s: the column `%.60s` is asked for twice, as `%.60s` and `%.60s`", path, names[*c],
        wanted[taken[*c]], wanted[t]);
    taken[*c] = t;
  }
  PetscCall(PetscFree(taken));
  if (message[0]) PetscFunctionReturn(0);
  table->ncols = n;
  PetscCall(PetscCalloc3((size_t)n, &table->name, (size_t)n, &table->nwords, (size_t)n, &table->word));
  for (PetscInt t = 0; t < n; t++) PetscCall(PetscStrallocpy(names[(*source)[t]], &table->name[t]));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Missing entries
// ---------------------------------------------------------------------------------------------------------------------
void SnaMissingAdd(SnaMissing *missing, int64_t line, PetscInt column)
{
  if (missing->count < SNA_MISSING_SHOWN) {
    missing->line[missing->count]   = line;
    missing->column[missing->count] = (int64_t)column;
  }
  missing->count++;
}

PetscErrorCode SnaMissingTell(
  MPI_Comm comm, const SnaMissing *missing, int64_t before, const char what[], SnaTable *table)
{
  SnaMissing  mine = *missing, *all;
  PetscMPIInt size;
  int64_t     shown = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  for (int k = 0; k < SNA_MISSING_SHOWN; k++) mine.line[k] += before;
  PetscCall(PetscMalloc1(size, &all));
  PetscCallMPI(MPI_Allgather(&mine, (int)sizeof(mine) / 8, MPI_INT64_T, all, (int)sizeof(mine) / 8, MPI_INT64_T, comm));
  table->missing  = 0;
  table->where[0] = 0;
  for (PetscMPIInt r = 0; r < size; r++) {
    table->missing += (PetscInt64)all[r].count;
    for (int k = 0; k < PetscMin(all[r].count, SNA_MISSING_SHOWN) && shown < SNA_MISSING_SHOWN; k++, shown++) {
      char text[120];

      PetscCall(PetscSNPrintf(text, sizeof(text), "%s%s %lld: `%.60s` is missing", shown ? "; " : "", what,
        (long long)all[r].line[k], table->name[all[r].column[k]]));
      PetscCall(PetscStrlcat(table->where, text, sizeof(table->where)));
    }
  }
  if (table->missing > shown) {
    char text[40];

    PetscCall(PetscSNPrintf(text, sizeof(text), "; %lld more", (long long)(table->missing - shown)));
    PetscCall(PetscStrlcat(table->where, text, sizeof(table->where)));
  }
  PetscCall(PetscFree(all));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading
// ---------------------------------------------------------------------------------------------------------------------
// Takes FILE.h5:/dataset apart; *dataset is NULL where there is none. *hdf5 false: text, and *file is the whole path.
static PetscErrorCode SplitPath(MPI_Comm comm, const char path[], PetscBool *hdf5, char **file, const char **dataset)
{
  const char *colon = strstr(path, ":/");

  PetscFunctionBeginUser;
  *hdf5    = PETSC_TRUE;
  *dataset = colon ? colon + 1 : NULL;
  PetscCall(PetscStrallocpy(path, file));
  if (colon)
    (*file)[colon - path] = 0;
  else
    PetscCall(SnaIsHdf5(comm, path, hdf5));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTableReadColumns(MPI_Comm comm, const char path[], PetscInt nwanted, const char *const wanted[],
  SnaTable *table, char message[SNA_MAX_MESSAGE])
{
  PetscBool   hdf5;
  char       *file;
  const char *dataset;

  PetscFunctionBeginUser;
  *table     = (SnaTable){0};
  message[0] = 0;
  PetscCall(SplitPath(comm, path, &hdf5, &file, &dataset));
  if (hdf5)
    PetscCall(SnaHdf5ReadColumns(comm, file, dataset, nwanted, wanted, table, message));
  else
    PetscCall(SnaCsvReadColumns(comm, file, nwanted, wanted, table, message));
  PetscCall(PetscFree(file));
  if (message[0]) PetscCall(SnaTableDestroy(table));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTableReadNames(
  MPI_Comm comm, const char path[], PetscInt *ncols, char ***names, char message[SNA_MAX_MESSAGE])
{
  PetscBool   hdf5;
  char       *file;
  const char *dataset;

  PetscFunctionBeginUser;
  *ncols     = 0;
  *names     = NULL;
  message[0] = 0;
  PetscCall(SplitPath(comm, path, &hdf5, &file, &dataset));
  if (hdf5)
    PetscCall(SnaHdf5ReadNames(comm, file, dataset, ncols, names, message));
  else
    PetscCall(SnaCsvReadNames(comm, file, ncols, names, message));
  PetscCall(PetscFree(file));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTableDestroy(SnaTable *table)
{
  PetscFunctionBeginUser;
  for (PetscInt c = 0; c < table->ncols; c++) {
    PetscCall(PetscFree(table->name[c]));
    if (table->nwords[c]) PetscCall(PetscFree(table->word[c][0]));
    PetscCall(PetscFree(table->word[c]));
  }
  if (table->ncols) PetscCall(PetscFree3(table->name, table->nwords, table->word));
  PetscCall(PetscFree(table->value));
  *table = (SnaTable){0};
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  const SnaTable *table;
  PetscInt        nextra;
  const double   *extra;
} Rows;

static char *FormatNumber(double value, char to[])
{
  if (!isnan(value)) return to + SnaNumberFormatShort(value, to);
  memcpy(to, "nan", 3);
  return to + 3;
}

static size_t FormatRows(void *ctx, PetscInt first, PetscInt n, char text[])
{
  const Rows     *rows  = (const Rows *)ctx;
  const SnaTable *table = rows->table;
  char           *to    = text;

  for (PetscInt i = first; i < first + n; i++) {
    for (PetscInt c = 0; c < table->ncols; c++) {
      const double value = table->value[(size_t)i * (size_t)table->ncols + (size_t)c];

      if (table->nwords[c] && !isnan(value))
        to += SnaCsvQuote(table->word[c][(PetscInt)value], to);
      else
        to = FormatNumber(value, to);
      *to++ = ',';
    }
    for (PetscInt c = 0; c < rows->nextra; c++) {
      to    = FormatNumber(rows->extra[(size_t)i * (size_t)rows->nextra + (size_t)c], to);
      *to++ = ',';
    }
    to[-1] = '\n';
  }
  return (size_t)(to - text);
}

static PetscErrorCode WriteHdf5(
  MPI_Comm comm, const char path[], const Rows *rows, const char *const names[], char message[SNA_MAX_MESSAGE])
{
  const SnaTable *table = rows->table;
  const PetscInt  ncols = table->ncols + rows->nextra;
  SnaFile         file;
  char           *columns;
  double         *all;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)table->nrows * (size_t)ncols, &all));
  for (PetscInt i = 0; i < table->nrows; i++) {
    double *row = all + (size_t)i * (size_t)ncols;

    for (PetscInt c = 0; c < table->ncols; c++) row[c] = table->value[(size_t)i * (size_t)table->ncols + (size_t)c];
    for (PetscInt c = 0; c < rows->nextra; c++)
      row[table->ncols + c] = rows->extra[(size_t)i * (size_t)rows->nextra + (size_t)c];
  }
  PetscCall(SnaCsvJoinNames(ncols, names, &columns));
  PetscCall(SnaFileCreate(comm, path, &file));
  PetscCall(SnaFileWriteRows(file, "/table", table->nrows, ncols, all));
  PetscCall(SnaFileWriteAttributeText(file, "/table", "columns", columns));
  PetscCall(SnaFileClose(&file, message));
  PetscCall(PetscFree(columns));
  PetscCall(PetscFree(all));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTableWriteColumns(MPI_Comm comm, const char path[], const SnaTable *table, PetscInt nextra,
  const char *const extra_name[], const double extra[], char message[SNA_MAX_MESSAGE])
{
  const PetscInt ncols     = table->ncols + nextra;
  size_t         row_bytes = (size_t)ncols * SNA_NUMBER_BYTES;
  const char   **names;
  Rows           rows = {.table = table, .nextra = nextra, .extra = extra};

  PetscFunctionBeginUser;
  PetscCheck(ncols > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "A table of no columns");
  message[0] = 0;
  PetscCall(PetscMalloc1(ncols, &names));
  for (PetscInt c = 0; c < ncols; c++) names[c] = c < table->ncols ? table->name[c] : extra_name[c - table->ncols];
  if (SnaEndsWith(path, ".csv")) {
    for (PetscInt c = 0; c < table->ncols; c++) {
      size_t longest = 0;

      for (PetscInt k = 0; k < table->nwords[c]; k++) longest = PetscMax(longest, strlen(table->word[c][k]));
      row_bytes += 2 * longest + 3;
    }
    PetscCall(SnaCsvWrite(comm, path, table->nrows, ncols, names, row_bytes, FormatRows, &rows, message));
  } else
    PetscCall(WriteHdf5(comm, path, &rows, names, message));
  PetscCall(PetscFree(names));
  PetscFunctionReturn(0);
}
