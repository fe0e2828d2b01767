// cp_fit.h - least-squares fit of a tensor train by CP in mode coefficients. Private to src/tt.
//
// The train is orthonormal (sna/tt.h) and of norm 1, so that coefficients of its leaves are L2: with A_k (m_k x R) the factors and G_k = A_k^T A_k
//
//   objective = ||train - CP||^2 = 1 - 2 <A_k, B_k> + 1^T (prod*_k G_k) 1          (the same for any k)
//   B_k[:,c]  = the train contracted with column c of all other factors            (MTTKRP)
//
// Matrices are column-major; a factor keeps its first columns when the rank grows. All calls are collective on comm (1 or 2 ranks); both ranks hold
// everything, and the bits are the same on 1 and 2.
#ifndef SNA_TT_CP_FIT_H
#define SNA_TT_CP_FIT_H

#include "tt_impl.h"

#define SNA_FIT_PAD                                                                                                    \
  24 // numbers between arrays that are read side by side: powers of two apart they would share cache sets
#define SNA_FIT_FLOOR 1e-15 // of the objective, a difference of numbers near 1
#define SNA_FIT_PANEL 32    // columns that are worked on together, and dealt to the ranks

typedef struct {
  double *A, *B; // all factors one after the other: A_k at A + offset[k]*R
  double *G;     // G_k at G + k*gram
  double  objective;
} SnaTtFitIterate;

typedef struct {
  MPI_Comm        comm;
  PetscMPIInt     comm_size, comm_rank;
  SnaTt           tt;                      // borrowed
  PetscInt        offset[SNA_MAX_DIM + 1]; // sums of mode ranks
  PetscInt        R, gram;                 // gram = R*R + SNA_FIT_PAD
  double          damping;                 // of Gauss-Newton, in units of the mean diagonal; learns from step to step
  SnaTtFitIterate now, trial;
  PetscMPIInt     size, rank;        // of the ranks that share the work at this R
  PetscInt        first[2], last[2]; // columns of each of them
  double         *message[2];        // to and from the other
} SnaTtFit;

PetscErrorCode SnaTtFitInitialise_Private(MPI_Comm comm, SnaTt tt, SnaTtFit *fit);
PetscErrorCode SnaTtFitFinalise_Private(SnaTtFit *fit);
// Room for R columns, at least as many as there are; new ones are zero. An evaluation has to follow.
PetscErrorCode SnaTtFitResize_Private(SnaTtFit *fit, PetscInt R);
// Balances the columns (equal norms in all directions), then their Gram matrices, B and the objective.
PetscErrorCode SnaTtFitEvaluate_Private(SnaTtFit *fit, SnaTtFitIterate *it);
// `sweeps` sweeps of alternating least squares over the columns [c0, R), the others frozen; then evaluates.
PetscErrorCode SnaTtFitSweeps_Private(SnaTtFit *fit, PetscInt c0, PetscInt sweeps);
// Up to `steps` damped Gauss-Newton steps on all columns, from one evaluated fit->now to another. Ends when a step lowers the distance by less than
// rtol of itself, or none lowers it.
PetscErrorCode SnaTtFitNewton_Private(SnaTtFit *fit, PetscInt steps, double rtol);
// Completes an array of the shape of A of which each rank has its own columns, or its own directions (k % size == rank).
PetscErrorCode SnaTtFitShareColumns_Private(SnaTtFit *fit, double *Y);
PetscErrorCode SnaTtFitShareDirections_Private(SnaTtFit *fit, double *Y);

#endif
