// Private to src/learn: the state of a fit, and what its phases share.
#ifndef SNA_FIT_IMPL_H
#define SNA_FIT_IMPL_H

#include "learn_impl.h"

struct SnaFit_ {
  MPI_Comm          comm;
  PetscMPIInt       rank, size;
  SnaSeparable      s; // borrowed; s->theta is the current iterate
  SnaFitOptions     o; // zeros replaced by what was chosen
  SnaFitState       state;
  const SnaSamples *train, *validation;                      // validation NULL: none
  PetscInt          phases[SNA_PHASE_DONE + 1], nphases, at; // SnaFitPhase values in order
  double           *best, best_loss;       // parameters of the smallest (validation) loss of all restarts
  PetscInt          stale;                 // steps since then
  double            last;                  // loss before the step
  double            visits;                // Adam: rows visited
  double           *moment;                // Adam: first and second moments, 2*np
  double            variance[SNA_MAX_DIM]; // of the targets of all rows (squares; nout <= SNA_MAX_DIM)
  void             *cache;                 // of the phase: prepared blocks; freed by its owner's destroy
  PetscErrorCode (*destroy_cache)(void **cache);
};

// ---------------------------------------------------------------------------------------------------------------------
// Sums over rows that do not depend on their order: addends are rounded to multiples of one power of two, chosen from the largest of them, and
// added as 64-bit integers (sums.c). Relative to count * largest addend the error is below 2^-61 per addend.
// ---------------------------------------------------------------------------------------------------------------------
// scale of sums of `count` addends (of all ranks), the largest of this rank's being `largest` >= 0; the same on all ranks. Not finite: scale 0. Collective.
PetscErrorCode SnaExactScale(MPI_Comm comm, double largest, PetscInt64 count, double *scale);
void           SnaExactAddD(PetscInt n, const double v[], double scale, int64_t sum[]);
void           SnaExactAddF(PetscInt n, const float v[], double scale, int64_t sum[]);
// out = total of all ranks. sum is destroyed. Collective.
PetscErrorCode SnaExactReduce(MPI_Comm comm, PetscInt n, int64_t sum[], double scale, double out[]);

// Loss per row (without ridge), mean R^2 over outputs (softmax: accuracy), and gradient (NULL: not asked) at theta over all rows of the samples, double
// precision, the same bits on any number of ranks. Collective.
PetscErrorCode SnaFitEvaluate(
  SnaFit fit, const SnaSamples *rows, const double theta[], double *loss, double *r2, double gradient[]);

// One step of each phase on fit->s->theta; sets state.loss and state.r2. *done: the phase has nothing more to gain.
PetscErrorCode SnaFitStep_Adam(SnaFit fit, PetscBool *done);
PetscErrorCode SnaFitStep_LM(SnaFit fit, PetscBool subset, PetscBool *done);
PetscErrorCode SnaFitStep_ALS(SnaFit fit, PetscBool *done);
PetscErrorCode SnaFitStep_LBFGS(SnaFit fit, PetscBool *done);
// Products alone (identity, full): sets the norms of every mode's functions to their geometric mean, which changes no value.
void SnaSeparableBalance(SnaSeparable s);

#endif
