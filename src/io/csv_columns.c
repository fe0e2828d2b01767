// csv_columns.c - columns of a CSV file by name: numbers, words, missing entries (csv_file.c has the lines, words.c the words).
//
// A first pass takes every entry that is a number as one, and the others as words. A column that has both is settled by the majority: text among numbers is
// an error, numbers among words are words. Only for the latter the file is read a second time, with these columns known to be words.
// Fields as in RFC 4180 but for line breaks inside quotes. Not done: decimal commas (an error), dates (words).
#include "columns_impl.h"
#include "csv_impl.h"
#include <math.h>
#include <string.h>
#include <strings.h>

typedef struct {  // this rank's entries of one column
  PetscBool text; // known to be words: numbers are words too
  int64_t   missing, nwords;
  int64_t   word_line, infinite_line; // of the first word and the first infinite number; 0: none
  char      word_shown[44], infinite_shown[44];
  SnaWords  words;
} Column;

typedef struct {
  PetscInt  *target; // column of the file -> column of the table, -1: skipped
  PetscInt   ncols;  // of the table
  PetscBool  all;    // none is skipped
  Column    *column;
  SnaMissing missing;
} Reader;

// ---------------------------------------------------------------------------------------------------------------------
// One row
// ---------------------------------------------------------------------------------------------------------------------
static PetscBool IsMissing(const char from[], size_t n)
{
  static const char *const text[] = {"?", "NA", "NaN", "nan", "NAN", "-nan", "N/A", "null", "NULL"};

  for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
    if (strlen(text[i]) == n && !memcmp(text[i], from, n)) return PETSC_TRUE;
  }
  return n ? PETSC_FALSE : PETSC_TRUE;
}

static PetscBool IsInfinity(const char from[], size_t n)
{
  const size_t sign = *from == '-' || *from == '+';

  return (n == sign + 3 && !strncasecmp(from + sign, "inf", 3)) ||
             (n == sign + 8 && !strncasecmp(from + sign, "infinity", 8))
           ? PETSC_TRUE
           : PETSC_FALSE;
}

// An entry that the fast way did not take: missing, a word, infinite, or a number between quotes or blanks.
static PetscErrorCode TakeEntry(
  Reader *reader, SnaCsv *csv, const char from[], const char to[], PetscInt t, double *value)
{
  Column      *column = &reader->column[t];
  const size_t n      = (size_t)(to - from);
  PetscInt     index  = 0;

  PetscFunctionBeginUser;
  if (IsMissing(from, n)) {
    *value = NAN;
    column->missing++;
    SnaMissingAdd(&reader->missing, csv->lines, t);
    PetscFunctionReturn(0);
  }
  if (!column->text) {
    const PetscBool number = SnaNumberParse(from, value) == to ? PETSC_TRUE : PETSC_FALSE;

    if (number && isfinite(*value)) PetscFunctionReturn(0);
    if (number || IsInfinity(from, n)) {
      *value = NAN;
      if (!column->infinite_line) (void)SnaCsvShow(from, to, column->infinite_shown);
      if (!column->infinite_line) column->infinite_line = csv->lines;
      PetscFunctionReturn(0);
    }
  }
  for (const char *p = from; p < to; p++) {
    if ((unsigned char)*p < ' ' && *p != '\t') {
      char shown[44];

      SnaMessageSet(csv->message, "`%s` holds control characters: not a table", SnaCsvShow(from, to, shown));
      PetscFunctionReturn(0);
    }
  }
  if (!column->nwords++) {
    column->word_line = csv->lines;
    (void)SnaCsvShow(from, to, column->word_shown);
  }
  PetscCall(SnaWordsAdd(&column->words, from, n, &index));
  *value = (double)index;
  PetscFunctionReturn(0);
}

static PetscErrorCode TakeRow(void *ctx, SnaCsv *csv, char line[], size_t length, double values[])
{
  Reader    *reader    = (Reader *)ctx;
  const char separator = csv->separator;
  char *at = line, *const last = line + length;
  const PetscBool plain = !reader->all && !memchr(line, '"', length) ? PETSC_TRUE : PETSC_FALSE;
  PetscInt        c;

  PetscFunctionBeginUser;
  for (c = 0;; c++, at++) {
    const PetscInt t = c < csv->ncols ? reader->target[c] : -1;
    char          *from, *to;

    if (t >= 0 && !reader->column[t].text) {
      const char *end;

      while (*at == ' ') at++;
      end = SnaNumberParse(at, &values[t]);
      if (end && (*end == separator || end == last) && isfinite(values[t])) {
        at = (char *)end;
        if (at == last) break;
        continue;
      }
    } else if (t < 0 && plain) {
      at = (char *)memchr(at, separator, (size_t)(last - at));
      if (!at) break;
      continue;
    }
    at = SnaCsvField(csv, at, last, &from, &to);
    if (!at) PetscFunctionReturn(0);
    if (t >= 0) PetscCall(TakeEntry(reader, csv, from, to, t, &values[t]));
    if (at == last || csv->message[0]) break;
  }
  if (c + 1 != csv->ncols && !csv->message[0]) {
    const char *name = SnaCsvSeparatorName(csv);

    if (c)
      SnaMessageSet(csv->message,
        "%lld values, but the header names %lld columns; an entry that holds a %s needs quotes", (long long)c + 1,
        (long long)csv->ncols, name);
    else
      SnaMessageSet(csv->message, "1 value, but the header names %lld columns, with a %s between them",
        (long long)csv->ncols, name);
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// What the columns are
// ---------------------------------------------------------------------------------------------------------------------
// Makes room for an error of this rank in `line` unless it has one before.
static PetscBool IsFirst(SnaCsv *csv, int64_t line)
{
  if (!line || (csv->error_line && csv->error_line <= line)) return PETSC_FALSE;
  csv->error_line = line;
  csv->message[0] = 0;
  return PETSC_TRUE;
}

// Columns of words become text. *again: numbers among them were not taken as such.
static PetscErrorCode Settle(Reader *reader, SnaCsv *csv, char *const names[], PetscBool *again)
{
  int64_t *sum; // of all ranks, for each column: numbers, words

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(2 * (size_t)reader->ncols, &sum));
  for (PetscInt t = 0; t < reader->ncols; t++) {
    const Column *column = &reader->column[t];

    sum[2 * t]     = (int64_t)csv->nrows - column->nwords - column->missing;
    sum[2 * t + 1] = column->nwords;
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 2 * (int)reader->ncols, MPI_INT64_T, MPI_SUM, csv->comm));
  *again = PETSC_FALSE;
  for (PetscInt t = 0; t < reader->ncols; t++) {
    const int64_t numbers = sum[2 * t], nwords = sum[2 * t + 1];
    Column       *column = &reader->column[t];

    if (numbers > nwords && IsFirst(csv, column->word_line))
      SnaMessageSet(csv->message,
        "column `%.60s`: '%s' is not a number, but %lld other entries are; correct it, or leave it empty", names[t],
        column->word_shown, (long long)numbers);
    if (numbers > nwords && IsFirst(csv, column->infinite_line))
      SnaMessageSet(csv->message, "column `%.60s`: '%s' is not a finite number; leave it empty if it is not known",
        names[t], column->infinite_shown);
    if (numbers <= nwords && nwords) {
      if (numbers) *again = PETSC_TRUE;
      column->text = PETSC_TRUE;
    }
  }
  PetscCall(PetscFree(sum));
  PetscFunctionReturn(0);
}

static PetscErrorCode Restart(Reader *reader)
{
  PetscFunctionBeginUser;
  reader->missing = (SnaMissing){0};
  for (PetscInt t = 0; t < reader->ncols; t++) {
    PetscCall(SnaWordsDestroy(&reader->column[t].words));
    reader->column[t] = (Column){.text = reader->column[t].text};
  }
  PetscFunctionReturn(0);
}

// "1,5"
static PetscBool IsDecimalComma(const char word[])
{
  const char  *at    = word + (*word == '-' || *word == '+');
  const size_t whole = strspn(at, "0123456789"), part = at[whole] == ',' ? strspn(at + whole + 1, "0123456789") : 0;

  return whole && part && !at[whole + 1 + part] ? PETSC_TRUE : PETSC_FALSE;
}

// The sorted words of column t of all ranks; the column's numbers become places in this list.
static PetscErrorCode MergeWords(Reader *reader, SnaCsv *csv, PetscInt t, SnaTable *table)
{
  Column   *column = &reader->column[t];
  PetscInt *place, commas = 0;
  PetscBool ok;

  PetscFunctionBeginUser;
  PetscCall(SnaWordsMerge(csv->comm, &column->words, &table->nwords[t], &table->word[t], &place, &ok));
  if (!ok)
    SnaMessageSet(csv->message, "column `%.60s`: more than 2 GB of distinct words; leave it out", table->name[t]);
  for (PetscInt i = 0; ok && i < csv->nrows; i++) {
    double *value = &csv->rows[(size_t)i * (size_t)csv->width + (size_t)t];

    if (!isnan(*value)) *value = (double)place[(PetscInt)*value];
  }
  for (PetscInt k = 0; k < table->nwords[t]; k++) commas += IsDecimalComma(table->word[t][k]) ? 1 : 0;
  if (commas && commas == table->nwords[t] && IsFirst(csv, column->word_line))
    SnaMessageSet(
      csv->message, "column `%.60s`: '%s' has a decimal comma; write a point", table->name[t], column->word_shown);
  PetscCall(PetscFree(place));
  PetscCall(SnaWordsDestroy(&column->words));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReadRows(Reader *reader, SnaCsv *csv, SnaTable *table, char message[SNA_MAX_MESSAGE])
{
  PetscBool again  = PETSC_TRUE;
  int64_t   before = 0, total;

  PetscFunctionBeginUser;
  for (int pass = 0; pass < 2 && again && !message[0]; pass++) {
    PetscCall(Restart(reader));
    PetscCall(SnaCsvReadRange(csv, TakeRow, reader));
    PetscCall(SnaCsvAgree(csv, message));
    again = PETSC_FALSE;
    if (!message[0] && !pass) {
      PetscCall(Settle(reader, csv, table->name, &again));
      PetscCall(SnaCsvAgree(csv, message));
    }
  }
  for (PetscInt t = 0; t < reader->ncols && !message[0]; t++) {
    if (reader->column[t].text) PetscCall(MergeWords(reader, csv, t, table));
  }
  if (!message[0]) PetscCall(SnaCsvAgree(csv, message));
  if (message[0]) PetscFunctionReturn(0);
  total = (int64_t)csv->nrows;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &total, 1, MPI_INT64_T, MPI_SUM, csv->comm));
  table->total = (PetscInt64)total;
  if (!total) SnaMessageSet(message, "%s: no rows below the line of names", csv->path);
  PetscCall(SnaCsvLinesBefore(csv, &before));
  PetscCall(SnaMissingTell(csv->comm, &reader->missing, before, "line", table));
  PetscCall(SnaCsvBalance(csv));
  table->nrows = csv->nrows;
  table->first = (PetscInt64)SnaShareStart(total, csv->rank, csv->size);
  table->value = csv->rows;
  csv->rows    = NULL;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCsvReadColumns(MPI_Comm comm, const char path[], PetscInt nwanted, const char *const wanted[],
  SnaTable *table, char message[SNA_MAX_MESSAGE])
{
  SnaCsv    csv;
  Reader    reader = {0};
  PetscInt *source = NULL;

  PetscFunctionBeginUser;
  PetscCall(SnaCsvOpen(comm, path, ",;\t", PETSC_FALSE, &csv, message));
  if (!message[0]) {
    PetscCall(SnaColumnsChoose(path, csv.ncols, csv.names, nwanted, wanted, table, &source, message));
    if (message[0] && csv.ncols == 1)
      PetscCall(PetscStrlcat(message, "; columns are separated by comma, semicolon or tab", SNA_MAX_MESSAGE));
  }
  if (!message[0]) {
    reader.ncols = csv.width = table->ncols;
    reader.all               = table->ncols == csv.ncols ? PETSC_TRUE : PETSC_FALSE;
    PetscCall(PetscCalloc2((size_t)reader.ncols, &reader.column, (size_t)csv.ncols, &reader.target));
    for (PetscInt c = 0; c < csv.ncols; c++) reader.target[c] = -1;
    for (PetscInt t = 0; t < reader.ncols; t++) reader.target[source[t]] = t;
    PetscCall(ReadRows(&reader, &csv, table, message));
    PetscCall(Restart(&reader));
    PetscCall(PetscFree2(reader.column, reader.target));
  }
  PetscCall(PetscFree(source));
  PetscCall(SnaCsvClose(&csv));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaCsvReadNames(
  MPI_Comm comm, const char path[], PetscInt *ncols, char ***names, char message[SNA_MAX_MESSAGE])
{
  SnaCsv csv;

  PetscFunctionBeginUser;
  PetscCall(SnaCsvOpen(comm, path, ",;\t", PETSC_FALSE, &csv, message));
  if (!message[0]) {
    *ncols    = csv.ncols;
    *names    = csv.names;
    csv.names = NULL;
  }
  PetscCall(SnaCsvClose(&csv));
  PetscFunctionReturn(0);
}
