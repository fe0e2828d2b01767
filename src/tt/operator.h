// operator.h - state machines of sums of product terms: what the files of the train's operator share.
#ifndef SNA_TT_OPERATOR_H
#define SNA_TT_OPERATOR_H

#include <sna/tt.h>

// A sum of product terms, sum_t coefficient[t] (x)_k table[t*nd + k], sites k in the order of the train.
typedef struct {
  PetscInt  nd, nterm;
  PetscInt *table;
  double   *coefficient;
} SnaTtTerms;

// Minimal vertex cover of a bipartite graph: row i is joined to col[start[i]..start[i+1]-1]; repeated edges are allowed.
PetscErrorCode SnaTtVertexCover_Private(PetscInt nrow, PetscInt ncol, const PetscInt start[], const PetscInt col[],
  PetscBool row_covered[], PetscBool col_covered[]);
// Numbers the different pairs (a[i], b[i]) in their lexicographic order: id[i] in [0, *n).
PetscErrorCode SnaTtNumberPairs_Private(
  PetscInt count, const PetscInt a[], const PetscInt b[], PetscInt id[], PetscInt *n);
// The machine with the fewest states that vertex covers can give. The terms' coefficients may have any values; terms with the same tables are added.
PetscErrorCode SnaTtMachineCreate_Private(const SnaTtTerms *terms, SnaTtMachine *m);
PetscErrorCode SnaTtMachineDestroy_Private(PetscInt nd, SnaTtMachine *m);
// Sorts the transitions of site k, adds those with the same states and table, removes zeros.
PetscErrorCode SnaTtMachineTidy_Private(SnaTtMachine *m, PetscInt k);

// Merges the states of A and writes sums of its tables with the fewest matrices.
PetscErrorCode SnaTtMachineMerge_Private(SnaLsq lsq, const PetscInt dir[], SnaTtMachine *A);

#endif
