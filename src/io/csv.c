// csv.c - tables of numbers as text, read in parallel (csv_file.c has the lines). Not done: words, missing values, other separators than the comma;
// csv_columns.c reads those.
#include "csv_impl.h"
#include <math.h>

static const char *SkipBlanks(const char at[])
{
  while (*at == ' ' || *at == '\t') at++;
  return at;
}

// Fills values[0..ncols), or the message.
static PetscErrorCode TakePoint(void *ctx, SnaCsv *csv, char line[], size_t length, double values[])
{
  const char *at = line, *const last = line + length;
  char     shown[44];
  PetscInt found = 1;

  PetscFunctionBeginUser;
  (void)ctx;
  for (PetscInt c = 0; c < csv->ncols; c++) {
    const char *start = SkipBlanks(at), *end = SnaNumberParse(start, &values[c]);

    at = end ? SkipBlanks(end) : start;
    if (end && isfinite(values[c]) && (c + 1 < csv->ncols ? *at == ',' : at >= last)) {
      at++;
      continue;
    }
    for (const char *p = line; p < last; p++) found += *p == ',';
    for (end = start; end < last && *end != ','; end++) continue;
    if (found != csv->ncols) {
      SnaMessageSet(csv->message, "%lld value%s, but the header names %lld columns", (long long)found,
        found == 1 ? "" : "s", (long long)csv->ncols);
    } else if (end == start)
      SnaMessageSet(csv->message, "column %lld (`%.60s`): the value is missing", (long long)c + 1, csv->names[c]);
    else
      SnaMessageSet(csv->message, "column %lld (`%.60s`): '%s' is not a finite number", (long long)c + 1, csv->names[c],
        SnaCsvShow(start, end, shown));
    break;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCsvRead(MPI_Comm comm, const char path[], PetscInt *nlocal, PetscInt *ncols, char ***names,
  double **data, char message[SNA_MAX_MESSAGE])
{
  SnaCsv csv;

  PetscFunctionBeginUser;
  PetscCall(SnaCsvOpen(comm, path, ",", PETSC_TRUE, &csv, message));
  if (!message[0]) {
    csv.width = csv.ncols;
    PetscCall(SnaCsvReadRange(&csv, TakePoint, NULL));
    PetscCall(SnaCsvAgree(&csv, message));
  }
  if (!message[0]) {
    PetscCall(SnaCsvBalance(&csv));
    *nlocal   = csv.nrows;
    *ncols    = csv.ncols;
    *names    = csv.names;
    *data     = csv.rows;
    csv.names = NULL;
    csv.rows  = NULL;
  }
  PetscCall(SnaCsvClose(&csv));
  PetscFunctionReturn(0);
}
