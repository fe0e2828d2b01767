// vsna_setup.c - from the deck's terms to 1-D integrals: bases, quadrature, the operator applied to the lift; the ranks' groups; the summary.
//
// The lift is the initial condition, constant in time. It is never projected on splines: L applied to it is written with exact derivatives of
// the deck's formulas at the quadrature points, one right-hand-side term for each pair (operator term, initial term).
#include "vsna.h"
#include <petsctime.h>

// Gauss points per cell: 96 in the direction resolve a Gaussian of a few cells' width; degree + 3 integrates products with smooth coefficients.
static PetscInt PointsPerCell(const VsnaDirection *D)
{
  return D->quadrature > 0 ? D->quadrature : PetscMax(D->degree + 3, (96 + D->cells - 1) / D->cells);
}

static PetscErrorCode SetUpDirections(Vsna *v, SnaModelInfo *info)
{
  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) {
    VsnaDirection *D     = &v->dir[d];
    PetscInt       order = 0;
    for (PetscInt k = 0; k < v->term.n; k++) order = PetscMax(order, v->term.term[k].derivative[d]);
    PetscCall(
      SnaBasisCreateBSpline(info->name[d], D->degree, D->cells, D->lo, D->hi, D->drop_first, D->drop_last, &D->basis));
    PetscCall(SnaTabulationCreate(D->basis, PointsPerCell(D), order, &D->tab));
  }
  PetscFunctionReturn(0);
}

// The values of one factor, or of its m-th derivative, on the quadrature points of direction d (NULL for the constant 1). A value that is not finite is a deck error.
static PetscErrorCode FactorValues(SnaDeck deck, Vsna *v, const SnaModelInfo *info, const char key[],
  const char term_name[], SnaExpr factor, PetscInt d, PetscInt m, double **values)
{
  const SnaTabulation *tab            = &v->dir[d].tab;
  const double        *x[SNA_MAX_DIM] = {NULL};
  double              *jet;

  PetscFunctionBeginUser;
  *values = NULL;
  if (!factor && m == 0) PetscFunctionReturn(0);
  PetscCall(PetscCalloc1(tab->nq, values));
  if (!factor) PetscFunctionReturn(0); // the derivative of 1
  x[d] = tab->x;
  PetscCall(PetscMalloc1(tab->nq * (size_t)(m + 1), &jet));
  PetscCall(SnaExprJet(factor, (int)d, (int)m, tab->nq, x, jet));
  PetscCall(PetscArraycpy(*values, jet + m * tab->nq, tab->nq));
  PetscCall(PetscFree(jet));
  for (PetscInt q = 0; q < tab->nq; q++) {
    if (!PetscIsInfOrNanReal((*values)[q])) continue;
    PetscCall(SnaDeckError(deck, key, term_name, "the factor in %s%s is %g at %s = %g", info->name[d],
      m ? ", differentiated," : "", (*values)[q], info->name[d], tab->x[q]));
    break;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode FreeTermValues(PetscInt n, SnaLsqTerm term[])
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < n; k++)
    for (PetscInt d = 0; d < SNA_MAX_DIM; d++) PetscCall(PetscFree(*(double **)&term[k].value[d]));
  PetscCall(PetscFree(term));
  PetscFunctionReturn(0);
}

// Multiplies the operator term k into the initial term j: a right-hand-side function O_k g_j in every direction.
static PetscErrorCode OperatorOnLift(SnaDeck deck, Vsna *v, const SnaModelInfo *info, PetscInt j, const SnaTerm *op,
  const SnaLsqTerm *op_values, SnaLsqTerm *out)
{
  const SnaTerm *g = &v->initial.term[j];

  PetscFunctionBeginUser;
  out->coefficient = op->coefficient * g->coefficient;
  for (PetscInt d = 0; d < v->nd; d++) {
    double *values;
    PetscCall(
      FactorValues(deck, v, info, "pde_initial_*", v->initial.name[j], g->factor[d], d, op->derivative[d], &values));
    if (!values && op_values->value[d]) {
      PetscCall(PetscMalloc1(v->dir[d].tab.nq, &values));
      for (PetscInt q = 0; q < v->dir[d].tab.nq; q++) values[q] = 1;
    }
    for (PetscInt q = 0; values && op_values->value[d] && q < v->dir[d].tab.nq; q++)
      values[q] *= op_values->value[d][q];
    out->value[d] = values;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode SetUpLsq(SnaDeck deck, Vsna *v, const SnaModelInfo *info)
{
  SnaLsqTerm   *op, *rhs;
  SnaBasis      bases[SNA_MAX_DIM];
  SnaTabulation tabs[SNA_MAX_DIM];
  double       *weight[SNA_MAX_DIM] = {NULL};
  PetscInt      nrhs                = 0, errors;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1(PetscMax(1, v->term.n), &op));
  PetscCall(PetscCalloc1(PetscMax(1, v->term.n * v->initial.n + v->source.n), &rhs));
  for (PetscInt k = 0; k < v->term.n; k++) {
    op[k].coefficient = v->term.term[k].coefficient;
    for (PetscInt d = 0; d < v->nd; d++) {
      op[k].derivative[d] = v->term.term[k].derivative[d];
      PetscCall(FactorValues(
        deck, v, info, "pde_term_*", v->term.name[k], v->term.term[k].factor[d], d, 0, (double **)&op[k].value[d]));
    }
    for (PetscInt j = 0; j < v->initial.n; j++)
      PetscCall(OperatorOnLift(deck, v, info, j, &v->term.term[k], &op[k], &rhs[nrhs++]));
  }
  for (PetscInt m = 0; m < v->source.n; m++, nrhs++) {
    rhs[nrhs].coefficient = -v->source.term[m].coefficient;
    for (PetscInt d = 0; d < v->nd; d++)
      PetscCall(FactorValues(deck, v, info, "pde_source_*", v->source.name[m], v->source.term[m].factor[d], d, 0,
        (double **)&rhs[nrhs].value[d]));
  }
  for (PetscInt d = 0; d < v->nd; d++) {
    bases[d] = v->dir[d].basis;
    tabs[d]  = v->dir[d].tab;
    PetscCall(FactorValues(deck, v, info, "dim_*_weight", info->name[d], v->dir[d].weight, d, 0, &weight[d]));
    for (PetscInt q = 0; weight[d] && q < tabs[d].nq; q++) {
      if (weight[d][q] > 0) continue;
      PetscCall(SnaDeckError(deck, "dim_*_weight", info->name[d], "the weight must be positive; it is %g at %s = %g",
        weight[d][q], info->name[d], tabs[d].x[q]));
      break;
    }
  }
  PetscCall(SnaDeckGetErrorCount(deck, &errors));
  if (errors == 0) {
    PetscCall(SnaLsqCreate(v->nd, bases, tabs, (const double *const *)weight, v->term.n, op, nrhs, rhs, &v->lsq));
    double   c0;
    PetscInt npair = 0;
    PetscCall(SnaLsqGetConstant(v->lsq, &c0));
    for (PetscInt d = 0; d < v->nd; d++) {
      PetscInt count;
      PetscCall(SnaLsqGetCounts(v->lsq, d, NULL, &count, NULL));
      npair = PetscMax(npair, count);
    }
    if (npair == 0)
      PetscCall(SnaDeckError(deck, "pde_term", NULL, "every term of the operator is zero"));
    else if (c0 == 0)
      PetscCall(SnaDeckError(deck, "pde_term", NULL,
        "nothing drives the solution: the source and the operator on the initial condition are zero, so u is the "
        "initial condition"));
    else if ((double)npair * (double)v->als_options.rung[v->als_options.nrung - 1] *
               (double)v->als_options.rung[v->als_options.nrung - 1] >
             2e9)
      PetscCall(SnaDeckError(deck, "vsna_rank", NULL,
        "%" PetscInt_FMT " pairs of 1-D operators at this rank are more than a message can hold; lower the rank",
        npair));
  }
  for (PetscInt d = 0; d < v->nd; d++) PetscCall(PetscFree(weight[d]));
  PetscCall(FreeTermValues(v->term.n, op));
  PetscCall(FreeTermValues(nrhs, rhs));
  PetscFunctionReturn(0);
}

// Ranks in groups of (at most) two workers: a local problem gains from two ranks and not from more, so further ranks take other replicas.
static PetscErrorCode SetUpGroups(SnaModel model, Vsna *v)
{
  PetscMPIInt size, rank, first, in_group;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCallMPI(MPI_Comm_rank(model->comm, &rank));
  v->ngroup = PetscMin(v->restarts, size);
  v->group  = (PetscInt)rank * v->ngroup / size;
  for (first = 0; (PetscInt)first * v->ngroup / size < v->group; first++)
    ;
  in_group = rank - first;
  PetscCallMPI(MPI_Comm_split(model->comm, in_group < 2 ? (int)v->group : MPI_UNDEFINED, in_group, &v->workers));
  model->info.group   = v->workers;
  model->info.replica = v->group;
  v->current          = v->group;
  PetscCall(PetscCalloc1(v->restarts, &v->replica));
  PetscFunctionReturn(0);
}

// A reference that is not a number somewhere would make the error one: tried at points spread over the domain.
static PetscErrorCode CheckReference(SnaDeck deck, Vsna *v, const SnaModelInfo *info)
{
  enum { NPOINTS = 1024 };
  double        coordinates[SNA_MAX_DIM][NPOINTS], value[NPOINTS];
  const double *x[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  if (!v->reference) PetscFunctionReturn(0);
  for (PetscInt d = 0; d < v->nd; d++) {
    for (PetscInt i = 0; i < NPOINTS; i++)
      coordinates[d][i] = info->lo[d] + (info->hi[d] - info->lo[d]) * SnaRandomUniform(0, (uint64_t)d, (uint64_t)i);
    x[d] = coordinates[d];
  }
  PetscCall(SnaExprEvaluate(v->reference, NPOINTS, x, value));
  for (PetscInt i = 0; i < NPOINTS; i++) {
    char where[512] = "";
    if (!PetscIsInfOrNanReal(value[i])) continue;
    for (PetscInt d = 0; d < v->nd; d++) {
      char text[64];
      PetscCall(PetscSNPrintf(text, sizeof(text), "%s%s = %.3g", d ? ", " : "", info->name[d], coordinates[d][i]));
      PetscCall(PetscStrlcat(where, text, sizeof(where)));
    }
    PetscCall(SnaDeckError(deck, "pde_reference", NULL, "the reference is %g at %s", value[i], where));
    break;
  }
  PetscFunctionReturn(0);
}

// A type that PETSc does not have is told with its line. Not collective.
static PetscErrorCode CheckType(SnaDeck deck, const char option[], PetscFunctionList list, PetscBool *known)
{
  char      type[128];
  PetscBool given;
  void (*create)(void) = NULL;

  PetscFunctionBeginUser;
  PetscCall(PetscOptionsGetString(NULL, NULL, option, type, sizeof(type), &given));
  if (given) PetscCall(PetscFunctionListFind(list, type, &create));
  if (given && !create) {
    PetscCall(SnaDeckError(deck, option + 1, NULL, "PETSc has no type `%s`", type));
    *known = PETSC_FALSE;
  }
  PetscFunctionReturn(0);
}

// Lets PETSc read the local solver's options (vsna_ksp_*, vsna_pc_*) on a tiny system, so that a wrong one is a deck error and not a trace later.
static PetscErrorCode ProbeLocalSolver(SnaDeck deck, Vsna *v)
{
  const double        band[8] = {1, 1, 1, 1, 1, 1, 1, 1}, one = 1;
  const double *const M[1] = {band}, *const W[1] = {&one};
  double         b[8] = {1, 1, 1, 1, 1, 1, 1, 1}, x[8] = {0};
  SnaKron        kron = NULL;
  PetscBool      failed, known = PETSC_TRUE;
  PetscErrorCode ierr;

  PetscFunctionBeginUser;
  PetscCall(KSPInitializePackage());
  PetscCall(PCInitializePackage());
  PetscCall(CheckType(deck, "-vsna_ksp_type", KSPList, &known));
  PetscCall(CheckType(deck, "-vsna_pc_type", PCList, &known));
  if (!known || v->workers == MPI_COMM_NULL) PetscFunctionReturn(0);
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = SnaKronCreate(v->workers, 8, 0, 1, "vsna_", &kron);
  if (!ierr) ierr = SnaKronSetTerms(kron, 1, M, W, 1, 0);
  if (!ierr) ierr = SnaKronSolve(kron, b, x, &failed);
  PetscCall(PetscPopErrorHandler());
  if (ierr) {
    const char *text;
    PetscCall(PetscErrorMessage(ierr, &text, NULL));
    PetscCall(
      SnaDeckError(deck, NULL, NULL, "vsna: PETSc refuses the options of the local solver (ksp_*, pc_*): %s", text));
  }
  PetscCall(SnaKronDestroy(&kron));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelSetUp_VSNA(SnaModel model, SnaDeck deck)
{
  Vsna          *v = (Vsna *)model->data;
  PetscInt       errors;
  PetscLogDouble t0, t1;

  PetscFunctionBeginUser;
  PetscCall(SnaDeckGetErrorCount(deck, &errors));
  if (errors > 0) PetscFunctionReturn(0);
  PetscCall(PetscTime(&t0));
  PetscCall(SetUpDirections(v, &model->info));
  PetscCall(SetUpLsq(deck, v, &model->info));
  PetscCall(CheckReference(deck, v, &model->info));
  PetscCall(SetUpGroups(model, v));
  PetscCall(ProbeLocalSolver(deck, v));
  PetscCall(PetscTime(&t1));
  v->setup_seconds = t1 - t0;
  PetscFunctionReturn(0);
}

// The lift is constant in time, so an initial condition that is not zero on a Dirichlet end stays there: worth a word.
static PetscErrorCode NoteLiftOnWalls(SnaModel model, Vsna *v)
{
  PetscFunctionBeginUser;
  for (PetscInt j = 0; j < v->initial.n; j++) {
    for (PetscInt d = 0; d < v->nd; d++) {
      const VsnaDirection *D              = &v->dir[d];
      const double        *x[SNA_MAX_DIM] = {NULL}, ends[2] = {D->lo, D->hi};
      double              *inside, wall[2] = {1, 1}, largest = 1;
      if (d == v->initial_dim || (!D->drop_first && !D->drop_last)) continue;
      if (v->initial.term[j].factor[d]) {
        PetscCall(PetscMalloc1(D->tab.nq, &inside));
        x[d] = D->tab.x;
        PetscCall(SnaExprEvaluate(v->initial.term[j].factor[d], D->tab.nq, x, inside));
        x[d] = ends;
        PetscCall(SnaExprEvaluate(v->initial.term[j].factor[d], 2, x, wall));
        largest = 0;
        for (PetscInt q = 0; q < D->tab.nq; q++) largest = PetscMax(largest, PetscAbsReal(inside[q]));
        PetscCall(PetscFree(inside));
      }
      for (PetscInt end = 0; end < 2; end++) {
        const double part = PetscAbsReal(wall[end]) / largest;
        if ((end ? D->drop_last : D->drop_first) && part > 1e-3)
          PetscCall(PetscPrintf(model->comm,
            "  note: initial condition `%s` is %.2g of its maximum at %s = %g, where bc is dirichlet; u keeps that "
            "value there\n",
            v->initial.name[j], part, model->info.name[d], ends[end]));
      }
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaModelView_VSNA(SnaModel model)
{
  Vsna          *v = (Vsna *)model->data;
  const PetscInt R = v->als_options.rung[v->als_options.nrung - 1];
  PetscMPIInt    size;
  PetscInt       unknowns = 0;
  double         factors, band, total;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(model->comm, &size));
  PetscCall(PetscPrintf(model->comm,
    "vsna: %" PetscInt_FMT " directions, %" PetscInt_FMT " operator terms, %" PetscInt_FMT
    " source terms, %" PetscInt_FMT " initial terms\n",
    v->nd, v->term.n, v->source.n, v->initial.n));
  for (PetscInt d = 0; d < v->nd; d++) {
    SnaBasisInfo b;
    PetscInt     nop, npair, nrhs;
    PetscCall(SnaBasisGetInfo(v->dir[d].basis, &b));
    PetscCall(SnaLsqGetCounts(v->lsq, d, &nop, &npair, &nrhs));
    unknowns += b.n * R;
    PetscCall(PetscPrintf(model->comm,
      "  %-8s [%g, %g]  degree %" PetscInt_FMT "  cells %" PetscInt_FMT "  functions %" PetscInt_FMT
      "  1-D operators %" PetscInt_FMT ", pairs %" PetscInt_FMT ", right-hand sides %" PetscInt_FMT "%s\n",
      b.name, b.lo, b.hi, b.degree, b.cells, b.n, nop, npair, nrhs, v->dir[d].initial ? "  (time)" : ""));
  }
  PetscCall(SnaAlsGetMemory(v->lsq, R, PetscMin(2, (PetscMPIInt)(size / v->ngroup)), &factors, &band, &total));
  PetscCall(PetscPrintf(model->comm,
    "  rank %" PetscInt_FMT ": %" PetscInt_FMT " parameters; about %.1f MB per rank (largest local band %.1f MB)\n", R,
    unknowns, total / 1048576.0, band / 1048576.0));
  PetscCall(NoteLiftOnWalls(model, v));
  PetscCall(PetscPrintf(model->comm,
    "  res below is sqrt(F/F(0)), the relative residual of the equation; it falls like h^2 and is not the error of "
    "%s\n",
    v->unknown));
  if (v->restarts > 1)
    PetscCall(PetscPrintf(model->comm,
      "  %" PetscInt_FMT " runs from different seeds in %" PetscInt_FMT " groups of ranks\n", v->restarts, v->ngroup));
  if ((PetscInt)size > 2 * v->ngroup)
    PetscCall(PetscPrintf(model->comm,
      "  note: one run uses 2 ranks; %" PetscInt_FMT " of %d ranks wait during the sweeps (they help with errors and "
      "slices). Use them with -vsna_restarts %" PetscInt_FMT ".\n",
      (PetscInt)size - 2 * v->ngroup, size, ((PetscInt)size + 1) / 2));
  PetscFunctionReturn(0);
}
