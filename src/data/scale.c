// scale.c - statistics of a column over all ranks and the scalings that follow from them.
//
//   mean = sum x / n    deviation = sqrt(sum (x - mean)^2 / n)    the same of ln x
//
// Sums are formed in fixed point: relative to the power of two above the largest summand, every summand is rounded to a multiple of 2^-53 and split
// into two integers of 26 and 27 bits, whose 64-bit sums are exact. They depend neither on the order of the rows nor on the ranks, and hold 2^36 rows.
#include <sna/data.h>
#include <math.h>
#include <string.h>

// sum of z_i, |z_i| <= 1, as hi * 2^-26 + lo * 2^-53.
typedef struct {
  PetscInt64 hi, lo;
} Fixed;

static inline void FixedAdd(Fixed *sum, double z)
{
  const double scaled = z * 0x1p26, hi = rint(scaled);

  sum->hi += (PetscInt64)hi;
  sum->lo += (PetscInt64)rint((scaled - hi) * 0x1p27);
}

static PetscErrorCode FixedMean(MPI_Comm comm, const Fixed *sum, PetscInt64 n, double *mean)
{
  PetscInt64 mine[2] = {sum->hi, sum->lo}, all[2];

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Allreduce(mine, all, 2, MPIU_INT64, MPI_SUM, comm));
  // Whole parts first: the quotient of the high sum alone would lose bits that the low sum has.
  *mean = ((double)(all[0] / n) + ((double)(all[0] % n) + (double)all[1] * 0x1p-27) / (double)n) * 0x1p-26;
  PetscFunctionReturn(0);
}

// The power of two above |a| and |b|; not so small that its inverse is no number.
static int ExponentAbove(double a, double b)
{
  int exponent;

  (void)frexp(PetscMax(fabs(a), fabs(b)), &exponent);
  return PetscMax(exponent, -1000);
}

// Of g(x) in lo..hi, g = x or ln x.
static PetscErrorCode Moments(MPI_Comm comm, PetscInt n, const double x[], PetscInt64 total, PetscBool logarithm,
  double lo, double hi, double *mean, double *deviation)
{
  const int    exponent = ExponentAbove(lo, hi);
  const double scale    = ldexp(1, -exponent);
  Fixed        sum = {0, 0}, square = {0, 0};
  double       m, stretch, variance;
  int          spread;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) FixedAdd(&sum, (logarithm ? log(x[i]) : x[i]) * scale);
  PetscCall(FixedMean(comm, &sum, total, &m));
  // Squares have a scale of their own, which an offset of the column does not coarsen.
  spread  = ExponentAbove(lo * scale - m, hi * scale - m);
  stretch = ldexp(1, -spread);
  for (PetscInt i = 0; i < n; i++) {
    const double z = ((logarithm ? log(x[i]) : x[i]) * scale - m) * stretch;

    FixedAdd(&square, z * z);
  }
  PetscCall(FixedMean(comm, &square, total, &variance));
  *mean      = ldexp(m, exponent);
  *deviation = ldexp(sqrt(variance), exponent + spread);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaColumnGetStatistics(MPI_Comm comm, PetscInt n, const double x[], SnaColumnStatistics *s)
{
  double     mine[2]  = {-INFINITY, -INFINITY}, all[2]; // of -x and x
  PetscInt64 count[2] = {n, 0}, counts[2];              // rows, those that are no finite numbers

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(s, sizeof(*s)));
  for (PetscInt i = 0; i < n; i++) {
    if (-x[i] > mine[0]) mine[0] = -x[i];
    if (x[i] > mine[1]) mine[1] = x[i];
    count[1] += !isfinite(x[i]);
  }
  PetscCallMPI(MPI_Allreduce(mine, all, 2, MPI_DOUBLE, MPI_MAX, comm));
  PetscCallMPI(MPI_Allreduce(count, counts, 2, MPIU_INT64, MPI_SUM, comm));
  PetscCheck(counts[1] == 0, comm, PETSC_ERR_ARG_WRONG,
    "%" PetscInt64_FMT " of %" PetscInt64_FMT " values are not finite", counts[1], counts[0]);
  s->n = counts[0];
  if (s->n == 0) PetscFunctionReturn(0);
  s->min = -all[0];
  s->max = all[1];
  if (s->min == s->max) {
    s->mean = s->min;
    if (s->min > 0) s->log_mean = log(s->min);
    PetscFunctionReturn(0);
  }
  PetscCall(Moments(comm, n, x, s->n, PETSC_FALSE, s->min, s->max, &s->mean, &s->deviation));
  if (s->min > 0) {
    PetscCall(Moments(comm, n, x, s->n, PETSC_TRUE, log(s->min), log(s->max), &s->log_mean, &s->log_deviation));
  }
  PetscFunctionReturn(0);
}

double SnaScaleForward(const SnaScale *s, double x)
{
  return ((s->log ? log(x) : x) - s->shift) / s->width;
}

double SnaScaleBackward(const SnaScale *s, double t)
{
  const double g = s->shift + s->width * t;

  return s->log ? exp(g) : g;
}

double SnaScaleDerivative(const SnaScale *s, double x)
{
  return 1 / (s->log ? x * s->width : s->width);
}

// What no kind can do anything with. FALSE: there is a message.
static PetscBool IsUsable(const SnaColumnStatistics *c, PetscBool logarithm, char message[SNA_MAX_MESSAGE])
{
  message[0] = 0;
  if (c->n == 0) {
    SnaMessageSet(message, "there are no values");
  } else if (c->min == c->max) {
    SnaMessageSet(
      message, "all %" PetscInt64_FMT " values are %.6g: nothing can be learned from a constant column", c->n, c->min);
  } else if (logarithm && c->min <= 0) {
    SnaMessageSet(message, "the smallest value is %.6g: a logarithm needs values above 0", c->min);
  }
  return message[0] ? PETSC_FALSE : PETSC_TRUE;
}

// Round-off and overflow can make a width 0 or infinite although the values differ.
static void CheckWidth(SnaScale *s, char message[SNA_MAX_MESSAGE])
{
  if (s->width > 0 && isfinite(s->width) && isfinite(s->shift)) return;
  SnaMessageSet(message, "the values lie between %.17g and %.17g, which double precision cannot scale", s->lo, s->hi);
}

PetscErrorCode SnaScaleOfInput(
  const SnaColumnStatistics *c, const char kind[], SnaScale *s, char message[SNA_MAX_MESSAGE])
{
  const PetscBool logarithm = strcmp(kind, "log") ? PETSC_FALSE : PETSC_TRUE;

  PetscFunctionBeginUser;
  *s = (SnaScale){.log = logarithm, .shift = 0, .width = 1, .lo = c->min, .hi = c->max};
  if (!IsUsable(c, logarithm, message)) PetscFunctionReturn(0);
  if (!strcmp(kind, "standard")) {
    s->lo = PetscMax(c->min, c->mean - 3 * c->deviation);
    s->hi = PetscMin(c->max, c->mean + 3 * c->deviation);
  } else {
    PetscCheck(
      logarithm || !strcmp(kind, "linear"), PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "no scaling `%s` of inputs", kind);
  }
  s->shift = logarithm ? log(s->lo) : s->lo;
  s->width = (logarithm ? log(s->hi) : s->hi) - s->shift;
  CheckWidth(s, message);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaScaleOfTarget(
  const SnaColumnStatistics *c, const char kind[], SnaScale *s, char message[SNA_MAX_MESSAGE])
{
  const PetscBool logarithm = strcmp(kind, "log") ? PETSC_FALSE : PETSC_TRUE;

  PetscFunctionBeginUser;
  *s = (SnaScale){.log = logarithm, .shift = 0, .width = 1, .lo = c->min, .hi = c->max};
  if (!IsUsable(c, logarithm, message)) PetscFunctionReturn(0);
  if (logarithm) {
    s->shift = c->log_mean;
    s->width = c->log_deviation;
  } else if (!strcmp(kind, "standard")) {
    s->shift = c->mean;
    s->width = c->deviation;
  } else if (!strcmp(kind, "deviation")) {
    s->width = c->deviation;
  } else {
    PetscCheck(!strcmp(kind, "none"), PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "no scaling `%s` of targets", kind);
  }
  CheckWidth(s, message);
  PetscFunctionReturn(0);
}
