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
// SnaLsq: the quadratic functional of a separable linear problem, as 1-D integrals: least squares, or the energy of a symmetric weak form.
//
//   F(u) = || sum_k s_k (x)_d O_{k,d} u  +  sum_m t_m (x)_d q_{m,d} ||^2,       O_{k,d} = a_{k,d}(x_d) (d/dx_d)^j
//
// (doc/theory.md). Equal 1-D operators (up to a factor, which moves into s_k) and
// equal functions q are found by comparing their values on the quadrature points, so each direction keeps only its distinct 1-D matrices:
//   M^d_{ab}[i,j] = int w_d (O_a B_i)(O_b B_j),  f^d_{aq}[i] = int w_d (O_a B_i) q,  c^d_{qq'} = int w_d q q'
// with an optional positive weight w_d(x_d) of the residual norm. Galerkin (SnaLsqCreateGalerkin):
//
//   F(u) = a(u, u) - 2 l(u),    a(u, v) = sum_k s_k prod_d int g_{k,d} (d^i u)(d^j v),    l(v) = sum_m t_m prod_d int q_{m,d} (d^j v)
//
// Both are sum_i s_i (x)_d M^d_{quad[i]} in the quadratic part and sum_j t_j (x)_d f^d_{lin[j]} in the linear one, which is all that the solvers use:
//
//   F(u) = sum_i (twice_i ? 2 : 1) s_i u^T (x)_d M^d_{quad[d][i]} u + 2 sum_j t_j u^T (x)_d f^d_{lin[d][j]} + c0
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaLsq_ *SnaLsq;

// The tables themselves, read by the solvers (als, tensor trains) and by nobody else.
// Galerkin: an operator is a matrix (nop = npair, op: matrix of term k of a, mirror images included), its derivative the larger of its two, and
// a right-hand-side function is a vector; pair, pair_a, pair_b and c are not there.
typedef struct {    // direction d; operators a, b in [0, nop), right-hand-side functions q in [0, nrhs)
  SnaBasis   basis; // borrowed
  PetscInt   n, p;
  PetscInt   nop, nrhs, nvec; // nvec: vectors, nop*nrhs (Galerkin: nrhs)
  PetscInt  *derivative;      // nop: order of the derivative in operator a
  PetscInt   identity;        // the operator that leaves functions as they are; -1: there is none
  PetscInt   npair, nupper;   // matrices: ordered pairs; the first nupper have a <= b, the others are their transposes
  PetscInt  *op;              // nk: operator of term k
  PetscInt  *rhs;             // nm: function of right-hand-side term m
  PetscInt  *pair;            // nop*nop: index of the ordered pair (a,b)
  PetscInt  *pair_a, *pair_b;
  PetscInt  *transpose;  // npair: index of (b,a); Galerkin: of the transpose, itself where it is symmetric
  PetscBool *transposed; // nupper: some quadratic term is in (b,a) instead of (a,b)
  double   **M;          // npair band matrices, n*(2p+1)
  double    *f;          // nvec vectors of n: f[(a*nrhs+q)*n + i]
  double    *c;          // nrhs*nrhs: int q q' (least squares)
  PetscInt  *quad;       // nquad: matrix of each quadratic term, index into M
  PetscInt  *lin;        // nlin: vector of each linear term, f + lin*n
} SnaLsqDirection;

struct SnaLsq_ {
  PetscBool  galerkin;
  PetscInt   nd, nk, nm;
  double    *s;  // nk coefficients of the operator terms
  double    *t;  // nm coefficients of the right-hand-side terms
  double     c0; // F(0): 0 for Galerkin
  PetscInt   nquad, nlin;
  double    *quad_s, *lin_t;
  PetscBool *twice;    // nquad: stands for its transpose too
  PetscInt nall, *all; // terms and transposes one by one, in the order of summation: i, or -1-i for the transpose of i
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
// The functional of a symmetric weak form. Everything is copied; terms that vanish identically are dropped. *symmetric = PETSC_FALSE (and *lsq NULL) when
// the terms do not add up to a symmetric form: one with test derivatives i and trial derivatives j needs its mirror image unless i = j.
typedef struct {
  double        coefficient;
  const double *value[SNA_MAX_DIM]; // weight g or load q on the tabulation's points; NULL stands for 1
  PetscInt      trial[SNA_MAX_DIM], test[SNA_MAX_DIM]; // orders of derivatives; of a load: test alone
  int           end
    [SNA_MAX_DIM]; // 0: integral over the direction; -1, 1: value at its lower, upper end instead (value[d]: one number)
} SnaLsqWeakTerm;
PetscErrorCode SnaLsqCreateGalerkin(PetscInt nd, const SnaBasis bases[], const SnaTabulation tabs[], PetscInt nk,
  const SnaLsqWeakTerm a[], PetscInt nm, const SnaLsqWeakTerm l[], PetscBool *symmetric, SnaLsq *lsq);
PetscErrorCode SnaLsqDestroy(SnaLsq *lsq);
// Distinct operators, ordered pairs of them, and distinct right-hand-side functions of direction d.
PetscErrorCode SnaLsqGetCounts(SnaLsq lsq, PetscInt d, PetscInt *nop, PetscInt *npair, PetscInt *nrhs);
// ||sum_m t_m (x) q_m||^2 = F(0).
PetscErrorCode SnaLsqGetConstant(SnaLsq lsq, double *c0);
// The parts of F = *quadratic + 2 *linear + c0 at the CP field with factors C[d] (n_d x R, on every rank); R may be 0. Not collective.
PetscErrorCode SnaLsqEvaluate(SnaLsq lsq, PetscInt R, const double *const C[], double *quadratic, double *linear);

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
            rtol; // from its third joint sweep on, a rung ends when the residual falls by less than this fraction in one sweep (Galerkin: when it is below)
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
  double
           residual; // sqrt(F / F(0)); Galerkin: root of the energy that the last sweep gained, relative to the whole, 1 at the start
  double   drop;   // relative decrease of the residual in the last sweep; Galerkin: the residual
  double   step;   // line-search length (mu)
  PetscInt shifts; // local systems that needed a larger shift so far
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
// Whether the last step ended its rung; SnaAlsFinish() ends the whole ladder there.
PetscErrorCode SnaAlsRungDone(SnaAls als, PetscBool *done);
PetscErrorCode SnaAlsFinish(SnaAls als);
// Rank-R factors, gathered: C[d] has n_d * rank entries (allocated by the call; PetscFree each). Collective.
PetscErrorCode SnaAlsGetFactors(SnaAls als, double *C[]);
// Continues from a saved state. *ok is PETSC_FALSE when its rank is not on the ladder. Collective.
PetscErrorCode SnaAlsSetState(SnaAls als, const SnaAlsState *state, const double *const C[], PetscBool *ok);
// Bytes of this rank's factors, Gram and Hadamard matrices and the largest band at the target rank.
PetscErrorCode SnaAlsGetMemory(
  SnaLsq lsq, PetscInt rank, PetscMPIInt size, double *factors, double *band, double *total);

// ---------------------------------------------------------------------------------------------------------------------
// SnaMultilinear: the weak residual of an equation whose terms are products of the unknown and its derivatives, as 1-D integrals.
//
//   F_j = sum_t c_t int psi_j prod_d a_{t,d} prod_{i < power_t} D_{t,i} u,     psi_j = prod_d psi^d_{j_d},     u = sum_l g_l + sum_{r<R} prod_d phi^d_r
//
// g_l are products too (the lift). With all columns c of the lift and the field, each term is a sum over tuples of columns,
//   F_j = sum_t c_t sum_{c_1 .. c_power} prod_d T^d_t[j_d; c_1 .. c_power],     T^d_t = int w_d psi^d_j a_{t,d} prod_i D_{t,i} column_{c_i}
// whatever the power (paper, D.2: "agnostic to the order of the multilinear form"). psi^d are the test bases made L2-orthonormal (with the weight), so |F|
// is the norm of the residual's projection on the test space.
//
//   x     direction after direction, column after column: x[offset_d + r*n_d + i], offset_d = R * sum_{e<d} n_e
//   rows  test tuples; the direction with most test functions runs slowest, the others in order, the first fastest
//
// Not collective: every rank has the same.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaMultilinear_ *SnaMultilinear;

typedef struct { // a term; power 0: a source
  double        coefficient;
  const double *value[SNA_MAX_DIM]; // a_{t,d} on the tabulation's points; NULL stands for 1
  PetscInt      power;
  PetscInt      of[SNA_MAX_POWER][SNA_MAX_DIM]; // orders of the derivatives of each occurrence of the unknown
} SnaMultilinearTerm;
typedef struct { // a product of the lift
  double        coefficient;
  const double *value[SNA_MAX_DIM]; // its factor and the factor's derivatives up to tab.order: value[d][m*nq + q]; NULL stands for 1
} SnaMultilinearLift;

// tab[d]: a rule with the trial basis tabulated, derivatives as far as the terms need them; exact integrals of products of power + 1 functions are the caller's
// care. The trial bases are borrowed, all else is copied. weight[d] may be NULL.
PetscErrorCode SnaMultilinearCreate(PetscInt nd, const SnaBasis trial[], const SnaBasis test[],
  const SnaTabulation tab[], const double *const weight[], PetscInt nterm, const SnaMultilinearTerm term[],
  PetscInt nlift, const SnaMultilinearLift lift[], SnaMultilinear *form);
PetscErrorCode SnaMultilinearDestroy(SnaMultilinear *form);
// Rows, and unknowns of one column.
PetscErrorCode SnaMultilinearGetSizes(SnaMultilinear form, PetscInt *rows, PetscInt *unknowns);
// F and its derivative by x (column-major, columns ldj apart); rank 0: of the lift alone.
PetscErrorCode SnaMultilinearResidual(SnaMultilinear form, PetscInt rank, const double x[], double F[]);
PetscErrorCode SnaMultilinearJacobian(SnaMultilinear form, PetscInt rank, const double x[], double J[], PetscInt ldj);
// g = J^T F without J: its cost is that of a few residuals.
PetscErrorCode SnaMultilinearGradient(
  SnaMultilinear form, PetscInt rank, const double x[], const double F[], double g[]);

// ---------------------------------------------------------------------------------------------------------------------
// SnaNewton: minimises |F(x)|^2 / 2 of a multilinear form over all factors of a CP field at once, from coarse to fine (doc/theory.md).
//
//   for each stage (resolutions and rank grow):  L2 projection on the finer bases; new columns small, smooth and random;
//     brgn  TAOBRGN, Levenberg-Marquardt: (J^T J + damping diag J^T J) step = -J^T F by Cholesky (PCSHELL), line search
//     lmvm  TAOLMVM (L-BFGS)
//     balance: the norms of the factors of a column made equal
//
// Vectors and J (MATDENSE) are the same on every rank; J^T J, which takes nearly all of the time, is shared out by halves of the rows that are added in a fixed order: the
// same bits on any number of ranks, of which two have work. All of TAO's options are reachable: prefix_tao_*, of the inner solver prefix_tao_brgn_subsolver_*.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaNewton_ *SnaNewton;

#define SNA_NEWTON_MAX_STAGES 16
typedef struct {
  PetscBool   lmvm; // else brgn
  PetscInt    nstage, rank[SNA_NEWTON_MAX_STAGES];
  PetscInt    max_it; // iterations of a stage
  double      rtol;   // the last stage ends when a step (a few iterations) lowers |F| by less than this fraction
  uint64_t    seed;
  const char *prefix; // of PETSc options, "vsna_"
} SnaNewtonOptions;

typedef struct { // where the iteration stands; complete: with the factors it is the restart state
  PetscInt stage, rank;
  PetscInt iteration; // within the stage
  PetscInt total;
  double   damping;   // brgn: weight of the damping
  double   objective; // |F|^2 / 2
  double   residual;  // |F| relative to that of the lift alone
  double   drop;      // its relative decrease in the last step
  PetscInt failed;    // 1: the last stage reached max_it
  double   work;      // share of the expected work done, in [0,1]
} SnaNewtonState;

// Makes the form of a stage, with its trial bases (borrowed from the caller, alive as long as the solver). The solver destroys the form.
typedef PetscErrorCode (*SnaNewtonFormFunction)(void *ctx, PetscInt stage, SnaMultilinear *form);

// Collective, as all below unless said otherwise.
PetscErrorCode SnaNewtonCreate(
  MPI_Comm comm, const SnaNewtonOptions *options, SnaNewtonFormFunction form, void *ctx, SnaNewton *newton);
PetscErrorCode SnaNewtonDestroy(SnaNewton *newton);
// The first stage, for which TAO reads its options; the first step does it otherwise.
PetscErrorCode SnaNewtonSetUp(SnaNewton newton);
// A few iterations of TAO. *done when the ladder is finished.
PetscErrorCode SnaNewtonStep(SnaNewton newton, PetscBool *done);
PetscErrorCode SnaNewtonGetState(SnaNewton newton, SnaNewtonState *state); // not collective
// Factors C[d][i*rank + r] (allocated by the call; PetscFree each), on every rank. Not collective.
PetscErrorCode SnaNewtonGetFactors(SnaNewton newton, double *C[]);
// Continues from a saved state: the following steps give the same bits as without the interruption.
PetscErrorCode SnaNewtonSetState(SnaNewton newton, const SnaNewtonState *state, const double *const C[]);

#endif
