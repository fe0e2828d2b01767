// sna/solve.h - solvers for separable models: sums of Kronecker products, their block-band factorisation, alternating least squares.
//
// Layer: above sna. BLAS/LAPACK kernels live here; PETSc's KSP/PC/Mat are reached from here.
#ifndef SNA_SOLVE_H
#define SNA_SOLVE_H

#include <petscksp.h>
#include <sna/sna.h>

// ---------------------------------------------------------------------------------------------------------------------
// SnaKron: the symmetric positive definite operator of one local problem of alternating least squares,
//
//   A = sum_k M_k (x) W_k + shift * I,      M_k: n x n, banded with half bandwidth p;   W_k: m x m dense
//
// (doc/theory.md). A single M_k or W_k need not be symmetric; the sum is. Unknowns are "cell-major": entry i*m + r belongs to block row i
// (the spline i) and column r of the factor, so a factor stored as C[i*m + r] is the vector itself.
//
//   Block structure for p = 1, n = 6 and the split used by the two-ended factorisation:
//
//        head    | middle |  tail            rows 0..h-1 head, h..h+w-1 middle (w = min(p,n)), the rest tail
//       x x      .        .                  rank 0 owns head and middle, rank 1 the tail; on one rank the same
//       x x x    .        .                  split is used one end after the other, so results are bitwise equal
//         x x  | x        .                  on 1 and 2 ranks.
//           x  | x |  x   .
//                x |  x x
//                     x x
//
// The head is eliminated downwards, the tail upwards (by the same kernel on the mirrored matrix), the middle (w*m dense) last.
// PETSc face: SnaKronGetMat gives a MATSHELL (matrix-free product, diagonal, diagonal block) whose Vec has the block rows of this rank;
// SnaKronGetKSP a KSP with it whose default is KSPPREONLY + PCSHELL (the block-band Cholesky). With another pc_type that needs entries,
// or with mat_type sbaij, the matrix is assembled to MATSBAIJ (block size m).
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaKron_ *SnaKron;

// comm: 1 or 2 ranks. prefix: options prefix such as "vsna_". Collective.
PetscErrorCode SnaKronCreate(MPI_Comm comm, PetscInt n, PetscInt p, PetscInt m, const char prefix[], SnaKron *A);
PetscErrorCode SnaKronDestroy(SnaKron *A);
// Memory for the factors that several operators use in turn: a factorisation is valid until another operator with the same storage is
// factorised. It grows to the largest. Without it every operator has its own. Not collective.
typedef struct SnaKronStorage_ *SnaKronStorage;
PetscErrorCode                  SnaKronStorageCreate(SnaKronStorage *storage);
PetscErrorCode                  SnaKronStorageDestroy(SnaKronStorage *storage); // after the operators that borrow it
PetscErrorCode SnaKronSetStorage(SnaKron A, SnaKronStorage storage);            // borrowed; before the first solve
// Block rows [first, last) of this rank.
PetscErrorCode SnaKronGetRows(SnaKron A, PetscInt *first, PetscInt *last);
// The same split without an object: rows of `rank` in a communicator of `size` (1 or 2).
void SnaKronSplit(PetscInt n, PetscInt p, PetscMPIInt size, PetscMPIInt rank, PetscInt *first, PetscInt *last,
  PetscInt *head, PetscInt *middle);
// nk terms. M[k]: band storage, M[k][i*(2p+1) + (j-i+p)] = M_k(i,j), zero outside the matrix, all n rows on every rank. W[k]: m x m, entry (r,s) at
// W[k][r*ldw + s]; all on every rank. Pointers are borrowed until the next call. Collective. Marks the operator as changed.
PetscErrorCode SnaKronSetTerms(
  SnaKron A, PetscInt nk, const double *const M[], const double *const W[], PetscInt ldw, double shift);
// Mean of the diagonal of A without the shift (the scale of the Tikhonov shift); every rank gets the same number.
PetscErrorCode SnaKronGetMeanDiagonal(SnaKron A, double *mean);
// Solves A x = b; b and x: this rank's rows, (last-first)*m numbers each, x may be b; for iterative KSPs x is also the initial guess when ksp_initial_guess_nonzero is set. Collective.
// *failed = true when the factorisation met a non-positive pivot (x is then undefined: raise the shift and try again) or the KSP diverged.
PetscErrorCode SnaKronSolve(SnaKron A, const double b[], double x[], PetscBool *failed);
// y = A x on this rank's rows (matrix-free). Collective.
PetscErrorCode SnaKronApply(SnaKron A, const double x[], double y[]);
PetscErrorCode SnaKronGetKSP(SnaKron A, KSP *ksp); // borrowed
PetscErrorCode SnaKronGetMat(SnaKron A, Mat *mat); // borrowed
// Dense (n*m)^2 row-major copy of A for tests; one rank only.
PetscErrorCode SnaKronGetDense(SnaKron A, double dense[]);
// Floating-point operations of one factorisation over all ranks, and bytes of this rank's factor storage.
PetscErrorCode SnaKronGetCost(SnaKron A, double *flops, double *bytes);

// ---------------------------------------------------------------------------------------------------------------------
// SnaLsq: the least-squares functional of a separable linear problem, as 1-D integrals.
//
//   F(u) = || sum_k s_k (x)_d O_{k,d} u  +  sum_m t_m (x)_d q_{m,d} ||^2,       O_{k,d} = a_{k,d}(x_d) (d/dx_d)^j
//
// (doc/theory.md). Equal 1-D operators (up to a factor, which moves into s_k) and
// equal functions q are found by comparing their values on the quadrature points, so each direction keeps only its distinct 1-D matrices:
//   M^d_{ab}[i,j] = int w_d (O_a B_i)(O_b B_j),  f^d_{aq}[i] = int w_d (O_a B_i) q,  c^d_{qq'} = int w_d q q'
// with an optional positive weight w_d(x_d) of the residual norm.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaLsq_ *SnaLsq;

// The tables themselves, read by the solvers (als, tensor trains) and by nobody else.
typedef struct {    // direction d; operators a, b in [0, nop), right-hand-side functions q in [0, nrhs)
  SnaBasis   basis; // borrowed
  PetscInt   n, p;
  PetscInt   nop, nrhs;
  PetscInt  *derivative;    // nop: order of the derivative in operator a
  PetscInt   identity;      // the operator that leaves functions as they are; -1: there is none
  PetscInt   npair, nupper; // ordered pairs; the first nupper have a <= b, the others are their transposes
  PetscInt  *op;            // nk: operator of term k
  PetscInt  *rhs;           // nm: function of right-hand-side term m
  PetscInt  *pair;          // nop*nop: index of the ordered pair (a,b)
  PetscInt  *pair_a, *pair_b;
  PetscInt  *transpose;  // npair: index of (b,a)
  PetscBool *transposed; // nupper: some terms k < l meet in (b,a) instead of (a,b)
  double   **M;          // npair band matrices, n*(2p+1)
  double    *f;          // nop*nrhs vectors of n: f[(a*nrhs+q)*n + i]
  double    *c;          // nrhs*nrhs: int q q'
} SnaLsqDirection;

struct SnaLsq_ {
  PetscInt        nd, nk, nm;
  double         *s; // nk coefficients of the operator terms
  double         *t; // nm coefficients of the right-hand-side terms
  double          c0;
  SnaLsqDirection dir[SNA_MAX_DIM];
};

typedef struct { // one term, values on the tabulation's points of each direction
  double        coefficient;
  const double *value[SNA_MAX_DIM];      // NULL stands for 1
  PetscInt      derivative[SNA_MAX_DIM]; // operator terms only
} SnaLsqTerm;

// Everything is copied. weight[d] may be NULL. Terms that vanish identically are dropped.
PetscErrorCode SnaLsqCreate(PetscInt nd, const SnaBasis bases[], const SnaTabulation tabs[],
  const double *const weight[], PetscInt nk, const SnaLsqTerm op[], PetscInt nm, const SnaLsqTerm rhs[], SnaLsq *lsq);
PetscErrorCode SnaLsqDestroy(SnaLsq *lsq);
// Distinct operators, ordered pairs of them, and distinct right-hand-side functions of direction d.
PetscErrorCode SnaLsqGetCounts(SnaLsq lsq, PetscInt d, PetscInt *nop, PetscInt *npair, PetscInt *nrhs);
// ||sum_m t_m (x) q_m||^2 = F(0).
PetscErrorCode SnaLsqGetConstant(SnaLsq lsq, double *c0);

// ---------------------------------------------------------------------------------------------------------------------
// SnaAls: minimises F over CP fields by alternating least squares with a rank ladder (doc/theory.md).
//
//   for R in ladder:  append low-frequency random columns; `enrich` sweeps on the new columns alone;
//                     `sweeps` sweeps on all columns, each followed by a line search along the sweep's difference; balance
//
// Per local solve: Hadamard products of Gram matrices W (all ranks), assembly + block-band Cholesky (SnaKron, 2 ranks), Gram update (own rows with a
// halo of p rows, then Allreduce). Sums run over the two halves of the rows in a fixed order, so 1 and 2 ranks give the same bits.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaAls_ *SnaAls;

typedef struct {
  PetscInt nrung, rung[64]; // ranks of the ladder, increasing; the last is the target
  PetscInt enrich, sweeps;  // sweeps per rung
  PetscInt final_sweeps;    // joint sweeps of the last rung
  double
    rtol; // from its third joint sweep on, a rung ends when the residual falls by less than this fraction in one sweep
  double    tikhonov; // shift of the local systems, in units of the mean diagonal
  PetscBool linesearch;
  PetscInt  balance_every; // sweeps between balancing of the columns
  uint64_t  seed;
} SnaAlsOptions;

typedef struct {              // where the iteration stands; complete: with the factors it is the restart state
  PetscInt rung, rank, phase; // phase 0 enrichment, 1 joint sweeps, 2 finished
  PetscInt sweep;             // within the phase
  PetscInt total;             // sweeps since the start
  double   objective;         // F
  double   residual;          // sqrt(F / F(0))
  double   drop;              // relative decrease of the residual in the last sweep
  double   step;              // line-search length (mu)
  PetscInt shifts;            // local systems that needed a larger shift so far
  PetscInt
         failed; // 0; 1 + d: the local system of direction d could not be solved; -1: a sweep raised F. Either ends the iteration.
  double work; // share of the expected work done, in [0,1]
} SnaAlsState;

// comm: 1 or 2 ranks. lsq is borrowed. Collective.
PetscErrorCode SnaAlsCreate(MPI_Comm comm, SnaLsq lsq, const SnaAlsOptions *options, SnaAls *als);
PetscErrorCode SnaAlsDestroy(SnaAls *als);
// One sweep over all directions (of the current phase). *done when the ladder is finished. Collective.
PetscErrorCode SnaAlsStep(SnaAls als, PetscBool *done);
PetscErrorCode SnaAlsGetState(SnaAls als, SnaAlsState *state);
// Rank-R factors, gathered: C[d] has n_d * rank entries (allocated by the call; PetscFree each). Collective.
PetscErrorCode SnaAlsGetFactors(SnaAls als, double *C[]);
// Continues from a saved state. *ok is PETSC_FALSE when its rank is not on the ladder. Collective.
PetscErrorCode SnaAlsSetState(SnaAls als, const SnaAlsState *state, const double *const C[], PetscBool *ok);
// Bytes of this rank's factors, Gram and Hadamard matrices and the largest band at the target rank.
PetscErrorCode SnaAlsGetMemory(
  SnaLsq lsq, PetscInt rank, PetscMPIInt size, double *factors, double *band, double *total);

#endif
