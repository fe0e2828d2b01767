// sna/learn.h - the separable neural architecture as a function to learn: the class, its parameters, and their fit to data.
//
// Layer: above base, io, sna. BLAS and LAPACK kernels of the fit live here; PETSc's TAO is reached from here.
//
// Inputs t are scaled to [0,1] in every direction (outside they are moved to the nearer end), targets are scaled too: units belong to the caller.
// Arrays of points are "structure of arrays": t[d][i].
#ifndef SNA_LEARN_H
#define SNA_LEARN_H

#include <sna/sna.h>

// ---------------------------------------------------------------------------------------------------------------------
// The interaction object (paper, eq. 4-5): which subsets of the inputs interact, and how many products each has.
//   additive      all subsets of one input                     y = sum_d f_d(x_d)
//   quadratic     all subsets of one or two
//   cp            the one subset of all; with an order below nd, all subsets of up to `order`
// ---------------------------------------------------------------------------------------------------------------------
typedef struct { // plain
  PetscInt  nsubset;
  uint32_t *subset; // bit d: input d belongs to it; by size, then lexicographic
  PetscInt *rank;   // products of that subset
} SnaInteraction;
// All subsets of 1..order of nd inputs; single inputs get one product (one function is all they can hold), larger ones `rank`. only_largest: those of exactly `order`.
// More than 65,536 products: *ok is false.
PetscErrorCode SnaInteractionCreate(
  PetscInt nd, PetscInt order, PetscInt rank, PetscBool only_largest, SnaInteraction *s, PetscBool *ok);
PetscErrorCode SnaInteractionDestroy(SnaInteraction *s);

// ---------------------------------------------------------------------------------------------------------------------
// SnaSeparable: nout functions of nd inputs.
//
//   products        y_o = sum_m A[o][m] sigma( prod_{d in S_m} u_{m,d}(t_d) ),          u(t) = sum_i W_i B_i(t)
//                   additive, quadratic, cp; A: one per product and output if `learned`, otherwise every output has its own products with A = 1
//   tucker          y_o = sum_{j_1..j_nd} G[o][j_1..j_nd] prod_d u_{d,j_d}(t_d),        j_d < rank
//   tensor_train    y_o = G_1(t_1)[o, :] G_2(t_2) ... G_nd(t_nd),                       matrices of functions, inner ranks `rank`
//
// B_i: the B-splines of SnaBasis on [0,1], `degree` and `cells` per direction (cells + degree functions). The activation sigma acts on the atoms and
// is one of identity, tanh, exp, softplus, sigmoid; tucker and tensor_train have the identity alone.
//
// Parameters are one vector theta; blocks of it in which y is linear when the others are held (identity activation) are contiguous:
//   products        [d][mode that contains d, in order of modes][i < m_d], one block per direction, then A[o][m] as a last block if learned
//   tucker          [d][j < rank][i < m_d], then G[o][j_1]...[j_nd] (last fastest)
//   tensor_train    site d: [a < r_{d}][b < r_{d+1}][i < m_d], r_0 = nout, r_nd = 1, r_d = min(rank, what the sides can hold)
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaSeparable_ *SnaSeparable;

typedef enum { SNA_SEPARABLE_PRODUCTS, SNA_SEPARABLE_TUCKER, SNA_SEPARABLE_TENSOR_TRAIN } SnaSeparableKind;
typedef enum { SNA_IDENTITY, SNA_TANH, SNA_EXP, SNA_SOFTPLUS, SNA_SIGMOID } SnaActivation;

typedef struct {
  SnaSeparableKind kind;
  PetscInt         nd, nout;
  PetscInt         rank;        // tucker, tensor_train
  SnaInteraction   interaction; // products; copied
  SnaActivation    activation;
  PetscBool        learned; // modal weights
  PetscInt         degree[SNA_MAX_DIM], cells[SNA_MAX_DIM];
} SnaSeparableOptions;

// Wrong sizes are programmer errors; a core of more than 2^20 numbers or more than 2^24 parameters: *s is NULL and message says so.
PetscErrorCode SnaSeparableCreate(const SnaSeparableOptions *o, SnaSeparable *s, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaSeparableDestroy(SnaSeparable *s);
PetscErrorCode SnaSeparableGetOptions(SnaSeparable s, const SnaSeparableOptions **o); // borrowed
PetscErrorCode SnaSeparableGetParameterCount(SnaSeparable s, PetscInt *n);
PetscErrorCode SnaSeparableGetParameters(SnaSeparable s, double **theta);                  // borrowed, may be written
PetscErrorCode SnaSeparableGetBlocks(SnaSeparable s, PetscInt *n, const PetscInt **start); // n + 1 offsets, borrowed
// The start of a fit: functions 1 + spread * N(0,1) (partition of unity: every product begins near 1), scaled so that y has the given mean square;
// normal numbers of (seed, parameter). spread 0: 0.3, or 0.1 from 15 directions on (khronos.md, 6).
PetscErrorCode SnaSeparableInitialize(SnaSeparable s, uint64_t seed, double spread, double scale);
// y[o][i], and dy[o*nd + d][i] = dy_o/dt_d (dy NULL: not asked; y NULL: not asked). In double precision, in blocks; a point's value does not depend on the others.
// Not collective; one thread per object (it holds work space).
PetscErrorCode SnaSeparableEvaluate(
  SnaSeparable s, PetscInt n, const double *const t[], double *const y[], double *const dy[]);
// The same in single precision for many rows: relative errors of about 1e-6.
PetscErrorCode SnaSeparablePredict(SnaSeparable s, PetscInt n, const double *const t[], double *const y[]);
// Shares of the variance of output o under independent inputs with the given one-dimensional distributions (functional ANOVA; Sobol' indices): for each
// subset with at most `order` inputs share[k] of subset[k], rest what no listed subset holds. Exact for all kinds with identity activation, by 1-D integrals;
// other activations: *ok is false. weight[d][q], point[d][q]: nq-point rules of the input's distribution on [0,1] (sum of weights 1).
PetscErrorCode SnaSeparableGetShares(SnaSeparable s, PetscInt o, PetscInt nq, const double *const point[],
  const double *const weight[], PetscInt order, PetscInt *n, uint32_t **subset, double **share, double *rest,
  PetscBool *ok);
// Group of a file: attributes of the options, data sets theta, degree, cells, subset, rank. What does not fit is a sticky error of the file. Collective.
PetscErrorCode SnaSeparableWrite(SnaSeparable s, SnaFile file, const char group[]);
PetscErrorCode SnaSeparableRead(SnaFile file, const char group[], SnaSeparable *s);

// ---------------------------------------------------------------------------------------------------------------------
// SnaFit: theta from rows, minimising
//   squares   1/(2N) sum_rows sum_o (y_o - target_o)^2 + ridge/2 |theta|^2        softmax   -1/N sum log p_class + ridge
// in phases (khronos.md, 6):
//   adam    mini-batches of 512 rows of the first `rows` ones, single precision, the same on every rank
//   subset  Levenberg-Marquardt on the first `lm_rows` rows, single precision, then double where single precision ends
//   full    Levenberg-Marquardt on all rows
//   als     alternating least squares over the blocks (identity activation, squares)
//   lbfgs   PETSc's TAOLMVM
// Rows are dealt in blocks as by SnaRowsDeal (block b of SNA_FIT_BLOCK rows on rank b % size). Sums over rows are exact in fixed point, so every phase gives
// the same bits on any number of ranks. Early stopping: the parameters of the smallest validation loss are kept. All functions are collective.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaFit_ *SnaFit;

#define SNA_FIT_BLOCK 256
typedef struct { // this rank's rows, borrowed during the life of the fit
  PetscInt             n;
  PetscInt64           total;
  const double *const *t; // nd
  const double *const *y; // squares: nout scaled targets; softmax: one, the number of the class
} SnaSamples;

typedef enum { SNA_FIT_AUTO, SNA_FIT_HYBRID, SNA_FIT_ADAM, SNA_FIT_LM, SNA_FIT_ALS, SNA_FIT_LBFGS } SnaFitMethod;
typedef enum { SNA_FIT_SQUARES, SNA_FIT_SOFTMAX } SnaFitLoss;
typedef enum {
  SNA_PHASE_ADAM,
  SNA_PHASE_SUBSET,
  SNA_PHASE_FULL,
  SNA_PHASE_ALS,
  SNA_PHASE_LBFGS,
  SNA_PHASE_DONE
} SnaFitPhase;

typedef struct {
  SnaFitMethod
    method; // auto: hybrid (adam, subset, full) up to 1,000 parameters, else adam and als (lbfgs where als cannot be)
  SnaFitLoss loss;
  uint64_t   seed;
  PetscInt   restarts;      // starts from other seeds; the best is kept (by validation loss where there is one)
  double     spread, ridge; // of SnaSeparableInitialize; of the loss
  PetscInt   adam_rows, adam_visits, batch;      // rows used, rows visited in all, rows per step; 0: chosen
  double     rate;                               // first learning rate; 0: chosen
  PetscInt   lm_rows, lm_max_it, full_max_it;    // 0: chosen
  double     rtol;                               // a phase ends when the loss falls by less than this fraction
  PetscInt   als_sweeps, lbfgs_max_it, patience; // patience: steps without a better validation loss until the end
  double     target;                             // stops when 1 - R^2 (train) <= target; 0: never
} SnaFitOptions;

typedef struct {
  SnaFitPhase phase;
  PetscInt    restart, step, total_steps; // of the phase; of all
  double      loss, validation;           // NAN where not known
  double      r2;                         // of the training rows of the phase, mean over outputs (softmax: accuracy)
  double      damping;                    // Levenberg-Marquardt's lambda
  double      seconds, phase_seconds[SNA_PHASE_DONE];
  double      work; // share of the expected work done
} SnaFitState;

PetscErrorCode SnaFitSetDefaults(SnaFitOptions *o);
// theta of s is the work space and, at the end, the result. validation may be NULL.
PetscErrorCode SnaFitCreate(MPI_Comm comm, SnaSeparable s, const SnaFitOptions *o, const SnaSamples *train,
  const SnaSamples *validation, SnaFit *fit);
PetscErrorCode SnaFitDestroy(SnaFit *fit);
// An eighth of Adam, one Levenberg-Marquardt iteration, one sweep of ALS, 20 iterations of L-BFGS.
PetscErrorCode SnaFitStep(SnaFit fit, PetscBool *done);
PetscErrorCode SnaFitGetState(SnaFit fit, SnaFitState *state);
// The whole state as a group of a restart file; continuing gives the same bits as not having stopped (lbfgs: begins its history anew).
PetscErrorCode SnaFitWrite(SnaFit fit, SnaFile file, const char group[]);
PetscErrorCode SnaFitRead(SnaFit fit, SnaFile file, const char group[]);

#endif
