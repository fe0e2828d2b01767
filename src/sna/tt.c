// SnaTt: the plain container of an extended tensor train. What it represents is drawn in sna/sna.h; evaluation is
// field_tt.c, arithmetic src/tt.
#include <sna/sna.h>

PetscErrorCode SnaTtCreate(PetscInt nd, const PetscInt dir[], const PetscInt n[], const PetscInt m[],
  const PetscInt r[], const PetscBool has_leaf[], SnaTt *tt)
{
  SnaTt t;

  PetscFunctionBeginUser;
  PetscCheck(
    nd >= 1 && nd <= SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " directions", nd);
  PetscCheck(r[0] == 1 && r[nd] == 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "The outer ranks of a train are 1");
  PetscCall(PetscNew(&t));
  t->nd   = nd;
  t->r[0] = 1;
  for (PetscInt k = 0; k < nd; k++) {
    const PetscBool leaf = (PetscBool)(!has_leaf || has_leaf[k]);

    PetscCheck(n[k] >= 1 && m[k] >= 1 && r[k + 1] >= 1 && m[k] <= n[k] && (leaf || m[k] == n[k]), PETSC_COMM_SELF,
      PETSC_ERR_ARG_OUTOFRANGE, "Site %" PetscInt_FMT ": n %" PetscInt_FMT ", m %" PetscInt_FMT ", r %" PetscInt_FMT, k,
      n[k], m[k], r[k + 1]);
    t->dir[k]   = dir[k];
    t->n[k]     = n[k];
    t->m[k]     = m[k];
    t->r[k + 1] = r[k + 1];
    if (leaf) PetscCall(PetscCalloc1((size_t)n[k] * (size_t)m[k], &t->leaf[k]));
    PetscCall(PetscCalloc1((size_t)r[k] * (size_t)m[k] * (size_t)r[k + 1], &t->core[k]));
  }
  *tt = t;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtDuplicate(SnaTt tt, SnaTt *copy)
{
  PetscBool has_leaf[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < tt->nd; k++) has_leaf[k] = (PetscBool)(tt->leaf[k] != NULL);
  PetscCall(SnaTtCreate(tt->nd, tt->dir, tt->n, tt->m, tt->r, has_leaf, copy));
  for (PetscInt k = 0; k < tt->nd; k++) {
    if (tt->leaf[k]) PetscCall(PetscArraycpy((*copy)->leaf[k], tt->leaf[k], (size_t)tt->n[k] * (size_t)tt->m[k]));
    PetscCall(PetscArraycpy((*copy)->core[k], tt->core[k], (size_t)tt->r[k] * (size_t)tt->m[k] * (size_t)tt->r[k + 1]));
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtDestroy(SnaTt *tt)
{
  PetscFunctionBeginUser;
  if (!*tt) PetscFunctionReturn(0);
  for (PetscInt k = 0; k < (*tt)->nd; k++) {
    PetscCall(PetscFree((*tt)->leaf[k]));
    PetscCall(PetscFree((*tt)->core[k]));
  }
  PetscCall(PetscFree(*tt));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaTtGetParameterCount(SnaTt tt, PetscInt *n)
{
  PetscFunctionBeginUser;
  *n = 0;
  for (PetscInt k = 0; k < tt->nd; k++)
    *n += tt->r[k] * tt->m[k] * tt->r[k + 1] + (tt->leaf[k] ? tt->n[k] * tt->m[k] : 0);
  PetscFunctionReturn(0);
}
