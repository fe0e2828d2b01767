// Private struct of the VSNA model: u = lift + field minimises || L u - source ||, L a sum of product terms of the deck, the field in a separable format.
//
//   vsna_deck.c     option tables, the solver's keys                   vsna_solve.c     replicas, the sweep loop, history, files
//   vsna_pde.c      the deck's directions and terms                    vsna_functional.c  terms as a quadratic functional of 1-D integrals
//   vsna_level.c    bases of one resolution                            vsna_solve_cp.c  format cp: rank ladder of alternating least squares
//   vsna_setup.c    set-up, ranks' groups                              vsna_solve_tt.c  format tensor_train: from a tolerance
//   vsna_view.c     what is printed before the solve                   vsna_convert.c   the solved field in the other format
//   vsna_inner.c    norms of the field plus products                   vsna_error.c     sampling u, the error against the reference
//   vsna_solve_nonlinear.c  terms of higher degree in u: Gauss-Newton   vsna_auto.c     rank: auto
//   vsna_direct.c   reference by direct solves at sampled parameters   vsna_theory.c    what Galerkin's theory promises
//   vsna_energy.c   the functional of a separable field                vsna_section.c  a field at fixed values of its parameters
#ifndef SNA_VSNA_H
#define SNA_VSNA_H

#include "../model_impl.h"
#include <sna/tt.h>

#define VSNA_MAX_TERMS 256

typedef struct Vsna_ Vsna;

typedef enum { VSNA_LEAST_SQUARES, VSNA_GALERKIN } VsnaForm;

typedef struct {
  SnaBasisSpec spec; // at the deck's resolution; conditions of natural ends (Galerkin) are free here
  SnaEnd       end[2]; // the deck's conditions
  PetscInt     quadrature;
  PetscBool    initial;
  double      *breakpoint; // owned
  SnaExpr      weight;     // of the residual norm, NULL = 1
} VsnaDirection;

typedef struct { // a list of product terms with the deck's names
  PetscInt    n;
  const char *name[VSNA_MAX_TERMS];
  SnaTerm     term[VSNA_MAX_TERMS];
} VsnaTerms;

typedef struct { // bases of one resolution, quadrature, the functional's 1-D integrals (tt.lsq; NULL for nonlinear problems)
  SnaTtLevel    tt;
  SnaTabulation tab[SNA_MAX_DIM];
} VsnaLevel;

#define VSNA_HISTORY_COLUMNS 7
typedef struct { // one row per sweep; what the columns are is the format's
  double column[VSNA_HISTORY_COLUMNS];
} VsnaHistoryRow;

typedef struct { // where a replica (an independent seed) stands; enough to go on
  PetscBool valid;
  union {
    SnaAlsState    cp;
    SnaTtAlsState  tt;
    SnaNewtonState newton;
  } state;
  double           ratio; // tensor_train: tolerance relative to the field over rtol; 0: not known yet
  SnaField         field; // the solver's iterate
  const VsnaLevel *level; // its bases
  PetscInt         nhistory, maxhistory;
  VsnaHistoryRow  *history;
  double           seconds; // of solving, including what came before a restart
} VsnaReplica;

typedef enum { VSNA_CONVERT_NONE, VSNA_CONVERT_CP, VSNA_CONVERT_TT } VsnaConversion;

// A format of the field: how one replica is solved and what is said of it.
typedef struct {
  const char *name; // value of vsna: format, and of the field in files
  const char *what; // first word of the progress lines
  const char *history_column[VSNA_HISTORY_COLUMNS];
  PetscErrorCode (*view)(SnaModel);
  PetscErrorCode (*checksetup)(SnaModel, SnaDeck); // deck errors that need the 1-D integrals
  // A solver for replica k, on v->workers, at the replica's state when it has one.
  PetscErrorCode (*create)(SnaModel, PetscInt k);
  // One sweep: replica's state, row of its history (without the seconds), progress. Ending early is told on stderr and by the status.
  PetscErrorCode (*step)(SnaModel, VsnaReplica *, VsnaHistoryRow *, SnaIteration *, size_t size, char line[],
    PetscBool *done, SnaSolveStatus *);
  PetscErrorCode (*getfield)(SnaModel, VsnaReplica *); // gathers the iterate into the replica
  PetscErrorCode (*destroy)(Vsna *);
  double (*objective)(const VsnaReplica *);
  PetscErrorCode (*results)(SnaModel, const VsnaReplica *, SnaResults, SnaSolveStatus *);
  PetscErrorCode (*write)(Vsna *, const VsnaReplica *, SnaFile); // the state's numbers
  // The state, and the level that the field in the file lives on; *level NULL with a message when it cannot be used.
  PetscErrorCode (*read)(SnaModel, SnaFile, VsnaReplica *, const VsnaLevel **level, char message[SNA_MAX_MESSAGE]);
  // After it: whether field and state fit each other and the deck. NULL: they do.
  PetscErrorCode (*checkread)(SnaModel, const VsnaReplica *, PetscBool *ok, char message[SNA_MAX_MESSAGE]);
} VsnaFormat;
extern const VsnaFormat VsnaFormatCP, VsnaFormatTT, VsnaFormatNonlinear;

struct Vsna_ {
  PetscInt          nd, initial_dim; // -1: no direction of time
  VsnaDirection     dir[SNA_MAX_DIM];
  VsnaForm          form;
  PetscBool         nonlinear; // some term has the unknown more than once: format->what is "newton"
  VsnaTerms         term, source;
  VsnaTerms         lift; // u = lift + field: terms of pde: initial, of pde: rate times the time since the start, of pde: lift
  const char       *lift_key[VSNA_MAX_TERMS]; // "pde_initial_*" and so on
  PetscInt          ninitial;  // the first so many are those of pde: initial
  PetscBool         rank_auto; // grow until the indicator meets rtol; the ladder ends at max_rank
  double            auto_rtol;
  PetscBool         direct;         // error: {method: direct}
  PetscInt          direct_samples, direct_refine;
  double            energy_error;   // a(e,e)^(1/2) against the direct solves, over the whole domain; 0: not known
  PetscBool         error_max;
  PetscInt          nreference; // > 0: the reference is this sum of product terms
  SnaTerm           reference_term[64];
  const char       *unknown, *error_method;
  PetscInt          error_points, max_sweeps, restarts;
  const VsnaFormat *format;
  SnaAlsOptions     als_options;
  SnaTtAlsOptions   tt_options;
  PetscBool         order_given; // tt_options.order is the deck's, not chosen here
  PetscInt          tt_max_sweeps;
  VsnaConversion    convert;
  PetscInt          convert_rank;
  char              unused_keys[512]; // given keys of the other format
  PetscInt          nlevel;
  VsnaLevel       **level;                        // [0]: the deck's own
  char              level_error[SNA_MAX_MESSAGE]; // why a level could not be made
  SnaAls            als;                          // while a replica is being solved
  SnaTtAls          tt_als;
  SnaNewton         newton;
  SnaNewtonOptions  newton_options; // ranks of its stages are set after the deck's rank is known
  PetscInt          ngroup, group;
  MPI_Comm          workers; // of this rank's group; MPI_COMM_NULL when it has no work
  PetscInt          current; // replica being solved or held
  VsnaReplica      *replica; // restarts of them; filled for the group's own
  SnaField          converted;
  double            convert_error, convert_seconds; // relative L2 distance to the solver's field
  SnaField          field;                          // what sample sees: converted, or the current replica's; borrowed
  const VsnaLevel  *field_level;                    // its bases
  double            setup_seconds;                  // 1-D integrals of all levels among them
  struct VsnaAuto_ *automatic; // rank: auto: what vsna_auto.c keeps between rungs
};

// The level with these cells, made when there is none. With a deck, values that are not finite are its errors; without one *level is NULL and
// v->level_error says what is wrong. Not collective: every rank makes the same.
PetscErrorCode VsnaGetLevel(SnaModel model, SnaDeck deck, const PetscInt cells[], const VsnaLevel **level);
PetscErrorCode VsnaLevelsDestroy(Vsna *v);

// Sums of products g = sum_c s_c prod_d g_{c,d}, beside a tensor train f on the level's bases, integrated by the rules `tab`:
// *ff = (f, f), *fg = (f, g), *gg = (g, g). term[c]->factor[d] NULL is 1; the term's own coefficient is not used. tt NULL: f = 0.
PetscErrorCode VsnaInnerProducts(const Vsna *v, const VsnaLevel *level, const SnaTabulation tab[], SnaTt tt, PetscInt n,
  const SnaTerm *const term[], const double s[], double *ff, double *fg, double *gg);
// ||lift + field|| and ||field|| of a train.
PetscErrorCode VsnaSolutionNorms(const Vsna *v, const VsnaLevel *level, SnaTt tt, double *u, double *field);

// The current replica's field in the format of vsna: convert (where that is another one), and what sample sees. Collective on the model's ranks, which
// all hold the field.
PetscErrorCode VsnaConvert(SnaModel model);
// Results ranks_tt and order.
PetscErrorCode VsnaAddTrainResults(SnaModel model, SnaTt tt, SnaResults results);
// Every rank gets the field of one, and its level.
PetscErrorCode VsnaFieldBroadcast(SnaModel model, PetscMPIInt root, SnaField *field, const VsnaLevel **level);
// Whether a CP field that was read has the rank of its state; message says so when not.
PetscErrorCode VsnaCheckRank(SnaField field, PetscInt nd, PetscInt rank, PetscBool *ok, char message[SNA_MAX_MESSAGE]);
// "1,11,36,1" and "y,x,t"; PetscFree them.
PetscErrorCode VsnaJoinInts(PetscInt n, const PetscInt value[], char **text);
PetscErrorCode VsnaJoinNames(const SnaModelInfo *info, PetscInt n, const PetscInt dir[], char **text);

// The terms on these bases and rules. *ok = PETSC_FALSE when a value is not finite: an error of the deck, or without one `message` says what. *lsq is NULL
// then, and in nonlinear problems.
PetscErrorCode VsnaBuildFunctional(SnaModel model, SnaDeck deck, char message[SNA_MAX_MESSAGE], const SnaBasis bases[],
  const SnaTabulation tab[], PetscBool *ok, SnaLsq *lsq);
// The deck's directions (specs without the conditions that follow from the equation), and the equation; user errors go to the deck.
PetscErrorCode VsnaReadDirections(SnaModel model, SnaDeck deck, const SnaSymbols *symbols);
PetscErrorCode VsnaReadEquation(SnaModel model, SnaDeck deck, const SnaSymbols *symbols);

// The m-th derivative of a factor (NULL: the constant 1) on the quadrature points of direction d. Values may be infinite or NaN: the set-up has checked the deck's.
PetscErrorCode VsnaFactorValues(const Vsna *v, const VsnaLevel *level, SnaExpr factor, PetscInt d, PetscInt m, double values[]);
// The functional of the same problem with other quadrature: per_cell[d] points in the cells of direction d. Destroy it.
PetscErrorCode VsnaCreateFunctional(SnaModel model, const VsnaLevel *level, const PetscInt per_cell[], SnaLsq *lsq);

// rank: auto (vsna_auto.c). After a sweep: where it ended a rung, the indicator of the error goes behind `line`, and the ladder ends when it meets rtol, when
// higher ranks do not help, or at its last rank; the last two are told on stderr and by the status. Collective on v->workers.
PetscErrorCode VsnaAutoRung(SnaModel model, SnaAls als, size_t size, char line[], PetscBool *done, SnaSolveStatus *status);
// A run that stands at the end of this rank's rung has met the target.
PetscErrorCode VsnaAutoMet(const Vsna *v, PetscInt rank, PetscBool *met);
PetscErrorCode VsnaAutoResults(SnaModel model, SnaResults results);
// What the next rung needs of the ones before; errors of reading stick to the file.
PetscErrorCode VsnaAutoWrite(const Vsna *v, SnaFile file);
PetscErrorCode VsnaAutoRead(SnaModel model, SnaFile file);
PetscErrorCode VsnaAutoDestroy(Vsna *v);
// A direction in which no term differentiates.
PetscBool VsnaIsParameter(const Vsna *v, PetscInt d);
// The field at fixed values of the parameters, which are the one point of their rules in `at`, on the bases of the other directions in `at`.
typedef struct {
  PetscInt  nspace, space[SNA_MAX_DIM]; // in the order of the coefficients, the last runs fastest; a tensor train needs its own order
  PetscInt  nparameter, parameter[SNA_MAX_DIM];
  VsnaLevel at;
  double   *P[SNA_MAX_DIM]; // n x n of the field's basis, the field's functions on these; NULL: the same basis
} VsnaSection;
// P of one direction by L2 projection, allocated; tab is a rule of `to`. Not collective, as the next.
PetscErrorCode VsnaProlongation(SnaBasis from, SnaBasis to, const SnaTabulation *tab, double **P);
PetscErrorCode VsnaSectionOfField(const Vsna *v, const VsnaSection *section, double x[]);
// error: {method: direct}: solves in the directions with derivatives at sampled points of the others, by PETSc's direct solver, and the error against them. Collective.
// Sets energy_error with form: galerkin.
PetscErrorCode VsnaErrorDirect(SnaModel model, SnaResults results);
// In the set-up, after the deck's level: what makes it impossible is an error of the deck.
PetscErrorCode VsnaDirectCheck(SnaModel model, SnaDeck deck);
// A type of PETSc's (option "-vsna_ksp_type") that its list does not have is a deck error with its line, and *known = PETSC_FALSE. Not collective.
PetscErrorCode VsnaCheckType(SnaDeck deck, const char option[], PetscFunctionList list, PetscBool *known);
// Nonlinear problems: keys vsna_newton_*.
PetscErrorCode VsnaNewtonSetFromOptions(SnaDeck deck, Vsna *v);
// error: {max: true}: largest error on a regular grid with the corners. Collective.
PetscErrorCode VsnaErrorMax(SnaModel model, SnaResults results);
// Quadratic and linear part of the functional at a field on its bases: F = quadratic + 2 linear + c0. Not collective.
PetscErrorCode VsnaEnergy(SnaLsq lsq, SnaField field, double *quadratic, double *linear);
// Format cp: how far F falls when the factors of one direction alone are made best, the largest over the directions; infinite where a local system cannot be
// solved. Collective.
PetscErrorCode VsnaLargestGain(SnaModel model, SnaLsq lsq, double *gain, PetscInt *direction);
// form: galerkin: energy, bounds of Appendix B, where they hold. Collective.
PetscErrorCode VsnaTheory(SnaModel model, SnaResults results);

// Adds the lift and its gradient to u and grad.
PetscErrorCode VsnaAddLift(Vsna *v, PetscInt n, const double *const x[], double u[], double *const grad[]);

PetscErrorCode SnaModelSetFromOptions_VSNA(SnaModel model, SnaDeck deck);
PetscErrorCode SnaModelSetUp_VSNA(SnaModel model, SnaDeck deck);
PetscErrorCode SnaModelView_VSNA(SnaModel model);
PetscErrorCode SnaModelSolve_VSNA(SnaModel model, SnaResults results, SnaSolveStatus *status);
PetscErrorCode SnaModelFinish_VSNA(SnaModel model, SnaResults results);
PetscErrorCode SnaModelUpdate_VSNA(SnaModel model);
PetscErrorCode SnaModelSample_VSNA(
  SnaModel model, PetscInt k, PetscInt n, const double *const x[], double u[], double *const grad[]);
PetscErrorCode SnaModelWrite_VSNA(SnaModel model, SnaFile file);
PetscErrorCode SnaModelRead_VSNA(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE]);

#endif
