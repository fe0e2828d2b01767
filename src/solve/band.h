// band.h - Cholesky factorisation of a symmetric block-band matrix whose last block rows may be left as a Schur
// complement. Private to src/solve; not collective, no MPI.
//
//   A = sum_k M_k (x) W_k + shift * I,  `blocks` x `blocks` block rows of m x m, half block bandwidth p
//
// The first `eliminated` block columns are factorised by SnaBandEliminate, which also leaves the Schur complement of
// the others in their place; SnaBandFactorRest factorises those as one dense matrix. Both ends of a two-ended
// factorisation are this one object: the tail is the head of the matrix read backwards (`reversed`).
//
//   scalar rows   front pad | eliminated*m | (blocks-eliminated)*m | end pad    the pads are rows of the identity that
//                 ----- `split` tiles ---- | ------- `tiles`-`split` tiles ---  make both parts multiples of 8 rows
//
// Storage is the envelope of the lower triangle by tiles of 8 x 8 numbers. A tile row holds its tiles from `start[row]`
// to the diagonal one after the other, each tile column by column:
//
//   entry (8*row + l, column) at L[offset[row] + (column - 8*start[row])*8 + l],    l = 0..7
//
// so the kernel's three streams (8 rows of one factor, 8..24 rows of the other, k running) are contiguous without
// packing.
#ifndef SNA_BAND_H
#define SNA_BAND_H

#include <petscsys.h>

typedef struct SnaBand_ *SnaBand;

PetscErrorCode SnaBandCreate(PetscInt blocks, PetscInt eliminated, PetscInt p, PetscInt m, SnaBand *band);
PetscErrorCode SnaBandDestroy(SnaBand *band);
// The envelope lives in memory of the caller, so that several bands can use the same in turn: `numbers` doubles, aligned to 64 bytes.
// SnaBandAssemble writes all that later calls read.
PetscErrorCode SnaBandGetSize(SnaBand band, size_t *numbers);
PetscErrorCode SnaBandSetStorage(SnaBand band, double *storage);
// Fills the matrix. M[k] and W[k] as in SnaKronSetTerms, with n rows in all; block row i of the band is row i of M, or
// row n-1-i when reversed. rest = false leaves zeros in the block columns that are not eliminated (there the other end
// assembles).
PetscErrorCode SnaBandAssemble(SnaBand band, PetscInt n, PetscBool reversed, PetscBool rest, PetscInt nk,
  const double *const M[], const double *const W[], PetscInt ldw, double shift);
// *ok = false at a pivot that is not positive (NaN included); the storage then holds nothing useful.
PetscErrorCode SnaBandEliminate(SnaBand band, PetscBool *ok);
PetscErrorCode SnaBandFactorRest(SnaBand band, PetscBool *ok);
// The Schur complement of size = (blocks-eliminated)*m: its lower triangle column by column, size*(size+1)/2 numbers.
// SnaBandAddRestReversed adds what a band of the other end gave, which counts the same block rows backwards.
PetscErrorCode SnaBandGetRest(SnaBand band, double rest[]);
PetscErrorCode SnaBandAddRestReversed(SnaBand band, const double rest[]);

// Solves in parts, on the band's own vector: head rows by SnaBandForward, which also subtracts their share from the
// rest.
PetscErrorCode SnaBandForward(SnaBand band);
PetscErrorCode SnaBandSolveRest(SnaBand band);
PetscErrorCode SnaBandBackward(SnaBand band);
// The eliminated and the other entries of that vector (borrowed).
PetscErrorCode SnaBandGetVector(SnaBand band, double **eliminated, double **rest);

// Bytes of storage; floating-point operations of SnaBandEliminate (m^3/3 + q m^3 + q^2 m^3 for a block column with q
// blocks below).
PetscErrorCode SnaBandGetBytes(SnaBand band, double *bytes);
double         SnaBandFlops(PetscInt blocks, PetscInt eliminated, PetscInt p, PetscInt m);

#endif
