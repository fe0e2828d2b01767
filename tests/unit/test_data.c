// np: 1 2 3 timeout: 60
// Test functions against their definitions and moments, designs against what makes them one, statistics, scalings, splits and the way of rows to ranks.
#include <sna/data.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define OK(call)       assert_int_equal((int)(call), 0)
#define EMPTY(message) assert_string_equal(message, "")
#define HOLDS(text, part)                                                                                              \
  do {                                                                                                                 \
    if (!strstr(text, part)) fail_msg("`%s` is not in: %s", part, text);                                               \
  } while (0)

static PetscMPIInt rank, size;

static void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static double *Numbers(PetscInt n)
{
  double *x = malloc(((size_t)n + 1) * sizeof(double));

  assert_non_null(x);
  return x;
}

// n points of a design in [0,1]^nd, x[d][i]; Free() takes them back.
static double **Points(const char kind[], uint64_t seed, PetscInt64 total, PetscInt nd, PetscInt64 first, PetscInt n)
{
  double **x = malloc(((size_t)nd + 1) * sizeof(double *));

  assert_non_null(x);
  for (PetscInt d = 0; d < nd; d++) x[d] = Numbers(n);
  OK(SnaDesignPoints(kind, seed, total, nd, first, n, x));
  return x;
}

static void Free(double **x, PetscInt nd)
{
  for (PetscInt d = 0; d < nd; d++) free(x[d]);
  free(x);
}

// ---------------------------------------------------------------------------------------------------------------------
// Functions
// ---------------------------------------------------------------------------------------------------------------------
static double At(const char name[], PetscInt nd, const double point[])
{
  SnaTestFunction f;
  char            message[SNA_MAX_MESSAGE];
  const double   *x[SNA_MAX_DIM];
  double          y;

  OK(SnaTestFunctionGet(name, nd, &f, message));
  EMPTY(message);
  for (PetscInt d = 0; d < f.nd; d++) x[d] = &point[d];
  OK(SnaTestFunctionEvaluate(&f, 1, x, &y));
  return y;
}
#define AT(name, ...) At(name, 0, (const double[]){__VA_ARGS__})

// Values of the library's formulas in 30 digits, and cases in which the formulas collapse.
static void TestFunctionValues(void **state)
{
  (void)state;
  Near(AT("borehole", 0.1, 25050, 89335, 1050, 89.55, 760, 1400, 10950), 70.872912636818957, 1e-13 * 71);
  Near(AT("borehole", 0.15, 100, 115600, 1110, 63.1, 700, 1120, 12045), 307.83715175610807, 1e-13 * 308);
  Near(AT("borehole", 0.1, 25050, 89335, 800, 89.55, 800, 1400, 10950), 0, 0); // no head, no flow
  Near(AT("otl_circuit", 100, 47.5, 1.75, 1.85, 0.725, 175), 5.3106169421883297, 1e-14 * 5.3);
  Near(AT("otl_circuit", 50, 70, 3, 1.2, 0.25, 50), 9.6013426423200859, 1e-14 * 9.6);
  Near(AT("otl_circuit", 100, 50, 0, 1, 1, 100), 4.74, 1e-14);     // vb1 + 0.74
  Near(AT("otl_circuit", 100, 50, 1, 1, 1, 0), 11.35, 1e-14 * 11); // a transistor without gain
  Near(AT("wing_weight", 174, 252, 7.52, 0, 34, 0.672, 0.12, 3.8, 2000, 0.064), 244.96715133593023, 1e-13 * 245);
  Near(AT("wing_weight", 200, 300, 10, -10, 16, 0.5, 0.08, 6, 2500, 0.025), 489.9289250660266, 1e-13 * 490);
  Near(AT("wing_weight", 1, 1, 1, 0, 1, 1, 0.01, 1, 1, 0), 0.036, 1e-16);
  Near(AT("wing_weight", 1, 1, 1, 60, 1, 1, 0.01, 1, 1, 0), 0.036 * pow(2, 0.9), 1e-15); // (1/cos^2)^0.6 cos^0.3
  Near(AT("piston", 45, 0.0125, 0.006, 3000, 100000, 293, 350), 0.4643970224718025, 1e-15);
  Near(AT("piston", 30, 0.02, 0.002, 5000, 110000, 296, 340), 0.16859931280241625, 1e-13);
  // A = 0, so that V = S sqrt(P0 V0 Ta / (T0 k)) and the gas is as stiff as the spring.
  Near(AT("piston", 50, 0.02, 0.01, 5562, 90000, 290, 350), 2 * PETSC_PI * sqrt(50. / (2 * 5562)), 1e-12);
  Near(AT("ishigami", PETSC_PI / 2, PETSC_PI / 2, 0), 8, 1e-14);
  Near(AT("ishigami", -PETSC_PI / 2, 0, 2), -1 - 1.6, 1e-14);
  Near(AT("friedman1", 0.5, 1, 0.5, 0, 0, 9, 9, 9, 9, 9), 10, 1e-14);
  Near(AT("friedman1", 0, 1, 1, 0.3, 0.2, 9, 9, 9, 9, 9), 9, 1e-14);
  Near(At("friedman1", 5, (const double[]){0.5, 0.5, 0, 0, 1}), 10 * sin(PETSC_PI / 4) + 10, 1e-14);
  // a = 0, 1/2, 1
  Near(At("sobol_g", 3, (const double[]){1, 0.75, 0.5}), 2 * (1.5 / 1.5) * 0.5, 1e-15);
  Near(At("sobol_g", 1, (const double[]){0.5}), 0, 0);
}

// Mean and variance over the box with 2^16 Sobol' points, against the integrals.
static void TestFunctionMoments(void **state)
{
  const PetscInt n          = 65536;
  const double   pi         = PETSC_PI;
  double         variance_g = 1;
  struct {
    const char *name;
    PetscInt    nd;
    double      mean, variance; // 0: not known in closed form
    double      tolerance;
  } cases[] = {
    {"ishigami", 3, 3.5, 49. / 8 + 0.1 * pow(pi, 4) / 5 + 0.01 * pow(pi, 8) / 18 + 0.5, 2e-4},
    {"sobol_g", 20, 1, 0, 4e-3}, {"sobol_g", 2, 1, (4. / 3) * (1 + 4. / 27) - 1, 1e-4},
    {"friedman1", 10, 5.2466306757531904 + 5. / 3 + 7.5, 0, 1e-4}, // 10 Cin(pi)/pi
  };

  (void)state;
  for (int i = 1; i <= 20; i++) variance_g *= 1 + 1 / (3 * pow(1 + 0.5 * (i - 1), 2));
  cases[1].variance = variance_g - 1;
  for (size_t c = 0; c < PETSC_STATIC_ARRAY_LENGTH(cases); c++) {
    SnaTestFunction f;
    char            message[SNA_MAX_MESSAGE];
    double        **x, *y = Numbers(n), mean = 0, variance = 0;

    OK(SnaTestFunctionGet(cases[c].name, cases[c].nd, &f, message));
    x = Points("sobol", 1, n, f.nd, 0, n);
    for (PetscInt d = 0; d < f.nd; d++) {
      for (PetscInt i = 0; i < n; i++) x[d][i] = f.lo[d] + (f.hi[d] - f.lo[d]) * x[d][i];
    }
    OK(SnaTestFunctionEvaluate(&f, n, (const double *const *)x, y));
    for (PetscInt i = 0; i < n; i++) mean += y[i] / n;
    for (PetscInt i = 0; i < n; i++) variance += (y[i] - mean) * (y[i] - mean) / n;
    Near(mean, cases[c].mean, cases[c].tolerance * fmax(1, cases[c].mean));
    if (cases[c].variance > 0) Near(variance, cases[c].variance, 3 * cases[c].tolerance * cases[c].variance);
    Free(x, f.nd);
    free(y);
  }
}

static void TestFunctionTable(void **state)
{
  static const struct {
    const char *name;
    PetscInt    nd;
    double      lo, hi; // product of all lower and upper ends
  } expected[] = {{"borehole", 8, 0, 0}, {"sobol_g", 20, 0, 1},
    {"otl_circuit", 6, 50 * 25 * .5 * 1.2 * .25 * 50, 150. * 70 * 3 * 2.5 * 1.2 * 300},
    {"wing_weight", 10, 150. * 220 * 6 * -10 * 16 * .5 * .08 * 2.5 * 1700 * .025,
      200. * 300 * 10 * 10 * 45 * 1 * .18 * 6 * 2500 * .08},
    {"piston", 7, 30 * .005 * .002 * 1000 * 90000 * 290 * 340, 60 * .02 * .01 * 5000 * 110000. * 296 * 360},
    {"ishigami", 3, -PETSC_PI * PETSC_PI * PETSC_PI, PETSC_PI * PETSC_PI * PETSC_PI}, {"friedman1", 10, 0, 1}};
  SnaTestFunction f;
  char            message[SNA_MAX_MESSAGE];
  size_t          known = 0;

  (void)state;
  for (size_t c = 0; c < PETSC_STATIC_ARRAY_LENGTH(expected); c++) {
    double lo = 1, hi = 1;

    HOLDS(SnaTestFunctionNames(), expected[c].name);
    known += strlen(expected[c].name) + 1;
    OK(SnaTestFunctionGet(expected[c].name, 0, &f, message));
    EMPTY(message);
    assert_string_equal(f.name, expected[c].name);
    assert_int_equal(f.nd, expected[c].nd);
    for (PetscInt d = 0; d < f.nd; d++) {
      lo *= f.lo[d];
      hi *= f.hi[d];
      assert_true(f.lo[d] < f.hi[d]);
      // A name of a deck, which expressions can hold.
      assert_true(f.input[d][0] >= 'a' && f.input[d][0] <= 'z');
      assert_int_equal(strspn(f.input[d], "abcdefghijklmnopqrstuvwxyz0123456789"), strlen(f.input[d]));
      assert_false(SnaNameIsReserved(f.input[d]));
      for (PetscInt e = 0; e < d; e++) assert_string_not_equal(f.input[d], f.input[e]);
    }
    if (c == 0) {
      static const double box[8][2] = {
        {0.05, 0.15}, {100, 50000}, {63070, 115600}, {990, 1110}, {63.1, 116}, {700, 820}, {1120, 1680}, {9855, 12045}};

      for (PetscInt d = 0; d < 8; d++) assert_true(f.lo[d] == box[d][0] && f.hi[d] == box[d][1]);
    } else {
      Near(lo, expected[c].lo, 1e-13 * fabs(expected[c].lo));
      Near(hi, expected[c].hi, 1e-13 * fabs(expected[c].hi));
    }
  }
  assert_int_equal(known, strlen(SnaTestFunctionNames()) + 1);

  OK(SnaTestFunctionGet("sobol_g", SNA_MAX_DIM, &f, message));
  EMPTY(message);
  assert_string_equal(f.input[31], "x32");
  OK(SnaTestFunctionGet("borehole", 7, &f, message));
  assert_string_equal(message, "borehole has 8 inputs, not 7");
  OK(SnaTestFunctionGet("friedman1", 4, &f, message));
  assert_string_equal(message, "friedman1 has 5 to 32 inputs, not 4");
  OK(SnaTestFunctionGet("sobol_g", 33, &f, message));
  HOLDS(message, "1 to 32");
  OK(SnaTestFunctionGet("boreholes", 0, &f, message));
  HOLDS(message, "unknown test function `boreholes`");
}

// ---------------------------------------------------------------------------------------------------------------------
// Designs
// ---------------------------------------------------------------------------------------------------------------------
static void TestLatinHypercube(void **state)
{
  static const PetscInt totals[] = {1, 2, 3, 7, 100, 1000, 4096, 20000};

  (void)state;
  for (size_t t = 0; t < PETSC_STATIC_ARRAY_LENGTH(totals); t++) {
    const PetscInt n = totals[t];

    for (uint64_t seed = 0; seed < 3; seed++) {
      double **x = Points("lhs", seed, n, 5, 0, n), mean = 0, square = 0;

      for (PetscInt d = 0; d < 5; d++) {
        char *hit = calloc((size_t)n, 1);

        for (PetscInt i = 0; i < n; i++) {
          const double stratum = floor(x[d][i] * n), place = x[d][i] * n - stratum;

          assert_true(x[d][i] > 0 && x[d][i] < 1);
          assert_false(hit[(PetscInt)stratum]);
          hit[(PetscInt)stratum] = 1;
          mean += place;
          square += place * place;
        }
        free(hit);
        // Columns are unrelated: 5 standard deviations of the correlation of random permutations.
        for (PetscInt e = 0; e < d && n >= 100; e++) {
          double c = 0;

          for (PetscInt i = 0; i < n; i++) c += 12 * (x[d][i] - 0.5) * (x[e][i] - 0.5) / n;
          Near(c, 0, 5 / sqrt(n));
        }
      }
      // Uniform in the strata.
      Near(mean / (5 * n), 0.5, 5 / sqrt(12. * 5 * n));
      Near(square / (5 * n), 1. / 3, 5 * 0.3 / sqrt(5. * n));
      Free(x, 5);
    }
  }
}

// Bits of point i without the shift: those in which it differs from point 0, whose Sobol' point is 0.
static uint64_t Unshifted(double x, double zero)
{
  return (uint64_t)(x * 0x1p52) ^ (uint64_t)(zero * 0x1p52);
}

static void TestSobolPoints(void **state)
{
  // Joe & Kuo, "Notes on generating Sobol' sequences", 2008: the first ten points in three dimensions, in sixteenths.
  static const uint64_t first[10][3] = {{0, 0, 0}, {8, 8, 8}, {12, 4, 4}, {4, 12, 12}, {6, 6, 10}, {14, 14, 2},
    {10, 2, 14}, {2, 10, 6}, {3, 5, 15}, {11, 13, 7}};
  // Point 123456 in units of 2^-30 by an independent implementation of new-joe-kuo-6.21201 (scipy.stats.qmc.Sobol(32, scramble=False, bits=30)).
  static const uint64_t far[32] = {28450816, 196222976, 329916416, 483516416, 181657600, 218243072, 768614400,
    498278400, 758554624, 267427840, 535912448, 838787072, 592683008, 301129728, 819634176, 710139904, 613441536,
    399056896, 947052544, 168747008, 126803968, 647389184, 500867072, 533602304, 800071680, 563126272, 925409280,
    481878016, 787505152, 349233152, 724049920, 81289216};
  const PetscInt64      total   = (PetscInt64)1 << 32;
  double              **x = Points("sobol", 5, total, 32, 0, 10), **y = Points("sobol", 5, total, 32, 123456, 1);

  (void)state;
  for (int i = 0; i < 10; i++) {
    for (int d = 0; d < 3; d++) assert_true(Unshifted(x[d][i], x[d][0]) == first[i][d] << 48);
  }
  for (int d = 0; d < 32; d++) assert_true(Unshifted(y[d][0], x[d][0]) >> 22 == far[d]);
  Free(y, 32);
  Free(x, 32);
}

static void TestSobolNets(void **state)
{
  const PetscInt n = 1024;
  double       **x = Points("sobol", 7, 3 * n, 32, 2 * n, n);
  uint32_t       row[32], rest;
  char           hit[1024];

  (void)state;
  // Any block of 2^m points from a multiple of 2^m: one in each of 2^m intervals, in every dimension.
  for (int d = 0; d < 32; d++) {
    memset(hit, 0, sizeof(hit));
    for (PetscInt i = 0; i < n; i++) {
      assert_true(x[d][i] > 0 && x[d][i] < 1);
      hit[(int)(x[d][i] * n)]++;
    }
    for (PetscInt i = 0; i < n; i++) assert_int_equal(hit[i], 1);
  }
  // The first two dimensions are a net of strength t = 0: one point in every elementary rectangle.
  for (int k = 0; k <= 10; k++) {
    memset(hit, 0, sizeof(hit));
    for (PetscInt i = 0; i < n; i++) {
      hit[(int)(x[0][i] * (1 << k)) * (1 << (10 - k)) + (int)(x[1][i] * (1 << (10 - k)))]++;
    }
    for (PetscInt i = 0; i < n; i++) assert_int_equal(hit[i], 1);
  }
  Free(x, 32);

  // Property A: each of the 2^32 orthants holds one of the first 2^32 points. The first bits of the direction numbers form a regular matrix over Z_2; number k
  // is point 2^(k+1) - 1, whose Gray code is 2^k.
  for (int k = 0; k < 32; k++) {
    double **zero = Points("sobol", 0, (PetscInt64)1 << 32, 32, 0, 1);

    x      = Points("sobol", 0, (PetscInt64)1 << 32, 32, ((PetscInt64)2 << k) - 1, 1);
    row[k] = 0;
    for (int d = 0; d < 32; d++) row[k] |= (uint32_t)(Unshifted(x[d][0], zero[d][0]) >> 51) << d;
    Free(x, 32);
    Free(zero, 32);
  }
  for (int d = 0; d < 32; d++) { // elimination
    int pivot = d;

    while (pivot < 32 && !(row[pivot] >> d & 1)) pivot++;
    if (pivot == 32) fail_msg("no property A in %d dimensions", d + 1);
    rest       = row[pivot];
    row[pivot] = row[d];
    row[d]     = rest;
    for (int k = d + 1; k < 32; k++) row[k] ^= row[k] >> d & 1 ? row[d] : 0;
  }
}

// A point is the same alone, in a block and on any rank; other seeds and dimensions give other points.
static void TestDesignIsAFunction(void **state)
{
  static const char *const kinds[] = {"lhs", "sobol", "random"};
  const PetscInt           n       = 1000;

  (void)state;
  for (int k = 0; k < 3; k++) {
    double **whole = Points(kinds[k], 42, n, 6, 0, n), **other = Points(kinds[k], 43, n, 6, 0, n), **more,
           *zero = Numbers(n);
    PetscInt first, count, equal = 0;

    SnaSplit(n, size, rank, &first, &count);
    more = Points(kinds[k], 42, n, 6, first, count);
    for (PetscInt d = 0; d < 6; d++) {
      for (PetscInt i = 0; i < count; i++) assert_true(more[d][i] == whole[d][first + i]);
      memcpy(zero, whole[d], (size_t)n * sizeof(double));
      MPI_Bcast(zero, (int)n, MPI_DOUBLE, 0, PETSC_COMM_WORLD);
      assert_memory_equal(zero, whole[d], (size_t)n * sizeof(double));
      for (PetscInt i = 0; i < n; i++) equal += whole[d][i] == other[d][i];
      for (PetscInt e = 0; e < d; e++) {
        for (PetscInt i = 0; i < n; i++) equal += whole[d][i] == whole[e][i];
      }
    }
    assert_int_equal(equal, 0);
    Free(more, 6);
    Free(other, 6);
    more = Points(kinds[k], 42, n, 6, n, 0); // no points at the end
    Free(more, 6);
    Free(whole, 6);
    free(zero);
  }
}

static void TestRandomDesign(void **state)
{
  const PetscInt n = 20000;
  double       **x = Points("random", 3, n, 2, 0, n), moments[3] = {0, 0, 0};

  (void)state;
  for (PetscInt i = 0; i < n; i++) {
    moments[0] += x[0][i] / n;
    moments[1] += x[0][i] * x[0][i] / n;
    moments[2] += (x[0][i] - 0.5) * (x[1][i] - 0.5) / n;
  }
  Near(moments[0], 1. / 2, 5 * sqrt(1. / 12 / n));
  Near(moments[1], 1. / 3, 5 * sqrt(4. / 45 / n));
  Near(moments[2], 0, 5. / 12 / sqrt(n));
  Free(x, 2);
}

// ---------------------------------------------------------------------------------------------------------------------
// Permutations
// ---------------------------------------------------------------------------------------------------------------------
static void CheckBijection(uint64_t seed, uint64_t stream, PetscInt64 n)
{
  char *hit = calloc((size_t)n, 1);

  for (PetscInt64 i = 0; i < n; i++) {
    const PetscInt64 image = SnaPermute(seed, stream, n, i);

    assert_true(image >= 0 && image < n && !hit[image]);
    hit[image] = 1;
  }
  free(hit);
}

static int Order(const void *a, const void *b)
{
  const PetscInt64 x = *(const PetscInt64 *)a, y = *(const PetscInt64 *)b;

  return (x > y) - (x < y);
}

static void TestPermute(void **state)
{
  static const PetscInt64 large[]  = {4095, 4096, 4097, 10000, 65537};
  int                     count[6] = {0}, cycles = 0;

  (void)state;
  for (PetscInt64 n = 1; n <= 200; n++) CheckBijection((uint64_t)n, 0, n);
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(large); k++) CheckBijection(17, k, large[k]);

  // The largest n: images are different and spread.
  for (int bits = 40; bits <= 63; bits++) {
    const PetscInt64 n = (PetscInt64)(((uint64_t)1 << bits) - 1);
    PetscInt64       image[1000];
    double           mean = 0;

    for (int i = 0; i < 1000; i++) {
      image[i] = SnaPermute(1, 2, n, n - 1 - i);
      assert_true(image[i] >= 0 && image[i] < n);
      mean += (double)image[i] / (double)n / 1000;
    }
    Near(mean, 0.5, 5 * sqrt(1. / 12000));
    qsort(image, 1000, sizeof(image[0]), Order);
    for (int i = 1; i < 1000; i++) assert_true(image[i] > image[i - 1]);
  }

  // All six permutations of three numbers come, none of them much more often than another (5 standard deviations).
  for (uint64_t seed = 0; seed < 6000; seed++) {
    count[2 * SnaPermute(seed, 0, 3, 0) + (SnaPermute(seed, 0, 3, 1) > SnaPermute(seed, 0, 3, 2))]++;
  }
  for (int k = 0; k < 6; k++) Near(count[k], 1000, 5 * sqrt(1000 * 5. / 6));
  // Pairs keep neither order nor distance: the difference of neighbours' images is spread as that of random numbers, |difference| / n has mean 1/3.
  {
    const PetscInt64 n        = 20000;
    double           distance = 0, up = 0;

    for (PetscInt64 i = 0; i + 1 < n; i++) {
      const double difference = (double)(SnaPermute(9, 1, n, i + 1) - SnaPermute(9, 1, n, i));

      distance += fabs(difference) / (double)(n * n);
      up += (difference > 0) / (double)n;
      cycles += SnaPermute(9, 1, n, i) == i;
    }
    Near(distance, 1. / 3, 5 * sqrt(1. / 18 / (double)n) * 1.5);
    Near(up, 0.5, 5 * sqrt(0.25 / (double)n));
    assert_true(cycles < 10); // fixed points: one on average
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Statistics and scalings
// ---------------------------------------------------------------------------------------------------------------------
static void CheckStatistics(const SnaColumnStatistics *a, const SnaColumnStatistics *b)
{
  assert_true(a->min == b->min && a->max == b->max && a->mean == b->mean && a->deviation == b->deviation);
  assert_true(a->log_mean == b->log_mean && a->log_deviation == b->log_deviation && a->n == b->n);
}

// Of the numbers that this rank has, by uneven shares: rank r has those from n r^2 / size^2 on.
static SnaColumnStatistics Distributed(PetscInt n, const double x[])
{
  const PetscInt      first = n * rank * rank / (size * size), last = n * (rank + 1) * (rank + 1) / (size * size);
  SnaColumnStatistics s;

  OK(SnaColumnGetStatistics(PETSC_COMM_WORLD, last - first, x + first, &s));
  return s;
}

static void TestStatistics(void **state)
{
  const PetscInt      n = 10007;
  double             *x = Numbers(n), *y = Numbers(n);
  SnaColumnStatistics s, one;
  long double         mean = 0, square = 0;

  (void)state;
  for (PetscInt i = 0; i < n; i++) x[i] = exp(3 * SnaRandomNormal(1, 2, (uint64_t)i));
  for (PetscInt i = 0; i < n; i++) y[n - 1 - i] = x[i];
  s = Distributed(n, x);
  OK(SnaColumnGetStatistics(PETSC_COMM_SELF, n, y, &one)); // other ranks, other order, the same bits
  CheckStatistics(&s, &one);
  for (PetscInt i = 0; i < n; i++) mean += (long double)x[i] / n;
  for (PetscInt i = 0; i < n; i++) square += ((long double)x[i] - mean) * ((long double)x[i] - mean) / n;
  Near(s.mean, (double)mean, 4e-16 * (double)mean + 1e-16 * s.max);
  Near(s.deviation, (double)sqrtl(square), 4e-16 * s.deviation + 1e-16 * s.max);
  mean = square = 0;
  for (PetscInt i = 0; i < n; i++) mean += logl((long double)x[i]) / n;
  for (PetscInt i = 0; i < n; i++) square += powl(logl((long double)x[i]) - mean, 2) / n;
  Near(s.log_mean, (double)mean, 5e-15);
  Near(s.log_deviation, (double)sqrtl(square), 5e-15);

  // 1, 2, .. n: mean (n+1)/2 and variance (n^2-1)/12, exactly but for the root.
  for (PetscInt i = 0; i < n; i++) x[i] = (double)(i + 1);
  s = Distributed(n, x);
  assert_true(s.min == 1 && s.max == n && s.n == n && s.mean == 0.5 * (n + 1));
  Near(s.deviation, sqrt(((double)n * n - 1) / 12), 1e-12);
  // A large offset: what double precision leaves of 0, 1, 0, 1, ... and not more is lost.
  for (PetscInt i = 0; i < 10000; i++) x[i] = 1e9 + (double)(i % 2);
  s = Distributed(10000, x);
  Near(s.mean, 1e9 + 0.5, 2e-7);
  Near(s.deviation, 0.5, 1e-9);
  // The ends of the number range.
  for (PetscInt i = 0; i < 10000; i++) x[i] = i % 2 ? 1e308 : -1e308;
  s = Distributed(10000, x);
  Near(s.mean, 0, 1e290);
  Near(s.deviation, 1e308, 1e294);
  assert_true(s.log_mean == 0 && s.log_deviation == 0);
  for (PetscInt i = 0; i < 10000; i++) x[i] = i % 2 ? 1e-300 : 3e-300;
  s = Distributed(10000, x);
  Near(s.mean, 2e-300, 1e-314);
  Near(s.deviation, 1e-300, 1e-314);
  Near(s.log_deviation, 0.5 * log(3), 2e-13);
  // Constants are constant.
  for (PetscInt i = 0; i < n; i++) x[i] = 0.1;
  s = Distributed(n, x);
  assert_true(s.min == 0.1 && s.max == 0.1 && s.mean == 0.1 && s.deviation == 0 && s.log_deviation == 0);
  assert_true(s.log_mean == log(0.1));
  s = Distributed(0, x);
  assert_true(s.n == 0);
  free(x);
  free(y);
}

static void TestScale(void **state)
{
  static const double x[8] = {1, 1, 1, 1, 1, 1, 1, 1000};
  const struct {
    const char *kind;
    PetscBool   input;
    double      x, t, derivative; // a point, its image and the slope there
  } cases[] = {
    {"linear", PETSC_TRUE, 1000, 1, 1. / 999},
    {"linear", PETSC_TRUE, 1, 0, 1. / 999},
    {"log", PETSC_TRUE, 10, 1. / 3, 1 / (10 * log(1000))},
    {"log", PETSC_TRUE, 1000, 1, 1 / (1000 * log(1000))},
    {"none", PETSC_FALSE, 7, 7, 1},
    {"standard", PETSC_FALSE, 1000, sqrt(7), 8 / (999 * sqrt(7))}, // mean 1 + 999/8, deviation 999 sqrt(7) / 8
    {"deviation", PETSC_FALSE, 999, 8 / sqrt(7), 8 / (999 * sqrt(7))},
    {"log", PETSC_FALSE, 1000, sqrt(7), 8 / (1000 * log(1000) * sqrt(7))},
  };
  SnaColumnStatistics c;
  SnaScale            s;
  char                message[SNA_MAX_MESSAGE];
  double              many[100] = {0};

  (void)state;
  OK(SnaColumnGetStatistics(PETSC_COMM_SELF, 8, x, &c));
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(cases); k++) {
    if (cases[k].input)
      OK(SnaScaleOfInput(&c, cases[k].kind, &s, message));
    else
      OK(SnaScaleOfTarget(&c, cases[k].kind, &s, message));
    EMPTY(message);
    Near(SnaScaleForward(&s, cases[k].x), cases[k].t, 1e-14);
    Near(SnaScaleBackward(&s, cases[k].t), cases[k].x, 1e-12 * cases[k].x);
    Near(SnaScaleDerivative(&s, cases[k].x), cases[k].derivative, 1e-14 * cases[k].derivative);
    assert_true(s.lo == 1 && s.hi == 1000);
  }
  // Input standard: mean -+ 3 deviations, inside of what occurs. 99 zeros and a one: mean 0.01, deviation sqrt(0.0099).
  many[17] = 1;
  OK(SnaColumnGetStatistics(PETSC_COMM_SELF, 100, many, &c));
  OK(SnaScaleOfInput(&c, "standard", &s, message));
  EMPTY(message);
  assert_true(s.lo == 0);
  Near(s.hi, 0.01 + 3 * sqrt(0.0099), 1e-15);
  Near(SnaScaleForward(&s, s.hi), 1, 1e-15);
  Near(SnaScaleForward(&s, 0), 0, 0);
  // What cannot be.
  OK(SnaScaleOfInput(&c, "log", &s, message));
  HOLDS(message, "smallest value is 0");
  OK(SnaScaleOfTarget(&c, "log", &s, message));
  HOLDS(message, "above 0");
  OK(SnaScaleOfTarget(&c, "deviation", &s, message));
  EMPTY(message);
  many[17] = 0;
  OK(SnaColumnGetStatistics(PETSC_COMM_SELF, 100, many, &c));
  OK(SnaScaleOfInput(&c, "linear", &s, message));
  HOLDS(message, "all 100 values are 0");
  OK(SnaScaleOfTarget(&c, "standard", &s, message));
  HOLDS(message, "constant");
  OK(SnaColumnGetStatistics(PETSC_COMM_SELF, 0, many, &c));
  OK(SnaScaleOfInput(&c, "linear", &s, message));
  HOLDS(message, "no values");
  many[0] = 1.7e308;
  many[1] = -1.7e308;
  OK(SnaColumnGetStatistics(PETSC_COMM_SELF, 2, many, &c));
  OK(SnaScaleOfInput(&c, "linear", &s, message));
  HOLDS(message, "cannot scale");
}

// ---------------------------------------------------------------------------------------------------------------------
// Rows and parts
// ---------------------------------------------------------------------------------------------------------------------
static void TestSplitRandom(void **state)
{
  static const struct {
    PetscInt64 total;
    double     validation, test;
    PetscInt   nvalidation, ntest;
  } cases[] = {{1000, 0.1, 0.3, 100, 300}, {7, 0, 0.3, 0, 2}, {10, 0.25, 0.25, 3, 3}, {5, 0, 0, 0, 0},
    {3, 0.2, 0.8, 1, 2}, {1, 0, 0.3, 0, 0}, {3, 0.5, 0.5, 1, 2}};

  (void)state;
  for (size_t c = 0; c < PETSC_STATIC_ARRAY_LENGTH(cases); c++) {
    const PetscInt64 total    = cases[c].total;
    PetscInt         count[3] = {0}, first, n;
    PetscInt64      *row      = malloc((size_t)(total + 1) * sizeof(*row));
    SnaPart         *part     = malloc((size_t)(total + 1) * sizeof(*part));

    SnaSplit((PetscInt)total, size, rank, &first, &n);
    for (PetscInt i = 0; i < n; i++) row[i] = first + n - 1 - i; // any order
    OK(SnaSplitRandom(5, total, cases[c].validation, cases[c].test, n, row, part));
    for (PetscInt i = 0; i < n; i++) {
      const PetscInt64 position = SnaPermute(5, 0, total, row[i]);

      count[part[i]]++;
      assert_int_equal(part[i], position >= total - cases[c].ntest                          ? SNA_PART_TEST
                                : position >= total - cases[c].ntest - cases[c].nvalidation ? SNA_PART_VALIDATION
                                                                                            : SNA_PART_TRAIN);
    }
    MPI_Allreduce(MPI_IN_PLACE, count, 3, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD);
    assert_int_equal(count[SNA_PART_VALIDATION], cases[c].nvalidation);
    assert_int_equal(count[SNA_PART_TEST], cases[c].ntest);
    free(row);
    free(part);
  }
}

static void TestSplitFold(void **state)
{
  static const PetscInt sizes[][2] = {{96, 5}, {10, 10}, {7, 3}, {1000, 2}};

  (void)state;
  for (size_t c = 0; c < PETSC_STATIC_ARRAY_LENGTH(sizes); c++) {
    const PetscInt n = sizes[c][0], folds = sizes[c][1];
    PetscInt64    *row   = malloc((size_t)n * sizeof(*row));
    SnaPart       *part  = malloc((size_t)n * sizeof(*part));
    int           *tests = calloc((size_t)n, sizeof(int));

    for (PetscInt i = 0; i < n; i++) row[i] = i;
    for (PetscInt f = 0; f < folds; f++) {
      PetscInt count[3] = {0};

      OK(SnaSplitFold(3, n, folds, f, 0.2, n, row, part));
      for (PetscInt i = 0; i < n; i++) {
        count[part[i]]++;
        tests[i] += part[i] == SNA_PART_TEST;
      }
      assert_true(count[SNA_PART_TEST] == n / folds || count[SNA_PART_TEST] == n / folds + 1);
      assert_int_equal(count[SNA_PART_VALIDATION], lround(0.2 * (double)(n - count[SNA_PART_TEST])));
    }
    for (PetscInt i = 0; i < n; i++) assert_int_equal(tests[i], 1);
    free(row);
    free(part);
    free(tests);
  }
}

// Part of row number r, for a deal whose parts no formula of SnaSplitRandom made: a third part of a quarter, and none in the middle one.
static SnaPart PartOf(PetscInt64 r)
{
  return r % 4 == 1 ? SNA_PART_TEST : SNA_PART_TRAIN;
}

// Every row is where the header says, with all that belongs to it, for row numbers with gaps and uneven shares of the ranks.
static void CheckDeal(PetscInt n, PetscInt nx, PetscInt ny, PetscBool last_only)
{
  PetscInt    first = n * rank * rank / (size * size), last = n * (rank + 1) * (rank + 1) / (size * size);
  SnaRows     rows, out[SNA_NPARTS];
  SnaPart    *part;
  PetscInt64 *number[SNA_NPARTS], count[SNA_NPARTS] = {0};

  if (last_only) {
    first = rank == size - 1 ? 0 : n;
    last  = n;
  }
  OK(SnaRowsCreate(nx, ny, last - first, &rows));
  part = malloc(((size_t)rows.n + 1) * sizeof(*part));
  for (PetscInt i = 0; i < rows.n; i++) {
    rows.row[i] = 3 * (first + i) + 1;
    part[i]     = PartOf(rows.row[i]);
    for (PetscInt d = 0; d < nx; d++) rows.x[d][i] = (double)rows.row[i] + 0.01 * (double)d;
    for (PetscInt o = 0; o < ny; o++) rows.y[o][i] = -(double)rows.row[i] - 0.01 * (double)o;
  }
  OK(SnaRowsDeal(PETSC_COMM_WORLD, &rows, part, 11, out));

  // The shuffled parts, from the definition.
  for (int k = 0; k < SNA_NPARTS; k++) number[k] = malloc(((size_t)n + 1) * sizeof(PetscInt64));
  for (PetscInt j = 0; j < n; j++) count[PartOf(3 * j + 1)]++;
  for (int k = 0; k < SNA_NPARTS; k++) {
    PetscInt64 place = 0;

    for (PetscInt j = 0; j < n; j++) {
      if ((int)PartOf(3 * j + 1) == k) number[k][SnaPermute(11, (uint64_t)(1 + k), count[k], place++)] = 3 * j + 1;
    }
  }
  for (int k = 0; k < SNA_NPARTS; k++) {
    PetscInt64 mine = 0;

    for (PetscInt64 position = 0; position < count[k]; position++) {
      const PetscInt64 block = position / SNA_DEAL_BLOCK, r = number[k][position];

      if (block % size != rank) continue;
      assert_true(mine < out[k].n);
      assert_int_equal(block / size, mine / SNA_DEAL_BLOCK);
      assert_true(out[k].row[mine] == r);
      for (PetscInt d = 0; d < nx; d++) assert_true(out[k].x[d][mine] == (double)r + 0.01 * (double)d);
      for (PetscInt o = 0; o < ny; o++) assert_true(out[k].y[o][mine] == -(double)r - 0.01 * (double)o);
      mine++;
    }
    assert_int_equal(mine, out[k].n);
    assert_int_equal(out[k].total, count[k]);
    assert_true(out[k].nx == nx && out[k].ny == ny);
    free(number[k]);
    OK(SnaRowsDestroy(&out[k]));
  }
  free(part);
  OK(SnaRowsDestroy(&rows));
}

static void TestDeal(void **state)
{
  (void)state;
  CheckDeal(5000, 3, 2, PETSC_FALSE);
  CheckDeal(SNA_DEAL_BLOCK * 4, 1, 1, PETSC_FALSE);
  CheckDeal(1500, 2, 1, PETSC_TRUE);
  CheckDeal(3, 2, 1, PETSC_FALSE);
  CheckDeal(700, 1, 0, PETSC_FALSE);
  CheckDeal(0, 2, 1, PETSC_FALSE);
}

// A deal in another order than that of the numbers is a mistake of the program.
static void TestDealRefused(void **state)
{
  SnaRows rows, out[SNA_NPARTS];
  SnaPart part[2] = {SNA_PART_TRAIN, SNA_PART_TRAIN};

  (void)state;
  OK(SnaRowsCreate(1, 1, 2, &rows));
  rows.row[0] = 5;
  rows.row[1] = 4;
  OK(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  assert_int_not_equal((int)SnaRowsDeal(PETSC_COMM_WORLD, &rows, part, 1, out), 0);
  if (size > 1) { // in order on each rank, but not over the ranks
    rows.row[0] = 4;
    rows.row[1] = 5;
    assert_int_not_equal((int)SnaRowsDeal(PETSC_COMM_WORLD, &rows, part, 1, out), 0);
  }
  OK(PetscPopErrorHandler());
  OK(SnaRowsDestroy(&rows));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(TestFunctionValues), cmocka_unit_test(TestFunctionMoments),
    cmocka_unit_test(TestFunctionTable), cmocka_unit_test(TestLatinHypercube), cmocka_unit_test(TestSobolPoints),
    cmocka_unit_test(TestSobolNets), cmocka_unit_test(TestDesignIsAFunction), cmocka_unit_test(TestRandomDesign),
    cmocka_unit_test(TestPermute), cmocka_unit_test(TestStatistics), cmocka_unit_test(TestScale),
    cmocka_unit_test(TestSplitRandom), cmocka_unit_test(TestSplitFold), cmocka_unit_test(TestDeal),
    cmocka_unit_test(TestDealRefused)};
  int                     failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  MPI_Comm_size(PETSC_COMM_WORLD, &size);
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_SUM, PETSC_COMM_WORLD);
  if (PetscFinalize()) return 1;
  return failed ? 1 : 0;
}
