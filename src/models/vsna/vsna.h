// Private struct of the VSNA model: u = lift + field minimises || L u - source ||, L a sum of product terms of the deck.
//
//   vsna_deck.c   the deck's keys: directions, terms, solver           vsna_solve.c  replicas, the sweep loop, history, restart state
//   vsna_setup.c  bases, 1-D integrals, ranks' groups, what is printed  vsna_error.c  sampling u, the error against the reference
#ifndef SNA_VSNA_H
#define SNA_VSNA_H

#include "../model_impl.h"
#include <sna/solve.h>

#define VSNA_MAX_TERMS 256

typedef struct {
  PetscInt      degree, cells, quadrature;
  double        lo, hi;
  PetscBool     drop_first, drop_last, initial;
  SnaExpr       weight; // of the residual norm, NULL = 1
  SnaBasis      basis;
  SnaTabulation tab;
} VsnaDirection;

typedef struct { // a list of product terms with the deck's names
  PetscInt    n;
  const char *name[VSNA_MAX_TERMS];
  SnaTerm     term[VSNA_MAX_TERMS];
} VsnaTerms;

typedef struct { // one row per sweep
  double sweep, rank, phase, residual, drop, step, seconds;
} VsnaHistoryRow;
#define VSNA_HISTORY_COLUMNS 7

typedef struct { // where a replica (an independent seed) stands; enough to go on
  PetscBool       valid;
  SnaAlsState     state;
  double         *C[SNA_MAX_DIM];
  PetscInt        nhistory, maxhistory;
  VsnaHistoryRow *history;
  double          seconds; // of solving, including what came before a restart
} VsnaReplica;

typedef struct {
  PetscInt      nd, initial_dim; // -1: no direction of time
  VsnaDirection dir[SNA_MAX_DIM];
  VsnaTerms     term, source, initial;
  SnaExpr       reference;
  PetscInt      nreference; // > 0: the reference is this sum of product terms
  SnaTerm       reference_term[64];
  const char   *unknown, *error_method;
  PetscInt      error_points, max_sweeps, restarts;
  SnaAlsOptions als_options;
  SnaLsq        lsq;
  SnaAls        als; // while a replica is being solved
  PetscInt      ngroup, group;
  MPI_Comm      workers; // of this rank's group; MPI_COMM_NULL when it has no work
  PetscInt      current; // replica being solved or held
  VsnaReplica  *replica; // restarts of them; filled for the group's own
  SnaField      field;   // what sample sees
  double        setup_seconds;
} Vsna;

// Adds the lift (initial condition) and its gradient to u and grad.
PetscErrorCode VsnaAddLift(Vsna *v, PetscInt n, const double *const x[], double u[], double *const grad[]);

PetscErrorCode SnaModelSetFromOptions_VSNA(SnaModel model, SnaDeck deck);
PetscErrorCode SnaModelSetUp_VSNA(SnaModel model, SnaDeck deck);
PetscErrorCode SnaModelView_VSNA(SnaModel model);
PetscErrorCode SnaModelSolve_VSNA(SnaModel model, SnaResults results, SnaSolveStatus *status);
PetscErrorCode SnaModelFinish_VSNA(SnaModel model, SnaResults results);
PetscErrorCode SnaModelUpdate_VSNA(SnaModel model);
PetscErrorCode SnaModelSample_VSNA(
  SnaModel model, PetscInt field, PetscInt n, const double *const x[], double out[], double *const grad[]);
PetscErrorCode SnaModelWrite_VSNA(SnaModel model, SnaFile file);
PetscErrorCode SnaModelRead_VSNA(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE]);

#endif
