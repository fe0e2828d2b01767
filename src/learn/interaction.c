// interaction.c - which subsets of the inputs interact: all subsets of at most `order` of nd inputs (or of exactly `order`), each with its number of
// products (paper, eq. 4-5). Subsets stand by size, then lexicographically by their inputs: {0} {1} {2} {0,1} {0,2} {1,2} {0,1,2}.
//
// Does not choose subsets by data: which of them carry variance is told afterwards by SnaSeparableGetShares().
#include "learn_impl.h"

#define MAX_PRODUCTS 65536

// n over k; below 2^63 for n <= SNA_MAX_DIM.
static PetscInt64 Binomial(PetscInt n, PetscInt k)
{
  PetscInt64 value = 1;

  for (PetscInt i = 1; i <= k; i++) value = value * (n - k + i) / i;
  return value;
}

PetscErrorCode SnaInteractionCreate(
  PetscInt nd, PetscInt order, PetscInt rank, PetscBool only_largest, SnaInteraction *s, PetscBool *ok)
{
  const PetscInt smallest = only_largest ? order : 1;
  PetscInt64     nsubset = 0, nproduct = 0;
  PetscInt       k = 0, at[SNA_MAX_DIM];

  PetscFunctionBeginUser;
  PetscCheck(nd >= 1 && nd <= SNA_MAX_DIM, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " inputs", nd);
  PetscCheck(order >= 1 && order <= nd, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "order %" PetscInt_FMT " of %" PetscInt_FMT " inputs", order, nd);
  PetscCheck(rank >= 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "rank %" PetscInt_FMT, rank);
  PetscCall(PetscMemzero(s, sizeof(*s)));
  for (PetscInt size = smallest; size <= order; size++) {
    nsubset += Binomial(nd, size);
    nproduct += Binomial(nd, size) * (size == 1 ? 1 : PetscMin(rank, MAX_PRODUCTS + 1));
  }
  *ok = (PetscBool)(nproduct <= MAX_PRODUCTS);
  if (!*ok) PetscFunctionReturn(0);
  s->nsubset = (PetscInt)nsubset;
  PetscCall(PetscMalloc1((size_t)nsubset, &s->subset));
  PetscCall(PetscMalloc1((size_t)nsubset, &s->rank));
  for (PetscInt size = smallest; size <= order; size++) {
    PetscInt move = 0;

    for (PetscInt j = 0; j < size; j++) at[j] = j;
    while (move >= 0) {
      s->subset[k] = 0;
      for (PetscInt j = 0; j < size; j++) s->subset[k] |= (uint32_t)1 << at[j];
      s->rank[k++] = size == 1 ? 1 : rank;
      for (move = size - 1; move >= 0 && at[move] == nd - size + move;) move--;
      if (move < 0) break;
      at[move]++;
      for (PetscInt j = move + 1; j < size; j++) at[j] = at[j - 1] + 1;
    }
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaInteractionDestroy(SnaInteraction *s)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(s->subset));
  PetscCall(PetscFree(s->rank));
  s->nsubset = 0;
  PetscFunctionReturn(0);
}
