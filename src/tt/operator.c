// operator.c - SnaTtOperator: L, A and b of a quadratic functional as state machines along an order of the directions.
//
//   L = sum_k s_k (x)_d O_{k,d}                     terms of operators
//   A = sum_{k,l} s_k s_l (x)_d M^d_{op(k) op(l)}    pairs of states of L, merged
//   b = sum_{k,m} s_k t_m (x)_d f^d_{op(k) rhs(m)}   terms of vectors
//
// Galerkin: L is the bilinear form itself, sum_k s_k (x)_d M^d_{op(k)}, and A the same machine, merged.
//
// machine.c finds the states of L and b, operator_merge.c merges those of A.
#include "operator.h"
#include <stdio.h>
#include <string.h>

static PetscErrorCode CreateL(SnaLsq lsq, SnaTtOperator op)
{
  const PetscInt nd    = op->nd;
  SnaTtTerms     terms = {.nd = nd, .nterm = lsq->nk};

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)(nd * lsq->nk), &terms.table, (size_t)lsq->nk, &terms.coefficient));
  for (PetscInt t = 0; t < lsq->nk; t++) {
    for (PetscInt k = 0; k < nd; k++) terms.table[t * nd + k] = lsq->dir[op->dir[k]].op[t];
    terms.coefficient[t] = lsq->s[t];
  }
  PetscCall(SnaTtMachineCreate_Private(&terms, &op->L));
  PetscCall(PetscFree2(terms.table, terms.coefficient));
  PetscFunctionReturn(0);
}

static PetscErrorCode CreateB(SnaLsq lsq, SnaTtOperator op)
{
  const PetscInt nd    = op->nd;
  SnaTtTerms     terms = {.nd = nd, .nterm = lsq->nlin};

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc2((size_t)(nd * lsq->nlin), &terms.table, (size_t)lsq->nlin, &terms.coefficient));
  for (PetscInt t = 0; t < lsq->nlin; t++) {
    for (PetscInt k = 0; k < nd; k++) terms.table[t * nd + k] = lsq->dir[op->dir[k]].lin[t];
    terms.coefficient[t] = lsq->lin_t[t];
  }
  PetscCall(SnaTtMachineCreate_Private(&terms, &op->b));
  PetscCall(PetscFree2(terms.table, terms.coefficient));
  PetscFunctionReturn(0);
}

// The bilinear form term by term, as it stands: operators are matrices.
static PetscErrorCode CopyMachine(PetscInt nd, const SnaTtMachine *L, SnaTtMachine *A)
{
  PetscFunctionBeginUser;
  *A = *L;
  for (PetscInt k = 0; k < nd; k++) {
    PetscCall(PetscMalloc1((size_t)L->ntrans[k], &A->trans[k]));
    PetscCall(PetscArraycpy(A->trans[k], L->trans[k], (size_t)L->ntrans[k]));
  }
  PetscFunctionReturn(0);
}

// States of A: a*S + b for states a, b of L.
static PetscErrorCode CreatePairs(SnaLsq lsq, const PetscInt dir[], const SnaTtMachine *L, SnaTtMachine *A)
{
  PetscFunctionBeginUser;
  *A = (SnaTtMachine){.nstate = {0}};
  for (PetscInt k = 0; k <= lsq->nd; k++) A->nstate[k] = L->nstate[k] * L->nstate[k];
  for (PetscInt k = 0; k < lsq->nd; k++) {
    const SnaLsqDirection *D = &lsq->dir[dir[k]];
    const PetscInt         n = L->ntrans[k];

    PetscCall(PetscMalloc1((size_t)n * (size_t)n, &A->trans[k]));
    for (PetscInt i = 0; i < n; i++) {
      for (PetscInt j = 0; j < n; j++) {
        const SnaTtTransition *a = &L->trans[k][i], *b = &L->trans[k][j];

        A->trans[k][A->ntrans[k]++] = (SnaTtTransition){a->from * L->nstate[k] + b->from,
          a->to * L->nstate[k + 1] + b->to, D->pair[a->table * D->nop + b->table], a->value * b->value};
      }
    }
    PetscCall(SnaTtMachineTidy_Private(A, k));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtOperatorCreate(SnaLsq lsq, const PetscInt dir[], SnaTtOperator *op)
{
  SnaTtOperator O;
  PetscInt      seen = 0;

  PetscFunctionBeginUser;
  PetscCall(PetscNew(&O));
  O->nd = lsq->nd;
  for (PetscInt k = 0; k < O->nd; k++) {
    PetscCheck(dir[k] >= 0 && dir[k] < O->nd && !(seen & (1 << dir[k])), PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
      "The order is not a permutation of the directions: site %" PetscInt_FMT " has direction %" PetscInt_FMT, k,
      dir[k]);
    seen |= 1 << dir[k];
    O->dir[k] = dir[k];
  }
  PetscCall(CreateL(lsq, O));
  if (lsq->galerkin)
    PetscCall(CopyMachine(O->nd, &O->L, &O->A));
  else
    PetscCall(CreatePairs(lsq, dir, &O->L, &O->A));
  PetscCall(SnaTtMachineMerge_Private(lsq, dir, &O->A));
  PetscCall(CreateB(lsq, O));
  *op = O;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtOperatorDestroy(SnaTtOperator *op)
{
  PetscFunctionBeginUser;
  if (!*op) PetscFunctionReturn(0);
  PetscCall(SnaTtMachineDestroy_Private((*op)->nd, &(*op)->L));
  PetscCall(SnaTtMachineDestroy_Private((*op)->nd, &(*op)->A));
  PetscCall(SnaTtMachineDestroy_Private((*op)->nd, &(*op)->b));
  PetscCall(PetscFree(*op));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtOperatorDraw(SnaTtOperator op, const char *const names[], char **text)
{
  const SnaTtMachine *L = &op->L;
  size_t room = 64 + 16 * (size_t)op->nd, used = 0; // 16 for a number of states, 96 and the name for a transition

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < op->nd; k++) room += (strlen(names[op->dir[k]]) + 96) * (size_t)(L->ntrans[k] + 1);
  PetscCall(PetscMalloc1(room, text));
  used += (size_t)snprintf(*text, room, "states at the cuts:");
  for (PetscInt k = 0; k <= op->nd; k++)
    used += (size_t)snprintf(*text + used, room - used, " %" PetscInt_FMT, L->nstate[k]);
  for (PetscInt k = 0; k < op->nd; k++) {
    const char *name = names[op->dir[k]];

    used += (size_t)snprintf(*text + used, room - used, "\n%s:", name);
    for (PetscInt i = 0; i < L->ntrans[k]; i++) {
      const SnaTtTransition *t          = &L->trans[k][i];
      char                   factor[32] = "";

      if (t->value != 1) (void)snprintf(factor, sizeof(factor), "%g ", t->value);
      used +=
        (size_t)snprintf(*text + used, room - used, "%s %" PetscInt_FMT " -(%s%s%" PetscInt_FMT ")-> %" PetscInt_FMT,
          i > 0 ? "," : "", t->from, factor, name, t->table, t->to);
    }
  }
  PetscFunctionReturn(0);
}
