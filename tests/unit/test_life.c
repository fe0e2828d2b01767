// np: 1 2
// test_life.c - launch check, stop signals, progress, random numbers, results, memory.
#include <sna/base.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define OK(call)      assert_int_equal(call, 0)
#define NEAR(a, b, e) assert_true(fabs((a) - (b)) <= (e))

static PetscMPIInt rank, size;

static const char *const launcher_variables[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "MPI_LOCALNRANKS",
  "PMIX_RANK", "SLURM_PROCID", "SLURM_STEP_ID", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"};

// Sets the variables of "A=1 B=2" and no other of a launcher.
static PetscBool launch_accepted(const char environment[], MPI_Comm comm, char message[])
{
  char      copy[256], *rest;
  PetscBool ok;

  for (size_t i = 0; i < sizeof(launcher_variables) / sizeof(launcher_variables[0]); i++)
    unsetenv(launcher_variables[i]);
  snprintf(copy, sizeof(copy), "%s", environment);
  for (char *s = strtok_r(copy, " ", &rest); s; s = strtok_r(NULL, " ", &rest)) {
    char *equals = strchr(s, '=');

    *equals = 0;
    setenv(s, equals + 1, 1);
  }
  OK(SnaCheckLaunch(comm, &ok, message));
  return ok;
}

static void test_launch(void **state)
{
  static const char
    *const wrong
      []        = {"OMPI_COMM_WORLD_SIZE=4", "PMI_SIZE=2 PMI_RANK=0", "MPI_LOCALNRANKS=3", "PMIX_RANK=1",
               "SLURM_PROCID=0 SLURM_STEP_ID=3 SLURM_STEP_NUM_TASKS=8 SLURM_NTASKS=8"},
 *const right[] = {"", "OMPI_COMM_WORLD_SIZE=1", "PMI_SIZE=1 PMI_RANK=0", "PMIX_RANK=0", "OMPI_COMM_WORLD_SIZE=x",
   "PMI_SIZE=-2",
   "SLURM_NTASKS=8",                                                       // a shell in an allocation
   "SLURM_NTASKS=8 SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=8",                 // a batch script
   "SLURM_NTASKS=8 SLURM_PROCID=0 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=1", // srun -n 1
   "PMI_SIZE=1 SLURM_PROCID=0 SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=2"}; // mpiexec -n 1 that reached its nodes by srun
  char  message[SNA_MAX_MESSAGE];

  (void)state;
  for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
    assert_false(launch_accepted(wrong[i], PETSC_COMM_SELF, message));
    assert_non_null(strstr(message, "this binary was built with "));
    assert_non_null(strstr(message, "start it with "));
    assert_null(strchr(message, '\n'));
  }
  for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
    assert_true(launch_accepted(right[i], PETSC_COMM_SELF, message));
    assert_string_equal(message, "");
  }
  // not alone: whatever the environment says
  if (size > 1) assert_true(launch_accepted("OMPI_COMM_WORLD_SIZE=4", PETSC_COMM_WORLD, message));
  assert_false(launch_accepted("OMPI_COMM_WORLD_SIZE=4", PETSC_COMM_SELF, message));
  assert_non_null(strstr(
    message, "one of at least 4 ranks by Open MPI's mpiexec (OMPI_COMM_WORLD_SIZE), but alone in MPI_COMM_WORLD"));
#if defined(MPICH_VERSION)
  assert_non_null(strstr(message, "built with MPICH " MPICH_VERSION ": start it with mpiexec.mpich"));
#endif
}

static void test_stop(void **state)
{
  static const int   signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
  static const char *names[]   = {"signal SIGTERM", "signal SIGINT", "signal SIGUSR1", "signal SIGUSR2"};
  PetscBool          stop;
  const char        *reason;

  (void)state;
  for (int i = 0; i < 4; i++) {
    OK(SnaStopInstall());
    OK(SnaStopRequested(PETSC_COMM_WORLD, 0, &stop, &reason));
    assert_false(stop);
    assert_null(reason);
    if (rank == size - 1) raise(signals[i]); // one rank is enough
    OK(SnaStopRequested(PETSC_COMM_WORLD, 0, &stop, &reason));
    assert_true(stop);
    assert_string_equal(reason, names[i]);
    OK(SnaStopRequested(PETSC_COMM_WORLD, 0, &stop, &reason)); // and stays
    assert_true(stop);
  }
  OK(SnaStopInstall());
  raise(SIGXFSZ);
  raise(SIGPIPE);
  OK(SnaStopRequested(PETSC_COMM_WORLD, 1000, &stop, &reason));
  assert_false(stop);
  usleep(30000);
  OK(SnaStopRequested(PETSC_COMM_WORLD, 0.02, &stop, &reason));
  assert_true(stop);
  assert_string_equal(reason, "the wall time is over");
}

static void test_eta(void **state)
{
  (void)state;
  NEAR(SnaProgressEta(10, 0, 0.25), 30, 1e-12);
  NEAR(SnaProgressEta(10, 0.5, 0.75), 10, 1e-12); // half of it was done before the restart
  NEAR(SnaProgressEta(7, 0, 1), 0, 0);
  NEAR(SnaProgressEta(7, 0, 1.1), 0, 0);
  NEAR(SnaProgressEta(7, 0, 0), -1, 0);
  NEAR(SnaProgressEta(7, 0.5, 0.5), -1, 0);
  NEAR(SnaProgressEta(7, 0, NAN), -1, 0);
}

static void captured(SnaProgress p, SnaResults r, PetscInt total, size_t n, char text[])
{
  FILE  *saved = PETSC_STDOUT, *file = tmpfile();
  size_t got;

  assert_non_null(file);
  PETSC_STDOUT = file;
  if (p) OK(SnaProgressLine(p, "als", 7, total, total > 0 ? 1 : 0, "rank %d  res %.3e", 32, 3.214e-6));
  if (r) OK(SnaResultsPrint(r, PETSC_COMM_WORLD));
  PETSC_STDOUT = saved;
  rewind(file);
  got       = fread(text, 1, n - 1, file);
  text[got] = 0;
  fclose(file);
}

static void test_progress(void **state)
{
  SnaProgress p;
  char        text[1024];

  (void)state;
  OK(SnaProgressCreate(PETSC_COMM_WORLD, &p));
  captured(p, NULL, 50, sizeof(text), text);
  assert_string_equal(text, rank ? "" : "als   7/50  rank 32  res 3.214e-06  t 0.0 s  eta 0.0 s\n");
  captured(p, NULL, 0, sizeof(text), text);
  assert_string_equal(text, rank ? "" : "als  7  rank 32  res 3.214e-06  t 0.0 s  eta ?\n");
  OK(SnaProgressSetQuiet(p, PETSC_TRUE));
  captured(p, NULL, 50, sizeof(text), text);
  assert_string_equal(text, "");
  OK(SnaProgressDestroy(&p));
  assert_null(p);
}

static void test_results(void **state)
{
  SnaResults  r;
  const char *name, *words;
  double      value;
  char        text[4096];

  (void)state;
  OK(SnaResultsCreate(&r));
  OK(SnaResultsAdd(r, "error_l2", 1));
  OK(SnaResultsAdd(r, "rank", 64));
  OK(SnaResultsAdd(r, "error_l2", 9.312345678901e-3)); // replaces, in its place
  captured(NULL, r, 0, sizeof(text), text);
  assert_string_equal(text, rank ? "" : "result error_l2 9.312345678901e-03\nresult rank 6.400000000000e+01\n");
  for (int i = 0; i < 40; i++) {
    char many[16];

    snprintf(many, sizeof(many), "n%d", i);
    OK(SnaResultsAdd(r, many, i));
  }
  OK(SnaResultsGet(r, 41, &name, &value));
  assert_string_equal(name, "n39");
  assert_true(value == 39);
  OK(SnaResultsGet(r, 42, &name, &value));
  assert_null(name);
  OK(SnaResultsGet(r, -1, &name, &value));
  assert_null(name);
  OK(SnaResultsDestroy(&r));

  OK(SnaResultsCreate(&r)); // texts among numbers; either replaces the other
  OK(SnaResultsAddText(r, "order", "y,x,t"));
  OK(SnaResultsAdd(r, "rank", 2));
  OK(SnaResultsAddText(r, "ranks_tt", "1,2,1"));
  OK(SnaResultsAddText(r, "order", "t,x,y"));
  OK(SnaResultsGetText(r, 0, &words));
  assert_string_equal(words, "t,x,y");
  OK(SnaResultsGetText(r, 1, &words));
  assert_null(words);
  OK(SnaResultsAdd(r, "ranks_tt", 3));
  captured(NULL, r, 0, sizeof(text), text);
  assert_string_equal(text, rank ? "" : "result order t,x,y\nresult rank 2.000000000000e+00\nresult ranks_tt 3.000000000000e+00\n");
  OK(SnaResultsDestroy(&r));
}

// The known answers of Philox4x32-10 published with Random123 (kat_vectors): the first two words of the block, as the 52 bits of a uniform number.
static void test_philox(void **state)
{
  static const struct {
    uint64_t seed, stream, index;
    uint64_t word;
  } known[] = {{0, 0, 0, 0xe169c58d6627e8d5},
    {0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff, 0x41c83b0e408f276d},
    {0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, 0x94fdccebd16cfe09}};

  (void)state;
  for (int i = 0; i < 3; i++) {
    assert_true(SnaRandomUniform(known[i].seed, known[i].stream, known[i].index) ==
                ((double)(known[i].word >> 12) + 0.5) / 4503599627370496.0);
  }
}

static void test_moments(void **state)
{
  const int n    = 200000;
  double    u[4] = {0}, g[4] = {0}, cross = 0;

  (void)state;
  for (int i = 0; i < n; i++) {
    const double x = SnaRandomUniform(7, 3, (uint64_t)i), y = SnaRandomNormal(7, 3, (uint64_t)i),
                 next = SnaRandomUniform(7, 3, (uint64_t)i + 1);

    assert_true(x > 0 && x < 1 && isfinite(y));
    for (int m = 0; m < 4; m++) {
      u[m] += pow(x, m + 1) / n;
      g[m] += pow(y, m + 1) / n;
    }
    cross += (x - 0.5) * (next - 0.5) / n;
  }
  // five standard errors each
  for (int m = 0; m < 4; m++) NEAR(u[m], 1.0 / (m + 2), 5 * sqrt((1.0 / (2 * m + 3) - 1.0 / ((m + 2) * (m + 2))) / n));
  NEAR(cross, 0, 5.0 / 12 / sqrt(n));
  NEAR(g[0], 0, 5 * sqrt(1.0 / n));
  NEAR(g[1], 1, 5 * sqrt(2.0 / n));
  NEAR(g[2], 0, 5 * sqrt(15.0 / n));
  NEAR(g[3], 3, 5 * sqrt(96.0 / n));
  // seed, stream and index all matter
  assert_true(SnaRandomUniform(1, 2, 3) == SnaRandomUniform(1, 2, 3));
  assert_true(SnaRandomUniform(1, 2, 3) != SnaRandomUniform(2, 2, 3));
  assert_true(SnaRandomUniform(1, 2, 3) != SnaRandomUniform(1, 3, 3));
  assert_true(SnaRandomUniform(1, 2, 3) != SnaRandomUniform(1, 2, 4));
  assert_true(SnaRandomUniform(1, 2, 3) != SnaRandomUniform(1, 2, 3 + (1ull << 40)));
}

static void test_memory(void **state)
{
  const size_t   n      = 64 << 20;
  const double   before = SnaMemoryPeak();
  volatile char *block  = malloc(n);

  (void)state;
  assert_true(before > 1e6);
  for (size_t i = 0; i < n; i += 1024) block[i] = 1;
  assert_true(block[n / 2] == 1);
  assert_true(SnaMemoryPeak() >= before);
  assert_true(SnaMemoryPeak() > 60e6);
  free((void *)block);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_launch), cmocka_unit_test(test_stop),
    cmocka_unit_test(test_eta), cmocka_unit_test(test_progress), cmocka_unit_test(test_results),
    cmocka_unit_test(test_philox), cmocka_unit_test(test_moments), cmocka_unit_test(test_memory)};
  int                     failed;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  MPI_Comm_size(PETSC_COMM_WORLD, &size);
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  if (PetscFinalize()) return 1;
  return failed;
}
