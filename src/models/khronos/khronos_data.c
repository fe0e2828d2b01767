// khronos_data.c - the data in the form that training wants: parts, stages and scales fitted to the training rows, rows scaled and dealt to the ranks.
//
//   distance   of scaled inputs t to those of the training rows: |L^-1 (t - mean)|, covariance C + eps I = L L^T, eps = 1e-8 of the mean diagonal; mean,
//              C and the 95 % quantile come from the first MOMENT_BLOCKS blocks of the dealt rows, a random sample of at most 131,072
#include "khronos.h"
#include <math.h>
#include <string.h>

#define MOMENT_BLOCKS 512

static const char *SourceKey(const Khronos *k)
{
  return k->deck.file ? "data_file" : "data_function";
}

PetscErrorCode KhronosSplit(SnaModel model, PetscInt fold, SnaPart part[])
{
  const Khronos     *k    = (const Khronos *)model->data;
  const KhronosDeck *D    = &k->deck;
  const SnaRows     *all  = &k->all;
  const uint64_t     seed = (uint64_t)D->seed;

  PetscFunctionBeginUser;
  if (k->given)
    PetscCall(PetscArraycpy(part, k->given, all->n));
  else if (fold >= 0)
    PetscCall(SnaSplitFold(seed, all->total, k->folds, fold, D->validation, all->n, all->row, part));
  else
    PetscCall(SnaSplitRandom(seed, all->total, D->validation, k->folds ? 0 : D->test, all->n, all->row, part));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Stages and scales of the training rows
// ---------------------------------------------------------------------------------------------------------------------
// The range that an input has by definition; FALSE: that of its training rows.
static PetscBool GetDomain(const Khronos *k, PetscInt d, double domain[2])
{
  const PetscBool function = (PetscBool)(k->deck.function && !k->thermal);

  domain[0] = function ? k->function.lo[d] : k->deck.domain[d][0];
  domain[1] = function ? k->function.hi[d] : k->deck.domain[d][1];
  return (PetscBool)(function || k->deck.has_domain[d]);
}

// Scale of column c, the inputs first. message: without the column's name.
static PetscErrorCode FitScale(
  SnaModel model, const SnaPart part[], PetscInt c, KhronosModel *m, char message[SNA_MAX_MESSAGE])
{
  const Khronos      *k      = (const Khronos *)model->data;
  const PetscInt      nd     = k->all.nx;
  const double       *column = c < nd ? k->all.x[c] : k->all.y[c - nd];
  const char         *kind   = k->deck.target_scale;
  SnaColumnStatistics s;
  SnaScale            plain;
  double             *train, domain[2];
  PetscInt            n = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(PetscMax(1, k->all.n), &train));
  for (PetscInt i = 0; i < k->all.n; i++)
    if (part[i] == SNA_PART_TRAIN) train[n++] = column[i];
  PetscCall(SnaColumnGetStatistics(model->comm, n, train, &s));
  PetscCall(PetscFree(train));
  message[0] = 0;
  if (c < nd) {
    PetscCall(SnaScaleOfInput(&s, "linear", &plain, message)); // constant rows, whatever their domain
    if (message[0]) PetscFunctionReturn(0);
    if (GetDomain(k, c, domain)) {
      s.min = domain[0];
      s.max = domain[1];
    }
    PetscCall(SnaScaleOfInput(&s, k->deck.input_scale[c], &m->x[c], message));
  } else if (k->nclass)
    for (PetscInt o = 0; o < k->nclass; o++) m->y[o] = (SnaScale){.width = 1, .hi = 1};
  else {
    // Without its mean, a product would be two. A mean far from zero would cost digits in single precision.
    if (!strcmp(kind, "auto")) kind = fabs(s.mean) <= 10 * s.deviation ? "deviation" : "standard";
    PetscCall(SnaScaleOfTarget(&s, kind, &m->y[c - nd], message));
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Checks, with the deck at hand
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode CountParts(SnaModel model, const SnaPart part[], PetscInt64 count[SNA_NPARTS])
{
  const Khronos *k = (const Khronos *)model->data;

  PetscFunctionBeginUser;
  for (int p = 0; p < SNA_NPARTS; p++) count[p] = 0;
  for (PetscInt i = 0; i < k->all.n; i++) count[part[i]]++;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, count, SNA_NPARTS, MPIU_INT64, MPI_SUM, model->comm));
  PetscFunctionReturn(0);
}

// Whether there are enough rows for the parts of every fold; counts of the whole data.
static PetscErrorCode CheckParts(SnaModel model, SnaDeck deck, SnaPart part[], PetscBool *known)
{
  Khronos           *k     = (Khronos *)model->data;
  const KhronosDeck *D     = &k->deck;
  const PetscInt64   total = k->all.total;
  const char        *key   = k->given ? "data_split_column" : "data_test";
  PetscInt64         count[SNA_NPARTS];

  PetscFunctionBeginUser;
  if (total < 2) {
    PetscCall(
      SnaDeckError(deck, D->file ? "data_file" : "data_samples", NULL, "one row: nothing can be learned from it"));
    *known = PETSC_FALSE;
    PetscFunctionReturn(0);
  }
  if (2 * k->folds > total) {
    PetscCall(SnaDeckError(deck, "data_folds", NULL,
      "%" PetscInt_FMT " folds of %" PetscInt64_FMT " rows: each needs two rows at least", k->folds, total));
    *known = PETSC_FALSE;
    PetscFunctionReturn(0);
  }
  PetscCall(KhronosSplit(model, -1, part));
  PetscCall(CountParts(model, part, k->count));
  k->fewest = k->count[SNA_PART_TRAIN];
  for (PetscInt f = 0; f < k->folds; f++) {
    PetscCall(KhronosSplit(model, f, part));
    PetscCall(CountParts(model, part, count));
    k->fewest = PetscMin(k->fewest, count[SNA_PART_TRAIN]);
  }
  if (k->fewest < 2) {
    PetscCall(SnaDeckError(deck, key, NULL,
      "%" PetscInt64_FMT " of %" PetscInt64_FMT " rows are for training%s: two are the least", k->fewest, total,
      k->folds ? " in a fold" : ""));
    *known = PETSC_FALSE;
  }
  if (!k->folds && k->count[SNA_PART_TEST] < 2 && (k->given ? k->count[SNA_PART_TEST] > 0 : D->test > 0)) {
    PetscCall(SnaDeckError(deck, key, NULL,
      "%" PetscInt64_FMT " of %" PetscInt64_FMT " rows are for the test: two are the least, or none at all",
      k->count[SNA_PART_TEST], total));
    *known = PETSC_FALSE;
  }
  if (D->validation > 0 && k->count[SNA_PART_VALIDATION] < 1) {
    PetscCall(
      SnaDeckError(deck, "data_validation", NULL, "%g of %" PetscInt64_FMT " rows is no row", D->validation, total));
    *known = PETSC_FALSE;
  }
  PetscFunctionReturn(0);
}

// Rows that a domain of the deck leaves out.
static PetscErrorCode CheckDomain(SnaModel model, SnaDeck deck, PetscInt d)
{
  const Khronos *k       = (const Khronos *)model->data;
  const double  *x       = k->all.x[d];
  double         ends[2] = {-INFINITY, -INFINITY}; // of -x and x
  PetscInt64     out     = 0;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < k->all.n; i++) {
    ends[0] = PetscMax(ends[0], -x[i]);
    ends[1] = PetscMax(ends[1], x[i]);
    out += x[i] < k->deck.domain[d][0] || x[i] > k->deck.domain[d][1];
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, ends, 2, MPI_DOUBLE, MPI_MAX, model->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &out, 1, MPIU_INT64, MPI_SUM, model->comm));
  if (out)
    PetscCall(SnaDeckError(deck, "input_*_domain", k->deck.item[d],
      "%" PetscInt64_FMT " of %" PetscInt64_FMT " rows lie outside [%g, %g]: `%s` goes from %g to %g", out,
      k->all.total, k->deck.domain[d][0], k->deck.domain[d][1], k->input[d], -ends[0], ends[1]));
  PetscFunctionReturn(0);
}

// Training rows of the whole data must know two classes.
static PetscErrorCode CheckClasses(SnaModel model, SnaDeck deck, const SnaPart part[])
{
  const Khronos *k       = (const Khronos *)model->data;
  double         ends[2] = {-INFINITY, -INFINITY};

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < k->all.n; i++) {
    if (part[i] != SNA_PART_TRAIN) continue;
    ends[0] = PetscMax(ends[0], -k->all.y[0][i]);
    ends[1] = PetscMax(ends[1], k->all.y[0][i]);
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, ends, 2, MPI_DOUBLE, MPI_MAX, model->comm));
  if (-ends[0] == ends[1])
    PetscCall(SnaDeckError(deck, "data_targets", NULL,
      "`%s` is `%s` in all training rows: classification needs at least two classes", k->target[0],
      k->label[(PetscInt)ends[1]]));
  PetscFunctionReturn(0);
}

// Scales of the whole data and of all folds; the box of the inputs.
static PetscErrorCode CheckColumns(SnaModel model, SnaDeck deck, SnaPart part[])
{
  Khronos       *k  = (Khronos *)model->data;
  const PetscInt nd = k->all.nx, ncols = nd + (k->nclass ? 0 : k->ntarget);
  KhronosModel   m;
  PetscBool      bad[SNA_MAX_DIM + SNA_MAX_UNKNOWNS] = {PETSC_FALSE};
  char           message[SNA_MAX_MESSAGE];

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(&m, sizeof(m)));
  for (PetscInt fold = -1; fold < k->folds; fold++) {
    PetscCall(KhronosSplit(model, fold, part));
    if (k->coefficient) {
      message[0] = 0;
      PetscCall(KhronosFitSignals(model, part, &m, message));
      PetscCall(KhronosModelDestroy(&m));
      if (message[0]) {
        PetscCall(
          SnaDeckError(deck, k->deck.variance > 0 ? "signal_variance" : "signal_components", NULL, "%s", message));
        PetscFunctionReturn(0);
      }
    }
    if (fold < 0 && k->nclass) PetscCall(CheckClasses(model, deck, part));
    for (PetscInt c = 0; c < ncols; c++) {
      const char *own = c < nd && k->deck.item[c] && k->deck.input_scale[c] != k->deck.scale ? k->deck.item[c] : NULL;
      const char *key = c >= nd ? "data_target_scale" : own ? "input_*_scale" : "data_scale";
      PetscCall(FitScale(model, part, c, &m, message));
      if (fold < 0 && c < nd) {
        model->info.lo[c] = m.x[c].lo;
        model->info.hi[c] = m.x[c].hi;
      }
      if (!message[0] || bad[c]) continue;
      bad[c] = PETSC_TRUE;
      if (strstr(message, "constant")) key = SourceKey(k);
      PetscCall(SnaDeckError(deck, key, key[0] == 'i' ? own : NULL, "`%s`: %s%s",
        c < nd ? k->input[c] : k->target[c - nd], message, fold < 0 ? "" : " (training rows of a fold)"));
    }
  }
  for (PetscInt d = 0; d < nd; d++)
    if (k->deck.has_domain[d]) PetscCall(CheckDomain(model, deck, d));
  PetscFunctionReturn(0);
}

// The components, once it is known how many there are.
static PetscErrorCode NameComponents(SnaModel model, SnaDeck deck, SnaPart part[], PetscBool *known)
{
  Khronos     *k = (Khronos *)model->data;
  KhronosModel m;
  char         message[SNA_MAX_MESSAGE] = "", name[8];

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(&m, sizeof(m)));
  PetscCall(KhronosSplit(model, -1, part));
  PetscCall(KhronosFitSignals(model, part, &m, message));
  PetscCall(KhronosModelDestroy(&m));
  if (message[0]) {
    PetscCall(SnaDeckError(deck, k->deck.variance > 0 ? "signal_variance" : "signal_components", NULL, "%s", message));
    *known = PETSC_FALSE;
  }
  for (PetscInt d = 0; d < k->all.nx; d++) {
    PetscCall(PetscSNPrintf(name, sizeof(name), "c%" PetscInt_FMT, d + 1));
    PetscCall(PetscStrallocpy(name, &k->input[d]));
  }
  model->info.nd = k->all.nx;
  if (*known) PetscCall(KhronosReadItems(model, deck));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosReadData(SnaModel model, SnaDeck deck, PetscBool *known)
{
  Khronos        *k       = (Khronos *)model->data;
  const PetscBool signals = (PetscBool)(k->thermal || k->deck.signals);
  SnaPart        *part    = NULL;

  PetscFunctionBeginUser;
  if (k->deck.file)
    PetscCall(KhronosReadTable(model, deck, known));
  else if (k->thermal)
    PetscCall(KhronosMakeHistories(model));
  else
    PetscCall(KhronosMakeRows(model, deck, known));
  if (*known && signals) PetscCall(KhronosTransformSignals(model, deck, known));
  if (!*known) PetscFunctionReturn(0);
  PetscCall(PetscMalloc1(PetscMax(1, k->all.n), &part));
  PetscCall(CheckParts(model, deck, part, known));
  if (*known && signals) PetscCall(NameComponents(model, deck, part, known));
  if (*known) PetscCall(CheckColumns(model, deck, part));
  PetscCall(PetscFree(part));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows for training
// ---------------------------------------------------------------------------------------------------------------------
// Rows of the sample that moments are taken from: whole blocks of the dealt rows, so that they are the same ones on any number of ranks.
static PetscErrorCode CountSample(MPI_Comm comm, const SnaRows *rows, PetscInt *n)
{
  PetscMPIInt size, rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  *n = (MOMENT_BLOCKS / size + (rank < MOMENT_BLOCKS % size ? 1 : 0)) * SNA_DEAL_BLOCK;
  *n = PetscMin(*n, rows->n);
  PetscFunctionReturn(0);
}

// Lower Cholesky factor of C with a touch of the identity.
static void Factor(PetscInt nd, const double C[], double L[])
{
  double trace = 0;

  for (PetscInt d = 0; d < nd; d++) trace += C[d * nd + d];
  for (PetscInt d = 0; d < nd; d++) {
    for (PetscInt e = 0; e <= d; e++) {
      double sum = C[d * nd + e] + (d == e ? 1e-8 * trace / (double)nd : 0);
      for (PetscInt j = 0; j < e; j++) sum -= L[d * nd + j] * L[e * nd + j];
      L[d * nd + e] = d == e ? sqrt(PetscMax(sum, 1e-10 * trace / (double)nd)) : sum / L[e * nd + e];
    }
    for (PetscInt e = d + 1; e < nd; e++) L[d * nd + e] = 0;
  }
}

// distance[i] = |L^-1 (t_i - mean)|
static void Distances(PetscInt nd, const KhronosModel *m, PetscInt n, double *const t[], double distance[])
{
  double z[SNA_MAX_DIM];

  for (PetscInt i = 0; i < n; i++) {
    double square = 0;
    for (PetscInt d = 0; d < nd; d++) {
      z[d] = t[d][i] - m->mean[d];
      for (PetscInt e = 0; e < d; e++) z[d] -= m->factor[d * nd + e] * z[e];
      z[d] /= m->factor[d * nd + d];
      square += z[d] * z[d];
    }
    distance[i] = sqrt(square);
  }
}

// The value that 95 % of the numbers do not exceed, by bisection.
static PetscErrorCode Quantile(MPI_Comm comm, PetscInt n, const double v[], PetscInt64 total, double *quantile)
{
  double lo = 0, hi = 0;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) hi = PetscMax(hi, v[i]);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &hi, 1, MPI_DOUBLE, MPI_MAX, comm));
  for (int it = 0; it < 40; it++) {
    const double middle = 0.5 * (lo + hi);
    PetscInt64   below  = 0;
    for (PetscInt i = 0; i < n; i++) below += v[i] <= middle;
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &below, 1, MPIU_INT64, MPI_SUM, comm));
    if ((double)below >= 0.95 * (double)total)
      hi = middle;
    else
      lo = middle;
  }
  *quantile = PetscMax(hi, PETSC_SQRT_MACHINE_EPSILON);
  PetscFunctionReturn(0);
}

static PetscErrorCode FitMoments(MPI_Comm comm, const SnaRows *train, KhronosModel *m)
{
  const PetscInt nd = train->nx;
  PetscInt       n  = 0;
  PetscInt64     total;
  double        *distance;

  PetscFunctionBeginUser;
  PetscCall(CountSample(comm, train, &n));
  total = n;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &total, 1, MPIU_INT64, MPI_SUM, comm));
  PetscCall(PetscCalloc1((size_t)nd * (size_t)nd, &m->covariance));
  PetscCall(PetscMalloc1((size_t)nd * (size_t)nd, &m->factor));
  for (PetscInt d = 0; d < nd; d++) {
    m->mean[d] = 0;
    for (PetscInt i = 0; i < n; i++) m->mean[d] += train->x[d][i] / (double)total;
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, m->mean, (PetscMPIInt)nd, MPI_DOUBLE, MPI_SUM, comm));
  for (PetscInt d = 0; d < nd; d++)
    for (PetscInt e = 0; e <= d; e++) {
      double sum = 0;
      for (PetscInt i = 0; i < n; i++) sum += (train->x[d][i] - m->mean[d]) * (train->x[e][i] - m->mean[e]);
      m->covariance[d * nd + e] = m->covariance[e * nd + d] = sum / (double)total;
    }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, m->covariance, (PetscMPIInt)(nd * nd), MPI_DOUBLE, MPI_SUM, comm));
  Factor(nd, m->covariance, m->factor);
  PetscCall(PetscMalloc1(PetscMax(1, n), &distance));
  Distances(nd, m, n, train->x, distance);
  PetscCall(Quantile(comm, n, distance, total, &m->radius));
  PetscCall(PetscFree(distance));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosPrepare(
  SnaModel model, PetscInt fold, KhronosModel *m, SnaRows scaled[SNA_NPARTS], char message[SNA_MAX_MESSAGE])
{
  Khronos       *k  = (Khronos *)model->data;
  const PetscInt nd = k->all.nx, ny = k->all.ny;
  SnaPart       *part;

  PetscFunctionBeginUser;
  PetscCheck(!k->query, model->comm, PETSC_ERR_ORDER, "a question to a finished model has no rows");
  PetscCall(PetscMemzero(m, sizeof(*m)));
  message[0] = 0;
  m->npart   = k->npart;
  PetscCall(PetscMalloc1(PetscMax(1, k->all.n), &part));
  PetscCall(KhronosSplit(model, fold, part));
  if (k->coefficient) PetscCall(KhronosFitSignals(model, part, m, message));
  for (PetscInt c = 0; c < nd + ny && !message[0]; c++) {
    char text[SNA_MAX_MESSAGE];
    PetscCall(FitScale(model, part, c, m, text));
    if (text[0]) SnaMessageSet(message, "`%s`: %.900s", c < nd ? k->input[c] : k->target[c - nd], text);
  }
  if (!message[0]) {
    PetscCall(SnaRowsDeal(model->comm, &k->all, part, (uint64_t)k->deck.seed, scaled));
    for (int p = 0; p < SNA_NPARTS; p++) {
      for (PetscInt d = 0; d < nd; d++)
        for (PetscInt i = 0; i < scaled[p].n; i++) scaled[p].x[d][i] = SnaScaleForward(&m->x[d], scaled[p].x[d][i]);
      for (PetscInt o = 0; o < ny && !k->nclass; o++)
        for (PetscInt i = 0; i < scaled[p].n; i++) scaled[p].y[o][i] = SnaScaleForward(&m->y[o], scaled[p].y[o][i]);
    }
    PetscCall(FitMoments(model->comm, &scaled[SNA_PART_TRAIN], m));
  }
  PetscCall(PetscFree(part));
  PetscFunctionReturn(0);
}

PetscErrorCode KhronosModelDestroy(KhronosModel *m)
{
  PetscFunctionBeginUser;
  for (PetscInt p = 0; p < SNA_MAX_UNKNOWNS; p++) PetscCall(SnaSeparableDestroy(&m->part[p]));
  PetscCall(SnaWaveletDestroy(&m->wavelet));
  PetscCall(SnaPcaDestroy(&m->pca));
  PetscCall(PetscFree(m->covariance));
  PetscCall(PetscFree(m->factor));
  PetscCall(PetscMemzero(m, sizeof(*m)));
  PetscFunctionReturn(0);
}
