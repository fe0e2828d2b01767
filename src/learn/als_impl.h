// Private to the files of alternating least squares: what fit_als.c, als_products.c and als_gauge.c share.
#ifndef SNA_ALS_IMPL_H
#define SNA_ALS_IMPL_H

#include "fit_impl.h"

// Added to the diagonal of a block's normal matrix, times its mean: the new block stays near the old one where the rows say nothing.
#define ALS_PROXIMAL 1e-6

// Sums over the rows of all ranks, added in slabs of SNA_FIT_BLOCK rows, which are the same rows on any number of ranks: normal matrix, right-hand side,
// squares of residuals. Each has its own scale; they travel together.
enum { ALS_MATRIX, ALS_RHS, ALS_SQUARES, ALS_NSUM };
typedef struct {
  PetscInt n[ALS_NSUM], capacity;
  double  *slab[ALS_NSUM]; // numbers of the present slab
  double  *out[ALS_NSUM];  // after AlsSumsReduce
  double   largest[ALS_NSUM];
  double  *slab_space, *out_space;
  int64_t *sum_space;
} AlsSums;
PetscErrorCode AlsSumsCreate(PetscInt capacity, AlsSums *sums); // of all three
PetscErrorCode AlsSumsDestroy(AlsSums *sums);
PetscErrorCode AlsSumsStart(PetscInt matrix, PetscInt rhs, PetscInt squares, AlsSums *sums); // lengths; all 0
void           AlsSumsAddSlab(SnaFit fit, AlsSums *sums);                                    // and sets the slab to 0
// Totals of all ranks in `out`; *again: a scale did not fit, all sums are 0 and must be made anew. Not finite: NaN. Collective.
PetscErrorCode AlsSumsReduce(SnaFit fit, AlsSums *sums, PetscBool *again);

// Least squares for one block of theta, the others held; *sse: squares of the residuals of all rows and outputs before that. For any kind; rows are prepared
// as they are needed. Collective.
PetscErrorCode AlsSolveBlock(SnaFit fit, PetscInt block, double *sse);

// One sweep over the directions of products of all directions; *sse after it, *sse_before before it. Keeps the rows, and the products on both sides of the
// direction at work, in *state (created when NULL). Collective.
PetscErrorCode AlsSweepProducts(SnaFit fit, void **state, double *sse_before, double *sse);
PetscErrorCode AlsDestroyProducts(void **state);
PetscBool      AlsProductsFits(SnaFit fit); // whether it applies, by numbers that do not depend on the ranks

// Moves factors between blocks, which changes no value, so that `block` is well conditioned: products: all functions but the block's have coefficients of mean
// square 1, mode by mode; tucker: the functions of every other direction are orthogonal; tensor_train: sites on the left and right are. from -1: any theta;
// otherwise this was done for `from` = block - 1, and only that block has changed. Not collective.
PetscErrorCode AlsFocus(SnaSeparable s, PetscInt from, PetscInt block);

// Lower triangle of a symmetric matrix in band storage, A[j + e][j] = band[j*ld + e], 0 <= e < width: solves A x = b in place (Cholesky). Destroys band.
PetscBool AlsSolveBand(PetscInt n, PetscInt width, PetscInt ld, double band[], double b[]);

#endif
