// fit_lbfgs.c - limited-memory BFGS (Nocedal, Math. Comp. 35 (1980) 773) by PETSc's TAOLMVM on
//
//   f(theta) = loss(theta) + ridge/2 |theta|^2
//
// for every kind of function, activation and loss. Rank 0 iterates; the others take part in its evaluations, so that all ranks do the same number of them
// whatever their processors. TAO's own options have the prefix train_ (deck: train: {tao: {...}}).
//
// A step is TAO's maximum of iterations, 20 unless the options say otherwise; the history lasts from step to step and begins anew after a restart.
#include "fit_impl.h"
#include <petsctao.h>

#define ITERATIONS 20

typedef enum { EVALUATE, FINISH } Command;

typedef struct {
  SnaFit  fit;
  Tao     tao; // on rank 0
  Vec     x;
  double *theta, *gradient;
} Lbfgs;

static PetscErrorCode LbfgsDestroy(void **cache)
{
  Lbfgs *l = (Lbfgs *)*cache;

  PetscFunctionBeginUser;
  PetscCall(TaoDestroy(&l->tao));
  PetscCall(VecDestroy(&l->x));
  PetscCall(PetscFree2(l->theta, l->gradient));
  PetscCall(PetscFree(l));
  *cache = NULL;
  PetscFunctionReturn(0);
}

// f and its gradient at rank 0's l->theta. Collective.
static PetscErrorCode Evaluate(Lbfgs *l, double *f)
{
  SnaFit      fit = l->fit;
  PetscMPIInt np;
  double      r2;

  PetscFunctionBeginUser;
  PetscCall(PetscMPIIntCast(fit->s->np, &np));
  PetscCallMPI(MPI_Bcast(l->theta, np, MPI_DOUBLE, 0, fit->comm));
  PetscCall(SnaFitEvaluate(fit, fit->train, l->theta, f, &r2, l->gradient));
  for (PetscInt p = 0; p < fit->s->np; p++) {
    *f += fit->o.ridge / 2 * l->theta[p] * l->theta[p];
    l->gradient[p] += fit->o.ridge * l->theta[p];
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Objective(Tao tao, Vec x, PetscReal *f, Vec g, void *context)
{
  Lbfgs             *l       = (Lbfgs *)context;
  int                command = EVALUATE;
  const PetscScalar *from;
  PetscScalar       *to;

  PetscFunctionBeginUser;
  (void)tao;
  PetscCall(VecGetArrayRead(x, &from));
  PetscCall(PetscArraycpy(l->theta, from, l->fit->s->np));
  PetscCall(VecRestoreArrayRead(x, &from));
  PetscCallMPI(MPI_Bcast(&command, 1, MPI_INT, 0, l->fit->comm));
  PetscCall(Evaluate(l, f));
  PetscCall(VecGetArrayWrite(g, &to));
  PetscCall(PetscArraycpy(to, l->gradient, l->fit->s->np));
  PetscCall(VecRestoreArrayWrite(g, &to));
  PetscFunctionReturn(0);
}

static PetscErrorCode LbfgsCreate(SnaFit fit, Lbfgs **out)
{
  Lbfgs *l;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&l));
  l->fit             = fit;
  fit->cache         = l;
  fit->destroy_cache = LbfgsDestroy;
  *out               = l;
  PetscCall(PetscMalloc2((size_t)fit->s->np, &l->theta, (size_t)fit->s->np, &l->gradient));
  if (fit->rank) PetscFunctionReturn(0);
  PetscCall(VecCreateSeq(PETSC_COMM_SELF, fit->s->np, &l->x));
  PetscCall(TaoCreate(PETSC_COMM_SELF, &l->tao));
  PetscCall(TaoSetType(l->tao, TAOLMVM));
  PetscCall(TaoSetOptionsPrefix(l->tao, "train_"));
  PetscCall(TaoSetObjectiveAndGradient(l->tao, NULL, Objective, l));
  PetscCall(TaoSetSolution(l->tao, l->x));
  PetscCall(TaoSetMaximumIterations(l->tao, ITERATIONS));
  PetscCall(TaoSetMaximumFunctionEvaluations(l->tao, 10 * ITERATIONS));
  PetscCall(TaoSetTolerances(l->tao, 0, 1e-12, 1e-12));
  PetscCall(TaoLMVMRecycle(l->tao, PETSC_TRUE));
  PetscCall(TaoSetFromOptions(l->tao));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFitStep_LBFGS(SnaFit fit, PetscBool *done)
{
  const PetscInt np      = fit->s->np;
  int            command = FINISH, reason = 0;
  Lbfgs         *l;
  PetscMPIInt    n;
  double         f;

  PetscFunctionBeginUser;
  PetscCall(PetscMPIIntCast(np, &n));
  l = (Lbfgs *)fit->cache;
  if (!l) PetscCall(LbfgsCreate(fit, &l));
  if (fit->rank == 0) {
    PetscScalar       *x;
    TaoConvergedReason why;

    PetscCall(VecGetArrayWrite(l->x, &x));
    PetscCall(PetscArraycpy(x, fit->s->theta, np));
    PetscCall(VecRestoreArrayWrite(l->x, &x));
    PetscCall(TaoSolve(l->tao));
    PetscCall(TaoGetConvergedReason(l->tao, &why));
    PetscCall(VecGetArray(l->x, &x));
    PetscCall(PetscArraycpy(fit->s->theta, x, np));
    PetscCall(VecRestoreArray(l->x, &x));
    reason = (int)why;
    PetscCallMPI(MPI_Bcast(&command, 1, MPI_INT, 0, fit->comm));
  } else
    for (command = EVALUATE; command == EVALUATE;) {
      PetscCallMPI(MPI_Bcast(&command, 1, MPI_INT, 0, fit->comm));
      if (command == EVALUATE) PetscCall(Evaluate(l, &f));
    }
  PetscCallMPI(MPI_Bcast(&reason, 1, MPI_INT, 0, fit->comm));
  PetscCallMPI(MPI_Bcast(fit->s->theta, n, MPI_DOUBLE, 0, fit->comm));
  PetscCall(SnaFitEvaluate(fit, fit->train, fit->s->theta, &fit->state.loss, &fit->state.r2, NULL));
  *done = (PetscBool)(reason != TAO_DIVERGED_MAXITS && reason != TAO_DIVERGED_MAXFCN);
  PetscFunctionReturn(0);
}
