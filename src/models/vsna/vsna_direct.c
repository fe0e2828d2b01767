// vsna_direct.c - a reference for parametric problems: the problem solved by itself at sampled values of its parameters.
//
// Directions in which no term differentiates are parameters. At each point p of a scrambled Sobol' sequence the others (space, time) are left with
//
//   A(p) w = b(p),     A = sum_i s_i(p) (x)_d M^d_i,     b = - sum_j t_j(p) (x)_d f^d_j        (SnaLsq's normal equations or weak form)
//
// on the full tensor product of their bases: the same functional with, for each parameter, one constant function and a quadrature rule whose one point
// is p. A is assembled (MATSEQAIJ) and solved by PETSc's direct solver (KSPPREONLY + PCCHOLESKY, options vsna_direct_*). The separable field is
// contracted with the parameters' functions at p and prolonged to the same basis (exactly, since the spaces are nested), so that all errors are
// differences of coefficients in the mass matrix and in A. Errors are of the separable format and its iteration alone with error: {refine: 1};
// resolutions of 2 or more times the deck's also see the error of the bases. The samples are dealt to the ranks.
#include "vsna.h"
#include <petsctime.h>
#include <sna/data.h>

#define PREFIX       "vsna_direct_"
#define MAX_UNKNOWNS 500000
#define MAX_ENTRIES  300000000.0 // of the matrix: 3.6 GB
#define SEED         1

typedef struct {
  VsnaSection s;
  PetscInt    unknowns;
  Mat         mass, A;
  Vec         w, e, b, work;
  KSP         ksp;
} Direct;

typedef struct { // squares, of one sample
  double error, norm, energy_error, energy, seconds;
} Sample;

// ---------------------------------------------------------------------------------------------------------------------
// Sums of Kronecker products as matrices
// ---------------------------------------------------------------------------------------------------------------------
// Row `index` of s (x)_d M_d or of its transpose, added to values over all columns index + offset, offset_d = -p_d..p_d.
static void AddRow(const Direct *D, const PetscInt n[], const PetscInt p[], const PetscInt index[], double s,
  const double *const M[], PetscBool transpose, double scratch[], double values[])
{
  PetscInt width = 1;

  scratch[0] = s;
  for (PetscInt k = 0; k < D->s.nspace; k++) {
    const PetscInt w = 2 * p[k] + 1, i = index[k];
    for (PetscInt a = width - 1; a >= 0; a--) { // in place, from the end
      const double left = scratch[a];
      for (PetscInt c = w - 1; c >= 0; c--) {
        const PetscInt j = i + c - p[k];
        double         m = 0;
        if (j >= 0 && j < n[k]) m = transpose ? M[k][j * w + (i - j + p[k])] : M[k][i * w + c];
        scratch[a * w + c] = left * m;
      }
    }
    width *= w;
  }
  for (PetscInt a = 0; a < width; a++) values[a] += scratch[a];
}

// Terms k < nterm with matrices M[k*nspace + s]; the matrix exists with the right pattern or *A is NULL.
static PetscErrorCode AssembleKron(
  const Direct *D, PetscInt nterm, const double s[], const PetscBool twice[], const double *const M[], Mat *A)
{
  PetscInt n[SNA_MAX_DIM], p[SNA_MAX_DIM], index[SNA_MAX_DIM] = {0}, width = 1, entries = 1, *cols;
  double  *scratch, *values;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < D->s.nspace; k++) {
    SnaBasisInfo info;
    PetscCall(SnaBasisGetInfo(D->s.at.tt.bases[D->s.space[k]], &info));
    n[k] = info.n;
    p[k] = info.band;
    width *= 2 * p[k] + 1;
    entries *= PetscMin(2 * p[k] + 1, n[k]);
  }
  if (!*A) {
    PetscCall(MatCreateSeqAIJ(PETSC_COMM_SELF, D->unknowns, D->unknowns, entries, NULL, A));
    PetscCall(MatSetOption(*A, MAT_SPD, PETSC_TRUE));
  }
  PetscCall(PetscMalloc3(width, &scratch, width, &values, width, &cols));
  for (PetscInt row = 0; row < D->unknowns; row++) {
    PetscInt count = 0;
    PetscCall(PetscArrayzero(values, width));
    for (PetscInt k = 0; k < nterm; k++) {
      AddRow(D, n, p, index, s[k], M + k * D->s.nspace, PETSC_FALSE, scratch, values);
      if (twice && twice[k]) AddRow(D, n, p, index, s[k], M + k * D->s.nspace, PETSC_TRUE, scratch, values);
    }
    for (PetscInt a = 0; a < width; a++) { // the last direction runs fastest in `a` and in the columns
      PetscInt  rest = a, column = 0, stride = 1;
      PetscBool inside = PETSC_TRUE;
      for (PetscInt k = D->s.nspace - 1; k >= 0; k--) {
        const PetscInt w = 2 * p[k] + 1, j = index[k] + rest % w - p[k];
        inside = (PetscBool)(inside && j >= 0 && j < n[k]);
        column += j * stride;
        stride *= n[k];
        rest /= w;
      }
      if (!inside) continue;
      values[count] = values[a];
      cols[count++] = column;
    }
    PetscCall(MatSetValues(*A, 1, &row, count, cols, values, INSERT_VALUES));
    for (PetscInt k = D->s.nspace - 1; k >= 0 && ++index[k] == n[k]; k--) index[k] = 0;
  }
  PetscCall(PetscFree3(scratch, values, cols));
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

// y += s (x)_k f_k.
static void AddProduct(
  PetscInt nspace, const PetscInt n[], const double *const f[], double s, PetscInt size, double y[])
{
  PetscInt index[SNA_MAX_DIM] = {0};

  for (PetscInt i = 0; i < size; i++) {
    double product = s;
    for (PetscInt k = 0; k < nspace; k++) product *= f[k][index[k]];
    y[i] += product;
    for (PetscInt k = nspace - 1; k >= 0 && ++index[k] == n[k]; k--) index[k] = 0;
  }
}

// A and b of the functional; the parameters' 1 x 1 matrices go into the coefficients.
static PetscErrorCode AssembleSystem(Direct *D, const Vsna *v, SnaLsq lsq)
{
  const double **M, *f[SNA_MAX_DIM];
  double        *s, *b;
  PetscInt       n[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)lsq->nquad * (size_t)D->s.nspace + 1, &M, (size_t)lsq->nquad + 1, &s));
  for (PetscInt i = 0; i < lsq->nquad; i++) {
    s[i] = lsq->quad_s[i];
    for (PetscInt k = 0; k < D->s.nspace; k++) {
      const SnaLsqDirection *L = &lsq->dir[D->s.space[k]];
      M[i * D->s.nspace + k]   = L->M[L->quad[i]];
    }
    for (PetscInt k = 0; k < D->s.nparameter; k++) {
      const SnaLsqDirection *L = &lsq->dir[D->s.parameter[k]];
      s[i] *= L->M[L->quad[i]][L->p];
    }
  }
  PetscCall(AssembleKron(D, lsq->nquad, s, lsq->twice, M, &D->A));
  PetscCall(PetscFree2(M, s));
  PetscCall(VecZeroEntries(D->b));
  PetscCall(VecGetArray(D->b, &b));
  for (PetscInt j = 0; j < lsq->nlin; j++) {
    double t = -lsq->lin_t[j];
    for (PetscInt d = 0; d < v->nd; d++) {
      const SnaLsqDirection *L = &lsq->dir[d];
      if (VsnaIsParameter(v, d)) t *= L->f[L->lin[j] * L->n];
    }
    for (PetscInt k = 0; k < D->s.nspace; k++) {
      const SnaLsqDirection *L = &lsq->dir[D->s.space[k]];
      n[k]                     = L->n;
      f[k]                     = L->f + L->lin[j] * L->n;
    }
    AddProduct(D->s.nspace, n, f, t, D->unknowns, b);
  }
  PetscCall(VecRestoreArray(D->b, &b));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Norms, bases, one sample
// ---------------------------------------------------------------------------------------------------------------------
// *wl = (w, lift), *ll = ||lift||^2 at the sample.
static PetscErrorCode LiftProducts(const Direct *D, const Vsna *v, const double w[], double *wl, double *ll)
{
  double **g, *f[SNA_MAX_DIM], *c, *y;
  PetscInt n[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  *wl = *ll = 0;
  if (v->lift.n == 0) PetscFunctionReturn(0);
  PetscCall(PetscMalloc3((size_t)v->lift.n * (size_t)D->s.nspace + 1, &g, v->lift.n, &c, D->unknowns, &y));
  PetscCall(PetscArrayzero(y, D->unknowns));
  for (PetscInt j = 0; j < v->lift.n; j++) {
    c[j] = v->lift.term[j].coefficient;
    for (PetscInt k = 0; k < D->s.nparameter; k++) {
      const PetscInt d = D->s.parameter[k];
      double         value;
      PetscCall(VsnaFactorValues(v, &D->s.at, v->lift.term[j].factor[d], d, 0, &value));
      c[j] *= value;
    }
    for (PetscInt k = 0; k < D->s.nspace; k++) {
      const PetscInt d = D->s.space[k];
      SnaBasisInfo   info;
      PetscCall(SnaBasisGetInfo(D->s.at.tt.bases[d], &info));
      n[k] = info.n;
      PetscCall(PetscMalloc1(n[k], &f[k]));
      PetscCall(PetscMalloc1(D->s.at.tab[d].nq, &g[j * D->s.nspace + k]));
      PetscCall(VsnaFactorValues(v, &D->s.at, v->lift.term[j].factor[d], d, 0, g[j * D->s.nspace + k]));
      PetscCall(SnaIntegrateVector(D->s.at.tt.bases[d], &D->s.at.tab[d], 0, g[j * D->s.nspace + k], f[k]));
    }
    AddProduct(D->s.nspace, n, (const double *const *)f, c[j], D->unknowns, y);
    for (PetscInt k = 0; k < D->s.nspace; k++) PetscCall(PetscFree(f[k]));
  }
  for (PetscInt i = 0; i < D->unknowns; i++) *wl += w[i] * y[i];
  for (PetscInt i = 0; i < v->lift.n; i++) {
    for (PetscInt j = 0; j < v->lift.n; j++) {
      double product = c[i] * c[j];
      for (PetscInt k = 0; k < D->s.nspace; k++) {
        const SnaTabulation *tab = &D->s.at.tab[D->s.space[k]];
        double               sum = 0;
        for (PetscInt q = 0; q < tab->nq; q++) sum += tab->w[q] * g[i * D->s.nspace + k][q] * g[j * D->s.nspace + k][q];
        product *= sum;
      }
      *ll += product;
    }
  }
  for (PetscInt i = 0; i < v->lift.n * D->s.nspace; i++) PetscCall(PetscFree(g[i]));
  PetscCall(PetscFree3(g, c, y));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// The object
// ---------------------------------------------------------------------------------------------------------------------
// The directions and the bases in which they are solved, so far as sizes need it.
static PetscErrorCode CreateBases(const Vsna *v, Direct *D, double *unknowns, double *entries)
{
  PetscFunctionBeginUser;
  *unknowns = *entries = 1;
  for (PetscInt i = 0; i < v->nd; i++) {
    SnaBasisInfo info;
    SnaTt        tt     = NULL;
    PetscInt     d      = i;
    const char  *format = NULL;
    PetscBool    train  = PETSC_FALSE;
    if (v->field) PetscCall(SnaFieldGetFormat(v->field, &format));
    if (v->field) PetscCall(PetscStrcmp(format, VsnaFormatTT.name, &train));
    if (train) PetscCall(SnaFieldGetTT(v->field, &tt)); // unknowns in the order of the train
    if (train) d = tt->dir[i];
    if (VsnaIsParameter(v, d)) { // one function; its values are those of the rule
      const SnaBasisSpec one = {.family = "bspline",
        .degree                         = 1,
        .resolution                     = 1,
        .lo                             = v->dir[d].spec.lo,
        .hi                             = v->dir[d].spec.hi,
        .end                            = {{SNA_END_FREE, 0}, {SNA_END_DIRICHLET, 0}}};
      PetscCall(SnaBasisCreate("parameter", &one, &D->s.at.tt.bases[d]));
      D->s.parameter[D->s.nparameter++] = d;
      continue;
    }
    PetscCall(
      SnaBasisCreateLike(v->level[0]->tt.bases[d], v->dir[d].spec.resolution * v->direct_refine, &D->s.at.tt.bases[d]));
    PetscCall(SnaBasisGetInfo(D->s.at.tt.bases[d], &info));
    D->s.space[D->s.nspace++] = d;
    *unknowns *= (double)info.n;
    *entries *= (double)PetscMin(2 * info.band + 1, info.n);
  }
  *entries *= *unknowns;
  D->unknowns = *unknowns <= MAX_UNKNOWNS ? (PetscInt)*unknowns : 0;
  PetscFunctionReturn(0);
}

static PetscErrorCode DestroyBases(const Vsna *v, Direct *D)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(SnaBasisDestroy(&D->s.at.tt.bases[d]));
  PetscFunctionReturn(0);
}

static PetscErrorCode CreateKsp(KSP *ksp)
{
  PC pc;

  PetscFunctionBeginUser;
  PetscCall(KSPCreate(PETSC_COMM_SELF, ksp));
  PetscCall(KSPSetOptionsPrefix(*ksp, PREFIX));
  PetscCall(KSPSetType(*ksp, KSPPREONLY));
  PetscCall(KSPGetPC(*ksp, &pc));
  PetscCall(PCSetType(pc, PCCHOLESKY));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode DirectCreate(const Vsna *v, Direct *D)
{
  double         unknowns, entries, one = 1;
  const double **M;
  SnaTtSpace     space;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(D, sizeof(*D)));
  PetscCall(CreateBases(v, D, &unknowns, &entries));
  for (PetscInt k = 0; k < D->s.nparameter; k++) {
    SnaTabulation *tab = &D->s.at.tab[D->s.parameter[k]];
    PetscCall(SnaTabulationCreate(D->s.at.tt.bases[D->s.parameter[k]], 1, 0, tab));
    tab->w[0] = tab->values[0] = tab->values[1] = 1;
  }
  for (PetscInt k = 0; k < D->s.nspace; k++) {
    const PetscInt       d    = D->s.space[k];
    const SnaTabulation *deck = &v->level[0]->tab[d];
    SnaBasisInfo         field, here;
    PetscCall(SnaBasisGetInfo(v->field_level->tt.bases[d], &field));
    PetscCall(SnaBasisGetInfo(D->s.at.tt.bases[d], &here));
    PetscCall(
      SnaTabulationCreate(D->s.at.tt.bases[d], PetscMax(deck->per_cell, here.points), deck->order, &D->s.at.tab[d]));
    if (field.resolution != here.resolution)
      PetscCall(VsnaProlongation(v->field_level->tt.bases[d], D->s.at.tt.bases[d], &D->s.at.tab[d], &D->s.P[d]));
  }
  PetscCall(PetscMalloc1(PetscMax(1, D->s.nspace), &M));
  PetscCall(SnaTtSpaceCreate(v->nd, D->s.at.tt.bases, &space));
  for (PetscInt k = 0; k < D->s.nspace; k++) M[k] = space->mass[D->s.space[k]];
  PetscCall(AssembleKron(D, 1, &one, NULL, M, &D->mass));
  PetscCall(SnaTtSpaceDestroy(&space));
  PetscCall(PetscFree(M));
  PetscCall(MatCreateVecs(D->mass, &D->w, &D->e));
  PetscCall(VecDuplicate(D->w, &D->b));
  PetscCall(VecDuplicate(D->w, &D->work));
  PetscCall(CreateKsp(&D->ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode DirectDestroy(const Vsna *v, Direct *D)
{
  PetscFunctionBeginUser;
  PetscCall(KSPDestroy(&D->ksp));
  PetscCall(MatDestroy(&D->A));
  PetscCall(MatDestroy(&D->mass));
  PetscCall(VecDestroy(&D->w));
  PetscCall(VecDestroy(&D->e));
  PetscCall(VecDestroy(&D->b));
  PetscCall(VecDestroy(&D->work));
  for (PetscInt d = 0; d < v->nd; d++) {
    PetscCall(PetscFree(D->s.P[d]));
    PetscCall(SnaTabulationDestroy(&D->s.at.tab[d]));
  }
  PetscCall(DestroyBases(v, D));
  PetscFunctionReturn(0);
}

// v^T A v.
static PetscErrorCode Square(Mat A, Vec x, Vec work, double *square)
{
  PetscFunctionBeginUser;
  PetscCall(MatMult(A, x, work));
  PetscCall(VecDot(x, work, square));
  PetscFunctionReturn(0);
}

// Sample at the point that stands in the parameters' rules. *reason < 0: not solved.
static PetscErrorCode SolveSample(SnaModel model, Direct *D, Sample *s, KSPConvergedReason *reason)
{
  const Vsna    *v = (const Vsna *)model->data;
  const double  *w;
  char           message[SNA_MAX_MESSAGE] = "";
  double        *x, wl, ll;
  PetscBool      ok;
  SnaLsq         lsq;
  PetscLogDouble t0, t1;

  PetscFunctionBeginUser;
  PetscCall(PetscTime(&t0));
  PetscCall(VsnaBuildFunctional(model, NULL, message, D->s.at.tt.bases, D->s.at.tab, &ok, &lsq));
  PetscCheck(ok, PETSC_COMM_SELF, PETSC_ERR_FP, "%s", message);
  PetscCall(AssembleSystem(D, v, lsq));
  PetscCall(SnaLsqDestroy(&lsq));
  PetscCall(KSPSetOperators(D->ksp, D->A, D->A));
  PetscCall(KSPSolve(D->ksp, D->b, D->w));
  PetscCall(KSPGetConvergedReason(D->ksp, reason));
  PetscCall(PetscTime(&t1));
  s->seconds = t1 - t0;
  PetscCall(VecGetArray(D->e, &x));
  PetscCall(VsnaSectionOfField(v, &D->s, x));
  PetscCall(VecRestoreArray(D->e, &x));
  PetscCall(VecAXPY(D->e, -1, D->w));
  PetscCall(Square(D->mass, D->e, D->work, &s->error));
  PetscCall(Square(D->mass, D->w, D->work, &s->norm));
  PetscCall(Square(D->A, D->e, D->work, &s->energy_error));
  PetscCall(Square(D->A, D->w, D->work, &s->energy));
  PetscCall(VecGetArrayRead(D->w, &w));
  PetscCall(LiftProducts(D, v, w, &wl, &ll));
  PetscCall(VecRestoreArrayRead(D->w, &w));
  s->norm += 2 * wl + ll;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Interface
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode VsnaDirectCheck(SnaModel model, SnaDeck deck)
{
  const Vsna    *v = (const Vsna *)model->data;
  Direct         D;
  double         unknowns, entries;
  PetscInt       errors;
  KSP            ksp;
  PetscErrorCode ierr;

  PetscFunctionBeginUser;
  if (!v->direct || v->nlevel == 0) PetscFunctionReturn(0);
  if (v->nonlinear) {
    PetscCall(SnaDeckError(
      deck, "error_method", NULL, "`direct` solves linear problems; a nonlinear one needs pde: reference"));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscMemzero(&D, sizeof(D)));
  PetscCall(CreateBases(v, &D, &unknowns, &entries));
  PetscCall(DestroyBases(v, &D));
  if (D.s.nparameter == 0)
    PetscCall(SnaDeckError(deck, "error_method", NULL,
      "`direct` samples the parameters, the directions without d(...), and there is none; give pde: reference"));
  else if (unknowns > MAX_UNKNOWNS || entries > MAX_ENTRIES)
    PetscCall(SnaDeckError(deck, "error_method", NULL,
      "a direct solve in the directions with d(...) would have %.3g unknowns and %.3g matrix entries (at most %d and "
      "%.0e); use fewer cells or modes%s",
      unknowns, entries, MAX_UNKNOWNS, MAX_ENTRIES, v->direct_refine > 1 ? ", or a smaller error: {refine: ...}" : ""));
  PetscCall(SnaDeckGetErrorCount(deck, &errors)); // an unknown type among them
  if (errors > 0) PetscFunctionReturn(0);
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = CreateKsp(&ksp);
  if (!ierr) {
    Mat one = NULL;
    ierr    = MatCreateSeqAIJ(PETSC_COMM_SELF, 1, 1, 1, NULL, &one);
    if (!ierr) ierr = MatSetValue(one, 0, 0, 1, INSERT_VALUES);
    if (!ierr) ierr = MatAssemblyBegin(one, MAT_FINAL_ASSEMBLY);
    if (!ierr) ierr = MatAssemblyEnd(one, MAT_FINAL_ASSEMBLY);
    if (!ierr) ierr = KSPSetOperators(ksp, one, one);
    if (!ierr) ierr = KSPSetUp(ksp);
    if (!ierr) ierr = MatDestroy(&one);
  }
  PetscCall(PetscPopErrorHandler());
  if (ierr) {
    const char *text;
    PetscCall(PetscErrorMessage(ierr, &text, NULL));
    PetscCall(
      SnaDeckError(deck, NULL, NULL, "vsna: PETSc refuses the options of the direct solver (direct_*): %s", text));
  }
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

PetscErrorCode VsnaErrorDirect(SnaModel model, SnaResults results)
{
  enum { NUMBERS = 6 };
  Vsna          *v = (Vsna *)model->data;
  const PetscInt n = v->direct_samples;
  Direct         D;
  Sample         total = {0};
  double        *x[SNA_MAX_DIM], *all, worst = 0, volume = 1, seconds;
  PetscInt       first, count, failed = 0;
  char          *names;
  PetscBool      energies;
  PetscMPIInt    size, rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  PetscCall(DirectCreate(v, &D));
  SnaSplit(n, size, rank, &first, &count);
  PetscCall(PetscCalloc1((size_t)n * NUMBERS, &all));
  for (PetscInt k = 0; k < D.s.nparameter; k++) PetscCall(PetscMalloc1(n, &x[k]));
  PetscCall(SnaDesignPoints("sobol", SEED, n, D.s.nparameter, 0, n, x));
  for (PetscInt i = first; i < first + count; i++) {
    Sample             s      = {0};
    KSPConvergedReason reason = KSP_CONVERGED_ITERATING;
    for (PetscInt k = 0; k < D.s.nparameter; k++) {
      const SnaBasisSpec *spec          = &v->dir[D.s.parameter[k]].spec;
      D.s.at.tab[D.s.parameter[k]].x[0] = spec->lo + (spec->hi - spec->lo) * x[k][i];
    }
    PetscCall(SolveSample(model, &D, &s, &reason));
    const double numbers[NUMBERS] = {s.error, s.norm, s.energy_error, s.energy, s.seconds, reason < 0};
    PetscCall(PetscArraycpy(all + i * NUMBERS, numbers, NUMBERS));
  }
  PetscCall(SnaWaitForAll(model->comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, all, (PetscMPIInt)(n * NUMBERS), MPI_DOUBLE, MPI_SUM, model->comm));
  for (PetscInt i = 0; i < n;
       i++) { // zeros of the other ranks were added: the order of the sum does not depend on the ranks
    const double *s = all + i * NUMBERS;
    total.error += s[0];
    total.norm += s[1];
    total.energy_error += s[2];
    total.energy += s[3];
    total.seconds += s[4];
    failed += s[5] > 0;
    worst = PetscMax(worst, PetscSqrtReal(s[0] / s[1]));
  }
  for (PetscInt k = 0; k < D.s.nparameter; k++) {
    volume *= v->dir[D.s.parameter[k]].spec.hi - v->dir[D.s.parameter[k]].spec.lo;
    PetscCall(PetscFree(x[k]));
  }
  PetscCall(PetscFree(all));
  seconds = total.seconds / (double)n;
  // a form that is not coercive has no norm
  energies = (PetscBool)(v->form == VSNA_GALERKIN && total.energy > 0 && total.energy_error >= 0);
  PetscCall(VsnaJoinNames(&model->info, D.s.nparameter, D.s.parameter, &names));
  PetscCall(PetscPrintf(model->comm,
    "direct solves at %" PetscInt_FMT " sampled points of %s: %" PetscInt_FMT
    " unknowns, %.3g s each; the separable solution took the time of %.3g\n",
    n, names, D.unknowns, seconds, (v->replica[v->current].seconds + v->convert_seconds) / seconds));
  PetscCall(PetscFree(names));
  PetscCall(DirectDestroy(v, &D));
  if (failed > 0) {
    PetscCall(PetscPrintf(model->comm,
      "note: the direct solver failed at %" PetscInt_FMT
      " of the samples, so no error is reported; look at its options (vsna: direct_*)\n",
      failed));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscPrintf(model->comm, "error against the direct solves: %.4e (relative L2), %.4e at the worst sample",
    PetscSqrtReal(total.error / total.norm), worst));
  if (energies)
    PetscCall(PetscPrintf(model->comm, ", %.4e in the energy norm", PetscSqrtReal(total.energy_error / total.energy)));
  PetscCall(PetscPrintf(model->comm, "%s\n",
    v->direct_refine > 1 ? "" : "; they use the deck's bases, whose own error -error_refine 2 shows"));
  PetscCall(SnaResultsAdd(results, "error_l2", PetscSqrtReal(total.error / total.norm)));
  PetscCall(SnaResultsAdd(results, "error_l2_max", worst));
  if (energies) {
    v->energy_error = PetscSqrtReal(total.energy_error / (double)n * volume);
    PetscCall(SnaResultsAdd(results, "error_energy", PetscSqrtReal(total.energy_error / total.energy)));
  }
  PetscCall(SnaResultsAdd(results, "direct_unknowns", (double)D.unknowns));
  PetscCall(SnaResultsAdd(results, "direct_seconds", seconds));
  PetscFunctionReturn(0);
}
