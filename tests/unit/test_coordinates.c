// np: 1 2 timeout: 60
// Physical coordinates: maps, edges and the chain rule against closed forms; sampling and errors of a model made by hand.
#include "models/model_impl.h"
#include <sna/app.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)

static void near(double a, double b, double tolerance)
{
  if (!(fabs(a - b) <= tolerance)) fail_msg("%.17g is not %.17g within %g", a, b, tolerance);
}

static SnaDeck DeckOf(const char text[])
{
  char             program[] = "test", *argv[] = {program, NULL};
  const char      *title[SNA_MAX_TABLES];
  const SnaOption *table[SNA_MAX_TABLES];
  const int        n = SnaAppGetTables(title, table);
  SnaDeck          deck;

  Ok(SnaDeckCreateFromText(PETSC_COMM_WORLD, "test.deck", text, 1, argv, &deck));
  for (int i = 0; i < n; i++) Ok(SnaDeckAddOptions(deck, title[i], table[i]));
  Ok(SnaDeckSetUpConstants(deck));
  return deck;
}

static PetscInt Errors(SnaDeck deck)
{
  PetscInt n;

  Ok(SnaDeckGetErrorCount(deck, &n));
  return n;
}

#define NTURN 5
static const char *const turn_dim[NTURN] = {"p", "t", "q", "omega", "z"};
static const double      turn_lo[NTURN] = {-1, 0, -1, 0, -3}, turn_hi[NTURN] = {1, 2, 1, 4, 3};
static const char        turn[] = "---\n"
                                  "param: [{scale: 1}]\n"
                                  "coordinates:\n"
                                  "  space: [{x: [-0.5, 0.5]}, {y: [-1, 2*scale]}]\n"
                                  "  map:\n"
                                  "    - q: scale*y*cos(omega*t) - x*sin(omega*t)\n"
                                  "    - p: x*cos(omega*t) + y*sin(omega*t)\n";

static void test_names(void **state)
{
  SnaDeck                   deck = DeckOf(turn);
  SnaCoordinates            c;
  const SnaCoordinatesInfo *info;
  const char *const         names[] = {"x", "y", "t", "omega", "z"};
  const double              lo[] = {-0.5, -1, 0, 0, -3}, hi[] = {0.5, 2, 2, 4, 3};
  const PetscInt            direction[] = {-1, -1, 1, 3, 4};

  (void)state;
  Ok(SnaCoordinatesCreate(deck, NTURN, turn_dim, turn_lo, turn_hi, &c));
  assert_int_equal(Errors(deck), 0);
  Ok(SnaCoordinatesGetInfo(c, &info));
  assert_true(info->mapped);
  assert_int_equal(info->n, 5);
  for (int j = 0; j < 5; j++) {
    assert_string_equal(info->name[j], names[j]);
    assert_true(info->lo[j] == lo[j] && info->hi[j] == hi[j]);
    assert_int_equal(info->direction[j], direction[j]);
  }
  Ok(SnaCoordinatesDestroy(&c));
  Ok(SnaDeckDestroy(&deck));
}

static void test_no_map(void **state)
{
  SnaDeck                   deck = DeckOf("---\ncase: nothing\n");
  SnaCoordinates            c;
  const SnaCoordinatesInfo *info;
  double                    a[2] = {0.25, 1.5}, b[2] = {-1, 1}, u[2], v[2];
  const double *const       x[2] = {a, b};
  double *const             y[2] = {u, v};
  PetscBool                 inside[2];

  (void)state;
  Ok(SnaCoordinatesCreate(deck, 2, turn_dim, turn_lo, turn_hi, &c));
  Ok(SnaCoordinatesGetInfo(c, &info));
  assert_false(info->mapped);
  assert_int_equal(info->n, 2);
  assert_string_equal(info->name[1], "t");
  Ok(SnaCoordinatesMap(c, 2, x, y, inside));
  for (int i = 0; i < 2; i++) assert_true(u[i] == a[i] && v[i] == b[i]);
  assert_false(inside[0]); // t = -1
  assert_false(inside[1]); // p = 1.5
  Ok(SnaCoordinatesDestroy(&c));
  Ok(SnaDeckDestroy(&deck));
}

// A turn by a right angle, the edge of the domain among the points, and NaN.
static void test_map(void **state)
{
  enum { N = 5 };
  SnaDeck             deck = DeckOf(turn);
  SnaCoordinates      c;
  const double        right = PETSC_PI / 2;
  const double        px[N] = {0.25, 0.5, 0.1, NAN, 0}, py[N] = {0.5, -1, 1.0001, 0, 1}, pt[N] = {1, 1, 1, 1, 1};
  const double        pw[N] = {right, right, right, right, right}, pz[N] = {0, 3, 0, 0, 3.0000001};
  const PetscBool     expected[N] = {PETSC_TRUE, PETSC_TRUE, PETSC_FALSE, PETSC_FALSE, PETSC_FALSE};
  double              y[NTURN][N];
  const double *const x[NTURN]   = {px, py, pt, pw, pz};
  double *const       out[NTURN] = {y[0], y[1], y[2], y[3], y[4]};
  PetscBool           inside[N];

  (void)state;
  Ok(SnaCoordinatesCreate(deck, NTURN, turn_dim, turn_lo, turn_hi, &c));
  Ok(SnaCoordinatesMap(c, N, x, out, inside));
  for (int i = 0; i < N; i++) {
    assert_int_equal(inside[i], expected[i]); // point 1: p = -1 up to rounding
    if (isnan(px[i])) continue;
    near(y[0][i], py[i], 1e-15);
    near(y[2][i], -px[i], 1e-15);
    assert_true(y[1][i] == pt[i] && y[3][i] == pw[i] && y[4][i] == pz[i]);
  }
  Ok(SnaCoordinatesDestroy(&c));
  Ok(SnaDeckDestroy(&deck));
}

// ---------------------------------------------------------------------------------------------------------------------
// A model by hand: u = p^2 q + t z in the directions, outside of the library's own models
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode SampleByHand(
  SnaModel model, PetscInt k, PetscInt n, const double *const y[], double u[], double *const grad[])
{
  const double *p = y[0], *t = y[1], *q = y[2], *z = y[4];

  (void)model;
  assert_int_equal(k, 0);
  for (PetscInt i = 0; i < n; i++) {
    u[i] = p[i] * p[i] * q[i] + t[i] * z[i];
    if (!grad) continue;
    grad[0][i] = 2 * p[i] * q[i];
    grad[1][i] = z[i];
    grad[2][i] = p[i] * p[i];
    grad[3][i] = 0;
    grad[4][i] = t[i];
  }
  return 0;
}

static struct SnaModel_ ModelByHand(
  SnaDeck deck, PetscInt nd, const char *const name[], const double lo[], const double hi[])
{
  struct SnaModel_ model = {.comm = PETSC_COMM_WORLD};

  model.ops.sample    = SampleByHand;
  model.info.nd       = nd;
  model.info.nunknown = model.info.nfield = 1;
  model.info.field[0]                     = "u";
  for (PetscInt d = 0; d < nd; d++) {
    model.info.name[d] = name[d];
    model.info.lo[d]   = lo[d];
    model.info.hi[d]   = hi[d];
  }
  Ok(SnaModelReadCoordinates_Private(&model, deck));
  return model;
}

// Derivatives by the chain rule worked out by hand, at more points than one block holds.
static void test_gradient(void **state)
{
  enum { N = 2500 };
  SnaDeck          deck  = DeckOf(turn);
  struct SnaModel_ model = ModelByHand(deck, NTURN, turn_dim, turn_lo, turn_hi);
  static double    x[NTURN][N], u[N], g[NTURN][N];
  static PetscBool inside[N];
  const double    *xp[NTURN];
  double          *gp[NTURN];
  int              outside = 0;

  (void)state;
  for (int j = 0; j < NTURN; j++) {
    xp[j] = x[j];
    gp[j] = g[j];
  }
  for (uint64_t i = 0; i < N; i++) {
    x[0][i] = SnaRandomUniform(1, 0, i) - 0.5;
    x[1][i] = 3 * SnaRandomUniform(1, 1, i) - 1;
    x[2][i] = 2 * SnaRandomUniform(1, 2, i);
    x[3][i] = 4 * SnaRandomUniform(1, 3, i);
    x[4][i] = 6 * SnaRandomUniform(1, 4, i) - 3;
  }
  Ok(SnaModelSamplePhysical(&model, 0, N, xp, u, gp, inside));
  for (int i = 0; i < N; i++) {
    const double t = x[2][i], w = x[3][i], z = x[4][i], c = cos(w * t), s = sin(w * t);
    const double p = x[0][i] * c + x[1][i] * s, q = x[1][i] * c - x[0][i] * s, up = 2 * p * q, uq = p * p;
    const double turned = up * q - uq * p; // dp/d(angle) = q, dq/d(angle) = -p

    if (fabs(p) > 1 || fabs(q) > 1) {
      outside++;
      assert_false(inside[i]);
      assert_true(isnan(u[i]));
      for (int j = 0; j < NTURN; j++) assert_true(isnan(g[j][i]));
      continue;
    }
    assert_true(inside[i]);
    near(u[i], p * p * q + t * z, 1e-14);
    near(g[0][i], up * c - uq * s, 1e-14);
    near(g[1][i], up * s + uq * c, 1e-14);
    near(g[2][i], z + w * turned, 1e-13);
    near(g[3][i], t * turned, 1e-13);
    near(g[4][i], t, 1e-15);
  }
  assert_true(outside > N / 20 && outside < N);
  Ok(SnaCoordinatesDestroy(&model.coordinates));
  Ok(SnaDeckDestroy(&deck));
}

// x and y in a square, p = x + y and q = x - y in [-1, 1]: half of the square, a diamond, maps into the domain. With v = x and u = v + 1
// the error is sqrt(int 1 / int x^2) = sqrt(2 / (1/3)) over the diamond.
static PetscErrorCode SampleDiamond(
  SnaModel model, PetscInt k, PetscInt n, const double *const y[], double u[], double *const grad[])
{
  (void)model;
  (void)k;
  (void)grad;
  for (PetscInt i = 0; i < n; i++) u[i] = 0.5 * (y[0][i] + y[1][i]) + 1;
  return 0;
}

static void test_error(void **state)
{
  const char *const   names[] = {"p", "q", "a"};
  const double        lo[] = {-1, -1, 0}, hi[] = {1, 1, 2};
  SnaDeck             deck    = DeckOf("---\n"
                                                      "coordinates: {space: [{x: [-1, 1]}, {y: [-1, 1]}], map: [{p: x + y}, {q: x - y}]}\n"
                                                      "pde: {reference: x}\n");
  struct SnaModel_    model   = ModelByHand(deck, 3, names, lo, hi);
  const double        mass[2] = {1, 3}; // importance where it applies: in `a`
  const double *const bin[3]  = {mass, mass, mass};
  const PetscInt      nbin[3] = {2, 2, 2};
  const char         *text;
  const double        px[2] = {0.5, 0.9}, py[2] = {0.25, -0.9}, pa[2] = {1, 1};
  const double *const x[3] = {px, py, pa};
  double              value[2], outside;
  SnaErrorEstimate    e;

  (void)state;
  model.ops.sample = SampleDiamond;
  Ok(SnaModelReadReference_Private(&model, deck, "pde_reference", &text));
  assert_non_null(model.reference);
  Ok(SnaModelCheckReference_Private(&model, deck, "pde_reference"));
  assert_int_equal(Errors(deck), 0);
  assert_int_equal(model.info.nfield, 3);
  Ok(SnaModelSamplePhysical(&model, 1, 2, x, value, NULL, NULL));
  assert_true(value[0] == 0.5 && isnan(value[1]));
  Ok(SnaModelSamplePhysical(&model, 2, 2, x, value, NULL, NULL));
  near(value[0], 1, 1e-15);
  assert_true(isnan(value[1]));
  Ok(SnaModelErrorQmc_Private(&model, nbin, bin, 262144, &e, &outside));
  near(outside, 0.5, 2e-3);
  near(e.norm, sqrt(2. / 3), 2e-3); // int x^2 over the diamond times the length of a
  assert_true(e.standard_error > 0 && e.standard_error < 5e-3);
  near(e.error, sqrt(6), 5 * e.standard_error);
  Ok(SnaCoordinatesDestroy(&model.coordinates));
  Ok(SnaExprDestroy(&model.reference));
  Ok(SnaDeckDestroy(&deck));
}

// Fewer directions than coordinates, and a map that leads nowhere.
static void test_radius(void **state)
{
  const char *const   names[] = {"r"};
  const double        lo[] = {0.5}, hi[] = {1}, far_lo[] = {7}, far_hi[] = {8};
  const char          text[] = "---\ncoordinates: {space: [{x: [-1, 1]}, {y: [-1, 1]}], map: [{r: sqrt(x^2 + y^2)}]}\n";
  SnaDeck             deck   = DeckOf(text);
  struct SnaModel_    model  = ModelByHand(deck, 1, names, lo, hi);
  const double        px[3] = {0.6, 0.3, 1}, py[3] = {0, 0.3, 0.1}, dr[3] = {5, 5, 5};
  const double *const x[2] = {px, py}, *const dy[1] = {dr};
  double        r[3], gx[3], gy[3];
  double *const y[1] = {r}, *const dx[2] = {gx, gy};
  PetscBool inside[3];

  (void)state;
  Ok(SnaCoordinatesMap(model.coordinates, 3, x, y, inside));
  near(r[0], 0.6, 1e-16);
  assert_true(inside[0] && !inside[1] && !inside[2]);
  Ok(SnaCoordinatesPullBack(model.coordinates, 3, x, dy, dx));
  for (int i = 0; i < 3; i++) {
    near(gx[i], 5 * px[i] / hypot(px[i], py[i]), 1e-14);
    near(gy[i], 5 * py[i] / hypot(px[i], py[i]), 1e-14);
  }
  Ok(SnaModelCheckReference_Private(&model, deck, "pde_reference"));
  assert_int_equal(Errors(deck), 0);
  Ok(SnaCoordinatesDestroy(&model.coordinates));
  model = ModelByHand(deck, 1, names, far_lo, far_hi);
  Ok(SnaModelCheckReference_Private(&model, deck, "pde_reference"));
  assert_int_equal(Errors(deck), 1);
  Ok(SnaCoordinatesDestroy(&model.coordinates));
  Ok(SnaDeckDestroy(&deck));
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_no_map),
    cmocka_unit_test(test_map), cmocka_unit_test(test_gradient), cmocka_unit_test(test_error),
    cmocka_unit_test(test_radius)};
  int                     failures;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failures = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failures;
}
