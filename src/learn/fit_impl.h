// Private to src/learn: the state of a fit, and what its phases share.
#ifndef SNA_FIT_IMPL_H
#define SNA_FIT_IMPL_H

#include "learn_impl.h"

enum { SNA_SCALE_TARGET, SNA_SCALE_LOSS, SNA_SCALE_GRADIENT, SNA_SCALE_NORMAL, SNA_SCALE_SLOPE, SNA_SCALE_TRIAL };

struct SnaFit_ {
  MPI_Comm          comm;
  PetscMPIInt       rank, size;
  SnaSeparable      s; // borrowed; s->theta is the current iterate
  SnaFitOptions     o; // zeros replaced by what was chosen
  SnaFitState       state;
  const SnaSamples *train, *validation;                      // validation NULL: none
  PetscInt          phases[SNA_PHASE_DONE + 1], nphases, at; // SnaFitPhase values in order
  double           *best, best_loss; // parameters of the smallest (validation) loss of all restarts
  PetscInt          stale;           // steps since then
  double            last;            // Levenberg-Marquardt: loss of theta on the rows of the phase, negative: not known
  PetscBool         single;          // and the precision of its rows
  double            scale[8];        // of exact sums, from one step to the next (SNA_SCALE_...)
  double            variance;        // of the targets, sum over outputs
  double            start_scale;     // root mean square of the targets
  PetscInt          adam_steps;
  double            visits; // Adam: rows visited
  double           *moment; // Adam: first and second moments, 2*np
  void             *cache;  // of the phase: prepared blocks; freed by its owner's destroy
  PetscErrorCode (*destroy_cache)(void **cache);
};

// ---------------------------------------------------------------------------------------------------------------------
// Sums over rows that do not depend on their order: addends are rounded to multiples of one power of two, chosen from the largest of them, and
// added as 64-bit integers (sums.c). Relative to count * largest addend the error is below 2^-61 per addend.
// ---------------------------------------------------------------------------------------------------------------------
// scale of sums of `count` addends (of all ranks), the largest of this rank's being `largest` >= 0; the same on all ranks. Not finite: scale 0. Collective.
PetscErrorCode SnaExactScale(MPI_Comm comm, double largest, PetscInt64 count, double *scale);
// Return the largest |v|, infinity where one is NaN.
double SnaExactAddD(PetscInt n, const double v[], double scale, int64_t sum[]);
double SnaExactAddF(PetscInt n, const float v[], double scale, int64_t sum[]);
// For sums made with a scale from an earlier occasion, before SnaExactReduce: valid if the largest addend allows it and leaves 45 bits; otherwise *scale is
// one that fits, and the sums must be made again. *scale is 0 where something is not finite. The same on all ranks. Collective.
PetscErrorCode SnaExactIsValid(MPI_Comm comm, double largest, PetscInt64 count, double *scale, PetscBool *valid);
// out = total of all ranks. sum is destroyed. Collective.
PetscErrorCode SnaExactReduce(MPI_Comm comm, PetscInt n, int64_t sum[], double scale, double out[]);

// Loss per row (without ridge), mean R^2 over outputs (softmax: accuracy), and gradient (NULL: not asked) at theta over all rows of the samples, double
// precision, the same bits on any number of ranks. Collective.
PetscErrorCode SnaFitEvaluate(
  SnaFit fit, const SnaSamples *rows, const double theta[], double *loss, double *r2, double gradient[]);

// Softmax of n <= ROWS rows: y[o*ROWS + row] becomes the probabilities minus the class, e the loss, hit whether the largest is the class. nout <= SNA_MAX_OUTPUTS.
#define SNA_MAX_OUTPUTS 64
void SnaSoftmaxBlock(PetscInt nout, PetscInt n, const double target[], double y[], double e[], double hit[]);
// out, the functions' values at rows first .. first+n-1 of the targets y (as in SnaSamples), becomes the residual (squares) or the probabilities minus the
// class (softmax), zero in the rest of the block; returns the sum of the losses.
double SnaFitResidualF(SnaFit fit, const double *const y[], PetscInt first, PetscInt n, float out[]);
double SnaFitResidualD(SnaFit fit, const double *const y[], PetscInt first, PetscInt n, double out[]);
// Mean over the training rows and sum over the outputs of the variance of the targets (squares); 1 for softmax. Known after SnaFitCreate.
PetscErrorCode SnaFitTargetVariance(SnaFit fit, double *variance);

// One step of each phase on fit->s->theta; sets state.loss and state.r2. *done: the phase has nothing more to gain.
PetscErrorCode SnaFitStep_Adam(SnaFit fit, PetscBool *done);
PetscErrorCode SnaFitStep_LM(SnaFit fit, PetscBool subset, PetscBool *done);
PetscErrorCode SnaFitStep_ALS(SnaFit fit, PetscBool *done);
PetscErrorCode SnaFitStep_LBFGS(SnaFit fit, PetscBool *done);
// Products alone (identity, full): sets the norms of every mode's functions to their geometric mean, which changes no value.
void SnaSeparableBalance(SnaSeparable s);

#endif
