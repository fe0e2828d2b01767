// Cosine and sine transforms of lines and rows against the sums that define them.
#include "fft/dct.h"
#include <fftw3.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)
#define ROUNDING 1e-13

static const SnaFftKind kinds[4] = {SNA_FFT_DCT1, SNA_FFT_DST1, SNA_FFT_DCT2, SNA_FFT_DST2};
// Per kind: first slot of points and of modes, and by how much the last one stays below n.
static const PetscInt begin[4][2] = {{0, 0}, {1, 1}, {0, 0}, {0, 1}}, shy[4][2] = {{0, 0}, {1, 1}, {1, 1}, {1, 0}};

static double Random(uint64_t *seed)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (double)(*seed >> 11) / 9007199254740992.0 - 0.5;
}

static PetscBool Present(int kind, PetscBool modes, PetscInt n, PetscInt slot)
{
  return (PetscBool)(slot >= begin[kind][modes] && slot <= n - shy[kind][modes]);
}

// The formulas of FFTW's manual, "1d Real-even DFTs (DCTs)" and "1d Real-odd DFTs (DSTs)", in the slots of dct.h; x and X have n+1 slots.
static void Define(int kind, PetscBool backward, PetscInt n, const long double x[], long double X[])
{
  long double *cosine; // cos(pi i/(2n))

  Ok(PetscMalloc1((size_t)(4 * n), &cosine));
  for (PetscInt i = 0; i < 4 * n; i++) cosine[i] = cosl(acosl(-1.0L) * (long double)i / (2 * (long double)n));
  for (PetscInt k = 0; k <= n; k++) {
    X[k] = 0;
    if (!Present(kind, (PetscBool)!backward, n, k)) continue;
    for (PetscInt j = 0; j <= n; j++) {
      const PetscInt  half  = kinds[kind] == SNA_FFT_DCT1 || kinds[kind] == SNA_FFT_DST1 ? 2 * j * k
                              : backward                                                 ? j * (2 * k + 1)
                                                                                         : (2 * j + 1) * k;
      const PetscInt  phase = kinds[kind] == SNA_FFT_DST1 || kinds[kind] == SNA_FFT_DST2 ? half + 3 * n : half;
      const PetscBool ends  = (PetscBool)(kinds[kind] == SNA_FFT_DCT1 || backward); // 0 and n count once
      if (Present(kind, backward, n, j)) X[k] += x[j] * cosine[phase % (4 * n)] * (ends && (j == 0 || j == n) ? 1 : 2);
    }
  }
  Ok(PetscFree(cosine));
}

// One transform of m lines with NaN in the slots that the kind does not have and numbers that may not change beside the lines.
static void Check(SnaDct dct, PetscInt n, int kind, PetscBool backward, PetscBool rows, PetscInt m, PetscInt stride)
{
  const size_t total = rows ? (size_t)(m * stride) : (size_t)((n + 1) * stride);
  uint64_t     seed  = (uint64_t)(1 + n + 1000 * m);
  double      *data, worst = 0, largest = 0;
  long double *x, *X;

  Ok(PetscMalloc3(total, &data, (size_t)(m * (n + 1)), &x, (size_t)(m * (n + 1)), &X));
  for (size_t i = 0; i < total; i++) data[i] = 3.5;
  for (PetscInt l = 0; l < m; l++) {
    for (PetscInt j = 0; j <= n; j++) {
      const double value                           = Present(kind, backward, n, j) ? Random(&seed) + 0.2 : (double)NAN;
      data[rows ? l * stride + j : j * stride + l] = value;
      x[l * (n + 1) + j]                           = value;
    }
    Define(kind, backward, n, x + l * (n + 1), X + l * (n + 1));
  }
  if (rows)
    Ok(SnaDctRows(dct, kinds[kind], backward, m, stride, data));
  else
    Ok(SnaDctLines(dct, kinds[kind], backward, m, stride, data));
  for (PetscInt l = 0; l < m; l++) {
    for (PetscInt k = 0; k <= n; k++) {
      double *value = &data[rows ? l * stride + k : k * stride + l];
      if (!Present(kind, (PetscBool)!backward, n, k)) assert_true(*value == 0);
      assert_true(isfinite(*value));
      worst   = fmax(worst, fabs(*value - (double)X[l * (n + 1) + k]));
      largest = fmax(largest, fabs((double)X[l * (n + 1) + k]));
      *value  = 3.5;
    }
  }
  assert_true(worst <= ROUNDING * largest);
  for (size_t i = 0; i < total; i++) assert_true(data[i] == 3.5);
  Ok(PetscFree3(data, x, X));
}

static void TestAgainstTheSums(void **state)
{
  const PetscInt sizes[] = {1, 2, 3, 4, 5, 7, 8, 16, 31, 64}, lines[] = {1, 2, 3, 17, 65};

  (void)state;
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    SnaDct dct;
    Ok(SnaDctCreate(sizes[i], FFTW_ESTIMATE, &dct));
    for (size_t l = 0; l < sizeof(lines) / sizeof(lines[0]); l++) {
      for (int variant = 0; variant < 16; variant++) {
        const PetscBool backward = (PetscBool)(variant / 4 % 2), rows = (PetscBool)(variant / 8);
        const PetscInt  length = rows ? sizes[i] + 1 : lines[l];
        Check(dct, sizes[i], variant % 4, backward, rows, lines[l], length);
        Check(dct, sizes[i], variant % 4, backward, rows, lines[l], length + 5);
      }
    }
    Ok(SnaDctDestroy(&dct));
    assert_null(dct);
  }
}

static void TestRoundTrip(void **state)
{
  const PetscInt sizes[] = {1, 6, 31, 64, 256, 1000};
  const PetscInt m       = 11;

  (void)state;
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    const PetscInt n     = sizes[i];
    const size_t   total = (size_t)((n + 1) * m);
    SnaDct         dct;
    double        *data, *copy;
    Ok(SnaDctCreate(n, FFTW_ESTIMATE, &dct));
    Ok(PetscMalloc2(total, &data, total, &copy));
    for (int variant = 0; variant < 8; variant++) {
      const int       kind  = variant % 4;
      const PetscBool rows  = (PetscBool)(variant / 4);
      uint64_t        seed  = 7;
      double          worst = 0;
      for (PetscInt l = 0; l < m; l++) {
        for (PetscInt j = 0; j <= n; j++)
          copy[rows ? l * (n + 1) + j : j * m + l] = Present(kind, PETSC_FALSE, n, j) ? Random(&seed) : 0;
      }
      Ok(PetscArraycpy(data, copy, total));
      for (int backward = 0; backward < 2; backward++) {
        if (rows)
          Ok(SnaDctRows(dct, kinds[kind], (PetscBool)backward, m, n + 1, data));
        else
          Ok(SnaDctLines(dct, kinds[kind], (PetscBool)backward, m, m, data));
      }
      for (size_t k = 0; k < total; k++) worst = fmax(worst, fabs(data[k] / (2 * (double)n) - copy[k]));
      assert_true(worst <= ROUNDING);
    }
    Ok(PetscFree2(data, copy));
    Ok(SnaDctDestroy(&dct));
  }
}

// The running sums of DCT1 and DST1 must stay accurate for long lines, smooth ones too.
static void TestLongLines(void **state)
{
  const PetscInt n = 256;
  SnaDct         dct;

  (void)state;
  Ok(SnaDctCreate(n, FFTW_ESTIMATE, &dct));
  for (int kind = 0; kind < 4; kind++) {
    for (int backward = 0; backward < 2; backward++) {
      double      data[257][2], worst = 0, largest = 0;
      long double x[257], X[257];
      Check(dct, n, kind, (PetscBool)backward, PETSC_FALSE, 8, 8);
      for (PetscInt j = 0; j <= n; j++) x[j] = data[j][0] = data[j][1] = 1 + 1e-3 * (double)j;
      Define(kind, (PetscBool)backward, n, x, X);
      Ok(SnaDctLines(dct, kinds[kind], (PetscBool)backward, 2, 2, data[0]));
      for (PetscInt k = 0; k <= n; k++) {
        worst   = fmax(worst, fabs(data[k][1] - (double)X[k]));
        largest = fmax(largest, fabs((double)X[k]));
      }
      assert_true(worst <= ROUNDING * largest);
    }
  }
  Ok(SnaDctDestroy(&dct));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestAgainstTheSums),
    cmocka_unit_test(TestRoundTrip),
    cmocka_unit_test(TestLongLines),
  };
  int failed;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failed;
}
