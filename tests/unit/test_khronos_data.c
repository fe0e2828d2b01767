// np: 1 2 3 timeout: 60
// The data of model khronos: parts and folds, scales and principal components of the training rows alone, moments, sizes of the classes, names. Expected:
// closed forms of small tables, counting, and the same sums formed on one rank.
#include "models/khronos/khronos.h"
#include <sna/app.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

static void Near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static SnaDeck deck;

static SnaModel ModelOf(const char text[])
{
  char             program[] = "test", *argv[] = {program, NULL};
  const char      *title[SNA_MAX_TABLES];
  const SnaOption *table[SNA_MAX_TABLES];
  const int        n = SnaAppGetTables(title, table);
  SnaModel         model;
  PetscInt         errors;

  Ok(SnaDeckCreateFromText(PETSC_COMM_WORLD, "test.deck", text, 1, argv, &deck));
  for (int i = 0; i < n; i++) Ok(SnaDeckAddOptions(deck, title[i], table[i]));
  Ok(SnaDeckSetUpConstants(deck));
  Ok(SnaModelCreate(PETSC_COMM_WORLD, "khronos", &model));
  Ok(SnaModelSetFromOptions(model, deck));
  Ok(SnaModelSetUp(model, deck));
  Ok(SnaDeckGetErrorCount(deck, &errors));
  if (errors) Ok(SnaDeckReport(deck));
  assert_int_equal(errors, 0);
  return model;
}

static void Destroy(SnaModel *model)
{
  Ok(SnaModelDestroy(model));
  Ok(SnaDeckDestroy(&deck));
}

static void Prepare(SnaModel model, PetscInt fold, KhronosModel *m, SnaRows rows[SNA_NPARTS])
{
  char message[SNA_MAX_MESSAGE];

  Ok(KhronosPrepare(model, fold, m, rows, message));
  assert_string_equal(message, "");
}

static void DestroyRows(KhronosModel *m, SnaRows rows[SNA_NPARTS])
{
  for (int p = 0; p < SNA_NPARTS; p++) Ok(SnaRowsDestroy(&rows[p]));
  Ok(KhronosModelDestroy(m));
}

// A file of this test and number of ranks, written by rank 0.
static void WriteText(const char text[], char path[64])
{
  int rank, size;

  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  MPI_Comm_size(PETSC_COMM_WORLD, &size);
  snprintf(path, 64, "test_khronos_data.%d.csv", size);
  if (rank == 0) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
  }
  MPI_Barrier(PETSC_COMM_WORLD);
}

static void TestFolds(void **state)
{
  enum { N = 205, FOLDS = 4 };
  SnaModel model =
    ModelOf("---\nmodel: khronos\ncase: t\ndata: {function: borehole, samples: 205, split: folds, folds: 4, "
            "validation: 0.1}\nkhronos: {rank: 1}\n");
  KhronosModel m;
  SnaRows      rows[SNA_NPARTS];
  int          seen[N] = {0};

  (void)state;
  for (PetscInt fold = -1; fold < FOLDS; fold++) {
    Prepare(model, fold, &m, rows);
    // 205 rows in four folds are 51, 51, 51 and 52; a tenth of the others for validation, rounded
    const PetscInt test = fold < 0 ? 0 : fold < 3 ? 51 : 52, validation = fold < 0 ? 21 : 15;
    assert_int_equal(rows[SNA_PART_TEST].total, test);
    assert_int_equal(rows[SNA_PART_VALIDATION].total, validation);
    assert_int_equal(rows[SNA_PART_TRAIN].total, N - test - validation);
    for (PetscInt i = 0; i < rows[SNA_PART_TEST].n; i++) seen[rows[SNA_PART_TEST].row[i]]++;
    DestroyRows(&m, rows);
  }
  MPI_Allreduce(MPI_IN_PLACE, seen, N, MPI_INT, MPI_SUM, PETSC_COMM_WORLD);
  for (int i = 0; i < N; i++) assert_int_equal(seen[i], 1);
  Destroy(&model);
}

// Training rows: a = 1..4, b = 10^a, y = 2 a; the test rows lie far outside.
static void TestScales(void **state)
{
  char         path[64], text[512];
  SnaModel     model;
  KhronosModel m;
  SnaRows      rows[SNA_NPARTS];
  const double sd = sqrt(5.0); // of 2, 4, 6, 8

  (void)state;
  WriteText(
    "A,b,part,out put\n1,10,train,2\n50,1e9,test,100\n2,100,train,4\n3,1000,train,6\n-5,1,test,-3\n4,10000,train,8\n",
    path);
  snprintf(text, sizeof(text),
    "---\nmodel: khronos\ncase: t\ndata: {file: %s, targets: ['out put'], split: column, split_column: part}\n"
    "input: [{b: {scale: log, degree: 1, cells: 1}}, {first: {column: a, domain: [-5, 55]}}]\n"
    "khronos: {class: additive, degree: 1, cells: 1}\n",
    path);
  model = ModelOf(text);
  assert_int_equal(model->info.nd, 2);
  assert_string_equal(model->info.name[0], "A");
  assert_string_equal(model->info.field[0], "out_put");
  assert_int_equal(model->info.nfield, 1);
  Near(model->info.lo[0], -5, 0);
  Near(model->info.hi[0], 55, 0);
  Near(model->info.lo[1], 10, 0);
  Near(model->info.hi[1], 10000, 0);
  Prepare(model, -1, &m, rows);
  assert_int_equal(rows[SNA_PART_TRAIN].total, 4);
  assert_int_equal(rows[SNA_PART_TEST].total, 2);
  for (PetscInt i = 0; i < rows[SNA_PART_TRAIN].n; i++) { // rows 0, 2, 3, 5 of the file
    const PetscInt64 row = rows[SNA_PART_TRAIN].row[i];
    const double     a   = row == 0 ? 1 : row == 2 ? 2 : row == 3 ? 3 : 4;
    Near(rows[SNA_PART_TRAIN].x[0][i], (a + 5) / 60, 1e-15);
    Near(rows[SNA_PART_TRAIN].x[1][i], (a - 1) / 3, 1e-15);
    Near(rows[SNA_PART_TRAIN].y[0][i], 2 * a / sd, 1e-15); // all positive: over the deviation
  }
  for (PetscInt i = 0; i < rows[SNA_PART_TEST].n; i++)
    Near(rows[SNA_PART_TEST].y[0][i], (rows[SNA_PART_TEST].row[i] == 1 ? 100 : -3) / sd, 1e-13);
  // Of t = (6, 7, 8, 9)/60 and (0, 1, 2, 3)/3, which are on one line
  Near(m.mean[0], 7.5 / 60, 1e-15);
  Near(m.mean[1], 0.5, 1e-15);
  Near(m.covariance[0], 1.25 / 3600, 1e-17);
  Near(m.covariance[1], 1.25 / 180, 1e-16);
  Near(m.covariance[3], 1.25 / 9, 1e-15);
  DestroyRows(&m, rows);
  Destroy(&model);
  unlink(path);
}

static void TestMoments(void **state)
{
  SnaModel model =
    ModelOf("---\nmodel: khronos\ncase: t\ndata: {function: ishigami, samples: 3000, noise: 0.1, test: 0.2}\n");
  Khronos     *k = (Khronos *)model->data;
  KhronosModel m;
  SnaRows      rows[SNA_NPARTS];
  double       inside = 0, lt[9] = {0};

  (void)state;
  Prepare(model, -1, &m, rows);
  for (PetscInt i = 0; i < rows[SNA_PART_TRAIN].n; i++) {
    double z[3], square = 0;
    for (int d = 0; d < 3; d++) {
      z[d] = rows[SNA_PART_TRAIN].x[d][i] - m.mean[d];
      for (int e = 0; e < d; e++) z[d] -= m.factor[3 * d + e] * z[e];
      z[d] /= m.factor[4 * d];
      square += z[d] * z[d];
    }
    inside += sqrt(square) <= m.radius;
  }
  MPI_Allreduce(MPI_IN_PLACE, &inside, 1, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD);
  Near(inside / 2400, 0.95, 1.0 / 2400);
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++)
      for (int l = 0; l < 3; l++) lt[3 * i + j] += m.factor[3 * i + l] * m.factor[3 * j + l];
  for (int i = 0; i < 9; i++) Near(lt[i], m.covariance[i], 1e-9); // a touch of the identity
  Near(m.covariance[0], 1.0 / 12, 3e-3);                          // uniform on [0,1]
  // The function is known without its noise
  {
    const double  half[3] = {PETSC_PI / 2, 0, 0};
    const double *x[3]    = {&half[0], &half[1], &half[2]};
    double        y;
    Ok(SnaModelSample(model, 1, 1, x, &y, NULL));
    Near(y, 1, 1e-14); // sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1
  }
  assert_int_equal(model->info.nfield, 3);
  assert_string_equal(model->info.field[2], "error");
  assert_int_equal(k->count[SNA_PART_TRAIN], 2400);
  DestroyRows(&m, rows);
  Destroy(&model);
}

// Noise has the deviation asked for, and is the same on any number of ranks: its numbers are made again on this one.
static void TestNoise(void **state)
{
  enum { N = 4000 };
  char     text[256];
  double  *y[2], mean = 0, square = 0;
  PetscInt n;

  (void)state;
  for (int noisy = 0; noisy < 2; noisy++) {
    SnaModel model;
    Khronos *k;
    snprintf(text, sizeof(text), "---\nmodel: khronos\ncase: t\ndata: {function: friedman1, samples: %d, noise: %g}\n",
      N, 0.25 * noisy);
    model = ModelOf(text);
    k     = (Khronos *)model->data;
    n     = k->all.n;
    Ok(PetscMalloc1(n, &y[noisy]));
    Ok(PetscArraycpy(y[noisy], k->all.y[0], n));
    if (noisy) {
      SnaColumnStatistics s;
      Ok(SnaColumnGetStatistics(PETSC_COMM_WORLD, n, y[0], &s));
      for (PetscInt i = 0; i < n; i++) {
        const double e = (y[1][i] - y[0][i]) / s.deviation;
        mean += e / N;
        square += e * e / N;
      }
    }
    Destroy(&model);
  }
  MPI_Allreduce(MPI_IN_PLACE, &mean, 1, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD);
  MPI_Allreduce(MPI_IN_PLACE, &square, 1, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD);
  Near(mean, 0, 4 * 0.25 / sqrt(N)); // four standard errors
  Near(sqrt(square), 0.25, 4 * 0.25 / sqrt(2.0 * N));
  Ok(PetscFree(y[0]));
  Ok(PetscFree(y[1]));
}

// Components of a fold do not know its test rows.
static void TestSignals(void **state)
{
  SnaModel model = ModelOf(
    "---\nmodel: khronos\ncase: t\ndata: {function: thermal_history, samples: 40, split: folds, folds: 2, targets: "
    "[uts]}\nsignal: {length: 64, wavelet: none, components: 3}\nkhronos: {class: additive, degree: 1, cells: 1}\n");
  Khronos     *k = (Khronos *)model->data;
  KhronosModel m;
  SnaRows      rows[SNA_NPARTS];
  SnaPart     *part;
  double      *mean;
  int          n = 0;

  (void)state;
  assert_int_equal(model->info.nd, 3);
  assert_string_equal(model->info.name[2], "c3");
  assert_int_equal(model->info.expansion, 64);
  Ok(PetscMalloc1(k->all.n, &part));
  Ok(PetscCalloc1(64, &mean));
  Prepare(model, 1, &m, rows);
  Ok(KhronosSplit(model, 1, part));
  for (PetscInt i = 0; i < k->all.n; i++)
    for (int j = 0; j < 64 && part[i] == SNA_PART_TRAIN; j++) mean[j] += k->signal[i * 64 + j];
  for (PetscInt i = 0; i < k->all.n; i++) n += part[i] == SNA_PART_TRAIN;
  MPI_Allreduce(MPI_IN_PLACE, mean, 64, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD);
  MPI_Allreduce(MPI_IN_PLACE, &n, 1, MPI_INT, MPI_SUM, PETSC_COMM_WORLD);
  assert_int_equal(n, 20);
  for (int j = 0; j < 64; j++) Near(m.pca.mean[j], mean[j] / n, 1e-9 * fabs(mean[j]));
  // scores of the training rows: mean 0 and the deviation that belongs to the component, before their scaling
  for (int d = 0; d < 3; d++) {
    double moment[2] = {0};
    for (PetscInt i = 0; i < rows[SNA_PART_TRAIN].n; i++) {
      const double c = SnaScaleBackward(&m.x[d], rows[SNA_PART_TRAIN].x[d][i]);
      moment[0] += c / n;
      moment[1] += c * c / n;
    }
    MPI_Allreduce(MPI_IN_PLACE, moment, 2, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD);
    Near(moment[0], 0, 1e-9 * m.pca.deviation[0]);
    Near(sqrt(moment[1]), m.pca.deviation[d], 1e-9 * m.pca.deviation[0]);
  }
  Ok(PetscFree(part));
  Ok(PetscFree(mean));
  DestroyRows(&m, rows);
  Destroy(&model);
}

// Sizes of the classes, each with 4 functions per input: by hand, and by the functions themselves (KhronosCheckSize compares).
static void TestSizes(void **state)
{
  static const struct {
    const char *keys;
    double      parameters;
  } cases[] = {{"class: additive", 3 * 4}, {"class: quadratic, rank: 2", 3 * 4 + 3 * 2 * 8},
    {"class: cp, rank: 5", 5 * 12}, {"class: cp, rank: 2, interaction: 2", 3 * 4 + 3 * 2 * 8},
    {"class: cp, rank: 5, weights: learned", 5 * 12 + 5}, {"class: tucker, rank: 2", 3 * 2 * 4 + 8},
    {"class: tensor_train, rank: 3", 3 * 4 + 9 * 4 + 3 * 4},
    {"class: tensor_train, rank: 100", 4 * 4 + 16 * 4 + 4 * 4}};
  char text[256];

  (void)state;
  for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
    SnaModel            model;
    SnaSeparableOptions o;
    PetscBool           ok;
    snprintf(text, sizeof(text),
      "---\nmodel: khronos\ncase: t\ndata: {function: ishigami, samples: 2000}\nkhronos: {%s, degree: 2, cells: 2}\n",
      cases[c].keys);
    model = ModelOf(text);
    Ok(KhronosGetOptions(model, &o, &ok));
    assert_true(ok);
    Near(KhronosCountParameters(&o, o.rank, PETSC_MAX_INT, NULL), cases[c].parameters, 0);
    Ok(SnaInteractionDestroy(&o.interaction));
    Destroy(&model);
  }
}

static void TestNames(void **state)
{
  char      path[64], text[512], message[SNA_MAX_MESSAGE];
  SnaModel  model;
  SnaFile   file;
  PetscBool known = PETSC_TRUE;
  Khronos  *k;

  (void)state;
  WriteText("x 1,x2,kind\n1,2,a b\n2,1,a/b\n3,5,c\n4,4,a b\n5,9,c\n6,1,a/b\n", path);
  snprintf(text, sizeof(text),
    "---\nmodel: khronos\ncase: t\nrestart: %s.h5\ndata: {file: %s, targets: [kind], test: 0}\nkhronos: {class: "
    "additive, degree: 1, cells: 1}\n",
    path, path);
  model = ModelOf(text);
  k     = (Khronos *)model->data;
  assert_int_equal(k->nclass, 3);
  assert_int_equal(model->info.nunknown, 3);
  assert_string_equal(model->info.field[0], "p_a_b");
  assert_string_equal(model->info.field[1], "p_a_b_"); // of a/b
  snprintf(text, sizeof(text), "%s.h5", path);
  Ok(SnaFileCreate(PETSC_COMM_WORLD, text, &file));
  Ok(KhronosWriteNames(model, file));
  Ok(SnaFileClose(&file, message));
  assert_string_equal(message, "");
  Ok(PetscFree(k->input[1]));
  Ok(PetscFree(k->label[2]));
  k->nclass         = 0;
  model->info.lo[0] = 7;
  Ok(KhronosReadNames(model, deck, &known));
  assert_true(known);
  assert_int_equal(k->nclass, 3);
  assert_string_equal(k->input[0], "x 1");
  assert_string_equal(k->input[1], "x2");
  assert_string_equal(k->target[0], "kind");
  assert_string_equal(k->label[1], "a/b");
  assert_string_equal(k->label[2], "c");
  Near(model->info.lo[0], 1, 0);
  Near(model->info.hi[1], 9, 0);
  Destroy(&model);
  MPI_Barrier(PETSC_COMM_WORLD);
  unlink(path);
  unlink(text);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(TestFolds), cmocka_unit_test(TestScales),
    cmocka_unit_test(TestMoments), cmocka_unit_test(TestNoise), cmocka_unit_test(TestSignals),
    cmocka_unit_test(TestSizes), cmocka_unit_test(TestNames)};
  int                     failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  return PetscFinalize() || failed ? 1 : 0;
}
