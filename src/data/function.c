// function.c - test functions of the literature on computer experiments.
//
// Definitions and ranges: Surjanovic & Bingham, Virtual Library of Simulation Experiments, www.sfu.ca/~ssurjano; inputs carry the names of its codes.
//
//   borehole     flow of water through a borehole [m^3/yr]                                          (Harper & Gupta 1983)
//   sobol_g      prod_i (|4 x_i - 2| + a_i) / (1 + a_i), a_i = (i - 1) / 2, i = 1..nd               (Saltelli & Sobol' 1995; Crestaux et al. 2009)
//   otl_circuit  midpoint voltage of an output transformerless push-pull circuit [V]                (Ben-Ari & Steinberg 2007)
//   wing_weight  weight of the wing of a light aircraft [lb]; the sweep lamcaps in degrees          (Forrester et al. 2008)
//   piston       time of a cycle of a piston in a cylinder [s]                                      (Kenett & Zacks 1998)
//   ishigami     sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1                                              (Ishigami & Homma 1990; Sobol' & Levitan 1999)
//   friedman1    10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5, further inputs are idle         (Friedman 1991)
//
// The library recommends a_i = (i - 2) / 2 for the Sobol' function, whose first factor then divides by 1/2. Inputs are taken as uniform
// here, also rw and r of the borehole. Noise is not added here.
#include <sna/data.h>
#include <math.h>
#include <string.h>

typedef void (*Evaluator)(PetscInt nd, PetscInt n, const double *const x[], double y[]);

static void Borehole(PetscInt nd, PetscInt n, const double *const x[], double y[])
{
  const double *rw = x[0], *r = x[1], *tu = x[2], *hu = x[3], *tl = x[4], *hl = x[5], *l = x[6], *kw = x[7];

  (void)nd;
  for (PetscInt i = 0; i < n; i++) {
    const double g = log(r[i] / rw[i]);

    y[i] = 2 * PETSC_PI * tu[i] * (hu[i] - hl[i]) /
           (g * (1 + 2 * l[i] * tu[i] / (g * rw[i] * rw[i] * kw[i]) + tu[i] / tl[i]));
  }
}

static void SobolG(PetscInt nd, PetscInt n, const double *const x[], double y[])
{
  for (PetscInt i = 0; i < n; i++) y[i] = 1;
  for (PetscInt d = 0; d < nd; d++) {
    const double  a  = 0.5 * (double)d;
    const double *xd = x[d];

    for (PetscInt i = 0; i < n; i++) y[i] *= (fabs(4 * xd[i] - 2) + a) / (1 + a);
  }
}

static void OtlCircuit(PetscInt nd, PetscInt n, const double *const x[], double y[])
{
  const double *rb1 = x[0], *rb2 = x[1], *rf = x[2], *rc1 = x[3], *rc2 = x[4], *beta = x[5];

  (void)nd;
  for (PetscInt i = 0; i < n; i++) {
    const double vb1 = 12 * rb2[i] / (rb1[i] + rb2[i]), b = beta[i] * (rc2[i] + 9);

    y[i] = ((vb1 + 0.74) * b + 11.35 * rf[i] + 0.74 * rf[i] * b / rc1[i]) / (b + rf[i]);
  }
}

static void WingWeight(PetscInt nd, PetscInt n, const double *const x[], double y[])
{
  const double *sw = x[0], *wfw = x[1], *a = x[2], *lamcaps = x[3], *q = x[4], *lam = x[5], *tc = x[6], *nz = x[7],
               *wdg = x[8], *wp = x[9];

  (void)nd;
  for (PetscInt i = 0; i < n; i++) {
    const double c = cos(lamcaps[i] * (PETSC_PI / 180));

    y[i] = 0.036 * pow(sw[i], 0.758) * pow(wfw[i], 0.0035) * pow(a[i] / (c * c), 0.6) * pow(q[i], 0.006) *
             pow(lam[i], 0.04) * pow(100 * tc[i] / c, -0.3) * pow(nz[i] * wdg[i], 0.49) +
           sw[i] * wp[i];
  }
}

static void Piston(PetscInt nd, PetscInt n, const double *const x[], double y[])
{
  const double *m = x[0], *s = x[1], *v0 = x[2], *k = x[3], *p0 = x[4], *ta = x[5], *t0 = x[6];

  (void)nd;
  for (PetscInt i = 0; i < n; i++) {
    const double a = p0[i] * s[i] + 19.62 * m[i] - k[i] * v0[i] / s[i], gas = p0[i] * v0[i] / t0[i] * ta[i];
    const double v = s[i] / (2 * k[i]) * (sqrt(a * a + 4 * k[i] * gas) - a);

    y[i] = 2 * PETSC_PI * sqrt(m[i] / (k[i] + s[i] * s[i] * gas / (v * v)));
  }
}

static void Ishigami(PetscInt nd, PetscInt n, const double *const x[], double y[])
{
  (void)nd;
  for (PetscInt i = 0; i < n; i++) {
    const double s = sin(x[1][i]), z = x[2][i] * x[2][i];

    y[i] = sin(x[0][i]) * (1 + 0.1 * z * z) + 7 * s * s;
  }
}

static void Friedman1(PetscInt nd, PetscInt n, const double *const x[], double y[])
{
  (void)nd;
  for (PetscInt i = 0; i < n; i++) {
    const double c = x[2][i] - 0.5;

    y[i] = 10 * sin(PETSC_PI * x[0][i] * x[1][i]) + 20 * c * c + 10 * x[3][i] + 5 * x[4][i];
  }
}

typedef struct {
  const char *name;
  PetscInt    nd, min, max; // inputs when not asked for, and how few and many they may be
  Evaluator   evaluate;
  struct {
    const char *name;
    double      lo, hi;
  } input[10]; // where nd is fixed; otherwise x1, x2, ... in [0,1]
} Definition;

static const Definition definitions[] = {
  {.name      = "borehole",
    .nd       = 8,
    .min      = 8,
    .max      = 8,
    .evaluate = Borehole,
    .input    = {{"rw", 0.05, 0.15}, {"r", 100, 50000}, {"tu", 63070, 115600}, {"hu", 990, 1110}, {"tl", 63.1, 116},
         {"hl", 700, 820}, {"l", 1120, 1680}, {"kw", 9855, 12045}}},
  {.name = "sobol_g", .nd = 20, .min = 1, .max = SNA_MAX_DIM, .evaluate = SobolG},
  {.name      = "otl_circuit",
    .nd       = 6,
    .min      = 6,
    .max      = 6,
    .evaluate = OtlCircuit,
    .input    = {{"rb1", 50, 150}, {"rb2", 25, 70}, {"rf", 0.5, 3}, {"rc1", 1.2, 2.5}, {"rc2", 0.25, 1.2},
         {"beta", 50, 300}}},
  {.name      = "wing_weight",
    .nd       = 10,
    .min      = 10,
    .max      = 10,
    .evaluate = WingWeight,
    .input = {{"sw", 150, 200}, {"wfw", 220, 300}, {"a", 6, 10}, {"lamcaps", -10, 10}, {"q", 16, 45}, {"lam", 0.5, 1},
      {"tc", 0.08, 0.18}, {"nz", 2.5, 6}, {"wdg", 1700, 2500}, {"wp", 0.025, 0.08}}},
  {.name      = "piston",
    .nd       = 7,
    .min      = 7,
    .max      = 7,
    .evaluate = Piston,
    .input    = {{"m", 30, 60}, {"s", 0.005, 0.020}, {"v0", 0.002, 0.010}, {"k", 1000, 5000}, {"p0", 90000, 110000},
         {"ta", 290, 296}, {"t0", 340, 360}}},
  {.name      = "ishigami",
    .nd       = 3,
    .min      = 3,
    .max      = 3,
    .evaluate = Ishigami,
    .input    = {{"x1", -PETSC_PI, PETSC_PI}, {"x2", -PETSC_PI, PETSC_PI}, {"x3", -PETSC_PI, PETSC_PI}}},
  {.name = "friedman1", .nd = 10, .min = 5, .max = SNA_MAX_DIM, .evaluate = Friedman1},
};
#define NDEFINITIONS ((PetscInt)PETSC_STATIC_ARRAY_LENGTH(definitions))

static const char *const numbered[SNA_MAX_DIM] = {"x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
  "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28",
  "x29", "x30", "x31", "x32"};

const char *SnaTestFunctionNames(void)
{
  return "borehole|sobol_g|otl_circuit|wing_weight|piston|ishigami|friedman1";
}

static const Definition *Find(const char name[])
{
  for (PetscInt k = 0; k < NDEFINITIONS; k++) {
    if (!strcmp(name, definitions[k].name)) return &definitions[k];
  }
  return NULL;
}

PetscErrorCode SnaTestFunctionGet(const char name[], PetscInt nd, SnaTestFunction *f, char message[SNA_MAX_MESSAGE])
{
  const Definition *t = Find(name);

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(f, sizeof(*f)));
  message[0] = 0;
  if (!t) {
    SnaMessageSet(message, "unknown test function `%s`: there are %s", name, SnaTestFunctionNames());
    PetscFunctionReturn(0);
  }
  if (nd == 0) nd = t->nd;
  if (nd < t->min || nd > t->max) {
    if (t->min == t->max) {
      SnaMessageSet(message, "%s has %" PetscInt_FMT " inputs, not %" PetscInt_FMT, name, t->nd, nd);
    } else {
      SnaMessageSet(
        message, "%s has %" PetscInt_FMT " to %" PetscInt_FMT " inputs, not %" PetscInt_FMT, name, t->min, t->max, nd);
    }
    PetscFunctionReturn(0);
  }
  f->name = t->name;
  f->nd   = nd;
  for (PetscInt d = 0; d < nd; d++) {
    const PetscBool own = t->input[0].name ? PETSC_TRUE : PETSC_FALSE;

    f->input[d] = own ? t->input[d].name : numbered[d];
    f->lo[d]    = own ? t->input[d].lo : 0;
    f->hi[d]    = own ? t->input[d].hi : 1;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTestFunctionEvaluate(const SnaTestFunction *f, PetscInt n, const double *const x[], double y[])
{
  const Definition *t = f->name ? Find(f->name) : NULL;

  PetscFunctionBeginUser;
  PetscCheck(t, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "no test function: SnaTestFunctionGet() comes first");
  t->evaluate(f->nd, n, x, y);
  PetscFunctionReturn(0);
}
