// nonlinear_newton.c - minimises |F|^2 / 2 of a multilinear form over all factors of a sum of products at once, from coarse to fine, with PETSc's TAO.
//
// brgn: TAOBRGN with regularisation "lm" (Levenberg-Marquardt; Moré, "The Levenberg-Marquardt algorithm", LNM 630 (1978)). A column's factors may be scaled against each
// other without changing the field, so J^T J is singular: the damping chooses the step, and factors are balanced between steps. TAO's inner Newton solver runs CG on
// J^T J + damping with that very matrix, factorised by Cholesky, as preconditioner: 1 or 2 iterations. BRGN alone would lower its damping at every downhill step; here a
// step that the line search had to shorten raises it.
// lmvm: TAOLMVM, limited-memory BFGS (Nocedal, Wright, Numerical Optimization, ch. 7) on the gradient J^T F, which needs no J.
//
// Restarting TAO every few iterations costs lmvm its memory of 1 in 100 iterations and makes each step a function of the state alone.
#include "nonlinear_impl.h"

#include <petscblaslapack.h>
#include <petsctao.h>
#include <petsctaolinesearch.h>

#define BRGN_ITERATIONS 5 // of a step
#define LMVM_ITERATIONS 100
#define COARSE_RTOL     0.1  // stages before the last need no more: the next one changes the problem
#define SMALL           0.1  // new columns relative to the smallest old one
#define START_DAMPING   1e-2 // of a stage
#define DAMPING_DOWN    0.2
#define DAMPING_UP      4.
#define MIN_DAMPING     1e-12
#define MESSAGE         ((size_t)1 << 26) // numbers of one message

struct SnaNewton_ {
  MPI_Comm              comm;
  SnaNewtonOptions      options;
  SnaNewtonFormFunction create_form;
  void                 *ctx;
  SnaMultilinear        form;
  SnaNewtonState        state;
  PetscInt              P, rows; // unknowns, rows
  double               *x;       // the iterate, on every rank
  double                norm0;   // |F| of the lift alone
  Tao                   tao;
  Vec                   X, F;
  Mat                   J;
  double               *last_x, *last_F; // where F (and J) were evaluated last
  PetscBool             have_F, have_J;
  double               *factor;                     // Cholesky factor of J^T J + damping, upper triangle
  PetscInt              jacobians, factor_jacobian; // how many were computed; which one the factor is of
  double                factor_damping;
};

// ---------------------------------------------------------------------------------------------------------------------
// What TAO calls
// ---------------------------------------------------------------------------------------------------------------------
// TAO evaluates the same point several times (line search, update, Hessian).
static PetscErrorCode Evaluate(SnaNewton s, Vec X, PetscBool jacobian)
{
  const double *x;
  PetscBool     same;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayRead(X, &x));
  PetscCall(PetscArraycmp(x, s->last_x, (size_t)s->P, &same));
  if (!same || !s->have_F) {
    PetscCall(PetscArraycpy(s->last_x, x, s->P));
    PetscCall(SnaMultilinearResidual(s->form, s->state.rank, x, s->last_F));
    s->have_F = PETSC_TRUE;
    s->have_J = PETSC_FALSE;
  }
  if (jacobian && !s->have_J) {
    double *J;
    PetscCall(MatDenseGetArrayWrite(s->J, &J));
    PetscCall(SnaMultilinearJacobian(s->form, s->state.rank, x, J, s->rows));
    PetscCall(MatDenseRestoreArrayWrite(s->J, &J));
    PetscCall(MatAssemblyBegin(s->J, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(s->J, MAT_FINAL_ASSEMBLY));
    s->have_J = PETSC_TRUE;
    s->jacobians++;
  }
  PetscCall(VecRestoreArrayRead(X, &x));
  PetscFunctionReturn(0);
}

static PetscErrorCode ComputeResidual(Tao tao, Vec X, Vec F, void *ctx)
{
  SnaNewton s = (SnaNewton)ctx;
  double   *f;

  PetscFunctionBeginUser;
  (void)tao;
  PetscCall(Evaluate(s, X, PETSC_FALSE));
  PetscCall(VecGetArrayWrite(F, &f));
  PetscCall(PetscArraycpy(f, s->last_F, s->rows));
  PetscCall(VecRestoreArrayWrite(F, &f));
  PetscFunctionReturn(0);
}

static PetscErrorCode ComputeJacobian(Tao tao, Vec X, Mat J, Mat Jpre, void *ctx)
{
  PetscFunctionBeginUser;
  (void)tao, (void)J, (void)Jpre;
  PetscCall(Evaluate((SnaNewton)ctx, X, PETSC_TRUE));
  PetscFunctionReturn(0);
}

static double SumOfSquares(SnaNewton s)
{
  const PetscBLASInt n = (PetscBLASInt)s->rows, one = 1;
  return BLASdot_(&n, s->last_F, &one, s->last_F, &one);
}

static PetscErrorCode ComputeObjectiveGradient(Tao tao, Vec X, PetscReal *objective, Vec G, void *ctx)
{
  SnaNewton s = (SnaNewton)ctx;
  double   *g;

  PetscFunctionBeginUser;
  (void)tao;
  PetscCall(Evaluate(s, X, PETSC_FALSE));
  *objective = 0.5 * SumOfSquares(s);
  PetscCall(VecGetArrayWrite(G, &g));
  PetscCall(SnaMultilinearGradient(s->form, s->state.rank, s->last_x, s->last_F, g));
  PetscCall(VecRestoreArrayWrite(G, &g));
  PetscFunctionReturn(0);
}

// At the start of an iteration: the damping after the step before.
static PetscErrorCode UpdateDamping(Tao tao, PetscInt iteration, void *ctx)
{
  SnaNewton     s = (SnaNewton)ctx;
  Tao           inner;
  TaoLineSearch search;
  double        step;

  PetscFunctionBeginUser;
  if (iteration > 0) {
    PetscCall(TaoBRGNGetSubsolver(tao, &inner));
    PetscCall(TaoGetLineSearch(inner, &search));
    PetscCall(TaoLineSearchGetStepLength(search, &step));
    s->state.damping = PetscMax(MIN_DAMPING, s->state.damping * (step < 1 ? DAMPING_UP : DAMPING_DOWN));
  }
  PetscCall(TaoBRGNSetRegularizerWeight(tao, s->state.damping));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Preconditioner: (J^T J + damping)^-1
// ---------------------------------------------------------------------------------------------------------------------
// Upper triangle of J^T J into A: the sum over two halves of the rows, each of a rank where there are two.
static PetscErrorCode NormalMatrix(SnaNewton s, double A[])
{
  const size_t       size = (size_t)s->P * (size_t)s->P;
  const PetscBLASInt n = (PetscBLASInt)s->P, ld = (PetscBLASInt)s->rows;
  const double       one = 1, zero = 0;
  const double      *J;
  double            *half;
  PetscMPIInt        ranks, rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(s->comm, &ranks));
  PetscCallMPI(MPI_Comm_rank(s->comm, &rank));
  PetscCall(PetscArrayzero(A, size));
  PetscCall(PetscCalloc1(ranks == 1 ? size : 1, &half));
  PetscCall(MatDenseGetArrayRead(s->J, &J));
  for (PetscMPIInt h = 0; h < 2; h++) {
    PetscInt     first, count;
    PetscBLASInt k;
    SnaSplit(s->rows, 2, h, &first, &count);
    PetscCall(PetscBLASIntCast(count, &k));
    if (ranks > 1 && h != rank) continue;
    PetscCallBLAS(
      "dsyrk", BLASsyrk_("U", "T", &n, &k, &one, (double *)J + first, &ld, &zero, ranks == 1 && h == 1 ? half : A, &n));
  }
  PetscCall(MatDenseRestoreArrayRead(s->J, &J));
  for (size_t i = 0; i < size && ranks == 1; i++) A[i] += half[i];
  for (size_t at = 0; at < size && ranks > 1; at += MESSAGE) // the lower triangle goes along unused
    PetscCallMPI(
      MPI_Allreduce(MPI_IN_PLACE, A + at, (PetscMPIInt)PetscMin(MESSAGE, size - at), MPI_DOUBLE, MPI_SUM, s->comm));
  PetscCall(PetscFree(half));
  PetscFunctionReturn(0);
}

static PetscErrorCode Factorise(SnaNewton s, Vec damping)
{
  const PetscInt     P = s->P;
  const PetscBLASInt n = (PetscBLASInt)P;
  const double      *d;
  double            *A, shift = 0, mean = 0;
  PetscBLASInt       err;

  PetscFunctionBeginUser;
  PetscCall(NormalMatrix(s, s->factor));
  PetscCall(VecGetArrayRead(damping, &d));
  for (PetscInt j = 0; j < P; j++) {
    mean += s->factor[j * P + j] / (double)P;
    s->factor[j * P + j] += d[j];
  }
  PetscCall(VecRestoreArrayRead(damping, &d));
  PetscCall(PetscMalloc1((size_t)P * (size_t)P, &A));
  PetscCall(PetscArraycpy(A, s->factor, (size_t)P * (size_t)P));
  for (PetscInt attempt = 0;; attempt++) {
    PetscCallBLAS("dpotrf", LAPACKpotrf_("U", &n, s->factor, &n, &err));
    if (err == 0 || attempt == 20) break;
    shift = shift > 0 ? 10 * shift : PETSC_MACHINE_EPSILON * mean; // singular to round-off
    PetscCall(PetscArraycpy(s->factor, A, (size_t)P * (size_t)P));
    for (PetscInt j = 0; j < P; j++) s->factor[j * P + j] += shift;
  }
  PetscCall(PetscFree(A));
  PetscCheck(err == 0, s->comm, PETSC_ERR_LIB, "J^T J is not positive: it holds values that are not finite");
  PetscFunctionReturn(0);
}

static PetscErrorCode ApplyFactor(PC pc, Vec in, Vec out)
{
  SnaNewton    s;
  double      *x;
  PetscBLASInt n, one = 1, err;

  PetscFunctionBeginUser;
  PetscCall(PCShellGetContext(pc, &s));
  if (s->jacobians != s->factor_jacobian || s->state.damping != s->factor_damping) {
    Vec damping;
    PetscCall(TaoBRGNGetDampingVector(s->tao, &damping));
    PetscCall(Factorise(s, damping));
    s->factor_jacobian = s->jacobians;
    s->factor_damping  = s->state.damping;
  }
  PetscCall(VecCopy(in, out));
  PetscCall(PetscBLASIntCast(s->P, &n));
  PetscCall(VecGetArray(out, &x));
  PetscCallBLAS("dpotrs", LAPACKpotrs_("U", &n, &one, s->factor, &n, x, &n, &err));
  PetscCall(VecRestoreArray(out, &x));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// A stage
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode DestroyStage(SnaNewton s)
{
  PetscFunctionBeginUser;
  PetscCall(TaoDestroy(&s->tao));
  PetscCall(MatDestroy(&s->J));
  PetscCall(VecDestroy(&s->X));
  PetscCall(VecDestroy(&s->F));
  PetscCall(PetscFree3(s->last_x, s->last_F, s->factor));
  s->have_F = s->have_J = PETSC_FALSE;
  PetscFunctionReturn(0);
}

// Options that differ from TAO's own defaults, where nobody has set them: there are no functions for them.
static PetscErrorCode SetFromOptions(SnaNewton s)
{
  static const char *const value[][2] = {{"tao_brgn_regularization_type", "lm"},
    {"tao_brgn_subsolver_tao_ls_type", "armijo"}, {"tao_brgn_subsolver_tao_bnk_as_type", "none"},
    {"tao_brgn_subsolver_tao_bnk_ksp_type", "cg"}, {"tao_brgn_subsolver_tao_bnk_ksp_rtol", "1e-8"},
    {"tao_brgn_subsolver_tao_bnk_ksp_max_it", "20"}};
  const int                n          = (int)(sizeof(value) / sizeof(value[0]));
  PetscBool                given[sizeof(value) / sizeof(value[0])];
  char                     name[256];

  PetscFunctionBeginUser;
  for (int i = 0; i < n && !s->options.lmvm; i++) {
    PetscCall(PetscSNPrintf(name, sizeof(name), "-%s%s", s->options.prefix, value[i][0]));
    PetscCall(PetscOptionsHasName(NULL, NULL, name, &given[i]));
    if (!given[i]) PetscCall(PetscOptionsSetValue(NULL, name, value[i][1]));
  }
  PetscCall(TaoSetFromOptions(s->tao));
  for (int i = 0; i < n && !s->options.lmvm; i++) {
    PetscCall(PetscSNPrintf(name, sizeof(name), "-%s%s", s->options.prefix, value[i][0]));
    if (!given[i]) PetscCall(PetscOptionsClearValue(NULL, name));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SetUpBRGN(SnaNewton s)
{
  char prefix[128];
  Tao  inner;
  KSP  ksp;
  PC   pc;

  PetscFunctionBeginUser;
  PetscCall(TaoSetResidualRoutine(s->tao, s->F, ComputeResidual, s));
  PetscCall(TaoSetJacobianResidualRoutine(s->tao, s->J, s->J, ComputeJacobian, s));
  PetscCall(TaoBRGNGetSubsolver(s->tao, &inner));
  PetscCall(PetscSNPrintf(prefix, sizeof(prefix), "%stao_brgn_subsolver_", s->options.prefix));
  PetscCall(TaoSetOptionsPrefix(inner, prefix));
  PetscCall(TaoGetKSP(inner, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCSHELL));
  PetscCall(PCShellSetName(pc, "Cholesky of J^T J + damping"));
  PetscCall(PCShellSetContext(pc, s));
  PetscCall(PCShellSetApply(pc, ApplyFactor));
  PetscCall(TaoSetUpdate(s->tao, UpdateDamping, s));
  PetscFunctionReturn(0);
}

// Vectors, matrix and TAO for the present form and rank.
static PetscErrorCode CreateStage(SnaNewton s)
{
  PetscInt unknowns;

  PetscFunctionBeginUser;
  PetscCall(SnaMultilinearGetSizes(s->form, &s->rows, &unknowns));
  s->P = s->state.rank * unknowns;
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, s->P, &s->X));
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, s->rows, &s->F));
  PetscCall(
    PetscMalloc3(s->P, &s->last_x, s->rows, &s->last_F, s->options.lmvm ? 1 : (size_t)s->P * (size_t)s->P, &s->factor));
  s->factor_jacobian = -1;
  PetscCall(SnaMultilinearResidual(s->form, 0, NULL, s->last_F));
  s->norm0 = PetscSqrtReal(SumOfSquares(s));
  PetscCall(TaoCreate(PETSC_COMM_SELF, &s->tao));
  PetscCall(TaoSetType(s->tao, s->options.lmvm ? TAOLMVM : TAOBRGN));
  PetscCall(TaoSetOptionsPrefix(s->tao, s->options.prefix));
  PetscCall(TaoSetSolution(s->tao, s->X));
  PetscCall(TaoSetTolerances(s->tao, 0, 0, 0));
  PetscCall(TaoSetMaximumIterations(s->tao, s->options.lmvm ? LMVM_ITERATIONS : BRGN_ITERATIONS));
  if (s->options.lmvm)
    PetscCall(TaoSetObjectiveAndGradient(s->tao, NULL, ComputeObjectiveGradient, s));
  else {
    PetscCall(MatCreateSeqDense(PETSC_COMM_SELF, s->rows, s->P, NULL, &s->J));
    PetscCall(SetUpBRGN(s));
  }
  PetscCall(SetFromOptions(s));
  PetscFunctionReturn(0);
}

static PetscErrorCode RelativeResidual(SnaNewton s, const double x[], double *residual)
{
  double sum;

  PetscFunctionBeginUser;
  PetscCall(SnaMultilinearResidual(s->form, s->state.rank, x, s->last_F));
  s->have_F = s->have_J = PETSC_FALSE;
  sum                   = SumOfSquares(s);
  s->state.objective    = 0.5 * sum;
  *residual             = s->norm0 > 0 ? PetscSqrtReal(sum) / s->norm0 : PetscSqrtReal(sum);
  PetscFunctionReturn(0);
}

static double Norm(PetscInt n, const double *x)
{
  const PetscBLASInt nb = (PetscBLASInt)n, one = 1;
  return BLASnrm2_(&nb, x, &one);
}

// L2 norm of a column, about (the coefficients' norm in the bases' own units).
static double ColumnSize(SnaNewton s, const double x[], PetscInt r)
{
  double   size = 1;
  PetscInt at   = 0;

  for (PetscInt d = 0; d < s->form->nd; at += s->state.rank * s->form->n[d++])
    size *= Norm(s->form->n[d], x + at + r * s->form->n[d]) / SnaBasisUnitSize(s->form->trial[d]);
  return size;
}

// Every factor of a column gets the same size, and keeps its direction.
static void Balance(SnaNewton s, double x[])
{
  const PetscInt nd = s->form->nd;

  for (PetscInt r = 0; r < s->state.rank; r++) {
    const double size = PetscPowReal(ColumnSize(s, x, r), 1.0 / (double)nd);
    PetscInt     at   = 0;
    for (PetscInt d = 0; d < nd; at += s->state.rank * s->form->n[d++]) {
      double      *column = x + at + r * s->form->n[d];
      const double norm   = Norm(s->form->n[d], column) / SnaBasisUnitSize(s->form->trial[d]);
      for (PetscInt i = 0; i < s->form->n[d] && norm > 0; i++) column[i] *= size / norm;
    }
  }
}

// Columns [first, rank) random and smooth, of L2 norm `size` about. The same on every rank.
static PetscErrorCode RandomColumns(SnaNewton s, PetscInt first, double size, double x[])
{
  double  *smooth;
  PetscInt at = 0;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < s->form->nd; at += s->state.rank * s->form->n[d++]) {
    const PetscInt n = s->form->n[d];
    PetscCall(PetscMalloc1(n, &smooth));
    for (PetscInt r = first; r < s->state.rank; r++) {
      double *column = x + at + r * n, norm;
      PetscCall(PetscArrayzero(column, n));
      for (PetscInt j = 0; j < 4; j++) {
        const double a = SnaRandomNormal(s->options.seed, (uint64_t)r, (uint64_t)(4 * d + j));
        PetscCall(SnaBasisSmoothFunction(s->form->trial[d], j, smooth));
        for (PetscInt i = 0; i < n; i++) column[i] += a * smooth[i];
      }
      norm = Norm(n, column);
      for (PetscInt i = 0; i < n; i++)
        column[i] *= PetscPowReal(size, 1.0 / (double)s->form->nd) * SnaBasisUnitSize(s->form->trial[d]) / norm;
    }
    PetscCall(PetscFree(smooth));
  }
  PetscFunctionReturn(0);
}

// L2 projection of `columns` functions of a coarse basis on the form's basis of direction d, by the form's rule.
static PetscErrorCode Project(
  SnaMultilinear form, PetscInt d, SnaBasis coarse, PetscInt columns, const double *c, double *to)
{
  const PetscInt n = form->n[d], nq = form->nq[d];
  SnaBasisInfo   info;
  double        *M, *WB, *U, *local;
  const double   one = 1, zero = 0;
  PetscBLASInt   nb, qb, cb, err;

  PetscFunctionBeginUser;
  PetscCall(SnaBasisGetInfo(coarse, &info));
  PetscCall(PetscMalloc4(
    (size_t)n * (size_t)n, &M, (size_t)n * (size_t)nq, &WB, (size_t)nq * (size_t)columns, &U, info.local, &local));
  PetscCall(PetscArrayzero(U, (size_t)nq * (size_t)columns));
  for (PetscInt q = 0; q < nq; q++) {
    const PetscInt *index;
    PetscInt        cell;
    PetscCall(SnaBasisEvaluate(coarse, form->x[d][q], 0, &cell, local));
    PetscCall(SnaBasisGetIndex(coarse, cell, &index));
    for (PetscInt r = 0; r < columns; r++)
      for (PetscInt a = 0; a < info.local; a++)
        if (index[a] >= 0) U[r * nq + q] += local[a] * c[r * info.n + index[a]];
    for (PetscInt i = 0; i < n; i++) WB[i * nq + q] = form->B[d][i * nq + q] * form->w[d][q];
  }
  PetscCall(PetscBLASIntCast(n, &nb));
  PetscCall(PetscBLASIntCast(nq, &qb));
  PetscCall(PetscBLASIntCast(columns, &cb));
  PetscCallBLAS("dgemm", BLASgemm_("T", "N", &nb, &nb, &qb, &one, form->B[d], &qb, WB, &qb, &zero, M, &nb));
  PetscCallBLAS("dgemm", BLASgemm_("T", "N", &nb, &cb, &qb, &one, WB, &qb, U, &qb, &zero, to, &nb));
  PetscCallBLAS("dpotrf", LAPACKpotrf_("L", &nb, M, &nb, &err));
  PetscCheck(err == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "mass matrix of direction %" PetscInt_FMT, d);
  PetscCallBLAS("dpotrs", LAPACKpotrs_("L", &nb, &cb, M, &nb, to, &nb, &err));
  PetscCall(PetscFree4(M, WB, U, local));
  PetscFunctionReturn(0);
}

// The first stage: the best of random starts that differ in their size.
static PetscErrorCode Start(SnaNewton s)
{
  double best = PETSC_MAX_REAL, best_size = 1;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(s->P, &s->x));
  for (int e = -3; e <= 3; e++) {
    const double size = PetscPowReal(10, e);
    double       residual;
    PetscCall(RandomColumns(s, 0, size, s->x));
    PetscCall(RelativeResidual(s, s->x, &residual));
    if (residual < best) {
      best      = residual;
      best_size = size;
    }
  }
  PetscCall(RandomColumns(s, 0, best_size, s->x));
  PetscCall(RelativeResidual(s, s->x, &s->state.residual));
  s->state.damping = START_DAMPING;
  s->state.drop    = 1;
  PetscFunctionReturn(0);
}

static PetscErrorCode NextStage(SnaNewton s)
{
  SnaMultilinear coarse = s->form;
  const PetscInt old    = s->state.rank;
  double        *x, *from = s->x, smallest = PETSC_MAX_REAL;
  PetscInt       to_at = 0, from_at = 0;

  PetscFunctionBeginUser;
  for (PetscInt r = 0; r < old; r++) smallest = PetscMin(smallest, ColumnSize(s, s->x, r));
  PetscCall(DestroyStage(s));
  s->state.stage++;
  s->state.rank      = s->options.rank[s->state.stage];
  s->state.iteration = 0;
  s->state.damping   = START_DAMPING;
  s->state.drop      = 1;
  PetscCall(s->create_form(s->ctx, s->state.stage, &s->form));
  PetscCall(CreateStage(s));
  PetscCall(PetscMalloc1(s->P, &x));
  for (PetscInt d = 0; d < coarse->nd; d++) {
    PetscCall(Project(s->form, d, coarse->trial[d], old, from + from_at, x + to_at));
    from_at += old * coarse->n[d];
    to_at += s->state.rank * s->form->n[d];
  }
  PetscCall(SnaMultilinearDestroy(&coarse));
  PetscCall(PetscFree(from));
  s->x = x;
  PetscCall(RandomColumns(s, old, SMALL * smallest, x));
  PetscCall(RelativeResidual(s, x, &s->state.residual));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Interface
// ---------------------------------------------------------------------------------------------------------------------
PetscErrorCode SnaNewtonCreate(
  MPI_Comm comm, const SnaNewtonOptions *options, SnaNewtonFormFunction form, void *ctx, SnaNewton *newton)
{
  SnaNewton s;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&s));
  s->comm        = comm;
  s->options     = *options;
  s->create_form = form;
  s->ctx         = ctx;
  *newton        = s;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaNewtonDestroy(SnaNewton *newton)
{
  PetscFunctionBeginUser;
  if (!*newton) PetscFunctionReturn(0);
  PetscCall(DestroyStage(*newton));
  PetscCall(SnaMultilinearDestroy(&(*newton)->form));
  PetscCall(PetscFree((*newton)->x));
  PetscCall(PetscFree(*newton));
  PetscFunctionReturn(0);
}

// Stages cost about 8 times the one before: unknowns and rows double twice over, and the iterations are about as many.
static double WorkDone(const SnaNewtonOptions *o, const SnaNewtonState *state, PetscBool done)
{
  double all = 0, before = 0, share = 1;

  for (PetscInt k = o->nstage - 1; k >= 0; k--, share /= 8) {
    all += share;
    if (k < state->stage) before += share;
    if (k == state->stage) before += share * (double)state->iteration / (double)(state->iteration + 20);
  }
  return done ? 1 : before / all;
}

// A step that gained next to nothing, or too many iterations, ends a stage.
static PetscBool StageIsOver(SnaNewton s)
{
  const PetscBool coarse = (PetscBool)(s->state.stage + 1 < s->options.nstage);
  const double    rtol   = coarse ? PetscMax(COARSE_RTOL, s->options.rtol) : s->options.rtol;

  return (PetscBool)(s->state.drop <= rtol || s->state.iteration >= s->options.max_it);
}

static PetscErrorCode Iterate(SnaNewton s)
{
  const double before = s->state.residual;
  double      *x;
  PetscInt     iterations;

  PetscFunctionBeginUser;
  PetscCall(VecGetArrayWrite(s->X, &x));
  PetscCall(PetscArraycpy(x, s->x, s->P));
  PetscCall(VecRestoreArrayWrite(s->X, &x));
  s->have_F = s->have_J = PETSC_FALSE;
  PetscCall(TaoSolve(s->tao));
  PetscCall(TaoGetIterationNumber(s->tao, &iterations));
  PetscCall(VecGetArray(s->X, &x));
  PetscCall(PetscArraycpy(s->x, x, s->P));
  PetscCall(VecRestoreArray(s->X, &x));
  Balance(s, s->x);
  PetscCall(RelativeResidual(s, s->x, &s->state.residual));
  s->state.iteration += iterations;
  s->state.total += iterations;
  s->state.drop = before > 0 && iterations > 0 ? 1 - s->state.residual / before : 0;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaNewtonSetUp(SnaNewton s)
{
  PetscFunctionBeginUser;
  if (s->form) PetscFunctionReturn(0);
  s->state.rank = s->options.rank[0];
  PetscCall(s->create_form(s->ctx, 0, &s->form));
  PetscCall(CreateStage(s));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaNewtonStep(SnaNewton s, PetscBool *done)
{
  PetscFunctionBeginUser;
  PetscCall(SnaNewtonSetUp(s));
  if (!s->x) PetscCall(Start(s));
  if (!StageIsOver(s)) PetscCall(Iterate(s)); // it is over when a finished run is taken up again
  *done           = PETSC_FALSE;
  s->state.failed = 0;
  if (StageIsOver(s) && s->state.stage + 1 < s->options.nstage)
    PetscCall(NextStage(s));
  else if (StageIsOver(s)) {
    *done           = PETSC_TRUE;
    s->state.failed = s->state.drop > s->options.rtol;
  }
  s->state.work = WorkDone(&s->options, &s->state, *done);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaNewtonGetState(SnaNewton s, SnaNewtonState *state)
{
  PetscFunctionBeginUser;
  *state = s->state;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaNewtonGetFactors(SnaNewton s, double *C[])
{
  const PetscInt R  = s->state.rank;
  PetscInt       at = 0;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < s->form->nd; at += R * s->form->n[d++]) {
    const PetscInt n = s->form->n[d];
    PetscCall(PetscMalloc1((size_t)n * (size_t)R, &C[d]));
    for (PetscInt r = 0; r < R; r++)
      for (PetscInt i = 0; i < n; i++) C[d][i * R + r] = s->x[at + r * n + i];
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaNewtonSetState(SnaNewton s, const SnaNewtonState *state, const double *const C[])
{
  PetscInt at = 0;

  PetscFunctionBeginUser;
  PetscCheck(!s->form, s->comm, PETSC_ERR_ORDER, "the state comes before the first step");
  s->state = *state;
  PetscCall(s->create_form(s->ctx, s->state.stage, &s->form));
  PetscCall(CreateStage(s));
  PetscCall(PetscMalloc1(s->P, &s->x));
  for (PetscInt d = 0; d < s->form->nd; at += s->state.rank * s->form->n[d++]) {
    const PetscInt n = s->form->n[d];
    for (PetscInt r = 0; r < s->state.rank; r++)
      for (PetscInt i = 0; i < n; i++) s->x[at + r * n + i] = C[d][i * s->state.rank + r];
  }
  PetscFunctionReturn(0);
}
