// vsna_setup.c - everything between the deck's keys and the solve: the deck's level, the ranks' groups, the last errors of the deck.
#include "vsna.h"
#include <petsctime.h>

// The level of the deck's own cells, and what is wrong with the problem as a whole.
static PetscErrorCode SetUpLevel(SnaModel model, SnaDeck deck, Vsna *v)
{
  PetscInt         cells[SNA_MAX_DIM], npair = 0;
  const VsnaLevel *level;
  double           c0;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < v->nd; d++) cells[d] = v->dir[d].spec.resolution;
  PetscCall(VsnaGetLevel(model, deck, cells, &level));
  if (!level) PetscFunctionReturn(0);
  if (v->nonlinear) {
    PetscCall(v->format->checksetup(model, deck));
    PetscFunctionReturn(0);
  }
  PetscCall(SnaLsqGetConstant(level->tt.lsq, &c0));
  for (PetscInt d = 0; d < v->nd; d++) {
    PetscInt count;
    PetscCall(SnaLsqGetCounts(level->tt.lsq, d, NULL, &count, NULL));
    npair = PetscMax(npair, count);
  }
  if (npair == 0)
    PetscCall(SnaDeckError(deck, "pde_term", NULL, "every term of the operator is zero"));
  else if (v->form == VSNA_GALERKIN ? level->tt.lsq->nlin == 0 : c0 == 0)
    PetscCall(SnaDeckError(deck, "pde_term", NULL,
      "nothing drives the solution: the source and the operator on the initial condition are zero, so u is the "
      "initial condition"));
  else {
    if (!v->order_given) PetscCall(SnaTtOrderFromOperator(level->tt.lsq, v->tt_options.order));
    PetscCall(v->format->checksetup(model, deck));
  }
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

PetscErrorCode VsnaCheckType(SnaDeck deck, const char option[], PetscFunctionList list, PetscBool *known)
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
  SnaTtAls       als  = NULL;
  PetscBool      failed, known = PETSC_TRUE;
  PetscErrorCode ierr;

  PetscFunctionBeginUser;
  PetscCall(KSPInitializePackage());
  PetscCall(PCInitializePackage());
  PetscCall(VsnaCheckType(deck, "-vsna_ksp_type", KSPList, &known));
  PetscCall(VsnaCheckType(deck, "-vsna_pc_type", PCList, &known));
  PetscCall(VsnaCheckType(deck, "-vsna_tt_ksp_type", KSPList, &known));
  PetscCall(VsnaCheckType(deck, "-vsna_direct_ksp_type", KSPList, &known));
  PetscCall(VsnaCheckType(deck, "-vsna_direct_pc_type", PCList, &known));
  if (!known || v->workers == MPI_COMM_NULL) PetscFunctionReturn(0);
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = SnaKronCreate(v->workers, 8, 0, 1, "vsna_", &kron);
  if (!ierr) ierr = SnaKronSetTerms(kron, 1, M, W, 1, 0);
  if (!ierr) ierr = SnaKronSolve(kron, b, x, &failed);
  if (!ierr && v->nlevel > 0 && v->format == &VsnaFormatTT)
    ierr = SnaTtAlsCreate(v->workers, v->nd, v->level[0]->tt.cells, NULL, NULL, &v->tt_options, &als);
  PetscCall(PetscPopErrorHandler());
  if (ierr) {
    const char *text;
    PetscCall(PetscErrorMessage(ierr, &text, NULL));
    PetscCall(
      SnaDeckError(deck, NULL, NULL, "vsna: PETSc refuses the options of the local solver (ksp_*, pc_*): %s", text));
  }
  PetscCall(SnaKronDestroy(&kron));
  PetscCall(SnaTtAlsDestroy(&als));
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
  PetscCall(SetUpLevel(model, deck, v));
  PetscCall(SnaModelCheckReference_Private(model, deck, "pde_reference"));
  PetscCall(SetUpGroups(model, v));
  PetscCall(ProbeLocalSolver(deck, v));
  PetscCall(VsnaDirectCheck(model, deck));
  PetscCall(PetscTime(&t1));
  v->setup_seconds = t1 - t0;
  PetscFunctionReturn(0);
}
