// sna/tt.h - tensor trains: arithmetic in L2, the operator along the train, alternating least squares from a tolerance.
//
// Layer: above solve. The train itself (struct SnaTt_) and its evaluation are in sna/sna.h. Everything that is not said to be collective works on the
// caller's copy alone and gives the same bits on every rank.
//
// A train is "orthonormal with centre c" when every leaf has L2-orthonormal columns (leaf^T M leaf = I, M the mass matrix of the direction), the cores
// left of c have orthonormal rows-and-mode unfoldings, sum_{a,j} core[a,b,j] core[a,b',j] = delta_bb', and those right of c the mirror image. The norm of the
// function is then the Frobenius norm of core c, and singular values at a cut are those of the function.
#ifndef SNA_TT_H
#define SNA_TT_H

#include <sna/solve.h>

// ---------------------------------------------------------------------------------------------------------------------
// SnaTtSpace: the bases of all directions with their mass matrices.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaTtSpace_ *SnaTtSpace;
struct SnaTtSpace_ {
  PetscInt     nd;
  SnaBasis     basis[SNA_MAX_DIM]; // borrowed
  SnaBasisInfo info[SNA_MAX_DIM];
  double      *mass[SNA_MAX_DIM]; // band storage, n*(2p+1)
};
PetscErrorCode SnaTtSpaceCreate(PetscInt nd, const SnaBasis bases[], SnaTtSpace *space);
PetscErrorCode SnaTtSpaceDestroy(SnaTtSpace *space);

// ---------------------------------------------------------------------------------------------------------------------
// Arithmetic. All functions keep the function that a train represents to round-off unless they say otherwise.
// ---------------------------------------------------------------------------------------------------------------------
// Random train: orthonormal leaves, mode ranks min(m, n_k), ranks min(r, what the modes allow), orthonormal with centre 0, norm 1. The same for the same seed everywhere.
PetscErrorCode SnaTtCreateRandom(
  SnaTtSpace space, const PetscInt dir[], PetscInt m, PetscInt r, uint64_t seed, SnaTt *tt);
// Identity leaves become real ones; leaves orthonormal, centre at site c. Ranks and mode ranks that exceed what their neighbours allow shrink.
PetscErrorCode SnaTtOrthonormalise(SnaTtSpace space, SnaTt tt, PetscInt c);
// Moves the centre of an orthonormal train from site c to c+1 (right) or c-1, by one QR of the core.
PetscErrorCode SnaTtMoveCentre(SnaTt tt, PetscInt c, PetscBool right);
// (a, b) and ||a - b|| in L2; the trains share directions' order and space, not ranks. The distance loses what is below 1e-8 of the norms.
PetscErrorCode SnaTtInner(SnaTtSpace space, SnaTt a, SnaTt b, double *inner);
PetscErrorCode SnaTtDistance(SnaTtSpace space, SnaTt a, SnaTt b, double *distance);
// Truncates ranks and mode ranks so that the function changes by at most `tol` (absolute, L2); leaves become identities where that needs fewer numbers. *error = bound of the
// change, root of the sum of the discarded squares. The result is not orthonormal where leaves were merged; SnaTtOrthonormalise restores it.
PetscErrorCode SnaTtRound(SnaTtSpace space, SnaTt tt, double tol, double *error);
// The most accurate rounding (of those with one tolerance for all cuts) that has at most `parameters` numbers. *fits = PETSC_FALSE when rank 1 has more.
PetscErrorCode SnaTtRoundToBudget(SnaTtSpace space, SnaTt tt, PetscInt parameters, double *error, PetscBool *fits);
// Mode ranks alone (Tucker truncation of an orthonormal train with centre c; HOSVD): each direction changes the function by at most tol/sqrt(nd). Centre afterwards: c.
PetscErrorCode SnaTtTruncateModes(SnaTtSpace space, SnaTt tt, PetscInt c, double tol);
// L2 projection of every leaf on the other space's bases (same directions and domains, other resolutions): exact for nested spaces. Orthonormal with the given
// centre where tt was.
PetscErrorCode SnaTtProlong(SnaTtSpace from, SnaTtSpace to, SnaTt tt, PetscInt c, SnaTt *prolonged);
// How well the bases resolve an orthonormal train: error[d] = L2 distance to the nearest function whose splines in direction d have half the cells (modal bases:
// three quarters of the functions), halved[d] that resolution (0 and error 0 for a resolution below 4, and where so few are refused), quarter[d] the same with a
// quarter of the cells (half the functions; negative: not known).
PetscErrorCode SnaTtSplineError(
  SnaTtSpace space, SnaTt tt, PetscInt c, PetscInt halved[], double error[], double quarter[]);

// CP as a train of the given order (exact; ranks and mode ranks up to R, orthonormal with centre 0; round it).
PetscErrorCode SnaTtFromCP(SnaTtSpace space, const PetscInt dir[], PetscInt rank, const double *const C[], SnaTt *tt);
// CP of rank R near the train: a ladder of ranks, alternating least squares on the new columns of each rung, damped Gauss-Newton on all (doc/theory.md); a local
// minimum. The last rung ends after `sweeps` Gauss-Newton steps, or when a step lowers the distance by less than rtol of itself. C[d]: n_d*rank numbers, allocated. *error = relative
// L2 distance reached (below 1e-8 it is noise).
typedef struct {
  PetscInt rank, sweeps; // Gauss-Newton steps at the last rung
  double   rtol;
  uint64_t seed;
} SnaTtToCPOptions;
// Collective over comm of 1 or 2 ranks, same bits on both.
PetscErrorCode SnaTtToCP(
  MPI_Comm comm, SnaTtSpace space, SnaTt tt, const SnaTtToCPOptions *options, double *C[], double *error);

// ---------------------------------------------------------------------------------------------------------------------
// SnaTtOperator: the operator L of a least-squares functional, and A = L^T L and b = L^T g, as trains of tables of 1-D integrals: "state machines" along the order. Galerkin: L is the
// bilinear form a(u, v) = v^T A u (operators are matrices), b = -l. A state
// at a cut stands for a product of 1-D operators left of it; a transition at a site reads one 1-D table.
//
//   cut k        cut k+1           A = sum over paths of  prod_k value_k * M^{dir[k]}_{table_k}
//    from --M_table--> to          (one state at cut 0 and one at cut nd)
//
// States of L: a minimal vertex cover of the graph (left products) - (right products) of the terms at each cut. States of A are pairs of states of L; pairs whose tables to the
// left (or to the right) are linear combinations of others' are merged, e.g. (I,dd) with (dd,I) where both matrices are equal. doc/theory.md draws the 6-D one.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscInt from, to, table;
  double   value;
} SnaTtTransition;
typedef struct { // a state machine along the train
  PetscInt         nstate[SNA_MAX_DIM + 1];
  PetscInt         ntrans[SNA_MAX_DIM];
  SnaTtTransition *trans[SNA_MAX_DIM]; // sorted by (to, from, table)
} SnaTtMachine;
typedef struct SnaTtOperator_ *SnaTtOperator;
struct SnaTtOperator_ {
  PetscInt     nd, dir[SNA_MAX_DIM];
  SnaTtMachine L; // table: operator a of direction dir[k]
  SnaTtMachine A; // table: index of the ordered pair (a,b), matrix lsq->dir[d].M[table]
  SnaTtMachine b; // table: vector lsq->dir[d].f + table*n, a*nrhs + q;  b = (L v, g), so the linear part of F is + 2 b
};
PetscErrorCode SnaTtOperatorCreate(SnaLsq lsq, const PetscInt dir[], SnaTtOperator *op);
PetscErrorCode SnaTtOperatorDestroy(SnaTtOperator *op);
// Lines of text that draw the machine of L: states of every cut and the transitions between them. PetscFree it.
PetscErrorCode SnaTtOperatorDraw(SnaTtOperator op, const char *const names[], char **text);

// Orders of the directions. By the operator alone: fewest couplings of directions divided by the cuts, in sum; a term couples the directions it touches, in an evolution problem
// together with time, and time couples with every parameter (doc/theory.md). Ties keep the deck's order. nd <= 12 is exhaustive (dynamic programming over subsets), beyond it is greedy.
PetscErrorCode SnaTtOrderFromOperator(SnaLsq lsq, PetscInt dir[]);
// By a solution: the order of least estimated work (ranks of all cuts of `tt` at the absolute tolerance tol, together with the operator's states), found by dynamic programming over
// subsets. work[0]: of the present order, work[1]: of dir. *known = PETSC_FALSE (and dir = tt's) when the expanded core exceeds 2^20 numbers.
PetscErrorCode SnaTtOrderFromSolution(
  SnaTtSpace space, SnaLsq lsq, SnaTt tt, double tol, PetscInt dir[], double work[2], PetscBool *known);

// ---------------------------------------------------------------------------------------------------------------------
// SnaTtAls: minimises F over tensor trains from a target tolerance (doc/theory.md).
//
//   trial    coarse splines: two-site sweeps with growing ranks in the order of the operator's states; then the order of least work
//   growth   intermediate splines: two-site sweeps, tolerance down to rtol/2, ranks capped by what the decay of the singular values predicts
//   polish   the deck's splines: one-site sweeps (cores by PCG, leaves by the block-band Cholesky) until the change of a sweep says so
//   rounding ranks and mode ranks to the tolerance, or to a budget of parameters
//
// One step is one half sweep. PETSc face: KSPCG (prefix_ksp_*) on a MATSHELL in the eigenbasis of the three partial traces, where the fast-diagonalisation preconditioner
// is the diagonal. On two ranks each forms half the rows of every product; 1 and 2 ranks give the same bits.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct { // splines of one resolution; owned by who makes them
  PetscInt cells[SNA_MAX_DIM];
  SnaBasis bases[SNA_MAX_DIM];
  SnaLsq   lsq;
} SnaTtLevel;
// Makes, or finds again, the level with these cells. Same degrees, domains and boundary conditions as the deck's.
typedef PetscErrorCode (*SnaTtLevelFunction)(void *ctx, const PetscInt cells[], const SnaTtLevel **level);

typedef struct {
  double      rtol;               // target relative L2 error of the field
  PetscInt    parameters;         // > 0: round the result to this many numbers instead of to rtol
  PetscInt    order[SNA_MAX_DIM]; // directions along the train
  PetscInt    max_rank;           // > 0: no cut above this
  double      memory;             // bytes per rank that ranks may grow into
  uint64_t    seed;
  const char *prefix; // of PETSc options, "vsna_"
} SnaTtAlsOptions;

typedef enum { SNA_TT_TRIAL, SNA_TT_GROWTH, SNA_TT_POLISH, SNA_TT_DONE } SnaTtStage;

// Where the iteration stands; with the train and the order it is the restart state. Only doubles and PetscInts.
typedef struct {
  PetscInt stage, sweep, total;                      // half sweeps within the stage, since the start
  PetscInt centre;                                   // site of the orthogonality centre, 0 or nd-1 between steps
  PetscInt cells[SNA_MAX_DIM];                       // of the level the train lives on
  PetscInt rank[SNA_MAX_DIM + 1], mode[SNA_MAX_DIM]; // of the train
  double   tolerance;                                // truncation tolerance of this half sweep, relative
  double   objective, residual;                      // F and sqrt(F/F(0)) after it; Galerkin: root of the energy it gained, relative to the whole
  double   change, contraction,
    contraction_before; // relative L2 change of the last half sweep, its ratio to the one before, and that of the one before
  double    decay[SNA_MAX_DIM + 1][2]; // rank of each cut at the two last trusted tolerances,
  double    trusted[2];                // and these
  double    saturation; // largest norm that a cap made growth leave out, in units of the tolerance of a cut
  PetscInt  wanted[SNA_MAX_DIM + 1]; // ranks that the tolerance alone would have given
  PetscInt  slow, regrown;           // polish: slow half sweeps in a row, growth half sweeps in between
  double    norm;                    // L2 norm of the field
  double    error_ranks;             // part of the estimate: what lies beyond the ranks of the train
  double    cut_off;                 // relative L2 norm that max_rank or the memory left out
  double    error_algebraic, error_rounding, error_spline; // parts of the estimate, relative to norm
  double    estimate;                                      // of the relative L2 error; 0 before the end
  PetscInt  cells_needed[SNA_MAX_DIM];                     // for rtol, by the spline part
  PetscInt  capped_modes;                 // bits: directions whose mode rank was limited by a coarse level
  PetscBool rank_limited, memory_limited; // growth was stopped by max_rank / memory
  PetscBool tight;  // the ranks have little margin over what rounding keeps: the estimate may be too small
  PetscInt  failed; // 0; 1 + d: a local system of direction d could not be solved
  double    work;   // share of the expected work done, in [0,1]
} SnaTtAlsState;

typedef struct SnaTtAls_ *SnaTtAls;
// comm: 1 or 2 ranks. cells: the deck's, nd of them. The level function is called collectively on comm. Collective, as all below unless said otherwise.
PetscErrorCode SnaTtAlsCreate(MPI_Comm comm, PetscInt nd, const PetscInt cells[], SnaTtLevelFunction level, void *ctx,
  const SnaTtAlsOptions *options, SnaTtAls *als);
PetscErrorCode SnaTtAlsDestroy(SnaTtAls *als);
PetscErrorCode SnaTtAlsStep(SnaTtAls als, PetscBool *done);
PetscErrorCode SnaTtAlsGetState(SnaTtAls als, SnaTtAlsState *state); // not collective
// The current train and the level it lives on; borrowed until the next step. Not collective.
PetscErrorCode SnaTtAlsGetTt(SnaTtAls als, SnaTt *tt, const SnaTtLevel **level);
// Continues from a saved state and train: the following steps give the same bits as without the interruption.
PetscErrorCode SnaTtAlsSetState(SnaTtAls als, const SnaTtAlsState *state, SnaTt tt);
// Bytes of this rank for a two-site problem with the given rank at its cuts: vectors, environments. Not collective.
PetscErrorCode SnaTtAlsGetMemory(SnaLsq lsq, const PetscInt dir[], PetscInt rank, double *bytes);

#endif
