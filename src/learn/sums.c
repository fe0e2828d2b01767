// sums.c - sums over rows that do not depend on their order, so that a fit gives the same bits on any number of ranks.
//
// Every addend v is replaced by the integer nearest towards zero of v * scale, scale a power of two with count * largest * scale < 2^62: 64-bit sums then
// cannot overflow, and are exact. The error of a sum is below count / scale, that is 2^-61 count^2 largest.
#include "fit_impl.h"
#include <math.h>
#include <string.h>

PetscErrorCode SnaExactScale(MPI_Comm comm, double largest, PetscInt64 count, double *scale)
{
  int exponent;

  PetscFunctionBeginUser;
  if (!(largest >= 0)) largest = INFINITY; // NaN
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, comm));
  *scale = 0;
  if (!isfinite(largest) || largest > 1e290) PetscFunctionReturn(0);
  (void)frexp(PetscMax(largest, 1e-280) * (double)PetscMax(1, count), &exponent);
  *scale = ldexp(1, PetscMin(61 - exponent, 1000));
  PetscFunctionReturn(0);
}

// With a scale that does not fit, sums may overflow: SnaExactIsValid then has them made again.
static int64_t Wrap(int64_t a, int64_t b)
{
  return (int64_t)((uint64_t)a + (uint64_t)b);
}

// The bits of |v| as an integer order like |v|, with infinity and NaN at the end.
double SnaExactAddD(PetscInt n, const double v[], double scale, int64_t sum[])
{
  int64_t largest = 0;
  double  value;

  for (PetscInt i = 0; i < n; i++) sum[i] = Wrap(sum[i], (int64_t)(v[i] * scale));
  for (PetscInt i = 0; i < n; i++) {
    int64_t bits;

    memcpy(&bits, &v[i], sizeof(bits));
    bits &= INT64_MAX;
    largest = bits > largest ? bits : largest;
  }
  memcpy(&value, &largest, sizeof(value));
  return value == value ? value : INFINITY;
}

double SnaExactAddF(PetscInt n, const float v[], double scale, int64_t sum[])
{
  int32_t largest = 0;
  float   value;

  for (PetscInt i = 0; i < n; i++) sum[i] = Wrap(sum[i], (int64_t)((double)v[i] * scale));
  for (PetscInt i = 0; i < n; i++) {
    int32_t bits;

    memcpy(&bits, &v[i], sizeof(bits));
    bits &= INT32_MAX;
    largest = bits > largest ? bits : largest;
  }
  memcpy(&value, &largest, sizeof(value));
  return value == value ? (double)value : INFINITY;
}

PetscErrorCode SnaExactReduce(MPI_Comm comm, PetscInt n, int64_t sum[], double scale, double out[])
{
  PetscMPIInt count;

  PetscFunctionBeginUser;
  for (PetscInt first = 0; first < n; first += 1 << 24) {
    PetscCall(PetscMPIIntCast(PetscMin(n - first, 1 << 24), &count));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum + first, count, MPI_INT64_T, MPI_SUM, comm));
  }
  for (PetscInt i = 0; i < n; i++) out[i] = scale > 0 ? (double)sum[i] / scale : NAN;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaExactIsValid(MPI_Comm comm, double largest, PetscInt64 count, double *scale, PetscBool *valid)
{
  double fitting;

  PetscFunctionBeginUser;
  PetscCall(SnaExactScale(comm, largest, count, &fitting));
  *valid = (PetscBool)(fitting == 0 || (*scale > 0 && *scale <= fitting && *scale * 0x1p16 >= fitting));
  if (fitting == 0) *scale = 0;
  if (!*valid) *scale = fitting * 0x1p-5;
  PetscFunctionReturn(0);
}
