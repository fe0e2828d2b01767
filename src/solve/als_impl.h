// Private state of SnaAls, shared by als.c (ladder, sweeps, line search) and als_gram.c (Gram matrices, Hadamard products, objective).
#ifndef SNA_ALS_IMPL_H
#define SNA_ALS_IMPL_H

#include <sna/solve.h>

#define SNA_ALS_SHARE_ROWS                                                                                             \
  192 // directions with fewer splines: rows are exchanged and Gram matrices formed whole on every rank

typedef struct { // one iterate: factors and what is derived from them
  double *C
    [SNA_MAX_DIM]; // n x R, row i = spline i; this rank keeps its own rows valid, and all others or (many rows) p of them
  double *G[SNA_MAX_DIM]; // npair matrices R x R: C^T M C; the same on all ranks
  double *h[SNA_MAX_DIM]; // nvec vectors of R: C^T f; the same on all ranks
} SnaAlsIterate;

struct SnaAls_ {
  MPI_Comm    comm;
  PetscMPIInt comm_size, comm_rank;
  PetscMPIInt size,
    rank; // that share the work of the present phase: those of comm, or 1 and 0 while every rank does all of it
  SnaLsq         lsq;
  SnaAlsOptions  options;
  SnaAlsState    state;
  PetscInt       R;                                     // columns of the arrays below
  PetscInt       first[SNA_MAX_DIM], last[SNA_MAX_DIM]; // rows of this rank
  PetscInt       split[SNA_MAX_DIM];                    // first row of the second half
  SnaAlsIterate  now, trial;
  double        *before[SNA_MAX_DIM], *after[SNA_MAX_DIM]; // factors around a sweep, for the line search
  double        *W;                                        // Hadamard products of one direction: npair x R x m
  double        *w;                                        // nvec x R, right-hand side weights of one direction
  double        *sum, *sum2; // Gram contributions of the two halves of the rows, before they are added
  double        *T;          // M_ab C on one half of the rows
  double        *b;          // right-hand side and solution of the local problem, own rows
  SnaKron        kron[SNA_MAX_DIM];
  SnaKronStorage storage;                   // of the factors, one direction after the other
  PetscLogEvent  hadamard, gram, objective; // shares of the time in -log_view
  PetscInt       block;                     // columns of the local problems that kron[] was made for
};

// Recomputes the columns [c0, R) of all Gram matrices and vectors of direction d from it->C. Collective.
PetscErrorCode SnaAlsGram_Private(SnaAls als, PetscInt d, PetscInt c0, SnaAlsIterate *it);
// W_p[r, s-c0] = sum over the quadratic terms with matrix p in direction d of s_i prod_{e != d} G^e_i[r,s], s in [c0, R); w alike. Not collective.
PetscErrorCode SnaAlsHadamard_Private(SnaAls als, PetscInt d, PetscInt c0);
// F of the iterate from its Gram matrices. Collective (rows of the Hadamard products are shared out).
PetscErrorCode SnaAlsObjective_Private(SnaAls als, const SnaAlsIterate *it, double *F);

#endif
