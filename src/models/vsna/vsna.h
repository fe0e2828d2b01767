// Private struct of the VSNA model: u = lift + field minimises || L u - source ||, L a sum of product terms of the deck, the field in a separable format.
//
//   vsna_deck.c     the deck's keys: directions, terms, solver         vsna_solve.c     replicas, the sweep loop, history, files
//   vsna_level.c    splines of one resolution and their 1-D integrals  vsna_solve_cp.c  format cp: rank ladder of alternating least squares
//   vsna_setup.c    set-up, ranks' groups                              vsna_solve_tt.c  format tensor_train: from a tolerance
//   vsna_view.c     what is printed before the solve                   vsna_convert.c   the solved field in the other format
//   vsna_inner.c    norms of the field plus products                   vsna_error.c     sampling u, the error against the reference
#ifndef SNA_VSNA_H
#define SNA_VSNA_H

#include "../model_impl.h"
#include <sna/tt.h>

#define VSNA_MAX_TERMS 256

typedef struct Vsna_ Vsna;

typedef struct {
  PetscInt  degree, cells, quadrature;
  double    lo, hi;
  PetscBool drop_first, drop_last, initial;
  SnaExpr   weight; // of the residual norm, NULL = 1
} VsnaDirection;

typedef struct { // a list of product terms with the deck's names
  PetscInt    n;
  const char *name[VSNA_MAX_TERMS];
  SnaTerm     term[VSNA_MAX_TERMS];
} VsnaTerms;

typedef struct { // splines of one resolution: bases, quadrature, the functional's 1-D integrals
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
    SnaAlsState   cp;
    SnaTtAlsState tt;
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
extern const VsnaFormat VsnaFormatCP, VsnaFormatTT;

struct Vsna_ {
  PetscInt          nd, initial_dim; // -1: no direction of time
  VsnaDirection     dir[SNA_MAX_DIM];
  VsnaTerms         term, source, initial;
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
  PetscInt          ngroup, group;
  MPI_Comm          workers; // of this rank's group; MPI_COMM_NULL when it has no work
  PetscInt          current; // replica being solved or held
  VsnaReplica      *replica; // restarts of them; filled for the group's own
  SnaField          converted;
  double            convert_error, convert_seconds; // relative L2 distance to the solver's field
  SnaField          field;                          // what sample sees: converted, or the current replica's; borrowed
  const VsnaLevel  *field_level;                    // its bases
  double            setup_seconds;                  // 1-D integrals of all levels among them
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
// "1,11,36,1" and "y,x,t"; PetscFree them.
PetscErrorCode VsnaJoinInts(PetscInt n, const PetscInt value[], char **text);
PetscErrorCode VsnaJoinNames(const SnaModelInfo *info, PetscInt n, const PetscInt dir[], char **text);

// Adds the lift (initial condition) and its gradient to u and grad.
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
