// separable.c - the object SnaSeparable: what its three kinds share. Sizes and their limits, the start of a fit, evaluation in blocks of ROWS rows.
//
// Start (khronos.md, 6): every 1-D function is 1 + spread * N(0,1) in each coefficient. B-splines sum to one, so that a product of any number of such
// functions stays near 1; functions of mean zero would make the products of many directions vanish, and no method gets away from there.
//   products      M products per output: the function of the lowest direction carries scale/M, or with learned weights these do
//   tucker        core: 1/rank on the diagonal, so that the start is a sum of `rank` products, and spread/rank^nd * N(0,1) beside it
//   tensor_train  matrices: 1/count where a = b mod min(r_d, r_{d+1}) (count: such b of a row), spread/sqrt(r_{d+1}) * N(0,1) elsewhere: the
//                 vector of ones passes through unchanged, and the ranks stay apart, as those of a sum of products
// (From constant cores a fit has to tell equal ranks apart first, and Levenberg-Marquardt ends at larger errors.) In the mean over seeds the mean square of
// y is scale^2, to the order of spread^2 times the directions. Activations that are not 0 at 0 start off it, where the products would not move.
//
// The engines are in products.c, tucker.c and tensor_train.c; files in separable_file.c.
#include "learn_impl.h"
#include <math.h>

#define MAX_CORE       1048576
#define MAX_PARAMETERS 16777216
#define START_STREAM   0x5e9a // of SnaRandomNormal

static void CheckOptions(const SnaSeparableOptions *o, const char **wrong)
{
  const PetscBool products = (PetscBool)(o->kind == SNA_SEPARABLE_PRODUCTS);

  *wrong = NULL;
  if (o->nd < 1 || o->nd > SNA_MAX_DIM)
    *wrong = "number of inputs";
  else if (o->nout < 1)
    *wrong = "number of outputs";
  else if (!products && o->rank < 1)
    *wrong = "rank";
  else if (!products && (o->activation != SNA_IDENTITY || o->learned))
    *wrong = "activation or learned weights";
  else if (products && o->interaction.nsubset < 1)
    *wrong = "interaction";
  if (*wrong) return;
  for (PetscInt d = 0; d < o->nd; d++)
    if (o->degree[d] < 1 || o->degree[d] > 5 || o->cells[d] < 1) *wrong = "degree or number of cells";
  for (PetscInt k = 0; products && k < o->interaction.nsubset; k++) {
    const uint32_t subset = o->interaction.subset[k];

    if (subset == 0 || (uint64_t)subset >> o->nd || o->interaction.rank[k] < 1) *wrong = "interaction";
  }
}

// r_d = min(rank, what the sites on either side can hold)
static void TrainRanks(const SnaSeparableOptions *o, PetscInt r[])
{
  double held = 1;

  r[0]     = o->nout;
  r[o->nd] = 1;
  for (PetscInt d = o->nd - 1; d > 0; d--) {
    held *= (double)o->degree[d] + (double)o->cells[d];
    held = PetscMin(held, (double)o->rank);
    r[d] = (PetscInt)held;
  }
  for (PetscInt d = 1; d < o->nd; d++) {
    held = (double)r[d - 1] * ((double)o->degree[d - 1] + (double)o->cells[d - 1]);
    if (held < (double)r[d]) r[d] = (PetscInt)held;
  }
}

static void CheckSizes(SnaSeparable s, char message[])
{
  const SnaSeparableOptions *o     = &s->o;
  double                     count = 0, core = o->nout, n[SNA_MAX_DIM];

  for (PetscInt d = 0; d < o->nd; d++) {
    n[d] = (double)o->degree[d] + (double)o->cells[d];
    if (o->kind == SNA_SEPARABLE_TUCKER) count += (double)o->rank * n[d];
    if (o->kind == SNA_SEPARABLE_TENSOR_TRAIN) count += (double)s->r[d] * (double)s->r[d + 1] * n[d];
    core *= (double)o->rank;
  }
  if (o->kind == SNA_SEPARABLE_TUCKER) {
    count += core;
    if (core > MAX_CORE)
      SnaMessageSet(message,
        "a Tucker core of %" PetscInt_FMT " x %" PetscInt_FMT "^%" PetscInt_FMT
        " = %.3g numbers (at most %d): lower the rank, or use tensor_train or cp",
        o->nout, o->rank, o->nd, core, MAX_CORE);
  }
  for (PetscInt k = 0; o->kind == SNA_SEPARABLE_PRODUCTS && k < o->interaction.nsubset; k++) {
    double each = o->learned ? o->nout : 0;

    for (PetscInt d = 0; d < o->nd; d++)
      if (o->interaction.subset[k] >> d & 1) each += o->learned ? n[d] : o->nout * n[d];
    count += each * (double)o->interaction.rank[k];
  }
  if (count > MAX_PARAMETERS)
    SnaMessageSet(
      message, "%.0f parameters (at most %d): lower the rank, the order or the cells", count, MAX_PARAMETERS);
}

PetscErrorCode SnaSeparableCreate(const SnaSeparableOptions *o, SnaSeparable *out, char message[SNA_MAX_MESSAGE])
{
  SnaSeparable s;
  const char  *wrong;

  PetscFunctionBeginUser;
  *out       = NULL;
  message[0] = 0;
  CheckOptions(o, &wrong);
  PetscCheck(!wrong, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "separable function: wrong %s", wrong);
  PetscCall(PetscNew(&s));
  s->o = *o;
  if (o->kind == SNA_SEPARABLE_TENSOR_TRAIN) TrainRanks(o, s->r);
  CheckSizes(s, message);
  if (message[0]) {
    PetscCall(PetscFree(s));
    PetscFunctionReturn(0);
  }
  s->o.interaction = (SnaInteraction){0};
  if (o->kind == SNA_SEPARABLE_PRODUCTS) {
    const PetscInt n = s->o.interaction.nsubset = o->interaction.nsubset;

    PetscCall(PetscMalloc1((size_t)n, &s->o.interaction.subset));
    PetscCall(PetscMalloc1((size_t)n, &s->o.interaction.rank));
    PetscCall(PetscArraycpy(s->o.interaction.subset, o->interaction.subset, (size_t)n));
    PetscCall(PetscArraycpy(s->o.interaction.rank, o->interaction.rank, (size_t)n));
  }
  for (PetscInt d = 0; d < o->nd; d++) {
    PetscCall(SnaBasisCreateBSpline("t", o->degree[d], o->cells[d], 0, 1, PETSC_FALSE, PETSC_FALSE, &s->basis[d]));
    PetscCall(SnaSplineTableCreate(s->basis[d], &s->table[d]));
  }
  switch (o->kind) {
  case SNA_SEPARABLE_PRODUCTS:
    PetscCall(SnaSeparableSetUp_Products(s));
    break;
  case SNA_SEPARABLE_TUCKER:
    PetscCall(SnaSeparableSetUp_Tucker(s));
    break;
  case SNA_SEPARABLE_TENSOR_TRAIN:
    PetscCall(SnaSeparableSetUp_TensorTrain(s));
    break;
  }
  PetscCall(PetscCalloc1((size_t)s->np, &s->theta));
  *out = s;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSeparableDestroy(SnaSeparable *p)
{
  SnaSeparable s = *p;

  PetscFunctionBeginUser;
  if (!s) PetscFunctionReturn(0);
  if (s->o.kind == SNA_SEPARABLE_PRODUCTS) PetscCall(SnaSeparableDestroy_Products(s));
  for (PetscInt d = 0; d < s->o.nd; d++) {
    PetscCall(SnaSplineTableDestroy(&s->table[d]));
    PetscCall(SnaBasisDestroy(&s->basis[d]));
  }
  PetscCall(SnaInteractionDestroy(&s->o.interaction));
  PetscCall(PetscFree(s->theta));
  PetscCall(SnaAlignedFree(&s->scratch));
  PetscCall(PetscFree(*p));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSeparableGetOptions(SnaSeparable s, const SnaSeparableOptions **o)
{
  PetscFunctionBeginUser;
  *o = &s->o;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSeparableGetParameterCount(SnaSeparable s, PetscInt *n)
{
  PetscFunctionBeginUser;
  *n = s->np;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSeparableGetParameters(SnaSeparable s, double **theta)
{
  PetscFunctionBeginUser;
  *theta = s->theta;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSeparableGetBlocks(SnaSeparable s, PetscInt *n, const PetscInt **start)
{
  PetscFunctionBeginUser;
  *n     = s->nblock;
  *start = s->start;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The start of a fit
// ---------------------------------------------------------------------------------------------------------------------
// z with sigma(z) = value, or near it: bounded activations stay off their limits, and where sigma(0) is not 0, z stays off 0, where all derivatives of the
// product vanish.
static double Preimage(SnaActivation activation, double value)
{
  double z = value;

  switch (activation) {
  case SNA_IDENTITY:
    return value;
  case SNA_TANH:
    return atanh(PetscMin(value, 0.9));
  case SNA_EXP:
    z = log(value);
    break;
  case SNA_SOFTPLUS:
    z = value > 30 ? value : log(expm1(value));
    break;
  case SNA_SIGMOID:
    value = PetscMin(value, 0.9);
    z     = log(value / (1 - value));
    break;
  }
  return copysign(PetscMax(fabs(z), 0.5), z);
}

static double Activation(SnaActivation activation, double z)
{
  switch (activation) {
  case SNA_TANH:
    return tanh(z);
  case SNA_EXP:
    return exp(z);
  case SNA_SOFTPLUS:
    return log1p(exp(z));
  case SNA_SIGMOID:
    return 1 / (1 + exp(-z));
  default:
    return z;
  }
}

static void Initialize_Products(SnaSeparable s, double scale)
{
  const PetscInt each   = s->o.learned ? s->nmode : s->nmode / s->o.nout;
  const double   factor = Preimage(s->o.activation, scale / (double)each);

  if (s->o.learned) {
    const double weight = scale / ((double)each * Activation(s->o.activation, 1));

    for (PetscInt p = s->start[s->o.nd]; p < s->np; p++) s->theta[p] = weight;
    return;
  }
  for (PetscInt d = 0; d < s->o.nd; d++) {
    const PetscInt n     = s->table[d].n;
    const uint32_t lower = ((uint32_t)1 << d) - 1;

    for (PetscInt k = 0; k < s->nof[d]; k++) {
      double *w = s->theta + s->start[d] + k * n;

      if (s->mode[s->of[d][k]] & lower) continue;
      for (PetscInt i = 0; i < n; i++) w[i] *= factor;
    }
  }
}

static void Initialize_Tucker(SnaSeparable s, uint64_t seed, double spread, double scale)
{
  const PetscInt first = s->start[s->o.nd], each = (s->np - first) / s->o.nout, rank = s->o.rank;
  PetscInt       diagonal = 1; // distance of diagonal entries

  for (PetscInt d = 1; d < s->o.nd; d++) diagonal = 1 + diagonal * rank;
  for (PetscInt p = first; p < s->np; p++)
    s->theta[p] = scale * spread / (double)each * SnaRandomNormal(seed, START_STREAM, (uint64_t)p);
  for (PetscInt o = 0; o < s->o.nout; o++)
    for (PetscInt j = 0; j < rank; j++) s->theta[first + o * each + j * diagonal] += scale / (double)rank;
}

static void Initialize_TensorTrain(SnaSeparable s, double scale)
{
  for (PetscInt d = 0; d < s->o.nd; d++) {
    const PetscInt left = s->r[d], right = s->r[d + 1], n = s->table[d].n;
    const PetscInt period = d ? PetscMin(left, right) : 1; // every output begins as the sum of all products

    for (PetscInt a = 0; a < left; a++)
      for (PetscInt b = 0; b < right; b++) {
        double        *w     = s->theta + s->start[d] + (a * right + b) * n;
        const PetscInt count = (right - a % period + period - 1) / period;

        for (PetscInt i = 0; i < n; i++) {
          if (a % period == b % period)
            w[i] *= (d ? 1 : scale) / (double)count;
          else
            w[i] = (w[i] - 1) / sqrt((double)right);
        }
      }
  }
}

PetscErrorCode SnaSeparableInitialize(SnaSeparable s, uint64_t seed, double spread, double scale)
{
  const PetscInt functions = s->start[s->o.nd];

  PetscFunctionBeginUser;
  PetscCheck(scale > 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "scale %g", scale);
  if (spread == 0) spread = s->o.nd < 15 ? 0.3 : 0.1;
  for (PetscInt p = 0; p < functions; p++) s->theta[p] = 1 + spread * SnaRandomNormal(seed, START_STREAM, (uint64_t)p);
  switch (s->o.kind) {
  case SNA_SEPARABLE_PRODUCTS:
    Initialize_Products(s, scale);
    break;
  case SNA_SEPARABLE_TUCKER:
    Initialize_Tucker(s, seed, spread, scale);
    break;
  case SNA_SEPARABLE_TENSOR_TRAIN:
    Initialize_TensorTrain(s, scale);
    break;
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Evaluation
// ---------------------------------------------------------------------------------------------------------------------
// Work space for one block in either precision; all its arrays are multiples of 64 bytes.
static PetscErrorCode GetScratch(SnaSeparable s, char **scratch)
{
  const size_t nd = (size_t)s->o.nd, nout = (size_t)s->o.nout;
  const size_t evaluate =
    SnaBlockBytes(s, PETSC_FALSE, PETSC_TRUE) + sizeof(double) * (nout * (1 + nd) * ROWS + s->d.work);
  const size_t predict =
    SnaBlockBytes(s, PETSC_TRUE, PETSC_FALSE) + sizeof(float) * (nout * ROWS + s->f.work + (size_t)s->np);

  PetscFunctionBeginUser;
  if (!s->scratch) PetscCall(SnaAlignedMalloc(PetscMax(evaluate, predict), &s->scratch));
  *scratch = s->scratch;
  PetscFunctionReturn(0);
}

// nan[row] is not 0 in rows with an input that is not a number; false: no such row.
static PetscBool FindNaN(SnaSeparable s, PetscInt first, PetscInt m, const double *const t[], int32_t nan[ROWS])
{
  int32_t any = 0;

  for (PetscInt i = 0; i < ROWS; i++) nan[i] = 0;
  for (PetscInt d = 0; d < s->o.nd; d++)
    for (PetscInt i = 0; i < m; i++) nan[i] |= t[d][first + i] != t[d][first + i];
  for (PetscInt i = 0; i < ROWS; i++) any |= nan[i];
  return (PetscBool)any;
}

PetscErrorCode SnaSeparableEvaluate(
  SnaSeparable s, PetscInt n, const double *const t[], double *const y[], double *const dy[])
{
  const PetscInt  nd = s->o.nd, nout = s->o.nout;
  const PetscBool slopes = (PetscBool)(dy != NULL);
  double         *value, *slope, *work;
  char           *memory;

  PetscFunctionBeginUser;
  PetscCall(GetScratch(s, &memory));
  value = (double *)(void *)(memory + SnaBlockBytes(s, PETSC_FALSE, slopes));
  slope = value + (size_t)nout * ROWS;
  work  = slope + (size_t)nout * (size_t)nd * ROWS;
  for (PetscInt first = 0; first < n; first += ROWS) {
    const PetscInt m = PetscMin(ROWS, n - first);
    int32_t        nan[ROWS];
    BlockD         block;

    SnaBlockFillD(s, first, m, t, slopes, memory, &block);
    s->d.forward(s, s->theta, &block, value, work);
    if (slopes) s->d.slope(s, s->theta, &block, slope, work);
    if (FindNaN(s, first, m, t, nan)) {
      for (PetscInt i = 0; i < nout * ROWS; i++)
        if (nan[i % ROWS]) value[i] = NAN;
      for (PetscInt i = 0; i < nout * nd * ROWS && slopes; i++)
        if (nan[i % ROWS]) slope[i] = NAN;
    }
    for (PetscInt o = 0; o < nout && y; o++)
      for (PetscInt i = 0; i < m; i++) y[o][first + i] = value[o * ROWS + i];
    for (PetscInt k = 0; k < nout * nd && slopes; k++)
      for (PetscInt i = 0; i < m; i++) {
        const double x = t[k % nd][first + i];

        dy[k][first + i] = x < 0 || x > 1 ? 0 * slope[k * ROWS + i] : slope[k * ROWS + i]; // NaN stays
      }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSeparablePredict(SnaSeparable s, PetscInt n, const double *const t[], double *const y[])
{
  const PetscInt nout = s->o.nout;
  float         *theta, *value, *work;
  char          *memory;

  PetscFunctionBeginUser;
  PetscCall(GetScratch(s, &memory));
  value = (float *)(void *)(memory + SnaBlockBytes(s, PETSC_TRUE, PETSC_FALSE));
  work  = value + (size_t)nout * ROWS;
  theta = work + s->f.work;
  for (PetscInt p = 0; p < s->np; p++) theta[p] = (float)s->theta[p];
  for (PetscInt first = 0; first < n; first += ROWS) {
    const PetscInt m = PetscMin(ROWS, n - first);
    int32_t        nan[ROWS];
    BlockF         block;

    SnaBlockFillF(s, first, m, t, PETSC_FALSE, memory, &block);
    s->f.forward(s, theta, &block, value, work);
    if (FindNaN(s, first, m, t, nan))
      for (PetscInt i = 0; i < nout * ROWS; i++)
        if (nan[i % ROWS]) value[i] = NAN;
    for (PetscInt o = 0; o < nout; o++)
      for (PetscInt i = 0; i < m; i++) y[o][first + i] = (double)value[o * ROWS + i];
  }
  PetscFunctionReturn(0);
}
