// khronos_table.c - rows from a file or from a built-in function, every rank its share; what is wrong with them, as errors of the deck.
//
//   function   x from the design on the box of the inputs, y = f(x) + noise * deviation(f) * N(0,1), functions of (seed, row) alone
//
// Numbers of rows in messages count the rows below the line of names, 1 first.
#include "khronos.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STREAM_NOISE ((uint64_t)0x6e6f6973U << 32)

typedef struct {
  SnaTable   t;
  PetscInt   input[SNA_MAX_DIM], target[SNA_MAX_UNKNOWNS], split; // columns of the table; split -1: none
  PetscBool *keep;
  double    *signal;
} Source;

static PetscBool IsNumber(const char word[])
{
  char *end;

  (void)strtod(word, &end);
  return (PetscBool)(end != word && !*end);
}

// The first row of all ranks whose entry is word k (words as numbers), 1 first.
static PetscErrorCode FindRow(MPI_Comm comm, const SnaTable *t, PetscInt column, PetscInt k, PetscInt64 *row)
{
  PetscInt64 first = INT64_MAX;

  PetscFunctionBeginUser;
  for (PetscInt i = t->nrows - 1; i >= 0; i--)
    if (t->value[(size_t)i * (size_t)t->ncols + (size_t)column] == (double)k) first = t->first + i + 1;
  PetscCallMPI(MPI_Allreduce(&first, row, 1, MPIU_INT64, MPI_MIN, comm));
  PetscFunctionReturn(0);
}

// Column of words where numbers are wanted; `cure` ends the sentence.
static PetscErrorCode RefuseWords(
  SnaModel model, SnaDeck deck, const char key[], const SnaTable *t, PetscInt column, const char cure[])
{
  PetscInt   k = 0;
  PetscInt64 row;

  PetscFunctionBeginUser;
  while (k + 1 < t->nwords[column] && IsNumber(t->word[column][k])) k++;
  PetscCall(FindRow(model->comm, t, column, k, &row));
  PetscCall(SnaDeckError(deck, key, NULL, "`%s` holds text, first `%.60s` in row %" PetscInt64_FMT ": %s",
    t->name[column], t->word[column][k], row, cure));
  PetscFunctionReturn(0);
}

static int Ascending(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

// The distinct numbers of a column, sorted, the same on all ranks; *n = KHRONOS_MAX_CLASSES + 1 where there are more than KHRONOS_MAX_CLASSES.
static PetscErrorCode DistinctNumbers(
  MPI_Comm comm, const Source *s, PetscInt column, PetscInt *n, double number[KHRONOS_MAX_CLASSES + 1])
{
  enum { MOST = KHRONOS_MAX_CLASSES + 1 };
  double      mine[MOST], *all;
  PetscMPIInt size;
  PetscInt    count = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscMalloc1((size_t)size * MOST, &all));
  for (PetscInt i = 0; i < s->t.nrows && count < MOST; i++) {
    const double v = s->t.value[(size_t)i * (size_t)s->t.ncols + (size_t)column];
    PetscInt     k = 0;
    if (!s->keep[i]) continue;
    while (k < count && mine[k] != v) k++;
    if (k == count) mine[count++] = v;
  }
  for (PetscInt k = count; k < MOST; k++) mine[k] = NAN;
  PetscCallMPI(MPI_Allgather(mine, MOST, MPI_DOUBLE, all, MOST, MPI_DOUBLE, comm));
  *n = 0;
  for (PetscInt i = 0; i < (PetscInt)size * MOST && *n < MOST; i++) {
    PetscInt k = 0;
    if (isnan(all[i])) continue;
    while (k < *n && number[k] != all[i]) k++;
    if (k == *n) number[(*n)++] = all[i];
  }
  qsort(number, (size_t)*n, sizeof(*number), Ascending);
  PetscCall(PetscFree(all));
  PetscFunctionReturn(0);
}

// Regression or classification; the classes. Numbers of classes become their places.
static PetscErrorCode SettleTask(SnaModel model, SnaDeck deck, Source *s, PetscBool *known)
{
  Khronos        *k          = (Khronos *)model->data;
  const PetscInt  column     = s->target[0];
  const PetscBool regression = (PetscBool)(k->deck.task[0] == 'r'), classes = (PetscBool)(k->deck.task[0] == 'c');
  PetscBool       words = (PetscBool)(s->t.nwords[column] > 0);
  double          number[KHRONOS_MAX_CLASSES + 1];
  PetscInt        n = 0;

  PetscFunctionBeginUser;
  for (PetscInt o = 0; o < k->ntarget; o++) {
    if (!s->t.nwords[s->target[o]] || (k->ntarget == 1 && !regression)) continue;
    PetscCall(RefuseWords(model, deck, "data_targets", &s->t, s->target[o],
      k->ntarget > 1 ? "classes need to be the only target" : "with `task: regression` the target is a number"));
    *known = PETSC_FALSE;
  }
  if (classes && k->ntarget > 1) {
    PetscCall(SnaDeckError(
      deck, "khronos_task", NULL, "classification has one target, and there are %" PetscInt_FMT, k->ntarget));
    *known = PETSC_FALSE;
  }
  if (!*known || k->ntarget > 1 || !(words || classes)) PetscFunctionReturn(0);
  k->deck.classification = PETSC_TRUE;
  if (words)
    n = s->t.nwords[column];
  else
    PetscCall(DistinctNumbers(model->comm, s, column, &n, number));
  if (n > KHRONOS_MAX_CLASSES) {
    char cure[160];
    PetscCall(PetscSNPrintf(cure, sizeof(cure),
      "classification knows at most %d classes; if the column is to hold numbers, correct the text",
      KHRONOS_MAX_CLASSES));
    if (words)
      PetscCall(RefuseWords(model, deck, "data_targets", &s->t, column, cure));
    else
      PetscCall(SnaDeckError(deck, "khronos_task", NULL,
        "`%s` has more than %d different numbers, which are too many classes: regression?", k->target[0],
        KHRONOS_MAX_CLASSES));
    *known = PETSC_FALSE;
    PetscFunctionReturn(0);
  }
  for (PetscInt c = 0; c < n; c++) {
    if (words)
      PetscCall(PetscStrallocpy(s->t.word[column][c], &k->label[c]));
    else {
      char text[40];
      PetscCall(PetscSNPrintf(text, sizeof(text), "%.15g", number[c]));
      PetscCall(PetscStrallocpy(text, &k->label[c]));
    }
  }
  k->nclass = n;
  if (n == 1) {
    PetscCall(SnaDeckError(deck, "data_targets", NULL,
      "`%s` is `%s` in all rows: classification needs at least two classes", k->target[0], k->label[0]));
    *known = PETSC_FALSE;
  }
  for (PetscInt i = 0; i < s->t.nrows && !words; i++) {
    double  *v = &s->t.value[(size_t)i * (size_t)s->t.ncols + (size_t)column];
    PetscInt c = 0;
    while (c + 1 < n && number[c] != *v) c++;
    *v = (double)c;
  }
  PetscFunctionReturn(0);
}

// k->given of the rows that are kept, in their order.
static PetscErrorCode ReadParts(SnaModel model, SnaDeck deck, const Source *s, PetscBool *known)
{
  static const char *const words[SNA_NPARTS] = {"train", "validation", "test"};
  Khronos                 *k                 = (Khronos *)model->data;
  const SnaTable          *t                 = &s->t;
  PetscInt                 meaning[64], n = t->nwords[s->split];
  PetscInt64               bad = INT64_MAX, first;

  PetscFunctionBeginUser;
  if (n > 64) {
    PetscCall(RefuseWords(model, deck, "data_split_column", t, s->split, "its words are train, validation and test"));
    *known = PETSC_FALSE;
    PetscFunctionReturn(0);
  }
  for (PetscInt w = 0; w < n; w++) {
    meaning[w] = -1;
    for (PetscInt p = 0; p < SNA_NPARTS; p++)
      if (!strcasecmp(t->word[s->split][w], words[p])) meaning[w] = p;
    if (meaning[w] >= 0) continue;
    PetscCall(SnaDeckError(deck, "data_split_column", NULL,
      "`%s` holds `%.60s`, which is no part: its words are train, validation and test", t->name[s->split],
      t->word[s->split][w]));
    *known = PETSC_FALSE;
  }
  PetscCall(PetscMalloc1(t->nrows, &k->given));
  for (PetscInt i = 0, at = 0; i < t->nrows && *known; i++) {
    const double v = t->value[(size_t)i * (size_t)t->ncols + (size_t)s->split];
    if (!s->keep[i]) continue;
    if (n == 0 && v != 0 && v != 1 && v != 2)
      bad = PetscMin(bad, t->first + i + 1);
    else
      k->given[at++] = (SnaPart)(n ? meaning[(PetscInt)v] : (PetscInt)v);
  }
  PetscCallMPI(MPI_Allreduce(&bad, &first, 1, MPIU_INT64, MPI_MIN, model->comm));
  if (first < INT64_MAX) {
    PetscCall(SnaDeckError(deck, "data_split_column", NULL,
      "`%s` is none of 0 (train), 1 (validation), 2 (test) in row %" PetscInt64_FMT, t->name[s->split], first));
    *known = PETSC_FALSE;
  }
  PetscFunctionReturn(0);
}

// Which rows are whole.
static PetscErrorCode FindMissing(SnaModel model, SnaDeck deck, Source *s, PetscBool *known)
{
  Khronos        *k       = (Khronos *)model->data;
  const SnaTable *t       = &s->t;
  const PetscInt  width   = s->signal ? k->deck.length : 0;
  PetscInt64      lost[2] = {0, INT64_MAX}; // rows without something; the first whose signal has a gap
  PetscBool       drop;

  PetscFunctionBeginUser;
  PetscCall(PetscStrcmp(k->deck.missing, "drop", &drop));
  PetscCall(PetscMalloc1(t->nrows, &s->keep));
  for (PetscInt i = 0; i < t->nrows; i++) {
    s->keep[i] = PETSC_TRUE;
    for (PetscInt c = 0; c < t->ncols; c++)
      if (isnan(t->value[(size_t)i * (size_t)t->ncols + (size_t)c])) s->keep[i] = PETSC_FALSE;
    for (PetscInt j = 0; j < width; j++) {
      if (isfinite(s->signal[(size_t)i * (size_t)width + (size_t)j])) continue;
      s->keep[i] = PETSC_FALSE;
      lost[1]    = PetscMin(lost[1], t->first + i + 1);
      break;
    }
    lost[0] += !s->keep[i];
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &lost[0], 1, MPIU_INT64, MPI_SUM, model->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &lost[1], 1, MPIU_INT64, MPI_MIN, model->comm));
  k->dropped = lost[0];
  if (lost[0] && drop) {
    if (lost[0] < t->total) PetscFunctionReturn(0);
    PetscCall(
      SnaDeckError(deck, "data_missing", NULL, "every one of the %" PetscInt64_FMT " rows misses something", t->total));
    *known = PETSC_FALSE;
    PetscFunctionReturn(0);
  }
  if (t->missing > 0)
    PetscCall(SnaDeckError(deck, "data_file", NULL,
      "%s: %" PetscInt64_FMT
      " entries are missing: %.500s; fill them in, or leave the rows out with `data: missing: drop`",
      k->deck.file, t->missing, t->where));
  if (lost[1] < INT64_MAX)
    PetscCall(SnaDeckError(deck, "data_signals", NULL,
      "%s: signal %" PetscInt64_FMT " has entries that are no numbers; leave such rows out with `data: missing: drop`",
      k->deck.signals, lost[1]));
  if (lost[0]) *known = PETSC_FALSE;
  PetscFunctionReturn(0);
}

static PetscErrorCode KeepRows(SnaModel model, Source *s)
{
  Khronos        *k     = (Khronos *)model->data;
  const SnaTable *t     = &s->t;
  const PetscInt  nx    = s->signal ? 0 : model->info.nd;
  const size_t    width = s->signal ? (size_t)k->deck.length : 0;
  PetscInt        n     = 0;
  PetscInt64      mine, first = 0;
  PetscMPIInt     rank;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < t->nrows; i++) n += s->keep[i] ? 1 : 0;
  mine = n;
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  PetscCallMPI(MPI_Exscan(&mine, &first, 1, MPIU_INT64, MPI_SUM, model->comm));
  if (rank == 0) first = 0;
  PetscCall(SnaRowsCreate(nx, k->ntarget, n, &k->all));
  PetscCallMPI(MPI_Allreduce(&mine, &k->all.total, 1, MPIU_INT64, MPI_SUM, model->comm));
  n = 0;
  for (PetscInt i = 0; i < t->nrows; i++) {
    const double *value = t->value + (size_t)i * (size_t)t->ncols;
    if (!s->keep[i]) continue;
    for (PetscInt d = 0; d < nx; d++) k->all.x[d][n] = value[s->input[d]];
    for (PetscInt o = 0; o < k->ntarget; o++) k->all.y[o][n] = value[s->target[o]];
    if (width) PetscCall(PetscArraymove(s->signal + (size_t)n * width, s->signal + (size_t)i * width, width));
    k->all.row[n] = first + n;
    n++;
  }
  k->signal = s->signal;
  s->signal = NULL;
  PetscFunctionReturn(0);
}

static PetscInt ColumnOf(const SnaTable *t, const char name[])
{
  for (PetscInt c = 0; c < t->ncols; c++)
    if (!strcmp(t->name[c], name)) return c;
  return -1;
}

PetscErrorCode KhronosReadTable(SnaModel model, SnaDeck deck, PetscBool *known)
{
  Khronos       *k  = (Khronos *)model->data;
  const PetscInt nd = k->deck.signals ? 0 : model->info.nd;
  const char    *wanted[SNA_MAX_DIM + SNA_MAX_UNKNOWNS + 1];
  char           message[SNA_MAX_MESSAGE];
  Source         s = {.split = -1};
  PetscInt       n = 0;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < nd; d++) wanted[n++] = k->input[d];
  for (PetscInt o = 0; o < k->ntarget; o++) wanted[n++] = k->target[o];
  if (k->split_name) wanted[n++] = k->split_name;
  PetscCall(SnaTableReadColumns(model->comm, k->deck.file, n, wanted, &s.t, message));
  if (message[0]) {
    PetscCall(SnaDeckError(deck, "data_file", NULL, "%s", message));
    *known = PETSC_FALSE;
    PetscFunctionReturn(0);
  }
  for (PetscInt d = 0; d < nd; d++) {
    s.input[d] = ColumnOf(&s.t, k->input[d]);
    if (!s.t.nwords[s.input[d]]) continue;
    PetscCall(RefuseWords(model, deck, "data_file", &s.t, s.input[d],
      "inputs are numbers; correct the text, give each word a number, or put the column under `data: ignore`"));
    *known = PETSC_FALSE;
  }
  for (PetscInt o = 0; o < k->ntarget; o++) s.target[o] = ColumnOf(&s.t, k->target[o]);
  if (k->split_name) s.split = ColumnOf(&s.t, k->split_name);
  if (k->deck.signals) PetscCall(KhronosReadSignals(model, deck, s.t.nrows, s.t.total, &s.signal, known));
  PetscCall(FindMissing(model, deck, &s, known));
  PetscCall(SettleTask(model, deck, &s, known));
  if (s.split >= 0) PetscCall(ReadParts(model, deck, &s, known));
  if (*known) PetscCall(KeepRows(model, &s));
  PetscCall(PetscFree(s.keep));
  PetscCall(PetscFree(s.signal));
  PetscCall(SnaTableDestroy(&s.t));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Built-in functions
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode KhronosMakeRows(SnaModel model, SnaDeck deck, PetscBool *known)
{
  Khronos            *k    = (Khronos *)model->data;
  const uint64_t      seed = (uint64_t)k->deck.seed;
  SnaTestFunction    *f    = &k->function;
  SnaColumnStatistics c;
  PetscMPIInt         size, rank;
  PetscInt            first, n;
  PetscInt64          bad = INT64_MAX;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  SnaSplit(k->deck.samples, size, rank, &first, &n);
  for (PetscInt d = 0; d < f->nd; d++) {
    if (!k->deck.has_domain[d]) continue;
    f->lo[d] = k->deck.domain[d][0];
    f->hi[d] = k->deck.domain[d][1];
  }
  PetscCall(SnaRowsCreate(f->nd, 1, n, &k->all));
  k->all.total = k->deck.samples;
  for (PetscInt i = 0; i < n; i++) k->all.row[i] = first + i;
  PetscCall(SnaDesignPoints(k->deck.design, seed, k->deck.samples, f->nd, first, n, k->all.x));
  for (PetscInt d = 0; d < f->nd; d++)
    for (PetscInt i = 0; i < n; i++) k->all.x[d][i] = f->lo[d] + (f->hi[d] - f->lo[d]) * k->all.x[d][i];
  PetscCall(SnaTestFunctionEvaluate(f, n, (const double *const *)k->all.x, k->all.y[0]));
  for (PetscInt i = n - 1; i >= 0; i--)
    if (!isfinite(k->all.y[0][i])) bad = first + i;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bad, 1, MPIU_INT64, MPI_MIN, model->comm));
  if (bad < INT64_MAX) {
    PetscCall(SnaDeckError(
      deck, "data_function", NULL, "%s is not finite everywhere on the domains that `input` gives it", f->name));
    *known = PETSC_FALSE;
    PetscFunctionReturn(0);
  }
  if (k->deck.noise > 0) {
    PetscCall(SnaColumnGetStatistics(model->comm, n, k->all.y[0], &c));
    for (PetscInt i = 0; i < n; i++)
      k->all.y[0][i] += k->deck.noise * c.deviation * SnaRandomNormal(seed, STREAM_NOISE, (uint64_t)(first + i));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosMakeHistories(SnaModel model)
{
  Khronos    *k = (Khronos *)model->data;
  double     *property;
  PetscMPIInt size, rank;
  PetscInt    first, n, which[SNA_NPROPERTIES] = {0};

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  SnaSplit(k->deck.samples, size, rank, &first, &n);
  for (PetscInt o = 0; o < k->ntarget; o++)
    while (strcmp(SnaPropertyNames[which[o]], k->target[o])) which[o]++;
  PetscCall(SnaRowsCreate(0, k->ntarget, n, &k->all));
  k->all.total = k->deck.samples;
  PetscCall(PetscMalloc1((size_t)n * (size_t)k->deck.length, &k->signal));
  PetscCall(PetscMalloc1((size_t)n * SNA_NPROPERTIES, &property));
  PetscCall(SnaThermalHistory((uint64_t)k->deck.seed, first, n, k->deck.length, k->signal, property));
  for (PetscInt i = 0; i < n; i++) {
    k->all.row[i] = first + i;
    for (PetscInt o = 0; o < k->ntarget; o++) k->all.y[o][i] = property[(size_t)i * SNA_NPROPERTIES + (size_t)which[o]];
  }
  PetscCall(PetscFree(property));
  PetscFunctionReturn(0);
}
