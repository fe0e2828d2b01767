// np: 1 2 3 timeout: 60
// Signals: wavelet coefficients by hand, energy, the way back; principal components of tables whose decomposition is known in closed form, any distribution of the
// rows, files; thermal histories: a row is a row whoever asks, the camera's limits, what depends on the history and what does not.
#include <sna/data.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK(call)       assert_int_equal((int)(call), 0)
#define EMPTY(message) assert_string_equal(message, "")
#define HOLDS(text, part)                                                                                              \
  do {                                                                                                                 \
    if (!strstr(text, part)) fail_msg("`%s` is not in: %s", part, text);                                               \
  } while (0)
#define NEAR(value, expected, tolerance)                                                                               \
  do {                                                                                                                 \
    const double value_ = (value), expected_ = (expected);                                                             \
    if (!(fabs(value_ - expected_) <= (tolerance))) fail_msg("%.17g instead of %.17g", value_, expected_);             \
  } while (0)

static PetscMPIInt rank, size;

static double *Numbers(PetscInt n)
{
  double *x = (double *)calloc((size_t)n + 1, sizeof(double));

  assert_non_null(x);
  return x;
}

// ---------------------------------------------------------------------------------------------------------------------
// Wavelets
// ---------------------------------------------------------------------------------------------------------------------
static SnaWavelet Wavelet(const char family[], PetscInt order, PetscInt length, PetscInt keep)
{
  char       message[SNA_MAX_MESSAGE] = "";
  SnaWavelet w                        = NULL;

  OK(SnaWaveletCreate(family, order, length, keep, &w, message));
  EMPTY(message);
  assert_non_null(w);
  return w;
}

// Sums and differences over sqrt(2), level by level: 4 2 5 5 -> 6/s 10/s | 2/s 0 -> 8 | -2 | 2/s 0.
static void TestHaarByHand(void **state)
{
  const double signal[] = {4, 2, 5, 5, 7, 1, 3, 9}, expected[] = {8, -2, sqrt(2), 0, 10, -2, 6 / sqrt(2), -6 / sqrt(2)};
  SnaWavelet   w = Wavelet("haar", 4, 4, 4);
  double       c[8];

  (void)state;
  OK(SnaWaveletForward(w, 2, signal, c));
  for (int i = 0; i < 8; i++) NEAR(c[i], expected[i], 1e-14);
  OK(SnaWaveletDestroy(&w));
}

// Keeping the first 2^j coefficients of Haar leaves the means of 2^j blocks.
static void TestKeptCoefficientsAreBlockMeans(void **state)
{
  const double signal[] = {4, 2, 5, 5, 7, 1, 3, 9}, mean[] = {4, 4, 4, 4, 5, 5, 5, 5};
  SnaWavelet   w = Wavelet("haar", 2, 8, 2);
  double       c[2], back[8];

  (void)state;
  OK(SnaWaveletForward(w, 1, signal, c));
  OK(SnaWaveletBackward(w, 1, c, back));
  for (int i = 0; i < 8; i++) NEAR(back[i], mean[i], 1e-14);
  OK(SnaWaveletDestroy(&w));
}

static void TestPaddingRepeatsTheLastValue(void **state)
{
  const double shorter[] = {1, 2, 3, 4, 7}, longer[] = {1, 2, 3, 4, 7, 7, 7, 7};
  SnaWavelet   a = Wavelet("daubechies", 4, 5, 8), b = Wavelet("daubechies", 4, 8, 8), one = Wavelet("haar", 2, 1, 1);
  double       p[8], q[8];

  (void)state;
  OK(SnaWaveletForward(a, 1, shorter, p));
  OK(SnaWaveletForward(b, 1, longer, q));
  assert_memory_equal(p, q, sizeof(p));
  OK(SnaWaveletForward(one, 1, longer + 4, p));
  NEAR(p[0], 7, 0);
  OK(SnaWaveletDestroy(&a));
  OK(SnaWaveletDestroy(&b));
  OK(SnaWaveletDestroy(&one));
}

static void TestRoundTripAndEnergy(void **state)
{
  static const struct {
    const char *family;
    PetscInt    order;
    PetscBool   orthogonal;
  } cases[]               = {{"haar", 2, PETSC_TRUE}, {"daubechies", 4, PETSC_TRUE}, {"daubechies", 20, PETSC_TRUE},
                  {"bspline", 103, PETSC_FALSE}, {"bspline", 309, PETSC_FALSE}};
  const PetscInt length[] = {64, 100}, n = 3;

  (void)state;
  for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
    for (int l = 0; l < 2; l++) {
      const PetscInt padded = l ? 128 : 64, m = length[l];
      SnaWavelet     w      = Wavelet(cases[k].family, cases[k].order, m, padded);
      double        *signal = Numbers(n * m), *back = Numbers(n * m), *c = Numbers(n * padded);

      for (PetscInt i = 0; i < n * m; i++) signal[i] = SnaRandomNormal(1, 2, (uint64_t)i);
      OK(SnaWaveletForward(w, n, signal, c));
      OK(SnaWaveletBackward(w, n, c, back));
      for (PetscInt i = 0; i < n * m; i++) NEAR(back[i], signal[i], 1e-12);
      for (PetscInt s = 0; s < n && cases[k].orthogonal; s++) {
        double before = 0, after = 0;

        for (PetscInt i = 0; i < padded; i++) {
          before += PetscSqr(signal[s * m + PetscMin(i, m - 1)]);
          after += PetscSqr(c[s * padded + i]);
        }
        NEAR(after, before, 1e-12 * before);
      }
      OK(SnaWaveletDestroy(&w));
      free(signal);
      free(back);
      free(c);
    }
  }
}

static void TestWaveletsThatDoNotExist(void **state)
{
  static const struct {
    const char *family;
    PetscInt    order, keep;
    const char *part;
  } cases[] = {{"daubechies", 5, 8, "4, 6, 8"}, {"daubechies", 22, 8, "of order 22"}, {"bspline", 4, 8, "103, 105"},
    {"haar", 2, 0, "take 1 to 16"}, {"haar", 2, 17, "17 coefficients of signals of length 10; take 1 to 16"}};

  (void)state;
  for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
    char       message[SNA_MAX_MESSAGE] = "";
    SnaWavelet w;

    OK(SnaWaveletCreate(cases[k].family, cases[k].order, 10, cases[k].keep, &w, message));
    HOLDS(message, cases[k].part);
    assert_null(w);
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Principal components
// ---------------------------------------------------------------------------------------------------------------------
#define KNOWN 3
static const double deviations[KNOWN] = {5, 0.25, 1e-7};

// Cosines, k = 1, 2, ...: as scores they have mean 0, variance 1 and are orthogonal; as rows they are orthonormal.
static double Score(PetscInt k, PetscInt i, PetscInt rows)
{
  return sqrt(2) * cos(PETSC_PI * (double)(k + 1) * ((double)i + 0.5) / (double)rows);
}

static double Component(PetscInt k, PetscInt j, PetscInt width)
{
  return sqrt(2 / (double)width) * cos(PETSC_PI * (double)(k + 1) * ((double)j + 0.5) / (double)width);
}

// Rows first .. first+n-1 of a table whose components are known: mean j/8 at column j.
static double *KnownTable(PetscInt rows, PetscInt width, PetscInt first, PetscInt n)
{
  double *table = Numbers(n * width);

  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = 0; j < width; j++) {
      double *entry = table + i * width + j;

      *entry = (double)j / 8;
      for (PetscInt k = 0; k < KNOWN; k++) *entry += deviations[k] * Score(k, first + i, rows) * Component(k, j, width);
    }
  return table;
}

static const PetscInt shapes[][2] = {{200, 12}, {40, 12}, {30, 24}, {12, 40}, {5, 300}};

static void TestKnownComponents(void **state)
{
  (void)state;
  for (size_t q = 0; q < sizeof(shapes) / sizeof(shapes[0]); q++) {
    const PetscInt rows = shapes[q][0], width = shapes[q][1];
    char           message[SNA_MAX_MESSAGE] = "";
    PetscInt       first, n;
    double        *table, *score, *back, total = 0;
    SnaPca         pca;

    SnaSplit(rows, size, rank, &first, &n);
    table = KnownTable(rows, width, first, n);
    score = Numbers(n * KNOWN);
    back  = Numbers(n * width);
    OK(SnaPcaFit(MPI_COMM_WORLD, n, width, table, KNOWN, 0, &pca, message));
    EMPTY(message);
    assert_int_equal(pca.width, width);
    assert_int_equal(pca.count, KNOWN);
    for (int k = 0; k < KNOWN; k++) total += PetscSqr(deviations[k]);
    OK(SnaPcaForward(&pca, n, table, score));
    OK(SnaPcaBackward(&pca, n, score, back));
    for (PetscInt j = 0; j < width; j++) NEAR(pca.mean[j], (double)j / 8, 1e-12);
    for (PetscInt k = 0; k < KNOWN; k++) {
      // The numbers of the table are rounded to some 1e-15, which the third component feels.
      const double digits  = 1e-14 * 40 / deviations[k] + 1e-12;
      double       largest = 0;

      NEAR(pca.deviation[k], deviations[k], 1e-13);
      NEAR(pca.share[k], PetscSqr(deviations[k]) / total, 1e-12 * PetscSqr(deviations[k]) + 1e-20);
      // Where entries are mirror images of each other, the first decides.
      for (PetscInt j = 0; j < width; j++)
        if (fabs(Component(k, j, width)) > fabs(largest) + 1e-9) largest = Component(k, j, width);
      for (PetscInt j = 0; j < width; j++)
        NEAR(pca.component[k * width + j], Component(k, j, width) * (largest < 0 ? -1 : 1), digits);
      for (PetscInt i = 0; i < n; i++)
        NEAR(score[i * KNOWN + k], deviations[k] * Score(k, first + i, rows) * (largest < 0 ? -1 : 1),
          1e-12 + digits * deviations[0]);
    }
    for (PetscInt i = 0; i < n * width; i++) NEAR(back[i], table[i], 1e-12);
    OK(SnaPcaDestroy(&pca));
    free(table);
    free(score);
    free(back);
  }
}

// Covariance [[5, 3], [3, 5]]/8: eigenvalues 1 and 1/4.
static void TestKnownCovariance(void **state)
{
  const double   all[]                    = {1, 1, -1, -1, 0.5, -0.5, -0.5, 0.5};
  const PetscInt n                        = rank ? 0 : 4;
  char           message[SNA_MAX_MESSAGE] = "";
  SnaPca         pca;

  (void)state;
  OK(SnaPcaFit(MPI_COMM_WORLD, n, 2, all, 0, 1, &pca, message));
  EMPTY(message);
  assert_int_equal(pca.count, 2);
  NEAR(pca.deviation[0], 1, 1e-14);
  NEAR(pca.deviation[1], 0.5, 1e-14);
  NEAR(pca.share[0], 0.8, 1e-14);
  NEAR(pca.share[1], 0.2, 1e-14);
  NEAR(pca.component[0], sqrt(0.5), 1e-14);
  NEAR(pca.component[1], sqrt(0.5), 1e-14);
  NEAR(pca.component[2], sqrt(0.5), 1e-14); // of two equal ones the first is positive
  NEAR(pca.component[3], -sqrt(0.5), 1e-14);
  OK(SnaPcaDestroy(&pca));
}

// The same components however the rows are dealt; the last rank has all, or rank 0 all but one.
static void TestAnyDistribution(void **state)
{
  (void)state;
  for (size_t q = 0; q < sizeof(shapes) / sizeof(shapes[0]); q++) {
    const PetscInt rows = shapes[q][0], width = shapes[q][1], count = PetscMin(rows - 1, 4);
    double        *table = Numbers(rows * width);
    SnaPca         alone;
    char           message[SNA_MAX_MESSAGE] = "";

    for (PetscInt i = 0; i < rows * width; i++)
      table[i] = SnaRandomNormal(3, 4, (uint64_t)i) * (1 + 3. / (double)(1 + i % width));
    OK(SnaPcaFit(MPI_COMM_SELF, rows, width, table, count, 0, &alone, message));
    for (int way = 0; way < 3; way++) {
      PetscInt first = 0, n = 0;
      SnaPca   pca;

      if (way == 0) SnaSplit(rows, size, rank, &first, &n);
      if (way == 1) n = rank == size - 1 ? rows : 0;
      if (way == 2 && size == 1) n = rows;
      if (way == 2 && size > 1) {
        n     = rank == 0 ? rows - 1 : rank == size - 1;
        first = rank ? rows - 1 : 0;
      }
      OK(SnaPcaFit(MPI_COMM_WORLD, n, width, table + first * width, count, 0, &pca, message));
      EMPTY(message);
      assert_int_equal(pca.count, count);
      for (PetscInt k = 0; k < count; k++) {
        NEAR(pca.deviation[k], alone.deviation[k], 1e-12 * alone.deviation[0]);
        for (PetscInt j = 0; j < width; j++) NEAR(pca.component[k * width + j], alone.component[k * width + j], 1e-10);
      }
      OK(SnaPcaDestroy(&pca));
    }
    OK(SnaPcaDestroy(&alone));
    free(table);
  }
}

static void TestShareOfVariance(void **state)
{
  // variances 25, 1/16 and 1e-14
  const struct {
    double   variance;
    PetscInt count;
  } cases[] = {{0.5, 1}, {0.997, 1}, {0.998, 2}, {0.999999, 2}};
  PetscInt first, n;
  double  *table;

  (void)state;
  SnaSplit(40, size, rank, &first, &n);
  table = KnownTable(40, 12, first, n);
  for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
    char   message[SNA_MAX_MESSAGE] = "";
    SnaPca pca;

    OK(SnaPcaFit(MPI_COMM_WORLD, n, 12, table, 0, cases[k].variance, &pca, message));
    EMPTY(message);
    assert_int_equal(pca.count, cases[k].count);
    OK(SnaPcaDestroy(&pca));
  }
  free(table);
}

static void TestTablesWithoutComponents(void **state)
{
  static const char *const part[] = {
    "5 principal components of 40 signals that have only 3", "the same", "NaN", "at least two"};
  PetscInt first, n;

  (void)state;
  SnaSplit(40, size, rank, &first, &n);
  for (int k = 0; k < 4; k++) {
    char    message[SNA_MAX_MESSAGE] = "";
    double *table                    = KnownTable(40, 12, first, n);
    SnaPca  pca;

    for (PetscInt i = 0; i < n * 12 && k == 1; i++) table[i] = (double)(i % 12) / 7;
    if (k == 2 && rank == size - 1) table[n * 12 - 5] = NAN;
    OK(SnaPcaFit(MPI_COMM_WORLD, k == 3 ? !rank : n, 12, table, k ? 2 : 5, 0, &pca, message));
    HOLDS(message, part[k]);
    assert_null(pca.component);
    free(table);
  }
}

static void TestComponentsInAFile(void **state)
{
  char      path[64], message[SNA_MAX_MESSAGE] = "";
  PetscInt  first, n;
  double   *table;
  SnaPca    pca, back;
  SnaFile   file;
  PetscBool ok;

  (void)state;
  (void)snprintf(path, sizeof(path), "/tmp/test_signals_%d.h5", (int)getpid());
  MPI_Bcast(path, (int)sizeof(path), MPI_CHAR, 0, MPI_COMM_WORLD);
  SnaSplit(40, size, rank, &first, &n);
  table = KnownTable(40, 12, first, n);
  OK(SnaPcaFit(MPI_COMM_WORLD, n, 12, table, 2, 0, &pca, message));
  OK(SnaFileCreate(MPI_COMM_WORLD, path, &file));
  OK(SnaPcaWrite(&pca, file, "/model/pca"));
  OK(SnaFileWriteArray(file, "/other/component", 1, (const PetscInt[]){12}, table));
  OK(SnaFileClose(&file, message));
  EMPTY(message);

  OK(SnaFileOpen(MPI_COMM_WORLD, path, &file));
  OK(SnaPcaRead(file, "/model/pca", &back, &ok));
  assert_true(ok);
  assert_int_equal(back.width, 12);
  assert_int_equal(back.count, 2);
  assert_memory_equal(back.mean, pca.mean, 12 * sizeof(double));
  assert_memory_equal(back.component, pca.component, 24 * sizeof(double));
  assert_memory_equal(back.deviation, pca.deviation, 2 * sizeof(double));
  assert_memory_equal(back.share, pca.share, 2 * sizeof(double));
  OK(SnaPcaDestroy(&back));
  OK(SnaFileClose(&file, message));
  EMPTY(message);

  for (int k = 0; k < 2; k++) { // not there; not a table
    message[0] = 0;
    OK(SnaFileOpen(MPI_COMM_WORLD, path, &file));
    OK(SnaPcaRead(file, k ? "/other" : "/nowhere", &back, &ok));
    assert_false(ok);
    assert_null(back.component);
    OK(SnaFileClose(&file, message));
    HOLDS(message, k ? "/other/component: no principal components" : "/nowhere");
  }
  OK(SnaPcaDestroy(&pca));
  free(table);
  if (!rank) (void)unlink(path);
}

// ---------------------------------------------------------------------------------------------------------------------
// Thermal histories
// ---------------------------------------------------------------------------------------------------------------------
static void TestARowIsARow(void **state)
{
  const PetscInt rows = 9, length = 32;
  double        *all = Numbers(rows * length), *part = Numbers(rows * length), p[27], q[27], other[3];
  PetscInt       first, n;

  (void)state;
  OK(SnaThermalHistory(5, 0, rows, length, all, p));
  SnaSplit(rows, size, rank, &first, &n);
  OK(SnaThermalHistory(5, first, n, length, part, q));
  assert_memory_equal(part, all + first * length, (size_t)(n * length) * sizeof(double));
  assert_memory_equal(q, p + first * SNA_NPROPERTIES, (size_t)(n * SNA_NPROPERTIES) * sizeof(double));
  OK(SnaThermalHistory(6, 0, 1, length, part, other));
  assert_memory_not_equal(other, p, sizeof(other));
  assert_memory_not_equal(part, all, (size_t)length * sizeof(double));
  OK(SnaThermalHistory(5, 0, 1, 2 * length, part, other)); // frames do not change the coupon
  assert_memory_equal(other, p, sizeof(other));
  free(all);
  free(part);
}

static double Correlation(PetscInt n, const double *x, PetscInt xs, const double *y, PetscInt ys)
{
  double mx = 0, my = 0, xx = 0, xy = 0, yy = 0;

  for (PetscInt i = 0; i < n; i++) {
    mx += x[i * xs] / (double)n;
    my += y[i * ys] / (double)n;
  }
  for (PetscInt i = 0; i < n; i++) {
    xx += PetscSqr(x[i * xs] - mx);
    yy += PetscSqr(y[i * ys] - my);
    xy += (x[i * xs] - mx) * (y[i * ys] - my);
  }
  return xy / sqrt(xx * yy);
}

// Features of what the camera saw: mean, seconds above 700 K and 1000 K, temperature of frame 10, rises by more than 60 K.
#define NFEATURES 5
static void TestHistoriesAndProperties(void **state)
{
  const PetscInt rows = 400, length = 128;
  double        *signal = Numbers(rows * length), *property = Numbers(rows * SNA_NPROPERTIES);
  double        *feature = Numbers(rows * NFEATURES), mean[SNA_NPROPERTIES] = {0};
  PetscInt       lowest = 0, highest = 0, first = 0;

  (void)state;
  OK(SnaThermalHistory(1, 0, rows, length, signal, property));
  for (PetscInt i = 0; i < rows; i++) {
    double *f = feature + i * NFEATURES, *s = signal + i * length;

    for (PetscInt k = 0; k < length; k++) {
      assert_true(s[k] >= 550 && s[k] <= 1400);
      lowest += s[k] <= 550;
      highest += s[k] >= 1400;
      first += k == 0 && s[k] >= 1400;
      f[0] += s[k] / (double)length;
      f[1] += s[k] > 700;
      f[2] += s[k] > 1000;
      f[4] += k && s[k] > s[k - 1] + 60;
    }
    f[3] = s[10];
    for (int o = 0; o < SNA_NPROPERTIES; o++) mean[o] += property[i * SNA_NPROPERTIES + o] / (double)rows;
  }
  assert_true(lowest > rows && lowest < rows * length / 2);
  assert_true(highest > rows / 4 && highest < rows * length / 20);
  assert_int_equal(highest - first < highest / 2, 1); // the coupon's own layer is what is too bright
  NEAR(mean[2], 195, 4 * 8 / sqrt((double)rows));
  NEAR(mean[0], 400, 20);
  NEAR(mean[1], 670, 30);
  for (PetscInt f = 0; f < NFEATURES; f++)
    NEAR(Correlation(rows, feature + f, NFEATURES, property + 2, SNA_NPROPERTIES), 0, 4 / sqrt((double)rows));
  for (int o = 0; o < 2; o++) {
    NEAR(Correlation(rows, property + o, SNA_NPROPERTIES, property + 2, SNA_NPROPERTIES), 0, 4 / sqrt((double)rows));
    for (PetscInt f = 0; f < 3; f++) { // slow cooling and reheats cost strength
      const double c = Correlation(rows, feature + f, NFEATURES, property + o, SNA_NPROPERTIES);

      if (!(c < -0.6 && c > -0.95)) fail_msg("feature %d, property %d: correlation %g", (int)f, o, c);
    }
  }
  free(signal);
  free(property);
  free(feature);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(TestHaarByHand),
    cmocka_unit_test(TestKeptCoefficientsAreBlockMeans), cmocka_unit_test(TestPaddingRepeatsTheLastValue),
    cmocka_unit_test(TestRoundTripAndEnergy), cmocka_unit_test(TestWaveletsThatDoNotExist),
    cmocka_unit_test(TestKnownComponents), cmocka_unit_test(TestKnownCovariance), cmocka_unit_test(TestAnyDistribution),
    cmocka_unit_test(TestShareOfVariance), cmocka_unit_test(TestTablesWithoutComponents),
    cmocka_unit_test(TestComponentsInAFile), cmocka_unit_test(TestARowIsARow),
    cmocka_unit_test(TestHistoriesAndProperties)};
  int                     failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  return PetscFinalize() || failed;
}
