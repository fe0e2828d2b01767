// test_view_catalyst.c - the Catalyst 2 back end gives Catalyst the documented trees.   np: 1 2 3
//
// Compiled against the double in tests/catalyst_double (see its catalyst.h for what that does and does not prove).
#include <sna_config.h>
#undef SNA_HAVE_CATALYST
#define SNA_HAVE_CATALYST 1
#include "../catalyst_double/catalyst_double.c"
#include "../../src/insitu/view_catalyst.c"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((int)(call), 0)
#define EXECUTE  CATALYST_DOUBLE_EXECUTE
#define INIT     CATALYST_DOUBLE_INITIALIZE

static SnaView ViewCreate(void)
{
  SnaView view;

  CatalystDoubleReset();
  OK(SnaViewCreate(PETSC_COMM_WORLD, &view));
  view->ops   = &SnaViewOps_Catalyst;
  view->every = 1;
  OK(PetscStrncpy(view->script, "/a/slices.py", sizeof(view->script)));
  return view;
}

static double Number(const char path[])
{
  int          found;
  const double value = CatalystDoubleNumber(EXECUTE, path, &found);

  if (!found) fail_msg("no number at %s", path);
  return value;
}

static const char *Text(CatalystDoubleCall call, const char path[])
{
  const char *text = CatalystDoubleText(call, path);

  if (!text) fail_msg("no text at %s", path);
  return text;
}

// f(x,y) = x + 10 y on 5 x 9 points of [-1,1] x [0,4], and twice that.
static void test_trees(void **state)
{
  enum { NX = 5, NY = 9 };
  const char     *fields[2] = {"u", "twice"};
  double          u[NX * NY], twice[NX * NY];
  const double   *data[2] = {u, twice};
  SnaFrame        frame   = {.slice = "mid",
             .step                  = 40,
             .time                  = 0.5,
             .caption               = "sweep 40",
             .naxis                 = 2,
             .axis                  = {"x", "omega"},
             .n                     = {NX, NY},
             .lo                    = {-1, 0},
             .hi                    = {1, 4},
             .nfield                = 2,
             .field                 = fields,
             .data                  = data};
  SnaView         view    = ViewCreate();
  const double   *values;
  conduit_index_t n;
  int             found, first, last;

  (void)state;
  for (int j = 0; j < NY; j++) {
    for (int i = 0; i < NX; i++) {
      u[j * NX + i]     = -1 + 0.5 * i + 10 * 0.5 * j;
      twice[j * NX + i] = 2 * u[j * NX + i];
    }
  }
  if (view->rank > 0) data[0] = data[1] = NULL; // significant on rank 0 alone
  OK(SnaViewOpen(view, "/tmp", "plume"));
  assert_string_equal(Text(INIT, "catalyst/scripts/script/filename"), "/a/slices.py");
  assert_string_equal(Text(INIT, "catalyst/scripts/script/args/0"), "--dir");
  assert_string_equal(Text(INIT, "catalyst/scripts/script/args/1"), "/tmp");
  assert_string_equal(Text(INIT, "catalyst/scripts/script/args/3"), "plume");
  assert_string_equal(Text(INIT, "catalyst/scripts/script/args/5"), "1280x720");
  assert_true(
    CatalystDoubleNumber(INIT, "catalyst/mpi_comm", &found) == (double)MPI_Comm_c2f(PETSC_COMM_WORLD) && found);

  OK(SnaViewSend(view, &frame));
  assert_int_equal(CatalystDoubleGet()->count[EXECUTE], 1);
  assert_true(Number("catalyst/state/timestep") == 40 && Number("catalyst/state/time") == 0.5);
  assert_string_equal(Text(EXECUTE, "catalyst/state/parameters/0"), "slice=mid");
  assert_string_equal(Text(EXECUTE, "catalyst/state/parameters/1"), "caption=sweep 40");
  assert_string_equal(Text(EXECUTE, "catalyst/state/parameters/2"), "axes=x,omega");
  assert_string_equal(Text(EXECUTE, "catalyst/state/parameters/3"), "fields=u,twice");
  assert_string_equal(Text(EXECUTE, "catalyst/channels/mid/type"), "mesh");
#define MESH "catalyst/channels/mid/data/"
  assert_string_equal(Text(EXECUTE, MESH "coordsets/coords/type"), "uniform");
  assert_string_equal(Text(EXECUTE, MESH "topologies/mesh/type"), "uniform");
  assert_string_equal(Text(EXECUTE, MESH "topologies/mesh/coordset"), "coords");
  assert_string_equal(Text(EXECUTE, MESH "fields/twice/association"), "vertex");
  assert_string_equal(Text(EXECUTE, MESH "fields/twice/topology"), "mesh");
  assert_string_equal(Text(EXECUTE, MESH "state/fields/caption"), "sweep 40");
  (void)CatalystDoubleNumber(EXECUTE, MESH "coordsets/coords/dims/k", &found);
  assert_false(found);

  // The slabs: together every cell once, neighbours share a layer.
  first = (NY - 1) * view->rank / view->size;
  last  = (NY - 1) * (view->rank + 1) / view->size;
  assert_true(
    Number(MESH "coordsets/coords/dims/i") == NX && Number(MESH "coordsets/coords/dims/j") == last - first + 1);
  assert_true(
    Number(MESH "coordsets/coords/origin/x") == -1 && Number(MESH "coordsets/coords/origin/y") == 0.5 * first);
  assert_true(Number(MESH "coordsets/coords/spacing/dx") == 0.5 && Number(MESH "coordsets/coords/spacing/dy") == 0.5);
  values = CatalystDoubleArray(EXECUTE, MESH "fields/u/values", &n);
  assert_int_equal(n, NX * (last - first + 1));
  for (int p = 0; p < n; p++) assert_true(values[p] == u[first * NX + p]);
  values = CatalystDoubleArray(EXECUTE, MESH "fields/twice/values", &n);
  assert_int_equal(n, NX * (last - first + 1));
  for (int p = 0; p < n; p++) assert_true(values[p] == twice[first * NX + p]);

  OK(SnaViewClose(view));
  assert_int_equal(CatalystDoubleGet()->count[CATALYST_DOUBLE_FINALIZE], 1);
  OK(SnaViewDestroy(&view));
  assert_int_equal(CatalystDoubleGet()->count[CATALYST_DOUBLE_FINALIZE], 1);
}

// f(x,y,z) = x + 10 y + 100 z on 3 x 4 x 5 points: slabs of the third axis.
static void test_three_axes(void **state)
{
  enum { NX = 3, NY = 4, NZ = 5 };
  const char     *fields[1] = {"u"};
  double          u[NX * NY * NZ];
  const double   *data[1] = {u}, *values;
  SnaFrame        frame   = {.slice = "cell",
             .naxis                 = 3,
             .axis                  = {"x", "y", "z"},
             .n                     = {NX, NY, NZ},
             .lo                    = {0, -1, 2},
             .hi                    = {1, 2, 4},
             .nfield                = 1,
             .field                 = fields,
             .data                  = data};
  SnaView         view    = ViewCreate();
  conduit_index_t n;
  int             first, last;

  (void)state;
  for (int p = 0; p < NX * NY * NZ; p++) u[p] = p % NX + 10 * (p / NX % NY) + 100 * (p / (NX * NY));
  if (view->rank > 0) data[0] = NULL;
  OK(SnaViewOpen(view, "/tmp", "gyroid"));
  OK(SnaViewSend(view, &frame));
  assert_string_equal(Text(EXECUTE, "catalyst/state/parameters/2"), "axes=x,y,z");
  first = (NZ - 1) * view->rank / view->size;
  last  = (NZ - 1) * (view->rank + 1) / view->size;
#define CELL "catalyst/channels/cell/data/"
  assert_true(Number(CELL "coordsets/coords/dims/i") == NX && Number(CELL "coordsets/coords/dims/j") == NY &&
              Number(CELL "coordsets/coords/dims/k") == last - first + 1);
  assert_true(Number(CELL "coordsets/coords/origin/x") == 0 && Number(CELL "coordsets/coords/origin/y") == -1 &&
              Number(CELL "coordsets/coords/origin/z") == 2 + 0.5 * first);
  assert_true(Number(CELL "coordsets/coords/spacing/dx") == 0.5 && Number(CELL "coordsets/coords/spacing/dy") == 1 &&
              Number(CELL "coordsets/coords/spacing/dz") == 0.5);
  values = CatalystDoubleArray(EXECUTE, CELL "fields/u/values", &n);
  assert_int_equal(n, NX * NY * (last - first + 1));
  for (int p = 0; p < n; p++) assert_true(values[p] == u[first * NX * NY + p]);
  OK(SnaViewDestroy(&view));
}

// Two points on up to three ranks: a rank without a cell still has a valid mesh.
static void test_more_ranks_than_cells(void **state)
{
  const char     *fields[1] = {"u"};
  const double    u[2] = {3, 4}, *data[1] = {u}, *values;
  SnaFrame        frame = {.slice = "line",
           .naxis                 = 1,
           .axis                  = {"t"},
           .n                     = {2},
           .lo                    = {0},
           .hi                    = {1},
           .nfield                = 1,
           .field                 = fields,
           .data                  = data};
  SnaView         view  = ViewCreate();
  conduit_index_t n;

  (void)state;
  OK(SnaViewOpen(view, "/tmp", "plume"));
  OK(SnaViewSend(view, &frame));
  values = CatalystDoubleArray(EXECUTE, "catalyst/channels/line/data/fields/u/values", &n);
  assert_int_equal(n, (view->rank + 1) / view->size - view->rank / view->size + 1);
  assert_true(Number("catalyst/channels/line/data/coordsets/coords/dims/i") == (double)n);
  assert_true(values[0] == u[view->rank / view->size] && values[n - 1] == u[(view->rank + 1) / view->size]);
  OK(SnaViewDestroy(&view)); // without close: Catalyst is finalised all the same
  assert_int_equal(CatalystDoubleGet()->count[CATALYST_DOUBLE_FINALIZE], 1);
}

// A failing Catalyst, even on one rank only, ends the pictures on all ranks with one line, and the run goes on.
static void test_failure(void **state)
{
  const char  *fields[1] = {"u"};
  const double u[2] = {3, 4}, *data[1] = {u};
  SnaFrame     frame  = {.slice = "line",
         .naxis                 = 1,
         .axis                  = {"t"},
         .n                     = {2},
         .lo                    = {0},
         .hi                    = {1},
         .nfield                = 1,
         .field                 = fields,
         .data                  = data};
  SnaView      view   = ViewCreate();
  char         path[] = "/tmp/test_view_catalyst_XXXXXX", said[1024];
  const int    file = mkstemp(path), kept = dup(2);
  ssize_t      length;

  (void)state;
  fflush(stderr);
  assert_true(file >= 0 && dup2(file, 2) == 2);
  OK(SnaViewOpen(view, "/tmp", "plume"));
  if (view->rank == view->size - 1) CatalystDoubleGet()->answer = catalyst_status_error_no_implementation;
  OK(SnaViewSend(view, &frame));
  OK(SnaViewSend(view, &frame));
  OK(SnaViewClose(view));
  fflush(stderr);
  dup2(kept, 2);
  close(kept);
  length                        = pread(file, said, sizeof(said) - 1, 0);
  said[length > 0 ? length : 0] = 0;
  close(file);
  unlink(path);
  assert_int_equal(CatalystDoubleGet()->count[EXECUTE], 1);
  if (view->rank == 0)
    assert_string_equal(said, "in situ: Catalyst's execute failed (status 1; is CATALYST_IMPLEMENTATION_PATHS set?): "
                              "the run goes on without pictures\n");
  else
    assert_string_equal(said, "");
  OK(SnaViewDestroy(&view));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_trees),
    cmocka_unit_test(test_three_axes),
    cmocka_unit_test(test_more_ranks_than_cells),
    cmocka_unit_test(test_failure),
  };
  int failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  CatalystDoubleReset();
  PetscCall(PetscFinalize());
  return failures;
}
